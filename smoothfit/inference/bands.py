"""Yields with uncertainties: at given values (pre-fit), or at a fit (post-fit)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._checks import check_flag
from .._types import FloatArray
from ..fitters import choose
from ..results import FitResult, Pulls, Yields
from . import compiled, inputs, labelling, shifts
from .breakdown import check_converged
from .context import Context, check_made_with
from .fitting import held_values

__all__ = ["pulls", "yields"]


def pulls(context: Context, best_fit: FitResult, obs: Any = None, *, minos: bool = False) -> Pulls:
    """Pulls of the constrained parameters, with their post-fit errors over pre-fit ones.

    A pull is (fitted - pre-fit)/(pre-fit uncertainty): of the constraint alone, with the default global
    observables; of a constraint with two widths that of the side on which the fit ended; of
    correlated nuisances the marginal one, as if the others were not there. Free parameters have none.

    Parameters
    ----------
    minos
        Whether to add asymmetric errors: where the profiled NLL is 1/2 above its minimum, of all nuisances as
        one batch. A side that is not found is NaN, with its status.
    """
    check_made_with(context, best_fit, obs, "pulls")
    check_flag("pulls: minos", minos)
    layout = context.layout
    positions = np.flatnonzero(np.isfinite(layout.widths) & ~best_fit.fixed[: layout.n_params])
    if not minos:
        return labelling.pulls(best_fit, positions)
    check_converged(best_fit, "pulls")
    found = shifts.at_bounds(context, best_fit, positions, lambda x: x[:, :0], 0)
    return labelling.pulls(best_fit, positions, found.where, found.status)


def yields(context: Context, at: Any, obs: Any = None, *, title: str | None = None) -> Yields:
    """Yields of all processes, with the uncertainty of the total by linear propagation.

    Parameters
    ----------
    at
        A FitResult: post-fit, with the covariance of the fit. Values or a dict: pre-fit, with the
        uncertainties of the constraints; free parameters are taken as exact.
    obs
        Data to show; those of the fit by default.
    """
    layout, prepared = context.layout, context.prepared
    if isinstance(at, FitResult):
        check_made_with(context, at, obs, "yields")
        data = inputs.data(layout, at.obs, at.globs)
        held, _ = inputs.fixed(layout, prepared, held_values(at))
        best = choose(None)[1](prepared, data, held, jnp.asarray(at.x[: layout.n_params]))
        found = compiled.band(prepared, data, held, best)
        vector, heading = at.x, "Post-fit yields"
        shown: FloatArray | None = at.obs
    else:
        vector = inputs.values(layout, at)
        constant = np.asarray(prepared.plan.constant) > 0
        widths = np.where(np.isfinite(layout.widths) & ~constant, layout.widths, 0.0)
        found = compiled.prefit_band(prepared, jnp.asarray(vector), jnp.asarray(widths))
        shown = None if obs is None else inputs.counts(layout, obs)
        heading = "Pre-fit yields"
    return labelling.yields(
        layout,
        np.asarray(compiled.row_yields(prepared, jnp.asarray(vector))),
        np.asarray(found.value),
        np.asarray(found.error),
        title=heading if title is None else title,
        obs=shown,
        blinded=context.blinded,
    )

"""Impacts: how far quantities of interest move when a nuisance is moved and everything else refitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._checks import check_choice
from .._types import FloatArray, IntArray
from ..errors import InvalidValueError
from ..results import FitResult, Impacts
from . import shifts
from .breakdown import breakdown, check_converged
from .context import Context, blinded_at, check_made_with
from .labelling import pull_columns
from .propagation import Propagation, propagation_of
from .quantities import quantities_of
from .sources import constrained_params, members_of

__all__ = ["impacts"]


def impacts(
    context: Context,
    pois: Any,
    best_fit: FitResult,
    obs: Any = None,
    *,
    kind: str = "traditional",
    bounds: str = "minos",
    nuisances: Any = None,
    groups: Mapping[str, Any] | None = None,
) -> Impacts:
    """Shifts of quantities of interest with each nuisance moved up and down, everything else refitted.

    Parameters
    ----------
    pois
        Parameters (Variables, names, regular expressions) or :class:`~smoothfit.Derived` quantities; one,
        or a list.
    kind
        "traditional": the nuisance is held at its post-fit bounds. "prefit": it is held one pre-fit
        uncertainty above and below its best fit. "global": its global observable is moved by
        one pre-fit uncertainty, and the nuisance fitted with the rest.
    bounds
        For "traditional": "minos" holds a nuisance where the profiled NLL is 1/2 above its minimum, and
        parameters of a single bin (Monte Carlo statistics, HistFactory's staterror and shapesys) at best
        fit +- error, as there are many, and nearly Gaussian; "hesse" holds all at best fit +- error.
    nuisances
        Which: Variables, names, ``group`` names, regular expressions or "mc_stat"; all constrained parameters
        and bin parameters that were not held in the fit by default. "traditional" takes free ones, too.
    groups
        {label: entries}: adds to the record what groups of sources contribute, as ``breakdown`` has it.

    Returns
    -------
    Impacts
        ``.up`` and ``.down`` (nuisance, poi), in units of the quantity; a side that failed is NaN, with its
        status.

    Raises
    ------
    UnknownNameError, InvalidValueError, InvalidTypeError
        For names that the model does not have, nuisances that were held or have nothing to move, or a fit
        that did not converge.

    Notes
    -----
    "traditional" is CMS Combine's (``-M Impacts``, with "minos") and cabinetry's post-fit impact (with
    "hesse"); "prefit" is cabinetry's and TRExFitter's pre-fit impact, which keeps the central value where the
    fit has it. "global" follows A. Pinto et al., Eur. Phys. J. C 84 (2024) 593. One of a set of correlated
    nuisances is moved alone: "traditional" and "prefit" hold it and let the others follow through constraint
    and data; "global" moves its own global observable by its marginal uncertainty and leaves theirs.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> mu, lumi = Variable("mu", 1.0), Variable("lumi", 0.0, nuisance=True)
    >>> sig = Process("sig", [400.0]).scale_by(mu).add_lnN(lumi, 1.05)
    >>> model = Model().add_proc(sig).prepare()
    >>> model.impacts(mu, model.fit([400.0]))
    mu = 1.000 ± 0.070: nuisance at its post-fit bounds
    nuisance  pull                up  down
    --------------------------------------
    lumi      0.0 +1.0 -1.0  -0.0476  0.05
    """
    check_made_with(context, best_fit, obs, "impacts")
    check_choice("impacts: kind", kind, ("traditional", "prefit", "global"))
    check_choice("impacts: bounds", bounds, ("minos", "hesse"))
    check_converged(best_fit, "impacts")
    wanted = quantities_of(context, pois, best_fit, "impacts")
    positions = _positions(context, best_fit, kind, nuisances)
    propagation = propagation_of(context, best_fit, "impacts")
    count = len(wanted.names)
    best = wanted.values(context, best_fit.x)

    def reduce(x: FloatArray) -> FloatArray:
        return wanted.values(context, x)

    if kind == "global":
        found = shifts.at_globs(context, best_fit, propagation, positions, reduce, count)
    elif kind == "prefit":
        distances = _prefit_widths(context, positions)
        found = shifts.at_values(context, best_fit, propagation, positions, distances, reduce, count)
    else:
        found = _at_post_fit_bounds(context, best_fit, propagation, positions, bounds, reduce, count)
    gradients = wanted.gradients(context, best_fit.x)
    variance = np.einsum("qk,qk->q", gradients, propagation.directions(gradients))
    layout, all_names = context.layout, context.layout.names
    labels = {i: v.label for v in layout.variables if v.is_scalar for i in v.indices}
    at_own_bounds = found.where if kind == "traditional" else None
    shown = np.where(blinded_at(context, best_fit, positions), np.nan, 1.0)
    pull, above, below = (shown * column for column in pull_columns(best_fit, positions, at_own_bounds))
    return Impacts(
        kind=kind,
        bounds={"traditional": bounds, "prefit": "prefit", "global": "glob"}[kind],
        pois=wanted.names,
        labels=wanted.labels,
        values=best,
        errors=np.sqrt(variance),
        names=tuple(all_names[i] for i in positions),
        nuisance_labels=tuple(labels.get(int(i)) for i in positions),
        bound_up=shown * found.where[0],
        bound_down=shown * found.where[1],
        up=found.values[0] - best,
        down=found.values[1] - best,
        status_up=found.status[0],
        status_down=found.status[1],
        pull=pull,
        error_up=above,
        error_down=below,
        hidden=wanted.hidden,
        groups=None if groups is None else breakdown(context, pois, best_fit, None, groups),
    )


def _positions(context: Context, best_fit: FitResult, kind: str, nuisances: Any) -> IntArray:
    """Which parameters are moved, in the model's order."""
    layout = context.layout
    n = layout.n_params
    possible = np.concatenate([constrained_params(layout), np.ones(layout.n_bin_params, dtype=bool)])
    if kind == "global":
        possible[:n] = False
        possible[layout.constrained] = True
    if kind == "prefit":
        possible[:n] &= np.isfinite(layout.widths)
    if nuisances is None:
        return np.flatnonzero(possible & ~best_fit.fixed)
    found, special = members_of(context, nuisances, "impacts: nuisances")
    if special:
        raise InvalidValueError(
            f"impacts: nuisances: '{min(special)}' is no parameter; name parameters, or ask breakdown()."
        )
    all_names = layout.names
    for i in found:
        name = all_names[i]
        if best_fit.fixed[i]:
            raise InvalidValueError(f"impacts: '{name}' was held constant in best_fit; fit with it free.")
        if kind != "traditional" and not possible[i]:
            lacks = "global observable" if kind == "global" else "pre-fit uncertainty"
            raise InvalidValueError(f"impacts: '{name}' has no {lacks}; take it with kind='traditional'.")
    return found


def _prefit_widths(context: Context, positions: IntArray) -> FloatArray:
    """(2, nuisance): pre-fit uncertainties upwards and downwards."""
    layout = context.layout
    up = np.concatenate([layout.prefit.above, layout.bin_widths])
    down = np.concatenate([layout.prefit.below, layout.bin_widths])
    return np.stack([up, down])[:, positions]


def _at_post_fit_bounds(
    context: Context,
    best_fit: FitResult,
    propagation: Propagation,
    positions: IntArray,
    bounds: str,
    reduce: shifts.Reduce,
    count: int,
) -> shifts.Shifted:
    by_ray = shifts.shared_by_bins(context)[positions] & (bounds == "minos")
    explicit = positions[~by_ray]
    distances = np.tile(best_fit.errors[explicit], (2, 1))
    held = shifts.at_values(context, best_fit, propagation, explicit, distances, reduce, count)
    crossed = shifts.at_bounds(context, best_fit, positions[by_ray], reduce, count)
    return shifts.merged(by_ray, crossed, held)

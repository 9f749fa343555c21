"""Yields with uncertainties: at given values (pre-fit), or at a fit (post-fit)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import check_choice, check_flag
from .._pytree import resolve
from .._types import BoolArray, FloatArray
from ..errors import InvalidValueError
from ..results import FitResult, Pulls, Yields
from . import compiled, draws, inputs, labelling, shifts, toys
from .breakdown import check_converged
from .context import Context, blinded_at, check_made_with
from .prediction import Groups
from .propagation import data_of_fit, held_of_fit
from .sampling import root_of
from .sources import correlated_sets

__all__ = ["groups_of", "pulls", "yields"]


def pulls(context: Context, best_fit: FitResult, obs: Any = None, *, minos: bool = False) -> Pulls:
    """Pulls of the constrained parameters, with their post-fit errors over pre-fit ones.

    A pull is (fitted - pre-fit)/(pre-fit uncertainty): of the constraint alone, with the default global
    observables; of a constraint with two widths that of the side on which the fit ended; of
    correlated nuisances the marginal one, as if the others were not there. Free parameters have none, and
    blinded ones are left out.

    Parameters
    ----------
    minos
        Whether to add asymmetric errors: where the profiled NLL is 1/2 above its minimum, of all nuisances as
        one batch. A side that is not found is NaN, with its status. Nuisances of a single bin (HistFactory's
        staterror and shapesys) keep their errors from the covariance, with the status "hesse".
    """
    check_made_with(context, best_fit, obs, "pulls")
    check_flag("pulls: minos", minos)
    layout = context.layout
    positions = np.flatnonzero(np.isfinite(layout.widths) & ~best_fit.fixed[: layout.n_params])
    positions = positions[~blinded_at(context, best_fit, positions)]
    if not minos:
        return labelling.pulls(best_fit, positions)
    check_converged(best_fit, "pulls")
    by_ray = shifts.shared_by_bins(context)[positions]
    found = shifts.at_bounds(context, best_fit, positions[by_ray], lambda x: x[:, :0], 0)
    of_bins = positions[~by_ray]
    distances = np.array([[1.0], [-1.0]]) * best_fit.errors[of_bins]
    words = ("hesse",) * len(of_bins)
    held = shifts.Shifted(best_fit.x[of_bins] + distances, np.zeros((2, len(of_bins), 0)), (words, words))
    merged = shifts.merged(by_ray, found, held)
    return labelling.pulls(best_fit, positions, merged.where, merged.status)


def yields(
    context: Context,
    at: Any,
    obs: Any = None,
    *,
    title: str | None = None,
    uncertainty: str = "linear",
    samples: float = 1e4,
    seed: int | None = None,
) -> Yields:
    """Yields of all processes and in total, with uncertainties in bins and of the sums over channels.

    Parameters
    ----------
    at
        A FitResult: post-fit, with the covariance of the fit. Values or a dict: pre-fit, with the
        uncertainties of the constraints; free parameters are taken as exact. After a fit, what a blinded
        parameter moves stays hidden, and the totals of its channels.
    obs
        Data to show; those of the fit by default.
    uncertainty
        "linear": by linear propagation of the covariance, bin parameters included. "sampling": from samples
        of the fit's Gaussian approximation (as ``sample_from_covariance``), or of the constraints (as
        ``sample_prior``, moved along where ``at`` differs from the start values); errors are half the
        distance of the quantiles 0.1587 and 0.8413, which are kept as intervals.
    samples, seed
        How many samples, and their seed; None draws fresh entropy, recorded in ``.seed``.

    Raises
    ------
    InvalidValueError
        If a fit has no covariance to sample from, or for more samples than fit in 4 GiB.
    """
    check_choice("yields: uncertainty", uncertainty, ("linear", "sampling"))
    layout, prepared = context.layout, context.prepared
    if isinstance(at, FitResult):
        check_made_with(context, at, obs, "yields")
        vector, heading = at.x, "Post-fit yields"
        shown: FloatArray | None = at.obs
    else:
        vector, heading = inputs.values(layout, at), "Pre-fit yields"
        shown = None if obs is None else inputs.counts(layout, obs)
    groups = groups_of(context)
    errors = (
        _by_sampling(context, at, vector, groups, samples, seed)
        if uncertainty == "sampling"
        else _by_propagation(context, at, vector, groups)
    )
    return labelling.yields(
        layout,
        np.asarray(compiled.process_bins(prepared, groups, vector)),
        errors,
        title=heading if title is None else title,
        obs=shown,
        blinded=context.blinded,
        hidden=_hidden(context, at, groups) if isinstance(at, FitResult) else None,
    )


def _hidden(context: Context, fit: FitResult, groups: Groups) -> BoolArray | None:
    """(process, channel): what a fitted parameter that is blinded moves; None if there is none."""
    layout = context.layout
    fitted = np.flatnonzero(~fit.fixed[: layout.n_params])
    positions = fitted[blinded_at(context, fit, fitted)]
    if not len(positions):
        return None

    def bins(x: FloatArray) -> FloatArray:
        return np.asarray(compiled.process_bins(context.prepared, groups, x))[:-1]

    there = bins(fit.x)
    moved = np.zeros(there.shape, dtype=bool)
    for i in positions:
        step = fit.errors[i] if np.isfinite(fit.errors[i]) and fit.errors[i] > 0.0 else 1.0
        # To both sides: a function may be flat to one of them.
        for shift in (step, -step):
            x = fit.x.copy()
            x[i] += shift
            moved |= bins(x) != there
    return np.stack([moved[:, channel.bins].any(axis=1) for channel in layout.channels], axis=1)


def groups_of(context: Context) -> Groups:
    """Of every process and channel of the model."""
    layout = context.layout
    order = {process.name: i for i, process in enumerate(layout.processes)}
    process = np.zeros(context.prepared.templates.nominal.shape[0], dtype=np.int32)
    for row in layout.rows:
        process[list(row.row_tiles)] = order[row.process]
    channel = np.concatenate(
        [np.full(c.stop - c.start, i, dtype=np.int32) for i, c in enumerate(layout.channels)]
    )
    return Groups(process=process, channel=channel, n_processes=len(order), n_channels=len(layout.channels))


def _by_propagation(context: Context, at: Any, vector: FloatArray, groups: Groups) -> labelling.Errors:
    layout, prepared = context.layout, context.prepared
    if isinstance(at, FitResult):
        dense = np.asarray(resolve(prepared.plan).dense)
        root = root_of(at.hess_inv[np.ix_(dense, dense)])
        data, held = data_of_fit(context, at), held_of_fit(context, at)
        found = compiled.band(prepared, groups, data, held, vector, root)
    else:
        constant = np.asarray(prepared.plan.constant) > 0
        widths = np.where(np.isfinite(layout.widths) & ~constant, layout.widths, 0.0)
        covariance = np.diag(widths**2)
        for together in correlated_sets(prepared):
            at_set, width = together.positions, widths[together.positions]
            covariance[np.ix_(at_set, at_set)] = together.correlation * width[:, None] * width
        found = compiled.prefit_band(prepared, groups, vector, root_of(covariance))
    # Differences of rounding errors where there is no uncertainty at all.
    bins, channels = (np.sqrt(np.maximum(np.asarray(x), 0.0)) for x in found)
    return labelling.Errors(bins, channels)


_CENTRAL = (0.15865525393145707, 0.8413447460685429)
_PIECE = 1024
_MOST_NUMBERS = 2**29


def _by_sampling(
    context: Context, at: Any, vector: FloatArray, groups: Groups, samples: float, seed: int | None
) -> labelling.Errors:
    layout = context.layout
    number = toys.count(samples, "yields")
    size = number * (groups.n_processes + 1) * layout.n_bins
    if size > _MOST_NUMBERS:
        raise InvalidValueError(
            f"yields: {number} samples of {groups.n_processes + 1} x {layout.n_bins} yields take "
            f"{8 * size / 2**30:.0f} GiB; take fewer, or uncertainty='linear'."
        )
    if isinstance(at, FitResult):
        drawn = draws.sample_from_covariance(context, at, number, seed=seed)
    else:
        drawn = _sample_prior(context, vector, number, seed)
    bins = np.empty((number, groups.n_processes + 1, layout.n_bins))
    channels = np.empty((number, groups.n_processes + 1, groups.n_channels))
    for first in range(0, number, _PIECE):
        piece = slice(first, min(first + _PIECE, number))
        # Pieces of one size: one compilation.
        batch = np.resize(np.asarray(drawn)[piece], (min(_PIECE, number), drawn.shape[1]))
        found = compiled.batch_processes(context.prepared, groups, batch)
        count = piece.stop - piece.start
        bins[piece], channels[piece] = (np.asarray(x)[:count] for x in found)
    intervals = np.quantile(bins, _CENTRAL, axis=0)
    low, high = np.quantile(channels, _CENTRAL, axis=0)
    return labelling.Errors(0.5 * (intervals[1] - intervals[0]), 0.5 * (high - low), intervals, drawn.seed)


def _sample_prior(context: Context, vector: FloatArray, n: int, seed: int | None) -> toys.Draws:
    """(toy, param + bin param): constrained parameters drawn, moved to where ``vector`` has them."""
    layout = context.layout
    drawn = draws.sample_prior(context, n, seed=seed)
    assert drawn.seed is not None
    params = np.asarray(drawn) + (vector[: layout.n_params] - layout.start)
    rng, entropy = toys.generator(drawn.seed, 4)
    tau = layout.bin_tau
    noise = rng.standard_normal((n, layout.n_bin_params))
    counting = layout.bin_counting
    noise[:, counting] = rng.gamma(tau[counting] + 1.0, 1.0, (n, int(counting.sum()))) / tau[counting] - 1.0
    return toys.remember(np.concatenate([params, vector[layout.n_params :] + noise], axis=1), entropy)

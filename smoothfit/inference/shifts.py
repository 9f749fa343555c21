"""Refits with something shifted to either side: a parameter, a global observable, or a bin's data.

All of a kind are one batch, in pieces that bound the memory, each member started from the fit's linear
response. Only the quantities that are asked about are kept of the fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from .._pytree import resolve
from .._types import BoolArray, FloatArray, IntArray
from ..errors import InvalidValueError
from ..layout import Layout
from ..prepared import Prepared
from ..results import FitResult
from ..status import Status
from . import batching
from .constraint_draws import asimov_globs
from .context import Context
from .minos import CrossingStatus
from .propagation import Propagation
from .sources import correlated_sets

__all__ = [
    "Reduce",
    "Shifted",
    "at_bounds",
    "at_counts",
    "at_globs",
    "at_values",
    "glob_numbers",
    "glob_shifts",
    "merged",
    "shared_by_bins",
]

_NUMBERS = 2**24
"""Numbers of a batch's result kept at a time: 128 MiB."""

Reduce = Callable[[FloatArray], FloatArray]
"""(member, param + bin param) -> (member, quantity)"""


@dataclass(frozen=True)
class Shifted:
    """What came of shifts up and down; a leading axis of two, up first."""

    where: FloatArray
    """(2, shift): what was shifted, to where."""
    values: FloatArray
    """(2, shift, quantity): the quantities there, NaN where the fit failed."""
    status: tuple[tuple[str, ...], tuple[str, ...]]
    """2 x (shift,): "converged", "at limit", or what went wrong."""


def merged(which: BoolArray, first: Shifted, second: Shifted) -> Shifted:
    """The shifts of ``first`` where ``which`` (shift,) is true, those of ``second`` elsewhere, in order."""
    where = np.empty((2, len(which)))
    values = np.empty((2, len(which), first.values.shape[2]))
    where[:, which], where[:, ~which] = first.where, second.where
    values[:, which], values[:, ~which] = first.values, second.values
    status: list[tuple[str, ...]] = []
    for side in (0, 1):
        words = np.empty(len(which), dtype=object)
        words[which], words[~which] = first.status[side], second.status[side]
        status.append(tuple(words.tolist()))
    return Shifted(where, values, (status[0], status[1]))


def _limits(layout: Layout) -> tuple[FloatArray, FloatArray]:
    """(param + bin param,) lower and upper limits."""
    lower = np.concatenate([layout.lower, np.where(layout.bin_counting, 0.0, -np.inf)])
    return lower, np.concatenate([layout.upper, np.full(layout.n_bin_params, np.inf)])


def _pieces(count: int, width: int) -> Iterator[slice]:
    size = max(1, _NUMBERS // max(width, 1))
    for first in range(0, count, size):
        yield slice(first, min(first + size, count))


def _words(name: str) -> str:
    return name.lower().replace("_", " ")


def _collect(
    where: FloatArray,
    at_limit: BoolArray,
    n_quantities: int,
    width: int,
    fit: Callable[[int, slice], batching.Members],
    reduce: Reduce,
) -> Shifted:
    """Run ``fit(side, piece)`` over all pieces of both sides."""
    values = np.full((*where.shape, n_quantities), np.nan)
    status: list[list[str]] = [[], []]
    for side in (0, 1):
        for piece in _pieces(where.shape[1], width):
            found = fit(side, piece)
            fine = found.success
            values[side, piece][fine] = reduce(found.x[fine])
            for one, limited in zip(found.status, at_limit[side, piece], strict=True):
                word = _words(Status(int(one)).name)
                status[side].append("at limit" if limited and one == Status.CONVERGED else word)
    return Shifted(where, values, (tuple(status[0]), tuple(status[1])))


def shared_by_bins(context: Context) -> BoolArray:
    """(param + bin param,): the parameters that act on more than one bin."""
    shared = np.zeros(context.layout.n_params + context.layout.n_bin_params, dtype=bool)
    shared[np.asarray(resolve(context.prepared.plan.dense))] = True
    return shared


def at_bounds(
    context: Context, best_fit: FitResult, positions: IntArray, reduce: Reduce, n_quantities: int
) -> Shifted:
    """Parameters at their Minos bounds, where the profiled NLL is 1/2 above its minimum."""
    width = len(best_fit.x)
    where = np.full((2, len(positions)), np.nan)
    values = np.full((2, len(positions), n_quantities), np.nan)
    status: list[list[str]] = [[], []]
    for piece in _pieces(len(positions), 2 * width):
        at = positions[piece]
        directions = np.zeros((2, len(at), width))
        directions[0, np.arange(len(at)), at] = 1.0
        directions[1, np.arange(len(at)), at] = -1.0
        found = batching.cross(context, best_fit, directions.reshape(-1, width), 0.5, what="impacts")
        x = found.x.reshape(2, len(at), width)
        fine = found.success.reshape(2, len(at))
        for side in (0, 1):
            # Views, so that what is assigned stays.
            values[side, piece][fine[side]] = reduce(x[side][fine[side]])
            where[side, piece] = np.where(fine[side], x[side][np.arange(len(at)), at], np.nan)
            kinds = found.status.reshape(2, len(at))[side]
            status[side] += [_words(CrossingStatus(int(kind)).name) for kind in kinds]
    return Shifted(where, values, (tuple(status[0]), tuple(status[1])))


def at_values(
    context: Context,
    best_fit: FitResult,
    propagation: Propagation,
    positions: IntArray,
    distances: FloatArray,
    reduce: Reduce,
    n_quantities: int,
) -> Shifted:
    """Parameters held ``distances`` (2, parameter) above and below the best fit, at most at their limits."""
    layout = context.layout
    n, x = layout.n_params, best_fit.x
    lower, upper = _limits(layout)
    wanted = x[positions] + np.array([[1.0], [-1.0]]) * distances
    where = np.clip(wanted, lower[positions], upper[positions])
    held = batching.held_of(context, best_fit)

    def fit(side: int, piece: slice) -> batching.Members:
        at, goal = positions[piece], where[side, piece]
        rows = np.arange(len(at))
        mask, values = np.tile(held.mask, (len(at), 1)), np.tile(held.values, (len(at), 1))
        mask[rows, at], values[rows, at] = True, goal
        start = np.tile(x[:n], (len(at), 1))
        variance = best_fit.errors[at] ** 2
        distance = (goal - x[at]) / np.where(variance > 0.0, variance, np.inf)
        start[:, propagation.dense] += propagation.columns(at) * distance[:, None]
        return batching.refit(
            context,
            counts=best_fit.obs,
            globs=best_fit.globs,
            fixed=batching.Held(mask, values),
            start=np.clip(start, layout.lower, layout.upper),
            what="impacts",
        )

    return _collect(where, where != wanted, n_quantities, len(x), fit, reduce)


def glob_numbers(layout: Layout, positions: IntArray) -> IntArray:
    """(parameter,): which global observables belong to positions in (parameters, bin parameters).

    Raises
    ------
    InvalidValueError
        If one has none.
    """
    number = np.full(layout.n_params + layout.n_bin_params, -1)
    n_globs = len(layout.constrained)
    number[layout.constrained] = np.arange(n_globs)
    number[layout.n_params :] = n_globs + np.arange(layout.n_bin_params)
    found = number[positions]
    if np.any(found < 0):
        name = layout.names[positions[np.argmax(found < 0)]]
        raise InvalidValueError(
            f"'{name}' has no global observable to shift: it is free, or has a constraint without one; "
            'take it with kind="traditional".'
        )
    return found


def glob_shifts(prepared: Prepared, layout: Layout, globs: FloatArray) -> FloatArray:
    """(2, global observable): each moved up and down by the pre-fit uncertainty of its parameter."""
    centre = np.where(np.isfinite(layout.prefit.centre), layout.prefit.centre, layout.start)
    counts = np.zeros(layout.n_params, dtype=bool)
    counts[layout.constrained] = np.isfinite(layout.smallest_globs)

    def of_params(sign: float, widths: FloatArray) -> FloatArray:
        moved = centre + sign * np.where(np.isfinite(widths), widths, 0.0)
        return asimov_globs(prepared, layout, np.where(counts, np.maximum(moved, 0.0), moved))

    here = asimov_globs(prepared, layout, centre)
    unit = np.where(layout.bin_counting, layout.bin_tau, 1.0) * layout.bin_widths
    smallest = np.concatenate([layout.smallest_globs, np.where(layout.bin_counting, 0.0, -np.inf)])
    up = globs + np.concatenate([of_params(1.0, layout.prefit.above) - here, unit])
    down = globs + np.concatenate([of_params(-1.0, layout.prefit.below) - here, -unit])
    return np.maximum(np.stack([up, down]), smallest)


def at_globs(
    context: Context,
    best_fit: FitResult,
    propagation: Propagation,
    positions: IntArray,
    reduce: Reduce,
    n_quantities: int,
) -> Shifted:
    """The global observables of parameters moved by pre-fit uncertainties, one at a time."""
    layout = context.layout
    numbers = glob_numbers(layout, positions)
    where = glob_shifts(context.prepared, layout, best_fit.globs)[:, numbers]

    def fit(side: int, piece: slice) -> batching.Members:
        count = len(numbers[piece])
        globs = np.tile(best_fit.globs, (count, 1))
        globs[np.arange(count), numbers[piece]] = where[side, piece]
        start = np.tile(best_fit.x[: layout.n_params], (count, 1))
        response = _glob_response(context, propagation, positions[piece])
        start[:, propagation.dense] += response if side == 0 else -response
        return _free_fit(context, best_fit, best_fit.obs, globs, start)

    return _collect(where, np.zeros(where.shape, dtype=bool), n_quantities, len(best_fit.x), fit, reduce)


def _glob_response(context: Context, propagation: Propagation, positions: IntArray) -> FloatArray:
    """(shift, dense): how a fit follows a global observable moved up, of a Gaussian constraint.

    dx = -H^-1 dg, with dg = -(inverse covariance of the constraint) x (the shift).
    """
    layout = context.layout
    widths = np.concatenate([layout.widths, layout.bin_widths])
    usable = np.isfinite(widths) & (widths > 0.0)
    found = propagation.columns(positions)
    found /= np.where(usable, widths, np.inf)[positions][:, None]
    for together in correlated_sets(context.prepared):
        at = together.positions
        precision = np.linalg.inv(together.correlation * widths[at][:, None] * widths[at])
        columns = propagation.columns(at)
        for k, position in enumerate(at):
            found[positions == position] = (precision[:, k] * widths[position]) @ columns
    return found


def at_counts(
    context: Context, best_fit: FitResult, sigma: FloatArray, reduce: Reduce, n_quantities: int
) -> Shifted:
    """Each bin's data moved up and down by ``sigma`` (bin,), one at a time; counts stay above 0."""
    layout = context.layout
    obs = best_fit.obs
    where = np.stack([obs + sigma, obs - sigma])
    if not layout.gaussian_data:
        where = np.maximum(where, 0.0)

    def fit(side: int, piece: slice) -> batching.Members:
        bins = np.arange(layout.n_bins)[piece]
        counts = np.tile(obs, (len(bins), 1))
        counts[np.arange(len(bins)), bins] = where[side, piece]
        start = np.tile(best_fit.x[: layout.n_params], (len(bins), 1))
        return _free_fit(context, best_fit, counts, best_fit.globs, start)

    return _collect(where, np.zeros(where.shape, dtype=bool), n_quantities, len(best_fit.x), fit, reduce)


def _free_fit(
    context: Context, best_fit: FitResult, counts: FloatArray, globs: FloatArray, start: FloatArray
) -> batching.Members:
    held = batching.held_of(context, best_fit)
    inside = np.clip(start, context.layout.lower, context.layout.upper)
    return batching.refit(context, counts=counts, globs=globs, fixed=held, start=inside, what="impacts")

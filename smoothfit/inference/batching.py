"""Batches: many fits of one model, and many rays along which the profiled NLL rises by a level.

Scans, contours, impacts, toys and Minos bounds are all one of these two. Nothing is raised for a
member that fails: its status says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from .._compilation import fetched
from .._types import BoolArray, FloatArray, IntArray
from ..fitters import Solution
from ..fitters.batch import batch_follow, batch_solve, single_solve
from ..fitters.native import Course
from ..layout import Layout
from ..likelihood.derived import derived_of
from ..prepared import Data, Fixed, Prepared
from ..progress import track
from ..results import FitResult
from ..status import Status
from . import compiled
from .context import Context
from .minos import CrossingStatus

T = TypeVar("T")

__all__ = [
    "Crossings",
    "Held",
    "Members",
    "cross",
    "data_of_member",
    "fixed_of_member",
    "held_of",
    "hold",
    "refit",
]


@dataclass(frozen=True)
class Held:
    """What is held constant, over (param + bin param,), or a row a member."""

    mask: BoolArray
    values: FloatArray


@dataclass(frozen=True)
class Members:
    """The end points of a batch of fits, one row a member."""

    x: FloatArray
    """(member, param + bin param)"""
    nll: FloatArray
    status: IntArray
    edm: FloatArray
    steps: IntArray
    smallest_nu: FloatArray
    """(member,): the smallest expectation of any bin."""
    at_limit: BoolArray
    """(member, param)"""
    errors: FloatArray | None = None
    """(member, param + bin param), if asked for."""

    @property
    def success(self) -> BoolArray:
        """(member,)"""
        return np.asarray(self.status == Status.CONVERGED)

    @property
    def at_minimum(self) -> BoolArray:
        """(member,): whether the NLL is its smallest; on a kink it is, without errors of the parameters."""
        return np.isin(self.status, (Status.CONVERGED, Status.ON_KINK))


@dataclass(frozen=True)
class Crossings:
    """Where the profiled NLL has risen by a level, one row a ray."""

    r: FloatArray
    """(member,): x = best + r * direction; NaN where it was not found."""
    x: FloatArray
    """(member, param + bin param): the profiled fit there."""
    status: IntArray
    """(member,): a :class:`~.minos.CrossingStatus`."""
    edm: FloatArray
    steps: IntArray
    fits: tuple[Solution | None, ...] = ()
    """(member,): the fits there with errors, where they were asked for and come with the search."""

    @property
    def success(self) -> BoolArray:
        """(member,): whether there is a point, be it at a limit."""
        return np.isin(self.status, (CrossingStatus.CONVERGED, CrossingStatus.AT_LIMIT))


class _Crossing(NamedTuple):
    """One row of :class:`Crossings`."""

    r: float
    x: FloatArray
    status: CrossingStatus
    edm: float
    steps: int
    fit: Solution | None = None


def held_of(context: Context, best_fit: FitResult) -> Held:
    """What a best fit held constant."""
    return Held(best_fit.fixed, best_fit.x)


def hold(held: Held, positions: Any, values: Any) -> Held:
    """``held`` with more parameters held: positions (k,), values (k,) or (member, k)."""
    at, given = np.asarray(positions, dtype=int), np.asarray(values, dtype=float)
    shape = (*given.shape[:-1], held.mask.shape[-1])
    mask, vector = np.broadcast_to(held.mask, shape).copy(), np.broadcast_to(held.values, shape).copy()
    mask[..., at] = True
    vector[..., at] = given
    return Held(mask, vector)


def _rows(array: Any, members: int) -> Any:
    """(member, ...) of an array that may be shared."""
    return array if array.ndim == 2 else np.broadcast_to(array, (members, *array.shape))


def _fixed(held: Held, members: int, n: int) -> Fixed:
    mask, values = _rows(held.mask, members).astype(float), _rows(held.values, members)
    return Fixed(mask=mask[:, :n], values=values[:, :n], bin_mask=mask[:, n:], bin_values=values[:, n:])


def _data(context: Context, counts: FloatArray, globs: FloatArray, members: int) -> Data:
    n = len(context.layout.constrained)
    every = _rows(globs, members)
    return Data(counts=_rows(counts, members), globs=every[:, :n], bin_globs=every[:, n:])


def data_of_member(context: Context, counts: FloatArray, globs: FloatArray) -> Data:
    """One member's data: counts (bin,), global observables (parameters', then bins')."""
    return _first(_data(context, counts, globs, 1))


def fixed_of_member(held: Held, i: int, n: int) -> Fixed:
    """What member i of a batch holds; ``n`` is the number of parameters."""
    of_one = held if held.mask.ndim == 1 else Held(held.mask[i], held.values[i])
    return _first(_fixed(of_one, 1, n))


def refit(
    context: Context,
    *,
    counts: FloatArray,
    globs: FloatArray,
    fixed: Held,
    start: FloatArray,
    errors: bool = False,
    models: Sequence[Prepared] | None = None,
    what: str = "fits",
) -> Members:
    """Fit every member; what has no member axis is shared.

    Parameters
    ----------
    counts, globs
        (bin,) or (member, bin); (global observable,) or (member, global observable), the bins' last.
    fixed
        What is held, (param + bin param,) or (member, param + bin param).
    start
        (param,) or (member, param).
    errors
        Whether to give errors, too.
    models
        Models with templates of their own, one a member.
    what
        A name for the display of progress.
    """
    n = context.layout.n_params
    batched = [len(a) for a in (counts, globs, fixed.mask, fixed.values, start) if a.ndim == 2]
    members = max(batched, default=1 if models is None else len(models))
    with track(members, what) as advance:
        found = batch_solve(
            context.prepared,
            _data(context, counts, globs, members),
            _fixed(fixed, members, n),
            _rows(start, members)[:, :n],
            errors=errors,
            models=models,
            advance=advance,
        )
    sigma = None
    if errors:
        with np.errstate(invalid="ignore"):
            sigma = np.concatenate([np.sqrt(found.covariance), found.bin_errors], axis=1)
    return Members(
        x=np.concatenate([found.values, found.bin_values], axis=1),
        nll=np.asarray(found.nll),
        status=np.asarray(found.status),
        edm=np.asarray(found.edm),
        steps=np.asarray(found.steps),
        smallest_nu=np.asarray(found.smallest_nu),
        at_limit=np.asarray(found.at_limit) > 0,
        errors=sigma,
    )


def cross(
    context: Context,
    best_fit: FitResult,
    directions: FloatArray,
    level: float,
    *,
    errors: bool = False,
    what: str = "minos",
) -> Crossings:
    """Where, along rays from the best fit, the NLL minimised over everything else has risen by a level.

    Parameters
    ----------
    directions
        (member, param + bin param): the parameters with an entry move together, x = best + r * direction.
    level
        Rise of the NLL.
    errors
        Whether the fits there are wanted, with errors; of few rays.
    """
    directions = np.asarray(directions, dtype=float)
    members = len(directions)
    if not members:
        empty = np.zeros(0)
        return Crossings(empty, np.zeros((0, len(best_fit.x))), empty.astype(int), empty, empty.astype(int))
    dense = np.zeros(len(best_fit.x), dtype=bool)
    dense[np.asarray(context.prepared.plan.dense.values, dtype=int)] = True
    plain = ~np.any((directions != 0.0) & ~dense, axis=1)
    rows: list[_Crossing | None] = [None] * members
    with track(members, what) as advance:
        if plain.any():
            _follow_all(context, best_fit, directions, level, np.flatnonzero(plain), rows, errors, advance)
        for i in range(members):
            # Along parameters of single bins, and where Newton's way failed: a bracketed search of fits.
            if rows[i] is None:
                rows[i] = _search(context, best_fit, directions[i], level)
                advance(0 if plain[i] else 1)
    r, x, status, edm, steps, fits = zip(*(row for row in rows if row is not None), strict=True)
    return Crossings(np.array(r), np.array(x), np.array(status), np.array(edm), np.array(steps), fits)


def _room(layout: Layout, best_fit: FitResult, direction: FloatArray) -> float:
    """How far a ray can go within the limits."""
    lower, upper = layout.bounds
    at = np.flatnonzero(direction)
    towards = np.where(direction[at] > 0, upper[at] - best_fit.x[at], lower[at] - best_fit.x[at])
    return float(np.min(towards / direction[at]))


def _on_limit(layout: Layout, x: FloatArray, direction: FloatArray) -> FloatArray:
    """The end of a ray at a limit: exactly there, not beside it by a rounding error."""
    lower, upper = layout.bounds
    limit = np.where(direction > 0, upper, lower)
    bounded = (direction != 0.0) & np.isfinite(limit)
    gap = np.abs(x - np.where(bounded, limit, x))
    near = bounded & (gap <= 1e-12 * np.maximum(np.abs(x), np.abs(direction)))
    return np.where(near, limit, x)


def _first_guess(best_fit: FitResult, direction: FloatArray, level: float) -> tuple[float, FloatArray]:
    """(r, start) where a parabola would cross: from the covariance, along the linear response."""
    n = len(best_fit.hess_inv)
    at = np.flatnonzero(direction[:n])
    among = best_fit.hess_inv[np.ix_(at, at)]
    with np.errstate(invalid="ignore", divide="ignore"):
        try:
            weight = np.linalg.solve(among, direction[at])
        except np.linalg.LinAlgError:
            weight = np.full(len(at), np.nan)
        curvature = float(direction[at] @ weight)
    if not (np.isfinite(curvature) and curvature > 0.0):
        scale = float(np.max(np.abs(direction[at])))
        return 0.1 / scale, best_fit.x[:n]
    r = float(np.sqrt(2.0 * level / curvature))
    line = best_fit.hess_inv[:, at] @ weight
    return r, best_fit.x[:n] + r * np.where(np.isfinite(line), line, 0.0)


def _follow_all(
    context: Context,
    best_fit: FitResult,
    directions: FloatArray,
    level: float,
    which: IntArray,
    rows: list[_Crossing | None],
    errors: bool,
    advance: Callable[[int], None],
) -> None:
    """Newton's way along rays of dense parameters; rows of what failed are left empty."""
    layout, n, members = context.layout, context.layout.n_params, len(which)
    held = _fixed(held_of(context, best_fit), members, n)
    data = _data(context, best_fit.obs, best_fit.globs, members)
    best = _at_minimum(context, best_fit)
    origin, lowest = np.asarray(best.values), float(best.value)
    room = np.array([_room(layout, best_fit, directions[i]) for i in which])
    guesses = [_first_guess(best_fit, directions[i], level) for i in which]
    first = np.minimum(np.array([r for r, _ in guesses]), room)
    shortened = first / np.array([r for r, _ in guesses])
    start = origin + shortened[:, None] * (np.array([start for _, start in guesses]) - best_fit.x[:n])
    courses = Course(
        origin=_rows(origin, members),
        direction=directions[which][:, :n],  # type: ignore[arg-type]
        room=room,  # type: ignore[arg-type]
        lowest=np.full(members, lowest),  # type: ignore[arg-type]
        level=np.full(members, level),  # type: ignore[arg-type]
        start=start,
        first=first,
    )
    found = batch_follow(context.prepared, data, held, courses, errors=errors, advance=advance)
    fits = found.fit
    for row, i in enumerate(which):
        fallen = found.rise[row] < -1e-6
        arrived = bool(found.converged[row])
        if not (fallen or arrived):
            continue
        status = CrossingStatus.CONVERGED
        if found.r[row] >= room[row] and found.rise[row] < level - 1e-8:
            status = CrossingStatus.AT_LIMIT
        x = np.concatenate([fits.values[row], fits.bin_values[row]])
        if status == CrossingStatus.AT_LIMIT:
            x = _on_limit(layout, x, directions[i])
        if fallen:
            status = CrossingStatus.LOWER_MINIMUM
        rows[i] = _Crossing(
            r=np.nan if fallen else float(found.r[row]),
            x=x,
            status=status,
            edm=float(fits.edm[row]),
            steps=int(fits.steps[row]),
            fit=_member(fits, row) if errors and status == CrossingStatus.CONVERGED else None,
        )


def _at_minimum(context: Context, best_fit: FitResult) -> Solution:
    """The best fit as the native fitter sees it, found once and kept with it: rays start there."""
    known = getattr(best_fit, "_at_minimum", None)
    if known is not None and known[0] is context.prepared:
        return known[1]  # type: ignore[no-any-return]
    n = context.layout.n_params
    data = _first(_data(context, best_fit.obs, best_fit.globs, 1))
    held = _first(_fixed(held_of(context, best_fit), 1, n))
    start = np.array(best_fit.x[:n], dtype=float)
    found = fetched(single_solve(derived_of(context.prepared), data, held, start, False))
    object.__setattr__(best_fit, "_at_minimum", (context.prepared, found))
    return found  # type: ignore[no-any-return]


def _first(tree: T) -> T:
    return _member(tree, 0)


def _member(tree: T, i: int) -> T:
    return jax.tree.map(lambda leaf: np.asarray(leaf[i]), tree)


def _search(context: Context, best_fit: FitResult, direction: FloatArray, level: float) -> _Crossing:
    """One ray by a bracketed search of profile fits."""
    n = context.layout.n_params
    data = data_of_member(context, best_fit.obs, best_fit.globs)
    held = fixed_of_member(held_of(context, best_fit), 0, n)
    best = _at_minimum(context, best_fit)
    room, at = _room(context.layout, best_fit, direction), np.flatnonzero(direction)
    with np.errstate(invalid="ignore", divide="ignore"):
        first = np.sqrt(2.0 * level) / np.sqrt(np.sum((direction[at] / best_fit.errors[at]) ** 2))
    first = float(first) if np.isfinite(first) and first > 0.0 else 0.1 / float(np.max(np.abs(direction)))
    found = fetched(
        compiled.crossing(
            context.prepared, data, held, best, direction, np.array(room), np.array(level), np.array(first)
        )
    )
    status, r = int(found.status), float(found.r)
    if not np.isfinite(r):
        return _Crossing(np.nan, best_fit.x, CrossingStatus(status), np.nan, 0)
    along = hold(held_of(context, best_fit), at, best_fit.x[at] + r * direction[at])
    there = refit(
        context, counts=best_fit.obs, globs=best_fit.globs, fixed=along, start=np.asarray(found.start)
    )
    if not there.success[0]:
        status, r = int(CrossingStatus.NOT_FOUND), np.nan
    x = there.x[0] if status != CrossingStatus.AT_LIMIT else _on_limit(context.layout, there.x[0], direction)
    return _Crossing(r, x, CrossingStatus(status), float(there.edm[0]), int(there.steps[0]))

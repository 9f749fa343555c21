"""Batches: many fits of one model, and many rays along which the profiled NLL rises by a level.

Scans, contours, impacts, toys and Minos bounds are all one of these two. Nothing is raised for a
member that fails: its status says so.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import jax
import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..fitters import compiled_solve
from ..prepared import Data, Fixed
from ..results import FitResult
from ..status import Status
from .context import Context
from .minos import CrossingStatus

__all__ = ["Crossings", "Held", "Members", "cross", "held_of", "hold", "refit"]


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

    @property
    def success(self) -> BoolArray:
        """(member,): whether there is a point, be it at a limit."""
        return np.isin(self.status, (CrossingStatus.CONVERGED, CrossingStatus.AT_LIMIT))


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


def _row(array: Any, i: int) -> Any:
    return array[i] if array.ndim == 2 else array


def _fixed(mask: BoolArray, values: FloatArray, n: int) -> Fixed:
    return Fixed(
        mask=mask[:n].astype(float),
        values=values[:n],
        bin_mask=mask[n:].astype(float),
        bin_values=values[n:],
    )


def refit(
    context: Context,
    *,
    counts: FloatArray,
    globs: FloatArray,
    fixed: Held,
    start: FloatArray,
    errors: bool = False,
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
    what
        A name for the display of progress.
    """
    layout = context.layout
    n, n_globs = layout.n_params, len(layout.constrained)
    batched = [a for a in (counts, globs, fixed.mask, fixed.values, start) if a.ndim == 2]
    members = len(batched[0]) if batched else 1
    rows: list[dict[str, Any]] = []
    for i in range(members):
        observed = _row(globs, i)
        data = Data(counts=_row(counts, i), globs=observed[:n_globs], bin_globs=observed[n_globs:])
        held = _fixed(_row(fixed.mask, i), _row(fixed.values, i), n)
        found = jax.device_get(compiled_solve(context.prepared, data, held, _row(start, i)[:n]))  # type: ignore[arg-type]
        with np.errstate(invalid="ignore"):
            sigma = np.sqrt(np.diagonal(found.covariance))
        rows.append(
            {
                "x": np.concatenate([found.values, found.bin_values]),
                "nll": found.nll,
                "status": found.status,
                "edm": found.edm,
                "steps": found.steps,
                "smallest_nu": found.smallest_nu,
                "at_limit": np.asarray(found.at_limit) > 0,
                "errors": np.concatenate([sigma, found.bin_errors]),
            }
        )
    names = [f.name for f in fields(Members) if errors or f.name != "errors"]
    return Members(**{name: np.array([row[name] for row in rows]) for name in names})


_MAX_POINTS = 60


def cross(
    context: Context, best_fit: FitResult, directions: FloatArray, level: float, *, what: str = "minos"
) -> Crossings:
    """Where, along rays from the best fit, the NLL minimised over everything else has risen by a level.

    Parameters
    ----------
    directions
        (member, param + bin param): the parameters with an entry move together, x = best + r * direction.
    level
        Rise of the NLL.
    """
    rows = [_cross_one(context, best_fit, direction, level, what) for direction in directions]
    return Crossings(**{f.name: np.array([getattr(row, f.name) for row in rows]) for f in fields(Crossings)})


def _cross_one(
    context: Context, best_fit: FitResult, direction: FloatArray, level: float, what: str
) -> Crossings:
    layout = context.layout
    at = np.flatnonzero(direction)
    lower = np.concatenate([layout.lower, np.where(layout.bin_counting, 0.0, -np.inf)])
    upper = np.concatenate([layout.upper, np.full(layout.n_bin_params, np.inf)])
    with np.errstate(invalid="ignore", divide="ignore"):
        room = np.where(direction > 0, upper - best_fit.x, lower - best_fit.x) / direction
    limit = float(np.min(room[at]))

    def profile(r: float, start: FloatArray) -> Members:
        held = hold(held_of(context, best_fit), at, best_fit.x[at] + r * direction[at])
        return refit(
            context,
            counts=best_fit.obs,
            globs=best_fit.globs,
            fixed=held,
            start=start[: layout.n_params],
            what=what,
        )

    sigma = float(np.sqrt(np.sum((direction[at] / np.maximum(best_fit.errors[at], 1e-300)) ** 2)))
    inner, inner_rise, outer, outer_rise = 0.0, -np.sqrt(2.0 * level), np.inf, np.inf
    r, start, steps = min(np.sqrt(2.0 * level) / sigma, limit), best_fit.x, 0
    failed = Crossings(*(np.array(v) for v in (np.nan, best_fit.x, CrossingStatus.NOT_FOUND, np.nan, 0)))
    for _ in range(_MAX_POINTS):
        found = profile(r, start)
        steps += int(found.steps[0])
        rise = float(found.nll[0]) - best_fit.fun
        if not found.success[0]:
            return failed
        if rise < -1e-6:
            return Crossings(
                failed.r, found.x[0], np.array(CrossingStatus.LOWER_MINIMUM), found.edm[0], np.array(steps)
            )
        excess = np.sqrt(2.0 * max(rise, 0.0)) - np.sqrt(2.0 * level)
        at_limit = excess < 0.0 and r == limit
        if abs(rise - level) <= 1e-10 or at_limit:
            status = CrossingStatus.AT_LIMIT if at_limit else CrossingStatus.CONVERGED
            return Crossings(np.array(r), found.x[0], np.array(status), found.edm[0], np.array(steps))
        if excess < 0.0:
            inner, inner_rise = r, excess
        else:
            outer, outer_rise = r, excess
        if np.isfinite(outer):
            r = inner - inner_rise * (outer - inner) / (outer_rise - inner_rise)
        else:
            r = min(
                r
                * float(np.clip(np.sqrt(2.0 * level) / max(excess + np.sqrt(2.0 * level), 1e-3), 1.02, 3.0)),
                limit,
            )
        start = found.x[0]
    return failed

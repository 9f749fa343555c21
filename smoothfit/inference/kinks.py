"""Minima on a kink: where the likelihood rises to both sides of a parameter's value with different slopes.

Piecewise interpolations, absolute values and clipping have kinks. A minimum there has no vanishing
derivative, and no Newton step arrives. It is recognised by what defines it: a parameter's slope changes
sign, from negative to positive, by an amount that does not shrink with the distance at which it is looked
at. Parameters on their kinks are held there, the others minimised over, and the slopes looked at again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import jax
import numpy as np

from .._pytree import resolve
from .._types import FloatArray, IntArray
from ..fitters import Solution, compiled_solve
from ..prepared import Data, Fixed, Prepared
from ..status import Status
from . import compiled

__all__ = ["on_kink"]

_REACH = (1e-4, 1e-2, 0.3)
"""How far a minimiser may stop from a kink, in conditional errors: looked at in turn."""
_CLOSE = 1e-6
_JUMP = 1e-3
"""Change of slope across ``2 * _CLOSE`` that is a kink, where a smooth likelihood has 2e-6."""
_ROUNDS = 4

_Slopes: TypeAlias = Callable[[FloatArray, IntArray, FloatArray], FloatArray]
"""(values (param,), positions (k,), shifts (k,)) -> (k,)."""


def _slopes(
    prepared: Prepared, data: Data, fixed: Fixed, values: FloatArray, at: IntArray, shifts: FloatArray
) -> FloatArray:
    """(k,): d NLL/d values[at] with that parameter alone moved by ``shifts``."""
    dense = np.asarray(resolve(prepared.plan.dense))
    points = np.tile(values[dense], (len(at), 1))
    columns = np.array([int(np.flatnonzero(dense == i)[0]) for i in at], dtype=int)
    rows = np.arange(len(at))
    points[rows, columns] += shifts
    gradients = [compiled.gradient(prepared, data, fixed, values, point) for point in points]
    return np.array([np.asarray(g)[column] for g, column in zip(gradients, columns, strict=True)])


def on_kink(prepared: Prepared, data: Data, fixed: Fixed, stuck: Solution) -> Solution | None:
    """The minimum on a kink near where a fit got stuck, or None if there is none.

    The solution has status ON_KINK, no covariance of the parameters on a kink, and that of the others with
    those held.
    """
    values = np.asarray(stuck.values)
    if not np.all(np.isfinite(values)):
        return None
    seen = compiled.curvature(prepared, data, fixed, stuck)
    at, scale = seen.positions, 1.0 / np.sqrt(np.maximum(np.abs(np.diagonal(seen.hessian)), 1e-300))

    def slopes(where: FloatArray, of: IntArray, shifts: FloatArray) -> FloatArray:
        return _slopes(prepared, data, fixed, where, of, shifts)

    found = np.full(len(at), np.nan)
    for reach in _REACH:
        open_ = np.flatnonzero(np.isnan(found))
        low, high = -reach * scale[open_], reach * scale[open_]
        turns = (slopes(values, at[open_], low) < 0.0) & (slopes(values, at[open_], high) > 0.0)
        for k, below, above in zip(open_[turns], low[turns], high[turns], strict=True):
            found[k] = _turning(values, at[k : k + 1], below, above, slopes)
    turning = np.flatnonzero(np.isfinite(found))
    centre = found[turning] + values[at[turning]]
    near = values.copy()
    near[at[turning]] = centre
    for _ in range(_ROUNDS):
        jump = _jumps(near, at[turning], scale[turning], slopes)
        kinked = (
            turning[np.all(jump * np.array([-1.0, 1.0]) > 0.5 * _JUMP, axis=1)] if len(turning) else turning
        )
        if not len(kinked):
            return None
        held = _hold(fixed, at[kinked], near)
        solution = jax.device_get(compiled_solve(prepared, data, held, near))  # type: ignore[arg-type]
        if int(solution.status) != Status.CONVERGED:
            return None
        near = np.asarray(solution.values)
        again = _jumps(near, at[kinked], scale[kinked], slopes)
        if np.all(again[:, 0] < 0.0) and np.all(again[:, 1] > 0.0):
            return _flagged(solution, at[kinked])
        turning = kinked
    return None


def _turning(values: FloatArray, at: IntArray, below: float, above: float, slopes: _Slopes) -> float:
    """Where between two shifts the slope changes sign, by bisection."""
    for _ in range(50):
        middle = 0.5 * (below + above)
        if slopes(values, at, np.array([middle]))[0] > 0.0:
            above = middle
        else:
            below = middle
    return 0.5 * (below + above)


def _jumps(values: FloatArray, at: IntArray, scale: FloatArray, slopes: _Slopes) -> FloatArray:
    """(k, 2): slopes just below and just above, in NLL for one conditional error."""
    sides = [slopes(values, at, side * _CLOSE * scale) * scale for side in (-1.0, 1.0)]
    return np.stack(sides, axis=1) if len(at) else np.zeros((0, 2))


def _hold(fixed: Fixed, at: IntArray, values: FloatArray) -> Fixed:
    mask, vector = np.array(fixed.mask), np.array(fixed.values)
    mask[at] = 1.0
    vector[at] = values[at]
    return replace(fixed, mask=mask, values=vector)  # type: ignore[arg-type]


def _flagged(solution: Solution, at: IntArray) -> Solution:
    covariance = np.array(solution.covariance)
    covariance[at] = np.nan
    covariance[:, at] = np.nan
    return replace(solution, status=np.array(int(Status.ON_KINK)), covariance=covariance)  # type: ignore[arg-type]

"""scipy's trust-constr on a posed problem: the talk's minimiser, with exact derivatives.

Slower than the native fitter, and written by others: a second opinion. Bounds are handled by an
interior-point method, so that a parameter at its limit ends within about 1e-8 of it.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._compilation import compiled
from .._pytree import resolve
from .._types import Array, FloatArray, IntArray
from ..likelihood import objective
from ..prepared import Data, Fixed, Prepared
from . import newton
from .solution import Solution, finish, point

__all__ = ["ALLOWED_EDM", "solve_trust_constr"]

ALLOWED_EDM = 1e-6
"""EDM below which its end point counts as converged."""

_NEAR_LIMIT = 1e-2


@compiled
def _evaluate(prepared: Prepared, data: Data, fixed: Fixed, start: Array, z: Array) -> newton.Point:
    return point(objective.pose(prepared, data, fixed, start), z)


@compiled
def _start(prepared: Prepared, data: Data, fixed: Fixed, start: Array) -> tuple[Array, ...]:
    problem = objective.pose(prepared, data, fixed, start)
    return objective.dense_start(problem), problem.lower, problem.upper, problem.free


@compiled
def _finish(
    prepared: Prepared,
    data: Data,
    fixed: Fixed,
    start: Array,
    z: Array,
    steps: Array,
) -> Solution:
    problem = objective.pose(prepared, data, fixed, start)
    at = point(problem, z)
    return finish(problem, z, at, steps, ALLOWED_EDM)


def solve_trust_constr(prepared: Prepared, data: Data, fixed: Fixed, start: Array) -> Solution:
    """Minimise with ``scipy.optimize.minimize(method="trust-constr")``; not traceable."""
    from scipy.optimize import Bounds, minimize

    prepared = resolve(prepared)
    z0, lower, upper, free = (np.array(a) for a in _start(prepared, data, fixed, start))
    last: dict[str, Any] = {}

    def at(z: FloatArray, moving: IntArray, moved: FloatArray) -> newton.Point:
        whole = z.copy()
        whole[moving] = moved
        if "x" not in last or not np.array_equal(last["x"], whole):
            last["x"] = whole
            last["point"] = _evaluate(prepared, data, fixed, start, jnp.asarray(whole))
        return last["point"]  # type: ignore[no-any-return]

    def minimise(z: FloatArray, moving: IntArray) -> tuple[FloatArray, int]:
        if not len(moving):
            return z, 0
        limits = np.array([lower[moving], upper[moving]])
        found = minimize(
            lambda x: float(at(z, moving, x).value),
            _inside(z[moving], *limits),
            jac=lambda x: np.asarray(at(z, moving, x).gradient)[moving],
            hess=lambda x: np.asarray(at(z, moving, x).hessian)[np.ix_(moving, moving)],
            method="trust-constr",
            bounds=Bounds(*limits, keep_feasible=True) if np.any(np.isfinite(limits)) else None,
            options={"gtol": 1e-9, "xtol": 1e-14, "barrier_tol": 1e-12, "maxiter": 3000},
        )
        end = z.copy()
        end[moving] = found.x
        return end, int(found.nit)

    end, steps = minimise(z0, np.flatnonzero(free > 0))
    on_limit = _on_limits(end, at(end, np.zeros(0, dtype=int), np.zeros(0)), lower, upper, free)
    if np.any(on_limit != 0):
        # An interior-point method never quite arrives: go there, and solve for the rest again.
        end = np.where(on_limit < 0, lower, np.where(on_limit > 0, upper, end))
        end, more = minimise(end, np.flatnonzero((free > 0) & (on_limit == 0)))
        steps += more
    return _finish(prepared, data, fixed, start, jnp.asarray(end), jnp.asarray(steps))


def _on_limits(
    z: FloatArray, point_: newton.Point, lower: FloatArray, upper: FloatArray, free: FloatArray
) -> FloatArray:
    """-1 or +1 where the gradient holds a coordinate against its lower or upper limit, 0 elsewhere.

    "Against" means within a hundredth of its conditional error, with the gradient pushing outwards.
    """
    gradient = np.asarray(point_.gradient)
    near = _NEAR_LIMIT / np.sqrt(np.maximum(np.abs(np.diagonal(np.asarray(point_.hessian))), 1e-300))
    low = (free > 0) & (z - lower < near) & (gradient > 0.0)
    high = (free > 0) & (upper - z < near) & (gradient < 0.0)
    return np.where(low, -1.0, np.where(high, 1.0, 0.0))


def _inside(x: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """A start strictly within the limits: an interior-point method cannot start on one."""
    width = np.where(np.isfinite(upper - lower), upper - lower, 1.0)
    return np.clip(x, lower + 1e-3 * np.minimum(width, 1.0), upper - 1e-3 * np.minimum(width, 1.0))

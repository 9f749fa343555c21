"""scipy's trust-constr on a posed problem: the talk's minimiser, with exact derivatives.

Slower than the native fitter, and written by others: a second opinion. Bounds are handled by an
interior-point method, so that a parameter at its limit ends within about 1e-8 of it.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .._compilation import compiled
from .._pytree import resolve
from .._types import Array, FloatArray
from ..likelihood import objective
from ..prepared import Data, Fixed, Prepared
from . import newton
from .solution import Solution, finish, point

__all__ = ["ALLOWED_EDM", "solve_trust_constr"]

ALLOWED_EDM = 1e-6
"""EDM below which its end point counts as converged."""

_NEAR_LIMIT = 1e-6


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
    moving = np.flatnonzero(free > 0)
    last: dict[str, FloatArray | newton.Point] = {}

    def at(moved: FloatArray) -> newton.Point:
        if "x" not in last or not np.array_equal(last["x"], moved):  # type: ignore[arg-type]
            z = z0.copy()
            z[moving] = moved
            last["x"] = np.array(moved)
            last["point"] = _evaluate(prepared, data, fixed, start, jnp.asarray(z))
        return last["point"]  # type: ignore[return-value]

    end, steps = z0.copy(), 0
    if len(moving):
        found = minimize(
            lambda x: float(at(x).value),
            _inside(z0[moving], lower[moving], upper[moving]),
            jac=lambda x: np.asarray(at(x).gradient)[moving],
            hess=lambda x: np.asarray(at(x).hessian)[np.ix_(moving, moving)],
            method="trust-constr",
            bounds=Bounds(lower[moving], upper[moving], keep_feasible=True)
            if np.any(np.isfinite([lower[moving], upper[moving]]))
            else None,
            options={"gtol": 1e-9, "xtol": 1e-14, "barrier_tol": 1e-12, "maxiter": 3000},
        )
        end[moving] = _onto_limits(found.x, lower[moving], upper[moving])
        steps = int(found.nit)
    return _finish(prepared, data, fixed, start, jnp.asarray(end), jnp.asarray(steps))


def _inside(x: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """A start strictly within the limits: an interior-point method cannot start on one."""
    width = np.where(np.isfinite(upper - lower), upper - lower, 1.0)
    return np.clip(x, lower + 1e-3 * np.minimum(width, 1.0), upper - 1e-3 * np.minimum(width, 1.0))


def _onto_limits(x: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Put what ended next to a limit on it: an interior-point method never quite arrives."""
    near_low = x - lower < _NEAR_LIMIT * (1.0 + np.abs(x))
    near_high = upper - x < _NEAR_LIMIT * (1.0 + np.abs(x))
    return np.where(near_low, lower, np.where(near_high, upper, x))

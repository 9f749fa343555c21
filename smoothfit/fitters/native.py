"""The native fitter: bounded Newton on a posed problem, differentiable.

Differentiation is by the implicit function theorem at the minimum, dx = -H^-1 d(gradient): one
linear solve, no unrolling, forward and reverse. Parameters on a limit stay there.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .._types import Array
from ..likelihood import objective
from ..prepared import Data, Fixed, Prepared
from . import large, newton
from .solution import Solution, finish, point

__all__ = ["solve"]

_CARRIED = 4_000_000
"""Bins x dense parameters up to which the loop carries what is known of eliminated parameters.

Evaluating once more after the loop takes less memory, and longer to compile.
"""


def _finish_at(
    prepared: Prepared, data: Data, fixed: Fixed, start: Array, z: Array, steps: Array
) -> Solution:
    problem = objective.pose(prepared, data, fixed, start)
    if large.is_matrix_free(problem.derived.plan):
        return large.finish_at(problem, z, steps)
    return finish(problem, z, point(problem, z), steps, newton.CONVERGED_EDM)


@jax.custom_jvp
def solve(prepared: Prepared, data: Data, fixed: Fixed, start: Array) -> Solution:
    """Minimise the NLL; pure and traceable.

    Parameters
    ----------
    start
        (param,): where to start from; held parameters take the values of ``fixed``.
    """
    problem = objective.pose(prepared, data, fixed, start)
    if large.is_matrix_free(problem.derived.plan):
        return large.solve(problem)
    z = objective.dense_start(problem)
    carries = problem.derived.plan.groups is not None or problem.bins.counts.size * z.shape[0] <= _CARRIED

    def fun(z: Array) -> newton.Point:
        at = point(problem, z)
        return at if carries else at._replace(extra=None)

    found = newton.minimize(fun, z, lower=problem.lower, upper=problem.upper, free=problem.free)
    at = found.point if carries else point(problem, found.x)
    return finish(problem, found.x, at, found.steps, newton.CONVERGED_EDM)


@solve.defjvp
def _solve_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Solution, Solution]:
    prepared, data, fixed, start = primals
    solution = solve(prepared, data, fixed, start)
    z = solution.dense

    def gradient(prepared: Prepared, data: Data, fixed: Fixed) -> Array:
        problem = objective.pose(prepared, data, fixed, start)
        return jax.grad(lambda z: objective.value(problem, z))(z)

    change = jax.jvp(gradient, (prepared, data, fixed), tangents[:3])[1]
    problem = objective.pose(prepared, data, fixed, start)
    plan = problem.derived.plan
    keep = (problem.free > 0) & (solution.at_limit[plan.dense] == 0)
    if large.is_matrix_free(plan):
        solved = -large.inverse_times(problem, z, change, keep)
    else:
        hessian = point(problem, z).hessian
        matrix = jnp.where(keep[:, None] & keep, hessian, 0.0) + jnp.diag(jnp.where(keep, 0.0, 1.0))
        solved = -jnp.linalg.solve(matrix, jnp.where(keep, change, 0.0))
    held = jax.jvp(
        lambda f: objective.pose(prepared, data, f, start).values[plan.dense], (fixed,), (tangents[2],)
    )[1]
    dz = jnp.where(problem.free > 0, jnp.where(keep, solved, 0.0), held)
    # A fit that failed has no derivative: NaN, not garbage.
    dz = jnp.where(solution.status == 0, dz, jnp.nan)

    def describe(prepared: Prepared, data: Data, fixed: Fixed, z: Array) -> Solution:
        return _finish_at(prepared, data, fixed, start, z, solution.steps)

    _, tangent = jax.jvp(describe, (prepared, data, fixed, z), (*tangents[:3], dz))
    return solution, tangent

"""The native fitter: bounded Newton on a posed problem, differentiable.

Differentiation is by the implicit function theorem at the minimum, dx = -H^-1 d(gradient): one
linear solve, no unrolling, forward and reverse. Parameters on a limit stay there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from ..likelihood import objective
from ..likelihood.derived import Derived
from ..likelihood.objective import Problem
from ..prepared import Data, Fixed
from ..probability import EMPTY
from . import large, newton
from .distance import Distance, distance
from .solution import Solution, describe, finish, point

__all__ = ["Course", "Found", "follow", "movement", "search", "solve"]

_CARRIED = 4_000_000
"""Bins x dense parameters up to which the loop carries what is known of eliminated parameters.

Evaluating once more after the loop takes less memory, and longer to compile.
"""


def _finish_at(derived: Derived, data: Data, fixed: Fixed, start: Array, z: Array, steps: Array) -> Solution:
    problem = objective.pose(derived, data, fixed, start)
    if large.is_matrix_free(derived.plan):
        return large.finish_at(problem, z, steps)
    return finish(problem, z, point(problem, z), steps, newton.CONVERGED_EDM)


def search(
    derived: Derived,
    data: Data,
    fixed: Fixed,
    start: Array,
    *,
    errors: Array | bool = True,
    saddles: bool = True,
) -> Solution:
    """:func:`solve` without its derivatives.

    Parameters
    ----------
    errors
        Whether errors are wanted: known when traced, or an array that decides as it runs. Without, they
        and the covariance are 0.
    saddles
        Whether to leave stationary points that are no minima.
    """
    problem = objective.pose(derived, data, fixed, start)
    if large.is_matrix_free(derived.plan):
        return large.solve(problem)
    z = objective.dense_start(problem)
    fun, carries = _objective(problem)
    found = newton.minimize(
        fun,
        z,
        lower=problem.lower,
        upper=problem.upper,
        free=problem.free,
        saddles=saddles,
        patience=_patience(problem),
        trusted_edm=jnp.where(errors, newton.FINAL_EDM, newton.TRUSTED_EDM),
    )
    return _described(problem, found, carries, errors)


def _described(problem: Problem, found: newton.Minimum, carries: bool, errors: Array | bool) -> Solution:
    at = found.point if carries else point(problem, found.x)
    before = found.x - found.last

    def measured() -> Distance:
        return distance(at, before, problem.lower, problem.upper, problem.free)

    def known() -> Distance:
        nothing = jnp.zeros_like(at.hessian)
        return Distance(found.edm, found.certain, found.at_limit, nothing, nothing, found.certain)

    if isinstance(errors, bool):
        inside = measured() if errors else known()
    else:
        inside = jax.lax.cond((errors > 0) | ~found.certain, measured, known)
    last = found.last if carries else None
    return describe(problem, found.x, at, found.steps, inside, newton.CONVERGED_EDM, last, errors)


@jax.custom_jvp
def solve(derived: Derived, data: Data, fixed: Fixed, start: Array, errors: Array | float = 1.0) -> Solution:
    """Minimise the NLL; pure, traceable and differentiable.

    Parameters
    ----------
    derived
        A model with what follows from its templates, evaluated once for many fits.
    start
        (param,): where to start from; held parameters take the values of ``fixed``.
    errors
        0 to do without errors and covariance.
    """
    return search(derived, data, fixed, start, errors=jnp.asarray(errors))


def _patience(problem: Problem) -> int:
    """None where Monte Carlo errors follow the processes.

    They may outgrow the yields; on the plateau that results the convex matrix leads ever further out.
    """
    lite = problem.derived.plan.lite
    return 0 if lite is not None and lite.any_process else newton.PATIENCE


def _objective(problem: Problem) -> tuple[Callable[[Array], newton.Point], bool]:
    """The function to minimise, and whether its points carry what describes eliminated parameters."""
    carries = (
        problem.derived.plan.groups is not None
        or problem.bins.counts.size * problem.lower.shape[0] <= _CARRIED
    )

    def fun(z: Array) -> newton.Point:
        at = point(problem, z)
        return at if carries else at._replace(extra=None)

    return fun, carries


def movement(
    given: tuple[Derived, Data, Fixed], tangents: tuple[Any, ...], start: Array, solution: Solution
) -> Array:
    """(dense,): how a minimum moves with what it was given, by the implicit function theorem."""
    derived, data, fixed = given
    z = solution.dense

    def gradient(derived: Derived, data: Data, fixed: Fixed) -> Array:
        problem = objective.pose(derived, data, fixed, start)
        # Held values move the others, too.
        there = jnp.where(problem.free > 0, z, problem.values[derived.plan.dense])
        return jax.grad(lambda z: objective.value(problem, z))(there)

    change = jax.jvp(gradient, given, tangents)[1]
    problem = objective.pose(derived, data, fixed, start)
    plan = derived.plan
    keep = (problem.free > 0) & (solution.at_limit[plan.dense] == 0)
    if large.is_matrix_free(plan):
        solved = -large.inverse_times(problem, z, change, keep)
    else:
        hessian = point(problem, z).hessian
        matrix = jnp.where(keep[:, None] & keep, hessian, 0.0) + jnp.diag(jnp.where(keep, 0.0, 1.0))
        solved = -jnp.linalg.solve(matrix, jnp.where(keep, change, 0.0))
    held = jax.jvp(
        lambda f: objective.pose(derived, data, f, start).values[plan.dense], (fixed,), (tangents[2],)
    )[1]
    dz = jnp.where(problem.free > 0, jnp.where(keep, solved, 0.0), held)
    # A fit that failed has no derivative: NaN, not garbage.
    return jnp.where(solution.status == 0, dz, jnp.nan)


@solve.defjvp
def _solve_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Solution, Solution]:
    derived, data, fixed, start, errors = primals
    solution = solve(derived, data, fixed, start, errors)
    dz = movement((derived, data, fixed), tangents[:3], start, solution)

    def describe(derived: Derived, data: Data, fixed: Fixed, z: Array) -> Solution:
        return _finish_at(derived, data, fixed, start, z, solution.steps)

    _, tangent = jax.jvp(describe, (derived, data, fixed, solution.dense), (*tangents[:3], dz))
    return solution, tangent


class Found(NamedTuple):
    """Where a ray reached its target."""

    r: Array
    rise: Array
    """Of the NLL, above the lowest."""
    converged: Array
    fit: Solution
    """The fit there, with what moves along the ray held."""


class Course(NamedTuple):
    """A ray in the space of all parameters."""

    origin: Array
    """(param,): the best fit."""
    direction: Array
    """(param,): what moves together, 0 for what is minimised over; of dense parameters only."""
    room: Array
    """The largest r that limits allow."""
    lowest: Array
    """The NLL at the origin, less its constants."""
    level: Array
    """The rise of the NLL that is looked for."""
    start: Array
    first: Array
    """(param,) and r: where to begin; the values along the ray follow from r."""


def follow(
    derived: Derived, data: Data, fixed: Fixed, course: Course, *, errors: Array | bool = False
) -> Found:
    """Along a ray to where the NLL, minimised over everything else, has risen by a level.

    ``errors`` as in :func:`search`.
    """
    plan = derived.plan
    moving = course.direction != 0.0
    held = dataclasses.replace(
        fixed,
        mask=jnp.where(moving, 1.0, fixed.mask),
        values=jnp.where(moving, course.origin + course.first * course.direction, fixed.values),
    )
    problem = objective.pose(derived, data, held, course.start)
    fun, carries = _objective(problem)
    ray = newton.Ray(
        origin=course.origin[plan.dense],
        direction=course.direction[plan.dense],
        start=course.first,
        room=course.room,
        target=course.lowest + course.level,
        lowest=course.lowest,
    )
    found = newton.minimize(
        fun,
        objective.dense_start(problem),
        lower=problem.lower,
        upper=problem.upper,
        free=problem.free,
        ray=ray,
    )
    fit = _described(problem, found, carries, errors)
    return Found(
        r=found.r,
        rise=found.point.value - course.lowest,
        converged=found.converged & (fit.smallest_nu >= -EMPTY),
        fit=fit,
    )

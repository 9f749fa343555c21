"""Minimisers that know only the gradient, on a posed problem: scaled, restarted, verified.

What such a method finds depends on units, and its own criterion says little about how far it is from the
minimum. So coordinates are measured in conditional errors, 1/sqrt(H_ii), and the method is started
again, from where it ended, in the units of that place and with a tighter tolerance, until the
estimated distance to the minimum, from the exact gradient and Hessian, is small. All of it is one
traceable function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from ..likelihood import objective
from ..likelihood.derived import Derived
from ..likelihood.objective import Problem
from ..prepared import Data, Fixed, Prepared
from . import newton
from .distance import distance
from .posed import ALLOWED_EDM
from .solution import Solution, finish, point

__all__ = ["Descend", "Descent", "Scaled", "mover", "scaled_limits", "solve"]

_MAX_ROUNDS = 8
_TIGHTER = 0.1
_SMALLEST_DIAGONAL = 1e-9
_ARRIVED = 1e-7
"""Errors from a limit at which a parameter is on it."""


class Scaled(NamedTuple):
    """A function of coordinates around a point, in units of conditional errors."""

    fun: Callable[[Array], Array]
    """(dense,) -> value; coordinates beyond a limit, or held ones, change nothing."""
    start: Array
    value: Array
    gradient: Array
    """At the start."""
    lower: Array
    upper: Array
    """(dense,)"""


class Descent(NamedTuple):
    """Where a minimiser ended, in scaled coordinates."""

    x: Array
    steps: Array


Descend = Callable[[Scaled, Array, Array], Descent]
"""(function, tolerance, most steps) -> end. May end anywhere: it is checked."""


class _State(NamedTuple):
    z: Array
    point: newton.Point
    steps: Array
    rounds: Array
    done: Array


def _scales(hessian: Array) -> Array:
    """Conditional errors; from the largest entry of its row where a diagonal one is tiny."""
    size = jnp.abs(hessian)
    diagonal, largest = jnp.diagonal(size), jnp.max(size, axis=1, initial=0.0)
    squared = jnp.where(diagonal > _SMALLEST_DIAGONAL * largest, diagonal, largest)
    known = (squared > 0.0) & jnp.isfinite(squared)
    return 1.0 / jnp.sqrt(jnp.where(known, squared, 1.0))


def mover(problem: Problem, z: Array, scale: Array) -> Callable[[Array], Array]:
    """The function that gives dense parameters, within their limits, for scaled coordinates around z."""
    free = problem.free > 0

    def moved(x: Array) -> Array:
        there = z + scale * x
        # The gradient at a limit is the objective's, from either side: a clip's would be half of it.
        kept = there + jax.lax.stop_gradient(jnp.clip(there, problem.lower, problem.upper) - there)
        return jnp.where(free, kept, z)

    return moved


def scaled_limits(problem: Problem, z: Array, scale: Array) -> tuple[Array, Array]:
    """(lower, upper) of scaled coordinates around z; none for held parameters."""
    free = problem.free > 0
    lower = jnp.where(free, (problem.lower - z) / scale, -jnp.inf)
    return lower, jnp.where(free, (problem.upper - z) / scale, jnp.inf)


def _around(problem: Problem, z: Array, at: newton.Point, scale: Array) -> Scaled:
    moved = mover(problem, z, scale)
    lower, upper = scaled_limits(problem, z, scale)
    return Scaled(
        fun=lambda x: objective.value(problem, moved(x)),
        start=jnp.zeros_like(z),
        value=at.value,
        gradient=jnp.where(problem.free > 0, scale * at.gradient, 0.0),
        lower=lower,
        upper=upper,
    )


def _within(problem: Problem, z: Array, scale: Array, x: Array) -> Array:
    """(dense,): where scaled coordinates are; limits are reached exactly, not within rounding."""
    moved = jnp.clip(z + scale * x, problem.lower, problem.upper)
    at_lower = moved - problem.lower <= _ARRIVED * scale
    at_upper = problem.upper - moved <= _ARRIVED * scale
    moved = jnp.where(at_lower, problem.lower, jnp.where(at_upper, problem.upper, moved))
    return jnp.where((problem.free > 0) & jnp.isfinite(x), moved, z)


def solve(
    model: Prepared | Derived,
    data: Data,
    fixed: Fixed,
    start: Array,
    descend: Descend,
    tolerance: Array | float,
    max_steps: Array | int,
) -> Solution:
    """Minimise by ``descend``, in rounds; pure and traceable."""
    problem = objective.pose(model, data, fixed, start)

    def body(state: _State) -> _State:
        at = point(problem, state.z)
        edm = distance(at, state.z, problem.lower, problem.upper, problem.free).edm
        done = (edm <= ALLOWED_EDM) | (state.rounds >= _MAX_ROUNDS) | (state.steps >= max_steps)
        done |= ~jnp.isfinite(at.value)
        scale = _scales(at.hessian)
        left = jnp.where(done, 0, max_steps - state.steps)
        end = descend(_around(problem, state.z, at, scale), tolerance * _TIGHTER**state.rounds, left)
        z = jnp.where(done, state.z, _within(problem, state.z, scale, end.x))
        return _State(z, at, state.steps + end.steps, state.rounds + 1, done)

    z = objective.dense_start(problem)
    # The loop ends with an evaluation where it ends: the objective is compiled once.
    unknown = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(lambda: point(problem, z))
    )
    first = _State(z, unknown, jnp.array(0), jnp.array(0), jnp.array(False))
    last = jax.lax.while_loop(lambda s: ~s.done, body, first)
    return finish(problem, last.z, last.point, last.steps, ALLOWED_EDM)

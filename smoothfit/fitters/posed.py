"""A posed problem seen from outside JAX, for minimisers that call back with numpy arrays.

The functions are compiled once a model structure, and shared by all such minimisers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from .._compilation import compiled
from .._types import Array, FloatArray, IntArray
from ..likelihood import objective
from ..likelihood.derived import Derived, derived_of
from ..prepared import Data, Fixed, Prepared
from .solution import Solution, finish, point
from .unlimited import CLEARANCE

__all__ = ["ALLOWED_EDM", "NEAR_LIMIT", "Minimiser", "Posed", "Seen"]

ALLOWED_EDM = 1e-6
"""EDM below which the end point of a fitter other than the native one counts as converged."""

NEAR_LIMIT = 1e-2
"""Errors from a limit within which a parameter that the gradient pushes there is taken to be on it."""

_SMALLEST_DIAGONAL = 1e-9

Minimiser = Callable[[FloatArray, IntArray], tuple[FloatArray, int]]
"""(start (dense,), positions that may move) -> (end (dense,), steps)."""


class Seen(NamedTuple):
    """The objective at a point, less its constants."""

    value: float
    gradient: FloatArray
    """(dense,)"""
    hessian: FloatArray
    """(dense, dense)"""


@compiled
def _evaluate(
    model: Prepared | Derived, data: Data, fixed: Fixed, start: Array, z: Array
) -> tuple[Array, Array, Array]:
    at = point(objective.pose(model, data, fixed, start), z)
    return at.value, at.gradient, at.hessian


@compiled
def _begin(model: Prepared | Derived, data: Data, fixed: Fixed, start: Array) -> tuple[Array, ...]:
    problem = objective.pose(model, data, fixed, start)
    return (
        objective.dense_start(problem),
        problem.lower,
        problem.upper,
        problem.free,
        objective.constants(problem),
    )


@compiled
def _finish(
    model: Prepared | Derived, data: Data, fixed: Fixed, start: Array, z: Array, steps: Array
) -> Solution:
    problem = objective.pose(model, data, fixed, start)
    return finish(problem, z, point(problem, z), steps, ALLOWED_EDM)


class Posed:
    """Value, gradient and Hessian of the dense parameters, in numpy.

    Attributes
    ----------
    start, lower, upper, free
        (dense,); ``free`` is 1 where a parameter may move.
    moving
        (moving,): the dense positions that are free.
    dense
        (dense,): the parameters that these are.
    constant
        What the NLL has beyond :attr:`Seen.value`.
    """

    def __init__(self, prepared: Prepared, data: Data, fixed: Fixed, start: Array) -> None:
        model = derived_of(prepared)
        self._arguments = (model, data, fixed, start)
        z, lower, upper, free, constant = (np.array(a) for a in _begin(*self._arguments))
        self.start: FloatArray = z
        self.lower: FloatArray = lower
        self.upper: FloatArray = upper
        self.free: FloatArray = free
        self.constant = float(constant)
        self.moving: IntArray = np.flatnonzero(free > 0)
        self.dense: IntArray = np.asarray(model.plan.dense)
        self._last: tuple[FloatArray, Seen] | None = None

    def at(self, z: FloatArray) -> Seen:
        """The objective at (dense,); the last point is kept, as minimisers ask for it several times."""
        if self._last is None or not np.array_equal(self._last[0], z):
            value, gradient, hessian = _evaluate(*self._arguments, jnp.asarray(z))
            self._last = (z.copy(), Seen(float(value), np.asarray(gradient), np.asarray(hessian)))
        return self._last[1]

    def finish(self, z: FloatArray, steps: int) -> Solution:
        """Describe an end point."""
        z = np.where(self.free > 0, np.clip(z, self.lower, self.upper), self.start)
        return _finish(*self._arguments, jnp.asarray(z), jnp.asarray(steps))

    def scale(self, z: FloatArray) -> FloatArray:
        """(dense,): conditional errors at a point, the natural unit of a step."""
        hessian = np.abs(self.at(z).hessian)
        largest = hessian.max(axis=1, initial=0.0)
        diagonal = np.diagonal(hessian)
        squared = np.where(diagonal > _SMALLEST_DIAGONAL * largest, diagonal, largest)
        return 1.0 / np.sqrt(np.where(squared > 0.0, squared, 1.0))

    def inside(self, z: FloatArray) -> FloatArray:
        """A start strictly within the limits: an interior-point method has no room on one, and MINUIT's
        transformation no slope."""
        width = self.upper - self.lower
        unit = self.scale(z)
        room = CLEARANCE * np.minimum(np.where(np.isfinite(width), width, unit), unit)
        return np.clip(z, self.lower + room, self.upper - room)

    def near_limits(self, z: FloatArray, near: float) -> FloatArray:
        """(dense,): -1 or +1 where a free parameter is within ``near`` conditional errors of a limit."""
        reach = near * self.scale(z)
        low, high = z - self.lower <= reach, self.upper - z <= reach
        return np.where(self.free == 0, 0.0, np.where(low, -1.0, np.where(high, 1.0, 0.0)))

    def on_limits(self, z: FloatArray, near: float) -> FloatArray:
        """(dense,): -1 or +1 where the gradient holds a parameter against its lower or upper limit.

        "Against" means within ``near`` conditional errors, with the gradient pushing outwards.
        """
        side = self.near_limits(z, near)
        return np.where(side * self.at(z).gradient < 0.0, side, 0.0)

    def minimise(self, minimiser: Minimiser) -> Solution:
        """Minimise by a method that comes near limits, but never quite arrives.

        Parameters that the gradient holds within a hundredth of an error of a limit are put on it, and the
        rest is minimised again.
        """
        end, steps = minimiser(self.start, self.moving)
        on_limit = self.on_limits(end, NEAR_LIMIT)
        if np.any(on_limit != 0):
            end = np.where(on_limit < 0, self.lower, np.where(on_limit > 0, self.upper, end))
            end, more = minimiser(end, np.flatnonzero((self.free > 0) & (on_limit == 0)))
            steps += more
        return self.finish(end, steps)

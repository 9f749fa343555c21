"""Minimisation under constraints by any minimiser that knows limits only: the augmented Lagrangian.

For c(x) = 0 minimise L = f + lambda . c + rho |c|^2/2, set lambda to lambda + rho c, and again; for
c(x) <= 0 the terms are (max(0, lambda + rho c)^2 - lambda^2)/(2 rho), and the new lambda is
max(0, lambda + rho c) (Nocedal and Wright, Numerical Optimization, 2nd edition, sections 17.3 and 17.4).
rho grows tenfold where the violation does not shrink fourfold. Near the end
lambda is exact, so that rho need not become large.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from .first_order import Descend, Scaled

__all__ = ["Augmented", "minimize"]

_MAX_ROUNDS = 40
_SHRINK = 0.25
_LARGEST_PENALTY = 1e8
_FIRST_TOLERANCE = 1e-2
_TIGHTER = 0.1
_FINAL_TOLERANCE = 1e-7


class Augmented(NamedTuple):
    """Where the iteration ended."""

    x: Array
    multipliers: Array
    """(constraint,): lambda of f + lambda . c."""
    violation: Array
    """The largest |c|, of an inequality the largest excess; it also counts a multiplier of an idle one."""
    steps: Array
    """Of the inner minimiser."""


class _State(NamedTuple):
    x: Array
    multipliers: Array
    penalty: Array
    violation: Array
    rounds: Array
    steps: Array


def minimize(
    fun: Callable[[Array], Array],
    constraint: Callable[[Array], Array],
    start: Array,
    *,
    lower: Array,
    upper: Array,
    descend: Descend,
    multipliers: Array,
    inequality: bool = False,
    penalty: float = 10.0,
    tolerance: float = 1e-9,
    max_steps: Array | int = 5000,
) -> Augmented:
    """Minimise ``fun(x)`` under ``constraint(x) = 0``, or <= 0, within limits; traceable.

    Coordinates, function and constraints are best given in units in which all slopes and curvatures are about
    one.

    Parameters
    ----------
    constraint
        (dense,) -> (constraint,).
    descend
        The inner minimiser.
    multipliers
        (constraint,): a first guess; 0 if nothing is known.
    tolerance
        Of the violation.

    Examples
    --------
    See ``tests/fitters/test_augmented.py``.
    """

    def lagrangian(x: Array, multipliers: Array, penalty: Array) -> Array:
        shifted = multipliers + penalty * constraint(x)
        if inequality:
            shifted = jnp.maximum(shifted, 0.0)
        return fun(x) + jnp.sum(shifted**2 - multipliers**2) / (2.0 * penalty)

    def body(state: _State) -> _State:
        def inner(x: Array) -> Array:
            return lagrangian(x, state.multipliers, state.penalty)

        value, gradient = jax.value_and_grad(inner)(state.x)
        scaled = Scaled(inner, state.x, value, gradient, lower, upper)
        wanted = jnp.maximum(_FIRST_TOLERANCE * _TIGHTER**state.rounds, _FINAL_TOLERANCE)
        end = descend(scaled, wanted, jnp.maximum(max_steps - state.steps, 0))
        x = jnp.where(jnp.all(jnp.isfinite(end.x)), jnp.clip(end.x, lower, upper), state.x)
        found = constraint(x)
        shifted = state.multipliers + state.penalty * found
        if inequality:
            shifted = jnp.maximum(shifted, 0.0)
        violation = jnp.max(jnp.abs(shifted - state.multipliers)) / state.penalty
        slow = violation > _SHRINK * state.violation
        raised = jnp.minimum(10.0 * state.penalty, _LARGEST_PENALTY)
        return _State(
            x=x,
            multipliers=shifted,
            penalty=jnp.where(slow & (violation > tolerance), raised, state.penalty),
            violation=violation,
            rounds=state.rounds + 1,
            steps=state.steps + end.steps,
        )

    def unfinished(state: _State) -> Array:
        # The last inner tolerance must have been asked for, not only the constraint met.
        loose = _FIRST_TOLERANCE * _TIGHTER ** (state.rounds - 1) > _FINAL_TOLERANCE
        going = (state.violation > tolerance) | loose
        return going & (state.rounds < _MAX_ROUNDS) & (state.steps < max_steps)

    zero = jnp.array(0)
    first = _State(start, multipliers, jnp.array(penalty), jnp.array(jnp.inf), zero, zero)
    end = jax.lax.while_loop(unfinished, body, first)
    return Augmented(end.x, end.multipliers, end.violation, end.steps)

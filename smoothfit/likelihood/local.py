"""Parameters of a single bin: eliminated bin by bin, exactly.

A local parameter y multiplies part of one bin, v = v_out + y v_in, and has its own constraint. Its bin's term

    psi(v_out + y v_in) + (y - g)^2/(2 width^2)        or        + tau y - g log(y)

is convex in y, and is minimised inside the likelihood; what remains is a function of the other
parameters, whose Hessian is the Schur complement. Newton steps are kept in a bracket, so that they
always end; derivatives do not go through the loop but follow from the implicit function theorem.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._pytree import pytree_dataclass
from .._types import Array
from ..montecarlo import lite

__all__ = ["Locals", "derivatives", "differentiable", "interior", "own_terms", "solve"]

_MAX_STEPS = 60


@pytree_dataclass
class Locals:
    """The local parameters' constraints, limits and state; arrays (tile, width)."""

    present: Array
    free: Array
    """1 where y is minimised over, 0 where it is held (or absent)."""
    precision: Array
    tau: Array
    globs: Array
    lower: Array
    upper: Array


def derivatives(y: Array, v_out: Array, v_in: Array, locals_: Locals, bins: lite.Bins) -> tuple[Array, Array]:
    """First and second derivative by y of the bin's term, v's Monte Carlo parameter minimised."""
    by_bin = lite.derivatives(lite.solve(v_out + y * v_in, jnp.zeros_like(v_in), bins), bins)
    own_slope, own_curve = own_terms(y, locals_)
    return by_bin.by_v * v_in + own_slope, by_bin.vv * v_in**2 + own_curve


def own_terms(y: Array, locals_: Locals) -> tuple[Array, Array]:
    """First and second derivative of the local parameters' constraints."""
    poisson = locals_.tau > 0.0
    safe = jnp.where(poisson & (y > 0.0), y, 1.0)
    counts = jnp.where(poisson, locals_.globs, 0.0)
    slope = locals_.precision * (y - locals_.globs * (locals_.precision > 0.0))
    return slope + locals_.tau - counts / safe, locals_.precision + counts / safe**2


def solve(start: Array, v_out: Array, v_in: Array, locals_: Locals, bins: lite.Bins) -> Array:
    """The local parameters that minimise their bins' terms; held ones keep their start."""
    tiny = jnp.where(locals_.tau > 0.0, 1e-12, -jnp.inf)
    lower, upper = jnp.maximum(locals_.lower, tiny), locals_.upper
    free = locals_.free > 0

    def step(state: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
        y, low, high, _, count = state
        slope, curve = derivatives(y, v_out, v_in, locals_, bins)
        low, high = jnp.where(slope < 0.0, y, low), jnp.where(slope > 0.0, y, high)
        newton = y - slope / jnp.where(curve > 0.0, curve, 1.0)
        # Outside the bracket: bisect it, or walk on where it is still open.
        reach = 2.0 * (jnp.abs(y) + 1.0)
        left = jnp.where(jnp.isfinite(low), low, y - reach)
        right = jnp.where(jnp.isfinite(high), high, y + reach)
        inside = (newton > low) & (newton < high) & (curve > 0.0)
        new = jnp.where(inside, newton, 0.5 * (left + right))
        # At a limit with the slope pointing outwards the limit is the solution.
        new = jnp.where((slope > 0.0) & (y <= lower), lower, new)
        new = jnp.where((slope < 0.0) & (y >= upper), upper, new)
        at_limit = jnp.where(slope > 0.0, newton <= lower, newton >= upper) & (curve > 0.0)
        tried = jnp.where(slope > 0.0, low <= lower, high >= upper) & ((y != lower) & (y != upper))
        new = jnp.where(at_limit & tried, jnp.where(slope > 0.0, lower, upper), new)
        new = jnp.where(free & (slope != 0.0), new, y)
        moved = jnp.any(jnp.abs(new - y) > 4e-16 * (1.0 + jnp.abs(y)))
        return new, low, high, moved, count + 1

    def running(state: tuple[Array, Array, Array, Array, Array]) -> Array:
        return state[3] & (state[4] < _MAX_STEPS)

    first = jnp.where(free, jnp.clip(start, lower, upper), start)
    limits = (jnp.where(free, lower, first), jnp.where(free, upper, first))
    return jax.lax.while_loop(running, step, (first, *limits, jnp.array(True), jnp.array(0)))[0]


def interior(y: Array, locals_: Locals) -> Array:
    """1 where y is minimised over and not at a limit."""
    return (locals_.free > 0) & (y > locals_.lower) & (y < locals_.upper)


def differentiable(y: Array, v_out: Array, v_in: Array, locals_: Locals, bins: lite.Bins) -> Array:
    """The solution as a differentiable function of everything (one Newton step from it)."""
    fixed = jax.lax.stop_gradient(y)
    slope, curve = derivatives(fixed, v_out, v_in, locals_, bins)
    inside = interior(fixed, locals_) & (curve > 0.0)
    moved = fixed - slope / jax.lax.stop_gradient(jnp.where(inside, curve, 1.0))
    return jnp.where(inside, moved, fixed)

"""Parameters of a single bin: eliminated bin by bin.

A bin has a few slots with a local parameter each: nu = b + sum_k y_k a_k, and every y_k has its own
constraint, Gaussian (precision p, global observable g), Poisson (tau, count m), or none. With the slope of
the data term, alpha = 1 - d/nu, all of them follow from one number a bin:

    Gaussian  y = g - alpha a/p          Poisson  y = m/(tau + alpha a)

cut off at their limits, so that what remains is nu - b - sum_k y_k(alpha(nu)) a_k = 0, which grows with nu
and has its root between the data d and the yield at alpha = 0. A parameter alone in its bin has a closed form
for Poisson data (a quadratic); several are found by Newton's method within that bracket. One with a Poisson
constraint and a count of zero is 0 down to the slope -tau/a, where it takes whatever value the bin wants:
that slope is the lowest of its bin, which is *pinned* there. What remains is
a function of the other parameters, whose Hessian is the Schur complement: the local parameters' own Hessian
is diagonal plus a product of one vector, and its inverse known in closed form, too.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._pytree import pytree_dataclass, static
from .._types import Array
from ..montecarlo import lite
from ..probability import data_curvature, data_slope, gaussian_constant, poisson_constant, poisson_deviance

__all__ = ["Locals", "Response", "interior", "of_bins", "respond", "solve"]

_MAX_STEPS = 100
_SOFT = 1e-8
"""Stiffness of a parameter that its constraint does not hold, in units of what the data hold it with."""


@pytree_dataclass
class Locals:
    """The local parameters' constraints and limits; arrays (slot, tile, width)."""

    present: Array
    free: Array
    """1 where y is minimised over, 0 where it is held (or absent)."""
    centre: Array
    """The value that leaves the yields as they are."""
    precision: Array
    tau: Array
    globs: Array
    lower: Array
    upper: Array
    of_bins: Array
    """1 for bin parameters, whose constraints are counted here and not among the parameters'."""
    closed: bool = static()
    """Whether every bin has one parameter at most, and a Poisson data term."""


def _stiffness(y: Array, locals_: Locals) -> Array:
    """Second derivative of the local parameters' constraints."""
    safe = jnp.where((locals_.tau > 0.0) & (y > 0.0), y, 1.0)
    return locals_.precision + jnp.where(locals_.tau > 0.0, locals_.globs, 0.0) / safe**2


def interior(y: Array, locals_: Locals) -> Array:
    """1 where y is minimised over and not at a limit."""
    return (locals_.free > 0) & (y > locals_.lower) & (y < locals_.upper)


def of_bins(y: Array, locals_: Locals) -> tuple[Array, Array]:
    """(value less constants, constants) of the bin parameters' constraints, summed."""
    gaussian = locals_.of_bins * (locals_.precision > 0.0)
    counting = (locals_.of_bins > 0.0) & (locals_.tau > 0.0)
    counts = jnp.where(counting, locals_.globs, 1.0)
    rate = jnp.where(counting, y * locals_.tau, 1.0)
    value = 0.5 * gaussian * (y - locals_.globs) ** 2
    value += jnp.where(counting, poisson_deviance(rate, counts), 0.0)
    constant = gaussian * gaussian_constant(1.0) + jnp.where(counting, poisson_constant(counts), 0.0)
    return jnp.sum(value), jnp.sum(constant)


def solve(y: Array, v: Array, parts: Array, bins: lite.Bins, locals_: Locals) -> Array:
    """The local parameters that minimise their bins' terms; held ones stay at ``y``.

    ``v`` (tile, width) is the yield with all of them at their centres, ``parts`` (slot, tile, width) what it
    gains when one grows by 1. Differentiable by everything, twice. Where nothing depends on y it stays.
    """
    if locals_.closed:
        rest = v - locals_.centre[0] * parts[0]
        return _closed(y[0], rest, parts[0], bins.counts, _slot(locals_, 0))[None]
    first = (locals_.present[1:].sum(0) == 0.0) & (locals_.precision[0] == 0.0) & (locals_.tau[0] == 0.0)
    iterated = _iterated(y, v, parts, bins, locals_)
    # A free parameter is alone in its bin: it takes the yield to the data.
    a = parts[0]
    usable = first & (a != 0.0) & (locals_.free[0] > 0)
    exact = (bins.counts - v) / jnp.where(usable, a, 1.0) + locals_.centre[0]
    exact = jnp.clip(exact, locals_.lower[0], locals_.upper[0])
    return iterated.at[0].set(jnp.where(usable, exact, iterated[0]))


def _slot(locals_: Locals, k: int) -> Locals:
    return jax.tree.map(lambda leaf: leaf[k], locals_)


def _closed(y: Array, v_out: Array, v_in: Array, d: Array, locals_: Locals) -> Array:
    """One parameter a bin, Poisson data: y is the root of a quadratic,

    Gaussian    p a y^2 + (a^2 + p b - p g a) y + a (b - d) - p g b = 0
    Poisson     (a + tau) a y^2 + ((a + tau) b - d a - m a) y - m b = 0

    the one with nu > 0, computed without cancellation.
    """
    a, b = v_in, v_out
    poisson = locals_.tau > 0.0
    p, g = locals_.precision, jnp.where(locals_.precision > 0.0, locals_.globs, 0.0)
    m = jnp.where(poisson, locals_.globs, 0.0)
    slope = a + locals_.tau
    second = jnp.where(poisson, slope * a, p * a)
    first = jnp.where(poisson, slope * b - (d + m) * a, a * a + p * b - p * g * a)
    constant = jnp.where(poisson, -m * b, a * (b - d) - p * g * b)
    # b = 0 leaves the Poisson quadratic without a constant; its root is then -first/second.
    square = first * first - 4.0 * second * constant
    root = jnp.sqrt(jnp.where(square > 0.0, square, 1.0)) * jnp.where(square > 0.0, 1.0, 0.0)
    upward = first >= 0.0
    sum_ = first + root
    by_sum = -2.0 * constant / jnp.where(upward & (sum_ > 0.0), sum_, 1.0)
    by_difference = 0.5 * (root - first) / jnp.where(upward | (second == 0.0), 1.0, second)
    solvable = jnp.where(upward, sum_ > 0.0, second != 0.0)
    # Without data and yield the constraint alone decides.
    alone = jnp.where(poisson, m / jnp.where(poisson, locals_.tau, 1.0), jnp.where(p > 0.0, g, y))
    found = jnp.where(solvable, jnp.where(upward, by_sum, by_difference), alone)
    found = jnp.clip(found, locals_.lower, locals_.upper)
    return jnp.where(locals_.free > 0, found, y)


def _at_slope(alpha: Array, y: Array, parts: Array, locals_: Locals) -> Array:
    """(slot, tile, width): the parameters where the data term has slope ``alpha`` (tile, width).

    Those with a count of zero are 0, as they are above the slope where their bin is pinned.
    """
    poisson = locals_.tau > 0.0
    rate = locals_.tau + alpha * parts
    by_count = locals_.globs / jnp.where(poisson & (rate > 0.0), rate, 1.0)
    # Beyond its pole a Poisson-constrained parameter is as large as it may be.
    by_count = jnp.where(rate > 0.0, by_count, jnp.where(locals_.globs > 0.0, 1e30, 0.0))
    constrained = locals_.precision > 0.0
    by_pull = locals_.globs - alpha * parts / jnp.where(constrained, locals_.precision, 1.0)
    found = jnp.where(poisson, by_count, jnp.where(constrained, by_pull, y))
    return jnp.where(locals_.free > 0, jnp.clip(found, locals_.lower, locals_.upper), y)


class _Pin(NamedTuple):
    """Where a bin with a count of zero is pinned, if it is."""

    holds: Array
    """(tile, width): whether the bin is pinned."""
    y: Array
    """(slot, tile, width): the parameters of a pinned bin."""


def _pin(y: Array, v: Array, parts: Array, bins: lite.Bins, locals_: Locals) -> _Pin:
    counts_zero = (locals_.tau > 0.0) & (locals_.globs == 0.0) & (locals_.free > 0) & (parts > 0.0)
    ratio = jnp.where(counts_zero, locals_.tau / jnp.where(counts_zero, parts, 1.0), jnp.inf)
    # The first to be reached from above; of several alike one takes it all.
    own = counts_zero & (jnp.arange(y.shape[0])[:, None, None] == jnp.argmin(ratio, axis=0))
    steep = jnp.where(own, ratio, 0.0).sum(0)
    if bins.data_variance is None:
        nu = bins.counts / (1.0 + steep)
    else:
        nu = bins.counts - bins.data_variance * steep
    at = jnp.where(counts_zero, 0.0, _at_slope(-steep, y, parts, locals_))
    missing = nu - v - ((at - locals_.centre) * parts).sum(0)
    holds = own.any(0) & (missing > 0.0)
    taken = jnp.where(own & holds, missing / jnp.where(own, parts, 1.0), at)
    return _Pin(holds, jnp.minimum(taken, locals_.upper))


class _Search(NamedTuple):
    nu: Array
    low: Array
    high: Array
    done: Array
    steps: Array


def _iterated(y: Array, v: Array, parts: Array, bins: lite.Bins, locals_: Locals) -> Array:
    d, variance = bins.counts, bins.data_variance

    def excess(
        nu: Array, y: Array, v: Array, parts: Array, bins: lite.Bins, locals_: Locals
    ) -> tuple[Array, Array, Array]:
        """nu less the yield that its slope leads to, the derivative of that by nu, and whether it has one."""
        alpha = data_slope(nu, bins.counts, bins.data_variance)
        at = _at_slope(alpha, y, parts, locals_)
        stiff = _stiffness(at, locals_)
        moving = interior(at, locals_) & (stiff > 0.0)
        reach = jnp.where(moving, parts**2 / jnp.where(moving, stiff, 1.0), 0.0).sum(0)
        total = v + ((at - locals_.centre) * parts).sum(0)
        slope = 1.0 + data_curvature(nu, bins.counts, bins.data_variance) * reach
        # Beyond the pole of a Poisson-constrained parameter the sign is right, and nothing else.
        beyond = (locals_.tau > 0.0) & (locals_.free > 0) & (locals_.tau + alpha * parts <= 0.0)
        return nu - total, slope, ~beyond.any(0)

    still = jax.tree.map(jax.lax.stop_gradient, (y, v, parts, bins, locals_))
    at_rest = _at_slope(jnp.zeros_like(d), still[0], still[2], still[4])
    start = still[1] + ((at_rest - still[4].centre) * still[2]).sum(0)
    lower, upper = jnp.minimum(start, still[3].counts), jnp.maximum(start, still[3].counts)
    pin = _pin(y, v, parts, bins, locals_)
    # Where a bin is pinned there is nothing to search for.
    upper = jnp.where(pin.holds, lower, upper)

    def unsolved(state: _Search) -> Array:
        return (state.steps < _MAX_STEPS) & ~state.done

    def step(state: _Search) -> _Search:
        nu, low, high = state.nu, state.low, state.high
        off, slope, regular = excess(nu, *still)
        low, high = jnp.where(off < 0.0, nu, low), jnp.where(off > 0.0, nu, high)
        newton = nu - off / slope
        inside = (newton >= low) & (newton <= high) & regular
        moved = jnp.where(off == 0.0, nu, jnp.where(inside, newton, 0.5 * (low + high)))
        moved = jnp.where(pin.holds, nu, moved)
        done = jnp.all(jnp.abs(moved - nu) <= 4e-16 * jnp.abs(nu) + 1e-300)
        return _Search(moved, low, high, done, state.steps + 1)

    first = _Search(0.5 * (lower + upper), lower, upper, jnp.array(False), jnp.array(0))
    nu = jax.lax.stop_gradient(jax.lax.while_loop(unsolved, step, first).nu)
    # Two steps in the open: the loop has no derivatives, each step adds one order.
    for _ in range(2):
        off, slope, _ = excess(nu, y, v, parts, bins, locals_)
        nu = nu - jnp.where(pin.holds, 0.0, off / slope)
    return jnp.where(pin.holds, pin.y, _at_slope(data_slope(nu, d, variance), y, parts, locals_))


class Response(NamedTuple):
    """How the local parameters follow, in units that any Jacobian can be contracted with.

    With J the Jacobian of the yield at constant y, u_k those of the parts, and q = sum_k pull_k u_k:
    the minimised terms have the Hessian reduced (J - alpha q)^2 - alpha^2 sum_k inverse_k u_k^2, y follows by
    -(alpha inverse_k u_k + gain_k (J - alpha q)), and its own covariance is diag(inverse) - spread spread^T.
    """

    inverse: Array
    """(slot, tile, width): 1/(second derivative of the constraint), 0 where y does not move."""
    pull: Array
    """(slot, tile, width): parts times ``inverse``."""
    gain: Array
    spread: Array
    reduced: Array
    """(tile, width): the second derivative of the minimised term by the yield."""


def respond(y: Array, parts: Array, curve: Array, locals_: Locals) -> Response:
    """The response at a solution; ``curve`` (tile, width) is the data term's second derivative."""
    stiff = _stiffness(y, locals_)
    moves = interior(y, locals_)
    # A count of zero does not hold a parameter that is above zero; in the limit of no stiffness all below is
    # exact, and this close to it.
    pinned = moves & (locals_.tau > 0.0) & (locals_.globs == 0.0) & (curve > 0.0)
    stiff = jnp.where(pinned, _SOFT * curve * parts**2, stiff)
    bound = moves & (stiff > 0.0)
    inverse = jnp.where(bound, 1.0 / jnp.where(bound, stiff, 1.0), 0.0)
    pull = parts * inverse
    reduced = curve / (1.0 + curve * (parts * pull).sum(0))
    gain = pull * reduced
    spread = pull * jnp.sqrt(reduced)
    # A free parameter, alone in its bin, takes up every change of the yield.
    unbound = moves & (locals_.precision == 0.0) & (locals_.tau == 0.0) & (parts != 0.0) & (curve > 0.0)
    safe = jnp.where(unbound, parts, 1.0)
    gain = jnp.where(unbound, 1.0 / safe, gain)
    reduced = jnp.where(unbound.any(0), 0.0, reduced)
    own = jnp.where(unbound, 1.0 / (jnp.where(unbound, curve, 1.0) * safe**2), inverse)
    return Response(own, jnp.where(unbound, 0.0, pull), gain, spread, reduced)

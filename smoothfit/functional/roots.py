"""Roots that are differentiated by what they solve, dx = -df/(df/dx), and not by how they were found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from .._types import Array

__all__ = ["constant", "find", "implicit"]

T = TypeVar("T")

_PRECISION = 1e-9
_CLOSE = 4.0 * 2.2e-16
_MOST = 60


def constant(tree: T) -> T:
    """The same numbers, which nothing is differentiated by."""
    found: T = jax.tree.map(jax.lax.stop_gradient, tree)
    return found


def implicit(f: Callable[[Array], Array], x: Array) -> Array:
    """``x``, a root of f, as a function of what f is made of.

    Where f is NaN, so are the derivatives.

    Examples
    --------
    >>> root_of = lambda a: implicit(lambda x: x**2 - a, jax.lax.stop_gradient(jnp.sqrt(a)))
    >>> float(jax.grad(root_of)(4.0)), float(jax.grad(jax.grad(root_of))(4.0))
    (0.25, -0.03125)
    """

    def known(_: Callable[[Array], Array], start: Array) -> Array:
        return start

    def by_slope(slope: Callable[[Array], Array], right: Array) -> Array:
        return right / slope(jnp.ones_like(right))

    found: Array = jax.lax.custom_root(f, constant(x), known, by_slope)
    return found


class _Search(NamedTuple):
    """What is known of a function that rises."""

    inner: Array
    """The last point below 0 ..."""
    below: Array
    """... and the function there, or what counts for it."""
    outer: Array
    """The first point above 0, infinite before there is one."""
    above: Array
    next: Array
    """Where to look next."""
    carry: Any
    points: Array
    value: Array
    """The function at the last point."""
    at: Array


def find(
    f: Callable[[Array, Any], tuple[Array, Any]], low: Array, guess: Array, high: Array, carry: Any
) -> tuple[Array, Any, Array]:
    """Where a function rises through 0, from ``low``, where it is negative, up to ``high``.

    By the Illinois method, with bisections once there are many points. Steps beyond all points at most double
    the distance from ``low``. Not to be differentiated: see :func:`implicit`.

    Parameters
    ----------
    f
        (x, carry) -> (value, carry): what is carried is handed on from point to point, a fit's start say.
    guess
        Where to look first.

    Returns
    -------
    The root, NaN if the function is negative up to ``high`` or not known somewhere; what was carried to
    there; whether it was found.

    Examples
    --------
    >>> far = jnp.array(jnp.inf)
    >>> x, _, found = find(lambda x, c: (x**3 - 8.0, c), jnp.array(0.0), jnp.array(1.0), far, None)
    >>> round(float(x), 9), bool(found)
    (2.0, True)
    """
    # The function appears once, in the loop: it may be long to compile.
    first = _Search(
        inner=low,
        below=jnp.array(-1.0),
        outer=jnp.array(jnp.inf),
        above=jnp.array(jnp.nan),
        next=low,
        carry=carry,
        points=jnp.array(0),
        value=jnp.array(-1.0),
        at=low,
    )

    def goes_on(known: _Search) -> Array:
        # NaN ends the search, too.
        wanted = (jnp.abs(known.value) > _PRECISION) & (known.points < _MOST)
        apart = known.outer - known.inner > _CLOSE * jnp.abs(known.next)
        at_end = (known.points > 0) & (known.value < 0.0) & (known.at >= high)
        return wanted & apart & ~at_end

    def step(known: _Search) -> _Search:
        x = known.next
        value, carry = f(x, known.carry)
        negative, again = value < 0.0, (value < 0.0) == (known.value < 0.0)
        # An end of the bracket that stays twice counts half (the Illinois method): else it may stay for ever.
        weight = jnp.where(again, 0.5, 1.0)
        new = _Search(
            inner=jnp.where(negative, x, known.inner),
            below=jnp.where(negative, value, weight * known.below),
            outer=jnp.where(negative, known.outer, x),
            above=jnp.where(negative, weight * known.above, value),
            next=x,
            carry=carry,
            points=known.points + 1,
            value=value,
            at=x,
        )
        further = jnp.where(known.points == 0, guess, _beyond(known, new, low))
        between = jnp.where(jnp.isfinite(new.outer), _between(new), jnp.minimum(further, high))
        return new._replace(next=between)

    end = jax.lax.while_loop(goes_on, step, first)
    closed = jnp.isfinite(end.outer) & (end.outer > low) & (end.points < _MOST)
    found = jnp.isfinite(end.value) & ((jnp.abs(end.value) <= _PRECISION) | closed)
    return jnp.where(found, end.at, jnp.nan), end.carry, found


def _between(known: _Search) -> Array:
    """Within the bracket."""
    width = known.outer - known.inner
    secant = known.inner - known.below * width / (known.above - known.below)
    halve = ((known.points % 3) == 2) & (known.points > 12)
    usable = (secant > known.inner) & (secant < known.outer) & ~halve
    return jnp.where(usable, secant, 0.5 * (known.inner + known.outer))


def _beyond(before: _Search, known: _Search, low: Array) -> Array:
    """Above all points so far: where the line through the last two is 0, and a little more."""
    width, last = known.inner - low, known.inner - before.inner
    slope = (known.below - before.below) / jnp.where(last > 0.0, last, 1.0)
    rises = (last > 0.0) & (slope > 0.0)
    ahead = jnp.where(rises, -1.05 * known.below / jnp.where(rises, slope, 1.0), width)
    return known.inner + jnp.clip(ahead, 0.05 * width, jnp.maximum(width, 1e-6))

"""Probabilities of intervals under a kernel around each event, to full relative precision.

A kernel is a function (x, edges, width, open_ended) -> (event, interval). Intervals are those between
neighbouring edges, and with ``open_ended`` those below the first and above the last edge, too.

Differences of a cumulative distribution lose all digits above the median, where it is 1 and a bit less. Both
kernels here are written without them, so that probabilities are never negative and far tails keep a slope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfc

from .._types import Array

__all__ = ["Kernel", "logistic", "normal"]

Kernel: TypeAlias = Callable[[Array, Array, Array, bool], Array]


def _with_ends(inner: Array, first: float | bool | None, last: float | bool | None) -> Array:
    """An (event, edge) array with a constant column before it, after it, or both."""
    n_events = inner.shape[0]
    ends = [None if end is None else jnp.full((n_events, 1), end, inner.dtype) for end in (first, last)]
    parts = [part for part in (ends[0], inner, ends[1]) if part is not None]
    return jnp.concatenate(parts, axis=1)


def normal(x: Array, edges: Array, width: Array, open_ended: bool) -> Array:
    """Gaussians of that standard deviation.

    Of an interval on one side of the event it is the difference of two small tails, of one around the event
    what both tails leave.
    """
    z = (edges - x[:, None]) / width
    above = z > 0.0
    # Not by abs, which has no derivative where an event is on an edge.
    tail = 0.5 * erfc(jnp.where(above, z, -z) * np.sqrt(0.5))
    if open_ended:
        above, tail = _with_ends(above, False, True), _with_ends(tail, 0.0, 0.0)
    lower, upper = tail[:, :-1], tail[:, 1:]
    around = jnp.where(above[:, 1:], 1.0 - lower - upper, upper - lower)
    return jnp.where(above[:, :-1], lower - upper, around)


def logistic(x: Array, edges: Array, width: Array, open_ended: bool) -> Array:
    """Logistic densities, whose cumulative distribution is the sigmoid s(z) = 1/(1 + exp(-z)).

    s(b) - s(a) = s(b) s(-a) (1 - exp(a - b)), and b - a does not depend on the event.
    """
    z = (edges - x[:, None]) / width
    below, above = jax.lax.logistic(z), jax.lax.logistic(-z)
    share = -jnp.expm1(-jnp.diff(edges) / width)
    if open_ended:
        one = jnp.ones(1)
        # Without an edge there is one interval, from end to end.
        share = jnp.concatenate([one, share, one]) if edges.shape[0] else one
        return _with_ends(below, None, 1.0) * _with_ends(above, 1.0, None) * share
    return below[:, 1:] * above[:, :-1] * share

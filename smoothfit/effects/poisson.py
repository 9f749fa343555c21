"""The effect of an auxiliary count: a unit Gaussian mapped on what the count says about its rate.

With n events counted, lambda(theta) solves P(N <= n | lambda) = CDF_N(-theta): the upper limit on the rate at
the confidence CDF_N(theta), which is also the quantile of a gamma density of shape n + 1. The
factor is lambda(theta)/lambda(0). It follows the asymmetry of small counts, and is positive always.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jax.scipy.special import gammainc, gammaincc, gammaln, ndtr

from .._types import Array, FloatArray
from ..errors import InvalidValueError
from .effect import Entries, RowEffect, given_as, on_rows, row_numbers
from .inversion import bisect
from .kind import Derivatives, Kind

__all__ = ["COUNT", "Poisson"]

_FURTHEST = 35.0
"""Beyond this CDF_N cannot be told from 0; the factor stays constant."""


def _residual(t: Array, a: Array, theta: Array) -> Array:
    """Increasing in t = log(lambda): the tail that is small is compared, in logarithms."""
    x, below = jnp.exp(t), theta < 0.0
    tiny = jnp.finfo(float).tiny
    tail = jnp.log(jnp.maximum(jnp.where(below, gammainc(a, x), gammaincc(a, x)), tiny))
    difference = tail - jnp.log(ndtr(-jnp.abs(theta)))
    return jnp.where(below, difference, -difference)


@jax.custom_jvp
def _log_rate(theta: Array, a: Array) -> Array:
    """log(lambda(theta)) for n = a - 1 events, between bounds of the gamma distribution's tails."""
    theta = jnp.clip(theta, -_FURTHEST, _FURTHEST)
    small = -jnp.log(ndtr(-jnp.abs(theta)))
    # P(a, x) <= x^a/Gamma(a + 1), and P(X > a + sqrt(2 a s) + s) <= exp(-s).
    low = jnp.where(theta < 0.0, (gammaln(a + 1.0) - small) / a, jnp.log(0.5 * a)) - 1e-6
    high = jnp.where(theta < 0.0, jnp.log(a), jnp.log(a + jnp.sqrt(2.0 * a * small) + small)) + 1e-6
    return bisect(lambda t: _residual(t, a, theta), low, high)


def _slope(theta: Array, t: Array, a: Array) -> Array:
    """d log(lambda)/d theta: the ratio of the densities of theta and of log(lambda)."""
    inside = jnp.abs(theta) < _FURTHEST
    theta = jnp.where(inside, theta, 0.0)
    log_ratio = gammaln(a) + jnp.exp(t) - a * t - 0.5 * theta**2 - 0.5 * math.log(2.0 * math.pi)
    return jnp.where(inside, jnp.exp(jnp.where(inside, log_ratio, 0.0)), 0.0)


def _log_rate_jvp(primals: tuple[Array, Array], tangents: tuple[Any, Any]) -> tuple[Array, Array]:
    theta, a = primals
    t = _log_rate(theta, a)
    tangent = jnp.zeros_like(t)
    if not isinstance(tangents[0], SymbolicZero):
        tangent = tangent + _slope(theta, t, a) * tangents[0]
    if not isinstance(tangents[1], SymbolicZero):
        # The rate at which a quantile of the gamma distribution moves with its shape.
        x = jnp.exp(t)
        tangent = tangent + jax.lax.random_gamma_grad(jnp.broadcast_to(a, x.shape), x) / x * tangents[1]
    return t, tangent


_log_rate.defjvp(_log_rate_jvp, symbolic_zeros=True)


def _derive(events: Array) -> tuple[Array, ...]:
    a = jnp.asarray(events, float) + 1.0
    return a, _log_rate(jnp.zeros_like(a), a)


def _derivatives(theta: Array, a: Array, median: Array) -> Derivatives:
    theta = jnp.broadcast_to(theta, jnp.broadcast_shapes(jnp.shape(theta), jnp.shape(a)))
    t = _log_rate(theta, a)
    slope = _slope(theta, t, a)
    return t - median, slope, slope * ((jnp.exp(t) - a) * slope - theta)


COUNT = Kind("count", ("events",), True, _derivatives, _derive)


class Poisson(RowEffect):
    """The uncertainty of a rate that ``events`` counted events leave, for a unit Gaussian nuisance.

    The factor is lambda(theta)/lambda(0), lambda(theta) the upper limit on the rate at confidence
    CDF_N(theta). For many events it approaches 1 + theta/sqrt(events).

    Parameters
    ----------
    events
        The auxiliary count, 0 or more: one number, or one a sub-process.

    Raises
    ------
    InvalidValueError
        For a negative count.

    Notes
    -----
    It is another model than a Poisson constraint, ``Variable(..., constraint=constraints.Poisson(tau))``
    with ``scale_by``: there the likelihood of the count itself is fitted. Prefer that where a file
    format does not ask for a Gaussian nuisance.

    Examples
    --------
    >>> float(Poisson(25)(0.0)), round(float(Poisson(25)(1.0)), 4), round(float(Poisson(25)(-1.0)), 4)
    (1.0, 1.2104, 0.8156)
    """

    label = "poisson"

    def __init__(self, events: Any) -> None:
        self.events = row_numbers("Poisson: events", events)
        if np.any(self.events < 0.0):
            raise InvalidValueError(
                f"Poisson: events must not be negative, got {self.events.min():g}; it is a number of events."
            )

    def entries(self, what: str, rate: FloatArray) -> Entries:
        """See :class:`RowEffect`."""
        return Entries(COUNT, (on_rows(self.events, rate),))

    def _bare(self) -> tuple[Kind, tuple[FloatArray, ...]]:
        return COUNT, (self.events,)

    def __repr__(self) -> str:
        return f"Poisson({given_as(self.events)})"

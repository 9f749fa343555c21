"""Barlow-Beeston lite: one parameter x a bin, N(g | x, 1), eliminated in closed form.

The bin's expectation is nu = v + x t, with v the yield and t the error in events:

* scaling "process" (Combine): t^2 = sum_i (c_i e_i)^2 follows the normalisation of each process;
* scaling "total" (pyhf): t = delta v, delta fixed at nominal.

Minimising the bin's term over x gives nu^2 + (t^2 - g t - v) nu - t^2 d = 0: with m = v + g t - t^2,
nu = (m + sqrt(m^2 + 4 t^2 d))/2, computed without cancellation, and x = g - t a, where a = 1 - d/nu is the
derivative of the Poisson term. An empty bin (d = 0) has x = max(-v/t, g - t): a kink in the second
derivative at v = t^2 - g t. Everything is a function of v and V = t^2, so that nothing is singular
where all factors vanish (t = 0, as for a signal-only bin at mu = 0).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._pytree import pytree_dataclass
from .._types import Array
from ..probability import gaussian_constant, poisson_deviance, poisson_slope

__all__ = [
    "NO_ERROR",
    "BinTerms",
    "Bins",
    "Curvatures",
    "Response",
    "constant",
    "curvatures",
    "response",
    "slopes",
    "solve",
    "value",
]

NO_ERROR = 1e-24
"""Below this variance (events^2) a bin's parameter has no effect."""


@pytree_dataclass
class Bins:
    """What a bin's term depends on besides v and V; arrays (tile, width)."""

    counts: Array
    valid: Array
    globs: Array
    has_parameter: Array
    held: Array
    """1 where x is held at ``held_at`` instead of being minimised over."""
    held_at: Array
    delta: Array
    """Relative error of the bin's total (scaling "total"); 0 elsewhere."""


class BinTerms(NamedTuple):
    """The bin parameter and the expectation it leads to."""

    x: Array
    nu: Array
    a: Array
    """Derivative of the bin's term by v at constant x."""


class Curvatures(NamedTuple):
    """Second derivatives of the minimised bin term by v and V."""

    vv: Array
    v_var: Array
    var_var: Array


def _error(variance: Array) -> tuple[Array, Array]:
    """(whether there is an error, t), with t = 1 where there is none, for safe division."""
    some = variance > NO_ERROR
    return some, jnp.sqrt(jnp.where(some, variance, 1.0))


def solve(v: Array, variance: Array, bins: Bins) -> BinTerms:
    """The bin parameter that minimises the bin's term (or the held one)."""
    some, t = _error(variance)
    some &= bins.has_parameter > 0
    safe = jnp.where(some, variance, 1.0)
    d, g = bins.counts, bins.globs
    m = v + g * t - safe
    filled = d > 0.0
    root = jnp.sqrt(jnp.where(filled, m * m + 4.0 * safe * d, 1.0))
    positive = m > 0.0
    smaller = jnp.where(positive, 1.0, root - m)
    nu_filled = jnp.where(positive, 0.5 * (m + root), 2.0 * safe * d / smaller)
    a_filled = 1.0 - d / jnp.where(filled, nu_filled, 1.0)
    a_empty = jnp.where(positive, 1.0, (v + g * t) / safe)
    a_free = jnp.where(filled, a_filled, a_empty)
    nu_free = jnp.where(filled, nu_filled, jnp.maximum(m, 0.0))
    x_free = jnp.where(some, g - t * a_free, g)

    held = bins.held > 0
    x_held = bins.held_at
    nu_plain = v + jnp.where(held & some, x_held * t, 0.0)
    plain = held | ~some
    a_plain = poisson_slope(jnp.where(plain, nu_plain, 1.0), d)
    return BinTerms(
        x=jnp.where(bins.has_parameter > 0, jnp.where(held, x_held, x_free), 0.0),
        nu=jnp.where(plain, nu_plain, nu_free),
        a=jnp.where(plain, a_plain, a_free),
    )


def value(v: Array, variance: Array, bins: Bins) -> Array:
    """The bin terms of the NLL less their constants, summed; x minimised over unless held."""
    variance = variance + (bins.delta * v) ** 2
    terms = solve(v, variance, bins)
    pull = jnp.where(bins.has_parameter > 0, terms.x - bins.globs, 0.0)
    per_bin = poisson_deviance(terms.nu, bins.counts) + 0.5 * pull * pull
    return jnp.sum(bins.valid * per_bin)


def constant(bins: Bins) -> Array:
    """The Gaussian constants of the bin parameters (those of the data are the caller's)."""
    return jnp.sum(bins.has_parameter) * gaussian_constant(1.0)


def _slopes(v: Array, variance: Array, bins: Bins) -> tuple[Array, Array]:
    total = variance + (bins.delta * v) ** 2
    terms = solve(v, total, bins)
    some, t = _error(total)
    some &= bins.has_parameter > 0
    # a x/(2 t), with x = g - t a where x is free: the pole at t = 0 is then only that of g.
    free = 0.5 * terms.a * (jnp.where(some, bins.globs / t, 0.0) - terms.a)
    held = jnp.where(some, 0.5 * terms.a * bins.held_at / t, 0.0)
    by_variance = jnp.where(bins.has_parameter > 0, jnp.where(bins.held > 0, held, free), 0.0)
    by_v = terms.a + by_variance * 2.0 * bins.delta**2 * v
    return bins.valid * by_v, bins.valid * by_variance


def slopes(v: Array, variance: Array, bins: Bins) -> tuple[Array, Array]:
    """First derivatives of the minimised bin terms by v and by V, (tile, width)."""
    return _slopes(v, variance, bins)


def curvatures(v: Array, variance: Array, bins: Bins) -> Curvatures:
    """Second derivatives of the minimised bin terms by v and V, (tile, width)."""
    one, zero = jnp.ones_like(v), jnp.zeros_like(v)
    _, (vv, _) = jax.jvp(lambda x, y: _slopes(x, y, bins), (v, variance), (one, zero))
    _, (v_var, var_var) = jax.jvp(lambda x, y: _slopes(x, y, bins), (v, variance), (zero, one))
    return Curvatures(vv, v_var, var_var)


class Response(NamedTuple):
    """How the bin parameter reacts: dx/dv, dx/dV, and 1/(second derivative by x)."""

    by_v: Array
    by_variance: Array
    own_variance: Array


def response(v: Array, variance: Array, bins: Bins) -> Response:
    """The linear response of free bin parameters, for their uncertainties (0 where held)."""

    def x_of(v: Array, variance: Array) -> Array:
        return solve(v, variance + (bins.delta * v) ** 2, bins).x

    one, zero = jnp.ones_like(v), jnp.zeros_like(v)
    free = (bins.has_parameter > 0) & (bins.held == 0)
    by_v = jax.jvp(x_of, (v, variance), (one, zero))[1]
    by_variance = jax.jvp(x_of, (v, variance), (zero, one))[1]
    total = variance + (bins.delta * v) ** 2
    nu = solve(v, total, bins).nu
    stiffness = 1.0 + total * bins.counts / jnp.where(nu > 0.0, nu, 1.0) ** 2
    own = jnp.where(free, 1.0 / stiffness, 0.0)
    return Response(jnp.where(free, by_v, 0.0), jnp.where(free, by_variance, 0.0), own)

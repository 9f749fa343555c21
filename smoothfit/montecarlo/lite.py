"""Barlow-Beeston lite: one parameter x a bin, N(g | x, 1), eliminated in closed form.

The bin's expectation is nu = v + x t, with v the yield and t the error in events:

* scaling "process" (Combine): t^2 = sum_i (c_i e_i)^2 follows the normalisation of each process;
* scaling "total" (pyhf): t = delta v, delta fixed at nominal.

Minimising the bin's term over x gives nu^2 + (t^2 - g t - v) nu - t^2 d = 0: with m = v + g t - t^2,
nu = (m + sqrt(m^2 + 4 t^2 d))/2, computed without cancellation, and x = g - t a, where a = 1 - d/nu is the
derivative of the Poisson term. An empty bin (d = 0) has x = max(-v/t, g - t): a kink in the second
derivative at v = t^2 - g t. Everything is a function of v and V = t^2, so that nothing is singular
where all factors vanish (t = 0, as for a signal-only bin at mu = 0).

With a Gaussian data term of variance s the derivative is a = (v + g t - d)/(s + t^2).
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp

from .._pytree import pytree_dataclass, static
from .._types import Array
from ..probability import data_curvature, data_deviance, data_slope, gaussian_constant
from .treatment import Nominal, Options, Treatment, nothing

__all__ = [
    "NO_ERROR",
    "BinTerms",
    "Bins",
    "Derivatives",
    "Response",
    "constant",
    "derivatives",
    "response",
    "solve",
    "treat",
    "value",
]

NO_ERROR = 1e-24
"""Below this variance (events^2) a bin's parameter has no effect."""


def treat(nominal: Nominal, options: Options) -> Treatment:
    """One parameter in every bin with an error; a relative error needs a positive total."""
    uncertain = nominal.sumw2.sum(axis=0) > 0.0
    usable = uncertain
    if options.scaling == "total":
        usable = uncertain & (nominal.yields.sum(axis=0) > 0.0)
    left_out = {"yield not positive, no parameter": int((uncertain & ~usable).sum())}
    return dataclasses.replace(nothing(nominal), lite=usable, left_out=left_out)


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
    data_variance: Array | None
    """Variances of a Gaussian data term (1 for padding); None for a Poisson one."""
    any_parameter: bool = static()


class BinTerms(NamedTuple):
    """The bin parameter and what it leads to."""

    v: Array
    variance: Array
    """V, with the errors relative to the total."""
    x: Array
    nu: Array
    a: Array
    """Derivative of the bin's term by v at constant x."""
    a_by_v: Array
    a_by_variance: Array
    per_error: Array
    """1/t, 0 where the bin's parameter has no effect."""


def _error(variance: Array, bins: Bins) -> tuple[Array, Array, Array]:
    """(whether x has an effect, t, 1/t), with t = 1 and 1/t = 0 where it has none."""
    some = (variance > NO_ERROR) & (bins.has_parameter > 0)
    t = jnp.sqrt(jnp.where(some, variance, 1.0))
    return some, t, jnp.where(some, 1.0 / t, 0.0)


class _Free(NamedTuple):
    """A bin whose parameter is minimised over."""

    nu: Array
    a: Array
    a_by_v: Array
    a_by_variance: Array


def _poisson(v: Array, t: Array, d: Array, g: Array) -> _Free:
    square, filled = t * t, d > 0.0
    m = v + g * t - square
    positive = m > 0.0
    root = jnp.sqrt(jnp.where(filled, m * m + 4.0 * square * d, 1.0))
    below = 2.0 * square * d / jnp.where(positive, 1.0, root - m)
    nu_filled = jnp.where(filled, jnp.where(positive, 0.5 * (m + root), below), 1.0)
    ratio = d / nu_filled
    m_by_variance = 0.5 * g / t - 1.0
    # Filled, empty with nu = m, and empty with nu = 0, where x keeps nu from becoming negative.
    at_zero = (v + g * t) / square
    a_free = jnp.where(filled, 1.0 - ratio, jnp.where(positive, 1.0, at_zero))
    a_by_v = jnp.where(filled, ratio / root, jnp.where(positive, 0.0, 1.0 / square))
    by_variance = jnp.where(positive, 0.0, (0.5 * g / t - at_zero) / square)
    by_variance = jnp.where(filled, ratio * (m_by_variance + ratio) / root, by_variance)
    nu = jnp.where(filled, nu_filled, jnp.maximum(m, 0.0))
    return _Free(nu, a_free, a_by_v, by_variance)


def _gaussian(v: Array, t: Array, d: Array, g: Array, data_variance: Array) -> _Free:
    total = data_variance + t * t
    a = (v + g * t - d) / total
    return _Free(d + data_variance * a, a, 1.0 / total, (0.5 * g / t - a) / total)


def solve(v: Array, variance: Array, bins: Bins) -> BinTerms:
    """The bin parameter that minimises the bin's term (or the held one), with its derivatives."""
    if not bins.any_parameter:
        slope, zero = data_slope(v, bins.counts, bins.data_variance), jnp.zeros_like(v)
        curve = data_curvature(v, bins.counts, bins.data_variance)
        return BinTerms(v, zero, zero, v, slope, curve, zero, zero)
    variance = variance + (bins.delta * v) ** 2
    some, t, per_error = _error(variance, bins)
    d, g = bins.counts, bins.globs
    held = bins.held > 0
    plain = held | ~some
    free = _poisson(v, t, d, g) if bins.data_variance is None else _gaussian(v, t, d, g, bins.data_variance)
    x_held = jnp.where(held, bins.held_at, 0.0)
    nu_plain = v + jnp.where(some, x_held * t, 0.0)
    safe_nu = jnp.where(plain, nu_plain, 1.0)
    slope = data_slope(safe_nu, d, bins.data_variance)
    curve = data_curvature(safe_nu, d, bins.data_variance)
    # Where V = 0 a free parameter still has its share in the derivatives by V.
    plain_by_variance = curve * jnp.where(held, 0.5 * x_held * per_error, -slope)
    a = jnp.where(plain, slope, free.a)
    return BinTerms(
        v=v,
        variance=variance,
        x=jnp.where(bins.has_parameter > 0, jnp.where(held, x_held, g - jnp.where(some, t * a, 0.0)), 0.0),
        nu=jnp.where(plain, nu_plain, free.nu),
        a=a,
        a_by_v=jnp.where(plain, curve, free.a_by_v),
        a_by_variance=jnp.where(plain, plain_by_variance, free.a_by_variance),
        per_error=per_error,
    )


def value(terms: BinTerms, bins: Bins) -> Array:
    """The bin terms of the NLL less their constants, summed; x minimised over unless held."""
    per_bin = data_deviance(terms.nu, bins.counts, bins.data_variance)
    if bins.any_parameter:
        pull = jnp.where(bins.has_parameter > 0, terms.x - bins.globs, 0.0)
        per_bin += 0.5 * pull * pull
    return jnp.sum(bins.valid * per_bin)


def constant(bins: Bins) -> Array:
    """The Gaussian constants of the bin parameters (those of the data are the caller's)."""
    return jnp.sum(bins.valid * bins.has_parameter) * gaussian_constant(1.0)


class Derivatives(NamedTuple):
    """First and second derivatives of the minimised bin terms by v and V; arrays (tile, width)."""

    by_v: Array
    by_variance: Array
    vv: Array
    v_var: Array
    var_var: Array


def derivatives(terms: BinTerms, bins: Bins) -> Derivatives:
    """Derivatives of the minimised bin terms.

    With W = V + (delta v)^2 the term's derivatives are a by v and a x/(2 t) = a (g/t - a)/2 by W; the
    rest is the chain rule. The only pole at t = 0 is that of a global observable that is not zero.
    """
    if not bins.any_parameter:
        zero = jnp.zeros_like(terms.v)
        return Derivatives(bins.valid * terms.a, zero, bins.valid * terms.a_by_v, zero, zero)
    held = bins.held > 0
    inverse = terms.per_error
    shift = jnp.where(held, bins.held_at, bins.globs) * inverse
    shift_by_w = -0.5 * shift * inverse**2
    own = jnp.where(held, 0.0, terms.a)
    own_by_w = jnp.where(held, 0.0, terms.a_by_variance)
    has = bins.valid * bins.has_parameter
    w = has * 0.5 * terms.a * (shift - own)
    v_w = bins.valid * terms.a_by_variance
    w_w = has * 0.5 * (terms.a_by_variance * (shift - own) + terms.a * (shift_by_w - own_by_w))
    w_by_v = 2.0 * bins.delta**2 * terms.v
    return Derivatives(
        by_v=bins.valid * terms.a + w * w_by_v,
        by_variance=w,
        vv=bins.valid * terms.a_by_v + w_by_v * (2.0 * v_w + w_w * w_by_v) + 2.0 * bins.delta**2 * w,
        v_var=v_w + w_w * w_by_v,
        var_var=w_w,
    )


class Response(NamedTuple):
    """How free bin parameters react: dx/dv, dx/dV, and 1/(second derivative by x); 0 where held."""

    by_v: Array
    by_variance: Array
    own_variance: Array


def response(terms: BinTerms, bins: Bins) -> Response:
    """The linear response of the bin parameters, for their uncertainties."""
    free = jnp.where((bins.has_parameter > 0) & (bins.held == 0), 1.0, 0.0)
    _, t, inverse = _error(terms.variance, bins)
    x_by_w = jnp.where(inverse > 0.0, -0.5 * terms.a * inverse - t * terms.a_by_variance, 0.0)
    x_by_v = jnp.where(inverse > 0.0, -t * terms.a_by_v, 0.0)
    safe_nu = jnp.where(terms.nu > 0.0, terms.nu, 1.0)
    of_data = bins.counts / safe_nu**2 if bins.data_variance is None else 1.0 / bins.data_variance
    stiffness = 1.0 + terms.variance * of_data
    by_v = x_by_v + x_by_w * 2.0 * bins.delta**2 * terms.v
    return Response(free * by_v, free * x_by_w, free / stiffness)

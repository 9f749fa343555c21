"""Poisson and Gaussian terms of the likelihood, to full precision and never infinite.

The Poisson term is split in a *deviance* part, which vanishes at nu = d and carries everything a
fit needs, and a constant Pois(d | d). With z = (nu - d)/d the deviance is d (z - log1p(z)): the
textbook form nu - d + d log(d/nu) loses 1e-8 at 1e9 events, this one 1e-12. The constant comes
from Stirling's series, so that the sum keeps that precision.

Expectations at or below zero are not physical but minimisers pass through them. Below a tiny
threshold the term continues as a parabola, with the same value and first two derivatives at
the threshold: finite and twice differentiable everywhere, never better than a legal point.

* d > 0: threshold 1e-9 max(d, 1); below, the second-order Taylor expansion of nu - d log(nu).
* d = 0: threshold 1e-9, slope bending from 1 to 0 at nu = 0 and a parabola below: bounded from
  below with its minimum, 1e-9/3, at nu = 0.
"""

from __future__ import annotations

import math

import jax.numpy as jnp

from ._types import Array

__all__ = [
    "EMPTY",
    "FLOOR",
    "data_constant",
    "data_curvature",
    "data_deviance",
    "data_slope",
    "gaussian_constant",
    "poisson_constant",
    "poisson_curvature",
    "poisson_deviance",
    "poisson_slope",
]

FLOOR = 1e-9
"""Expectations (events) below which the Poisson term is continued by a parabola."""

EMPTY = 1e-8
"""Expectations (events) that count as zero: that near the parabola's minimum may lie to either side."""

_STIRLING_FROM = 16.0


def _threshold(d: Array) -> Array:
    return FLOOR * jnp.maximum(d, 1.0)


def poisson_deviance(nu: Array, d: Array) -> Array:
    """-log Pois(d | nu) + log Pois(d | d), elementwise; continued smoothly for nu <= 0.

    Parameters
    ----------
    nu, d
        Expected and observed events, of one shape; d >= 0 and need not be integer.

    Examples
    --------
    >>> float(poisson_deviance(10.0, 10.0)), float(poisson_deviance(3.0, 0.0))
    (0.0, 3.0)
    """
    nu, d = jnp.asarray(nu, float), jnp.asarray(d, float)
    edge = _threshold(d)
    filled = d > 0.0
    safe_d = jnp.where(filled, d, 1.0)
    legal = jnp.where(nu > edge, nu, jnp.where(filled, edge, 1.0))
    z = (legal - safe_d) / safe_d
    exact = jnp.where(filled, safe_d * (z - jnp.log1p(z)), legal)
    below = jnp.minimum(nu - edge, 0.0)
    parabola = below * (1.0 - safe_d / edge) + 0.5 * safe_d * (below / edge) ** 2
    u = jnp.minimum(nu, edge) / edge
    bend = edge * (jnp.where(u > 0.0, u * u * (1.0 - u / 3.0), u * u) + 1.0 / 3.0)
    return jnp.where(filled, exact + parabola, jnp.where(nu > edge, exact, bend))


def poisson_slope(nu: Array, d: Array) -> Array:
    """The derivative of :func:`poisson_deviance` by nu: 1 - d/nu where nu is legal.

    Examples
    --------
    >>> float(poisson_slope(20.0, 10.0))
    0.5
    """
    nu, d = jnp.asarray(nu, float), jnp.asarray(d, float)
    edge = _threshold(d)
    legal = jnp.where(nu > edge, nu, edge)
    below = jnp.minimum(nu - edge, 0.0)
    u = jnp.minimum(nu, edge) / edge
    bend = jnp.where(u > 0.0, u * (2.0 - u), 2.0 * u)
    return jnp.where(d > 0.0, (legal - d) / legal + d * below / edge**2, bend)


def poisson_curvature(nu: Array, d: Array) -> Array:
    """The second derivative of :func:`poisson_deviance` by nu: d/nu^2 where nu is legal.

    Examples
    --------
    >>> float(poisson_curvature(20.0, 10.0))
    0.025
    """
    nu, d = jnp.asarray(nu, float), jnp.asarray(d, float)
    edge = _threshold(d)
    u = jnp.clip(nu / edge, 0.0, 1.0)
    return jnp.where(d > 0.0, d / jnp.maximum(nu, edge) ** 2, 2.0 * (1.0 - u) / edge)


def poisson_constant(d: Array) -> Array:
    """-log Pois(d | d) = d - d log d + logGamma(d + 1), elementwise, by Stirling's series.

    Examples
    --------
    >>> float(poisson_constant(0.0)), float(poisson_constant(1.0))
    (0.0, 1.0)
    """
    d = jnp.asarray(d, float)
    large = d >= _STIRLING_FROM
    small = jnp.where(large | (d <= 0.0), 1.0, d)
    # Below, logGamma(d + 1) = logGamma(d + 17) - log((d + 1) (d + 2) .. (d + 16)).
    big = jnp.where(large, d, small + _STIRLING_FROM)
    inverse = 1.0 / big
    square = inverse * inverse
    tail = 1.0 / 1260.0 - square * (1.0 / 1680.0 - square * (1.0 / 1188.0 - square * 691.0 / 360360.0))
    series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * tail))
    stirling = 0.5 * jnp.log(2.0 * jnp.pi * big) + series
    product = math.prod(small + k for k in range(1, int(_STIRLING_FROM) + 1))
    log_gamma = stirling + big * jnp.log(big) - big - jnp.log(product)
    direct = small - small * jnp.log(small) + log_gamma
    return jnp.where(large, stirling, jnp.where(d > 0.0, direct, 0.0))


def gaussian_constant(width: Array | float) -> Array:
    """log(width) + log(2 pi)/2, the constant of a Gaussian density.

    Examples
    --------
    >>> round(float(gaussian_constant(1.0)), 6)
    0.918939
    """
    return jnp.log(width) + 0.5 * jnp.log(2.0 * jnp.pi)


def data_deviance(nu: Array, d: Array, variance: Array | None = None) -> Array:
    """The data term less its constant: Poisson, or (nu - d)^2/(2 variance) if a variance is given.

    Examples
    --------
    >>> float(data_deviance(3.0, 0.0)), float(data_deviance(3.0, 1.0, 4.0))
    (3.0, 0.5)
    """
    return poisson_deviance(nu, d) if variance is None else 0.5 * (nu - d) ** 2 / variance


def data_slope(nu: Array, d: Array, variance: Array | None = None) -> Array:
    """The derivative of :func:`data_deviance` by nu."""
    return poisson_slope(nu, d) if variance is None else (nu - d) / variance


def data_curvature(nu: Array, d: Array, variance: Array | None = None) -> Array:
    """The second derivative of :func:`data_deviance` by nu."""
    return poisson_curvature(nu, d) if variance is None else jnp.ones_like(nu) / variance


def data_constant(d: Array, variance: Array | None = None) -> Array:
    """What :func:`data_deviance` leaves out of -log of the data's probability (density)."""
    return poisson_constant(d) if variance is None else gaussian_constant(jnp.sqrt(variance))

"""Whose the variance of a quantity is: exact shares of the terms of the likelihood.

The NLL is a sum of terms s (data, constraints, Monte Carlo statistics, terms of the user), and so is its
Hessian over parameters and bin parameters, H = sum of H_s. With C = H^-1 and q the gradient of a quantity its
variance is q^T C q = q^T C H C q, so that

    variance = sum over s of u^T H_s u,      u = C q

exactly: the share of s is the second derivative of its term along one direction u, and no matrix of the
size of all parameters is ever made. With the likelihood of a Gaussian measurement u^T H_s u is what
fluctuations of s alone would give: H^-1 H_s H^-1 is the covariance of the estimates when the observables
of s vary (the decomposition of A. Pinto et al., "Uncertainty components in profile likelihood fits", Eur.
Phys. J. C 84 (2024) 593, in the form of second derivatives). The data's term has a second part, its slope
times the curvature of the expectation, which vanishes for Asimov data; off it shares may be negative.

A bin with an error but no data, where the yield ends at 0, needs care: its parameter x is then stuck where
the bin is empty. The data's slope there is what balances x's constraint, (g - x)/t, and the yield moves at
second order only, so that there is no curvature.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from ..likelihood import constraint, objective
from ..prepared import Data, Fixed, Prepared
from ..probability import FLOOR, data_curvature, data_slope
from .prediction import expected

__all__ = ["Shares", "second_derivatives"]


class Shares(NamedTuple):
    """Second derivatives along directions, by term of the NLL."""

    data: Array
    """(direction, bin)"""
    of_params: Array
    """(direction, param): constraints; those of a correlated set add up over it."""
    of_bins: Array
    """(direction, bin parameter): constraints of Monte Carlo statistics."""
    user: Array
    """(direction,): terms of the user."""


def second_derivatives(prepared: Prepared, data: Data, x: Array, directions: Array) -> Shares:
    """Second derivatives of every term of the NLL along directions (direction, param + bin param) at ``x``.

    ``directions`` are 0 for parameters that are held.
    """
    n = prepared.plan.n_params
    p, bins = x[:n], x[n:]
    everything = Fixed(mask=jnp.ones_like(p), values=p, bin_mask=jnp.ones_like(bins), bin_values=bins)
    problem = objective.pose(prepared, data, everything)
    derived, plan = problem.derived, problem.derived.plan
    counted = plan.geometry.counted.ravel()[plan.geometry.to_flat]
    variance = None
    if problem.bins.data_variance is not None:
        variance = problem.bins.data_variance.ravel()[plan.geometry.to_flat]

    def nu(at: Array) -> Array:
        return expected(prepared, at)

    def user(p: Array) -> Array:
        return constraint.user_terms(derived, p, problem.counts, problem.globs)

    slope, curvature = _of_data(prepared, data, x, variance)

    def along(u: Array) -> Shares:
        def moved(at: Array) -> Array:
            return jax.jvp(nu, (at,), (u,))[1]

        first, second = jax.jvp(moved, (x,), (u,))
        of_data = counted * (curvature * first**2 + slope * second)
        pull = jax.grad(lambda p: constraint.value(derived, p, problem.param_globs))
        of_params = u[:n] * jax.jvp(pull, (p,), (u[:n],))[1]
        return Shares(of_data, of_params, _stiffness(prepared, data, bins) * u[n:] ** 2, of_user(u[:n]))

    def of_user(u: Array) -> Array:
        if not plan.constraint.terms:
            return jnp.zeros(())

        def slope_along(p: Array) -> Array:
            return jax.jvp(user, (p,), (u,))[1]

        return jax.jvp(slope_along, (p,), (u,))[1]

    return jax.lax.map(along, directions)


def _of_data(prepared: Prepared, data: Data, x: Array, variance: Array | None) -> tuple[Array, Array]:
    """(bin,): first and second derivative of the data's terms by the yields."""
    plan, nu = prepared.plan, expected(prepared, x)
    slope = data_slope(nu, data.counts, variance)
    curvature = data_curvature(nu, data.counts, variance)
    if plan.lite is None or variance is not None:
        return slope, curvature
    n = plan.n_params
    unit = jnp.zeros_like(x).at[n + plan.lite.number].set(1.0)
    error = jax.jvp(lambda at: expected(prepared, at), (x,), (unit,))[1]
    place = jnp.append(data.bin_globs - x[n:], 0.0)
    pull = place[plan.lite.from_flat].ravel()[plan.geometry.to_flat]
    empty = (data.counts == 0.0) & (nu <= FLOOR) & (error > 0.0)
    slope = jnp.where(empty, pull / jnp.where(empty, error, 1.0), slope)
    return slope, jnp.where(empty, 0.0, curvature)


def _stiffness(prepared: Prepared, data: Data, bins: Array) -> Array:
    """(bin parameter,): second derivatives of their constraints."""
    plan = prepared.plan
    if plan.bins is None:
        return jnp.zeros(0)
    counting = plan.bins.counting > 0
    safe = jnp.where(counting & (bins > 0.0), bins, 1.0)
    return jnp.where(counting, data.bin_globs / safe**2, 1.0)

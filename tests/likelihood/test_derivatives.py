"""Derivatives written by hand against automatic ones, and eliminating against carrying along."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import ELIMINATING, MODELS, cached, fitted, random_values, slow_but_for

from smoothfit import functional
from smoothfit._pytree import resolve
from smoothfit.inference import compiled
from smoothfit.likelihood import objective

NAMES = list(MODELS)
# Carrying all parameters along costs a compilation a model.
EXPLICIT = ["effects", "arrays", *ELIMINATING]
QUICK = ("effects", "arrays", "slots")
"""Of every kind one: programs of full ones, and explicit likelihoods, take long to compile."""


def with_derivatives(fun, z):
    """(value, gradient, Hessian) of a function by JAX, all in one program."""
    pushed = jax.vmap(lambda e: jax.jvp(jax.value_and_grad(fun), (z,), (e,)))(jnp.eye(len(z)))
    (value, gradient), (_, hessian) = pushed
    return value[0], gradient[0], hessian


@jax.jit
def both(prepared, data, z):
    """The evaluation that fits use with all parameters there, and what JAX makes of the value alone."""
    problem = objective.pose(prepared, data, functional.nothing_fixed(prepared))

    def value(z):
        return objective.value(problem, z)

    found = objective.evaluate(problem, z)
    left = objective.eliminated(problem, found.y, found.reaction)
    params = objective.full_values(problem, z, left.local)
    return found, with_derivatives(value, z), params, objective.constants(problem)


@jax.jit
def explicit(prepared, values, obs, globs):
    """Value and derivatives of the NLL with all its parameters carried along."""

    def nll(v):
        return functional.nll(prepared, v, obs, globs)

    return with_derivatives(nll, values)


def assert_close(found, expected, relative):
    scale = max(float(np.max(np.abs(expected))), 1e-300)
    np.testing.assert_allclose(found, expected, rtol=0, atol=relative * scale)


@pytest.mark.parametrize("name", slow_but_for(QUICK, NAMES))
def test_gradient_and_hessian_equal_automatic_differentiation(name):
    small = cached(name)
    prepared = small.model.prepared
    data = functional.data_of(prepared, small.obs, small.globs)
    rng = np.random.default_rng(3)
    dense = np.asarray(prepared.plan.dense.values).astype(int)
    for size in (0.0, 0.4, 2.0):
        z = jnp.asarray(random_values(small, rng, size)[dense])
        found, (value, gradient, hessian), _, _ = both(prepared, data, z)
        np.testing.assert_allclose(found.value, value, rtol=1e-12)
        assert_close(found.gradient, gradient, 1e-9)
        assert_close(found.hessian, hessian, 1e-9)


@pytest.mark.parametrize("name", slow_but_for(QUICK, EXPLICIT))
def test_the_fit_is_a_minimum_of_the_likelihood_with_all_parameters(name):
    small, fit = fitted(name)
    value, gradient, hessian = explicit(small.model.prepared, fit.x, small.obs, small.globs)
    np.testing.assert_allclose(value, fit.fun, rtol=1e-13)
    free = np.concatenate([~fit.at_limit, np.ones(len(fit.bin_parameters), bool)])
    # In units of each parameter's error: a gradient of 1 is one sigma away.
    errors = 1.0 / np.sqrt(np.diagonal(hessian))
    assert np.max(np.abs(np.asarray(gradient) * errors)[free]) < 1e-7
    assert np.all(np.linalg.eigvalsh(np.asarray(hessian)[np.ix_(free, free)]) > 0.0)


@pytest.mark.parametrize("name", slow_but_for(QUICK, EXPLICIT))
def test_covariance_and_bin_errors_are_those_of_the_full_hessian(name):
    small, fit = fitted(name)
    covariance = np.linalg.inv(np.asarray(explicit(small.model.prepared, fit.x, small.obs, small.globs)[2]))
    n = small.model.layout.n_params
    errors = np.sqrt(np.diagonal(covariance))
    scale = np.outer(errors[:n], errors[:n])
    np.testing.assert_allclose(fit.hess_inv / scale, covariance[:n, :n] / scale, rtol=0, atol=1e-7)
    np.testing.assert_allclose(fit.errors, errors, rtol=1e-7)


@pytest.mark.parametrize("name", slow_but_for(("locals", "slots"), ELIMINATING))
def test_eliminated_parameters_minimise_at_any_point(name):
    """The eliminated value is the lowest of the explicit ones: gradient 0, and the curvature follows."""
    small = cached(name)
    prepared = small.model.prepared
    data = functional.data_of(prepared, small.obs, small.globs)
    rng = np.random.default_rng(5)
    dense = np.asarray(prepared.plan.dense.values).astype(int)
    own = np.setdiff1d(np.arange(prepared.plan.n_params + small.model.layout.n_bin_params), dense)
    for size in (0.3, 1.0):
        z = jnp.asarray(random_values(small, rng, size)[dense])
        found, _, params, constants = both(prepared, data, z)
        found_at = compiled.sensitivity(prepared, data, functional.nothing_fixed(prepared), params)
        bins = objective.of_bin_params(resolve(prepared.plan), found_at.lite, found_at.local)
        values = np.concatenate([params, bins])
        value, gradient, hessian = explicit(prepared, values, small.obs, small.globs)
        np.testing.assert_allclose(found.value + constants, value, rtol=1e-13)
        assert np.max(np.abs(np.asarray(gradient)[own])) < 1e-7
        # The gradient by the others is that of the full likelihood (envelope theorem), and the
        # Hessian its Schur complement.
        assert_close(found.gradient, np.asarray(gradient)[dense], 1e-9)
        h = np.asarray(hessian)
        cross = h[np.ix_(dense, own)]
        schur = h[np.ix_(dense, dense)] - cross @ np.linalg.solve(h[np.ix_(own, own)], cross.T)
        assert_close(found.hessian, schur, 1e-8)
        assert np.all(np.linalg.eigvalsh(h[np.ix_(own, own)]) > 0.0)

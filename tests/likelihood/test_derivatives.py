"""Derivatives written by hand against automatic ones, and eliminating against carrying along."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import MODELS, cached, random_values

from smoothfit import functional
from smoothfit.likelihood import objective

NAMES = list(MODELS)


@jax.jit
def by_hand(prepared, data, fixed, z, y):
    return objective.evaluate(objective.pose(prepared, data, fixed), z, y)


@jax.jit
def automatic(prepared, data, fixed, z, y):
    problem = objective.pose(prepared, data, fixed)

    def value(z):
        return objective.value(problem, z, y)

    return value(z), jax.grad(value)(z), jax.hessian(value)(z)


@jax.jit
def explicit(prepared, values, obs, globs):
    """Value and derivatives of the NLL with all its parameters carried along."""

    def nll(v):
        return functional.nll(prepared, v, obs, globs)

    return nll(values), jax.grad(nll)(values), jax.hessian(nll)(values)


@jax.jit
def solved(prepared, obs, globs):
    return functional.fit(prepared, obs, globs=globs)


def assert_close(found, expected, relative):
    scale = max(float(np.max(np.abs(expected))), 1e-300)
    np.testing.assert_allclose(found, expected, rtol=0, atol=relative * scale)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_and_hessian_equal_automatic_differentiation(name):
    small = cached(name)
    prepared = small.model.prepared
    data = functional.data_of(prepared, small.obs, small.globs)
    fixed = functional.nothing_fixed(prepared)
    rng = np.random.default_rng(3)
    dense = np.asarray(prepared.plan.dense.values).astype(int)
    _, y = objective.dense_start(objective.pose(prepared, data, fixed))
    for size in (0.0, 0.4, 2.0):
        z = jnp.asarray(random_values(small, rng, size)[dense])
        found = by_hand(prepared, data, fixed, z, y)
        value, gradient, hessian = automatic(prepared, data, fixed, z, y)
        np.testing.assert_allclose(found.value, value, rtol=1e-12)
        assert_close(found.gradient, gradient, 1e-9)
        assert_close(found.hessian, hessian, 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_fit_is_a_minimum_of_the_likelihood_with_all_parameters(name):
    small = cached(name)
    prepared = small.model.prepared
    fit = solved(prepared, small.obs, small.globs)
    assert int(fit.status) == 0
    values = jnp.concatenate([fit.values, fit.bin_values])
    value, gradient, hessian = explicit(prepared, values, small.obs, small.globs)
    np.testing.assert_allclose(value, fit.nll, rtol=1e-13)
    free = np.concatenate([np.asarray(fit.at_limit) == 0, np.ones(len(fit.bin_values), bool)])
    # In units of each parameter's error: a gradient of 1 is one sigma away.
    errors = 1.0 / np.sqrt(np.diagonal(hessian))
    assert np.max(np.abs(np.asarray(gradient) * errors)[free]) < 1e-7
    assert np.all(np.linalg.eigvalsh(np.asarray(hessian)[np.ix_(free, free)]) > 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_covariance_and_bin_errors_are_those_of_the_full_hessian(name):
    small = cached(name)
    prepared = small.model.prepared
    fit = solved(prepared, small.obs, small.globs)
    values = jnp.concatenate([fit.values, fit.bin_values])
    covariance = np.linalg.inv(np.asarray(explicit(prepared, values, small.obs, small.globs)[2]))
    n = len(fit.values)
    errors = np.sqrt(np.diagonal(covariance))
    scale = np.outer(errors[:n], errors[:n])
    np.testing.assert_allclose(fit.covariance / scale, covariance[:n, :n] / scale, rtol=0, atol=1e-7)
    np.testing.assert_allclose(fit.bin_errors, errors[n:], rtol=1e-7)
    np.testing.assert_allclose(
        functional.hessian(prepared, values, small.obs, small.globs),
        explicit(prepared, values, small.obs, small.globs)[2],
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.parametrize("name", ["lite_process", "lite_total", "locals", "eft"])
def test_eliminated_parameters_minimise_at_any_point(name):
    """The eliminated value is the lowest of the explicit ones: gradient 0, and no step is lower."""
    small = cached(name)
    prepared = small.model.prepared
    data = functional.data_of(prepared, small.obs, small.globs)
    rng = np.random.default_rng(5)
    dense = np.asarray(prepared.plan.dense.values).astype(int)
    n = prepared.plan.n_params
    own = np.setdiff1d(np.arange(n + small.model.layout.n_bin_params), dense)
    problem = objective.pose(prepared, data, functional.nothing_fixed(prepared))
    _, y = objective.dense_start(problem)
    for size in (0.3, 1.0):
        z = jnp.asarray(random_values(small, rng, size)[dense])
        found = by_hand(prepared, data, functional.nothing_fixed(prepared), z, y)
        response = objective.sensitivity(problem, z, found.y)
        values = np.concatenate([objective.full_values(problem, z, found.y), response.bin])
        value, gradient, hessian = explicit(prepared, values, small.obs, small.globs)
        np.testing.assert_allclose(found.value + objective.constants(problem), value, rtol=1e-13)
        assert np.max(np.abs(np.asarray(gradient)[own])) < 1e-7
        # The gradient by the others is that of the full likelihood (envelope theorem), and the
        # Hessian its Schur complement.
        assert_close(found.gradient, np.asarray(gradient)[dense], 1e-9)
        h = np.asarray(hessian)
        cross = h[np.ix_(dense, own)]
        schur = h[np.ix_(dense, dense)] - cross @ np.linalg.solve(h[np.ix_(own, own)], cross.T)
        assert_close(found.hessian, schur, 1e-8)
        assert np.all(np.linalg.eigvalsh(h[np.ix_(own, own)]) > 0.0)

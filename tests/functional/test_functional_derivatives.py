"""Derivatives of fits, bounds, tests and limits against finite differences of full refits.

Ten random models, with parameters at bounds in some. The witness are central differences of the values, which
:mod:`test_hypotests` compares with the model's own methods.
"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_models import N_CHANGES, case, moved

from smoothfit import Model, Process, Variable, functional
from smoothfit._pytree import resolve

SEEDS = range(10)


def of_fit(prepared, obs, globs):
    """Estimates, the lowest NLL, the covariance of the first three parameters."""
    fit = functional.fit(prepared, obs, globs=globs)
    return jnp.concatenate([fit.values, fit.bin_values[:2], fit.nll[None], fit.covariance[:3, :3].ravel()])


def of_bounds(prepared, obs, globs):
    """Minos' bounds of a nuisance, and the upper one of the signal."""
    best = functional.fit(prepared, obs, globs=globs)
    found = [
        best.values[at] + side * functional.minos(prepared, at, side, best, obs, globs=globs).r
        for at, side in ((2, 1.0), (2, -1.0), (0, 1.0))
    ]
    return jnp.stack(found)


def of_test(prepared, obs, globs):
    """The statistic, CLs and its expectations."""
    found = functional.hypotest(prepared, 0, 1.1, obs, globs=globs)
    return jnp.concatenate([jnp.stack([found.q, found.cls]), found.expected_cls])


def of_significance(prepared, obs, globs):
    """Observed and expected."""
    found = functional.significance(prepared, 0, obs, globs=globs)
    return jnp.stack([found.q0, found.expected[2]])


def of_limit(prepared, obs, globs):
    """Observed and expected."""
    found = functional.upper_limit(prepared, 0, obs, globs=globs)
    return jnp.concatenate([found.observed[None], found.expected])


OUTCOMES = {f.__name__: f for f in (of_fit, of_bounds, of_test, of_significance, of_limit)}
STEP = 0.003


@cache
def compiled(name):
    """The outcome of (prepared, obs, globs, s), and its derivatives by s; all cases have one structure."""

    def outcome(prepared, obs, globs, s):
        return OUTCOMES[name](*moved(prepared, obs, globs, s))

    return [jax.jit(f) for f in (outcome, jax.jacrev(outcome, argnums=3), jax.jacfwd(outcome, argnums=3))]


def arguments(seed):
    one = case(seed)
    return one, (resolve(one.model.prepared), jnp.asarray(one.obs), jnp.asarray(one.globs))


def differences(value, step):
    """(outcome, change): central differences of sixth order."""
    columns = []
    for unit in step * np.eye(N_CHANGES):
        near = 45 * (value(unit) - value(-unit)) - 9 * (value(2 * unit) - value(-2 * unit))
        columns.append((near + value(3 * unit) - value(-3 * unit)) / (60 * step))
    return np.stack(columns, axis=1)


def second(name, seed):
    """Second derivatives against differences of the first ones."""
    _, given = arguments(seed)
    _, reverse, _ = compiled(name)
    expected = differences(lambda s: np.asarray(reverse(*given, jnp.asarray(s)))[:2].ravel(), STEP)

    def outcome(prepared, obs, globs, s):
        return OUTCOMES[name](*moved(prepared, obs, globs, s))[:2]

    found = np.asarray(
        jax.jit(jax.jacfwd(jax.jacrev(outcome, argnums=3), argnums=3))(*given, jnp.zeros(N_CHANGES))
    )
    found = found.reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.max(np.abs(expected)))


def check(name, seed):
    _, given = arguments(seed)
    outcome, reverse, forward = compiled(name)
    expected = differences(lambda s: np.asarray(outcome(*given, jnp.asarray(s))), STEP)
    found = np.asarray(reverse(*given, jnp.zeros(N_CHANGES)))
    assert np.all(np.isfinite(found))
    scale = np.max(np.abs(expected), axis=1, keepdims=True)
    # What is 0 whatever changes, as an estimate at its bound, has derivatives of 0.
    scale = np.where(scale > 1e-7, scale, 1.0)
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        np.asarray(forward(*given, jnp.zeros(N_CHANGES))) / scale, found / scale, rtol=0, atol=1e-9
    )


@pytest.mark.parametrize(
    "which", [*(pytest.param(n, marks=pytest.mark.slow) for n in ("cls", "limit")), "bound"]
)
def test_derivatives_of_a_small_model_are_those_of_refits(which):
    """As quick as can be; the slow tests below have everything."""
    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()

    def outcome(s):
        prepared = model.replaced("bkg", "main", yields=jnp.array([50.0, 40.0]) * (1.0 + s))
        obs = jnp.array([51.0, 42.0])
        if which == "cls":
            return functional.hypotest(prepared, 0, 1.0, obs).cls
        if which == "limit":
            return functional.upper_limit(prepared, 0, obs).observed
        best = functional.fit(prepared, obs)
        return best.values[0] + functional.minos(prepared, 0, 1.0, best, obs).r

    found = jax.grad(outcome)(jnp.zeros(2))
    for k, unit in enumerate(0.01 * np.eye(2)):
        near = 45 * (outcome(unit) - outcome(-unit)) - 9 * (outcome(2 * unit) - outcome(-2 * unit))
        expected = (near + outcome(3 * unit) - outcome(-3 * unit)) / 0.6
        assert float(found[k]) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", OUTCOMES)
def test_derivatives_of_ten_models_are_those_of_refits(name, seed):
    check(name, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 4])
@pytest.mark.parametrize("name", OUTCOMES)
def test_second_derivatives(name, seed):
    second(name, seed)

"""Tests, significances and limits as functions: against the methods of the model, which search otherwise."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_models import case

from smoothfit import Model, Process, Variable, functional
from smoothfit.constraints import LogDensity
from smoothfit.errors import InvalidValueError

pytestmark = pytest.mark.filterwarnings("ignore::smoothfit.errors.AsymptoticWarning")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("value", [0.3, 2.0])
def test_a_test_is_that_of_the_model(seed, value):
    model, obs, globs = case(seed)
    found = functional.hypotest(model.prepared, 0, value, obs, globs=globs)
    expected = model.hypotest("mu", value, obs, globs=globs)
    assert bool(found.found)
    assert float(found.q) == pytest.approx(expected.q, abs=1e-7)
    for name in ("clsb", "clb", "cls"):
        assert float(getattr(found, name)) == pytest.approx(getattr(expected, name), abs=1e-7)
    ratio = expected.expected_clsb / expected.expected_clb
    np.testing.assert_allclose(found.expected_cls, ratio, atol=1e-7)
    assert float(found.best) == pytest.approx(expected.best, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_significances_and_limits_are_those_of_the_model(seed):
    model, obs, globs = case(seed)
    found = functional.significance(model.prepared, 0, obs, globs=globs)
    expected = model.significance("mu", obs, globs=globs)
    assert float(found.observed) == pytest.approx(expected.observed, abs=1e-6)
    assert float(found.p_value) == pytest.approx(expected.p_value, abs=1e-6)
    np.testing.assert_allclose(found.expected, expected.expected, atol=1e-6)
    limit = functional.upper_limit(model.prepared, 0, obs, globs=globs)
    known = model.upper_limit("mu", obs, globs=globs)
    assert bool(limit.found)
    assert bool(jnp.all(limit.expected_found))
    assert float(limit.observed) == pytest.approx(known.observed, rel=1e-7)
    np.testing.assert_allclose(limit.expected, known.expected, rtol=1e-7)


@cache
def signed():
    """A signal that may be negative, held down by few events."""
    mu = Variable("mu", 0.5, lower_bound=-3.0, upper_bound=10.0)
    rate = Variable("rate", 0.0, nuisance=True)
    model = Model().add_proc(Process("sig", [6.0, 3.0]).scale_by(mu))
    return model.add_proc(Process("bkg", [30.0, 20.0]).add_lnN(rate, 1.1)).prepare()


@pytest.mark.parametrize("obs", [[20.0, 15.0], [36.0, 22.0]])
@pytest.mark.parametrize(
    "statistic",
    [
        "qtilde",
        "t",
        pytest.param("ttilde", marks=pytest.mark.slow),
        pytest.param("q", marks=pytest.mark.slow),
    ],
)
def test_statistics_of_estimates_below_zero(statistic, obs):
    for alternative in (0.0, 1.0) if statistic in ("q", "t") else (0.0,):
        options = {"statistic": statistic, "alternative": alternative}
        found = functional.hypotest(signed().prepared, 0, 1.5, obs, **options)
        expected = signed().hypotest("mu", 1.5, obs, **options)
        assert float(found.q) == pytest.approx(expected.q, abs=1e-7)
        assert float(found.cls) == pytest.approx(expected.cls, abs=1e-7)
        ratio = expected.expected_clsb / expected.expected_clb
        np.testing.assert_allclose(found.expected_cls, ratio, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statistic", "rule", "cl"), [("q", "clsb", 0.9), ("qtilde", "clsb", 0.95), ("q", "cls", 0.68)]
)
def test_limits_of_other_statistics_rules_and_levels(statistic, rule, cl):
    options = {"statistic": statistic, "rule": rule, "cl": cl}
    for obs in ([20.0, 15.0], [36.0, 22.0]):
        found = functional.upper_limit(signed().prepared, 0, obs, **options)
        expected = signed().upper_limit("mu", obs, **options)
        for one, other in zip(
            (found.observed, *found.expected), (expected.observed, *expected.expected), strict=True
        ):
            # Where the data exclude all values from 0 on, the model looks below, this does not.
            if other > 0.0:
                assert float(one) == pytest.approx(other, rel=1e-6)
            else:
                assert np.isnan(one)


@pytest.mark.slow
def test_a_limit_beyond_the_bound_is_none():
    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=1.0)
    model = Model().add_proc(Process("sig", [6.0, 3.0]).scale_by(mu))
    model = model.add_proc(Process("bkg", [30.0, 20.0])).prepare()

    def limit(yields):
        found = functional.upper_limit(model.replaced("sig", "main", yields=yields), 0, [36.0, 22.0])
        return found.observed, found

    (value, found), slope = jax.value_and_grad(limit, has_aux=True)(jnp.array([6.0, 3.0]))
    assert np.isnan(value)
    assert not found.found
    assert not np.any(found.expected_found[3:])
    assert np.all(np.isnan(slope))


@pytest.mark.slow
def test_many_templates_at_once_are_the_loop():
    model, obs, globs = case(2)
    rng = np.random.default_rng(1)
    nominal = np.asarray(next(p for p in model.specification.processes if p.name == "sig")["A"].yields[0])
    many = jnp.asarray(nominal * rng.uniform(0.8, 1.2, (5, len(nominal))))

    def cls(yields):
        prepared = model.replaced("sig", "A", yields=yields)
        return functional.hypotest(prepared, 0, 1.5, obs, globs=globs).cls

    gradient = jax.jit(jax.grad(cls))
    together = jax.jit(jax.vmap(jax.grad(cls)))(many)
    np.testing.assert_allclose(together, [gradient(one) for one in many], rtol=1e-8)


@pytest.mark.slow
def test_no_value_without_a_fit():
    """Counts that are no numbers: NaN, a flag, and derivatives that are NaN."""
    model, obs, globs = case(1)
    bad = jnp.asarray(obs).at[0].set(jnp.nan)
    found = functional.hypotest(model.prepared, 0, 1.0, bad, globs=globs)
    assert not found.found
    assert np.isnan(found.cls)
    slope = jax.grad(lambda o: functional.hypotest(model.prepared, 0, 1.0, o, globs=globs).cls)(bad)
    assert np.all(np.isnan(slope))


def test_bad_input_is_refused():
    cauchy = LogDensity(lambda a, g: -jnp.log1p((a - g) ** 2), glob=0.0)
    theta = Variable("theta", 0.0, constraint=cauchy)
    heavy = Model().add_proc(Process("bkg", [10.0]).add_lnN(theta, 1.1)).prepare()
    with pytest.raises(InvalidValueError, match="density of a parameter and its global observable"):
        functional.hypotest(heavy.prepared, 0, 1.0, [9.0])
    prepared = signed().prepared
    with pytest.raises(InvalidValueError, match="statistic must be one of qtilde, q, t, ttilde, got 'lep'"):
        functional.hypotest(prepared, 0, 1.0, [1.0, 2.0], statistic="lep")
    with pytest.raises(InvalidValueError, match="statistic must be one of qtilde, q, got 't'"):
        functional.upper_limit(prepared, 0, [1.0, 2.0], statistic="t")
    with pytest.raises(InvalidValueError, match=r"formulae of qtilde are for an alternative of 0, got 1\.0"):
        functional.hypotest(prepared, 0, 1.0, [1.0, 2.0], alternative=1.0)
    with pytest.raises(InvalidValueError, match="cl must be between 0 and 1"):
        functional.upper_limit(prepared, 0, [1.0, 2.0], cl=1.5)
    with pytest.raises(InvalidValueError, match="rule"):
        functional.upper_limit(prepared, 0, [1.0, 2.0], rule="bayes")

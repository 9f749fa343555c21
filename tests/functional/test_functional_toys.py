"""Toys as a function of a key follow scipy's distributions, and fits of Asimov data find the truth."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from smoothfit import Model, Process, Variable, functional
from smoothfit.constraints import AsymmetricGaussian, Gamma, Gaussian, LogDensity, LogNormal, Poisson
from smoothfit.errors import InvalidValueError
from smoothfit.inference import draws
from smoothfit.inference.asimov import asimov_data

N = 20_000
# A true sample falls below this once in 1e5 times.
LEAST = 1e-5
VALUES = {"gauss": 1.2, "asym": 0.9, "logn": 1.3, "pois": 0.8, "gam": 1.25, "one": 0.4, "two": -0.3}
YIELDS = np.array([30.0, 4.0, 110.0])


@cache
def model():
    built = Model()
    kinds = {
        "gauss": Gaussian(width=0.1),
        "asym": AsymmetricGaussian(0.1, 0.3),
        "logn": LogNormal(kappa=1.3),
        "pois": Poisson(tau=20.0, count=15),
        "gam": Gamma(width=0.4),
    }
    for name, constraint in kinds.items():
        built.add_proc(Process(name, YIELDS).scale_by(Variable(name, 1.0, constraint=constraint)))
    one, two = (Variable(name, 0.0, nuisance=True) for name in ("one", "two"))
    shared = Process("shared", YIELDS).add_lnN(one, 1.1).add_lnN(two, 1.05)
    shared["main"].register_sumw2(YIELDS)
    built.add_proc(shared).correlate_nuisances([one, two], [[1.0, 0.6], [0.6, 1.0]])
    return built.set_mc_stat("full").prepare()


@cache
def drawn():
    counts, globs = functional.toys(model().prepared, model().values_from_dict(VALUES), jax.random.key(3), N)
    names = [model().layout.names[i] for i in model().layout.constrained]
    return np.asarray(counts), dict(zip(names, np.asarray(globs).T, strict=False)), np.asarray(globs)


def test_counts_are_poisson():
    expected = np.asarray(model().pred(VALUES))
    for mean, column in zip(expected, drawn()[0].T, strict=True):
        whole = np.arange(int(mean + 12 * np.sqrt(mean) + 12))
        seen = np.bincount(column.astype(int), minlength=len(whole))[: len(whole)]
        wanted = N * stats.poisson.pmf(whole, mean)
        many = wanted > 10
        chi2 = np.sum((seen[many] - wanted[many]) ** 2 / wanted[many])
        assert stats.chi2.sf(chi2, many.sum()) > LEAST


@pytest.mark.parametrize(
    ("name", "cdf"),
    [
        ("gauss", stats.norm(1.2, 0.1).cdf),
        ("logn", stats.lognorm(np.log(1.3), scale=1.3).cdf),
        ("one", stats.norm(0.4, 1.0).cdf),
        ("two", stats.norm(-0.3, 1.0).cdf),
    ],
)
def test_global_observables_follow_their_constraints(name, cdf):
    assert stats.kstest(drawn()[1][name], cdf).pvalue > LEAST


def test_auxiliary_counts_and_widths_of_two_sides():
    found = drawn()[1]
    for name, mean in (("pois", 0.8 * 20.0), ("gam", 1.25 / 0.4**2)):
        counts = found[name] - (1.0 if name == "gam" else 0.0)
        assert np.all(counts == np.round(counts))
        assert abs(counts.mean() - mean) < 5.0 * np.sqrt(mean / N)
        assert abs(counts.var() / mean - 1.0) < 5.0 * np.sqrt(2.0 / N + 1.0 / (mean * N))
    # Above the parameter with the width below, and the other way round.
    asym = found["asym"] - 0.9
    assert abs(np.mean(asym > 0.0) - 0.25) < 5.0 * np.sqrt(0.25 * 0.75 / N)
    for side, width in ((asym[asym > 0.0], 0.1), (-asym[asym < 0.0], 0.3)):
        assert stats.kstest(side, stats.halfnorm(scale=width).cdf).pvalue > LEAST


def test_correlated_ones_are_drawn_together():
    found = drawn()[1]
    correlation = np.corrcoef(found["one"], found["two"])[0, 1]
    assert abs(correlation - 0.6) < 5.0 * (1.0 - 0.36) / np.sqrt(N)


def test_bins_have_their_auxiliary_counts():
    """Content squared over its variance, as yields and sumw2 are equal: the content."""
    at_bins = drawn()[2][:, -3:]
    assert np.all(at_bins == np.round(at_bins))
    np.testing.assert_allclose(at_bins.mean(axis=0), YIELDS, atol=5.0 * np.sqrt(YIELDS.max() / N))


def test_keys_decide():
    values = model().values_from_dict(VALUES)
    one, same, other = (functional.toys(model().prepared, values, jax.random.key(k), 3)[0] for k in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_fit_of_asimov_data_finds_the_truth():
    values = np.asarray(model().values_from_dict(VALUES))
    bins = np.array([1.1, 0.9, 1.05])
    data = asimov_data(model().prepared, jnp.asarray(np.concatenate([values, bins])))
    counts, globs = draws.asimov(model()._context(), np.concatenate([values, bins]))
    np.testing.assert_allclose(data.counts, counts, rtol=1e-12)
    np.testing.assert_allclose(np.concatenate([data.globs, data.bin_globs]), globs, rtol=1e-12)
    fit = model().fit(data.counts, globs=np.concatenate([data.globs, data.bin_globs]), init=values)
    np.testing.assert_allclose(fit.x, np.concatenate([values, bins]), atol=1e-6)


def test_densities_of_global_observables_are_refused():
    theta = Variable("theta", 0.0, constraint=LogDensity(lambda a, g: -jnp.log1p((a - g) ** 2), glob=0.0))
    heavy = Model().add_proc(Process("p", [10.0]).add_lnN(theta, 1.1)).prepare()
    with pytest.raises(InvalidValueError, match="toys: a constraint is a density"):
        functional.toys(heavy.prepared, [0.0], jax.random.key(1), 2)

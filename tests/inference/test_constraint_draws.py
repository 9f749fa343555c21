"""What is drawn from constraints follows scipy's distributions; Asimov data give the truth back."""

from __future__ import annotations

import functools
import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import gammaln
from scipy import integrate, special, stats
from small_models import cached, nuisance
from test_toys_and_samples import close_in_sigmas

from smoothfit.constraints import (
    AsymmetricGaussian,
    Gamma,
    Gaussian,
    LogDensity,
    LogNormal,
    Poisson,
    Uniform,
)
from smoothfit.errors import InvalidValueError
from smoothfit.model import Model, Process, Variable

N = 40_000
# A Kolmogorov-Smirnov test of true samples falls below this once in 1e5 times.
LEAST = 1e-5


def cauchy(alpha, glob):
    return -jnp.log1p(((alpha - glob) / 0.1) ** 2)


def gamma_of_count(alpha, glob):
    """Like a Poisson constraint of tau = 50, of a count that need not be whole."""
    rate, legal = 50.0 * alpha, jnp.where(glob < 0.0, 0.0, glob)
    return jnp.where(glob < 0.0, -jnp.inf, legal * jnp.log(rate) - rate - gammaln(legal + 1.0))


KINDS = {
    "gauss": Gaussian(width=0.1),
    "asym": AsymmetricGaussian(0.1, 0.3),
    "logn": LogNormal(kappa=1.3),
    "pois": Poisson(tau=20.0, count=15),
    "gam": Gamma(width=0.4),
    "flat": Uniform(0.5, 2.0),
    "cauchy": LogDensity(cauchy, glob=1.0),
    "count": LogDensity(gamma_of_count, glob=50.0),
    "alone": LogDensity(lambda a: -0.5 * ((a - 1.1) / 0.2) ** 2),
}
VALUES = dict.fromkeys(KINDS, 1.0) | {"gauss": 1.2, "asym": 0.9, "logn": 1.3, "pois": 0.8, "gam": 1.25}
VALUES |= {"cauchy": 0.7, "count": 1.1, "alone": 1.1, "flat": 0.9}


@functools.cache
def model():
    rng = np.random.default_rng(5)
    built = Model().add_proc(Process("free", rng.uniform(90, 200, 12)).scale_by(Variable("mu", 1.0)))
    for name, constraint in KINDS.items():
        variable = Variable(name, 1.0, constraint=constraint, lower_bound=1e-3 if name == "count" else None)
        built.add_proc(Process(name, rng.uniform(5, 300, 12)).scale_by(variable))
    return built.prepare()


@functools.cache
def globs():
    found = np.asarray(model().toy_glob(VALUES, N, seed=1))
    return dict(zip((model().parameters[i] for i in model().layout.constrained), found.T, strict=True))


@functools.cache
def priors():
    found = model().sample_prior(N, seed=1)
    assert found.shape == (N, model().layout.n_params)
    return dict(zip(model().parameters, np.asarray(found).T, strict=True))


def agrees(sample, distribution):
    assert stats.kstest(sample, distribution.cdf).pvalue > LEAST


class Bifurcated:
    """A Gaussian of another width to either side."""

    def __init__(self, centre, below, above):
        self.centre, self.below, self.above = centre, below, above

    def cdf(self, x):
        pull, total = x - self.centre, self.below + self.above
        left = 2 * self.below / total * stats.norm.cdf(pull / self.below)
        right = (self.below + self.above * (2 * stats.norm.cdf(pull / self.above) - 1)) / total
        return np.where(pull < 0, left, right)


def test_global_observables_of_continuous_kinds():
    found = globs()
    assert set(found) == set(KINDS) - {"flat", "alone"}
    agrees(found["gauss"], stats.norm(1.2, 0.1))
    # width_down (0.1) is that of alpha below B, i.e. of B above alpha.
    agrees(found["asym"], Bifurcated(0.9, 0.3, 0.1))
    agrees(found["logn"], stats.lognorm(np.log(1.3), scale=1.3))
    agrees(found["cauchy"], stats.cauchy(0.7, 0.1))
    norm, mean, square = (
        integrate.quad(lambda g, k=k: g**k * np.exp(log_count(g)), 0, 200, points=[55.0])[0] for k in range(3)
    )
    mean, square = mean / norm, square / norm
    close_in_sigmas(found["count"][:, None], mean, square - mean**2)


def log_count(glob):
    return glob * np.log(55.0) - 55.0 - special.gammaln(glob + 1.0)


def test_global_observables_that_are_counts():
    for sample, rate in ((globs()["pois"], 20 * 0.8), (globs()["gam"] - 1.0, 1.25 / 0.16)):
        assert np.array_equal(sample, np.round(sample))
        edges = np.arange(int(rate - 3 * rate**0.5), int(rate + 3 * rate**0.5) + 1)
        expected = np.diff([0.0, *stats.poisson.cdf(edges, rate), 1.0]) * N
        seen = np.bincount(np.searchsorted(edges, sample), minlength=len(expected))
        assert stats.chisquare(seen, expected).pvalue > LEAST


def test_parameters_from_their_constraints():
    found = priors()
    assert np.all(found["mu"] == 1.0)
    agrees(found["gauss"], stats.norm(1.0, 0.1))
    agrees(found["asym"], Bifurcated(1.0, 0.1, 0.3))
    agrees(found["logn"], stats.lognorm(np.log(1.3)))
    agrees(found["pois"], stats.gamma(16, scale=1 / 20))
    agrees(found["gam"], stats.gamma(1 / 0.16, scale=0.16))
    agrees(found["flat"], stats.uniform(0.5, 1.5))
    agrees(found["cauchy"], stats.cauchy(1.0, 0.1))
    agrees(found["count"], stats.gamma(51, scale=1 / 50))
    agrees(found["alone"], stats.norm(1.1, 0.2))


def test_every_density_drawn_is_that_of_the_likelihood():
    """Histograms of the draws against exp(-NLL), bin by bin: no scipy needed to say what is meant."""
    small, obs = model(), model().pred({})
    at = small.layout.start
    for name in KINDS:
        edges = np.quantile(priors()[name], np.linspace(0.02, 0.98, 25))
        edges = edges[np.concatenate([[True], np.diff(edges) > 1e-9])]
        heights = []
        for low, high in itertools.pairwise(edges):
            points = np.linspace(low, high, 9)
            log = [small.nll({name: x}, small.pred({name: x})) + data_term(small, {name: x}) for x in points]
            heights.append(integrate.simpson(np.exp(-np.array(log) + reference(small, at, obs)), x=points))
        heights = np.array(heights)
        if name == "logn":
            # The exception that is documented: flat in log alpha.
            heights /= np.sqrt(edges[1:] * edges[:-1])
        seen = np.histogram(priors()[name], edges)[0]
        expected = heights / heights.sum() * seen.sum()
        pull = (seen - expected) / np.sqrt(expected)
        assert np.max(np.abs(pull)) < 5.0, name


def data_term(small, values):
    """Minus the data's part: what is left of the NLL of Asimov counts are the constraints."""
    nu = small.pred(values)
    return float(np.sum(nu * np.log(nu) - nu - special.gammaln(nu + 1)))


def reference(small, at, obs):
    return small.nll(at, obs) + data_term(small, {})


def test_asimov_data_give_the_truth_back():
    small = model()
    truth = small.values_from_dict(VALUES | {"mu": 1.1})
    obs, observables = small.asimov(truth)
    np.testing.assert_array_equal(obs, small.pred(truth))
    fit = small.fit(obs, globs=observables)
    # `alone` and `flat` have no global observable; 1.1 is the former's most likely value.
    np.testing.assert_allclose(fit.x, truth, atol=1e-7)
    by_name = dict(zip(globs(), observables, strict=True))
    assert by_name["pois"] == 16.0
    assert by_name["gam"] == pytest.approx(1.0 + 1.25 / 0.16)
    # At the default global observables the same data pull the fit elsewhere.
    assert np.max(np.abs(small.fit(obs).x - truth)) > 1e-2


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        (
            "lite_total",
            {"jes": 0.5, "lumi": -0.3, "own[1]": 1.05, "mcstat_A_bin0": 0.7, "mcstat_B_bin2": -1.0},
        ),
        ("locals", {"theta": 0.5, "lumi": -0.3, "poisson[1]": 1.2, "gauss[2]": 0.8}),
    ],
)
def test_asimov_data_of_models_with_eliminated_parameters(name, truth):
    small = cached(name).model
    values = np.zeros(small.layout.n_params + small.layout.n_bin_params)
    values[: small.layout.n_params] = small.layout.start
    small.layout.assign(values, truth, what="truth")
    obs, observables = small.asimov(truth)
    np.testing.assert_allclose(obs, small.pred(values), rtol=1e-13)
    fit = small.fit(obs, globs=observables)
    np.testing.assert_allclose(fit.x, values, atol=1e-6)


def correlated(**options):
    thetas = [
        Variable(n, 0.0, constraint=Gaussian(mean=m, width=w), **options.get(n, {}))
        for n, m, w in (("a", 0.5, 1.0), ("b", 0.0, 2.0), ("c", -0.2, 0.5))
    ]
    process = Process("p", [100.0, 50.0, 80.0])
    for theta in thetas:
        process.add_lnN(theta, 1.05)
    return Model().add_proc(process).correlate_nuisances(thetas, RHO).prepare()


RHO = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]])
WIDTH = np.array([1.0, 2.0, 0.5])


def test_correlated_nuisances_are_drawn_jointly():
    drawn = np.asarray(correlated().sample_prior(N, seed=2))
    close_in_sigmas(drawn, np.array([0.5, 0.0, -0.2]), WIDTH**2)
    np.testing.assert_allclose(np.corrcoef(drawn.T), RHO, atol=6 / np.sqrt(N))
    globs_ = np.asarray(correlated().toy_glob({"a": 1.0}, N, seed=2))
    close_in_sigmas(globs_, np.array([1.0, 0.0, 0.0]), WIDTH**2)
    np.testing.assert_allclose(np.corrcoef(globs_.T), RHO, atol=6 / np.sqrt(N))


def test_bounds_cut_the_joint_distribution():
    """Against rejection of unbounded draws, written here."""
    bounded = correlated(a={"lower_bound": -0.3}, b={"upper_bound": 1.0})
    drawn = np.asarray(bounded.sample_prior(N, seed=3))
    rng = np.random.default_rng(0)
    free = rng.multivariate_normal([0.5, 0.0, -0.2], RHO * np.outer(WIDTH, WIDTH), 3 * N)
    kept = free[(free[:, 0] >= -0.3) & (free[:, 1] <= 1.0)]
    assert drawn[:, 0].min() >= -0.3
    assert drawn[:, 1].max() <= 1.0
    for k in range(3):
        assert stats.ks_2samp(drawn[:, k], kept[:, k]).pvalue > LEAST
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(kept.T), atol=0.05)


def test_bounds_cut_single_parameters():
    theta = Variable("theta", 0.5, constraint=Gaussian(mean=0.0, width=1.0), lower_bound=0.2, upper_bound=1.5)
    rate = Variable("rate", 1.0, constraint=Poisson(tau=4.0), lower_bound=0.5)
    process = Process("p", [100.0]).add_lnN(theta, 1.1).scale_by(rate)
    drawn = np.asarray(Model().add_proc(process).prepare().sample_prior(N, seed=4))
    agrees(drawn[:, 0], stats.truncnorm(0.2, 1.5))
    gamma = stats.gamma(5, scale=0.25)
    below = gamma.cdf(0.5)
    assert stats.kstest(drawn[:, 1], lambda x: (gamma.cdf(x) - below) / (1 - below)).pvalue > LEAST


def test_held_nuisances_stay_and_condition_the_others():
    drawn = np.asarray(correlated(b={"fixed": True}).sample_prior(N, seed=5))
    assert np.all(drawn[:, 1] == 0.0)
    full = RHO * np.outer(WIDTH, WIDTH)
    inside = full[np.ix_([0, 2], [0, 2])] - np.outer(full[[0, 2], 1], full[[0, 2], 1]) / full[1, 1]
    np.testing.assert_allclose(np.cov(drawn[:, [0, 2]].T), inside, atol=0.03)
    held = Variable("x", 1.0, constraint=Uniform(0.0, 2.0), fixed=True)
    alone = Model().add_proc(Process("p", [1.0]).scale_by(held)).prepare()
    assert np.all(np.asarray(alone.sample_prior(5, seed=1)) == 1.0)


def test_bounds_that_leave_nothing_are_an_error():
    theta = Variable("theta", 7.0, constraint=Gaussian(mean=0.0, width=1.0), lower_bound=6.0)
    single = Model().add_proc(Process("p", [100.0]).add_lnN(theta, 1.1)).prepare()
    with pytest.raises(InvalidValueError, match=r"sample_prior: the bounds of 'theta' leave less than 0\.1%"):
        single.sample_prior(10, seed=1)


def test_densities_without_a_norm_are_an_error():
    flat = Variable(
        "x", 1.0, constraint=LogDensity(lambda a, g: -jnp.abs(a) * 1.0 + 0.0 * g, glob=0.0, width=1.0)
    )
    built = Model().add_proc(Process("p", [100.0]).scale_by(flat)).prepare()
    with pytest.raises(InvalidValueError, match=r"toy_glob: .*'x'.*cannot be normalised"):
        built.toy_glob({}, 10, seed=1)
    with pytest.raises(InvalidValueError, match=r"asimov: no global observable .*'x'"):
        built.asimov({"x": 2.0})
    assert built.sample_prior(10, seed=1).shape == (10, 1)


def test_rates_below_zero_are_refused():
    rate = Variable("rate", 1.0, constraint=Poisson(tau=4.0))
    built = Model().add_proc(Process("p", [100.0]).scale_by(rate)).prepare()
    for call in (lambda: built.toy_glob({"rate": -0.5}, 3), lambda: built.asimov({"rate": -0.5})):
        with pytest.raises(InvalidValueError, match=r"'rate' is -0\.5, but its constraint is about a rate"):
            call()


def test_a_prior_narrow_and_far_from_where_it_is_looked_for():
    narrow = LogDensity(lambda a: -0.5 * ((a - 3.0) / 1e-5) ** 2, width=1.0)
    built = (
        Model().add_proc(Process("p", [100.0]).scale_by(Variable("x", 2.999, constraint=narrow))).prepare()
    )
    agrees(np.asarray(built.sample_prior(N, seed=6))[:, 0], stats.norm(3.0, 1e-5))


def test_seeds_and_streams():
    small = model()
    one, same = small.sample_prior(5, seed=7), small.sample_prior(5.0, seed=7)
    np.testing.assert_array_equal(one, same)
    assert one.seed == 7
    fresh = small.sample_prior(5)
    np.testing.assert_array_equal(small.sample_prior(5, seed=fresh.seed), fresh)
    theta = nuisance("theta")
    alone = Model().add_proc(Process("p", 1e8).add_lnN(theta, 1.0001)).prepare()
    prior, glob = (
        np.asarray(draw)[:, 0] for draw in (alone.sample_prior(N, seed=5), alone.toy_glob({}, N, seed=5))
    )
    assert abs(np.corrcoef(prior, glob)[0, 1]) < 5 / np.sqrt(N)

"""Tests by toys against exact enumeration of counts, and against asymptotic formulae of large counts."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm, poisson

from smoothfit.errors import InvalidValueError
from smoothfit.inference.ensembles import counted_tail
from smoothfit.inference.hypotests.toy_tails import band_tails
from smoothfit.model import Model, Process, Variable

TOYS = 4000
SIGMAS = 3.0
ONE = ([6.0], [4.0])
TWO = ([5.0, 2.0], [4.0, 9.0])


@functools.cache
def counting(signal, background, lower=0.0):
    mu = Variable("mu", 1.0, lower_bound=lower)
    built = Model().add_proc(Process("sig", list(signal)).scale_by(mu))
    return built.add_proc(Process("bkg", list(background))).prepare()


def nll(counts, mu, signal, background):
    nu = np.asarray(background) + mu * np.asarray(signal)
    return float(np.sum(nu - np.asarray(counts) * np.log(nu)))


def best(counts, signal, background):
    """The maximum of the likelihood without a bound on mu but that no rate is negative."""
    s, b, n = (np.asarray(x, dtype=float) for x in (signal, background, counts))

    def slope(mu):
        return float(np.sum(s - n * s / (b + mu * s)))

    least = -float(np.min(b / s))
    if not n.any():
        return least
    return brentq(slope, least + 1e-9, 100.0) if slope(least + 1e-9) < 0.0 else least


def statistic(name, counts, mu, signal, background, lower):
    """By its definition, from the likelihood itself."""
    at = functools.partial(nll, counts, signal=signal, background=background)
    found = max(best(counts, signal, background), lower)
    null, tested = at(0.0), at(mu)
    if name in ("lep", "tevatron"):
        return 2.0 * (tested - null)
    lowest = at(found)
    if name == "q0":
        return 2.0 * (null - lowest) if found >= 0.0 else 0.0
    if name in ("qtilde", "ttilde") and found < 0.0:
        lowest = null
    if name in ("q", "qtilde") and found > mu:
        return 0.0
    return 2.0 * (tested - lowest)


def enumerated(name, obs, mu, signal, background, lower):
    """(tail under the tested value, tail under the other one), summed over all counts."""
    observed = statistic(name, obs, mu, signal, background, lower)
    hypotheses = (0.0, 1.0) if name == "q0" else (mu, 0.0)
    ranges = [
        range(int(b + 3 * s + 12 * np.sqrt(b + 3 * s))) for s, b in zip(signal, background, strict=True)
    ]
    tails = np.zeros(2)
    for counts in itertools.product(*ranges):
        if statistic(name, counts, mu, signal, background, lower) >= observed - 1e-6:
            for k, value in enumerate(hypotheses):
                nu = np.asarray(background) + value * np.asarray(signal)
                tails[k] += np.prod(poisson.pmf(counts, nu))
    return tails


CASES = [
    ("qtilde", ONE, [5], 1.2, 0.0),
    pytest.param("qtilde", ONE, [2], 1.2, -0.5, marks=pytest.mark.slow),
    pytest.param("q", ONE, [3], 1.0, -0.5, marks=pytest.mark.slow),
    ("t", ONE, [7], 1.3, -0.5),
    pytest.param("ttilde", ONE, [2], 0.9, -0.5, marks=pytest.mark.slow),
    ("q0", ONE, [9], 0.0, -0.5),
    ("lep", ONE, [6], 1.0, 0.0),
    pytest.param("tevatron", ONE, [6], 1.0, 0.0, marks=pytest.mark.slow),
    ("qtilde", TWO, [6, 8], 1.0, 0.0),
    pytest.param("lep", TWO, [6, 8], 1.0, 0.0, marks=pytest.mark.slow),
    pytest.param("q0", TWO, [9, 11], 0.0, 0.0, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "yields", "obs", "mu", "lower"), CASES)
def test_tails_are_those_of_all_counts(name, yields, obs, mu, lower):
    model = counting(*map(tuple, yields), lower)
    found = model.hypotest("mu", mu, obs, statistic=name, method="toys", toys=TOYS, seed=11)
    clsb, clb = enumerated(name, obs, mu, *yields, lower)
    for tail, exact in ((found.clsb, clsb), (found.clb, clb)):
        assert tail == pytest.approx(exact, abs=SIGMAS * np.sqrt(exact * (1.0 - exact) / TOYS) + 1e-12)
    assert found.cls == pytest.approx(clsb / clb, abs=SIGMAS * found.cls_error)
    assert found.q == pytest.approx(statistic(name, obs, mu, *yields, lower), abs=1e-6)
    assert found.toys.n_failed == 0
    assert len(found.toys_null) == len(found.toys_alt) == TOYS


@functools.cache
def large():
    mu, rate = Variable("mu", 1.0, lower_bound=-1.0), Variable("rate", 0.0, nuisance=True)
    tilt = Variable("tilt", 0.0, nuisance=True)
    sig = Process("sig", [200.0, 100.0, 20.0]).scale_by(mu)
    bkg = Process("bkg", [4000.0, 6000.0, 9000.0], sumw2=[400.0, 600.0, 900.0]).add_lnN(rate, 1.03)
    bkg.add_shape(tilt, [4100.0, 6000.0, 8800.0], [3900.0, 6000.0, 9200.0])
    return Model().add_proc(sig).add_proc(bkg).prepare()


OBS = [4180.0, 6050.0, 9010.0]


@pytest.mark.parametrize(
    "name",
    ["qtilde", "q0", *(pytest.param(name, marks=pytest.mark.slow) for name in ("q", "t", "ttilde"))],
)
def test_large_counts_follow_the_asymptotic_formulae(name):
    value = 0.0 if name == "q0" else 1.1
    found = large().hypotest("mu", value, OBS, statistic=name, method="toys", toys=3000, seed=5)
    formula = large().hypotest("mu", value, OBS, statistic=name)
    assert found.q == pytest.approx(formula.q, abs=1e-6)
    assert found.clsb == pytest.approx(formula.clsb, abs=SIGMAS * found.clsb_error)
    assert found.clb == pytest.approx(formula.clb, abs=SIGMAS * found.clb_error)
    if name in ("qtilde", "q"):
        # 3000 toys have 68 above +2 sigma.
        assert found.expected[1:4] == pytest.approx(formula.expected[1:4], rel=0.15)


def test_limits_of_large_counts_are_the_asymptotic_ones():
    formula = large().upper_limit("mu", OBS)
    found = large().upper_limit("mu", OBS, method="toys", toys=1500, seed=2)
    assert found.status == "found"
    assert found.observed == pytest.approx(formula.observed, abs=SIGMAS * found.observed_error)
    assert np.all(np.abs(found.expected - formula.expected) < SIGMAS * found.expected_errors + 0.02)
    assert 0.0 < found.observed_error < 0.1 * found.observed
    assert np.all(np.diff(found.points) > 0.0)


def test_a_limit_of_small_counts_is_that_of_all_counts():
    signal, background = ONE
    model, obs = counting(tuple(signal), tuple(background)), [3]

    def excess(mu):
        clsb, clb = enumerated("qtilde", obs, mu, signal, background, 0.0)
        return clsb / clb - 0.05

    exact = brentq(excess, 0.5, 3.0, xtol=1e-3)
    found = model.upper_limit("mu", obs, method="toys", toys=2000, seed=4, mc_error=0.02)
    assert found.observed_error <= 0.02
    assert found.observed == pytest.approx(exact, abs=SIGMAS * found.observed_error)


def test_significance_by_toys():
    signal, background = ONE
    model, obs = counting(tuple(signal), tuple(background), -0.5), [10]
    found = model.significance("mu", obs, method="toys", toys=20_000, seed=3)
    exact = enumerated("q0", obs, 0.0, signal, background, -0.5)[0]
    assert found.p_value == pytest.approx(exact, abs=SIGMAS * found.mc_error)
    assert found.observed == pytest.approx(norm.isf(found.p_value), rel=1e-6)
    none = model.significance("mu", [40], method="toys", toys=100, seed=3)
    assert none.p_value == pytest.approx(1.0 / 101.0)
    assert "above 2.33" in " ".join(none.messages)


def test_as_many_toys_as_an_error_needs():
    model = counting(*map(tuple, ONE))
    found = model.hypotest("mu", 1.2, [5], method="toys", toys=500, seed=1, mc_error=0.002)
    assert found.mc_error <= 0.002
    assert len(found.toys_null) > 500
    short = model.hypotest("mu", 1.2, [5], method="toys", toys=50, most_toys=100, seed=1, mc_error=1e-4)
    assert len(short.toys_null) == 100
    assert any("above the 0.0001 that was asked for" in message for message in short.messages)


def test_a_seed_gives_the_same_toys_again():
    model = counting(*map(tuple, ONE))
    one, two = (model.hypotest("mu", 1.0, [5], method="toys", toys=200, seed=7) for _ in range(2))
    assert np.array_equal(one.toys_null, two.toys_null)
    other = model.hypotest("mu", 1.0, [5], method="toys", toys=200)
    assert other.toys.seed != 7


def test_bayesian_toys_average_over_the_nuisance():
    rate = Variable("rate", 0.0, nuisance=True)
    mu = Variable("mu", 1.0, lower_bound=0.0)
    model = Model().add_proc(Process("sig", [5.0]).scale_by(mu))
    model.add_proc(Process("bkg", [10.0]).add_lnN(rate, 1.5)).prepare()
    found = model.hypotest(
        "mu",
        1.0,
        [9],
        statistic="lep",
        method="toys",
        toys=TOYS,
        seed=2,
        toy_kind="bayesian",
        nuisances="prefit",
    )
    theta = np.linspace(-8.0, 8.0, 4001)
    weight = norm.pdf(theta) * (theta[1] - theta[0])
    # The LEP ratio falls with the count, so that its tail is that of the counts up to the observed one.
    for tail, signal in ((found.clsb, 5.0), (found.clb, 0.0)):
        exact = float(np.sum(weight * poisson.cdf(9, signal + 10.0 * 1.5**theta)))
        assert tail == pytest.approx(exact, abs=SIGMAS * np.sqrt(exact * (1.0 - exact) / TOYS))


def test_tails_count_ties_and_leave_out_failures():
    toys = np.array([0.0, 1.0, 1.0 - 1e-7, 2.0, np.nan])
    assert counted_tail(toys, 1.0).value == 0.75
    assert counted_tail(toys, 3.0) == (0.0, pytest.approx(np.sqrt(1 / 6 * 5 / 6 / 4)))
    assert np.isnan(counted_tail(np.full(3, np.nan), 1.0).value)
    rng = np.random.default_rng(1)
    other, tested = rng.chisquare(1, 50_000), rng.chisquare(1, 50_000) + 2.0
    found = band_tails(tested, other, 1.0)
    assert found.clb.value == pytest.approx(norm.cdf(1.0), abs=1e-4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"toys": 0}, "number of toys"),
        ({"seed": -1}, "whole number"),
        ({"toy_kind": "bootstrap"}, "of no hypothesis"),
        ({"nuisances": "other"}, "fitted, prefit"),
        ({"mc_error": -1.0}, "mc_error must be a positive number"),
    ],
)
def test_options_of_toys_are_checked(options, said):
    model = counting(*map(tuple, ONE))
    with pytest.raises(InvalidValueError, match=said):
        model.hypotest("mu", 1.0, [5], method="toys", **options)
    with pytest.raises(InvalidValueError, match="is for method='toys'"):
        model.hypotest("mu", 1.0, [5], **options)

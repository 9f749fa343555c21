"""Coverage, bias and pulls: against sums over all counts, against intervals found one by one."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
from scipy import optimize, stats

from smoothfit.constraints import Poisson
from smoothfit.errors import (
    FitError,
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    UnknownNameError,
)
from smoothfit.inference.neyman import exact, upper_limits
from smoothfit.model import ChannelContrib, Model, Process, Variable
from smoothfit.results.levels import joint_level

COUNTS = np.arange(120.0)
TRUTH = np.array([0.6, 2.5, 8.0])


@functools.cache
def counting():
    """One count, the background known to be 3."""
    mu = Variable("mu", 1.0, lower_bound=0.0)
    return Model().add_proc(Process("sig", [1.0]).scale_by(mu)).add_proc(Process("bkg", [3.0])).prepare()


@functools.cache
def with_nuisance(kappa=1.15, channels=("A", "B"), shift=1.0):
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    model = Model()
    yields = {"A": (20.0, 40.0), "B": (5.0, 80.0)}
    sig, bkg = Process("sig").scale_by(mu), Process("bkg")
    for channel in channels:
        sig.add_contrib(ChannelContrib(channel, [yields[channel][0]]))
        bkg.add_contrib(ChannelContrib(channel, [shift * yields[channel][1]]))
    return model.add_proc(sig).add_proc(bkg.add_lnN(theta, kappa)).prepare()


def t_of(n, mu):
    best = np.maximum(n, 3.0)
    return 2.0 * (mu + 3.0 - best - n * np.log((mu + 3.0) / best))


def limit(n, cl=0.95):
    """The asymptotic CLs limit of a count, by root finding on the formulas of arXiv:1007.1727."""

    def cls(mu):
        q = t_of(n, mu) if n - 3.0 < mu else 0.0
        q_asimov = t_of(3.0, mu)
        if q <= q_asimov:
            above, below = np.sqrt(q), np.sqrt(q) - np.sqrt(q_asimov)
        else:
            above, below = (
                (q + q_asimov) / (2.0 * np.sqrt(q_asimov)),
                (q - q_asimov) / (2.0 * np.sqrt(q_asimov)),
            )
        return stats.norm.sf(above) / stats.norm.sf(below) - (1.0 - cl)

    return optimize.brentq(cls, 1e-6, 500.0)


def exactly(method, mu, cl):
    """The sum of the probabilities of all counts whose interval holds mu."""
    if method == "minos":
        covers = t_of(COUNTS, mu) <= stats.chi2.ppf(cl, 1)
    elif method == "hessian":
        # 1/sigma^2 = n/(mu_hat + 3)^2: no interval without a count.
        best = np.maximum(COUNTS, 3.0) - 3.0
        with np.errstate(divide="ignore"):
            sigma = (best + 3.0) / np.sqrt(COUNTS)
        known = COUNTS > 0
        covers = np.abs(best - mu) <= stats.norm.ppf(0.5 + 0.5 * cl) * sigma
        weight = stats.poisson.pmf(COUNTS, mu + 3.0)
        return weight[covers & known].sum() / weight[known].sum()
    elif method == "upper_limit":
        covers = np.array([limit(n, cl) >= mu for n in COUNTS])
    else:
        covers = np.array([exact.poisson_p_value(mu, int(n), 3.0) > 1.0 - cl for n in COUNTS])
    return stats.poisson.pmf(COUNTS, mu + 3.0)[covers].sum()


@pytest.mark.parametrize("method", ["minos", "hessian", "upper_limit", "feldman_cousins"])
def test_coverage_of_a_count_is_the_sum_over_counts(method):
    found = counting().coverage("mu", TRUTH, method=method, cl=0.9, toys=4000, seed=1)
    expected = np.array([exactly(method, mu, 0.9) for mu in TRUTH])
    assert np.all(np.abs(found.coverage - expected) <= 4.0 * found.errors + 1e-4)
    estimates = np.maximum(COUNTS, 3.0) - 3.0
    for k, mu in enumerate(TRUTH):
        weight = stats.poisson.pmf(COUNTS, mu + 3.0)
        assert abs(found.bias[k] - (weight @ estimates - mu)) <= 4.0 * found.bias_errors[k]
    empty = 4000 * np.exp(-(TRUTH + 3.0))
    assert np.all(np.abs(found.without_error - empty) <= 5.0 * np.sqrt(empty) + 1.0)
    if method == "hessian":
        assert np.array_equal(found.failed_toys, found.without_error)
        assert "toys have no interval" in found.heading()


def test_default_levels():
    assert counting().coverage("mu", 2.0, toys=10, seed=1).cl == pytest.approx(0.6826894921370859)
    assert counting().coverage("mu", 2.0, toys=10, seed=1, method="upper_limit").cl == 0.95


def test_errors_of_coverage_are_binomial():
    found = counting().coverage("mu", [2.5], toys=500, seed=1, cl=0.9)
    k = round(float(found.coverage[0] * 500))
    expected = stats.binomtest(k, 500).proportion_ci(0.6826894921370859, method="exact")
    assert (found.low[0], found.high[0]) == pytest.approx((expected.low, expected.high))
    assert found.errors[0] == pytest.approx(0.5 * (expected.high - expected.low))
    asked = counting().coverage("mu", [2.5], toys=100, seed=1, cl=0.9, mc_error=0.01)
    assert asked.errors[0] <= 0.01
    assert asked.toys[0] > 500
    bounded = counting().coverage("mu", [2.5], toys=100, seed=1, cl=0.9, mc_error=0.001, most_toys=200)
    assert "0.001, was not reached" in bounded.heading()
    # What reference toys add.
    few = counting().coverage(
        "mu", [2.5], toys=500, seed=1, cl=0.9, method="feldman_cousins", reference_toys=100
    )
    assert few.reference_errors[0] == pytest.approx(0.03)
    assert few.errors[0] > 0.03


@pytest.mark.parametrize("toys", [12, pytest.param(150, marks=pytest.mark.slow)])
def test_tests_are_the_intervals(toys):
    """Minos' bounds and CLs limits of each toy, against the test at the truth: the same toys."""
    model = with_nuisance()

    def minos(model, obs, globs):
        bounds = model.minos_bounds("mu", model.fit(obs, globs=globs), cl=0.8)
        return bounds.down, bounds.up

    def cls(model, obs, globs):
        free = model.fit(obs, globs=globs)
        zero = model.fit(obs, globs=globs, fixed={"mu": 0.0})
        asimov, asimov_globs = model.asimov(zero.x)

        def excess(mu):
            there = model.fit(obs, globs=globs, fixed={"mu": mu}).fun
            lowest = free.fun if free["mu"].value >= 0.0 else zero.fun
            q = max(2.0 * (there - lowest), 0.0) if free["mu"].value <= mu else 0.0
            at_mu = model.fit(asimov, globs=asimov_globs, fixed={"mu": mu}).fun
            q_asimov = 2.0 * (at_mu - model.nll(zero.x, asimov, asimov_globs))
            return float(upper_limits.cls_value(np.array(q), np.array(q_asimov))) - 0.2

        return 0.0, optimize.brentq(excess, 1e-3, 10.0, xtol=1e-6)

    for name, function in (("minos", minos), ("upper_limit", cls)):
        quick, slow = (
            model.coverage("mu", [0.9], method=way, cl=0.8, toys=toys, seed=3) for way in (name, function)
        )
        assert quick.coverage[0] == slow.coverage[0]
        assert slow.method == function.__name__
        assert 0.3 < quick.coverage[0] < 1.0


def test_pulls_of_a_large_count_are_unit_gaussian():
    found = with_nuisance().coverage("mu", [1.0], toys=2000, seed=2)
    assert abs(found.pull_mean[0]) < 4.0 * found.pull_mean_errors[0] + 0.05
    assert found.pull_width[0] == pytest.approx(1.0, abs=0.06)
    # Of Gaussian pulls: 1/sqrt(n) and 1/sqrt(2 n).
    assert found.pull_mean_errors[0] == pytest.approx(1.0 / np.sqrt(2000), rel=0.1)
    assert found.pull_width_errors[0] == pytest.approx(1.0 / np.sqrt(4000), rel=0.15)
    assert found.coverage[0] == pytest.approx(0.6827, abs=0.04)


def test_truths_are_given_in_any_form():
    model = with_nuisance()
    options = {"toys": 64, "seed": 1}
    one = model.coverage("mu", {"mu": 0.5, "theta": 1.0}, **options)
    listed = model.coverage("mu", [{"mu": 0.5, "theta": 1.0}, {"theta": -1.0}], **options)
    array = model.coverage("mu", np.array([[0.5, 1.0], [1.0, -1.0]]), **options)
    assert one.truth.tolist() == [0.5]
    assert listed.x.tolist() == array.x.tolist() == [[0.5, 1.0], [1.0, -1.0]]
    assert np.array_equal(listed.coverage, array.coverage)
    assert one.coverage[0] == listed.coverage[0]


# -- toys of another model ----------------------------------------------------------------------------------


def test_toys_of_the_same_model_under_another_name_are_the_same():
    """With the channels in another order, and a nuisance of its own that does nothing."""
    model = with_nuisance()
    idle = Variable("idle", 0.0, nuisance=True)
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    sig, bkg = Process("sig").scale_by(mu), Process("bkg")
    for channel, s, b in (("B", 5.0, 80.0), ("A", 20.0, 40.0)):
        sig.add_contrib(ChannelContrib(channel, [s]))
        bkg.add_contrib(ChannelContrib(channel, [b]))
    twin = Model().add_proc(sig.add_lnN(idle, 1.0)).add_proc(bkg.add_lnN(theta, 1.15)).prepare()
    found = model.coverage("mu", [1.0], toys=2000, seed=1, generator=twin)
    own = model.coverage("mu", [1.0], toys=2000, seed=1)
    assert found.coverage[0] == pytest.approx(
        own.coverage[0], abs=4.0 * np.hypot(found.errors[0], own.errors[0])
    )
    assert abs(found.bias[0]) < 4.0 * found.bias_errors[0] + 0.02
    if "idle" in twin.parameters:
        assert found.notes == ("Not known to the model of the fits: idle.",)
        assert "idle" in found.heading()


def test_a_background_that_is_wrong_is_a_bias():
    """A model without the nuisance fits toys with 10% more background: the excess is taken for signal."""
    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("sig", [50.0]).scale_by(mu)).add_proc(Process("bkg", [100.0])).prepare()
    other_mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    other = Model().add_proc(Process("sig", [50.0]).scale_by(other_mu))
    other.add_proc(Process("bkg", [110.0]).add_lnN(theta, 1.05)).prepare()
    found = model.coverage(mu, [{"mu": 1.0}], toys=2000, seed=1, generator=other, method="hessian")
    assert abs(found.bias[0] - 10.0 / 50.0) < 4.0 * found.bias_errors[0]
    assert found.notes == ("Not known to the model of the fits: theta.",)
    back = other.coverage("mu", [1.0], toys=100, seed=1, generator=model)
    assert back.notes[0].endswith("do not vary: theta.")


def test_models_that_do_not_fit_together_are_refused():
    model = with_nuisance()
    with pytest.raises(ShapeMismatchError, match=r"coverage: the model of the toys has channels \{'A': 1\}"):
        model.coverage("mu", [1.0], generator=with_nuisance(channels=("A",)))
    with pytest.raises(InvalidTypeError, match="generator must be a Model, got str"):
        model.coverage("mu", [1.0], generator="model")
    named = Model().add_proc(Process("sig", [1.0]).scale_by(Variable("r", 1.0))).prepare()
    with pytest.raises(UnknownNameError, match="the model of the toys has no parameter 'mu'"):
        counting().coverage("mu", [1.0], generator=named)

    def auxiliary(tau):
        aux = Variable("aux", 1.0, constraint=Poisson(tau=tau), lower_bound=0.01)
        built = Model().add_proc(Process("sig", [9.0]).scale_by(Variable("mu", 1.0)))
        return built.add_proc(Process("bkg", [9.0]).scale_by(aux)).prepare()

    with pytest.raises(InvalidValueError, match=r"measurement of 'aux' .* \(20\) .* \(30\)"):
        auxiliary(30.0).coverage("mu", [1.0], generator=auxiliary(20.0))


# -- what goes wrong ---------------------------------------------------------------------------------------


def test_intervals_that_fail_are_counted():
    calls = []

    def sometimes(model, obs, globs):
        calls.append(obs)
        if len(calls) % 4 == 0:
            raise FitError("lost")
        return (np.nan, 1.0) if len(calls) % 4 == 1 else (0.0, 100.0)

    found = counting().coverage("mu", [2.0], method=sometimes, toys=40, seed=1)
    assert (found.toys[0], found.failed_toys[0], found.coverage[0]) == (20, 20, 1.0)
    assert "20 toys have no interval, and are not in the coverage." in repr(found)
    # The estimates are known all the same.
    assert np.isfinite(found.bias[0])

    def wrong(model, obs, globs):
        return 1.0

    with pytest.raises(InvalidTypeError, match=r"the method gave 1\.0; a function"):
        counting().coverage("mu", [2.0], method=wrong, toys=10)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (
            ("mu", [-1.0]),
            {},
            InvalidValueError,
            r"the true value of 'mu', -1, is outside its bounds \[0, inf\]",
        ),
        (("nu", [1.0]), {}, UnknownNameError, "No parameter is named 'nu'"),
        (("mu", np.zeros((1, 1, 1))), {}, ShapeMismatchError, "coverage: values have shape"),
        (("mu", []), {}, ShapeMismatchError, "coverage: values have shape"),
        (("mu", [1.0]), {"method": "bayes"}, InvalidTypeError, "method must be one of 'minos'"),
        (("mu", [1.0]), {"cl": 68}, InvalidValueError, "cl must be between 0 and 1"),
        (("mu", [1.0]), {"fixed": {"mu": 1.0}}, InvalidValueError, "'mu' is held in the fits"),
        (("mu", [1.0]), {"toys": 1.5}, InvalidValueError, "coverage: the number of toys"),
        (("mu", [1.0]), {"reference_toys": 0}, InvalidValueError, "coverage: the number of toys"),
    ],
)
def test_bad_input(arguments, options, error, words):
    with pytest.raises(error, match=words):
        counting().coverage(*arguments, **options)


def test_the_record_leaves():
    found = counting().coverage("mu", TRUTH, toys=50, seed=1)
    content = json.loads(found.to_json())
    assert content["coverage"] == found.coverage.tolist()
    assert content["fits"]["fits"] == 300
    assert found.to_pandas()["truth"].tolist() == TRUTH.tolist()
    assert "mu  coverage" in repr(found)
    assert joint_level(None, 1, "") == 0.5

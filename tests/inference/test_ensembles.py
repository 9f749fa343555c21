"""Toys with a stream each: the same in whatever block, of the right distributions; fits are counted."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from test_constraint_draws import VALUES, model

from smoothfit.errors import InvalidValueError
from smoothfit.inference import inputs
from smoothfit.inference.batching import Held, Members
from smoothfit.inference.ensembles import (
    Ensemble,
    FitCounts,
    Precision,
    ToyGenerators,
    block_size,
    blocks,
    fit_toys,
    fresh_seed,
)
from smoothfit.model import Model, Process, Variable
from smoothfit.status import Status

# A Kolmogorov-Smirnov test of true samples falls below this once in 1e5 times.
LEAST = 1e-5


@functools.cache
def counting():
    mu, rate = Variable("mu", 1.0, lower_bound=0.0), Variable("rate", 0.0, nuisance=True)
    built = Model().add_proc(Process("sig", [30.0, 5.0], sumw2=[20.0, 4.0]).scale_by(mu))
    built.add_proc(Process("bkg", [100.0, 400.0], sumw2=[90.0, 60.0]).add_lnN(rate, 1.05))
    return built.prepare()


def ensemble(of, values, **options):
    context = of._context()
    vector = inputs.values(context.layout, values)
    return Ensemble(context, vector, **({"seed": 3} | options))


METHODS = {
    "standard_normal": ((), stats.norm.cdf),
    "random": ((), stats.uniform.cdf),
    "gamma": ((2.5, 0.5), stats.gamma(2.5, scale=0.5).cdf),
    "uniform": ((1.0, 3.0), stats.uniform(1.0, 2.0).cdf),
}


@pytest.mark.parametrize("method", METHODS)
def test_streams_follow_numpys_distributions(method):
    numbers, cdf = METHODS[method]
    found = getattr(ToyGenerators(1, 0, 0, 20_000), method)(*numbers, (20_000, 2))
    for column in found.T:
        assert stats.kstest(column, cdf).pvalue > LEAST
    assert abs(stats.pearsonr(*found.T).statistic) < 0.03
    assert abs(stats.pearsonr(found[1:, 0], found[:-1, 0]).statistic) < 0.03


def test_counts_follow_poisson_with_a_mean_a_toy_or_one_for_all():
    n = 20_000
    means = np.array([0.5, 7.0, 300.0])
    for lam in (means, np.tile(means, (n, 1))):
        found = ToyGenerators(1, 0, 0, n).poisson(lam, (n, 3))
        assert np.abs(found.mean(axis=0) - means).max() < 5.0 * np.sqrt(300.0 / n)
        for column, mean in zip(found.T[:2], means, strict=False):
            counts = np.bincount(column.astype(int), minlength=40)[:40]
            expected = n * stats.poisson.pmf(np.arange(40), mean)
            kept = expected > 10
            assert stats.chi2.sf(np.sum((counts - expected)[kept] ** 2 / expected[kept]), kept.sum()) > LEAST


def test_a_stream_is_that_of_philox_at_its_counter():
    key = np.random.SeedSequence(9, spawn_key=(2,)).generate_state(2, np.uint64)
    toys = ToyGenerators(9, 2, 5, 3)
    toys.random((3, 4))
    second = toys.standard_normal((3, 4))
    alone = np.random.Generator(np.random.Philox(key=key, counter=[0, 1, 6, 0])).standard_normal(4)
    assert np.array_equal(second[1], alone)


def test_other_seeds_purposes_and_calls_are_other_streams():
    drawn = [ToyGenerators(seed, purpose, 0, 1).random((1, 4)) for seed in (1, 2) for purpose in (0, 1)]
    twice = ToyGenerators(1, 0, 0, 1)
    drawn += [twice.random((1, 4)) * 0 + twice.random((1, 4))]
    assert len({row.tobytes() for row in drawn}) == 5


@pytest.mark.parametrize("kind", ["frequentist", "bayesian", "bootstrap"])
def test_any_toy_can_be_drawn_alone(kind):
    for of, values in ((model(), VALUES), (counting(), {"mu": 1.5})):
        toys = ensemble(of, values, kind=kind, obs=np.full(of.n_bins, 30.0))
        block = toys.draw(0, 9)
        for first, n in ((0, 1), (8, 1), (3, 4)):
            part = toys.draw(first, n)
            assert np.array_equal(part.counts, block.counts[first : first + n])
            assert np.array_equal(part.globs, block.globs[first : first + n])


def test_frequentist_toys_are_distributed_as_those_of_the_model():
    n = 5000
    toys = ensemble(model(), VALUES).draw(0, n)
    assert np.abs(toys.counts.mean(axis=0) / model().pred(VALUES) - 1.0).max() < 0.02
    others = np.asarray(model().toy_glob(VALUES, n, seed=8))
    for ours, theirs in zip(toys.globs.T, others.T, strict=True):
        assert stats.ks_2samp(ours, theirs).pvalue > LEAST


def test_bayesian_toys_vary_the_parameters_and_keep_what_was_observed():
    n = 4000
    toys = ensemble(counting(), {"mu": 1.0}, kind="bayesian").draw(0, n)
    assert np.all(toys.globs == counting().layout.globs)
    expected = counting().pred({"mu": 1.0})
    rate = 1.05 ** stats.norm.rvs(size=200_000, random_state=1)
    # One Gaussian a bin, of the relative error of the summed templates, acts on them in proportion.
    spread = np.array([100.0, 400.0]) ** 2 * rate.var() + np.array([110.0, 64.0]) + expected
    shifted = np.array([30.0, 5.0]) + np.array([100.0, 400.0]) * rate.mean()
    assert toys.counts.mean(axis=0) == pytest.approx(shifted, abs=5.0 * np.sqrt(spread / n).max())
    assert toys.counts.var(axis=0) == pytest.approx(spread, rel=0.12)


def test_a_bootstrap_draws_around_what_was_observed():
    obs = np.array([0.0, 250.0])
    toys = ensemble(counting(), {}, kind="bootstrap", obs=obs).draw(0, 4000)
    assert np.all(toys.counts[:, 0] == 0.0)
    assert toys.counts[:, 1].mean() == pytest.approx(250.0, abs=5.0 * np.sqrt(250.0 / 4000))
    assert np.all(toys.globs == counting().layout.globs)


def test_kinds_are_checked():
    with pytest.raises(InvalidValueError, match="no kind is named 'other'; they are: frequentist"):
        ensemble(counting(), {}, kind="other")
    with pytest.raises(InvalidValueError, match="give obs"):
        ensemble(counting(), {}, kind="bootstrap")
    with pytest.raises(InvalidValueError, match="whole number"):
        fresh_seed(-1)
    assert fresh_seed(None) != fresh_seed(None)


def _free(of):
    n = of.layout.n_params + of.layout.n_bin_params
    return Held(np.zeros(n, dtype=bool), np.zeros(n))


def test_fits_of_toys_are_those_of_single_fits_and_are_counted():
    of, counts = counting(), FitCounts()
    toys = ensemble(of, {"mu": 1.5}).draw(0, 20)
    found = fit_toys(of._context(), toys, fixed=_free(of), start=of.layout.start, counts=counts)
    for i in (0, 7, 19):
        single = of.fit(toys.counts[i], globs=toys.globs[i])
        assert found.x[i] == pytest.approx(single.x, abs=1e-6)
    assert (counts.fits, counts.retried, counts.n_failed) == (20, 0, 0)
    assert "all 20 fits converged" in str(counts.of_toys("frequentist", 3, 20))


def test_what_fails_is_retried_and_counted(monkeypatch):
    of, counts = counting(), FitCounts()
    toys = ensemble(of, {"mu": 1.5}).draw(0, 6)
    from smoothfit.inference.ensembles import fits

    def refit_badly(*arguments, **options):
        found = fits_refit(*arguments, **options)
        status = np.array(found.status)
        status[[1, 4]] = Status.NOT_CONVERGED
        return Members(found.x, found.nll, status, found.edm, found.steps, found.smallest_nu, found.at_limit)

    fits_refit = fits.refit
    monkeypatch.setattr(fits, "refit", refit_badly)
    found = fit_toys(of._context(), toys, fixed=_free(of), start=of.layout.start, counts=counts)
    assert found.success.all()
    assert (counts.fits, counts.retried, counts.n_failed) == (6, 2, 0)
    # What has no minimum stays failed, with its status.
    bad = replace(toys, globs=np.where(np.arange(6)[:, None] == 2, np.inf, toys.globs))
    counts = FitCounts()
    found = fit_toys(of._context(), bad, fixed=_free(of), start=of.layout.start, counts=counts)
    assert found.success.tolist() == [True, True, False, True, True, True]
    assert counts.n_failed == 1
    assert "3 of 6 fits were retried, 1 failed for good" in str(counts.of_toys("frequentist", 3, 6))


def test_blocks_stop_when_there_are_enough():
    seen = []

    def work(first, n):
        seen.append((first, n))
        return 0.5, 1.0 / np.sqrt(first + n)

    assert blocks(Precision.of(100.0, call="t"), work, size=64, what="toys") == 100
    assert seen == [(0, 64), (64, 36)]
    seen.clear()
    assert blocks(Precision.of(64, 0.06, call="t"), work, size=64, what="toys") == 320
    assert seen[-1] == (256, 64)
    assert blocks(Precision.of(64, 0.001, most=200, call="t"), work, size=64, what="toys") == 200


@pytest.mark.parametrize(
    "options", [{"given": 0}, {"given": 2.5}, {"given": 10, "error": -1.0}, {"given": 10, "error": "x"}]
)
def test_numbers_of_toys_are_checked(options):
    with pytest.raises(InvalidValueError, match="gof: "):
        Precision.of(**options, call="gof")


def test_blocks_are_bounded_by_memory():
    assert block_size(counting()._context()) == 4096
    wide = Model().add_proc(Process("many", np.full(20_000, 5.0)).scale_by(Variable("mu", 1.0))).prepare()
    assert block_size(wide._context()) == 64

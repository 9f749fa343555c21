"""Random draws have the moments of what they are drawn from; seeds and streams are independent."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import cached, fitted, nuisance, random_values

from smoothfit.model import Model, Process, Variable

N = 40_000


def close_in_sigmas(draws, mean, variance, sigmas=5.0):
    """Mean and variance of draws (toy, quantity), to so many standard errors."""
    n = len(draws)
    variance = np.broadcast_to(variance, draws.shape[1:])
    np.testing.assert_array_less(np.abs(draws.mean(0) - mean), sigmas * np.sqrt(variance / n) + 1e-12)
    found = draws.var(0)
    fourth = np.mean((draws - draws.mean(0)) ** 4, axis=0)
    np.testing.assert_array_less(np.abs(found - variance), sigmas * np.sqrt((fourth - found**2) / n) + 1e-12)


def test_toy_counts_are_poisson():
    small = cached("lite_process")
    values = small.model.layout.start + 0.05
    expected = small.model.pred(values)
    toys = small.model.toy_pred(values, N, seed=1)
    assert toys.shape == (N, small.model.n_bins)
    close_in_sigmas(np.asarray(toys), expected, expected)
    np.testing.assert_array_equal(toys, np.round(toys))


@pytest.mark.parametrize("name", ["lite_process", "locals", "full", "threshold"])
def test_global_observables_follow_their_constraints(name):
    small = cached(name)
    layout = small.model.layout
    moved = layout.bin_centre + layout.bin_widths * np.linspace(-1, 1, layout.n_bin_params)
    values = np.concatenate([layout.start * 1.1, np.maximum(moved, -0.5)])
    drawn = np.asarray(small.model.toy_glob(values, N, seed=2))
    at = layout.constrained
    assert drawn.shape == (N, len(layout.globs))
    n = len(at)
    tau = np.asarray(small.model.prepared.templates.tau)[at]
    counting = layout.counting[at]
    mean = np.where(counting, tau * values[at], values[at])
    # FORMULAS section 1: Pois(tau gamma), N(alpha, width), and N(x, 1) of the bins.
    variance = np.where(counting, tau * values[at], layout.widths[at] ** 2)
    close_in_sigmas(drawn[:, :n], mean, variance)
    bins, of_bins = values[layout.n_params :], layout.globs[n:]
    # Bins: Pois(m | gamma m0), m0 the nominal auxiliary count, or N(x, 1).
    mean = np.where(layout.bin_counting, bins * of_bins, bins)
    close_in_sigmas(drawn[:, n:], mean, np.where(layout.bin_counting, bins * of_bins, 1.0))


def test_correlated_nuisances_are_drawn_correlated():
    a, b, c = nuisance("a"), nuisance("b"), nuisance("c")
    process = Process("p", [100.0, 90.0])
    for theta in (a, b, c):
        process.add_lnN(theta, 1.1)
    model = Model().add_proc(process).correlate_nuisances(a, c, -0.6).prepare()
    drawn = np.asarray(model.toy_glob({}, N, seed=3))
    expected = [[1.0, 0.0, -0.6], [0.0, 1.0, 0.0], [-0.6, 0.0, 1.0]]
    np.testing.assert_allclose(np.cov(drawn.T), expected, atol=0.03)


def test_seeds():
    model = cached("lite_process").model
    one, same, other = (model.toy_pred({}, 5, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.seed == 1
    fresh, again = model.toy_pred({}, 50), model.toy_pred({}, 50)
    assert not np.array_equal(fresh, again)
    assert fresh.seed != again.seed
    np.testing.assert_array_equal(model.toy_pred({}, 50, seed=fresh.seed), fresh)
    np.testing.assert_array_equal(model.toy_pred({}, np.int64(5), seed=np.int64(1)), one)


def test_more_toys_begin_with_the_same_ones():
    model = cached("lite_process").model
    np.testing.assert_array_equal(model.toy_pred({}, 10, seed=4)[:3], model.toy_pred({}, 3, seed=4))


def test_counts_and_global_observables_use_different_streams():
    """Counts of many events are nearly Gaussian: one stream would correlate them with the globs."""
    theta = nuisance("theta")
    model = Model().add_proc(Process("p", 1e8).add_lnN(theta, 1.0001)).prepare()
    counts, globs = model.toy_pred({}, N, seed=5)[:, 0], model.toy_glob({}, N, seed=5)[:, 0]
    assert abs(np.corrcoef(np.asarray(counts), np.asarray(globs))[0, 1]) < 5 / np.sqrt(N)


@pytest.mark.parametrize(
    "name",
    [
        "lite_process",
        "locals",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("lite_total", "full", "slots")),
    ],
)
def test_samples_have_the_covariance_of_the_fit(name):
    small, fit = fitted(name)
    drawn = np.asarray(small.model.sample_from_covariance(fit, N, seed=6))
    assert drawn.shape == (N, len(fit.x))
    free = ~fit.at_limit
    n = len(fit.hess_inv)
    close_in_sigmas(drawn[:, :n][:, free], fit.x[:n][free], np.diagonal(fit.hess_inv)[free])
    close_in_sigmas(drawn[:, n:], fit.x[n:], fit.errors[n:] ** 2)
    error = fit.errors[:n][free]
    found = np.cov(drawn[:, :n][:, free].T) / np.outer(error, error)
    expected = fit.hess_inv[np.ix_(free, free)] / np.outer(error, error)
    np.testing.assert_allclose(found, expected, atol=6 / np.sqrt(N))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("lite_total", marks=pytest.mark.slow),
        pytest.param("full", marks=pytest.mark.slow),
        "threshold",
        pytest.param("slots", marks=pytest.mark.slow),
    ],
)
def test_samples_of_bins_are_correlated_with_the_parameters(name):
    """Against the inverse of the full Hessian, written out."""
    from smoothfit import functional

    small, fit = fitted(name)
    full = np.linalg.inv(functional.hessian(small.model.prepared, fit.x, small.obs, small.globs))
    drawn = np.asarray(small.model.sample_from_covariance(fit, N, seed=7))
    error = np.sqrt(np.diagonal(full))
    np.testing.assert_allclose(
        np.cov(drawn.T) / np.outer(error, error), full / np.outer(error, error), atol=6 / np.sqrt(N)
    )


def test_a_parameter_on_its_limit_stays_there():
    mu, norm, theta = Variable("mu", 1.0, lower_bound=0.0), Variable("norm", 1.0), nuisance("theta")
    sig = Process("sig", [30.0, 5.0]).scale_by(mu)
    bkg = Process("bkg", [100.0, 200.0]).scale_by(norm).add_lnN(theta, 1.1)
    model = Model().add_proc(sig).add_proc(bkg).prepare()
    fit = model.fit([80.0, 210.0])
    assert fit.at_limit[0]
    drawn = np.asarray(model.sample_from_covariance(fit, N, seed=8))
    np.testing.assert_array_equal(drawn[:, 0], 0.0)
    # The others: as in a fit that holds mu.
    held = model.fit([80.0, 210.0], fixed={"mu": 0.0})
    close_in_sigmas(drawn[:, 1:], held.x[1:], np.diagonal(held.hess_inv)[1:])


def test_held_parameters_do_not_vary():
    small, _ = fitted("lite_process")
    fit = small.model.fit(small.obs, fixed={"mu_2": 0.9, "mcstat_A_bin0": 0.3})
    drawn = np.asarray(small.model.sample_from_covariance(fit, 10, seed=9))
    np.testing.assert_array_equal(drawn[:, small.model.index("mu_2")], 0.9)
    np.testing.assert_array_equal(drawn[:, fit.names.index("mcstat_A_bin0")], 0.3)


@pytest.mark.parametrize(
    "name", ["lite_gamma", *(pytest.param(n, marks=pytest.mark.slow) for n in ("full", "threshold"))]
)
def test_a_fit_of_asimov_data_finds_the_truth(name):
    """Auxiliary counts of the bins move with their factors, too."""
    model = cached(name).model
    truth = random_values(cached(name), np.random.default_rng(5), 0.2)
    obs, globs = model.asimov(truth)
    fit = model.fit(obs, globs=globs)
    np.testing.assert_allclose((fit.x - truth) / fit.errors, 0.0, atol=1e-6)

"""Choice of tau by coverage: toys against the closed form of a linear Gaussian problem."""

from __future__ import annotations

import numpy as np
import pytest
from linear import EDGES, make_case, make_model, unfold_linear
from scipy.stats import norm

from smoothfit.unfolding import Regularisation, unfold

CASE = make_case(1e6)
TAUS = np.geomspace(2e-7, 1e-5, 14)
NOMINAL = norm.cdf(1.0) - norm.cdf(-1.0)
TOYS = 400


def closed_form(penalty, mu, tau):
    """Mean over the bins of the probability that x +- error covers, x being Gauss around truth + bias."""
    truth = mu * CASE.truth
    expected = CASE.folding @ truth + CASE.background
    asimov = CASE._replace(obs=expected)
    found = unfold_linear(asimov, penalty.matrix, np.zeros(6), tau, expected)
    errors = np.sqrt(np.diagonal(found.propagated))
    pull = (found.x - truth) / errors
    return np.mean(norm.cdf(1.0 - pull) - norm.cdf(-1.0 - pull))


@pytest.fixture(scope="module")
def outcome():
    model, mu = make_model(CASE)
    penalty = Regularisation("curvature", CASE.truth, edges=EDGES)
    truth = np.array([1.0, 1.1, 0.95, 1.05, 0.9, 1.0])
    result = unfold(
        model,
        mu,
        CASE.obs,
        penalty,
        tau="coverage",
        taus=TAUS,
        truth=truth,
        toys=TOYS,
        tolerance=0.03,
        seed=7,
    )
    return model, mu, penalty, truth, result


def test_coverage_is_the_closed_form(outcome):
    *_, penalty, truth, result = outcome
    scan = result.scan
    known = np.isfinite(scan.coverage)
    assert known.sum() >= 5
    expected = np.array([closed_form(penalty, truth, tau) for tau in scan.tau])
    distance = (scan.coverage - expected)[known] / scan.coverage_error[known]
    assert np.max(np.abs(distance)) < 4.0
    # Six bins of 400 toys, correlated: between independent bins and one.
    binomial = np.sqrt(NOMINAL * (1.0 - NOMINAL) / TOYS)
    assert np.all(scan.coverage_error[known] < 1.5 * binomial)
    assert np.all(scan.coverage_error[known] > 0.5 * binomial / np.sqrt(6.0))


def test_choice_is_the_largest_tau_that_covers(outcome):
    *_, penalty, truth, result = outcome
    scan = result.scan
    covers = scan.coverage >= NOMINAL - 0.03
    assert result.tau == scan.tau[covers][-1]
    assert not covers[np.isfinite(scan.coverage)][-1]
    # The closed form crosses the limit within a step of the scan, up to the toys' error of 0.03.
    assert closed_form(penalty, truth, result.tau) > NOMINAL - 0.03 - 4.0 * scan.coverage_error[0]
    after = TAUS[np.searchsorted(TAUS, result.tau) + 1]
    assert closed_form(penalty, truth, after) < NOMINAL - 0.03 + 4.0 * scan.coverage_error[0]
    for word in ("Mean coverage", "±", "seed 7"):
        assert word in result.message


def test_same_seed_same_toys(outcome):
    model, mu, penalty, truth, result = outcome
    options = {"tau": "coverage", "taus": TAUS, "truth": truth, "toys": TOYS, "tolerance": 0.03}
    again = unfold(model, mu, CASE.obs, penalty, seed=7, **options)
    np.testing.assert_array_equal(again.scan.coverage, result.scan.coverage)
    other = unfold(model, mu, CASE.obs, penalty, seed=8, **options)
    assert np.any(other.scan.coverage[:3] != result.scan.coverage[:3])


def test_truth_by_default_and_ends_of_the_scan(outcome):
    model, mu, penalty, *_ = outcome
    by_default = unfold(model, mu, CASE.obs, penalty, tau="coverage", toys=TOYS, seed=1)
    # Toys at the fit without penalty: what its mu, handed in, gives.
    taus = np.sort(by_default.scan.tau)
    mu_free = by_default.unregularised / CASE.truth
    again = unfold(model, mu, CASE.obs, penalty, tau="coverage", truth=mu_free, taus=taus, toys=TOYS, seed=1)
    assert again.tau == by_default.tau
    options = {"tau": "coverage", "truth": np.ones(6), "toys": TOYS, "seed": 1}
    weak = unfold(model, mu, CASE.obs, penalty, taus=[1e-9, 2e-9, 3e-9], **options)
    assert weak.tau == 3e-9
    assert "scan" in weak.message
    strong = unfold(model, mu, CASE.obs, penalty, taus=[1e-5, 2e-5, 3e-5], **options)
    assert strong.tau == 1e-5
    assert "No tau of the scan covers" in strong.message

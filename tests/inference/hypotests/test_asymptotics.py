"""Asymptotic tails against the distributions they stand for, integrated over a Gaussian estimate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from smoothfit._spaces import significance_of
from smoothfit.inference.hypotests.asymptotics import band_distance, expected_tails, tails

NAMES = ["qtilde", "q", "t", "ttilde"]
# The estimate at evenly spaced quantiles: an integral over the Gaussian to 1e-6.
N = 400_000
QUANTILES = norm.ppf((np.arange(N) + 0.5) / N)


def statistic(name, mu, best):
    """The definitions for a unit error of the estimate (arXiv:1007.1727, section 2)."""
    value = (mu - best) ** 2
    if name in ("qtilde", "ttilde"):
        value = np.where(best < 0.0, mu**2 - 2.0 * mu * best, value)
    if name in ("q", "qtilde"):
        value = np.where(best > mu, 0.0, value)
    return value


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("q", [0.04, 1.7, 3.9, 4.1, 8.0])
def test_tails_are_integrals(name, q):
    mu = 2.0
    found = tails(name, q, mu)
    assert np.exp(found.clsb) == pytest.approx(np.mean(statistic(name, mu, mu + QUANTILES) >= q), abs=1e-5)
    assert np.exp(found.clb) == pytest.approx(np.mean(statistic(name, mu, QUANTILES) >= q), abs=1e-5)


def test_tails_of_a_discovery():
    found = tails("q0", 4.0, 3.0)
    assert np.exp(found.clsb) == pytest.approx(norm.sf(2.0))
    # With a signal of 3 errors the estimate is 3 +- 1, and its root above 2.
    assert np.exp(found.clb) == pytest.approx(norm.sf(-1.0))


@pytest.mark.parametrize("name", NAMES)
def test_bands_are_tails_of_data_at_the_band(name):
    a, n = 3.0, np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    expected, direct = expected_tails(name, a, n), tails(name, statistic(name, a, n), a)
    np.testing.assert_allclose(expected.clsb, direct.clsb, atol=1e-12)
    np.testing.assert_allclose(expected.clb, direct.clb, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rule", ["cls", "clsb"])
@pytest.mark.parametrize("n", [-1.0, 0.0, 1.96])
def test_at_the_distance_of_a_band_the_rule_is_met(name, rule, n):
    distance = band_distance(name, rule, 0.1, n)
    assert np.exp(expected_tails(name, distance, n).of(rule)) == pytest.approx(0.1, rel=1e-9)


def test_known_distances():
    # Phi(-(1.96 - 0))/0.5 = 0.05, and the median of CLs+b.
    assert band_distance("qtilde", "cls", 0.05, 0.0) == pytest.approx(norm.isf(0.025))
    assert band_distance("q", "clsb", 0.05, 0.0) == pytest.approx(norm.isf(0.05))
    assert band_distance("t", "clsb", 0.05, 0.0) == pytest.approx(norm.isf(0.025))
    # Data this low exclude everything from 0.
    assert np.isnan(band_distance("t", "clsb", 0.05, -2.0))


def test_far_tails_keep_their_ratio():
    """Both tails are below the smallest number, their ratio is not: log(sf(60)/sf(59)) by Mills' ratio."""
    found = tails("q", 3600.0, 1.0)
    assert np.exp(found.clsb) == 0.0
    assert float(found.cls) == pytest.approx(norm.logsf(60.0) - norm.logsf(59.0))
    # Nothing tells both hypotheses apart: the ratio is 1.
    assert float(tails("qtilde", 3600.0, 0.0).cls) == 0.0


def test_significances():
    np.testing.assert_allclose(significance_of(norm.logsf([-1.0, 0.0, 5.0, 30.0])), [-1.0, 0.0, 5.0, 30.0])
    assert float(significance_of(0.0)) == -38.0

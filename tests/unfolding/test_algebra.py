"""Linear algebra of penalised fits against direct inversions."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.unfolding import algebra

RNG = np.random.default_rng(11)
ROWS = RNG.normal(size=(4, 5))
_ROOT = RNG.normal(size=(5, 5))
DATA = _ROOT @ _ROOT.T + np.eye(5)


def test_sandwich_is_that_of_the_data():
    inverse = np.linalg.inv(DATA + 0.49 * ROWS.T @ ROWS)
    np.testing.assert_allclose(algebra.sandwich(inverse, ROWS, 0.7), inverse @ DATA @ inverse, rtol=1e-10)


def test_parameters_on_limits_are_held():
    held = np.array([False, True, False, False, True])
    expected = np.zeros((5, 5))
    expected[np.ix_(~held, ~held)] = np.linalg.inv(DATA[np.ix_(~held, ~held)])
    found = algebra.inside_limits(np.linalg.inv(DATA), held)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("tau", [0.0, 0.5, 20.0])
def test_half_strengths_do_not_depend_on_where_they_are_taken(tau):
    # Where h = tau^2 a, with h and a of the generalised eigenvalues of the two Hessians.
    from scipy.linalg import eigh

    by_data = eigh(ROWS.T @ ROWS, DATA, eigvals_only=True)
    expected = np.sort(1.0 / np.sqrt(by_data[by_data > 1e-10]))
    covariance = np.linalg.inv(DATA + tau**2 * ROWS.T @ ROWS)
    np.testing.assert_allclose(algebra.half_strengths(covariance, ROWS, tau), expected, rtol=1e-6)


def test_global_correlation_is_the_multiple_correlation():
    """The correlation of a component with its best linear prediction from the others."""
    covariance = np.linalg.inv(DATA)
    expected = []
    for i in range(5):
        others = np.delete(np.arange(5), i)
        cross = covariance[i, others]
        explained = cross @ np.linalg.solve(covariance[np.ix_(others, others)], cross)
        expected.append(np.sqrt(explained / covariance[i, i]))
    np.testing.assert_allclose(algebra.global_correlations(covariance), expected, rtol=1e-10)


def test_no_global_correlations_where_there_is_no_covariance():
    assert np.all(np.isnan(algebra.global_correlations(np.diag([1.0, -1e-3]))))
    assert np.all(np.isnan(algebra.global_correlations(np.ones((2, 2)))))
    assert np.all(np.isnan(algebra.global_correlations(np.full((2, 2), np.nan))))


def test_quadratic_form_leaves_out_what_is_not_known():
    vectors = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    covariance = (vectors * [2.0, 3.0, 0.0]) @ vectors.T
    chi2, rank = algebra.quadratic_form(vectors @ [1.0, 2.0, 0.0], covariance)
    assert rank == 2
    assert chi2 == pytest.approx(1.0 / 2.0 + 4.0 / 3.0, rel=1e-9)

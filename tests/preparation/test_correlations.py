"""Correlated nuisances: what several calls say together, repairs, and fits against scipy."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from scipy import optimize, stats
from small_models import nuisance

from smoothfit.constraints import Gaussian
from smoothfit.errors import InvalidValueError, RepairedCorrelationWarning
from smoothfit.model import Model, Process, Variable
from smoothfit.preparation.correlations import SMALLEST_EIGENVALUE, nearest_correlation

WIDTHS = np.array([1.0, 0.1, 0.3])
MEANS = np.array([0.0, 1.0, -0.2])
YIELDS = np.array([[90.0, 40.0, 20.0], [30.0, 80.0, 10.0]])
OBS = np.array([140.0, 118.0, 36.0])


def members():
    return (
        nuisance("a"),
        Variable("b", 1.0, constraint=Gaussian(width=WIDTHS[1])),
        Variable("c", 0.0, constraint=Gaussian(mean=MEANS[2], width=WIDTHS[2])),
    )


def model(*calls, names="abc"):
    """Two processes; each call is (positions, rho or matrix, options)."""
    thetas = members()
    mu = Variable("mu", 1.0)
    first = Process("first", YIELDS[0]).scale_by(mu).add_lnN(thetas[0], 1.1).add_lnN(thetas[2], 1.3)
    second = Process("second", YIELDS[1]).scale_by(thetas[1]).add_lnN(thetas[0], 0.9)
    built = Model().add_proc(first).add_proc(second)
    for at, what, options in calls:
        if np.ndim(what):
            built.correlate_nuisances([thetas[i] for i in at], what, **options)
        else:
            built.correlate_nuisances(*(thetas[i] for i in at), what, **options)
    return built.prepare()


def covariance(rho):
    return rho * np.outer(WIDTHS, WIDTHS)


def by_hand(x, rho, globs):
    """NLL of (mu, a, b, c) with scipy's densities."""
    mu, a, b, c = x
    nu = mu * 1.1**a * 1.3**c * YIELDS[0] + b * 0.9**a * YIELDS[1]
    prior = stats.multivariate_normal(globs, covariance(rho)).logpdf([a, b, c])
    return -stats.poisson.logpmf(OBS, nu).sum() - prior


MATRIX = np.array([[1.0, 0.7, -0.4], [0.7, 1.0, 0.1], [-0.4, 0.1, 1.0]])
PAIR = np.array([[1.0, -0.6, 0.0], [-0.6, 1.0, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("calls", "rho"),
    [([((0, 1), -0.6, {})], PAIR), ([((0, 1, 2), MATRIX, {})], MATRIX)],
    ids=["two", "three"],
)
def test_fits_against_scipy(calls, rho):
    built = model(*calls)
    assert built.parameters == ("mu", "a", "c", "b")
    order = [0, 1, 3, 2]
    globs = np.array([0.3, 1.05, -0.1])
    named = dict(zip("abc", globs, strict=True))
    fit = built.fit(OBS, globs=named)
    x = fit.x[order]
    assert fit.fun == pytest.approx(by_hand(x, rho, globs), abs=1e-9)
    found = optimize.minimize(
        by_hand, [1.0, 0.0, 1.0, 0.0], (rho, globs), method="BFGS", options={"gtol": 1e-7}
    )
    error = fit.errors[order]
    np.testing.assert_allclose((found.x - x) / error, 0.0, atol=1e-4)
    # The covariance: numerical second derivatives of the transcription.
    step = 1e-2 * error
    hessian = np.array(
        [
            [
                sum(
                    s * t * by_hand(x + s * step * np.eye(4)[i] + t * step * np.eye(4)[j], rho, globs)
                    for s in (1, -1)
                    for t in (1, -1)
                )
                / (4 * step[i] * step[j])
                for j in range(4)
            ]
            for i in range(4)
        ]
    )
    wanted = np.linalg.inv(hessian) / np.outer(error, error)
    np.testing.assert_allclose(fit.hess_inv[np.ix_(order, order)] / np.outer(error, error), wanted, atol=2e-3)
    # Marginal pulls: no correlation in them.
    pulls = built.pulls(fit)
    at = [pulls.names.index(n) for n in "abc"]
    np.testing.assert_allclose(pulls.pull[at], (x[1:] - [0.0, 1.0, -0.2]) / WIDTHS, rtol=1e-10)


def test_pairs_and_their_matrix_are_one():
    pairs = [((i, j), float(MATRIX[i, j]), {}) for i, j in itertools.combinations(range(3), 2)]
    built = model(*pairs), model(((0, 1, 2), MATRIX, {}))
    at = np.array([1.2, 0.4, -0.3, 1.1])
    assert built[0].nll(at, OBS) == pytest.approx(built[1].nll(at, OBS), abs=1e-12)


def test_the_last_word_counts_zero_included():
    first = model(((0, 1), 0.5, {}), ((0, 1), 0.0, {}))
    none = model()
    at = np.array([1.2, 0.4, -0.3, 1.1])
    assert first.nll(at, OBS) == pytest.approx(none.nll(at, OBS), abs=1e-12)
    # Another pair says nothing about the first one.
    kept = model(((0, 1), 0.5, {}), ((0, 2), 0.2, {}))
    np.testing.assert_allclose(
        kept.prepared.templates.correlation, [[1.0, 0.2, 0.5], [0.2, 1.0, 0.0], [0.5, 0.0, 1.0]]
    )


def test_arrays_are_correlated_component_by_component():
    a, b = (Variable(n, [0.0, 0.0], nuisance=True) for n in "ab")
    process = Process("p", [[5.0], [6.0]])
    fn = lambda x, y: (1.0 + 0.1 * x + 0.1 * y)[:, None]  # noqa: E731
    built = Model().add_proc(process.scale_by_fn(fn, a, b)).correlate_nuisances(a, b, 0.4).prepare()
    np.testing.assert_allclose(
        built.prepared.templates.correlation, np.eye(4) + 0.4 * np.kron([[0, 1], [1, 0]], np.eye(2))
    )


def test_inconsistent_correlations_name_the_smallest_eigenvalue():
    rho = np.array([[1, 0.7, -0.7], [0.7, 1, 0.7], [-0.7, 0.7, 1]])
    smallest = np.linalg.eigvalsh(rho)[0]
    calls = [((0, 1), 0.7, {}), ((1, 2), 0.7, {})]
    assert model(*calls).prepared.templates.correlation is not None
    with pytest.raises(InvalidValueError) as caught:
        model(*calls, ((0, 2), -0.7, {}))
    assert f"{smallest:.3g}" in str(caught.value)
    assert "repair=True" in str(caught.value)


def test_a_repair_is_the_nearest_and_says_what_it_changed():
    rho = np.array([[1, 0.7, -0.7], [0.7, 1, 0.7], [-0.7, 0.7, 1]])
    calls = [((0, 1), 0.7, {}), ((1, 2), 0.7, {}), ((0, 2), -0.7, {"repair": True})]
    with pytest.warns(
        RepairedCorrelationWarning, match=r"largest change is that of '.' and '.', from -?0\.7 to"
    ):
        built = model(*calls)
    order = [0, 2, 1]
    found = np.asarray(built.prepared.templates.correlation)[np.ix_(order, order)]
    np.testing.assert_allclose(found, nearest_correlation(rho), atol=1e-12)
    assert np.isfinite(built.nll({}, OBS))
    assert built.fit(OBS).success


def test_a_repair_that_is_not_needed_changes_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        built = model(((0, 1, 2), MATRIX, {"repair": True}))
    order = [0, 2, 1]
    np.testing.assert_array_equal(built.prepared.templates.correlation, MATRIX[np.ix_(order, order)])


def random_symmetric(n, rng):
    matrix = rng.uniform(-1.0, 1.0, (n, n))
    matrix = np.triu(matrix, 1)
    return matrix + matrix.T + np.eye(n)


@pytest.mark.parametrize("n", [3, 5, 12])
def test_properties_of_repaired_matrices(n):
    rng = np.random.default_rng(n)
    for _ in range(5):
        given = random_symmetric(n, rng)
        found = nearest_correlation(given)
        np.testing.assert_allclose(np.diagonal(found), 1.0, atol=1e-12)
        np.testing.assert_array_equal(found, found.T)
        assert np.linalg.eigvalsh(found)[0] >= SMALLEST_EIGENVALUE * (1 - 1e-6)
        # Optimality: no other feasible point is in the direction of what was given
        # (the projection X on a convex set has <given - X, Y - X> <= 0 for each Y in it).
        for _ in range(50):
            root = rng.normal(size=(n, rng.integers(1, n + 1)))
            other = root @ root.T + 1e-3 * np.eye(n)
            scale = 1.0 / np.sqrt(np.diagonal(other))
            other = other * np.outer(scale, scale)
            if np.linalg.eigvalsh(other)[0] >= SMALLEST_EIGENVALUE:
                assert np.sum((given - found) * (other - found)) <= 1e-7
        np.testing.assert_allclose(nearest_correlation(found), found, atol=1e-9)


def test_the_nearest_matrix_against_scipy():
    """min |X - A| over correlation matrices, parametrised by Cholesky rows on the unit sphere."""
    given = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])

    def matrix(angles):
        a, b, c = angles
        rows = np.array(
            [[1, 0, 0], [np.cos(a), np.sin(a), 0], [np.cos(b), np.sin(b) * np.cos(c), np.sin(b) * np.sin(c)]]
        )
        return rows @ rows.T

    best = min(
        (
            optimize.minimize(lambda t: np.sum((matrix(t) - given) ** 2), start, method="BFGS", tol=1e-12)
            for start in itertools.product((0.5, 1.5, 2.5), repeat=3)
        ),
        key=lambda result: result.fun,
    )
    np.testing.assert_allclose(nearest_correlation(given), matrix(best.x), atol=1e-4)
    assert np.sum((nearest_correlation(given) - given) ** 2) == pytest.approx(best.fun, abs=1e-5)


def test_the_example_of_the_paper():
    """N. J. Higham, IMA J. Numer. Anal. 22 (2002) 329, section 4: a tridiagonal matrix of ones."""
    given = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    expected = [[1.0, 0.7607, 0.1573], [0.7607, 1.0, 0.7607], [0.1573, 0.7607, 1.0]]
    np.testing.assert_allclose(nearest_correlation(given), expected, atol=5e-5)

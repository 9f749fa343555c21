"""Operators against matrices written by hand from the formulas of FORMULAS' section on unfolding."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.unfolding import Regularisation

# Widths 1, 2 and 4: centres 0.5, 2 and 5, distances 1.5 and 3, mean width 7/3.
EDGES = [0.0, 1.0, 3.0, 7.0]
ONES = np.ones(3)


def matrix(operator, truth=ONES, **options):
    return Regularisation(operator, truth, **options).matrix


def test_size():
    np.testing.assert_allclose(matrix("size", edges=EDGES), np.diag([1.0, 0.5, 0.25]))
    np.testing.assert_allclose(matrix("size", edges=EDGES, density="none"), np.eye(3))
    np.testing.assert_allclose(matrix("size", edges=EDGES, factor=[2.0, 3.0, 4.0]), np.diag([2.0, 1.5, 1.0]))


def test_derivative():
    plain = matrix("derivative", edges=EDGES, density="none", distances=False)
    np.testing.assert_allclose(plain, [[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]])
    by_distance = matrix("derivative", edges=EDGES, density="none", scale=False)
    np.testing.assert_allclose(by_distance, [[-1 / 1.5, 1 / 1.5, 0.0], [0.0, -1 / 3.0, 1 / 3.0]])
    full = matrix("derivative", edges=EDGES)
    expected = 7.0 / 3.0 * np.array([[-1.0 / 1.5, 0.5 / 1.5, 0.0], [0.0, -0.5 / 3.0, 0.25 / 3.0]])
    np.testing.assert_allclose(full, expected, rtol=1e-14)


def test_curvature():
    plain = matrix("curvature", edges=EDGES, density="none", distances=False)
    np.testing.assert_allclose(plain, [[1.0, -2.0, 1.0]])
    by_distance = matrix("curvature", edges=EDGES, density="none", scale=False)
    row = np.array([1.0 / 1.5, -(1.0 / 1.5 + 1.0 / 3.0), 1.0 / 3.0]) / 4.5
    np.testing.assert_allclose(by_distance, [row], rtol=1e-14)
    density = np.array([1.0, 0.5, 0.25])
    full = matrix("curvature", edges=EDGES, factor=[1.0, 2.0, 3.0])
    np.testing.assert_allclose(full, [row * density * [1.0, 2.0, 3.0] * (7.0 / 3.0) ** 2], rtol=1e-14)


def test_uniform_bins_have_the_curvature_of_any_unit():
    rows = matrix("curvature", np.ones(4), edges=[0.0, 20.0, 40.0, 60.0, 80.0], density="none")
    np.testing.assert_allclose(rows, [[0.5, -1.0, 0.5, 0.0], [0.0, 0.5, -1.0, 0.5]], rtol=1e-14)


def test_straight_densities_are_not_penalised():
    edges = np.array([0.0, 1.0, 3.0, 7.0, 8.0])
    centres, widths = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    truth = (10.0 - centres) * widths
    np.testing.assert_allclose(matrix("curvature", truth, edges=edges) @ truth, 0.0, atol=1e-13)
    assert np.abs(matrix("curvature", truth, edges=edges, density="none") @ truth).min() > 0.1


def test_two_axes():
    # Bins (i, j) in C order, shape (2, 3); axis 0 has widths 1 and 3 (distance 2, mean 2), axis 1 unit ones.
    rows = matrix("derivative", np.ones((2, 3)), edges=[[0.0, 1.0, 4.0], [0.0, 1.0, 2.0, 3.0]])
    low, high = 1.0, 1.0 / 3.0
    along_first = [
        [-low, 0, 0, high, 0, 0],
        [0, -low, 0, 0, high, 0],
        [0, 0, -low, 0, 0, high],
    ]
    along_second = [
        [-low, low, 0, 0, 0, 0],
        [0, -low, low, 0, 0, 0],
        [0, 0, 0, -high, high, 0],
        [0, 0, 0, 0, -high, high],
    ]
    np.testing.assert_allclose(rows, along_first + along_second, rtol=1e-14)


def test_two_axes_curvature_only_where_there_are_enough_bins():
    rows = matrix("curvature", np.ones((2, 3)))
    np.testing.assert_allclose(rows, [[0.5, -1, 0.5, 0, 0, 0], [0, 0, 0, 0.5, -1, 0.5]])


def test_flow_bins_are_in_no_row():
    inner = matrix("curvature", edges=EDGES)
    found = matrix("curvature", np.ones(5), edges=EDGES, flow=True)
    np.testing.assert_allclose(found, np.pad(inner, ((0, 0), (1, 1))))
    np.testing.assert_allclose(
        matrix("size", np.ones(4), edges=EDGES, flow=(False, True)),
        [[1, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0.25, 0]],
    )
    # Shape (3, 3), the first axis with underflow: rows of the inner (2, 3) bins only.
    both = matrix("derivative", np.ones((3, 3)), flow=[(True, False), False])
    assert both.shape == (3 + 4, 9)
    np.testing.assert_array_equal(both[:, :3], 0.0)


def test_penalty_is_the_formula():
    truth, mu = np.array([50.0, 60.0, 40.0]), np.array([1.1, 0.9, 1.3])
    regularisation = Regularisation("curvature", truth, edges=EDGES, bias=[55.0, 50.0, 45.0], bias_factor=0.7)
    residual = regularisation.matrix @ (mu * truth - 0.7 * np.array([55.0, 50.0, 45.0]))
    assert float(regularisation.term(0.3)(mu)) == pytest.approx(-0.5 * 0.09 * residual @ residual, rel=1e-13)
    of_mu = Regularisation("derivative", truth, of="mu", bias="truth")
    np.testing.assert_allclose(of_mu.matrix, [[-1, 1, 0], [0, -1, 1]])
    assert float(of_mu.term(2.0)(mu)) == pytest.approx(-2.0 * (0.2**2 + 0.4**2), rel=1e-13)


def test_matrix_of_the_user():
    rows = np.array([[1.0, 2.0, 3.0]])
    regularisation = Regularisation(rows, ONES)
    np.testing.assert_array_equal(regularisation.matrix, rows)
    assert regularisation.name == "matrix"


def test_truth_as_a_histogram():
    hist = pytest.importorskip("hist")
    truth = hist.Hist.new.Var(EDGES).Double()
    truth[...] = [3.0, 4.0, 5.0]
    regularisation = Regularisation("curvature", truth)
    np.testing.assert_allclose(regularisation.matrix, matrix("curvature", edges=EDGES))
    np.testing.assert_array_equal(regularisation.truth, [3.0, 4.0, 5.0])

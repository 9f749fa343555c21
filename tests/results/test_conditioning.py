"""Eigenvalues and directions of scaled Hessians, against numpy on matrices made for the purpose."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.results import Conditioning, Direction, Followers


def names(n):
    return tuple("abcdefgh"[:n])


def scaled(hessian):
    """numpy's way to the same matrix."""
    d = np.sqrt(np.diag(hessian))
    return hessian / np.outer(d, d)


@pytest.fixture
def hessian():
    """Five parameters of very different units, two of them nearly alike."""
    rng = np.random.default_rng(3)
    root = rng.normal(size=(5, 8))
    root[1] = root[0] + 1e-3 * root[1]
    units = 10.0 ** np.array([-3.0, 0.0, 2.0, 6.0, 0.0])
    return root @ root.T * np.outer(units, units)


@pytest.mark.parametrize("inverted", [False, True])
def test_the_spectrum_of_a_hessian_and_of_its_inverse(hessian, inverted):
    of = Conditioning.of_covariance if inverted else Conditioning.of_hessian
    found = of(names(5), np.linalg.inv(hessian) if inverted else hessian)
    expected = np.linalg.eigvalsh(scaled(hessian))
    np.testing.assert_allclose(found.eigenvalues, expected, rtol=1e-7)
    assert found.smallest_eigenvalue == pytest.approx(expected[0], rel=1e-7)
    assert found.condition_number == pytest.approx(expected[-1] / expected[0], rel=1e-7)
    np.testing.assert_allclose(found.scale, 1.0 / np.sqrt(np.diag(hessian)), rtol=1e-7)
    assert found.positive_definite
    assert found.directions() == ()
    # The weakest: a and b against each other, each in its own unit.
    weakest = found.weakest()
    assert weakest.names == ("a", "b")
    assert weakest.weights[1] / weakest.weights[0] == pytest.approx(-1e-3, rel=0.1)
    assert weakest.eigenvalue == pytest.approx(expected[0] / expected[-1], rel=1e-6)


def test_the_length_of_a_gradient(hessian):
    gradient = np.arange(1.0, 6.0)
    expected = np.sqrt(np.sum(gradient**2 / np.diag(hessian)))
    assert Conditioning.of_hessian(names(5), hessian).gradient_norm(gradient) == pytest.approx(expected)


def test_flat_directions_are_told_apart():
    """No data on c; a and b only as a + 2 b; d, e, f only as d + e and e + f. Nothing else is flat."""
    rows = np.array(
        [[1, 2, 0, 0, 0, 0, 0.3], [0, 0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0, 1]], float
    )
    found = Conditioning.of_hessian(names(7), rows.T @ rows)
    assert not found.positive_definite
    assert found.condition_number == np.inf or found.condition_number > 1e14
    directions = {d.names: d.weights for d in found.directions()}
    assert set(directions) == {("c",), ("a", "b"), ("d", "e", "f")}
    np.testing.assert_allclose(directions["a", "b"], np.array([2.0, -1.0]) / np.sqrt(5.0), atol=1e-7)
    np.testing.assert_allclose(np.abs(directions["d", "e", "f"]), np.sqrt(1 / 3), atol=1e-7)
    for direction in found.directions():
        at = [names(7).index(n) for n in direction.names]
        np.testing.assert_allclose(rows[:, at] @ direction.weights, 0.0, atol=1e-7)


def test_a_direction_along_which_it_falls():
    found = Conditioning.of_hessian(names(2), np.array([[1.0, 0.0], [0.0, -4.0]]))
    (direction,) = found.directions()
    assert direction.names == ("b",)
    assert direction.eigenvalue == pytest.approx(-1.0)
    assert found.condition_number == np.inf


def test_what_is_minimised_over_is_part_of_a_direction():
    """f follows a by -3; b is something else."""
    followers = Followers(("f", "g"), np.array([[-3.0, 0.0], [0.0, 2.0]]), np.array([1.0, 1.0]))
    found = Conditioning.of_hessian(names(2), np.diag([0.0, 1.0]), followers)
    (direction,) = found.directions()
    assert direction.to_dict() == pytest.approx({"a": -np.sqrt(0.1), "f": 3.0 * np.sqrt(0.1)})


def test_how_a_direction_prints():
    assert repr(Direction(("a", "b", "c"), np.array([-0.5, 0.5, -0.70711]), 0.0)) == "-0.5*a + 0.5*b - 0.71*c"


def test_nothing_to_know():
    nothing = Conditioning.of_hessian((), np.zeros((0, 0)))
    assert nothing.condition_number == 1.0
    assert nothing.smallest_eigenvalue == np.inf
    assert nothing.weakest() is None
    unknown = Conditioning.of_hessian(names(2), np.full((2, 2), np.nan))
    assert np.isnan(unknown.condition_number)
    assert unknown.directions() == ()
    assert not unknown.positive_definite
    assert Conditioning.of_covariance(names(2), np.array([[1.0, 2.0], [2.0, 1.0]])) is None

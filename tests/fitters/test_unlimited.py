"""MINUIT's transformation of limits: values, inverse, slopes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from smoothfit.fitters.unlimited import from_internal, inside, to_internal

LOWER = np.array([0.0, -1.0, -np.inf, -np.inf, 3.0])
UPPER = np.array([2.0, np.inf, 4.0, np.inf, 3.0])


def transcribed(t):
    """The MINUIT manual's formulas, one parameter of each kind; the last has no room."""
    return np.array(
        [
            0.0 + 1.0 * (np.sin(t[0]) + 1.0),
            -1.0 - 1.0 + np.sqrt(t[1] ** 2 + 1.0),
            4.0 + 1.0 - np.sqrt(t[2] ** 2 + 1.0),
            t[3],
            3.0,
        ]
    )


@pytest.mark.parametrize("seed", range(4))
def test_values(seed):
    t = np.random.default_rng(seed).normal(0.0, 3.0, 5)
    z = np.asarray(from_internal(t, LOWER, UPPER))
    np.testing.assert_allclose(z, transcribed(t), rtol=1e-15, atol=1e-15)
    assert np.all(z >= LOWER)
    assert np.all(z <= UPPER)


def test_there_and_back():
    z = np.array([[0.3, -0.99, -7.0, 5.0, 3.0], [2.0, -1.0, 4.0, -1e9, 3.0], [0.0, 1e9, 3.999999, 0.0, 3.0]])
    for row in z:
        t = to_internal(row, LOWER, UPPER)
        np.testing.assert_allclose(from_internal(t, LOWER, UPPER), row, rtol=1e-12, atol=1e-12)


def test_slopes_are_finite_on_a_limit():
    on_limit = np.array([0.0, -1.0, 4.0, 0.0, 3.0])
    t = to_internal(on_limit, LOWER, UPPER)
    slopes = np.asarray(jax.jacobian(lambda t: from_internal(t, LOWER, UPPER))(t))
    np.testing.assert_allclose(slopes, np.diag([0.0, 0.0, 0.0, 1.0, 0.0]), atol=1e-8)
    away = to_internal(inside(jnp.asarray(on_limit), LOWER, UPPER), LOWER, UPPER)
    moving = np.diagonal(np.asarray(jax.jacobian(lambda t: from_internal(t, LOWER, UPPER))(away)))
    assert np.all(np.abs(moving[:4]) > 1e-2)


def test_inside_moves_only_what_is_near():
    z = np.array([1.0, -1.0, 4.0, 7.0, 3.0])
    np.testing.assert_allclose(inside(z, LOWER, UPPER), [1.0, -0.999, 3.999, 7.0, 3.0], rtol=1e-15)

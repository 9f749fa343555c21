"""The matrix-free minimiser on functions with known minima, and against the one with the Hessian."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import lsq_linear

from smoothfit._compilation import compiled
from smoothfit.fitters import matrix_free

INF = jnp.inf


def _minimize(fn, start, lower=None, upper=None, free=None, max_steps=300):
    start = jnp.asarray(start, float)
    n = start.shape[0]

    def point(x):
        diagonal = jnp.abs(jnp.diagonal(jax.hessian(fn)(x)))
        return matrix_free.Point(fn(x), jax.grad(fn)(x), jnp.where(diagonal > 0.0, diagonal, 1.0), x, ())

    return matrix_free.minimize(
        point,
        lambda x, v: jax.jvp(jax.grad(fn), (x,), (v,))[1],
        start,
        lower=jnp.full(n, -INF) if lower is None else jnp.asarray(lower, float),
        upper=jnp.full(n, INF) if upper is None else jnp.asarray(upper, float),
        free=jnp.ones(n) if free is None else jnp.asarray(free, float),
        max_steps=max_steps,
    )


def minimize(fn, *arguments, **options):
    return compiled(partial(_minimize, fn, **options))(*arguments)


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def test_rosenbrock_from_anywhere():
    solve = compiled(partial(_minimize, rosenbrock))
    for start in [(-1.2, 1.0), (0.0, 0.0), (10.0, -10.0), (1.0, 1.0)]:
        found = solve(jnp.array(start))
        np.testing.assert_allclose(found.x, 1.0, atol=1e-7)
        assert float(found.edm) <= 1e-9
        assert found.positive_definite
        assert int(found.steps) < 150


def test_held_coordinates_do_not_move():
    found = minimize(rosenbrock, jnp.array([0.5, 3.0, -1.0]), free=jnp.array([0.0, 1.0, 1.0]))
    assert float(found.x[0]) == 0.5
    np.testing.assert_allclose(jax.grad(rosenbrock)(found.x)[1:], 0.0, atol=1e-6)


@compiled
def quadratics(a, b, start, lower, upper):
    """|A x - b|^2/2 within limits, a batch of them."""

    def one(a, b, start, lower, upper):
        return _minimize(lambda x: 0.5 * jnp.sum((a @ x - b) ** 2), start, lower, upper)

    return jax.lax.map(lambda given: one(*given), (a, b, start, lower, upper))


def test_bounded_quadratics_equal_scipy():
    rng = np.random.default_rng(1)
    n, size = 200, 6
    a = rng.normal(size=(n, size + 2, size))
    # Some nearly degenerate directions.
    a[::3, :, 0] = a[::3, :, 1] + 1e-2 * rng.normal(size=a[::3, :, 1].shape)
    b = rng.normal(size=(n, size + 2)) * 3
    lower = np.where(rng.uniform(size=(n, size)) < 0.6, rng.uniform(-1, 0, (n, size)), -np.inf)
    upper = np.where(rng.uniform(size=(n, size)) < 0.6, rng.uniform(0.0, 1, (n, size)), np.inf)
    start = np.clip(rng.normal(size=(n, size)), lower, upper)
    start[::4] = np.where(np.isfinite(lower[::4]), lower[::4], start[::4])
    found = quadratics(*(jnp.asarray(x) for x in (a, b, start, lower, upper)))
    assert np.all(found.edm <= 1e-9)
    assert np.all((found.x >= lower) & (found.x <= upper))
    for i in range(n):
        expected = lsq_linear(a[i], b[i], (lower[i], upper[i]), method="bvls", tol=1e-15, max_iter=1000)
        assert float(found.point.value[i]) <= expected.cost + 1e-9 * max(1.0, expected.cost)
        np.testing.assert_allclose(a[i] @ found.x[i], a[i] @ expected.x, atol=1e-5)
    assert np.sum(found.at_limit) > n


def test_saddles_are_left():
    found = minimize(lambda x: x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4, jnp.zeros(2))
    np.testing.assert_allclose(np.abs(found.x), [0.0, np.sqrt(2.0)], atol=1e-7)
    assert found.positive_definite


def test_a_flat_direction_is_no_minimum():
    found = minimize(lambda x: (x[0] + x[1] - 3.0) ** 2, jnp.array([1.0, 5.0]))
    assert not found.positive_definite
    assert float(found.edm) == np.inf
    assert float(found.x[0] + found.x[1]) == pytest.approx(3.0, abs=1e-6)
    assert np.all(np.abs(found.x) < 10.0)


def test_functions_that_have_no_minimum_do_not_converge():
    found = minimize(lambda x: -x[0] + 0.1 * x[1] ** 2, jnp.zeros(2), max_steps=30)
    assert not (found.positive_definite and float(found.edm) <= 1e-9)
    nowhere = minimize(lambda x: jnp.log(x[0] - 1.0), jnp.array([0.0]))
    assert int(nowhere.steps) <= 2
    assert not np.isfinite(nowhere.point.value)


def test_where_the_function_is_not_finite():
    """-log leaves its domain to the left; the minimum is at 0.5."""
    found = minimize(lambda x: x[0] * 2.0 - jnp.log(x[0]), jnp.array([40.0]))
    np.testing.assert_allclose(found.x, 0.5, rtol=1e-7)


def test_lanczos_finds_the_smallest_eigenvalue():
    rng = np.random.default_rng(3)
    vectors = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    matrix = vectors @ np.diag(np.concatenate([[-0.03, 1e-6], rng.uniform(0.5, 2.0, 38)])) @ vectors.T
    metric = rng.uniform(0.1, 10.0, 40)
    root = np.sqrt(metric)
    full = jnp.asarray(matrix * root[:, None] * root)
    keep = np.ones(40, bool)
    keep[[3, 17]] = False
    for chosen in (np.ones(40, bool), keep):
        value, vector = matrix_free.smallest_eigenvalue(
            lambda v: full @ v, jnp.asarray(metric), jnp.asarray(chosen)
        )
        inside = matrix[np.ix_(chosen, chosen)]
        assert float(value) == pytest.approx(np.linalg.eigvalsh(inside)[0], abs=1e-12)
        scaled = (np.asarray(vector) * root)[chosen]
        np.testing.assert_allclose(inside @ scaled, float(value) * scaled, atol=1e-9)
        assert np.linalg.norm(scaled) == pytest.approx(1.0)


def test_solutions_by_conjugate_gradients():
    rng = np.random.default_rng(4)
    root = rng.normal(size=(30, 30))
    matrix, right = root @ root.T + 0.1 * np.eye(30), rng.normal(size=30)
    keep = rng.uniform(size=30) < 0.8
    found = matrix_free.solve(
        lambda v: jnp.asarray(matrix) @ v,
        jnp.asarray(right),
        jnp.asarray(np.diagonal(matrix)),
        jnp.asarray(keep),
    )
    expected = np.zeros(30)
    expected[keep] = np.linalg.solve(matrix[np.ix_(keep, keep)], right[keep])
    np.testing.assert_allclose(found, expected, atol=1e-8)
    indefinite = matrix_free.solve(
        lambda v: jnp.array([1.0, -1.0]) * v, jnp.ones(2), jnp.ones(2), jnp.ones(2, bool)
    )
    assert np.all(np.isnan(indefinite))

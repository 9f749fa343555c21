"""The native minimiser on functions with known minima."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import lsq_linear

from smoothfit.fitters import newton

INF = jnp.inf


def _minimize(fn, start, lower=None, upper=None, free=None, max_steps=300):
    start = jnp.asarray(start, float)
    n = start.shape[0]

    def point(x):
        hessian = jax.hessian(fn)(x)
        return newton.Point(fn(x), jax.grad(fn)(x), hessian, hessian, ())

    return newton.minimize(
        point,
        start,
        lower=jnp.full(n, -INF) if lower is None else jnp.asarray(lower, float),
        upper=jnp.full(n, INF) if upper is None else jnp.asarray(upper, float),
        free=jnp.ones(n) if free is None else jnp.asarray(free, float),
        max_steps=max_steps,
    )


def minimize(fn, *arguments, **options):
    return jax.jit(partial(_minimize, fn, **options))(*arguments)


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@pytest.mark.parametrize("start", [(-1.2, 1.0), (0.0, 0.0), (10.0, -10.0), (1.0, 1.0)])
def test_rosenbrock(start):
    found = minimize(rosenbrock, jnp.array(start))
    assert found.converged
    np.testing.assert_allclose(found.x, 1.0, atol=1e-8)
    assert int(found.steps) < 150
    assert float(found.edm) <= 1e-9


def test_a_quadratic_takes_one_step():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(6, 6))
    a = a @ a.T + 0.1 * np.eye(6)
    b = rng.normal(size=6)
    found = minimize(lambda x: 0.5 * x @ a @ x - b @ x, jnp.full(6, 7.0))
    np.testing.assert_allclose(found.x, np.linalg.solve(a, b), rtol=1e-10)
    assert int(found.steps) <= 4


def test_units_do_not_matter():
    scale = 10.0 ** np.array([-9.0, 0.0, 7.0, 12.0])

    def stretched(x):
        return rosenbrock(x / scale)

    one, other = minimize(rosenbrock, jnp.full(4, 0.3)), minimize(stretched, jnp.asarray(0.3 * scale))
    assert one.converged
    assert other.converged
    np.testing.assert_allclose(other.x / scale, one.x, rtol=1e-8)
    assert abs(int(one.steps) - int(other.steps)) <= 3


@jax.jit
def quadratics(a, b, start, lower, upper):
    """|A x - b|^2/2 within limits, a batch of them."""

    def one(a, b, start, lower, upper):
        return _minimize(lambda x: 0.5 * jnp.sum((a @ x - b) ** 2), start, lower, upper)

    return jax.vmap(one)(a, b, start, lower, upper)


def test_bounded_quadratics_equal_scipy():
    rng = np.random.default_rng(1)
    n, size = 200, 6
    a = rng.normal(size=(n, size + 2, size))
    # Some nearly degenerate directions.
    a[::3, :, 0] = a[::3, :, 1] + 1e-3 * rng.normal(size=a[::3, :, 1].shape)
    b = rng.normal(size=(n, size + 2)) * 3
    lower = np.where(rng.uniform(size=(n, size)) < 0.6, rng.uniform(-1, 0, (n, size)), -np.inf)
    upper = np.where(rng.uniform(size=(n, size)) < 0.6, rng.uniform(0.0, 1, (n, size)), np.inf)
    start = np.clip(rng.normal(size=(n, size)), lower, upper)
    start[::4] = np.where(np.isfinite(lower[::4]), lower[::4], start[::4])
    found = quadratics(*(jnp.asarray(x) for x in (a, b, start, lower, upper)))
    active = 0
    for i in range(n):
        expected = lsq_linear(a[i], b[i], (lower[i], upper[i]), method="bvls", tol=1e-15, max_iter=1000)
        assert found.converged[i]
        assert float(found.point.value[i]) <= expected.cost + 1e-9 * max(1.0, expected.cost)
        assert np.all(found.x[i] >= lower[i])
        assert np.all(found.x[i] <= upper[i])
        np.testing.assert_allclose(a[i] @ found.x[i], a[i] @ expected.x, atol=1e-5)
        active += int(np.sum(found.at_limit[i]))
    assert active > n


def test_a_saddle_point_to_start_from():
    found = minimize(lambda x: x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4, jnp.zeros(2))
    assert found.converged
    np.testing.assert_allclose(np.abs(found.x), [0.0, np.sqrt(2.0)], atol=1e-8)


def test_a_maximum_to_start_from():
    found = minimize(lambda x: jnp.sum(jnp.cos(x)), jnp.zeros(2))
    assert found.converged
    np.testing.assert_allclose(found.point.value, -2.0, atol=1e-9)


def test_a_saddle_point_inside_limits():
    found = minimize(lambda x: -(x[0] ** 2) + x[1] ** 2, jnp.zeros(2), jnp.full(2, -0.05), jnp.full(2, 2.0))
    assert np.abs(found.x[0]) in (pytest.approx(0.05), pytest.approx(2.0))


def test_a_flat_direction_is_left_where_it_is():
    found = minimize(lambda x: (x[0] + x[1] - 3.0) ** 2, jnp.array([1.0, 5.0]))
    assert np.all(np.isfinite(found.x))
    assert float(found.x[0] + found.x[1]) == pytest.approx(3.0, abs=1e-6)
    assert np.all(np.abs(found.x) < 10.0)
    assert np.linalg.eigvalsh(found.point.hessian)[0] < 1e-9


def test_where_the_function_is_not_finite():
    """-log leaves its domain to the left; the minimum is at 0.5."""
    found = minimize(lambda x: x[0] * 2.0 - jnp.log(x[0]), jnp.array([40.0]))
    assert found.converged
    np.testing.assert_allclose(found.x, 0.5, rtol=1e-8)


def test_a_start_that_is_not_finite_ends_at_once():
    found = minimize(lambda x: jnp.log(x[0] - 1.0), jnp.array([0.0]))
    assert not found.converged
    assert int(found.steps) <= 2


def test_a_function_without_a_minimum_is_not_converged():
    found = minimize(lambda x: -x[0] + 0.1 * x[1] ** 2, jnp.zeros(2))
    assert not found.converged


def test_starting_on_a_limit():
    def fn(x):
        return (x[0] - 2.0) ** 2 + (x[1] + 1.0) ** 2 + 0.1 * x[0] * x[1]

    found = minimize(fn, jnp.array([0.0, 0.0]), jnp.zeros(2), jnp.array([INF, INF]))
    np.testing.assert_allclose(found.x, [2.0, 0.0], atol=1e-8)
    np.testing.assert_array_equal(found.at_limit, [False, True])
    corner = minimize(fn, jnp.array([0.0, 0.0]), jnp.zeros(2), jnp.array([1.0, 1.0]))
    np.testing.assert_array_equal(corner.x, [1.0, 0.0])
    np.testing.assert_array_equal(corner.at_limit, [True, True])


def test_limits_that_leave_one_point():
    found = minimize(rosenbrock, jnp.array([0.5, 3.0]), jnp.array([0.5, -INF]), jnp.array([0.5, INF]))
    np.testing.assert_allclose(found.x, [0.5, 0.25], atol=1e-9)


def test_held_coordinates_do_not_move():
    found = minimize(rosenbrock, jnp.array([0.5, 3.0, -1.0]), free=jnp.array([0.0, 1.0, 1.0]))
    assert float(found.x[0]) == 0.5
    assert found.converged
    gradient = jax.grad(rosenbrock)(found.x)
    np.testing.assert_allclose(gradient[1:], 0.0, atol=1e-7)
    nothing = minimize(rosenbrock, jnp.array([0.5, 3.0]), free=jnp.zeros(2))
    np.testing.assert_array_equal(nothing.x, [0.5, 3.0])
    assert nothing.converged


def test_no_coordinates_at_all():
    found = minimize(lambda x: jnp.sum(x) + 4.0, jnp.zeros(0))
    assert found.converged
    assert float(found.point.value) == 4.0


def test_the_number_of_steps_is_limited():
    found = minimize(rosenbrock, jnp.array([-1.2, 1.0]), max_steps=3)
    # A trial that was given up takes one or two more, for the point to be where x is.
    assert 3 <= int(found.steps) <= 5
    assert not found.converged
    np.testing.assert_allclose(found.point.value, rosenbrock(found.x), rtol=1e-14)

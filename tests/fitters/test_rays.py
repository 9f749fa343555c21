"""Rays: where a function, minimised over everything else, has risen by a level."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from smoothfit.fitters import newton

INF = np.inf


def follow(fn, origin, direction, level, *, first=1.0, lower=-INF, upper=INF, room=INF):
    """From a minimum along a direction; coordinates without one are minimised over."""
    origin, direction = jnp.asarray(origin, float), jnp.asarray(direction, float)
    n = len(origin)

    def run(origin, direction, first, room, lower, upper):
        def point(x):
            hessian = jax.hessian(fn)(x)
            return newton.Point(fn(x), jax.grad(fn)(x), hessian, hessian, ())

        lowest = fn(origin)
        ray = newton.Ray(origin, direction, first, room, lowest + level, lowest)
        return newton.minimize(
            point,
            jnp.clip(origin + first * direction, lower, upper),
            lower=lower,
            upper=upper,
            free=jnp.where(direction != 0.0, 0.0, 1.0),
            ray=ray,
        )

    limits = (jnp.full(n, lower), jnp.full(n, upper))
    return jax.jit(run)(origin, direction, jnp.asarray(first), jnp.asarray(room), *limits)


def test_of_a_parabola_it_is_the_profiled_width():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(6, 6))
    hessian = a @ a.T + 0.1 * np.eye(6)
    centre = rng.normal(size=6)
    covariance = np.linalg.inv(hessian)
    for direction in (np.eye(6)[2], -np.eye(6)[0], np.array([0.0, 0.3, 0.0, -0.7, 0.0, 0.0])):
        found = follow(lambda x: 0.5 * (x - centre) @ hessian @ (x - centre), centre, direction, 0.5)
        at = np.flatnonzero(direction)
        expected = 1.0 / np.sqrt(direction[at] @ np.linalg.inv(covariance[np.ix_(at, at)]) @ direction[at])
        assert found.converged
        assert float(found.r) == pytest.approx(expected, rel=1e-9)
        np.testing.assert_allclose(found.x[at], centre[at] + expected * direction[at], rtol=1e-9)
        assert int(found.steps) <= 3


def valley(x):
    """Its minimum over y is at y = x^2: the profile is x^4 + x^2/2."""
    return 3.0 * (x[1] - x[0] ** 2) ** 2 + x[0] ** 4 + 0.5 * x[0] ** 2


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("level", [0.5, 20.0])
def test_a_bent_valley_from_any_first_guess(level, first):
    found = follow(valley, [0.0, 0.0], [1.0, 0.0], level, first=first)
    expected = brentq(lambda x: x**4 + 0.5 * x**2 - level, 0.0, 10.0, xtol=1e-14)
    assert found.converged
    assert float(found.r) == pytest.approx(expected, rel=1e-9)
    assert float(found.x[1]) == pytest.approx(expected**2, rel=1e-7)


def test_poisson_profile_equals_a_root_of_the_profiled_likelihood():
    """n1 = 12 with s + b, n2 = 40 with 5 b: b profiled by scipy."""

    def nll(x):
        first, second = x[0] + x[1], 5.0 * x[1]
        return first - 12.0 * jnp.log(first) + second - 40.0 * jnp.log(second)

    def profiled(s):
        def of_b(b):
            return s + b - 12.0 * np.log(s + b) + 5.0 * b - 40.0 * np.log(5.0 * b)

        return minimize_scalar(of_b, bounds=(1e-6, 40.0), method="bounded", options={"xatol": 1e-12}).fun

    best = np.array([4.0, 8.0])
    for side, furthest in ((1.0, 20.0), (-1.0, 3.9)):
        found = follow(nll, best, [side, 0.0], 0.5, first=3.0, lower=1e-6)
        root = brentq(lambda r, s=side: profiled(4.0 + s * r) - profiled(4.0) - 0.5, 0.1, furthest)
        assert found.converged
        assert float(found.r) == pytest.approx(root, abs=1e-5)


def test_a_limit_of_the_others_is_respected():
    """y may not leave [-0.2, 0.2]: beyond, the profile is the function at y = 0.2."""
    found = follow(valley, [0.0, 0.0], [1.0, 0.0], 2.0, first=0.5, lower=-0.2, upper=0.2)
    expected = brentq(lambda x: 3.0 * (0.2 - x**2) ** 2 + x**4 + 0.5 * x**2 - 2.0, 0.5, 2.0)
    assert found.converged
    assert float(found.r) == pytest.approx(expected, rel=1e-9)
    assert float(found.x[1]) == 0.2


def test_it_ends_where_there_is_no_more_room():
    found = follow(valley, [0.0, 0.0], [1.0, 0.0], 20.0, first=0.1, room=0.7)
    assert found.converged
    assert float(found.r) == 0.7
    assert float(found.x[1]) == pytest.approx(0.49, abs=1e-9)


def test_a_lower_minimum_on_the_way_is_not_a_crossing():
    """From the upper of two minima towards the lower one."""
    found = follow(lambda x: (x[0] ** 2 - 1.0) ** 2 + 0.3 * x[0] + x[1] ** 2, [0.9596, 0.0], [-1.0, 0.0], 0.2)
    on_its_side = bool(found.converged) and 0.0 < float(found.r) < 0.9596
    assert on_its_side or not found.converged


def test_nothing_that_rises_is_not_found():
    found = follow(lambda x: 0.1 * jnp.tanh(x[0]) ** 2 + x[1] ** 2, [0.0, 0.0], [1.0, 0.0], 0.5)
    assert not found.converged

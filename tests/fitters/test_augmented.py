"""The augmented Lagrangian around the native minimiser, against scipy's SLSQP and closed forms."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import NonlinearConstraint, minimize

from smoothfit.fitters import augmented, newton
from smoothfit.fitters.first_order import Descent

INF = np.inf


def by_newton(scaled, tolerance, most):
    """An inner minimiser: any will do."""

    def point(x):
        hessian = jax.hessian(scaled.fun)(x)
        return newton.Point(scaled.fun(x), jax.grad(scaled.fun)(x), hessian, hessian, ())

    free = jnp.ones_like(scaled.start)
    found = newton.minimize(point, scaled.start, lower=scaled.lower, upper=scaled.upper, free=free)
    return Descent(found.x, found.steps)


@partial(jax.jit, static_argnames=("fun", "constraint", "inequality", "n_constraints"))
def solve(fun, constraint, start, lower, upper, inequality=False, n_constraints=1):
    return augmented.minimize(
        fun,
        lambda x: jnp.atleast_1d(constraint(x)),
        start,
        lower=lower,
        upper=upper,
        descend=by_newton,
        multipliers=jnp.zeros(n_constraints),
        inequality=inequality,
    )


def everywhere(n):
    return np.full(n, -INF), np.full(n, INF)


def rosenbrock(x):
    return jnp.sum(10.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def on_circle(x):
    return jnp.sum(x**2) - 2.25


def two(x):
    return jnp.stack([x[0] + 2.0 * x[1] - 1.0, jnp.sin(x[2]) + x[0] * x[1] - 0.1])


@pytest.mark.parametrize(
    ("constraint", "n_constraints", "start", "limits"),
    [
        (on_circle, 1, [1.0, 0.5, 0.5], everywhere(3)),
        (two, 2, [0.5, 0.3, 0.1], everywhere(3)),
        (on_circle, 1, [0.5, 0.4, 0.5], (np.full(3, 0.2), np.full(3, 0.9))),
    ],
)
def test_equalities_equal_slsqp(constraint, n_constraints, start, limits):
    found = solve(rosenbrock, constraint, np.array(start), *limits, n_constraints=n_constraints)
    expected = minimize(
        lambda x: float(rosenbrock(x)),
        start,
        jac=lambda x: np.asarray(jax.grad(rosenbrock)(x)),
        method="SLSQP",
        bounds=list(zip(*limits, strict=True)),
        constraints={
            "type": "eq",
            "fun": lambda x: np.atleast_1d(constraint(x)),
            "jac": lambda x: np.atleast_2d(jax.jacobian(constraint)(x)),
        },
        options={"ftol": 1e-15, "maxiter": 500},
    )
    assert expected.success
    np.testing.assert_allclose(found.x, expected.x, atol=2e-6)
    assert float(found.violation) <= 1e-9
    assert float(rosenbrock(found.x)) == pytest.approx(expected.fun, abs=1e-7)
    # Stationary, where no limit holds: the gradient is what the multipliers say.
    slope = jax.grad(rosenbrock)(found.x) + found.multipliers @ jnp.atleast_2d(
        jax.jacobian(constraint)(found.x)
    )
    inner = (np.asarray(found.x) > limits[0] + 1e-9) & (np.asarray(found.x) < limits[1] - 1e-9)
    np.testing.assert_allclose(np.asarray(slope)[inner], 0.0, atol=1e-6)


def parabola(x):
    return jnp.sum((x - jnp.array([2.0, 1.0])) ** 2)


def below(x):
    return x[0] + x[1] - 1.0


def far_below(x):
    return x[0] + x[1] - 9.0


def test_an_inequality_that_binds():
    """The nearest point of the half-plane: (1, 0), with gradient (-2, -2) = -lambda (1, 1)."""
    found = solve(parabola, below, np.zeros(2), *everywhere(2), inequality=True)
    np.testing.assert_allclose(found.x, [1.0, 0.0], atol=1e-8)
    np.testing.assert_allclose(found.multipliers, [2.0], atol=1e-7)


def test_an_inequality_that_is_idle():
    found = solve(parabola, far_below, np.zeros(2), *everywhere(2), inequality=True)
    np.testing.assert_allclose(found.x, [2.0, 1.0], atol=1e-9)
    np.testing.assert_array_equal(found.multipliers, [0.0])


def test_a_bound_in_the_way_the_talk_puts_it():
    """The largest x with a correlated parabola below 1/2: +sigma, the other at rho sigma."""
    rho = 0.8
    inverse = np.linalg.inv([[1.0, rho], [rho, 1.0]])

    def rises(x):
        return 0.5 * x @ inverse @ x - 0.5

    found = solve(lambda x: -x[0], rises, np.array([0.8, 0.1]), *everywhere(2), inequality=True)
    np.testing.assert_allclose(found.x, [1.0, rho], atol=1e-7)
    np.testing.assert_allclose(found.multipliers, [1.0], atol=1e-6)
    scipys = minimize(
        lambda x: -x[0],
        [0.8, 0.1],
        jac=lambda x: np.array([-1.0, 0.0]),
        hess=lambda x: np.zeros((2, 2)),
        method="trust-constr",
        constraints=NonlinearConstraint(
            lambda x: float(rises(x)), 0.0, 0.0, jac=lambda x: inverse @ x, hess=lambda x, v: v[0] * inverse
        ),
    )
    np.testing.assert_allclose(found.x, scipys.x, atol=1e-6)


def test_what_cannot_be_met_is_said():
    """x^2 + 1 = 0 has no solution."""
    found = solve(parabola, lambda x: jnp.sum(x**2) + 1.0, np.ones(2), *everywhere(2))
    assert float(found.violation) > 1e-3

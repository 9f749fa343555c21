"""Minos bounds and fits under constraints, three ways each, against the native ones and SLSQP."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from models import AT_LIMIT, INSIDE, limited, parts
from scipy.optimize import minimize
from small_models import cached

from smoothfit import functional
from smoothfit.errors import InvalidValueError, ShapeMismatchError
from smoothfit.fitters import Jaxopt, Minuit, TrustConstr
from smoothfit.fitters.constrained import linear
from smoothfit.results.levels import joint_level

BY_CONSTRAINT = (Jaxopt(), TrustConstr())


def one_hot(n, position, sign=1.0):
    return sign * np.eye(n)[position]


@pytest.mark.parametrize("fitter", [*BY_CONSTRAINT, Minuit()], ids=lambda f: f.name)
@pytest.mark.parametrize("cl", [None, 0.95])
def test_bounds_equal_the_native_ones(fitter, cl):
    model = limited()
    given = parts(model, INSIDE)
    native = model.fit(INSIDE)
    # MINOS cannot be told how closely to meet the level.
    allowed = 1e-3 if fitter.name == "minuit" else 1e-5
    for position, name in enumerate(("mu", "norm")):
        expected = model.minos_bounds(name, native, cl=cl)
        for sign, bound in ((1.0, expected.up), (-1.0, expected.down)):
            if name == "mu" and bound == 0.0:
                continue
            level = joint_level(cl, 1, "test")
            found = fitter.minos(*given, one_hot(3, position, sign), level)
            assert found.converged
            assert not found.at_limit
            assert found.value == pytest.approx(sign * bound, abs=allowed * native.errors[position])
            assert found.rise == pytest.approx(level, abs=1e-3 * level if fitter.name == "minuit" else 1e-6)
            profile = model.fit(INSIDE, fixed={name: bound})
            np.testing.assert_allclose(found.values, profile.x, atol=2e-3 * native.errors.max())


@pytest.mark.parametrize("fitter", BY_CONSTRAINT, ids=lambda f: f.name)
def test_a_limit_before_the_level(fitter):
    model = limited()
    given = parts(model, AT_LIMIT)
    found = fitter.minos(*given, one_hot(3, 0, -1.0))
    assert found.at_limit
    assert not found.converged
    assert found.value == 0.0
    assert found.rise <= 0.5
    above = fitter.minos(*given, one_hot(3, 0))
    expected = model.minos_bounds("mu", model.fit(AT_LIMIT))
    assert expected.status_down == "at limit"
    assert above.converged
    assert above.value == pytest.approx(expected.up, abs=1e-5 * expected.up)


@pytest.mark.parametrize("fitter", BY_CONSTRAINT, ids=lambda f: f.name)
def test_a_direction_of_two(fitter):
    """The bound of norm - 0.3 mu is where the NLL, minimised at that sum, has risen by the level."""
    given = parts(limited(), INSIDE)
    direction = np.array([-0.3, 1.0, 0.0])
    found = fitter.minos(*given, direction)
    assert found.converged

    def at_sum(x):
        return functional.nll(given.prepared, jnp.stack([x[0], found.value + 0.3 * x[0], x[1]]), INSIDE)

    start = np.asarray(found.values)[[0, 2]] + [0.05, 0.1]
    value, gradient = jax.jit(at_sum), jax.jit(jax.grad(at_sum))
    there = minimize(
        value, start, jac=lambda x: np.asarray(gradient(x)), method="BFGS", options={"gtol": 1e-7}
    )
    assert there.fun - float(given.best.nll) == pytest.approx(0.5, abs=2e-6)


def curved(values):
    return jnp.stack([values[0] * values[1] - 1.4])


@pytest.fixture(scope="module")
def slsqp():
    """SLSQP on the NLL with all constants, for a constraint; written here."""
    prepared = limited().prepared

    def nll(values):
        return functional.nll(prepared, values, INSIDE)

    value, gradient = jax.jit(nll), jax.jit(jax.grad(nll))

    def solve(constraint):
        return minimize(
            lambda x: float(value(x)),
            [1.0, 1.0, 0.0],
            jac=lambda x: np.asarray(gradient(x)),
            method="SLSQP",
            bounds=[(0.0, None), (0.2, 4.0), (None, None)],
            constraints={
                "type": "eq",
                "fun": lambda x: np.asarray(constraint(x)),
                "jac": lambda x: np.asarray(jax.jacobian(constraint)(x)),
            },
            options={"ftol": 1e-14, "maxiter": 300},
        )

    return solve


@pytest.mark.parametrize("fitter", BY_CONSTRAINT, ids=lambda f: f.name)
@pytest.mark.parametrize(
    "constraint",
    [
        linear([-0.3, 1.0, 0.0], 0.9),
        linear([[1.0, 1.0, 0.0], [0.0, 1.0, 0.5]], [2.5, 1.1]),
        # Met with mu at its limit only.
        linear([1.0, 0.0, 0.02], -0.02),
        curved,
    ],
    ids=["linear", "two", "at_limit", "curved"],
)
def test_constrained_fits_equal_slsqp(fitter, constraint, slsqp):
    model = limited()
    prepared, data, fixed, best = parts(model, INSIDE)
    found = fitter.constrained(prepared, data, fixed, model.layout.start, constraint)
    expected = slsqp(constraint)
    assert expected.success
    errors = np.sqrt(np.diagonal(best.covariance))
    assert found.converged, found
    assert found.nll == pytest.approx(expected.fun, abs=1e-6)
    np.testing.assert_allclose(found.values / errors, expected.x / errors, atol=1e-4)
    np.testing.assert_allclose(constraint(jnp.asarray(found.values)), 0.0, atol=1e-6)


def test_a_constraint_on_one_parameter_is_a_profile():
    model = limited()
    prepared, data, fixed, _ = parts(model, INSIDE)
    found = TrustConstr().constrained(prepared, data, fixed, model.layout.start, linear([1.0, 0.0, 0.0], 0.7))
    profile = model.fit(INSIDE, fixed={"mu": 0.7})
    np.testing.assert_allclose(found.values, profile.x, atol=1e-6)
    assert found.nll == pytest.approx(profile.fun, abs=1e-9)
    above, below = (model.fit(INSIDE, fixed={"mu": 0.7 + step}).fun for step in (1e-3, -1e-3))
    assert found.multipliers[0] == pytest.approx(-(above - below) / 2e-3, rel=1e-4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda g: Jaxopt().minos(*g, [1.0, 0.0]), ShapeMismatchError, "(3,)"),
        (lambda g: Jaxopt().minos(*g, [0.0, 0.0, 0.0]), InvalidValueError, "not 0 everywhere"),
        (lambda g: TrustConstr().minos(*g, [1.0, 0.0, 0.0], -0.5), InvalidValueError, "level"),
        (lambda g: Minuit().minos(*g, [1.0, 1.0, 0.0]), InvalidValueError, "one parameter"),
        (
            lambda g: TrustConstr().constrained(*g[:3], g.best.values, lambda x: jnp.array(1.0)),
            InvalidValueError,
            "vanishes",
        ),
        (
            lambda g: TrustConstr().constrained(*g[:3], g.best.values, lambda x: jnp.ones((2, 2)) * x[0]),
            ShapeMismatchError,
            "(2, 2)",
        ),
        (lambda g: linear([[1.0], [2.0]], 1.0), ShapeMismatchError, "(2, 1)"),
    ],
)
def test_what_cannot_be_asked(call, error, words):
    with pytest.raises(error) as caught:
        call(parts(limited(), INSIDE))
    assert words in str(caught.value)


def test_held_and_local_parameters_are_refused():
    model = limited()
    prepared, data, fixed, best = parts(model, INSIDE)
    held = replace(fixed, mask=np.array([1.0, 0.0, 0.0]))
    with pytest.raises(InvalidValueError, match="held constant"):
        TrustConstr().minos(prepared, data, held, best, one_hot(3, 0))
    small = cached("locals")
    given = parts(small.model, small.obs, small.globs)
    names = small.model.parameters
    local = one_hot(len(names), names.index("gauss[0]"))
    with pytest.raises(InvalidValueError, match="one bin only"):
        TrustConstr().minos(*given, local)
    with pytest.raises(InvalidValueError, match="one bin only"):
        TrustConstr().constrained(*given[:3], given.best.values, linear(local, 1.1))


def test_hesse_is_the_exact_covariance():
    """MINUIT's HESSE knows the gradient only; its differences are good to a percent."""
    prepared, data, fixed, best = parts(limited(), INSIDE)
    found = Minuit(strategy=2).hesse(prepared, data, fixed, best)
    errors = np.sqrt(np.diagonal(best.covariance))
    np.testing.assert_allclose(
        found / np.outer(errors, errors), best.covariance / np.outer(errors, errors), atol=1e-2
    )


def test_partial_is_a_constraint():
    """Numbers as arguments of a Partial: other numbers compile nothing."""
    model = limited()
    prepared, data, fixed, _ = parts(model, INSIDE)

    def product(target, values):
        return values[0] * values[1] - target

    for target in (1.2, 1.4):
        found = TrustConstr().constrained(
            prepared, data, fixed, model.layout.start, Partial(product, jnp.asarray(target))
        )
        assert found.converged
        assert found.values[0] * found.values[1] == pytest.approx(target, abs=1e-8)

"""Roots by bracketed secants against scipy's, and their derivatives against closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from smoothfit.functional.roots import constant, find, implicit

FUNCTIONS = {
    "line": (lambda x: 2.0 * x - 3.0, 0.0),
    "steep": (lambda x: jnp.expm1(5.0 * (x - 1.3)), 0.0),
    "flat at first": (lambda x: x**7 - 1e-3, 0.0),
    "saturating": (lambda x: jnp.tanh(x - 40.0) + 0.5, 0.0),
    "kinked": (lambda x: jnp.where(x < 3.0, 0.1 * (x - 3.0), 10.0 * (x - 3.0)) - 1e-3, -5.0),
    "far": (lambda x: jnp.log(x + 1.0) - 9.0, 0.0),
}


@pytest.mark.parametrize("guess", [0.1, 2.0, 1e3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_roots_are_those_of_scipy(name, guess):
    f, low = FUNCTIONS[name]
    calls = []

    def counted(x, before):
        jax.debug.callback(lambda at: calls.append(float(at)), x)
        return f(x), before + 1

    x, carried, found = find(counted, jnp.array(low), jnp.array(guess), jnp.array(1e6), jnp.array(0))
    assert bool(found)
    assert abs(float(f(x))) <= 1e-9
    assert float(x) == pytest.approx(brentq(f, low, 1e6, xtol=1e-14), rel=1e-7)
    assert int(carried) == len(calls) < 60


def test_there_may_be_none():
    far = jnp.array(5.0)
    x, _, found = find(lambda x, c: (x - 7.0, c), jnp.array(0.0), jnp.array(1.0), far, None)
    assert not found
    assert np.isnan(x)
    # Above 0 from the beginning, and not known.
    for f in (lambda x, c: (x + 1.0, c), lambda x, c: (jnp.where(x > 2.0, jnp.nan, x - 3.0), c)):
        assert not find(f, jnp.array(0.0), jnp.array(1.0), far, None)[2]


def test_derivatives_are_those_of_the_equation():
    """x^3 + a x = b: derivatives up to the second, forward and reverse."""

    def root(a, b):
        def f(x):
            return x**3 + a * x - b

        x, _, _ = find(
            lambda x, c: (constant(x**3 + a * x - b), c), jnp.array(0.0), jnp.array(1.0), jnp.array(9.0), None
        )
        return implicit(f, x)

    def closed(a, b):
        # Cardano's formula.
        half, rest = b / 2.0, jnp.sqrt(b**2 / 4.0 + a**3 / 27.0)
        return jnp.cbrt(half + rest) + jnp.cbrt(half - rest)

    at = (jnp.array(1.5), jnp.array(4.0))
    assert float(root(*at)) == pytest.approx(float(closed(*at)), rel=1e-9)
    for mode in (jax.grad, jax.jacfwd):
        np.testing.assert_allclose(mode(root, (0, 1))(*at), mode(closed, (0, 1))(*at), rtol=1e-8)
    np.testing.assert_allclose(jax.hessian(root, (0, 1))(*at), jax.hessian(closed, (0, 1))(*at), rtol=1e-7)

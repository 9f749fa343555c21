"""Rising edges from any parameters: against the formula in numpy, back and forth, and their derivatives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soft_witnesses import differences

from smoothfit.differentiable import edge_parameters, ordered_edges

few = settings(max_examples=60, deadline=None, derandomize=True)
PARAMETERS = st.lists(st.floats(-30.0, 30.0), min_size=5, max_size=5).map(np.array)


def by_numpy(u, low, high, least):
    share = np.log1p(np.exp(u))
    widths = least + (high - low - len(u) * least) * share / share.sum()
    return low + np.concatenate([[0.0], np.cumsum(widths)])


@few
@given(u=PARAMETERS, low=st.floats(-10.0, 10.0), length=st.floats(0.1, 100.0), part=st.floats(0.0, 0.19))
def test_edges_are_those_of_the_formula_and_rise(u, low, length, part):
    high, least = low + length, part * length
    edges = np.asarray(ordered_edges(u, low, high, min_width=least))
    np.testing.assert_allclose(edges, by_numpy(u, low, high, least), rtol=0, atol=1e-13 * (length + abs(low)))
    assert edges[0] == low
    assert edges[-1] == high
    assert np.all(np.diff(edges) >= least - 1e-13 * (length + abs(low)))


def test_no_step_of_a_minimiser_makes_edges_cross():
    rng = np.random.default_rng(2)
    for scale in (1.0, 1e3, 1e200):
        for _ in range(20):
            edges = np.asarray(ordered_edges(scale * rng.normal(size=6), 0.0, 1.0, min_width=1e-3))
            assert np.all(np.diff(edges) > 0.999e-3)


@few
@given(
    widths=st.lists(st.floats(1e-3, 10.0), min_size=4, max_size=4).map(np.array),
    low=st.floats(-5.0, 5.0),
    part=st.floats(0.0, 0.9),
)
def test_parameters_of_edges_make_these_edges(widths, low, part):
    edges = low + np.concatenate([[0.0], np.cumsum(widths)])
    least = part * np.min(np.diff(edges))
    parameters = edge_parameters(edges, min_width=least)
    again = ordered_edges(parameters, edges[0], edges[-1], min_width=least)
    np.testing.assert_allclose(again, edges, rtol=0, atol=1e-12 * np.sum(widths))
    assert float(np.mean(np.log1p(np.exp(parameters)))) == pytest.approx(np.log(2.0), rel=1e-9)


def test_equal_widths_are_zeros():
    np.testing.assert_allclose(edge_parameters(np.linspace(-2.0, 5.0, 8)), np.zeros(7), atol=1e-14)


def test_derivatives_by_parameters_ends_and_least_width():
    v = np.array([0.3, -2.0, 1.5, 0.0, -1.0, 2.0, 0.1])

    def edges(v):
        return ordered_edges(v[:4], v[4], v[5], min_width=v[6])

    expected = differences(lambda v: by_numpy(v[:4], v[4], v[5], v[6]), v, 0.01)
    for differentiate in (jax.jacrev, jax.jacfwd):
        np.testing.assert_allclose(jax.jit(differentiate(edges))(v), expected, rtol=1e-6, atol=1e-11)
    second = differences(jax.jit(jax.jacrev(edges)), v, 0.01)
    np.testing.assert_allclose(jax.jit(jax.hessian(edges))(v), second, rtol=1e-6, atol=1e-10)


def test_derivatives_of_the_way_back():
    edges = np.array([-1.0, 0.2, 0.5, 3.0])
    found = jax.jacfwd(edge_parameters)(jnp.array(edges))
    np.testing.assert_allclose(found, differences(edge_parameters, edges, 1e-3), rtol=1e-6, atol=1e-10)


def test_what_is_traced_and_leaves_no_room_is_nan():
    assert np.all(np.isnan(jax.jit(lambda m: ordered_edges(jnp.zeros(3), 0.0, 1.0, min_width=m))(0.5)[1:-1]))
    assert np.all(np.isnan(jax.jit(lambda m: ordered_edges(jnp.zeros(3), 0.0, 1.0, min_width=m))(-0.1)[1:-1]))
    assert np.all(np.isnan(jax.jit(lambda low: ordered_edges(jnp.zeros(3), low, 1.0))(2.0)[1:-1]))
    assert np.all(np.isnan(jax.jit(edge_parameters)(jnp.array([0.0, 2.0, 1.0, 3.0]))))

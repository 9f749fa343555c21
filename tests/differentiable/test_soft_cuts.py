"""Soft cuts against scipy's sigmoid, their limits, derivatives, and the algebra of their combinations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from soft_witnesses import differences

from smoothfit.differentiable import sigmoid_histogram, soft_and, soft_cut, soft_or

few = settings(max_examples=60, deadline=None, derandomize=True)
EVENTS = st.lists(st.floats(-5.0, 5.0), min_size=6, max_size=6).map(np.array)
CUTS = st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6).map(np.array)


@few
@given(x=EVENTS, threshold=st.floats(-3.0, 3.0), sharpness=st.floats(0.01, 100.0))
def test_weights_are_sigmoids_and_both_sides_add_up(x, threshold, sharpness):
    above = np.asarray(soft_cut(x, threshold, sharpness))
    below = np.asarray(soft_cut(x, threshold, sharpness, keep="below"))
    np.testing.assert_allclose(above, special.expit(sharpness * (x - threshold)), rtol=1e-12)
    np.testing.assert_allclose(above + below, 1.0, rtol=0, atol=1e-15)


@pytest.mark.parametrize("keep", ["above", "below"])
def test_the_limit_of_a_sharp_cut_is_the_cut(keep):
    x = np.random.default_rng(0).normal(size=1000)
    expected = (x > 0.3) if keep == "above" else (x < 0.3)
    nearest = np.min(np.abs(x - 0.3))
    away = [np.abs(soft_cut(x, 0.3, k, keep=keep) - expected).max() for k in (1.0, 10.0, 40.0 / nearest)]
    assert away[0] > 0.4
    assert away[2] < 1e-15
    assert float(soft_cut(0.3, 0.3, 1e9, keep=keep)) == 0.5


@pytest.mark.parametrize("keep", ["above", "below"])
def test_derivatives_by_event_threshold_and_sharpness(keep):
    v, sign = np.array([0.2, 0.7, -1.0, 0.3, 2.5]), 1.0 if keep == "above" else -1.0

    def cut(v):
        return soft_cut(v[:3], v[3], v[4], keep=keep)

    expected = differences(lambda v: special.expit(sign * v[4] * (v[:3] - v[3])), v, 0.01)
    for differentiate in (jax.jacrev, jax.jacfwd):
        np.testing.assert_allclose(jax.jit(differentiate(cut))(v), expected, rtol=1e-6, atol=1e-11)
    second = differences(jax.jit(jax.jacrev(cut)), v, 0.01)
    np.testing.assert_allclose(jax.jit(jax.hessian(cut))(v), second, rtol=1e-6, atol=1e-9)
    third = jax.jacfwd(jax.hessian(cut))(np.array([1e8, -1e8, 0.3, 0.3, 100.0]))
    assert np.all(np.isfinite(third))


def test_thresholds_and_sharpness_may_be_arrays():
    x = np.array([[1.0], [2.0]])
    found = soft_cut(x, np.array([0.5, 1.5, 2.5]), np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(found, special.expit([1.0, 2.0, 3.0] * (x - [0.5, 1.5, 2.5])), rtol=1e-13)
    by_vmap = jax.vmap(lambda t, k: soft_cut(x[:, 0], t, k))(np.array([0.5, 1.5]), np.array([1.0, 2.0]))
    np.testing.assert_allclose(by_vmap, found.T[:2], rtol=1e-13)


def test_a_window_is_nearly_a_bin_of_sigmoids():
    """The product of two cuts: a bin's difference of sigmoids over 1 - exp(-width/T)."""
    x = np.array([0.3])
    window = soft_and(soft_cut(x, 0.0, 4.0), soft_cut(x, 1.0, 4.0, keep="below"))
    of_bin = sigmoid_histogram(x, [0.0, 1.0], 0.25).yields
    np.testing.assert_allclose(window * (1.0 - np.exp(-4.0)), of_bin, rtol=1e-13)


@few
@given(a=CUTS, b=CUTS, c=CUTS)
def test_and_and_or_are_probabilities_of_independent_cuts(a, b, c):
    both, either = np.asarray(soft_and(a, b, c)), np.asarray(soft_or(a, b, c))
    np.testing.assert_allclose(both, a * b * c, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(either, 1.0 - (1.0 - a) * (1.0 - b) * (1.0 - c), rtol=0, atol=1e-15)
    # De Morgan.
    np.testing.assert_allclose(1.0 - either, soft_and(1.0 - a, 1.0 - b, 1.0 - c), rtol=0, atol=1e-15)
    assert np.all(both <= np.minimum(a, b) + 1e-16)
    assert np.all(either >= np.maximum(a, b) - 1e-15)


def test_of_hard_cuts_they_are_logic():
    a, b = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    np.testing.assert_array_equal(soft_and(a, b), np.logical_and(a, b))
    np.testing.assert_array_equal(soft_or(a, b), np.logical_or(a, b))
    np.testing.assert_array_equal(soft_and(a), a)


def test_small_weights_are_not_lost_beside_one():
    np.testing.assert_allclose(soft_or([1e-30], [2e-30]), [3e-30], rtol=1e-14)


def test_derivatives_of_combinations():
    v = np.array([0.2, 0.7, 1.0, 0.0, 0.4, 1.0])
    for combine, witness in (
        (soft_and, lambda v: v[:3] * v[3:]),
        (soft_or, lambda v: 1.0 - (1.0 - v[:3]) * (1.0 - v[3:])),
    ):
        found = jax.jacrev(lambda v, combine=combine: combine(v[:3], v[3:]))(jnp.array(v))
        np.testing.assert_allclose(found, differences(witness, v, 0.01), rtol=1e-9, atol=1e-12)


def test_what_is_traced_and_not_positive_is_nan():
    assert np.isnan(jax.jit(lambda k: soft_cut(1.0, 0.0, k))(-1.0))
    assert np.isnan(jax.jit(lambda k: soft_cut(1.0, 0.0, k))(0.0))

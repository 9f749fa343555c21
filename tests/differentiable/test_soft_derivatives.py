"""First and second derivatives of soft histograms by everything that goes in, against central differences.

First derivatives are compared with differences of the same sums by scipy; second ones, and third, with
differences of the first.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from soft_witnesses import differences, probabilities, softmax_probabilities, sums

from smoothfit.differentiable import kde_histogram, sigmoid_histogram, softmax_histogram

HISTOGRAMS = {"kde": kde_histogram, "sigmoid": sigmoid_histogram}
EDGES = np.array([-1.0, -0.4, 0.1, 0.3, 1.5])
# On edges, inside, a little and far outside.
EVENTS = np.array([-1.0, 0.1, 1.5, -0.7, 0.0, 0.22, 1.1, -1.2, 2.6])
WIDTHS = {"kde": 0.23, "sigmoid": 0.07}
N = len(EVENTS)
RNG = np.random.default_rng(3)
WEIGHTS = RNG.uniform(-0.5, 2.0, N)
MIX = RNG.normal(size=(2, len(EDGES) - 1))


def split(v):
    """Events, edges, width and weights of one vector."""
    return v[:N], v[N : N + len(EDGES)], v[N + len(EDGES)], v[N + len(EDGES) + 1 :]


def start(kernel, flow):
    # What reflects has no events outside.
    events = np.clip(EVENTS, EDGES[0], EDGES[-1]) if flow == "reflect" else EVENTS
    return np.concatenate([events, EDGES, [WIDTHS[kernel]], WEIGHTS])


def soft(kernel, flow, chunk=None):
    """A mixture of all yields and sumw2, as a function of the vector."""

    def mixed(v):
        x, edges, width, weights = split(v)
        found = HISTOGRAMS[kernel](x, edges, width, weights, flow=flow, chunk=chunk)
        return jnp.sum(MIX * jnp.stack(found))

    return mixed


def witness(kernel, flow):
    def mixed(v):
        x, edges, width, weights = split(v)
        return np.sum(MIX * sums(probabilities(kernel, x, edges, width, flow), weights))

    return mixed


@pytest.mark.parametrize("flow", ["none", "sum", "reflect"])
@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
def test_first_derivatives(kernel, flow):
    """By events (on edges, too), edges, width and weights: reverse, forward, in chunks."""
    v = start(kernel, flow)
    expected = differences(witness(kernel, flow), v, WIDTHS[kernel] / 100.0)
    scale = np.max(np.abs(expected))
    moving = np.abs(expected) > 1e-3 * scale
    assert np.count_nonzero(moving) > 0.7 * len(v)
    for differentiate, chunk in ((jax.grad, None), (jax.jacfwd, None), (jax.grad, 4)):
        found = np.asarray(jax.jit(differentiate(soft(kernel, flow, chunk)))(v))
        np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-8)
        np.testing.assert_allclose(found[moving], expected[moving], rtol=1e-6)


@pytest.mark.parametrize("flow", ["none", "sum", "reflect"])
@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
def test_second_derivatives(kernel, flow):
    v = start(kernel, flow)
    gradient = jax.jit(jax.grad(soft(kernel, flow)))
    expected = differences(gradient, v, WIDTHS[kernel] / 100.0)
    scale = np.max(np.abs(expected))
    found = np.asarray(jax.jit(jax.hessian(soft(kernel, flow, 4)))(v))
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-8)
    large = np.abs(expected) > 1e-2 * scale
    np.testing.assert_allclose(found[large], expected[large], rtol=1e-6)
    twice = np.asarray(jax.jit(jax.jacrev(jax.jacrev(soft(kernel, flow))))(v))
    np.testing.assert_allclose(twice / scale, found / scale, rtol=0, atol=1e-12)


def test_derivatives_of_softmax():
    rng = np.random.default_rng(4)
    logits, weights = rng.normal(0.0, 2.0, (6, 4)), rng.uniform(-0.5, 2.0, 6)
    v = np.concatenate([logits.ravel(), [0.7], weights])

    def soft_mixed(v):
        found = softmax_histogram(v[:24].reshape(6, 4), v[24], v[25:], chunk=4)
        return jnp.sum(MIX * jnp.stack(found))

    def witness_mixed(v):
        return np.sum(MIX * sums(softmax_probabilities(v[:24].reshape(6, 4), v[24]), v[25:]))

    expected = differences(witness_mixed, v, 0.005)
    scale = np.max(np.abs(expected))
    gradient = jax.jit(jax.grad(soft_mixed))
    np.testing.assert_allclose(np.asarray(gradient(v)) / scale, expected / scale, rtol=0, atol=1e-8)
    np.testing.assert_allclose(np.asarray(jax.jacfwd(soft_mixed)(v)) / scale, gradient(v) / scale, atol=1e-13)
    second = differences(gradient, v, 0.005)
    scale = np.max(np.abs(second))
    found = np.asarray(jax.jit(jax.hessian(soft_mixed))(v))
    np.testing.assert_allclose(found / scale, second / scale, rtol=0, atol=1e-8)


@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
def test_far_from_everything_derivatives_are_finite(kernel):
    """In bins that no event reaches, and of events that reach no bin."""

    def loss(x, edges, width):
        return jnp.sum(HISTOGRAMS[kernel](x, edges, width, flow="sum").yields * jnp.arange(4.0))

    found = jax.grad(loss, argnums=(0, 1, 2))(jnp.array([-1e6, 0.0, 1e6]), jnp.array(EDGES), 1e-5)
    assert all(np.all(np.isfinite(leaf)) for leaf in found)
    second = jax.hessian(loss, argnums=(0, 1, 2))(jnp.array([-1e6, 0.0, 1e6]), jnp.array(EDGES), 1e-5)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(second))


def test_sigmoids_reach_further_than_gaussians_of_their_width():
    """Ten widths away a Gaussian has no slope left that matters; a sigmoid's falls exponentially."""
    t = np.sqrt(3.0) / np.pi

    def slope(histogram, width):
        return float(jax.grad(lambda x: histogram(x[None], [0.0, 1.0], width).yields[0])(-10.0))

    assert slope(kde_histogram, 1.0) < 1e-20
    assert slope(sigmoid_histogram, t) > 1e-9

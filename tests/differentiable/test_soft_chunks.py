"""Soft histograms under JAX's transformations, traced once, in chunks, and of a million events."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from smoothfit.differentiable import histograms, kde_histogram, sigmoid_histogram, softmax_histogram

HISTOGRAMS = {"kde": kde_histogram, "sigmoid": sigmoid_histogram}
EDGES = np.array([-1.0, -0.4, 0.1, 0.3, 1.5])


def sample(n=40):
    rng = np.random.default_rng(5)
    return rng.normal(0.2, 0.8, n), rng.uniform(-0.3, 1.5, n)


@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
def test_jit_and_vmap_change_nothing(kernel):
    x, weights = sample()
    histogram, widths = HISTOGRAMS[kernel], np.array([0.05, 0.2, 0.9])
    moved = EDGES + 0.01 * np.arange(3)[:, None]
    one_by_one = [histogram(x, e, w, weights) for e, w in zip(moved, widths, strict=True)]
    call = jax.jit(jax.vmap(lambda e, w: histogram(x, e, w, weights)))
    np.testing.assert_allclose(np.stack(call(moved, widths), axis=1), one_by_one, rtol=0, atol=1e-13)


def test_other_numbers_are_not_traced_again():
    x, weights = sample(33)
    kde_histogram(x, EDGES, 0.2, weights, flow="sum")
    size = histograms._kernel_sums._cache_size()
    kde_histogram(x + 0.1, EDGES - 0.2, 0.4, 2.0 * weights, flow="sum")
    assert histograms._kernel_sums._cache_size() == size
    kde_histogram(x, EDGES, 0.2, weights, flow="none")
    assert histograms._kernel_sums._cache_size() == size + 1


@pytest.mark.parametrize("name", ["kde", "sigmoid", "softmax"])
def test_chunks_change_nothing(name):
    """Values and derivatives, where chunks do and do not divide the events."""
    x, weights = sample()
    mix = np.random.default_rng(1).normal(size=(2, 4))

    def call(x, weights, chunk):
        if name == "softmax":
            logits = -3.0 * (x[:, None] - EDGES[1:]) ** 2
            return jnp.stack(softmax_histogram(logits, 0.8, weights, chunk=chunk))
        return jnp.stack(HISTOGRAMS[name](x, EDGES, 0.2, weights, flow="sum", chunk=chunk))

    def found(chunk):
        def loss(*at):
            return jnp.sum(mix * call(*at, chunk) ** 2)

        value, slopes = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(x, weights)
        return np.concatenate([[value], *slopes])

    at_once = found(40)
    for chunk in (1, 7, 20, 39, 100):
        np.testing.assert_allclose(found(chunk), at_once, rtol=0, atol=1e-12, err_msg=str(chunk))


@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
def test_a_million_events_take_no_array_of_events_and_bins(kernel):
    """By what the compiler reserves, beside input and output: for the value, and for all derivatives."""
    n, n_bins = 1_000_000, 50

    def loss(x, weights, edges, width):
        found = HISTOGRAMS[kernel](x, edges, width, weights, flow="sum")
        return jnp.sum(found.yields**2 / (1.0 + found.sumw2))

    shapes = [jax.ShapeDtypeStruct(s, float) for s in ((n,), (n,), (n_bins + 1,), ())]
    for fn in (loss, jax.grad(loss, argnums=(0, 1, 2, 3))):
        reserved = jax.jit(fn).lower(*shapes).compile().memory_analysis().temp_size_in_bytes
        assert reserved < 0.25 * n * n_bins * 8


@pytest.mark.slow
@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
def test_a_million_events_in_fifty_bins(kernel):
    """Against cumulative distributions, edge by edge."""
    rng = np.random.default_rng(11)
    x, weights = rng.normal(size=1_000_000), rng.uniform(0.0, 2.0, 1_000_000)
    edges, width = np.linspace(-1.0, 1.0, 51), 0.03
    cumulative = {"kde": special.ndtr, "sigmoid": special.expit}[kernel]
    of_edges = np.array([[w @ cumulative((e - x) / width) for e in edges] for w in (weights, weights**2)])
    found = HISTOGRAMS[kernel](x, edges, width, weights)
    np.testing.assert_allclose(found, np.diff(of_edges, axis=1), rtol=1e-10)

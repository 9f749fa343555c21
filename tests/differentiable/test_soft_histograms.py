"""Soft histograms against loops with scipy's distributions, their limits, and what they keep."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from soft_witnesses import KERNELS, probabilities, softmax_probabilities, sums

from smoothfit.differentiable import (
    SoftHistogram,
    kde_histogram,
    sigmoid_histogram,
    softmax_histogram,
)

HISTOGRAMS = {"kde": kde_histogram, "sigmoid": sigmoid_histogram}
FLOWS = ["none", "sum", "reflect"]
EDGES = np.array([-1.0, -0.4, 0.1, 0.3, 1.5])

few = settings(max_examples=40, deadline=None, derandomize=True)
# One shape, so that nothing is compiled again.
EVENTS = st.lists(st.floats(-3.0, 3.0), min_size=7, max_size=7).map(np.array)
WEIGHTS = st.lists(st.floats(-2.0, 5.0), min_size=7, max_size=7).map(np.array)
LOGITS = st.lists(st.floats(-20.0, 20.0), min_size=21, max_size=21).map(lambda v: np.array(v).reshape(7, 3))
# Exact powers of two apart: edges increase whatever is drawn.
RISING = st.lists(st.floats(0.03, 2.0), min_size=4, max_size=4).map(
    lambda widths: np.concatenate([[-1.5], -1.5 + np.cumsum(widths)])
)


def sample(n=40, flow="none"):
    """Events, some of them on edges and, where that is allowed, far outside; weights of both signs."""
    rng = np.random.default_rng(5)
    x = rng.normal(0.2, 0.8, n)
    x[:6] = -1.0, 1.5, 0.1, 0.3, -5.0, 9.0
    weights = rng.uniform(-0.3, 1.5, n)
    return np.clip(x, EDGES[0], EDGES[-1]) if flow == "reflect" else x, weights


# -- values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
def test_yields_and_sumw2_are_sums_of_probabilities(kernel, flow):
    x, weights = sample(flow=flow)
    # Reflection with a narrow kernel: the witness has more images.
    width = {"kde": 0.25, "sigmoid": 0.06}[kernel]
    found = HISTOGRAMS[kernel](x, EDGES, width, weights, flow=flow)
    expected = sums(probabilities(kernel, x, EDGES, width, flow), weights)
    assert isinstance(found, SoftHistogram)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    plain = HISTOGRAMS[kernel](x, EDGES, width, flow=flow)
    np.testing.assert_allclose(
        plain, sums(probabilities(kernel, x, EDGES, width, flow), np.ones(len(x))), rtol=0, atol=1e-12
    )


def test_softmax_is_that_of_scipy():
    rng = np.random.default_rng(6)
    logits, weights = rng.normal(0.0, 3.0, (30, 5)), rng.uniform(-0.3, 1.5, 30)
    found = softmax_histogram(logits, 0.7, weights)
    np.testing.assert_allclose(found, sums(softmax_probabilities(logits, 0.7), weights), rtol=0, atol=1e-13)
    by_default = softmax_histogram(logits)
    np.testing.assert_allclose(
        by_default, sums(softmax_probabilities(logits, 1.0), np.ones(30)), rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_far_tails_keep_their_relative_precision(kernel, side):
    """Differences of a cumulative distribution near 1 would be 0 here, or negative."""
    x = np.array([side * 4.0, side * 6.0])
    width = {"kde": 0.2, "sigmoid": 0.02}[kernel]
    found = HISTOGRAMS[kernel](x, EDGES, width).yields
    expected = probabilities(kernel, x, EDGES, width, "none").sum(axis=0)
    assert np.all(expected < 1e-30)
    assert np.all(expected > 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_difference_and_product_of_sigmoids_differ_by_the_factor_that_is_documented():
    x, width = np.linspace(-2.0, 2.0, 9), 0.3
    s = stats.logistic.cdf
    for low, high in itertools.pairwise(EDGES):
        found = sigmoid_histogram(x, [low, high], width).yields[0]
        product = s((x - low) / width) * s((high - x) / width)
        assert float(found) == pytest.approx(
            np.sum(product) * (1.0 - np.exp((low - high) / width)), rel=1e-13
        )


def test_sumw2_is_the_covariance_of_events_drawn_into_bins():
    """Poisson numbers of events, each put into one bin at random: bins are independent, of that variance."""
    x, weights = np.array([-0.5, 0.05, 0.2, 1.2]), np.array([0.5, 1.0, 2.0, -1.0])
    p = probabilities("kde", x, EDGES, 0.3, "sum")
    rng, n = np.random.default_rng(7), 200_000
    drawn = np.zeros((n, len(EDGES) - 1))
    for probability, weight in zip(p, weights, strict=True):
        drawn += weight * rng.multinomial(rng.poisson(1.0, n), probability)
    found = kde_histogram(x, EDGES, 0.3, weights, flow="sum")
    covariance = np.cov(drawn.T)
    errors = np.sqrt((np.outer(found.sumw2, found.sumw2) * 6.0) / n)
    assert np.all(np.abs(drawn.mean(axis=0) - found.yields) < 5.0 * np.sqrt(found.sumw2 / n))
    assert np.all(np.abs(covariance - np.diag(found.sumw2)) < 5.0 * errors)


@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
def test_smearing_of_a_gaussian_is_what_the_page_says(kernel):
    """Weights are a density on a fine grid: the sum is the integral, without fluctuations."""
    x, step = np.linspace(-12.0, 12.0, 4001, retstep=True)
    weights = step * stats.norm.pdf(x)
    edges = np.array([-1.5, -0.5, 0.4, 2.0])
    exact = np.diff(stats.norm.cdf(edges))
    slopes = np.diff(-edges * stats.norm.pdf(edges))
    if kernel == "kde":
        wide = kde_histogram(x, edges, 0.6, weights).yields
        np.testing.assert_allclose(wide, np.diff(stats.norm.cdf(edges / np.hypot(1.0, 0.6))), atol=1e-10)
    variance = {"kde": 1.0, "sigmoid": np.pi**2 / 3.0}[kernel]
    remainders = []
    for width in (0.1, 0.05):
        found = HISTOGRAMS[kernel](x, edges, width, weights).yields
        # By half the width, the term of fourth order falls to a sixteenth.
        remainders.append(np.abs(found - exact - 0.5 * variance * width**2 * slopes).max())
    assert remainders[0] < 2e-3
    assert remainders[0] / remainders[1] == pytest.approx(16.0, rel=0.1)


@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
def test_noise_of_a_derivative_is_what_the_page_says(kernel):
    """The variance of dY/de of n events is n times the mean square of each one's: falling as 1/width."""
    x, step = np.linspace(-12.0, 12.0, 24001, retstep=True)
    at, width = 0.4, 0.02
    each = jax.vmap(
        jax.grad(lambda e, one: HISTOGRAMS[kernel](one[None], [-50.0, e], width).yields[0]), (None, 0)
    )
    slopes = np.asarray(each(at, x))
    density = stats.norm.pdf(at)
    assert float(np.sum(step * stats.norm.pdf(x) * slopes)) == pytest.approx(density, rel=1e-3)
    variance = float(np.sum(step * stats.norm.pdf(x) * slopes**2))
    per_width = {"kde": 1.0 / (2.0 * np.sqrt(np.pi)), "sigmoid": 1.0 / 6.0}[kernel]
    assert variance == pytest.approx(density * per_width / width, rel=1e-3)


# -- limits ------------------------------------------------------------------------------------------------


def hard(x, edges, weights, flow):
    """numpy's histograms of weights and their squares."""
    inside = x if flow == "none" else np.clip(x, edges[0], edges[-1])
    return np.array([np.histogram(inside, edges, weights=w)[0] for w in (weights, weights**2)])


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
@few
@given(x=EVENTS, weights=WEIGHTS, edges=RISING, width=st.floats(1e-4, 1.0))
def test_distance_from_the_histogram_is_bounded_by_the_tails(kernel, flow, x, weights, edges, width):
    """At any width, what is missing of an event, or too much, are its tails beyond the nearest edge."""
    if flow == "reflect":
        x = np.clip(x, edges[0], edges[-1])
    found = HISTOGRAMS[kernel](x, edges, width, weights, flow=flow)
    tails = KERNELS[kernel].sf(np.min(np.abs(x[:, None] - edges), axis=1) / width)
    bound = 2.0 * np.array([np.abs(weights) @ tails, weights**2 @ tails])
    assert np.all(np.abs(np.asarray(found) - hard(x, edges, weights, flow)) <= bound[:, None] + 1e-12)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
def test_the_limit_of_width_0_is_numpys_histogram(kernel, flow):
    rng = np.random.default_rng(8)
    x, weights = rng.normal(0.2, 0.8, 1000), rng.uniform(-0.3, 1.5, 1000)
    if flow == "reflect":
        x = x[(x > EDGES[0]) & (x < EDGES[-1])]
        weights = weights[: len(x)]
    nearest = np.min(np.abs(x[:, None] - EDGES))
    expected = hard(x, EDGES, weights, flow)
    away = []
    for width in (1.0, 0.1, 0.01, nearest / 50.0):
        found = HISTOGRAMS[kernel](x, EDGES, width, weights, flow=flow)
        away.append(np.abs(np.asarray(found) - expected).max())
    assert away[0] > away[1] > away[2] > away[3]
    assert away[3] < 1e-10


def test_the_limit_of_temperature_0_counts_the_largest_logits():
    rng = np.random.default_rng(9)
    logits, weights = rng.normal(size=(1000, 4)), rng.uniform(-0.3, 1.5, 1000)
    top = np.sort(logits, axis=1)
    gap = np.min(top[:, -1] - top[:, -2])
    expected = [np.bincount(logits.argmax(axis=1), w, minlength=4) for w in (weights, weights**2)]
    np.testing.assert_allclose(softmax_histogram(logits, gap / 40.0, weights), expected, rtol=0, atol=1e-10)
    assert np.abs(np.asarray(softmax_histogram(logits, 1.0, weights)) - expected).max() > 1.0


def test_an_event_on_an_edge_is_shared_by_halves():
    for histogram in HISTOGRAMS.values():
        np.testing.assert_allclose(histogram([0.1], EDGES, 1e-6).yields, [0.0, 0.5, 0.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(softmax_histogram([[1.0, 3.0, 3.0]], 1e-3).yields, [0.0, 0.5, 0.5])


# -- what is kept ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", ["sum", "reflect"])
@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
@few
@given(x=EVENTS, weights=WEIGHTS, edges=RISING, width=st.floats(1e-6, 100.0))
def test_flow_into_bins_keeps_the_sum_of_weights(kernel, flow, x, weights, edges, width):
    """However wide the kernel is; without flow, it is the sum of what is inside."""
    inside = np.clip(x, edges[0], edges[-1])
    found = HISTOGRAMS[kernel](inside if flow == "reflect" else x, edges, width, weights, flow=flow)
    total = np.array([np.sum(weights), np.sum(weights**2)])
    np.testing.assert_allclose(np.sum(np.asarray(found), axis=1), total, rtol=0, atol=1e-11)
    lost = HISTOGRAMS[kernel](inside, edges, width, np.abs(weights)).yields
    assert np.sum(lost) <= np.sum(np.abs(weights)) + 1e-11


@few
@given(logits=LOGITS, weights=WEIGHTS, temperature=st.floats(1e-3, 100.0), shift=st.floats(-50.0, 50.0))
def test_softmax_keeps_the_sum_and_forgets_a_shift(logits, weights, temperature, shift):
    found = np.asarray(softmax_histogram(logits, temperature, weights))
    total = [np.sum(weights), np.sum(weights**2)]
    np.testing.assert_allclose(found.sum(axis=1), total, rtol=0, atol=1e-11)
    moved = softmax_histogram(logits + shift, temperature, weights)
    # Logits over the temperature are known to 1e-16 of the largest.
    np.testing.assert_allclose(moved, found, rtol=0, atol=1e-13 * (1.0 + 70.0 / temperature) * 35.0)


@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
@few
@given(
    x=EVENTS, weights=WEIGHTS, width=st.floats(0.01, 2.0), scale=st.floats(0.1, 50.0), at=st.integers(0, 7)
)
def test_units_order_and_splitting_of_events_do_not_matter(kernel, x, weights, width, scale, at):
    histogram = HISTOGRAMS[kernel]
    found = np.asarray(histogram(x, EDGES, width, weights))
    other_unit = histogram(scale * x, scale * EDGES, scale * width, weights)
    turned = histogram(x[::-1], EDGES, width, weights[::-1])
    negated = np.asarray(histogram(-x, -EDGES[::-1], width, weights))[:, ::-1]
    one, two = (np.where((np.arange(7) < at) == first, weights, 0.0) for first in (True, False))
    split = np.asarray(histogram(x, EDGES, width, one)) + np.asarray(histogram(x, EDGES, width, two))
    for again in (other_unit, turned, negated, split):
        np.testing.assert_allclose(again, found, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kernel", list(HISTOGRAMS))
@few
@given(x=EVENTS, edges=RISING, width=st.floats(1e-3, 10.0))
def test_yields_of_events_are_never_negative_and_bins_merge(kernel, x, edges, width):
    """A bin made of two has their sum."""
    for flow in ("none", "sum"):
        found = np.asarray(HISTOGRAMS[kernel](x, edges, width, flow=flow).yields)
        assert np.all(found >= 0.0)
        merged = np.asarray(HISTOGRAMS[kernel](x, edges[[0, 2, 3, 4]], width, flow=flow).yields)
        np.testing.assert_allclose(merged, [found[0] + found[1], found[2], found[3]], rtol=0, atol=1e-12)


def test_nothing_gives_nothing():
    for histogram in HISTOGRAMS.values():
        np.testing.assert_array_equal(histogram([], EDGES, 0.1, [], flow="sum"), np.zeros((2, 4)))
    np.testing.assert_array_equal(softmax_histogram(np.zeros((0, 3))), np.zeros((2, 3)))


@pytest.mark.parametrize("flow", ["sum", "reflect"])
def test_one_bin_that_takes_all_has_all(flow):
    for histogram in HISTOGRAMS.values():
        np.testing.assert_allclose(
            histogram([0.1, 0.7], [0.0, 1.0], 5.0, flow=flow).yields, [2.0], rtol=1e-14
        )

"""The table of gradients: what it measures, and where it goes."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import differentiable, neos
from benchmarks.sections import write_section
from smoothfit import functional


@pytest.mark.reference
def test_the_cost_of_a_gradient_of_a_tiny_workload():
    tiny = differentiable.problem("W2_n4_b10")
    at = tiny.model.prepared.plan.start

    def nll(p, yields):
        return functional.nll(p.prepared(yields), at, p.obs), ()

    found = differentiable.cost("nll", nll, tiny, repetitions=2)
    assert min(*found.first, *found.seconds) > 0.0
    assert found.error < 1e-7
    header, _, line, _ = differentiable._cost_lines([(found, found.ratio * 1.01)])
    assert line.count("|") == header.count("|")
    assert line.startswith("| nll |")
    assert "| met |" in line
    slow = dataclasses.replace(found, seconds=(1.0, 3.0))
    assert "| 3.00 | 2.00 | 2.5 | missed by a factor 1.2 |" in differentiable._cost_lines([(slow, 2.5)])[2]


def test_a_wrong_gradient_is_seen():
    yields = {("p", "c"): jnp.array([1.0, 2.0, 3.0])}

    def value(yields):
        return jnp.sum(yields["p", "c"] ** 3)

    right = jax.grad(value)(yields)
    assert differentiable._error(value, right, yields) < 1e-8
    wrong = {where: row.at[1].multiply(1.01) for where, row in right.items()}
    assert differentiable._error(value, wrong, yields) > 1e-5


def test_sections_are_replaced_and_what_is_around_them_kept(tmp_path):
    page = tmp_path / "RESULTS.md"
    page.write_text("# Results\n\nbefore\n")
    write_section("a", "one\n", page)
    write_section("b", "other\n", page)
    write_section("a", "two\n", page)
    assert page.read_text() == (
        "# Results\n\nbefore\n\n<!-- a: begin -->\ntwo\n<!-- a: end -->\n\n"
        "<!-- b: begin -->\nother\n<!-- b: end -->\n"
    )


def test_counted_templates():
    x = neos.Blobs(*(np.linspace(0.0, end, 11) for end in (1.0, 1.0, 0.5, 0.1)))
    rows = neos.counted(x, neos.EDGES)
    assert rows.signal == pytest.approx(5.0 * np.array([2, 2, 2, 2, 3]) / 11)
    assert rows.down == pytest.approx(50.0 * np.array([11, 0, 0, 0, 0]) / 11 + 0.01)


def test_the_best_edges_are_not_worse_than_others():
    rng = np.random.default_rng(1)
    x = neos.Blobs(rng.beta(4, 2, 2000), rng.beta(2, 4, 2000), rng.beta(2, 4, 2000), rng.beta(2, 4, 2000))

    def cls(rows):
        """The likelihood ratio of two simple hypotheses, where a floor keeps it finite."""
        return np.exp(-np.sum(rows.signal**2 / rows.nominal))

    edges = neos.best_edges(x, cls, rng)
    assert len(edges) == len(neos.EDGES)
    assert np.all(np.diff(edges) > 0.0)
    assert cls(neos.counted(x, edges)) < cls(neos.counted(x, neos.EDGES))


def test_training_by_cross_entropy_separates_the_blobs():
    train = neos.trainer(neos.cross_entropy)
    weights, losses = train(neos.initial_weights(jax.random.key(1)), jax.random.key(2), 60, 200)
    # The best classifier's: blobs of unit variance, 8^0.5 apart; log 2 is that of a constant.
    distance, z = 8.0, np.random.default_rng(3).standard_normal(100_000)
    best = np.mean(np.logaddexp(0.0, -(distance / 2 + distance**0.5 * z)))
    assert losses[0] > 0.4
    assert np.mean(losses[-20:]) == pytest.approx(best, abs=0.05)
    x = neos.observable(weights, neos.blobs(jax.random.key(4), 500))
    assert np.mean(x.signal) > 0.8
    assert np.mean(x.nominal) < 0.2


@pytest.mark.slow
def test_the_gradient_of_the_expected_cls_by_the_weights():
    """Beside differences, and the soft value beside that of the model's methods."""
    model = neos.structure()
    loss = jax.jit(jax.value_and_grad(neos.cls_loss(model)))
    events = neos.blobs(jax.random.key(1), 500)
    weights = jax.tree.map(lambda w: w.astype(float), neos.initial_weights(jax.random.key(2)))
    value, gradient = loss(weights, events, 0.1)
    soft = neos.templates(
        neos.observable(weights, events),
        lambda x: neos.kde_histogram(x, neos.EDGES, 0.1, flow="reflect").yields,
    )
    expected = neos.structure(soft).hypotest("mu", 1.0, np.asarray(soft.nominal)).expected[2]
    assert float(jnp.exp(value)) == pytest.approx(expected, rel=1e-6)
    # The network computes in single precision: offsets of the last layer move it by large steps.
    h = 1e-2

    def moved(step):
        *first, (matrix, offset) = weights
        return float(loss([*first, (matrix, offset + step)], events, 0.1)[0])

    slope = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
    assert float(gradient[-1][1][0]) == pytest.approx(slope, rel=1e-3)

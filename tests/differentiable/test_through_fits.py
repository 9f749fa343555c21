"""From events to what a fit finds, and back: derivatives against differences of whole fits."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize
from soft_witnesses import differences

from smoothfit import Model, Process, Variable, functional
from smoothfit.differentiable import (
    kde_histogram,
    ordered_edges,
    sigmoid_histogram,
    soft_and,
    soft_cut,
    softmax_histogram,
)

N_BINS = 4
RNG = np.random.default_rng(12)
SIGNAL, BACKGROUND = RNG.normal([1.0, 0.5], 1.0, (150, 2)), RNG.normal([-0.5, 0.0], 1.2, (250, 2))
WEIGHTS = RNG.uniform(0.2, 1.0, 250)


def model():
    """A signal and a background with a shape, a normalisation and Monte Carlo statistics."""
    mu = Variable("mu", 1.0)
    jes, norm = (Variable(name, 0.0, nuisance=True) for name in ("jes", "norm"))
    ones = np.ones(N_BINS)
    sig = Process("sig", ones, sumw2=ones).scale_by(mu).add_lnN(norm, 1.05)
    bkg = Process("bkg", ones, sumw2=ones).add_shape(jes, 1.1 * ones, 0.9 * ones).add_lnN(norm, 1.1)
    return Model().add_proc(sig).add_proc(bkg).prepare()


MODEL = model()


def score(v, events, shift=0.0):
    """A network of one neuron, with an energy scale that moves its first input."""
    return jnp.tanh(events[:, 0] * (1.0 + shift) * v[0] + events[:, 1] * v[1])


def of_kernel(histogram, v, events, weights, shift=0.0):
    edges = ordered_edges(v[2:6], -1.0, 1.0, min_width=0.05)
    kept = soft_and(weights, soft_cut(events[:, 1], v[6], 3.0, keep="below"))
    return histogram(score(v, events, shift), edges, jnp.exp(v[7]), kept, flow="reflect", chunk=64)


def of_softmax(v, events, weights, shift=0.0):
    x = score(v, events, shift)
    return softmax_histogram(x[:, None] * v[2:6] + jnp.arange(4.0) * v[6], jnp.exp(v[7]), weights)


FILLED = {
    "kde": lambda *a: of_kernel(kde_histogram, *a),
    "sigmoid": lambda *a: of_kernel(sigmoid_histogram, *a),
    "softmax": of_softmax,
}
START = {
    "kde": np.array([0.8, 0.3, 0.2, -0.1, 0.0, 0.4, 1.0, np.log(0.2)]),
    "sigmoid": np.array([0.8, 0.3, 0.2, -0.1, 0.0, 0.4, 1.0, np.log(0.1)]),
    "softmax": np.array([0.8, 0.3, -1.0, 0.0, 1.0, 2.0, 0.4, np.log(0.7)]),
}


def prepared(name, v):
    fill = FILLED[name]
    sig = fill(v, SIGNAL, jnp.full(150, 0.2))
    bkg, up, down = (fill(v, BACKGROUND, WEIGHTS, shift) for shift in (0.0, 0.2, -0.2))
    changes = {
        ("sig", "main"): sig._asdict(),
        ("bkg", "main"): {**bkg._asdict(), "up": {"jes": up.yields}, "down": {"jes": down.yields}},
    }
    return MODEL.replaced(changes)


def outcome(name, v):
    """The error of mu, the fitted mu and the NLL, where data deviate a little from what is expected."""
    of_v = prepared(name, v)
    obs = functional.expected(of_v, of_v.plan.start) + jnp.array([2.0, -3.0, 1.0, 4.0])
    fit = functional.fit(of_v, obs)
    return jnp.stack([jnp.sqrt(fit.covariance[0, 0]), fit.values[0], fit.nll])


def check(name):
    v = START[name]
    expected = differences(lambda v: outcome(name, v), v, 2e-3)
    scale = np.max(np.abs(expected), axis=1, keepdims=True)
    assert np.all(np.isfinite(expected))
    assert np.all(np.max(np.abs(expected) / scale, axis=0) > 1e-4), "something has no effect"
    reverse = jax.jit(lambda v, row: jax.vjp(lambda v: outcome(name, v), v)[1](row)[0])
    found = np.stack([np.asarray(reverse(v, row)) for row in jnp.eye(3)])
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-6)
    return found, scale


@pytest.mark.slow
def test_gradients_through_fits_are_those_of_refits():
    """By network, edges, cut and bandwidth at once."""
    check("kde")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(FILLED))
def test_forward_and_reverse_through_fits_are_the_same(name):
    found, scale = check(name)
    direction = np.random.default_rng(1).normal(size=len(START[name]))
    _, forward = jax.jvp(lambda v: outcome(name, v), (START[name],), (direction,))
    np.testing.assert_allclose(forward / scale[:, 0], found @ direction / scale[:, 0], rtol=0, atol=1e-9)


def test_templates_are_those_of_a_model_built_with_them():
    """By the fields of the record, which are what replaced() takes."""
    v = START["kde"]
    of_v = prepared("kde", v)
    signal = FILLED["kde"](v, SIGNAL, jnp.full(150, 0.2))
    background = FILLED["kde"](v, BACKGROUND, WEIGHTS)
    expected = functional.expected(of_v, of_v.plan.start)
    np.testing.assert_allclose(expected, signal.yields + background.yields, rtol=1e-13)


def error_of(of_v):
    """Of mu, with Asimov data."""
    fit = functional.fit(of_v, functional.expected(of_v, of_v.plan.start))
    return jnp.sqrt(fit.covariance[0, 0])


def counted(v):
    """The model of numpy's histograms, without the cut."""
    edges = np.asarray(ordered_edges(v[2:6], -1.0, 1.0, min_width=0.05))

    def counts(events, weights, shift=0.0):
        x = np.asarray(score(v, events, shift))
        return [np.histogram(x, edges, weights=w)[0] for w in (weights, weights**2)]

    sig, bkg = counts(SIGNAL, np.full(150, 0.2)), counts(BACKGROUND, WEIGHTS)
    up, down = (counts(BACKGROUND, WEIGHTS, shift)[0] for shift in (0.2, -0.2))
    changes = {
        ("sig", "main"): {"yields": sig[0], "sumw2": sig[1]},
        ("bkg", "main"): {"yields": bkg[0], "sumw2": bkg[1], "up": {"jes": up}, "down": {"jes": down}},
    }
    return MODEL.replaced(changes)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "falls_to"), [([0.1, 1.0], 0.6), ([0.8, 0.3], 0.95)])
def test_what_is_better_for_soft_histograms_is_better_for_counts(first, falls_to):
    """Network and edges by a minimiser that takes the gradient, from a bad and from a good start."""
    still = np.array([10.0, np.log(0.05)])
    step = jax.jit(jax.value_and_grad(lambda u: error_of(prepared("kde", jnp.concatenate([u, still])))))

    def loss(u):
        value, slope = step(u)
        return float(value), np.asarray(slope)

    start = np.concatenate([first, START["kde"][2:6]])
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B")
    assert found.fun < falls_to * loss(start)[0]
    assert float(error_of(counted(found.x))) < falls_to * float(error_of(counted(start)))

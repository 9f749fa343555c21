"""Trees of weights: names, trees from values and back, constraints a leaf, fits against scipy."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from smoothfit import TreeVariable, Variable, combine, fitters, functional, load, save
from smoothfit.constraints import Gaussian, LogNormal
from smoothfit.errors import DuplicateNameError, InvalidTypeError, InvalidValueError, ShapeMismatchError
from smoothfit.io import model_hash
from smoothfit.model import Model, Process

RNG = np.random.default_rng(12)
X = np.linspace(-1.0, 1.0, 6)
BKG = np.full(6, 300.0)


class Layer(NamedTuple):
    """A layer of a network."""

    weights: np.ndarray
    biases: np.ndarray


# -- names and trees -------------------------------------------------------------------------------


def test_components_are_named_by_their_place():
    tree = {
        "layers": [Layer(np.zeros((1, 2)), np.zeros(1))],
        "a b": np.zeros(2),
        "scale": 1.0,
    }
    net = TreeVariable("net", tree)
    assert net.sub_names == (
        "net['a b'][0]",
        "net['a b'][1]",
        "net.layers[0].weights[0,0]",
        "net.layers[0].weights[0,1]",
        "net.layers[0].biases[0]",
        "net.scale",
    )
    assert TreeVariable("w", np.zeros((1, 2))).sub_names == ("w[0,0]", "w[0,1]")
    assert isinstance(net, Variable)


def test_trees_are_made_of_values_and_values_of_trees():
    tree = {"layers": [Layer(RNG.normal(size=(2, 3)), RNG.normal(size=2))], "scale": 1.5}
    net = TreeVariable("net", tree)
    back = net.unflatten(net.value)
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    jax.tree.map(np.testing.assert_array_equal, back, jax.tree.map(np.asarray, tree))
    np.testing.assert_array_equal(net.flatten(tree), net.value)
    batch = net.unflatten(np.tile(net.value, (4, 1)))
    assert batch["layers"][0].weights.shape == (4, 2, 3)
    assert batch["scale"].shape == (4,)
    slopes = jax.grad(lambda v: jnp.sum(net.unflatten(v)["layers"][0].weights ** 2))(jnp.asarray(net.value))
    np.testing.assert_allclose(slopes, np.r_[2.0 * tree["layers"][0].weights.ravel(), np.zeros(3)])


def test_widths_bounds_and_flags_are_one_for_all_or_a_tree_alike():
    tree = {"w": np.zeros((2, 2)), "b": np.zeros(2)}
    net = TreeVariable(
        "net",
        tree,
        width={"w": np.array([0.5, 0.25]), "b": 0.1},
        mean={"w": 1.0, "b": np.array([0.0, 2.0])},
        lower_bound=-3.0,
        upper_bound={"w": 4.0, "b": 5.0},
        fixed={"w": False, "b": np.array([True, False])},
        group="network",
    )
    np.testing.assert_array_equal(net.constraint.width, [0.1, 0.1, 0.5, 0.25, 0.5, 0.25])
    np.testing.assert_array_equal(net.constraint.mean, [0.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(net.lower, np.full(6, -3.0))
    np.testing.assert_array_equal(net.upper, [5.0, 5.0, 4.0, 4.0, 4.0, 4.0])
    np.testing.assert_array_equal(net.fixed, [True, False, False, False, False, False])
    assert net.nuisance
    assert net.group == "network"
    own = TreeVariable("net", {"w": np.array([0.5, 0.7])}, width=0.2)
    np.testing.assert_array_equal(own.constraint.mean, [0.5, 0.7])
    positive = TreeVariable("net", {"w": np.array([0.5, 0.7])}, constraint=LogNormal(kappa=1.2))
    assert type(positive.constraint).__name__ == "LogNormal"


# -- fits ------------------------------------------------------------------------------------------


def linear(layer, mu):
    """Bins reweighted by a linear layer of two features."""
    features = jnp.stack([X, X**2])
    return mu * jnp.exp(layer["weights"] @ features + layer["biases"][:, None])[0]


def start():
    rng = np.random.default_rng(2)
    return {"weights": 0.3 * rng.normal(size=(1, 2)), "biases": 0.1 * rng.normal(size=1)}


def linear_model(width=0.5):
    widths = {"weights": width, "biases": 0.1}
    layer = TreeVariable("layer", start(), width=widths, mean=0.0)
    mu = Variable("mu", 1.0)
    sig = Process("sig", np.full(6, 100.0)).scale_by_fn(linear, layer, mu)
    return Model().add_proc(sig).add_proc(Process("bkg", BKG)).prepare(), layer, mu


OBS = np.array([380.0, 395.0, 402.0, 420.0, 445.0, 471.0])


def explicit(values):
    """NLL of (mu, bias, two weights), by scipy."""
    mu, bias, *weights = values
    nu = 100.0 * mu * np.exp(weights[0] * X + weights[1] * X**2 + bias) + BKG
    terms = stats.norm.logpdf(weights, 0.0, 0.5).sum() + stats.norm.logpdf(bias, 0.0, 0.1)
    return np.sum(nu - OBS * np.log(nu)) - terms


def test_a_linear_layer_with_constrained_weights_is_fitted_as_its_explicit_likelihood():
    """LinearConstrained of evermore's example."""
    model, layer, _ = linear_model()
    assert model.parameters == ("mu", "layer.biases[0]", "layer.weights[0,0]", "layer.weights[0,1]")
    found = model.fit(OBS)
    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
    expected = optimize.minimize(explicit, [1.0, 0.0, 0.1, 0.0], method="Nelder-Mead", options=options)
    assert found.fun - model.nll(model.layout.start, OBS) == pytest.approx(
        expected.fun - explicit(model.layout.start), abs=1e-8
    )
    assert np.max(np.abs(found.x - expected.x) / found.errors) < 1e-5
    weights = layer.unflatten(found[layer].value)
    np.testing.assert_allclose(weights["weights"], expected.x[None, 2:], atol=1e-5)
    up, down, *_ = model.minos_bounds("layer.weights[0,0]", found, OBS)
    assert down < weights["weights"][0, 0] < up
    held = model.fit(OBS, fixed={layer: layer.flatten({"weights": np.zeros((1, 2)), "biases": 0.0})})
    assert held["mu"].value == pytest.approx(np.sum(OBS - BKG) / 600.0, rel=0.05)
    assert held["layer.weights[0,1]"].value == 0.0
    by_pattern = model.fit(OBS, fixed={r"layer\..*": 0.0})
    np.testing.assert_array_equal(by_pattern.x, held.x)


def perceptron(net, x):
    """One hidden layer of two."""
    hidden = jnp.tanh(net["first"]["w"] @ x[None, :] + net["first"]["b"][:, None])
    return (net["second"]["w"] @ hidden + net["second"]["b"][:, None])[0]


def mlp():
    rng = np.random.default_rng(4)
    return {
        "first": {"w": rng.normal(size=(2, 1)), "b": 0.1 * rng.normal(size=2)},
        "second": {"w": 0.2 * rng.normal(size=(1, 2)), "b": np.zeros(1)},
    }


def test_a_small_network_that_morphs_a_template():
    tree = mlp()
    net = TreeVariable("net", tree, width=jax.tree.map(lambda w: 0.3, tree))
    bkg = Process("bkg", BKG).add_by_fn(lambda net: 50.0 * perceptron(net, jnp.asarray(X)), net)
    model = Model().add_proc(bkg).prepare()
    assert model.layout.n_params == 7

    def of_tree(values):
        first_b, first_w, second_b, second_w = values[:2], values[2:4], values[4:5], values[5:7]
        hidden = np.tanh(first_w[:, None] * X + first_b[:, None])
        nu = np.maximum(BKG + 50.0 * (second_w @ hidden + second_b), 1e-3)
        pulls = (values - net.value) / 0.3
        return np.sum(nu - OBS * np.log(nu)) + 0.5 * np.sum(pulls**2)

    found = model.fit(OBS)
    shift = found.fun - model.nll(net.value, OBS)
    assert shift == pytest.approx(of_tree(found.x) - of_tree(net.value), abs=1e-8)
    near = optimize.minimize(of_tree, found.x + 0.05, method="BFGS")
    assert np.max(np.abs(found.x - near.x) / found.errors) < 1e-3
    # A network has several minima; fits from draws of the weights find the lower ones.
    starts = model.sample_prior(8, seed=3)
    best = min((model.fit(OBS, init={net: start}) for start in starts), key=lambda fit: fit.fun)
    lowest = min(optimize.minimize(of_tree, start, method="BFGS").fun for start in starts)
    assert of_tree(best.x) == pytest.approx(lowest, abs=1e-6)
    assert best.fun < found.fun - 0.1


def test_the_arrays_of_an_equinox_module_are_a_tree():
    eqx = pytest.importorskip("equinox")
    arrays, rest = eqx.partition(eqx.nn.Linear(2, 1, key=jax.random.key(1)), eqx.is_inexact_array)
    net = TreeVariable("net", arrays, width=0.5)
    assert net.sub_names == ("net.weight[0,0]", "net.weight[0,1]", "net.bias[0]")

    def factors(arrays):
        return jnp.exp(jax.vmap(eqx.combine(arrays, rest))(jnp.stack([X, X**2], axis=1))[:, 0])

    model = Model().add_proc(Process("p", BKG).scale_by_fn(factors, net)).prepare()
    values = np.array([0.2, -0.1, 0.05])
    np.testing.assert_allclose(
        model.pred({net: values}), BKG * np.exp(0.2 * X - 0.1 * X**2 + 0.05), rtol=1e-12
    )


def test_terms_of_the_likelihood_get_trees_too_and_likelihoods_vectors():
    net, mu = TreeVariable("net", {"w": np.array([0.2, 0.1])}), Variable("mu", 1.0)
    model = Model().add_proc(Process("p", [100.0]).scale_by(mu))
    model.add_proc(Process("q", [50.0]).scale_by_fn(lambda net, mu: mu * net["w"].sum(), net, mu))
    model.add_constraint(lambda net: -jnp.sum(net["w"] ** 2), net)
    model.add_likelihood(lambda values, data: 3.0 * jnp.sum(net.unflatten(values)["w"] ** 4), [net]).prepare()
    w = np.array([0.4, 0.3])
    expected = -stats.poisson.logpmf(130, 135.0) + np.sum(w**2) + 3.0 * np.sum(w**4)
    assert model.nll({mu: 1.0, net: w}, [130.0]) == pytest.approx(expected, abs=1e-9)


def test_weights_can_be_differentiated_and_nothing_is_compiled_twice():
    model, _, _ = linear_model()
    model.fit(OBS)
    size = fitters.count_traces()
    again, _, _ = linear_model(0.4)
    again.fit(OBS)
    assert fitters.count_traces() == size
    slopes = jax.grad(lambda v: functional.nll(model.prepared, v, OBS))(jnp.asarray(model.layout.start))
    steps = 1e-5 * np.eye(4)
    at = model.layout.start
    expected = [(model.nll(at + h, OBS) - model.nll(at - h, OBS)) / 2e-5 for h in steps]
    np.testing.assert_allclose(slopes, expected, rtol=1e-6, atol=1e-5)


def test_saved_and_combined_models_keep_names_and_functions(tmp_path):
    model, layer, mu = linear_model()
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.parameters == model.parameters
    assert model_hash(again) == model_hash(model)
    fitted = again.fit(OBS)
    np.testing.assert_allclose(fitted.x, model.fit(OBS).x, rtol=1e-9)
    assert layer.unflatten(fitted["layer"].value)["weights"].shape == (1, 2)
    other = Model().add_proc(Process("other", [10.0], channel="other").scale_by(mu)).prepare()
    both = combine(model, other, rename=[{"layer": "net"}, None])
    assert both.parameters == ("mu", "net.biases[0]", "net.weights[0,0]", "net.weights[0,1]")
    x = np.array([1.1, 0.05, 0.2, -0.1])
    expected = model.nll(x, OBS) - stats.poisson.logpmf(12, 11.0)
    assert both.nll(x, both.data_from_dict({"main": OBS, "other": [12.0]})) == pytest.approx(
        expected, abs=1e-9
    )


# -- bad input -------------------------------------------------------------------------------------

TREE = {"w": np.zeros((2, 2)), "b": np.zeros(2)}

BAD = {
    "no weights": (lambda: TreeVariable("net", {}), ShapeMismatchError, "no weights"),
    "a function": (
        lambda: TreeVariable("net", {"w": np.zeros(2), "act": jnp.tanh}),
        InvalidTypeError,
        r"tree\.act.*partition",
    ),
    "text": (lambda: TreeVariable("net", {"w": "relu"}), InvalidTypeError, r"tree\.w"),
    "not finite": (lambda: TreeVariable("net", {"w": np.array([np.nan])}), InvalidValueError, "finite"),
    "width of another tree": (
        lambda: TreeVariable("net", TREE, width={"w": 0.1}),
        ShapeMismatchError,
        "width is PyTreeDef.*expected one number, or",
    ),
    "width of another shape": (
        lambda: TreeVariable("net", TREE, width={"w": np.ones(3), "b": 0.1}),
        ShapeMismatchError,
        r"width\['w'\] has shape \(3,\), the weights \(2, 2\)",
    ),
    "zero width": (lambda: TreeVariable("net", TREE, width=0.0), InvalidValueError, "width"),
    "width and constraint": (
        lambda: TreeVariable("net", TREE, width=0.1, constraint=Gaussian()),
        InvalidValueError,
        "one of the two",
    ),
    "mean without width": (lambda: TreeVariable("net", TREE, mean=0.0), InvalidValueError, "width, too"),
    "fixed as numbers": (
        lambda: TreeVariable("net", TREE, fixed={"w": 1.0, "b": False}),
        InvalidTypeError,
        r"fixed\['w'\] must be True or False",
    ),
    "another number of values": (
        lambda: TreeVariable("net", TREE).unflatten(np.zeros(5)),
        ShapeMismatchError,
        r"\(5,\), expected \(\.\.\., 6\)",
    ),
    "flatten of another tree": (
        lambda: TreeVariable("net", TREE).flatten({"w": np.zeros((2, 2))}),
        ShapeMismatchError,
        "flatten",
    ),
    "two of one name": (
        lambda: (
            Model()
            .add_proc(
                Process("p", [1.0]).scale_by_fn(
                    lambda a, b: a["w"][0] + b,
                    TreeVariable("net", {"w": np.ones(1)}),
                    Variable("net.w[0]", 1.0),
                )
            )
            .prepare()
        ),
        DuplicateNameError,
        r"net\.w\[0\]",
    ),
}


@pytest.mark.parametrize("case", list(BAD))
def test_bad_input_is_refused_with_words(case):
    call, error, words = BAD[case]
    with pytest.raises(error, match=words):
        call()

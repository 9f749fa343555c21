"""What is wrong is refused where it is given, with what was given and a cure; traced, it becomes NaN."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from smoothfit.differentiable import (
    edge_parameters,
    kde_histogram,
    ordered_edges,
    sigmoid_histogram,
    soft_and,
    soft_cut,
    soft_or,
    softmax_histogram,
)
from smoothfit.errors import InvalidTypeError, InvalidValueError, ShapeMismatchError

X = np.array([0.2, 0.6, 0.9])
EDGES = np.array([0.0, 0.5, 1.0])
LOGITS = np.zeros((3, 2))

OF_KERNELS = [
    ("x: table", {"x": [[0.2, 0.6]]}, ShapeMismatchError, ["x", "(1, 2)", "(event,)", "vmap"]),
    ("x: number", {"x": 0.3}, ShapeMismatchError, ["x", "()", "(event,)"]),
    ("x: text", {"x": ["a"]}, InvalidTypeError, ["x", "real numbers"]),
    ("x: none", {"x": None}, InvalidTypeError, ["x", "real numbers", "None"]),
    ("x: flags", {"x": np.array([True])}, InvalidTypeError, ["x", "real numbers"]),
    ("x: flags of jax", {"x": jnp.array([True])}, InvalidTypeError, ["x", "real numbers", "bool"]),
    ("x: complex", {"x": jnp.array([1j])}, InvalidTypeError, ["x", "real numbers", "complex"]),
    ("x: ragged", {"x": [[1.0], [1.0, 2.0]]}, ShapeMismatchError, ["x", "rectangular"]),
    ("x: nan", {"x": [0.1, np.nan]}, InvalidValueError, ["x", "finite", "index 1"]),
    ("x: infinite", {"x": jnp.array([jnp.inf])}, InvalidValueError, ["x", "finite", "index 0"]),
    ("edges: one", {"edges": [0.0]}, ShapeMismatchError, ["edges", "(1,)", "at least two"]),
    ("edges: table", {"edges": [[0.0, 1.0]]}, ShapeMismatchError, ["edges", "(1, 2)"]),
    ("edges: equal", {"edges": [0.0, 1.0, 1.0]}, InvalidValueError, ["edges", "index 1", "ordered_edges"]),
    ("edges: fall", {"edges": [1.0, 0.0]}, InvalidValueError, ["edges", "1 before 0", "sort"]),
    ("edges: nan", {"edges": [0.0, np.nan]}, InvalidValueError, ["edges", "finite"]),
    ("width: zero", {"width": 0.0}, InvalidValueError, ["positive", "got 0", "numpy.histogram"]),
    ("width: negative", {"width": -0.1}, InvalidValueError, ["positive", "-0.1"]),
    ("width: nan", {"width": np.nan}, InvalidValueError, ["finite"]),
    ("width: one an event", {"width": [0.1, 0.1, 0.1]}, ShapeMismatchError, ["(3,)", "one number"]),
    ("weights: too few", {"weights": [1.0, 2.0]}, ShapeMismatchError, ["weights", "(2,)", "(3,)"]),
    ("weights: a table", {"weights": np.ones((2, 3))}, ShapeMismatchError, ["weights", "(2, 3)", "vmap"]),
    ("weights: infinite", {"weights": [1.0, np.inf, 1.0]}, InvalidValueError, ["weights", "finite"]),
    ("flow: unknown", {"flow": "overflow"}, InvalidValueError, ["flow", "'reflect'", "'overflow'"]),
    ("flow: flag", {"flow": True}, InvalidValueError, ["flow", "'sum'"]),
    ("outside", {"x": [0.2, 1.2], "flow": "reflect"}, InvalidValueError, ["1.2", "index 1", "flow='sum'"]),
    ("chunk: none at all", {"chunk": 0}, InvalidValueError, ["chunk", "at least 1"]),
    ("chunk: half", {"chunk": 1.5}, InvalidTypeError, ["chunk", "whole number"]),
    ("chunk: flag", {"chunk": True}, InvalidTypeError, ["chunk", "whole number"]),
]


@pytest.mark.parametrize("histogram", [kde_histogram, sigmoid_histogram])
@pytest.mark.parametrize(
    ("given", "error", "words"), [case[1:] for case in OF_KERNELS], ids=[c[0] for c in OF_KERNELS]
)
def test_histograms_of_kernels_refuse(histogram, given, error, words):
    given = {"x": X, "edges": EDGES, "width": 0.1} | given
    width = given.pop("width")
    with pytest.raises(error) as caught:
        histogram(given.pop("x"), given.pop("edges"), width, **given)
    for word in [histogram.__name__, *words]:
        assert word in str(caught.value)


CASES = [
    (
        "logits: 1-D",
        lambda: softmax_histogram(X),
        ShapeMismatchError,
        ["softmax_histogram: logits", "(event, bin)"],
    ),
    ("logits: no bin", lambda: softmax_histogram(np.ones((3, 0))), ShapeMismatchError, ["(3, 0)"]),
    ("logits: nan", lambda: softmax_histogram([[np.nan, 1.0]]), InvalidValueError, ["logits", "(0, 0)"]),
    ("temperature", lambda: softmax_histogram(LOGITS, 0.0), InvalidValueError, ["temperature", "argmax"]),
    ("temperatures", lambda: softmax_histogram(LOGITS, [1.0]), ShapeMismatchError, ["temperature", "(1,)"]),
    ("weights", lambda: softmax_histogram(LOGITS, 1.0, [1.0]), ShapeMismatchError, ["weights", "(3,)"]),
    ("chunk", lambda: softmax_histogram(LOGITS, chunk=-1), InvalidValueError, ["chunk", "-1"]),
    ("edges: no bin", lambda: ordered_edges([], 0.0, 1.0), InvalidValueError, ["ordered_edges", "empty"]),
    ("edges: table", lambda: ordered_edges(LOGITS, 0.0, 1.0), ShapeMismatchError, ["parameters", "(3, 2)"]),
    ("edges: ends", lambda: ordered_edges(X, 1.0, 1.0), InvalidValueError, ["low 1", "high 1"]),
    ("edges: two lows", lambda: ordered_edges(X, [0.0, 1.0], 2.0), ShapeMismatchError, ["low", "(2,)"]),
    ("edges: room", lambda: ordered_edges(X, 0.0, 1.0, min_width=0.4), InvalidValueError, ["3 bins", "0.4"]),
    (
        "edges: least",
        lambda: ordered_edges(X, 0.0, 1.0, min_width=-1.0),
        InvalidValueError,
        ["min_width", "-1"],
    ),
    ("back: fall", lambda: edge_parameters([1.0, 0.0]), InvalidValueError, ["edge_parameters: edges"]),
    ("back: narrow", lambda: edge_parameters(EDGES, min_width=0.5), InvalidValueError, ["bin 0", "0.5"]),
    ("back: least", lambda: edge_parameters(EDGES, min_width=-0.5), InvalidValueError, ["min_width", "-0.5"]),
    (
        "keep",
        lambda: soft_cut(X, 0.0, 1.0, keep="around"),
        InvalidValueError,
        ["keep", "'above'", "'around'"],
    ),
    ("sharpness", lambda: soft_cut(X, 0.0, 0.0), InvalidValueError, ["sharpness", "positive", "'below'"]),
    ("one sharpness", lambda: soft_cut(X, 0.0, [1.0, 2.0, -3.0]), InvalidValueError, ["sharpness", "-3"]),
    ("thresholds", lambda: soft_cut(X, [0.0, 1.0], 1.0), ShapeMismatchError, ["x (3,)", "threshold (2,)"]),
    ("threshold: nan", lambda: soft_cut(X, np.nan, 1.0), InvalidValueError, ["threshold", "finite"]),
    ("cut: text", lambda: soft_cut("x", 0.0, 1.0), InvalidTypeError, ["soft_cut: x"]),
    ("and: nothing", lambda: soft_and(), InvalidTypeError, ["soft_and", "nothing"]),
    ("or: nothing", lambda: soft_or(), InvalidTypeError, ["soft_or", "nothing"]),
    ("and: above 1", lambda: soft_and(X, X + 0.5), InvalidValueError, ["weight 1", "1.1", "soft_cut"]),
    ("or: below 0", lambda: soft_or(-X), InvalidValueError, ["weight 0", "-0.2"]),
    ("and: flags", lambda: soft_and(X > 0.5), InvalidTypeError, ["weight 0", "real numbers"]),
    ("or: shapes", lambda: soft_or(X, X[:2]), ShapeMismatchError, ["weight 0 (3,)", "weight 1 (2,)"]),
]


@pytest.mark.parametrize(("call", "error", "words"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_others_refuse(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


# -- traced ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("histogram", [kde_histogram, sigmoid_histogram])
@pytest.mark.parametrize("flow", ["none", "sum", "reflect"])
def test_traced_numbers_that_cannot_be_are_nan_with_their_derivatives(histogram, flow):
    def first(edges, width):
        return jnp.sum(histogram(X, edges, width, flow=flow).yields * jnp.array([1.0, 2.0]))

    call = jax.jit(jax.value_and_grad(first, argnums=(0, 1)))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(call(EDGES, 0.1)))
    for edges, width in ((EDGES, 0.0), (EDGES, -0.1), ([0.0, 1.1, 1.0], 0.1), ([0.0, 0.0, 1.0], 0.1)):
        value, (by_edges, by_width) = call(jnp.array(edges), width)
        assert np.isnan(value)
        assert np.any(np.isnan(by_edges)) or np.isnan(by_width)


def test_traced_numbers_that_are_not_finite_are_nan():
    found = jax.jit(lambda x: kde_histogram(x, EDGES, 0.1))(jnp.array([0.1, jnp.nan]))
    assert np.all(np.isnan(found))
    assert np.all(np.isnan(jax.jit(lambda t: softmax_histogram(LOGITS, t))(-1.0)))


def test_a_traced_event_outside_counts_at_its_mirror_image():
    """Where it is known it is an error."""
    found = jax.jit(lambda x: kde_histogram(x, EDGES, 0.05, flow="reflect"))(jnp.array([-0.3, 1.1]))
    np.testing.assert_allclose(found, kde_histogram([0.3, 0.9], EDGES, 0.05, flow="reflect"), rtol=1e-12)


def test_shapes_are_checked_while_tracing_too():
    with pytest.raises(ShapeMismatchError, match="kde_histogram: x"):
        jax.jit(lambda x: kde_histogram(x, EDGES, 0.1))(LOGITS)
    with pytest.raises(ShapeMismatchError, match="weights"):
        jax.jit(lambda w: kde_histogram(X, EDGES, 0.1, w))(np.ones(2))
    with pytest.raises(InvalidTypeError, match="bool"):
        jax.jit(lambda x: kde_histogram(x, EDGES, 0.1))(np.ones(2, bool))
    with pytest.raises(ShapeMismatchError, match="edges cannot be read"):
        jax.jit(lambda e: kde_histogram(X, [0.0, e], 0.1))(np.ones(2))


def test_what_is_known_is_checked_while_something_else_is_traced():
    single = jnp.array(X, jnp.float32)
    with pytest.raises(InvalidValueError, match="increase"):
        jax.jit(lambda x: kde_histogram(x, [0.0, 1.0, 1.0], 0.1))(X)
    with pytest.raises(InvalidValueError, match="bandwidth"):
        jax.grad(lambda x: kde_histogram(x, EDGES, -0.1).yields[0])(single)
    found = jax.jit(lambda h: kde_histogram(single, jnp.array(EDGES), h, flow="reflect"))(0.1)
    np.testing.assert_allclose(found, kde_histogram(single, EDGES, 0.1, flow="reflect"), rtol=1e-14)


def test_edges_may_be_a_list_with_traced_numbers():
    slope = jax.grad(lambda e: kde_histogram(X, [0.0, e, 1.0], 0.1).yields[0])(0.5)
    density = np.sum(np.exp(-0.5 * ((0.5 - X) / 0.1) ** 2)) / (0.1 * np.sqrt(2.0 * np.pi))
    assert float(slope) == pytest.approx(density, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, jnp.bfloat16])
def test_other_numbers_are_converted_and_gradients_come_back_in_their_type(dtype):
    given = jnp.array([0.0, 1.0], dtype)
    found = kde_histogram(given, EDGES, 0.25)
    assert found.yields.dtype == np.float64
    np.testing.assert_allclose(found, kde_histogram([0.0, 1.0], EDGES, 0.25), rtol=1e-14)
    if dtype is not np.int32:
        assert jax.grad(lambda x: kde_histogram(x, EDGES, 0.25).yields[0])(given).dtype == dtype

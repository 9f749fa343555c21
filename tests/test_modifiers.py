"""The algebra of factors against numpy, on functions and built-in effects alike, and in a model."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from smoothfit.effects import Linear, LnN
from smoothfit.eft import Dim6EFTMorphing
from smoothfit.errors import InvalidTypeError, InvalidValueError, ShapeMismatchError, UserFunctionError
from smoothfit.model import ChannelContrib, Model, Process, Variable
from smoothfit.modifiers import clip, compose, mask, transform, where

HIST = np.array([3.0, 12.0, 50.0])


def lnn(theta, kd, ku):
    up, down = np.log(ku), -np.log(kd)
    t = np.clip(2 * theta, -1, 1)
    return np.exp(theta * ((up + down) / 2 + (3 * t**5 - 10 * t**3 + 15 * t) / 8 * (up - down) / 2))


def test_the_examples_of_the_talk():
    """Composition, where hist > 10, mask, sqrt and clip, as the algebra of evermore is shown."""
    first, second = LnN((0.9, 1.1)), LnN((0.8, 1.2))
    parts = {
        "compose": (compose(first, second), lambda a, b: a * b * np.ones(3)),
        "where": (where(HIST > 10, first, second), lambda a, b: np.array([b, a, a])),
        "mask": (mask(np.array([True, False, True]), first), lambda a, b: np.array([a, 1.0, a])),
        "sqrt": (transform(jnp.sqrt, first), lambda a, b: np.sqrt(a) * np.ones(3)),
        "clip": (
            transform(partial(jnp.clip, min=0.8, max=1.2), first),
            lambda a, b: np.clip(a, 0.8, 1.2) + 0 * HIST,
        ),
        "clip itself": (clip(first, 0.8, 1.2), lambda a, b: np.clip(a, 0.8, 1.2) + 0 * HIST),
    }
    theta = Variable("theta", 0.0, nuisance=True)
    bkg = Process("bkg")
    for name, (modifier, _) in parts.items():
        bkg.add_contrib(ChannelContrib(name, HIST).scale_by_fn(modifier, theta))
    model = Model().add_proc(bkg).prepare()
    for value in (-2.2, -0.3, 0.4, 3.0):
        found = model.split(model.pred({theta: value}))
        a, b = lnn(value, 0.9, 1.1), lnn(value, 0.8, 1.2)
        for name, (_, expected) in parts.items():
            np.testing.assert_allclose(found[name], HIST * expected(a, b), rtol=1e-13, err_msg=name)


def test_arguments_are_shared_or_dealt_out_in_order():
    two = compose(lambda a, b: a + 10 * b, lambda c, d: c - d)
    assert float(two(1.0, 2.0)) == 21.0 * -1.0
    assert float(two(1.0, 2.0, 5.0, 3.0)) == 21.0 * 2.0
    mixed = compose(LnN(2.0), lambda a, b: a / b)
    assert float(mixed(3.0, 4.0, 8.0)) == pytest.approx(8.0 * 0.5, rel=1e-14)
    assert mixed.argument_counts == {3}
    nested = compose(compose(lambda x: x, lambda y: y + 1), lambda z: 100 * z)
    assert float(nested(2.0)) == 2.0 * 3.0 * 200.0
    # The inner one shares the first of two, and takes two of three.
    assert float(nested(2.0, 3.0)) == 2.0 * 3.0 * 300.0
    assert float(nested(2.0, 5.0, 3.0)) == 2.0 * 6.0 * 300.0


def test_results_broadcast_like_sub_processes_and_bins():
    per_row, per_bin = Linear([0.1, 0.2]), lambda s: s * jnp.array([1.0, 2.0, 3.0])
    found = compose(per_row, per_bin)(2.0)
    np.testing.assert_allclose(found, np.array([[1.2], [1.4]]) * 2.0 * np.array([1.0, 2.0, 3.0]), rtol=1e-15)
    chosen = where([[True], [False]], per_row, per_bin)(2.0)
    np.testing.assert_allclose(chosen, [[1.2] * 3, [2.0, 4.0, 6.0]], rtol=1e-15)


def test_nested_combinations_are_differentiable():
    inner = mask(HIST > 10, compose(LnN((0.8, 1.3)), lambda t: 1 + t**2))
    combined = clip(transform(jnp.log1p, where(HIST > 20, inner, LnN(1.1))), upper=5.0)

    def formula(t):
        top = lnn(t, 0.8, 1.3) * (1 + t**2)
        return np.minimum(np.log1p(np.array([1.1**t, 1.1**t, top])), 5.0)

    for t in (-0.7, 0.3, 2.0):
        np.testing.assert_allclose(combined(t), formula(t), rtol=1e-14)
        step = 1e-5
        expected = (formula(t + step) - formula(t - step)) / (2 * step)
        np.testing.assert_allclose(jax.jacfwd(combined)(t), expected, rtol=1e-8)


def test_an_eft_morphing_is_a_part_like_any_other():
    c = Variable("c", [0.5])
    morphing = Dim6EFTMorphing(c, [[0.0], [1.0], [-1.0]])
    twice = transform(lambda f: 2.0 * f, morphing)
    np.testing.assert_allclose(twice(jnp.array([0.5])), 2 * np.asarray(morphing([0.5])), rtol=1e-15)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: compose(), InvalidValueError, ["at least one"]),
        (lambda: compose(2.0), InvalidTypeError, ["compose", "2.0"]),
        (lambda: compose(LnN), InvalidTypeError, ["LnN(1.1)"]),
        (lambda: compose(lambda *a: a[0]), InvalidTypeError, ["any number of arguments", "lambda"]),
        (lambda: compose(LnN(1.1), LnN(1.2))(1.0, 2.0, 3.0), InvalidTypeError, ["3 arguments", "1 or 2"]),
        (lambda: mask([1.0, 0.0], LnN(1.1)), InvalidTypeError, ["mask", "booleans"]),
        (lambda: where(True, LnN(1.1), LnN(1.2)), ShapeMismatchError, ["where", "()"]),
        (lambda: clip(LnN(1.1), 2.0, 1.0), InvalidValueError, ["clip", "swap"]),
        (lambda: clip(0.8, LnN(1.1), 1.2), InvalidTypeError, ["clip: lower", "LnN(1.1)", "function first"]),
        (lambda: clip(LnN(1.1), upper="a"), InvalidTypeError, ["clip: upper", "'a'"]),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_mask_of_another_length_is_refused_when_the_model_is_prepared():
    theta = Variable("theta", 0.0, nuisance=True)
    bkg = Process("bkg", HIST).scale_by_fn(mask([True, False], LnN(1.1)), theta)
    with pytest.raises(UserFunctionError, match=r"'mask'.*\(2,\).*\(1, 3\)"):
        Model().add_proc(bkg).prepare()


def test_a_wrong_number_of_variables_is_not_blamed_on_numpy():
    a, b = (Variable(name, 0.0, nuisance=True) for name in "ab")
    bkg = Process("bkg", HIST).scale_by_fn(compose(LnN(1.1), LnN(1.2), LnN(1.3)), a, b)
    with pytest.raises(UserFunctionError, match=r"called with 2 arguments, it takes 1 or 3") as caught:
        Model().add_proc(bkg).prepare()
    assert "jax.numpy" not in str(caught.value)

"""Channel contributions: yields, variances, effects, and the record of changes."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from smoothfit.build import (
    ChannelContrib,
    Process,
    Scale,
    ScaleFn,
    Shape,
    Systematic,
    Variable,
    total_changes,
)
from smoothfit.errors import DuplicateNameError, InvalidValueError, ShapeMismatchError


def nuisance(name="theta"):
    return Variable(name, 0.0, nuisance=True)


def test_plain():
    contrib = ChannelContrib("SR", [50, 1])
    assert (contrib.channel, contrib.n_sub, contrib.n_bins, contrib.is_array) == ("SR", 1, 2, False)
    assert contrib.yields.tolist() == [[50.0, 1.0]]
    assert contrib.yields.dtype == np.float64
    assert contrib.sumw2 is None
    assert contrib.edges is None
    assert contrib.axis_label is None
    assert contrib.process is None
    assert contrib.effects == ()
    assert repr(contrib) == "ChannelContrib('SR', 2 bins)"


def test_array():
    contrib = ChannelContrib("SR", [[50.0, 1.0], [1.0, 25.0]], sumw2=[[5.0, 0.1], [0.1, 3.0]])
    assert (contrib.n_sub, contrib.n_bins, contrib.is_array) == (2, 2, True)
    assert contrib.sumw2 is not None
    assert contrib.sumw2.tolist() == [[5.0, 0.1], [0.1, 3.0]]
    assert repr(contrib) == "ChannelContrib('SR', 2 sub-processes, 2 bins, sumw2)"


def test_one_number_is_one_bin():
    contrib = ChannelContrib("SR", 3, sumw2=0.5)
    assert contrib.yields.tolist() == [[3.0]]
    assert contrib.sumw2 is not None
    assert contrib.sumw2.tolist() == [[0.5]]


def test_negative_yields_are_allowed():
    assert ChannelContrib("SR", [-1.0, 2.0]).yields.tolist() == [[-1.0, 2.0]]


def test_input_is_copied():
    yields, up = np.array([50.0, 1.0]), np.array([55.0, 1.0])
    contrib = ChannelContrib("SR", yields, sumw2=yields).add_shape(nuisance(), up, up)
    yields[0] = up[0] = 0.0
    assert contrib.yields[0, 0] == 50.0
    assert contrib.effects[0].up[0, 0] == 55.0
    for array in (contrib.yields, contrib.sumw2, contrib.effects[0].up, contrib.effects[0].down):
        assert not array.flags.writeable


def test_register_sumw2_replaces():
    contrib = ChannelContrib("SR", [50.0, 1.0], sumw2=[1.0, 1.0])
    assert contrib.register_sumw2(np.array([5.0, 0.1])) is contrib
    assert contrib.sumw2.tolist() == [[5.0, 0.1]]


@pytest.mark.parametrize(
    ("yields", "size", "axis", "expected"),
    [
        ([1.0, 2.0], 1, None, "all"),
        ([1.0, 2.0], 1, "bin", "all"),
        ([1.0, 2.0], 1, "process", "all"),
        ([1.0, 2.0], 2, None, "bin"),
        ([1.0, 2.0], 2, "bin", "bin"),
        ([[1.0, 2.0], [3.0, 4.0]], 2, None, "process"),
        ([[1.0, 2.0], [3.0, 4.0]], 2, "process", "process"),
        ([[1.0, 2.0], [3.0, 4.0]], 2, "bin", "bin"),
        ([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]], 3, None, "bin"),
        ([[1.0, 2.0]], 2, None, "bin"),
    ],
)
def test_scale_by_axis(yields, size, axis, expected):
    variable = Variable("mu", np.ones(size))
    (scale,) = ChannelContrib("SR", yields).scale_by(variable, axis=axis).effects
    assert isinstance(scale, Scale)
    assert scale.variable is variable
    assert scale.axis == expected


def square(x):
    return x**2


def test_scale_by_fn():
    mu, kappa = Variable("mu", 1.0), Variable("kappa", [1.0, 2.0])
    contrib = ChannelContrib("SR", [50.0, 1.0])
    contrib.scale_by_fn(square, mu).scale_by_fn(functools.partial(square), kappa, axis="bin")
    contrib.scale_by_fn(lambda a, b: a * b, mu, kappa)
    first, second, third = contrib.effects
    assert isinstance(first, ScaleFn)
    assert (first.fn, first.variables, first.axis, first.label) == (square, (mu,), None, "square")
    assert (second.axis, second.label) == ("bin", "partial(square)")
    assert third.variables == (mu, kappa)
    assert "<lambda>" in third.label


def test_lnn_symmetric():
    (lnn,) = ChannelContrib("SR", [50.0, 1.0]).add_lnN(nuisance(), 1.25).effects
    assert isinstance(lnn, Systematic)
    lnn = lnn.effect
    assert (lnn.down.tolist(), lnn.up.tolist(), lnn.interpolation) == ([0.8], [1.25], "combine")


def test_lnn_pair_is_down_then_up():
    (lnn,) = ChannelContrib("SR", 1.0).add_lnN(nuisance(), [0.9, 1.3], interpolation="code4").effects
    lnn = lnn.effect
    assert (lnn.down.tolist(), lnn.up.tolist(), lnn.interpolation) == ([0.9], [1.3], "code4")


def test_lnn_one_kappa_a_sub_process():
    contrib = ChannelContrib("SR", [[1.0], [2.0], [3.0]])
    contrib.add_lnN(nuisance("a"), (0.9, [1.1, 1.2, 1.3])).add_lnN(nuisance("b"), 2.0)
    process = Process("bkg").add_contrib(contrib)
    assert [lnn.effect.up.tolist() for lnn in process.resolved_effects(contrib)] == [[1.1, 1.2, 1.3], [2.0]]
    first, second = (lnn.effect.entries("", np.ones(3)).numbers for lnn in contrib.effects)
    assert first[0].tolist() == [0.9, 0.9, 0.9]
    assert first[1].tolist() == [1.1, 1.2, 1.3]
    assert second[0].tolist() == [0.5, 0.5, 0.5]


def test_lnn_twice():
    theta = nuisance()
    contrib = ChannelContrib("SR", 1.0).add_lnN(theta, 1.1)
    with pytest.raises(DuplicateNameError, match="'theta'"):
        contrib.add_lnN(theta, 1.1)
    # A shape of the same variable is something else: one source with both effects.
    contrib.add_shape(theta, 1.2, 0.9)
    with pytest.raises(DuplicateNameError, match="'theta'"):
        contrib.add_shape(theta, 1.2, 0.9, kind="raw")


def test_lnn_of_process_and_contribution():
    theta = nuisance()
    process = Process("bkg", [1.0, 2.0]).add_lnN(theta, 1.1)
    with pytest.raises(DuplicateNameError):
        process["main"].add_lnN(theta, 1.1)
    process = Process("bkg", [1.0, 2.0])
    process["main"].add_lnN(theta, 1.1)
    with pytest.raises(DuplicateNameError):
        process.add_lnN(theta, 1.1)
    assert process.effects == ()


def test_shape():
    theta = nuisance()
    (shape,) = ChannelContrib("SR", [50.0, 1.0]).add_shape(theta, [55, 1], [45, 1], scale=0.5).effects
    assert isinstance(shape, Shape)
    assert (shape.variable, shape.kind, shape.scale) == (theta, "shape", 0.5)
    assert shape.up.tolist() == [[55.0, 1.0]]
    assert shape.down.tolist() == [[45.0, 1.0]]


def test_shape_of_an_empty_sub_process():
    contrib = ChannelContrib("SR", [[0.0, 0.0], [1.0, 2.0]])
    contrib.add_shape(nuisance("a"), [[0.0, 0.0], [1.0, 3.0]], [[0.0, 0.0], [1.0, 1.0]])
    with pytest.raises(InvalidValueError, match=r"sub-process 0.*kind='raw'"):
        contrib.add_shape(nuisance("b"), [[1.0, 0.0], [1.0, 3.0]], [[0.0, 0.0], [1.0, 1.0]])


def test_raw_shape_takes_any_integral():
    contrib = ChannelContrib("SR", [0.0, 0.0]).add_shape(nuisance(), [1.0, -2.0], [0.0, 0.0], kind="raw")
    assert contrib.effects[0].kind == "raw"


def test_a_refused_call_changes_nothing():
    contrib = ChannelContrib("SR", [50.0, 1.0])
    before = (contrib.revision, total_changes())
    with pytest.raises(ShapeMismatchError):
        contrib.scale_by(Variable("mu", [1.0, 1.0, 1.0]))
    with pytest.raises(ShapeMismatchError):
        contrib.add_shape(nuisance(), [1.0], [1.0])
    with pytest.raises(InvalidValueError):
        contrib.register_sumw2([-1.0, 0.0])
    assert (contrib.revision, total_changes()) == before
    assert contrib.effects == ()
    assert contrib.sumw2 is None


def test_changes_are_counted():
    contrib = ChannelContrib("SR", [50.0, 1.0])
    mu = Variable("mu", 1.0)
    calls = [
        (lambda: contrib.scale_by(mu), "scale_by('mu') on ChannelContrib 'SR'"),
        (lambda: contrib.scale_by_fn(square, mu), "scale_by_fn('square')"),
        (lambda: contrib.add_lnN(mu, 1.1), "add_lnN('mu')"),
        (lambda: contrib.add_shape(mu, [1, 1], [1, 1]), "add_shape('mu')"),
        (lambda: contrib.register_sumw2([1, 1]), "register_sumw2()"),
    ]
    for revision, (call, words) in enumerate(calls, start=1):
        before = total_changes()
        assert call() is contrib
        assert contrib.revision == revision
        assert total_changes() == before + 1
        assert contrib.last_change.startswith(words)


def test_repr_lists_effects():
    mu = Variable("mu", 1.0)
    contrib = ChannelContrib("SR", 1.0).scale_by(mu).add_lnN(mu, 1.1).add_shape(mu, 1, 1)
    assert repr(contrib) == "ChannelContrib('SR', 1 bin, effects: scale_by mu, lnN mu, shape mu)"

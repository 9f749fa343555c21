"""Bad input that the builders refuse: a table of calls, exception types and words of the message."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.build import ChannelContrib, Process, Variable
from smoothfit.constraints import Gaussian, Poisson
from smoothfit.errors import (
    DuplicateNameError,
    InvalidTypeError,
    InvalidValueError,
    NotPreparedError,
    ShapeMismatchError,
    SmoothfitError,
    UnknownNameError,
)


def theta(name="theta"):
    return Variable(name, 0.0, nuisance=True)


def contrib():
    return ChannelContrib("SR", [50.0, 1.0])


def sig():
    return Process("sig", [50.0, 1.0], channel="SR")


def sigs():
    return Process("sigs", [[50.0, 1.0, 2.0], [1.0, 25.0, 3.0]], channel="SR")


def two_channels():
    return Process("bkg", [5.0, 6.0], channel="SR").add_contrib(ChannelContrib("CR", [7.0]))


def twice(call, argument):
    call(argument)
    return call(argument)


def shape(up=(55.0, 1.0), down=(45.0, 1.0), **options):
    return sig()["SR"].add_shape(theta(), up, down, **options)


def attached_elsewhere():
    return Process("bkg").add_contrib(sig()["SR"])


def lnn_twice():
    variable = theta()
    return contrib().add_lnN(variable, 1.1).add_lnN(variable, 1.2)


def shape_twice():
    variable = theta()
    return contrib().add_shape(variable, [1, 1], [1, 1]).add_shape(variable, [1, 1], [1, 1])


def process_lnn_twice():
    variable = theta()
    return sig().add_lnN(variable, 1.1).add_lnN(variable, 1.1)


def scaled_then_wrong_length():
    process = Process("sig").scale_by(Variable("bins", [1.0, 1.0]))
    return process.add_contrib(ChannelContrib("SR", [1.0, 2.0, 3.0]))


NAN, INF = float("nan"), float("inf")

VARIABLES = [
    ("name empty", lambda: Variable("", 1.0), InvalidValueError, ["Variable", "empty"]),
    ("name blank", lambda: Variable("  ", 1.0), InvalidValueError, ["Variable", "empty"]),
    ("name not a string", lambda: Variable(3, 1.0), InvalidTypeError, ["name", "string", "3"]),
    ("value NaN", lambda: Variable("mu", NAN), InvalidValueError, ["'mu'", "value", "finite", "nan"]),
    ("value inf", lambda: Variable("mu", [1.0, INF]), InvalidValueError, ["'mu'", "inf", "index 1"]),
    ("value text", lambda: Variable("mu", "one"), InvalidTypeError, ["'mu'", "real numbers", "'one'"]),
    ("value None", lambda: Variable("mu", None), InvalidTypeError, ["'mu'", "real numbers", "None"]),
    ("value bool", lambda: Variable("mu", True), InvalidTypeError, ["'mu'", "real numbers", "True"]),
    ("value complex", lambda: Variable("mu", 1j), InvalidTypeError, ["'mu'", "real numbers"]),
    ("value 2-D", lambda: Variable("mu", [[1.0]]), ShapeMismatchError, ["'mu'", "(1, 1)"]),
    ("value empty", lambda: Variable("mu", []), InvalidValueError, ["'mu'", "(0,)"]),
    ("value ragged", lambda: Variable("mu", [[1.0], [1.0, 2.0]]), ShapeMismatchError, ["different lengths"]),
    ("lower NaN", lambda: Variable("mu", 1.0, lower_bound=NAN), InvalidValueError, ["lower_bound", "NaN"]),
    ("upper text", lambda: Variable("mu", 1.0, upper_bound="a"), InvalidTypeError, ["upper_bound", "'a'"]),
    (
        "bounds swapped",
        lambda: Variable("mu", 1.0, lower_bound=2.0, upper_bound=0.0),
        InvalidValueError,
        ["'mu'", "lower_bound 2", "upper_bound 0", "swap"],
    ),
    (
        "value outside",
        lambda: Variable("mu", [1.0, -1.0], lower_bound=0.0),
        InvalidValueError,
        ["'mu[1]'", "-1", "[0, inf]"],
    ),
    (
        "bounds length",
        lambda: Variable("mu", [1.0, 1.0], lower_bound=[0.0, 0.0, 0.0]),
        ShapeMismatchError,
        ["lower_bound", "(3,)", "2 components"],
    ),
    (
        "sub_names number",
        lambda: Variable("mu", [1.0, 1.0], sub_names=["a"]),
        ShapeMismatchError,
        ["'mu'", "sub_names", "1 name", "2 components"],
    ),
    (
        "sub_names of a scalar",
        lambda: Variable("mu", 1.0, sub_names=["a", "b"]),
        ShapeMismatchError,
        ["sub_names", "2 names", "1 component"],
    ),
    (
        "sub_names repeated",
        lambda: Variable("mu", [1.0, 1.0], sub_names=["a", "a"]),
        DuplicateNameError,
        ["'mu'", "'a'", "twice"],
    ),
    (
        "sub_names a string",
        lambda: Variable("mu", [1, 1], sub_names="ab"),
        InvalidTypeError,
        ["list", "'ab'"],
    ),
    (
        "sub_names numbers",
        lambda: Variable("mu", [1], sub_names=[1]),
        InvalidTypeError,
        ["sub_names", "string"],
    ),
    ("nuisance text", lambda: Variable("mu", 1.0, nuisance="yes"), InvalidTypeError, ["nuisance", "'yes'"]),
    (
        "nuisance number",
        lambda: Variable("mu", 1.0, nuisance=1),
        InvalidTypeError,
        ["nuisance", "True or False"],
    ),
    ("fixed text", lambda: Variable("mu", 1.0, fixed="yes"), InvalidTypeError, ["fixed", "'yes'"]),
    ("fixed length", lambda: Variable("mu", 1.0, fixed=[True, True]), ShapeMismatchError, ["fixed", "(2,)"]),
    ("label number", lambda: Variable("mu", 1.0, label=3), InvalidTypeError, ["label", "3"]),
    ("unit number", lambda: Variable("mu", 1.0, unit=3), InvalidTypeError, ["unit", "3"]),
    ("group list", lambda: Variable("mu", 1.0, group=["a"]), InvalidTypeError, ["group", "['a']"]),
    (
        "constraint text",
        lambda: Variable("mu", 1.0, constraint="gauss"),
        InvalidTypeError,
        ["Gaussian(", "'gauss'"],
    ),
    (
        "constraint class",
        lambda: Variable("mu", 1, constraint=Gaussian),
        InvalidTypeError,
        ["class", "call it"],
    ),
    (
        "constraint mean length",
        lambda: Variable("mu", [1.0, 1.0], constraint=Gaussian(mean=[1.0, 1.0, 1.0])),
        ShapeMismatchError,
        ["mean of the constraint", "(3,)", "2 components"],
    ),
    (
        "constraint width length",
        lambda: Variable("mu", 1.0, constraint=Gaussian(width=[1.0, 1.0])),
        ShapeMismatchError,
        ["width of the constraint", "1 component"],
    ),
    (
        "constraint tau length",
        lambda: Variable("mu", [1.0, 1.0], constraint=Poisson(tau=[1.0])),
        ShapeMismatchError,
        ["tau of the constraint"],
    ),
    (
        "Poisson constraint below 0",
        lambda: Variable("mu", -1.0, constraint=Poisson(tau=3.0)),
        InvalidValueError,
        ["'mu'", "Poisson", "negative"],
    ),
    ("Gaussian width 0", lambda: Gaussian(width=0.0), InvalidValueError, ["width", "positive"]),
    ("sub_idxes", lambda: Variable("mu", 1.0).sub_idxes, NotPreparedError, ["'mu'", "prepare()"]),
]

CONTRIBUTIONS = [
    ("channel empty", lambda: ChannelContrib("", [1.0]), InvalidValueError, ["channel", "empty"]),
    ("channel number", lambda: ChannelContrib(1, [1.0]), InvalidTypeError, ["channel", "string"]),
    (
        "channel and yields swapped",
        lambda: ChannelContrib([1.0], "SR"),
        InvalidTypeError,
        ["channel", "[1.0]"],
    ),
    (
        "yields NaN",
        lambda: ChannelContrib("SR", [1.0, NAN]),
        InvalidValueError,
        ["'SR'", "yields", "index 1"],
    ),
    ("yields inf", lambda: ChannelContrib("SR", [[1.0, -INF]]), InvalidValueError, ["-inf", "(0, 1)"]),
    ("yields empty", lambda: ChannelContrib("SR", []), ShapeMismatchError, ["'SR'", "yields", "empty"]),
    ("yields 3-D", lambda: ChannelContrib("SR", np.ones((1, 2, 3))), ShapeMismatchError, ["(1, 2, 3)"]),
    ("yields ragged", lambda: ChannelContrib("SR", [[1.0], [1.0, 2.0]]), ShapeMismatchError, ["lengths"]),
    ("yields text", lambda: ChannelContrib("SR", ["a"]), InvalidTypeError, ["real numbers"]),
    ("yields bool", lambda: ChannelContrib("SR", [True, False]), InvalidTypeError, ["real numbers"]),
    ("yields None", lambda: ChannelContrib("SR", None), InvalidTypeError, ["'SR'", "None"]),
    (
        "yields masked",
        lambda: ChannelContrib("SR", np.ma.masked_array([1.0, 2.0], [False, True])),
        InvalidTypeError,
        ["masked"],
    ),
    (
        "sumw2 length",
        lambda: sig()["SR"].register_sumw2([1.0, 2.0, 3.0]),
        ShapeMismatchError,
        ["ChannelContrib 'SR' of 'sig': sumw2 has 3 bins, yields have 2; give one variance a bin."],
    ),
    (
        "sumw2 length at once",
        lambda: ChannelContrib("SR", [1.0, 2.0], [1.0]),
        ShapeMismatchError,
        ["ChannelContrib 'SR': sumw2 has 1 bin, yields have 2"],
    ),
    ("sumw2 NaN", lambda: contrib().register_sumw2([1.0, NAN]), InvalidValueError, ["sumw2", "nan"]),
    ("sumw2 inf", lambda: contrib().register_sumw2([1.0, INF]), InvalidValueError, ["sumw2", "inf"]),
    ("sumw2 negative", lambda: contrib().register_sumw2([1.0, -1.0]), InvalidValueError, ["negative", "-1"]),
    ("sumw2 None", lambda: contrib().register_sumw2(None), InvalidTypeError, ["sumw2", "None"]),
    ("sumw2 2-D", lambda: contrib().register_sumw2([[1.0, 1.0]]), ShapeMismatchError, ["(1, 2)", "(2,)"]),
    ("sumw2 1-D", lambda: sigs().register_sumw2([1.0, 1.0, 1.0]), ShapeMismatchError, ["(3,)", "(2, 3)"]),
]

EFFECTS = [
    ("scale_by number", lambda: sig().scale_by(2.0), InvalidTypeError, ["'sig'", "Variable", "2.0"]),
    ("scale_by name", lambda: contrib().scale_by("mu"), InvalidTypeError, ["'SR'", "Variable", "'mu'"]),
    (
        "scale_by length, plain",
        lambda: sig().scale_by(Variable("mu", [1.0, 1.0, 1.0])),
        ShapeMismatchError,
        ["'sig'", "'mu'", "3 components", "2 bins"],
    ),
    (
        "scale_by length, array",
        lambda: sigs().scale_by(Variable("mu", np.ones(5))),
        ShapeMismatchError,
        ["5 components", "2 sub-processes", "3 bins"],
    ),
    (
        "scale_by length, axis bin",
        lambda: sigs().scale_by(Variable("mu", [1.0, 1.0]), axis="bin"),
        ShapeMismatchError,
        ["2 components", "3 bins"],
    ),
    (
        "scale_by length, axis process",
        lambda: sigs().scale_by(Variable("mu", np.ones(3)), axis="process"),
        ShapeMismatchError,
        ["3 components", "2 sub-processes"],
    ),
    (
        "scale_by axis process, plain",
        lambda: contrib().scale_by(Variable("mu", [1.0, 1.0]), axis="process"),
        ShapeMismatchError,
        ["1 sub-process", "plain"],
    ),
    (
        "scale_by axis process, names known",
        lambda: Process("sigs", sub_procs=["a", "b"]).scale_by(Variable("mu", np.ones(3)), axis="process"),
        ShapeMismatchError,
        ["3 components", "2 sub-processes"],
    ),
    ("scale_by axis", lambda: sig().scale_by(theta(), axis="bins"), InvalidValueError, ["'bin'", "'bins'"]),
    ("scale_by axis number", lambda: sig().scale_by(theta(), axis=0), InvalidValueError, ["axis", "0"]),
    ("scale_by, later contribution", scaled_then_wrong_length, ShapeMismatchError, ["'SR'", "3 bins"]),
    (
        "scale_by_fn no function",
        lambda: sig().scale_by_fn(theta(), abs),
        InvalidTypeError,
        ["function first"],
    ),
    ("scale_by_fn no variable", lambda: sig().scale_by_fn(abs), InvalidValueError, ["'abs'", "no variable"]),
    ("scale_by_fn list", lambda: sig().scale_by_fn(abs, [theta()]), InvalidTypeError, ["'abs'", "Variable"]),
    (
        "scale_by_fn axis",
        lambda: sig().scale_by_fn(abs, theta(), axis="x"),
        InvalidValueError,
        ["axis", "'x'"],
    ),
    ("lnN kappa 0", lambda: contrib().add_lnN(theta(), 0.0), InvalidValueError, ["kappa", "positive", "0"]),
    ("lnN kappa negative", lambda: contrib().add_lnN(theta(), -1.1), InvalidValueError, ["positive", "-1.1"]),
    ("lnN down 0", lambda: contrib().add_lnN(theta(), (0.0, 1.1)), InvalidValueError, ["kappa down"]),
    ("lnN up negative", lambda: sig().add_lnN(theta(), (0.9, -1)), InvalidValueError, ["'sig'", "kappa up"]),
    ("lnN kappa NaN", lambda: contrib().add_lnN(theta(), NAN), InvalidValueError, ["kappa", "finite"]),
    ("lnN kappa tiny", lambda: contrib().add_lnN(theta(), 1e-320), InvalidValueError, ["1 / kappa"]),
    ("lnN kappa text", lambda: contrib().add_lnN(theta(), "5%"), InvalidTypeError, ["kappa", "'5%'"]),
    (
        "lnN three kappas",
        lambda: contrib().add_lnN(theta(), [1, 1, 1]),
        ShapeMismatchError,
        ["3", "(down, up)"],
    ),
    (
        "lnN kappas of another length",
        lambda: sigs().add_lnN(theta(), (0.9, [1.1, 1.2, 1.3])),
        ShapeMismatchError,
        ["lnN of 'theta'", "3 numbers", "2 sub-processes"],
    ),
    (
        "lnN kappas that differ in length",
        lambda: Process("sigs").add_lnN(theta(), ([0.9, 0.9], [1.1, 1.2, 1.3])),
        ShapeMismatchError,
        ["kappa down has 2", "up has 3"],
    ),
    (
        "lnN of an array variable",
        lambda: contrib().add_lnN(Variable("mu", [1.0, 1.0]), 1.1),
        ShapeMismatchError,
        ["one component", "'mu' has 2"],
    ),
    ("lnN variable and kappa swapped", lambda: contrib().add_lnN(1.1, theta()), InvalidTypeError, ["1.1"]),
    (
        "lnN interpolation",
        lambda: contrib().add_lnN(theta(), 1.1, interpolation="code2"),
        InvalidValueError,
        ["'combine'", "'code4'", "'code2'"],
    ),
    ("lnN twice", lnn_twice, DuplicateNameError, ["'SR'", "'theta'", "before"]),
    ("lnN twice, process", process_lnn_twice, DuplicateNameError, ["'sig'", "'theta'"]),
    ("shape twice", shape_twice, DuplicateNameError, ["'SR'", "'theta'", "before"]),
    (
        "shape up of another binning",
        lambda: shape(up=[1.0, 2.0, 3.0]),
        ShapeMismatchError,
        ["ChannelContrib 'SR' of 'sig'", "'theta'", "up has 3 bins, yields have 2"],
    ),
    ("shape down of another binning", lambda: shape(down=1.0), ShapeMismatchError, ["down has 1 bin"]),
    ("shape up NaN", lambda: shape(up=[NAN, 1.0]), InvalidValueError, ["up", "finite", "nan"]),
    ("shape up None", lambda: shape(up=None), InvalidTypeError, ["up", "None"]),
    ("shape kind", lambda: shape(kind="morph"), InvalidValueError, ["'shape', 'raw'", "'morph'"]),
    ("shape kind shapeN", lambda: shape(kind="shapeN"), InvalidValueError, ["'shapeN' is not available yet"]),
    ("shape scale 0", lambda: shape(scale=0.0), InvalidValueError, ["scale", "positive"]),
    ("shape scale NaN", lambda: shape(scale=NAN), InvalidValueError, ["scale", "nan"]),
    (
        "shape scale list",
        lambda: shape(scale=[1.0, 1.0]),
        InvalidValueError,
        ["scale", "one positive number"],
    ),
    ("shape up sums to 0", lambda: shape(up=[0.0, 0.0]), InvalidValueError, ["up sum to 0", "kind='raw'"]),
    ("shape down negative", lambda: shape(down=[-2.0, 1.0]), InvalidValueError, ["down sum to -1", "'raw'"]),
    (
        "shape without a Variable",
        lambda: contrib().add_shape("jes", [1, 1], [1, 1]),
        InvalidTypeError,
        ["add_shape", "Variable", "'jes'"],
    ),
]

PROCESSES = [
    ("name empty", lambda: Process(""), InvalidValueError, ["Process", "empty"]),
    ("name missing", lambda: Process([1.0, 2.0]), InvalidTypeError, ["Process", "string", "[1.0, 2.0]"]),
    ("signal number", lambda: Process("sig", signal=1), InvalidTypeError, ["'sig'", "signal"]),
    ("label number", lambda: Process("sig", label=1), InvalidTypeError, ["'sig'", "label"]),
    (
        "yields NaN",
        lambda: Process("sig", [NAN]),
        InvalidValueError,
        ["ChannelContrib 'main' of 'sig'", "nan"],
    ),
    ("channel alone", lambda: Process("sig", channel="SR"), InvalidValueError, ["channel", "without yields"]),
    ("sumw2 alone", lambda: Process("sig", sumw2=[1.0]), InvalidValueError, ["sumw2", "without yields"]),
    ("sub_procs a string", lambda: Process("sig", sub_procs="ab"), InvalidTypeError, ["sub_procs", "'ab'"]),
    ("sub_procs empty", lambda: Process("sig", sub_procs=[]), ShapeMismatchError, ["sub_procs", "empty"]),
    (
        "sub_procs repeated",
        lambda: Process("sig", sub_procs=["a", "a"]),
        DuplicateNameError,
        ["'a'", "twice"],
    ),
    (
        "sub_procs number",
        lambda: Process("sigs", [[1.0], [2.0]], sub_procs=["a", "b", "c"]),
        ShapeMismatchError,
        ["'sigs'", "3 sub-processes", "2 rows"],
    ),
    (
        "sub_procs of plain yields",
        lambda: Process("sigs", [1.0, 2.0], sub_procs=["a", "b"]),
        ShapeMismatchError,
        ["2 sub-processes", "1 row", "(sub-process, bin)"],
    ),
    (
        "contribution of yields",
        lambda: sig().add_contrib([1.0]),
        InvalidTypeError,
        ["ChannelContrib", "[1.0]"],
    ),
    ("one channel twice", lambda: sig().add_contrib(contrib()), DuplicateNameError, ["'sig'", "'SR'"]),
    (
        "one contribution twice",
        lambda: twice(Process("sig").add_contrib, contrib()),
        DuplicateNameError,
        ["'SR'"],
    ),
    ("contribution of another", attached_elsewhere, DuplicateNameError, ["'SR' of 'sig'", "already"]),
    (
        "contributions of other rows",
        lambda: sigs().add_contrib(ChannelContrib("CR", np.ones((3, 1)))),
        ShapeMismatchError,
        ["'sigs'", "2 sub-processes", "'CR'", "3 rows"],
    ),
    (
        "array contribution of a plain process",
        lambda: sig().add_contrib(ChannelContrib("CR", [[1.0]])),
        ShapeMismatchError,
        ["plain", "'CR'", "two axes"],
    ),
    ("unknown channel", lambda: sig()["CR"], UnknownNameError, ["'sig'", "'CR'", "'SR'"]),
    (
        "shape, channel not said",
        lambda: two_channels().add_shape(theta(), [1.0, 1.0], [1.0, 1.0]),
        InvalidValueError,
        ["'SR', 'CR'", "channel="],
    ),
    (
        "shape, unknown channel",
        lambda: two_channels().add_shape(theta(), {"VR": [1.0]}, {"VR": [1.0]}),
        UnknownNameError,
        ["'VR'", "'SR', 'CR'"],
    ),
    (
        "shape, up and down of other channels",
        lambda: two_channels().add_shape(theta(), {"SR": [1.0, 1.0]}, {"CR": [1.0]}),
        InvalidValueError,
        ["same channels", "'CR'"],
    ),
    (
        "shape, dict and channel",
        lambda: two_channels().add_shape(theta(), {"CR": [1.0]}, {"CR": [1.0]}, channel="CR"),
        InvalidValueError,
        ["dict", "'CR'"],
    ),
    (
        "shape, no contribution",
        lambda: Process("sig").add_shape(theta(), [1.0], [1.0]),
        InvalidValueError,
        ["'sig'", "no contribution yet", "add_contrib"],
    ),
    ("shape, empty dict", lambda: sig().add_shape(theta(), {}, {}), InvalidValueError, ["empty dict"]),
    ("sumw2, unknown channel", lambda: sig().register_sumw2([1.0], "CR"), UnknownNameError, ["'CR'"]),
    ("pred before prepare", lambda: sig().pred([1.0]), NotPreparedError, ["'sig'", "pred", "prepare()"]),
    ("batch_pred before prepare", lambda: sig().batch_pred([[1.0]]), NotPreparedError, ["batch_pred"]),
]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        pytest.param(call, error, words, id=f"{group}: {name}")
        for group, rows in (
            ("variable", VARIABLES),
            ("contribution", CONTRIBUTIONS),
            ("effect", EFFECTS),
            ("process", PROCESSES),
        )
        for name, call, error, words in rows
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(SmoothfitError) as caught:
        call()
    assert type(caught.value) is error or (error is InvalidValueError and isinstance(caught.value, error))
    message = str(caught.value)
    for word in words:
        assert word in message
    assert message.endswith(".")
    assert "\n" not in message

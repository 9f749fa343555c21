"""Bad input that the builders refuse: a table of calls, exception types and words of the message."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from smoothfit.build import ChannelContrib, Process, Variable
from smoothfit.constraints import (
    AsymmetricGaussian,
    Constraint,
    Gamma,
    Gaussian,
    LogDensity,
    LogNormal,
    Poisson,
    Uniform,
)
from smoothfit.effects import GmM, GmN, Linear, LnN, LnU, Quantile, TrG
from smoothfit.effects import Poisson as Count
from smoothfit.errors import (
    DuplicateNameError,
    InvalidTypeError,
    InvalidValueError,
    NotPreparedError,
    ShapeMismatchError,
    SmoothfitError,
    UnknownNameError,
)
from smoothfit.modifiers import clip


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


def gamma_rate():
    return Variable("nu", 1.0, constraint=Poisson(tau=1.0), lower_bound=0.0)


def mixed(first, second):
    process = sig()
    process["SR"].add_shape(theta("a"), [55.0, 1.0], [45.0, 1.0], kind=first)
    return process["SR"].add_shape(theta("b"), [55.0, 1.0], [45.0, 1.0], kind=second)


def effect_twice():
    variable = theta()
    return sigs().add_lnN(variable, 1.1, sub_procs=[0]).add_effect(LnN(1.2), variable)


def overlapping():
    variable = theta()
    process = sig().add_effect(Linear(0.1), variable, bins=[0])
    return process.add_effect(Linear(0.2), variable, bins=[0, 1])


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
    ("Gaussian width NaN", lambda: Gaussian(width=NAN), InvalidValueError, ["Gaussian", "width", "finite"]),
    ("Gaussian width text", lambda: Gaussian(width="a"), InvalidTypeError, ["width", "real numbers", "'a'"]),
    ("Gaussian mean inf", lambda: Gaussian(mean=INF), InvalidValueError, ["mean", "finite", "inf"]),
    (
        "asymmetric width 0",
        lambda: AsymmetricGaussian(width_down=[0.1, 0.0], width_up=0.1),
        InvalidValueError,
        ["AsymmetricGaussian", "width_down", "positive", "[0.1, 0.0]"],
    ),
    (
        "asymmetric width negative",
        lambda: AsymmetricGaussian(width_down=0.1, width_up=-0.1),
        InvalidValueError,
        ["width_up", "positive", "-0.1"],
    ),
    (
        "asymmetric widths length",
        lambda: Variable("x", [0.0, 0.0], constraint=AsymmetricGaussian([0.1, 0.1, 0.1], 0.1)),
        ShapeMismatchError,
        ["'x'", "width_down of the constraint", "(3,)", "2 components"],
    ),
    ("Poisson tau 0", lambda: Poisson(tau=0.0), InvalidValueError, ["tau", "positive"]),
    ("Poisson count negative", lambda: Poisson(3.0, -1), InvalidValueError, ["count", "negative", "-1"]),
    ("Poisson count NaN", lambda: Poisson(3.0, NAN), InvalidValueError, ["count", "finite"]),
    (
        "Poisson count length",
        lambda: Variable("x", 1.0, constraint=Poisson(1.0, [3.0, 4.0])),
        ShapeMismatchError,
        ["count of the constraint", "(2,)", "1 component"],
    ),
    ("Gamma width 0", lambda: Gamma(width=0.0), InvalidValueError, ["Gamma", "width", "positive"]),
    ("Gamma width 1", lambda: Gamma(width=1.0), InvalidValueError, ["Gamma", "below 1", "LogNormal"]),
    (
        "Gamma of 0",
        lambda: Variable("x", 0.0, constraint=Gamma(0.3)),
        InvalidValueError,
        ["'x'", "Gamma", "not positive", "start at 1"],
    ),
    ("LogNormal kappa 1", lambda: LogNormal(1.0), InvalidValueError, ["kappa", "above 1", "1.0"]),
    ("LogNormal kappa below 1", lambda: LogNormal(0.9), InvalidValueError, ["kappa", "above 1", "1/0.9"]),
    ("LogNormal kappa negative", lambda: LogNormal(-1.1), InvalidValueError, ["kappa", "above 1", "-1.1"]),
    ("LogNormal mean 0", lambda: LogNormal(1.1, mean=0.0), InvalidValueError, ["mean", "positive"]),
    (
        "LogNormal of -1",
        lambda: Variable("x", [1.0, -1.0], constraint=LogNormal(1.1)),
        InvalidValueError,
        ["'x'", "-1", "LogNormal", "positive"],
    ),
    ("Uniform of no width", lambda: Uniform(1.0, 1.0), InvalidValueError, ["lower must be below upper"]),
    ("Uniform turned round", lambda: Uniform([0.0, 2.0], 1.0), InvalidValueError, ["lower", "[0.0, 2.0]"]),
    ("Uniform without end", lambda: Uniform(0.0, INF), InvalidValueError, ["upper", "finite"]),
    (
        "Uniform lengths",
        lambda: Variable("x", 0.5, constraint=Uniform([0.0, 0.0], [1.0, 1.0, 1.0])),
        ShapeMismatchError,
        ["'x'", "lower of the constraint", "(2,)"],
    ),
    (
        "Uniform, value outside",
        lambda: Variable("x", 3.0, constraint=Uniform(0.0, 1.0)),
        InvalidValueError,
        ["'x'", "value 3", "[0, 1]"],
    ),
    (
        "Uniform, bound outside",
        lambda: Variable("x", 0.5, constraint=Uniform(0.0, 1.0), lower_bound=-1.0),
        InvalidValueError,
        ["'x'", "lower_bound -1", "[0, 1]", "Uniform"],
    ),
    (
        "Uniform, bound beyond",
        lambda: Variable("x", 0.5, constraint=Uniform(0.0, 1.0), upper_bound=2.0),
        InvalidValueError,
        ["'x'", "upper_bound 2", "leave it out"],
    ),
    ("LogDensity of a number", lambda: LogDensity(3.0), InvalidTypeError, ["LogDensity", "function", "3.0"]),
    (
        "LogDensity width 0",
        lambda: LogDensity(lambda x: -x, width=0.0),
        InvalidValueError,
        ["LogDensity", "width", "positive"],
    ),
    (
        "LogDensity glob NaN",
        lambda: LogDensity(lambda x, g: -x, glob=NAN),
        InvalidValueError,
        ["LogDensity", "glob", "finite"],
    ),
    (
        "LogDensity glob length",
        lambda: Variable("x", 1.0, constraint=LogDensity(lambda x, g: -x, glob=[1.0, 2.0])),
        ShapeMismatchError,
        ["glob of the constraint", "1 component"],
    ),
    (
        "constraint of no kind",
        lambda: Variable("x", 1.0, constraint=Constraint()),
        InvalidTypeError,
        ["'x'", "kind Constraint", "LogDensity"],
    ),
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
    (
        "lnN list for two sub-processes",
        lambda: sigs().add_lnN(theta(), [1.1, 1.2]),
        InvalidValueError,
        ["add_lnN", "list of two", "(1.1, 1.2)", "[1/1.1, 1/1.2]"],
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
    (
        "shape kind",
        lambda: shape(kind="morph"),
        InvalidValueError,
        ["'shape', 'raw', 'floored', 'density', 'shapeN'", "'morph'"],
    ),
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

ROW_EFFECTS = [
    ("effect none", lambda: contrib().add_effect(1.05, theta()), InvalidTypeError, ["LnN(1.05)", "1.05"]),
    ("effect class", lambda: contrib().add_effect(LnN, theta()), InvalidTypeError, ["class LnN", "call it"]),
    ("effect swapped", lambda: sig().add_effect(theta(), LnN(1.1)), InvalidTypeError, ["'sig'", "first"]),
    (
        "effect a function",
        lambda: sig().add_effect(lambda t: 1.0 + t, theta()),
        InvalidTypeError,
        ["LnN(1.05)", "scale_by_fn"],
    ),
    (
        "effect a modifier",
        lambda: sig().add_effect(clip(LnN(1.1), 0.8, 1.2), theta()),
        InvalidTypeError,
        ["clip", "scale_by_fn"],
    ),
    (
        "effect, unknown channel",
        lambda: sig().add_effect(Linear(0.1), theta(), channel="CR"),
        UnknownNameError,
        ["add_effect: there is no contribution to channel 'CR'"],
    ),
    (
        "effect, bins of an unknown channel",
        lambda: sig().add_effect(Linear(0.1), theta(), bins={"CR": [0]}),
        UnknownNameError,
        ["bins: there is no contribution to channel 'CR'"],
    ),
    (
        "effect, bins that overlap",
        overlapping,
        DuplicateNameError,
        ["linear of 'theta'", "other sub-processes or bins"],
    ),
    (
        "quantile of scipy",
        lambda: Quantile(stats.norm(1.0, 0.2).ppf),
        InvalidTypeError,
        ["Quantile", "jax.scipy.stats.norm.ppf"],
    ),
    (
        "effect of an array variable",
        lambda: sig().add_effect(Linear(0.1), Variable("mu", [1.0, 1.0])),
        ShapeMismatchError,
        ["one component"],
    ),
    (
        "effect of too many numbers",
        lambda: sigs().add_effect(Linear([0.1, 0.2, 0.3]), theta()),
        ShapeMismatchError,
        ["3 numbers", "2 sub-processes"],
    ),
    (
        "effect of too many numbers for some",
        lambda: sigs().add_effect(Linear([0.1, 0.2]), theta(), sub_procs=[1]),
        ShapeMismatchError,
        ["2 numbers", "1 sub-process;"],
    ),
    ("lnN object, kappa NaN", lambda: LnN(NAN), InvalidValueError, ["LnN: kappa", "nan"]),
    ("lnN object, kappa 0", lambda: LnN([1.1, 0.0]), InvalidValueError, ["LnN: kappa up", "positive"]),
    (
        "lnN object, code2",
        lambda: LnN(1.1, interpolation="code2"),
        InvalidValueError,
        ["jumps", "'quadratic'"],
    ),
    ("lnN object, empty", lambda: LnN(([], [])), ShapeMismatchError, ["(0,)"]),
    ("lnU kappa negative", lambda: LnU(-2.0), InvalidValueError, ["LnU", "positive", "-2"]),
    (
        "lnU of a Gaussian variable",
        lambda: contrib().add_effect(LnU(2.0), theta()),
        InvalidValueError,
        ["'theta'", "Gaussian", "[-1, 1]"],
    ),
    (
        "lnU of other bounds",
        lambda: contrib().add_effect(LnU(2.0), Variable("t", 0.0, lower_bound=-2.0, upper_bound=1.0)),
        InvalidValueError,
        ["'t'", "Uniform(-1, 1)"],
    ),
    ("linear NaN", lambda: Linear(NAN), InvalidValueError, ["Linear: width", "nan"]),
    ("linear 2-D", lambda: Linear([[0.1]]), ShapeMismatchError, ["(1, 1)"]),
    (
        "trG without bounds",
        lambda: contrib().add_effect(TrG(0.2), theta()),
        InvalidValueError,
        ["negative", "lower_bound=-5", "upper_bound=7"],
    ),
    (
        "trG, the other side",
        lambda: contrib().add_effect(TrG(-0.5), Variable("t", 0.0, nuisance=True, lower_bound=-2.0)),
        InvalidValueError,
        ["'t'", "upper_bound=2"],
    ),
    ("gmN negative", lambda: GmN(-1, 0.5), InvalidValueError, ["GmN: count", "-1"]),
    ("gmN half an event", lambda: GmN(2.5, 0.5), InvalidValueError, ["whole number", "2.5"]),
    ("gmN counts", lambda: GmN([1, 2], 0.5), ShapeMismatchError, ["GmN: count", "(2,)"]),
    ("gmN alpha negative", lambda: GmN(5, -0.5), InvalidValueError, ["GmN: alpha", "-0.5"]),
    (
        "gmN off the rate",
        lambda: sig().add_effect(GmN(1, 20.0), gamma_rate()),
        InvalidValueError,
        ["count * alpha = 20", "51 expected", "than 20"],
    ),
    (
        "gmN of a Gaussian variable",
        lambda: contrib().add_effect(GmN(1, 51.0), theta()),
        InvalidValueError,
        ["Gaussian", "Poisson(tau=1, count=1)"],
    ),
    (
        "gmN of another count",
        lambda: contrib().add_effect(GmN(3, 17.0), gamma_rate()),
        InvalidValueError,
        ["'nu'", "count 1", "count 3"],
    ),
    (
        "gmN of empty bins",
        lambda: ChannelContrib("SR", [0.0, 0.0]).add_effect(GmN(1, 0.5), gamma_rate()),
        InvalidValueError,
        ["0 in all 2 bins"],
    ),
    ("gmN without events as a factor", lambda: GmN(0, 0.5)(1.0), InvalidValueError, ["add_effect"]),
    ("gmM sigma 0", lambda: GmM(0.0), InvalidValueError, ["GmM: sigma", "positive"]),
    ("gmM sigmas", lambda: GmM([0.1, 0.2]), ShapeMismatchError, ["2 entries"]),
    (
        "gmM without a Gamma",
        lambda: contrib().add_effect(GmM(0.3), Variable("x", 1.0)),
        InvalidValueError,
        ["'x'", "none", "Gamma(0.3)"],
    ),
    ("poisson negative", lambda: Count(-1.0), InvalidValueError, ["Poisson: events", "-1"]),
    ("quantile nothing", lambda: Quantile(), InvalidTypeError, ["exactly one"]),
    ("quantile both", lambda: Quantile(abs, cdf=abs), InvalidTypeError, ["exactly one"]),
    ("quantile number", lambda: Quantile(0.5), InvalidTypeError, ["icdf", "float"]),
    ("quantile sf of an icdf", lambda: Quantile(abs, sf=abs), InvalidTypeError, ["in pairs"]),
    ("quantile falling", lambda: Quantile(lambda p: 1.0 - p), InvalidValueError, ["rise with theta"]),
    ("quantile flat", lambda: Quantile(lambda p: 1.0 + 0.0 * p), InvalidValueError, ["rise with theta"]),
    (
        "quantile not finite",
        lambda: Quantile(lambda p: 1.0 / (p - 0.5)),
        InvalidValueError,
        ["theta = 0", "finite"],
    ),
    (
        "quantile of no cdf",
        lambda: Quantile(cdf=lambda x: 0.5 + 0.0 * x),
        InvalidValueError,
        ["from 0 to 1"],
    ),
    (
        "quantile of a cdf that ends at 0.9",
        lambda: Quantile(cdf=lambda x: 0.9 * x, support=(0.0, 1.0)),
        InvalidValueError,
        ["from 0 to 1"],
    ),
    ("quantile support", lambda: Quantile(cdf=abs, support=(1.0, 0.0)), InvalidValueError, ["support"]),
    ("bins outside", lambda: contrib().add_lnN(theta(), 1.1, bins=[2]), InvalidValueError, ["2 is outside"]),
    ("bins negative", lambda: contrib().scale_by(theta(), bins=[-1]), InvalidValueError, ["-1 is outside"]),
    ("bins empty", lambda: contrib().add_lnN(theta(), 1.1, bins=[]), InvalidValueError, ["bins is empty"]),
    (
        "bins all False",
        lambda: contrib().add_lnN(theta(), 1.1, bins=[False, False]),
        InvalidValueError,
        ["bins is empty"],
    ),
    (
        "bins slice of nothing",
        lambda: contrib().add_lnN(theta(), 1.1, bins=slice(2, 4)),
        InvalidValueError,
        ["selects none"],
    ),
    (
        "bins flags of another length",
        lambda: contrib().add_lnN(theta(), 1.1, bins=[True, False, True]),
        ShapeMismatchError,
        ["3 flags", "2 bins"],
    ),
    ("bins twice", lambda: contrib().scale_by(theta(), bins=[0, 0]), InvalidValueError, ["twice"]),
    ("bins text", lambda: contrib().scale_by(theta(), bins="all"), InvalidTypeError, ["bins", "'all'"]),
    (
        "bins of a channel it has not",
        lambda: sig().add_lnN(theta(), 1.1, bins={"CR": [0]}),
        UnknownNameError,
        ["'CR'", "'SR'"],
    ),
    (
        "bins outside in one channel",
        lambda: two_channels().add_lnN(theta(), 1.1, bins=[1]),
        InvalidValueError,
        ["'CR'", "1 is outside"],
    ),
    (
        "sub_procs unknown",
        lambda: sigs().add_lnN(theta(), 1.1, sub_procs=["c"]),
        UnknownNameError,
        ["'c'", "sigs[0], sigs[1]"],
    ),
    ("sub_procs outside", lambda: sigs().scale_by(theta(), sub_procs=2), InvalidValueError, ["2 is outside"]),
    ("sub_procs empty", lambda: sigs().scale_by(theta(), sub_procs=[]), InvalidValueError, ["empty"]),
    ("sub_procs float", lambda: sigs().scale_by(theta(), sub_procs=[0.0]), InvalidTypeError, ["0.0"]),
    ("sub_procs number", lambda: sigs().scale_by(theta(), sub_procs=0.5), InvalidTypeError, ["0.5"]),
    (
        "sub_procs by name too early",
        lambda: contrib().add_lnN(theta(), 1.1, sub_procs="a"),
        UnknownNameError,
        ["'a'", "add it first"],
    ),
    ("effect twice on a sub-process", effect_twice, DuplicateNameError, ["'theta'", "before"]),
    (
        "scale_by of another number of bins",
        lambda: sig().scale_by(Variable("mu", [1.0, 1.0]), bins=[1]),
        ShapeMismatchError,
        ["2 components", "1 bin"],
    ),
    ("add_by_fn no function", lambda: sig().add_by_fn(theta()), InvalidTypeError, ["add_by_fn(fn, mu)"]),
    ("shape code2", lambda: shape(kind="code2"), InvalidValueError, ["jumps", "'quadratic'"]),
    ("shapeN beside shape", lambda: mixed("shape", "shapeN"), InvalidValueError, ["'shapeN' does not mix"]),
    ("raw beside shapeN", lambda: mixed("shapeN", "raw"), InvalidValueError, ["'raw' beside 'shapeN'"]),
    (
        "shapeN of integral 0",
        lambda: shape(up=[0.0, 0.0], kind="shapeN"),
        InvalidValueError,
        ["up sum to 0"],
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
            ("row effect", ROW_EFFECTS),
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

"""Bad input that a Model refuses: a table of calls, exception types and words of the message."""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from smoothfit.constraints import Gamma, Gaussian, LogDensity, LogNormal, Poisson, Uniform
from smoothfit.errors import (
    DuplicateNameError,
    FitError,
    InvalidTypeError,
    InvalidValueError,
    NotPreparedError,
    ShapeMismatchError,
    SmoothfitError,
    StaleModelError,
    UnknownNameError,
    UserFunctionError,
)
from smoothfit.model import ChannelContrib, Model, Process, Variable

NAN, INF = float("nan"), float("inf")


def nuisance(name="theta", value=0.0):
    return Variable(name, value, nuisance=True)


def bkg(yields=(80.0, 70.0)):
    return Process("bkg", list(yields), channel="SR")


def sig():
    return Process("sig", [10.0, 20.0], channel="SR")


class Parts:
    """A model of a free scalar, a free array, a nuisance and bin parameters in two channels."""

    def __init__(self):
        self.mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=5.0)
        self.bins = Variable("bins", [1.0, 1.0])
        self.lumi = nuisance("lumi")
        self.sig = sig().scale_by(self.mu).add_lnN(self.lumi, 1.1)
        self.bkg = bkg().register_sumw2([4.0, 9.0], "SR")
        self.side = ChannelContrib("CR", [300.0, 200.0]).scale_by(self.bins)
        self.bkg.add_contrib(self.side)
        self.model = Model().add_proc(self.sig).add_proc(self.bkg).prepare()
        self.obs = np.array([92.0, 88.0, 310.0, 195.0])


@functools.cache
def parts():
    return Parts()


@functools.cache
def best_fit():
    return parts().model.fit(parts().obs)


@functools.cache
def at_limit_fit():
    return parts().model.fit(parts().obs, fixed={"mu": 1.0})


def model():
    return parts().model


def obs():
    return parts().obs


def prepared_with(*processes, terms=()):
    built = Model()
    for process in processes:
        built.add_proc(process)
    for term in terms:
        built.add_constraint(*term)
    return built.prepare()


def with_function(fn, variable=None, **options):
    variable = Variable("mu", [1.0, 1.0, 1.0]) if variable is None else variable
    return prepared_with(sig().scale_by_fn(fn, variable, **options))


def two_of_one_name():
    return prepared_with(sig().scale_by(Variable("mu", 1.0)), bkg().scale_by(Variable("mu", 1.0)))


def sub_name_of_another():
    names = Variable("mu", [1.0, 1.0], sub_names=["a", "norm"])
    return prepared_with(sig().scale_by(names), bkg().scale_by(Variable("norm", 1.0)))


def correlated(*pairs):
    thetas = [nuisance(f"t{i}") for i in range(3)]
    process = sig()
    for theta in thetas:
        process.add_lnN(theta, 1.1)
    built = Model().add_proc(process)
    for a, b, rho in pairs:
        built.correlate_nuisances(thetas[a], thetas[b], rho)
    return built


def with_matrix(matrix):
    return Model().correlate_nuisances([nuisance("a"), nuisance("b")], matrix)


def undeclared_correlation():
    a, b = nuisance("a"), nuisance("b")
    return Model().add_proc(sig().add_lnN(a, 1.1)).correlate_nuisances(a, b, 0.3).prepare()


def undeclared_term():
    return prepared_with(
        sig().scale_by(Variable("mu", 1.0)), terms=[(lambda x: -(x**2), Variable("tau", 1.0))]
    )


def stale_after(change):
    fresh = Parts()
    change(fresh)
    return fresh.model.pred({})


def fit_of_another_model():
    mu = Variable("other", 1.0)
    return prepared_with(sig().scale_by(mu), bkg()).fit([92.0, 88.0])


def with_density(fn, value=1.0):
    return prepared_with(Process("p", 5.0).scale_by_fn(lambda x: 1.0 + jnp.sum(x), dense(fn, value)))


def dense(fn, value):
    return Variable("x", value, constraint=LogDensity(fn))


NOT_FINITE = ["LogDensity constraint of 'x'", "not finite", "start values", "guard"]


@functools.cache
def several():
    """A model with a variable of each kind whose global observable has a limit."""
    kinds = {"pois": Poisson(9.0), "gam": Gamma(0.2), "logn": LogNormal(1.1), "flat": Uniform(0.0, 2.0)}
    process = sig()
    for name, constraint in kinds.items():
        process.scale_by(Variable(name, 1.0, constraint=constraint))
    return prepared_with(process)


def bounded_away():
    theta = Variable("theta", 9.0, constraint=Gaussian(mean=0.0), lower_bound=8.0)
    return prepared_with(sig().add_lnN(theta, 1.1)).sample_prior(10)


def python_branch(m):
    return m if m[0] > 0 else -m


def numpy_inside(m):
    return np.exp(m)


BUILDING = [
    ("no processes", lambda: Model().prepare(), InvalidValueError, ["no processes", "add_proc"]),
    ("add_proc of text", lambda: Model().add_proc("sig"), InvalidTypeError, ["add_proc", "Process", "str"]),
    (
        "two processes of one name",
        lambda: Model().add_proc(sig()).add_proc(sig()),
        DuplicateNameError,
        ["'sig'", "differ"],
    ),
    ("no contribution", lambda: prepared_with(Process("sig")), InvalidValueError, ["'sig'", "no channel"]),
    (
        "bins of a channel",
        lambda: prepared_with(sig(), bkg([1.0, 2.0, 3.0])),
        ShapeMismatchError,
        ["'SR'", "'bkg'", "3 bins", "'sig'"],
    ),
    ("two variables of one name", two_of_one_name, DuplicateNameError, ["'mu'", "one Variable"]),
    ("a sub-name used elsewhere", sub_name_of_another, DuplicateNameError, ["'norm'"]),
    ("undeclared in a term", undeclared_term, UnknownNameError, ["'tau'", "nowhere declared"]),
    ("undeclared in a correlation", undeclared_correlation, UnknownNameError, ["'b'", "nowhere declared"]),
    ("correlation above 1", lambda: correlated((0, 1, 1.2)), InvalidValueError, ["'t0'", "[-1, 1]", "1.2"]),
    ("correlation below -1", lambda: correlated((0, 1, -1.01)), InvalidValueError, ["[-1, 1]", "-1.01"]),
    ("correlation NaN", lambda: correlated((0, 1, NAN)), InvalidValueError, ["[-1, 1]", "nan"]),
    ("correlation text", lambda: correlated((0, 1, "a lot")), InvalidValueError, ["[-1, 1]", "a lot"]),
    ("correlation missing", lambda: correlated((0, 1, None)), InvalidValueError, ["[-1, 1]", "None"]),
    ("correlation of 1", lambda: correlated((0, 1, 1.0)), InvalidValueError, ["not positive definite"]),
    (
        "inconsistent pairs",
        lambda: correlated((0, 1, 0.9), (1, 2, 0.9), (0, 2, -0.9)),
        InvalidValueError,
        ["not positive definite", "t0", "t1", "t2"],
    ),
    ("with itself", lambda: correlated((0, 0, 0.5)), InvalidValueError, ["'t0'", "twice"]),
    (
        "correlated free variable",
        lambda: Model().correlate_nuisances(Variable("mu", 1.0), nuisance(), 0.1),
        InvalidValueError,
        ["'mu'", "nuisance=True"],
    ),
    (
        "correlated Poisson constraint",
        lambda: Model().correlate_nuisances(Variable("g", 1.0, constraint=Poisson(tau=9.0)), nuisance(), 0.1),
        InvalidValueError,
        ["'g'", "Gaussian"],
    ),
    (
        "correlated names",
        lambda: Model().correlate_nuisances("a", "b", 0.1),
        InvalidTypeError,
        ["correlate_nuisances", "Variable", "str"],
    ),
    *(
        (
            f"correlated {name}",
            lambda constraint=constraint: Model().correlate_nuisances(
                nuisance(), Variable("x", 1.0, constraint=constraint), 0.1
            ),
            InvalidValueError,
            ["'x'", f"a {name} constraint", "Gaussian"],
        )
        for name, constraint in (
            ("Uniform", Uniform(0.0, 2.0)),
            ("LogNormal", LogNormal(1.2)),
            ("Gamma", Gamma(0.2)),
            ("LogDensity", LogDensity(lambda a: -(a**2))),
        )
    ),
    (
        "a repair of a correlation that is none",
        lambda: Model().correlate_nuisances(nuisance("a"), nuisance("b"), 1.5, repair=True),
        InvalidValueError,
        ["[-1, 1]", "1.5"],
    ),
    ("matrix of the wrong size", lambda: with_matrix(np.eye(3)), ShapeMismatchError, ["(3, 3)", "(2, 2)"]),
    ("matrix not symmetric", lambda: with_matrix([[1, 0.5], [0, 1]]), InvalidValueError, ["symmetric"]),
    ("matrix without ones", lambda: with_matrix([[2, 0.5], [0.5, 1]]), InvalidValueError, ["[-1, 1]"]),
    (
        "matrix not positive definite",
        lambda: with_matrix(np.ones((2, 2))),
        InvalidValueError,
        ["not positive definite"],
    ),
    (
        "sizes of correlated arrays",
        lambda: Model().correlate_nuisances(nuisance("a", [0.0, 0.0]), nuisance("b"), 0.1),
        ShapeMismatchError,
        ["'a'", "'b'", "2 and 1"],
    ),
    (
        "a term that is no function",
        lambda: Model().add_constraint(3.0),
        InvalidTypeError,
        ["function", "float"],
    ),
    (
        "a term of names",
        lambda: Model().add_constraint(lambda x: x, "mu"),
        InvalidTypeError,
        ["add_constraint", "Variables", "str"],
    ),
    ("mode", lambda: Model().set_mc_stat("heavy"), InvalidValueError, ["set_mc_stat", "'heavy'", "lite"]),
    ("scaling", lambda: Model().set_mc_stat(scaling="bin"), InvalidValueError, ["scaling", "'bin'", "total"]),
    ("threshold", lambda: Model().set_mc_stat(threshold=10), InvalidValueError, ["threshold", "10"]),
    (
        "channel of set_mc_stat",
        lambda: Parts().model.set_mc_stat(channels=["XR"]).prepare(),
        UnknownNameError,
        ["set_mc_stat", "'XR'", "SR, CR"],
    ),
    (
        "channels not names",
        lambda: Model().set_mc_stat(channels=[1]),
        InvalidTypeError,
        ["channels", "names"],
    ),
    (
        "masked channels in a list",
        lambda: Model().mask_channels(["SR", "CR"]),
        InvalidTypeError,
        ["['SR', 'CR']", "mask_channels('SR', 'CR')"],
    ),
    (
        "described channel",
        lambda: Parts().model.describe_channel("XR", label="x").prepare(),
        UnknownNameError,
        ["describe_channel", "'XR'", "SR, CR"],
    ),
    (
        "number of edges",
        lambda: Parts().model.describe_channel("SR", edges=[0, 1]),
        ShapeMismatchError,
        ["'SR'", "2 edges", "2 bins", "3"],
    ),
    (
        "edges not increasing",
        lambda: Parts().model.describe_channel("SR", edges=[0, 2, 1]),
        InvalidValueError,
        ["'SR'", "increasing"],
    ),
    (
        "label a number",
        lambda: Model().describe_channel("SR", label=3),
        InvalidTypeError,
        ["'SR'", "label", "3"],
    ),
]

FUNCTIONS = [
    (
        "wrong shape",
        lambda: with_function(lambda m: m),
        UserFunctionError,
        ["'sig'", "lambda", "(3,)", "(1, 2)", "return"],
    ),
    (
        "shape of two axes",
        lambda: with_function(lambda m: jnp.ones((2, 2)) * m[0]),
        UserFunctionError,
        ["'sig'", "(2, 2)"],
    ),
    (
        "derivative not finite",
        lambda: with_function(lambda m: 1.0 + jnp.sqrt(m[0] - 1.0)),
        UserFunctionError,
        ["'sig'", "lambda", "derivative", "not finite", "guard"],
    ),
    (
        "not finite",
        lambda: with_function(lambda m: jnp.log(m[0] - 1.0)),
        UserFunctionError,
        ["'sig'", "lambda", "not finite", "guard"],
    ),
    (
        "a branch",
        lambda: with_function(python_branch),
        UserFunctionError,
        ["'sig'", "python_branch", "cannot be traced", "jax.numpy"],
    ),
    (
        "numpy",
        lambda: with_function(numpy_inside),
        UserFunctionError,
        ["'sig'", "numpy_inside", "cannot be traced", "jax.numpy"],
    ),
    (
        "number of arguments",
        lambda: with_function(lambda a, b: a),
        UserFunctionError,
        ["'sig'", "cannot be traced"],
    ),
    ("raises", lambda: with_function(lambda m: {}[1]), UserFunctionError, ["'sig'", "KeyError"]),
    ("two results", lambda: with_function(lambda m: (m[0], m[1])), UserFunctionError, ["'sig'", "2 arrays"]),
    ("complex", lambda: with_function(lambda m: m[0] * 1j), UserFunctionError, ["'sig'", "complex"]),
    ("none", lambda: with_function(lambda m: None), UserFunctionError, ["'sig'", "0 arrays"]),
    ("text", lambda: with_function(lambda m: "a"), UserFunctionError, ["'sig'", "cannot be traced"]),
    (
        "a density that is not finite",
        lambda: with_density(lambda a: jnp.log(a - 1.0)),
        UserFunctionError,
        NOT_FINITE,
    ),
    (
        "a density without derivatives",
        lambda: with_density(lambda a: -jnp.sqrt(jnp.abs(a - 1.0))),
        UserFunctionError,
        NOT_FINITE,
    ),
    (
        "a density of a sum",
        lambda: with_density(lambda a: -jnp.sum(a**2), [1.0, 2.0]),
        UserFunctionError,
        ["LogDensity constraint of 'x'", "lambda", "()", "(2,)", "add_constraint"],
    ),
    (
        "a density that mixes components",
        lambda: with_density(lambda a: -((a - a[::-1]) ** 2), [1.0, 2.0]),
        UserFunctionError,
        ["'x'", "mixes components", "add_constraint"],
    ),
    (
        "a density of a branch",
        lambda: with_density(lambda a: a if a[0] > 0 else -a),
        UserFunctionError,
        ["LogDensity constraint of 'x'", "cannot be traced", "jax.numpy"],
    ),
    (
        "a density without its global observable",
        lambda: with_density(lambda a, g: -((a - g) ** 2)),
        UserFunctionError,
        ["'x'", "cannot be traced"],
    ),
    (
        "a density without a maximum",
        lambda: with_density(lambda a: a),
        UserFunctionError,
        ["'x'", "without end", "bound"],
    ),
    (
        "a density without curvature",
        lambda: with_density(lambda a: -jnp.abs(a - 0.5)),
        UserFunctionError,
        ["'x'", "no curvature", "width="],
    ),
    (
        "a term of several numbers",
        lambda: prepared_with(sig().scale_by(Variable("mu", 1.0)), terms=[(lambda x, d, g: -d,)]),
        UserFunctionError,
        ["add_constraint", "lambda", "(2,)", "sum"],
    ),
    (
        "a term of too few arguments",
        lambda: prepared_with(sig().scale_by(Variable("mu", 1.0)), terms=[(lambda x: -(x[0] ** 2),)]),
        UserFunctionError,
        ["add_constraint", "cannot be traced"],
    ),
]

ASKING = [
    ("pred before prepare", lambda: Model().add_proc(sig()).pred([1.0]), NotPreparedError, ["prepare()"]),
    ("fit before prepare", lambda: Model().add_proc(sig()).fit([1.0, 2.0]), NotPreparedError, ["prepare()"]),
    ("names before prepare", lambda: Model().add_proc(sig()).parameters, NotPreparedError, ["prepare()"]),
    ("process before prepare", lambda: sig().pred([1.0]), NotPreparedError, ["'sig'", "prepare()"]),
    (
        "stale: scale_by",
        lambda: stale_after(lambda p: p.bkg.scale_by(Variable("new", 1.0))),
        StaleModelError,
        ["scale_by('new')", "'bkg'", "compile()"],
    ),
    (
        "stale: a contribution",
        lambda: stale_after(lambda p: p.side.add_lnN(nuisance("new"), 1.1)),
        StaleModelError,
        ["add_lnN('new')", "'CR'", "'bkg'"],
    ),
    (
        "stale: sumw2",
        lambda: stale_after(lambda p: p.sig.register_sumw2([1.0, 1.0])),
        StaleModelError,
        ["register_sumw2", "'SR'"],
    ),
    (
        "stale: add_contrib",
        lambda: stale_after(lambda p: p.sig.add_contrib(ChannelContrib("CR", [1.0, 1.0]))),
        StaleModelError,
        ["add_contrib('CR')", "'sig'"],
    ),
    (
        "stale: add_proc",
        lambda: stale_after(lambda p: p.model.add_proc(Process("new", [1.0, 1.0], channel="SR"))),
        StaleModelError,
        ["add_proc"],
    ),
    (
        "stale: set_mc_stat",
        lambda: stale_after(lambda p: p.model.set_mc_stat("none")),
        StaleModelError,
        ["set_mc_stat"],
    ),
    (
        "stale: add_constraint",
        lambda: stale_after(lambda p: p.model.add_constraint(lambda m: -(m**2), p.mu)),
        StaleModelError,
        ["add_constraint"],
    ),
    (
        "values too long",
        lambda: model().pred(np.ones(9)),
        ShapeMismatchError,
        ["(9,)", "4 parameters", "6 with"],
    ),
    ("values too short", lambda: model().nll([1.0], obs()), ShapeMismatchError, ["(1,)", "4 parameters"]),
    ("values of two axes", lambda: model().pred(np.ones((1, 4))), ShapeMismatchError, ["(1, 4)", "values"]),
    (
        "values NaN",
        lambda: model().pred([1.0, 1.0, NAN, 0.0]),
        InvalidValueError,
        ["values", "finite", "[2]"],
    ),
    ("values text", lambda: model().pred("mu"), InvalidTypeError, ["values", "numbers"]),
    ("batch of one axis", lambda: model().batch_pred(np.ones(4)), ShapeMismatchError, ["batch", "(toy, 4)"]),
    ("unknown value", lambda: model().pred({"nu": 1.0}), UnknownNameError, ["'nu'", "mu", "bins", "lumi"]),
    (
        "a Variable of another model",
        lambda: model().pred({Variable("mu", 1.0): 1.0}),
        UnknownNameError,
        ["'mu'", "not used in this model"],
    ),
    ("a number for a name", lambda: model().pred({3: 1.0}), InvalidTypeError, ["Variable or a name", "int"]),
    (
        "components of a value",
        lambda: model().values_from_dict({"bins": [1.0, 2.0, 3.0]}),
        ShapeMismatchError,
        ["'bins'", "2 components", "3 values"],
    ),
    ("value NaN", lambda: model().values_from_dict({"mu": NAN}), InvalidValueError, ["'mu'", "finite"]),
    ("value text", lambda: model().values_from_dict({"mu": "one"}), InvalidValueError, ["'mu'", "'one'"]),
    (
        "values_from_dict of a list",
        lambda: model().values_from_dict([1.0]),
        InvalidTypeError,
        ["dict", "list"],
    ),
    ("unknown process", lambda: model().pred({}, process="ttbar"), UnknownNameError, ["'ttbar'", "sig, bkg"]),
    ("unknown channel", lambda: model().pred({}, channel="XR"), UnknownNameError, ["'XR'", "SR, CR"]),
    ("index", lambda: model().index("nu"), UnknownNameError, ["'nu'", "mu"]),
    ("split", lambda: model().split(np.ones(3)), ShapeMismatchError, ["split", "3", "4 bins"]),
    ("obs NaN", lambda: model().fit([1.0, NAN, 1.0, 1.0]), InvalidValueError, ["obs", "finite", "[1]"]),
    ("obs inf", lambda: model().fit([1.0, INF, 1.0, 1.0]), InvalidValueError, ["obs", "finite", "inf"]),
    (
        "obs negative",
        lambda: model().fit([1.0, -2.0, 1.0, 1.0]),
        InvalidValueError,
        ["obs", "negative", "bin 1"],
    ),
    ("obs too short", lambda: model().fit([1.0, 2.0]), ShapeMismatchError, ["obs", "(2,)", "4 bins"]),
    (
        "obs of two axes",
        lambda: model().nll(model().layout.start, np.ones((2, 4))),
        ShapeMismatchError,
        ["(2, 4)"],
    ),
    ("obs complex", lambda: model().fit(np.ones(4) * 1j), InvalidTypeError, ["obs", "complex"]),
    (
        "obs a pair",
        lambda: model().fit(model().asimov({})),
        InvalidTypeError,
        ["obs", "tuple", "globs=globs"],
    ),
    ("obs None", lambda: model().fit(None), InvalidTypeError, ["obs", "numbers"]),
    (
        "obs of a channel missing",
        lambda: model().fit({"SR": [1.0, 2.0]}),
        UnknownNameError,
        ["'CR'", "missing"],
    ),
    (
        "obs of an unknown channel",
        lambda: model().data_from_dict({"SR": [1.0, 2.0], "CR": [1.0, 2.0], "XR": [1.0]}),
        UnknownNameError,
        ["'XR'", "SR, CR"],
    ),
    (
        "obs of a channel too long",
        lambda: model().fit({"SR": [1.0, 2.0, 3.0], "CR": [1.0, 2.0]}),
        ShapeMismatchError,
        ["'SR'", "(3,)", "(2,)"],
    ),
    ("data_from_dict of a list", lambda: model().data_from_dict([1.0]), InvalidTypeError, ["dict", "list"]),
    (
        "globs too long",
        lambda: model().fit(obs(), globs=np.zeros(7)),
        ShapeMismatchError,
        ["globs", "(7,)", "1 global"],
    ),
    ("globs NaN", lambda: model().fit(obs(), globs=[NAN]), InvalidValueError, ["globs", "finite"]),
    (
        "globs of a free one",
        lambda: model().fit(obs(), globs={"mu": 1.0}),
        UnknownNameError,
        ["globs", "'mu'", "no constraint"],
    ),
    (
        "a glob of a uniform constraint",
        lambda: several().fit([9.0, 21.0], globs={"flat": 1.0}),
        UnknownNameError,
        ["globs", "'flat'", "without a global observable"],
    ),
    (
        "a negative count",
        lambda: several().nll({}, [9.0, 21.0], {"pois": -1.0}),
        InvalidValueError,
        ["globs", "'pois'", "-1", "at least 0"],
    ),
    (
        "a shape below 1",
        lambda: several().nll({}, [9.0, 21.0], {"gam": 0.5}),
        InvalidValueError,
        ["globs", "'gam'", "0.5", "at least 1"],
    ),
    (
        "a logarithm of 0",
        lambda: several().nll({}, [9.0, 21.0], [9.0, 25.0, 0.0]),
        InvalidValueError,
        ["globs", "'logn'", "positive"],
    ),
    ("sample_prior of none", lambda: several().sample_prior(0), InvalidValueError, ["sample_prior", "0"]),
    ("sample_prior seed", lambda: several().sample_prior(3, seed=-1), InvalidValueError, ["seed", "-1"]),
    ("a prior outside bounds", bounded_away, InvalidValueError, ["sample_prior", "'theta'", "0.1%", "widen"]),
    (
        "toys of a negative rate",
        lambda: several().toy_glob({"logn": -0.5}, 3),
        InvalidValueError,
        ["toy_glob", "'logn'", "-0.5", "rate"],
    ),
    (
        "Asimov data of a negative rate",
        lambda: several().asimov({"gam": -0.5}),
        InvalidValueError,
        ["asimov", "'gam'", "-0.5", "rate"],
    ),
    ("init too short", lambda: model().fit(obs(), init=[1.0]), ShapeMismatchError, ["init", "(1,)"]),
    ("init unknown", lambda: model().fit(obs(), init={"nu": 1.0}), UnknownNameError, ["'nu'"]),
    ("fixed unknown", lambda: model().fit(obs(), fixed={"nu.*": 1.0}), UnknownNameError, ["'nu.*'", "mu"]),
    ("fixed a list", lambda: model().fit(obs(), fixed=["mu"]), InvalidTypeError, ["fixed", "dict", "list"]),
    (
        "fixed above its bound",
        lambda: model().fit(obs(), fixed={"mu": 6.0}),
        InvalidValueError,
        ["fixed", "'mu'", "6", "[0, 5]"],
    ),
    (
        "fixed below its bound",
        lambda: model().fit(obs(), fixed={"mu": -1.0}),
        InvalidValueError,
        ["'mu'", "-1"],
    ),
    ("fixed NaN", lambda: model().fit(obs(), fixed={"lumi": NAN}), InvalidValueError, ["'lumi'", "finite"]),
    (
        "fitter unknown",
        lambda: model().fit(obs(), fitter="simplex"),
        InvalidValueError,
        ["fitter", "newton", "trust-constr", "'simplex'"],
    ),
    ("fitter a number", lambda: model().fit(obs(), fitter=3), InvalidValueError, ["fitter", "3"]),
    (
        "profile without a fit",
        lambda: model().profile({"mu": 1.0}, best_fit().x),
        InvalidTypeError,
        ["profile", "FitResult", "ndarray"],
    ),
    (
        "profile of other data",
        lambda: model().profile({"mu": 1.0}, best_fit(), obs() + 1.0),
        InvalidValueError,
        ["profile", "other data"],
    ),
    (
        "profile of another model",
        lambda: model().profile({"mu": 1.0}, fit_of_another_model()),
        InvalidValueError,
        ["profile", "another model"],
    ),
    ("profile of an unknown", lambda: model().profile({"nu": 1.0}, best_fit()), UnknownNameError, ["'nu'"]),
    (
        "profile outside",
        lambda: model().profile({"mu": 7.0}, best_fit()),
        InvalidValueError,
        ["'mu'", "7", "[0, 5]"],
    ),
    (
        "minos of other data",
        lambda: model().minos_bounds("mu", best_fit(), obs() + 1.0),
        InvalidValueError,
        ["minos_bounds", "other data"],
    ),
    (
        "minos of an array",
        lambda: model().minos_bounds("bins", best_fit()),
        InvalidValueError,
        ["'bins'", "2 components", "bins[0]"],
    ),
    (
        "minos of a held one",
        lambda: model().minos_bounds("mu", at_limit_fit()),
        InvalidValueError,
        ["'mu'", "held", "free"],
    ),
    ("minos of an unknown", lambda: model().minos_bounds("nu", best_fit()), UnknownNameError, ["'nu'"]),
    (
        "minos: cl of 1",
        lambda: model().minos_bounds("mu", best_fit(), cl=1.0),
        InvalidValueError,
        ["cl", "1.0"],
    ),
    (
        "minos: cl in percent",
        lambda: model().minos_bounds("mu", best_fit(), cl=95),
        InvalidValueError,
        ["cl", "95"],
    ),
    (
        "yields of another model",
        lambda: model().yields(fit_of_another_model()),
        InvalidValueError,
        ["yields", "another model"],
    ),
    ("pulls without a fit", lambda: model().pulls(None), InvalidTypeError, ["pulls", "FitResult"]),
    (
        "samples of another model",
        lambda: model().sample_from_covariance(fit_of_another_model(), 3),
        InvalidValueError,
        ["sample_from_covariance", "another model"],
    ),
    (
        "no toys",
        lambda: model().toy_pred({}, 0),
        InvalidValueError,
        ["toy_pred", "positive whole number", "0"],
    ),
    ("half a toy", lambda: model().toy_pred({}, 1.5), InvalidValueError, ["whole number", "1.5"]),
    ("fewer than none", lambda: model().toy_glob({}, -3), InvalidValueError, ["toy_glob", "-3"]),
    ("NaN toys", lambda: model().toy_pred({}, NAN), InvalidValueError, ["toy_pred", "nan"]),
    ("infinite toys", lambda: model().toy_pred({}, INF), InvalidValueError, ["toy_pred", "inf"]),
    ("toys as text", lambda: model().toy_pred({}, "10"), InvalidValueError, ["toy_pred", "'10'"]),
    ("True toys", lambda: model().sample_from_covariance(best_fit(), True), InvalidValueError, ["True"]),
    ("seed negative", lambda: model().toy_pred({}, 2, seed=-1), InvalidValueError, ["seed", "-1"]),
    ("seed a fraction", lambda: model().toy_pred({}, 2, seed=0.5), InvalidValueError, ["seed", "0.5"]),
    ("seed text", lambda: model().toy_glob({}, 2, seed="a"), InvalidValueError, ["seed", "'a'"]),
    (
        "toys of negative yields",
        lambda: model().toy_pred({"bins": -1.0}, 2),
        InvalidValueError,
        ["negative expectations"],
    ),
    (
        "replaced: nothing",
        lambda: model().replaced("sig"),
        InvalidTypeError,
        ["replaced", "(process, channel"],
    ),
    (
        "replaced: unknown",
        lambda: model().replaced("sig", "CR", yields=[1.0, 1.0]),
        UnknownNameError,
        ["'sig'", "'CR'", "(bkg, CR)"],
    ),
    (
        "replaced: kind",
        lambda: model().replaced("sig", "SR", nominal=[1.0, 1.0]),
        UnknownNameError,
        ["'nominal'", "yields", "sumw2"],
    ),
    (
        "replaced: bins",
        lambda: model().replaced("sig", "SR", yields=[1.0]),
        ShapeMismatchError,
        ["yields", "(1,)", "(2,)"],
    ),
    (
        "replaced: no sumw2",
        lambda: model().replaced("sig", "SR", sumw2=[1.0, 1.0]),
        UnknownNameError,
        ["sumw2", "register_sumw2"],
    ),
    (
        "replaced: no shape",
        lambda: model().replaced("sig", "SR", up={"lumi": [1.0, 1.0]}),
        UnknownNameError,
        ["up", "'lumi'", "none"],
    ),
    (
        "replaced: kappa",
        lambda: model().replaced("bkg", "SR", kappa={"lumi": 1.1}),
        UnknownNameError,
        ["kappa", "'lumi'"],
    ),
    ("blind: parameter", lambda: model().blind(pois="nu"), UnknownNameError, ["'nu'"]),
    ("blind: channel", lambda: model().blind(channels="XR"), UnknownNameError, ["'XR'", "SR, CR"]),
]

CASES = BUILDING + FUNCTIONS + ASKING


@pytest.mark.parametrize(
    ("call", "kind", "words"), [case[1:] for case in CASES], ids=[case[0].replace(" ", "-") for case in CASES]
)
def test_refused(call, kind, words):
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, SmoothfitError)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert "\n" not in message


def test_every_kind_of_case_is_there():
    assert len(CASES) >= 100
    assert len({case[0] for case in CASES}) == len(CASES)


def test_a_refused_correlation_changes_nothing():
    fresh = Parts()
    with pytest.raises(InvalidValueError):
        fresh.model.correlate_nuisances(fresh.lumi, nuisance("b"), 2.0)
    assert fresh.model.pred({}).shape == (4,)


def test_a_failed_fit_is_an_error_that_holds_it():
    a, b = Variable("a", 1.0), Variable("b", 1.0)
    degenerate = prepared_with(sig().scale_by(a).scale_by(b), bkg())
    with pytest.raises(FitError, match="not positive definite") as caught:
        degenerate.fit([95.0, 95.0])
    assert "do not determine 0.71*a - 0.71*b:" in str(caught.value)
    assert not caught.value.result.success
    flagged = degenerate.fit([95.0, 95.0], strict=False)
    assert flagged.status == caught.value.result.status
    assert np.all(np.isnan(flagged.errors))
    with pytest.raises(InvalidValueError, match="did not converge"):
        degenerate.minos_bounds("a", flagged)
    with pytest.raises(InvalidValueError, match="no covariance"):
        degenerate.sample_from_covariance(flagged, 3)


def test_compile_takes_a_change_in_where_other_calls_refuse():
    fresh = Parts()
    fresh.sig.scale_by(Variable("new", 2.0))
    with pytest.raises(StaleModelError, match="new"):
        fresh.model.fit(fresh.obs)
    with pytest.raises(StaleModelError):
        fresh.sig.pred({})
    fresh.model.compile()
    np.testing.assert_allclose(fresh.model.pred({}, channel="SR"), [100.0, 110.0])


def test_python_names_the_class_that_one_has():
    with pytest.raises(TypeError, match=r"^Model\.fit\(\) got an unexpected keyword argument 'no'"):
        Model().fit([1.0], no=1)
    for method in ("scan", "impacts", "minos_bounds", "yields", "upper_limit"):
        assert getattr(Model, method).__qualname__ == f"Model.{method}"

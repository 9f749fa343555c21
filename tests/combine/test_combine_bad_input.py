"""Combinations that cannot be: a typed error that names both sides, and the cure."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit import combine, errors
from smoothfit.constraints import Gaussian, LogDensity, Poisson
from smoothfit.effects import LnU
from smoothfit.model import ChannelContrib, Model, Process, Variable


def counting(channel="A", **options):
    """Signal and background in one bin; options are those of its nuisance 'x'."""
    mu, x = Variable("mu", 1.0), Variable("x", **({"value": 0.0, "nuisance": True} | options))
    sig = Process("sig", [9.0], channel=channel).scale_by(mu)
    sig.scale_by_fn(lambda v: 1.0 + 0.1 * v.sum(), x)
    return Model().add_proc(sig).add_proc(Process("bkg", [50.0], channel=channel))


def refused(error, words, *models, **options):
    with pytest.raises(error) as caught:
        combine(*models, **options)
    message = str(caught.value)
    for word in words:
        assert word in message, message
    assert isinstance(caught.value, errors.SmoothfitError)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"value": 0.5}, ["start value 0 in model 1, 0.5 in model 2"]),
        ({"lower_bound": -7.0}, ["bounds [-inf] to [inf] in model 1, [-7] to [inf] in model 2"]),
        ({"upper_bound": 3.0}, ["bounds"]),
        (
            {"constraint": Gaussian(width=0.5)},
            ["Gaussian(mean=0, width=1) in model 1", "width=0.5) in model 2"],
        ),
        ({"constraint": Gaussian(mean=0.1)}, ["mean=0.1"]),
        ({"nuisance": False}, ["nuisance, a number in model 1, free, a number in model 2", "constraint"]),
        (
            {"value": [0.0, 0.0]},
            ["a number in model 1", "an array of 2 in model 2", "sub_names x in model 1"],
        ),
        ({"value": [0.0]}, ["an array of 1", "sub_names x in model 1, x[0] in model 2"]),
        ({"fixed": True}, ["fixed [False] in model 1, [True] in model 2"]),
        ({"group": "theory"}, ["group None in model 1, theory in model 2"]),
        ({"value": 1.0, "constraint": Poisson(tau=3.0)}, ["Poisson(tau=3"]),
        ({"constraint": LogDensity(lambda a: -(a**2))}, ["LogDensity(fn="]),
    ],
)
def test_variables_of_one_name_that_differ(options, words):
    models = counting("A"), counting("B", **options)
    refused(errors.InvalidValueError, ["variable 'x' is not the same in both", "rename", *words], *models)
    apart = combine(*models, rename=[None, {"x": "y"}])
    assert [v.name for v in apart.layout.variables][-1] == "y" or "y" in [
        v.name for v in apart.layout.variables
    ]


def test_two_densities_of_their_own_differ():
    one, other = (LogDensity(lambda a, g: -((a - g) ** 2), glob=0.0) for _ in range(2))
    refused(ValueError, ["constraint"], counting("A", constraint=one), counting("B", constraint=other))
    assert combine(counting("A", constraint=one), counting("B", constraint=one)).parameters == ("mu", "x")


def test_a_channel_of_two_models():
    model = counting("SR")
    refused(
        errors.DuplicateNameError,
        ["channel 'SR'", "model 1", "model 2", '{"channels"'],
        model,
        counting("SR"),
    )
    refused(ValueError, ["channel 'SR'"], model, model)
    assert combine(model, model, rename=[None, {"channels": {"SR": "CR"}}]).channels == ("SR", "CR")


@pytest.mark.parametrize(
    ("process", "words"),
    [
        (
            lambda: Process("bkg", [1.0], channel="B", signal=True),
            ["signal is False in model 1, True in model 2"],
        ),
        (
            lambda: Process("bkg", [[1.0]], channel="B"),
            ["sub_procs is None in model 1, ('bkg[0]',) in model 2"],
        ),
        (lambda: Process("bkg", [1.0], channel="B", label="b"), ["label is 'a' in model 1, 'b' in model 2"]),
    ],
)
def test_processes_of_one_name_that_differ(process, words):
    mu = Variable("mu", 1.0)
    a = Model().add_proc(Process("bkg", [1.0], channel="A", label="a").scale_by(mu))
    b = Model().add_proc(process().scale_by(mu))
    refused(errors.InvalidValueError, ["process 'bkg' is not the same in both", *words], a, b)
    rename = [None, {"processes": {"bkg": "other"}}]
    assert combine(a, b, rename=rename).processes == ("bkg", "other")


def test_rules_of_renaming():
    a, b = counting("A"), counting("B")
    for rename, words in (
        ([{"x": "y"}], ["a list of 2 dicts"]),
        ({"x": "y"}, ["a list of 2 dicts"]),
        ([None, 3], ["expected a dict"]),
    ):
        refused(errors.InvalidTypeError, words, a, b, rename=rename)
    refused(
        errors.UnknownNameError,
        ["model 2: there is no variable 'lumi'", "mu, x"],
        a,
        b,
        rename=[None, {"lumi": "l"}],
    )
    refused(KeyError, ["no process 'top'"], a, b, rename=[{"processes": {"top": "t"}}, None])
    refused(KeyError, ["'procs' is no kind of names"], a, b, rename=[{"procs": {"sig": "s"}}, None])
    refused(
        errors.DuplicateNameError,
        ["two variables would be 'mu'", "correlate"],
        a,
        b,
        rename=[{"x": "mu"}, None],
    )
    refused(TypeError, ["must be a string"], a, b, rename=[{"x": 3}, None])
    refused(ValueError, ["the name is empty"], a, b, rename=[{"x": " "}, None])
    refused(
        ValueError,
        ["two channels would be 'B'"],
        a,
        b.add_proc(Process("p", 1.0, channel="C")),
        rename=[None, {"channels": {"C": "B"}}],
    )


def test_what_is_no_model():
    a = counting("A")
    refused(errors.InvalidValueError, ["two models or more", "got 1"], a)
    refused(errors.InvalidTypeError, ["model 2 is 3"], a, 3)
    refused(errors.InvalidTypeError, ["some models come with data"], a, (counting("B"), [1.0]))
    refused(errors.ShapeMismatchError, ["data of model 2", "1 bins"], (a, [1.0]), (counting("B"), [1.0, 2.0]))
    refused(ValueError, ["it has no processes"], a, Model())


def test_correlations():
    a, b = counting("A"), counting("B")
    rename = [None, {"x": "y"}]
    for entry, error, words in (
        (("x", "z", 0.5), errors.UnknownNameError, ["'z'", "after renaming"]),
        (("x", Variable("y", 0.0), 0.5), errors.UnknownNameError, ["is no variable of the models"]),
        (("x", "y"), errors.InvalidTypeError, ["without rho"]),
        ("xy0", errors.InvalidTypeError, ["expected (a, b, rho)"]),
        (("x", "y", 1.5), errors.InvalidValueError, ["number in [-1, 1]"]),
        (("x", "y", -1.0), errors.InvalidValueError, ["not positive definite"]),
        (("x", "mu", 0.5), errors.InvalidValueError, ["has no constraint"]),
        (("x", "mu", 1.0), errors.InvalidValueError, ["not the same in both"]),
    ):
        refused(error, words, a, b, rename=rename, correlate=[entry])


def test_correlations_that_contradict():
    def pair(channel, rho):
        x, y = (Variable(name, 0.0, nuisance=True) for name in "xy")
        processes = (Process(n, [9.0], channel=channel).add_lnN(v, 1.1) for n, v in (("p", x), ("q", y)))
        model = Model().add_proc(next(processes)).add_proc(next(processes))
        return model.correlate_nuisances(x, y, rho)

    refused(
        ValueError,
        ["correlation of 'x' and 'y' is 0.5 in model 1, 0.4 in model 2"],
        pair("A", 0.5),
        pair("B", 0.4),
    )
    assert combine(pair("A", 0.5), pair("B", 0.5)).prepared.templates.correlation[0, 1] == 0.5
    refused(
        ValueError,
        ["some of which are one variable now"],
        pair("A", 0.5),
        pair("B", 0.5),
        correlate=[("x", "y", 1.0)],
    )
    # Each is possible alone, all three together are not.
    rename = [None, {"x": "y", "y": "z"}, {"y": "z"}]
    three = pair("A", 0.9), pair("B", 0.9), pair("C", -0.9)
    refused(
        ValueError,
        ["combine: the correlations of x, y, z together are not positive definite"],
        *three,
        rename=rename,
    )


def test_chosen_variables():
    a, b = counting("A"), counting("B")
    refused(errors.UnknownNameError, ["no model has a variable 'z'"], a, b, variables=[Variable("z", 0.0)])
    refused(errors.InvalidTypeError, ["expected Variables"], a, b, variables=["x"])
    refused(
        errors.ShapeMismatchError,
        ["'x' is an array of 2, that of model 1 is a number"],
        a,
        b,
        variables=[Variable("x", [0.0, 0.0])],
    )
    refused(errors.DuplicateNameError, ["'x' is given twice"], a, b, variables=[Variable("x", 0.0)] * 2)
    flat = Variable("theta", 0.0, lower_bound=-1.0, upper_bound=1.0)
    c = Model().add_proc(Process("p", [1.0], channel="C").add_effect(LnU(2.0), flat))
    refused(ValueError, ["not uniform on [-1, 1]"], a, c, variables=[Variable("theta", 0.0, nuisance=True)])


def test_two_effects_of_what_is_one_now():
    x, y = (Variable(name, 0.0, nuisance=True) for name in "xy")
    twice = Model().add_proc(Process("p", [9.0], channel="A").add_lnN(x, 1.1).add_lnN(y, 1.2))
    refused(
        errors.DuplicateNameError,
        ["lnN of 'x' was given before"],
        twice,
        counting("B"),
        correlate=[("x", "y", 1.0)],
    )
    contrib = ChannelContrib("A", [9.0, 8.0]).add_shape(x, [9.0, 9.0], [8.0, 8.0])
    shapes = Model().add_proc(Process("p").add_contrib(contrib.add_shape(y, [9.5, 9.0], [8.0, 8.5])))
    refused(
        errors.DuplicateNameError,
        ["two shapes of 'x' act there"],
        shapes,
        counting("B"),
        correlate=[("x", "y", 1.0)],
    )


def test_data_terms_that_differ():
    a, b = counting("A"), counting("B")
    gaussian = counting("B").set_data_term("gaussian")
    refused(ValueError, ["Poisson in model 1, Gaussian with the observed counts"], a, gaussian)
    refused(
        ValueError, ["with variances in model 2"], gaussian, counting("A").set_data_term("gaussian", [3.0])
    )
    assert combine(a, b).prepared.plan.gaussian_data is False


def test_a_term_whose_global_observable_is_gone():
    a = counting("A").prepare().add_constraint(lambda x, d, g: -0.1 * g[0])
    free = Variable("x", 0.0)
    refused(
        errors.UserFunctionError, ["the global observable of 'x'", "anew"], a, counting("B"), variables=[free]
    )


def test_nothing_is_changed():
    a, b = counting("A").prepare(), counting("B")
    before = a.nll({"x": 0.5}, [60.0]), a.parameters, [len(p.contribs) for p in a.specification.processes]
    model = combine(a, b)
    model.specification.processes[0].add_lnN(Variable("late", 0.0, nuisance=True), 1.5)
    assert (
        a.nll({"x": 0.5}, [60.0]),
        a.parameters,
        [len(p.contribs) for p in a.specification.processes],
    ) == before
    with pytest.raises(errors.NotPreparedError):
        b.nll({}, [1.0])
    np.testing.assert_array_equal(a.specification.processes[0]["A"].yields, [[9.0]])

"""Bad input that unfolding refuses: a table of calls, exception types and words of the message."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from smoothfit.errors import (
    DuplicateNameError,
    InvalidTypeError,
    InvalidValueError,
    NotPreparedError,
    ShapeMismatchError,
    SmoothfitError,
    UnknownNameError,
)
from smoothfit.model import Model, Variable
from smoothfit.unfolding import Regularisation, bottom_line_test, response_process, unfold

RESPONSE = np.array([[0.6, 0.1, 0.0], [0.2, 0.5, 0.2], [0.0, 0.2, 0.5], [0.0, 0.0, 0.1]])
TRUTH = np.array([100.0, 80.0, 60.0])
EDGES = [0.0, 1.0, 3.0, 7.0]
NAN, INF = float("nan"), float("inf")


def response(matrix=RESPONSE, truth=TRUTH, **options):
    return response_process("sig", matrix, truth, **{"probabilities": True, **options})


def changed(row, column, value):
    matrix = RESPONSE.copy()
    matrix[row, column] = value
    return matrix


def penalty(operator="curvature", truth=TRUTH, **options):
    return Regularisation(operator, truth, **{"edges": EDGES, **options})


@cache
def model_and_mu():
    mu = Variable("mu", np.ones(3))
    return Model().add_proc(response().scale_by(mu)).prepare(), mu


def unfolded(**options):
    given = {"obs": [70.0, 80.0, 60.0, 7.0], "regularisation": penalty(), "tau": 0.01, **options}
    model, mu = model_and_mu()
    model, mu = given.pop("model", model), given.pop("mu", mu)
    return unfold(model, mu, given.pop("obs"), given.pop("regularisation"), **given)


def already_penalised():
    mu = Variable("mu", np.ones(3))
    model = Model().add_proc(response().scale_by(mu)).add_constraint(penalty().term(0.1), mu).prepare()
    return unfolded(model=model, mu=mu)


def not_prepared():
    mu = Variable("mu", np.ones(3))
    return unfolded(model=Model().add_proc(response().scale_by(mu)), mu=mu)


def bottom_line(hypotheses, result=None, **options):
    model, _ = model_and_mu()
    return bottom_line_test(model, unfolded() if result is None else result, hypotheses, **options)


def bottom_line_of_another_model():
    mu = Variable("other", np.ones(3))
    model = Model().add_proc(response().scale_by(mu)).prepare()
    return bottom_line_test(model, unfolded(), {"nominal": TRUTH})


RESPONSES = [
    (
        "negative entry",
        lambda: response(changed(1, 2, -0.1)),
        InvalidValueError,
        ["negative", "-0.1", "bin 1"],
    ),
    ("NaN entry", lambda: response(changed(1, 2, NAN)), InvalidValueError, ["finite", "nan"]),
    (
        "efficiency above 1",
        lambda: response(changed(0, 0, 0.9)),
        InvalidValueError,
        ["bin 0", "1.1", "above 1"],
    ),
    (
        "events above the truth",
        lambda: response(RESPONSE * TRUTH, [100.0, 50.0, 60.0], probabilities=False),
        InvalidValueError,
        ["bin 1", "1.28", "above 1"],
    ),
    (
        "efficiency above 1 over channels",
        lambda: response({"a": RESPONSE, "b": 0.5 * RESPONSE}),
        InvalidValueError,
        ["above 1", "1.2"],
    ),
    ("axes swapped", lambda: response(RESPONSE.T), ShapeMismatchError, ["3 bins", "4 truth", "transpose"]),
    ("truth too long", lambda: response(truth=np.ones(7)), ShapeMismatchError, ["7 bins", "3 truth bins"]),
    ("truth missing", lambda: response(truth=None), InvalidValueError, ["probabilities", "truth="]),
    (
        "truth empty",
        lambda: response(truth=[1.0, 0.0, 2.0]),
        InvalidValueError,
        ["0 events", "bin 1", "merge"],
    ),
    (
        "truth bin not reconstructed",
        lambda: response(RESPONSE * [1.0, 0.0, 1.0]),
        InvalidValueError,
        ["truth bin 1", "no reco bin"],
    ),
    ("one axis", lambda: response([0.5, 0.6, 0.2]), ShapeMismatchError, ["(3,)", "(reco bin, truth bin)"]),
    ("text", lambda: response([["a"]]), InvalidTypeError, ["'main'", "real numbers"]),
    ("no channel", lambda: response({}), InvalidValueError, ["empty dict"]),
    (
        "channels of different truth",
        lambda: response({"a": RESPONSE, "b": RESPONSE[:, :2]}),
        ShapeMismatchError,
        ["'b'", "2 truth bins", "'a'", "3"],
    ),
    (
        "efficiencies of events",
        lambda: response(probabilities=False, efficiencies=[0.5, 0.5, 0.5]),
        InvalidValueError,
        ["efficiencies", "probabilities=True"],
    ),
    ("efficiencies length", lambda: response(efficiencies=[0.5]), ShapeMismatchError, ["(1,)", "(3,)"]),
    (
        "efficiencies above 1",
        lambda: response(efficiencies=[0.5, 1.5, 0.5]),
        InvalidValueError,
        ["bin 1", "1.5", "above 1"],
    ),
    (
        "efficiency 0",
        lambda: response(efficiencies=[0.5, 0.0, 0.5]),
        InvalidValueError,
        ["efficiency", "bin 1", "merge"],
    ),
    (
        "variances shape",
        lambda: response(variances=np.ones((4, 2))),
        ShapeMismatchError,
        ["(4, 2)", "(4, 3)"],
    ),
    ("variances negative", lambda: response(variances=-RESPONSE), InvalidValueError, ["negative", "-0.6"]),
    (
        "variances of other channels",
        lambda: response(variances={"SR": RESPONSE}),
        ShapeMismatchError,
        ["SR", "main"],
    ),
    ("flow of an array", lambda: response(truth_flow=True), InvalidTypeError, ["truth_flow", "histograms"]),
    ("flow no flag", lambda: response(truth_flow=1), InvalidTypeError, ["truth_flow", "True or False"]),
    ("names", lambda: response(sub_procs=["a", "a", "b"]), DuplicateNameError, ["'a'", "twice"]),
    ("too few names", lambda: response(sub_procs=["a", "b"]), ShapeMismatchError, ["sub-process"]),
]

REGULARISATIONS = [
    ("operator unknown", lambda: penalty("slope"), InvalidValueError, ["'size'", "'curvature'", "'slope'"]),
    (
        "too few bins for curvature",
        lambda: penalty(truth=TRUTH[:2], edges=EDGES[:3]),
        ShapeMismatchError,
        ["'curvature'", "3 bins", "has 2"],
    ),
    (
        "too few bins beside flow",
        lambda: penalty(edges=EDGES[:2], flow=True),
        ShapeMismatchError,
        ["'curvature'", "has 1"],
    ),
    (
        "one bin for a derivative",
        lambda: penalty("derivative", truth=[5.0], edges=[0.0, 1.0]),
        ShapeMismatchError,
        ["'derivative'", "2 bins", "has 1"],
    ),
    (
        "flow leaves nothing",
        lambda: penalty(truth=[1.0, 2.0], flow=True),
        ShapeMismatchError,
        ["none is left"],
    ),
    ("flow of the wrong kind", lambda: penalty(flow="yes"), InvalidTypeError, ["flow", "'yes'"]),
    ("too few edges", lambda: penalty(edges=EDGES[:3]), ShapeMismatchError, ["3 edges", "3 truth", "give 4"]),
    (
        "edges not increasing",
        lambda: penalty(edges=[0.0, 2.0, 2.0, 3.0]),
        InvalidValueError,
        ["increase", "2"],
    ),
    ("edges NaN", lambda: penalty(edges=[0.0, 1.0, NAN, 3.0]), InvalidValueError, ["edges", "finite"]),
    ("edges of two axes", lambda: penalty(edges=[[0, 1], [0, 1]]), ShapeMismatchError, ["edges", "(2, 2)"]),
    (
        "edges of one axis for two",
        lambda: penalty(truth=np.ones((3, 3)), edges=EDGES),
        ShapeMismatchError,
        ["2 axes", "list of 2"],
    ),
    ("bias length", lambda: penalty(bias=[1.0, 2.0]), ShapeMismatchError, ["bias", "2 entries", "3 bins"]),
    ("bias text", lambda: penalty(bias="data"), InvalidValueError, ["bias", "'truth'", "'data'"]),
    ("bias NaN", lambda: penalty(bias=[1.0, NAN, 1.0]), InvalidValueError, ["bias", "finite"]),
    ("bias factor array", lambda: penalty(bias_factor=[1.0, 2.0]), InvalidTypeError, ["bias_factor", "one"]),
    ("factor length", lambda: penalty(factor=[1.0]), ShapeMismatchError, ["factor", "1 entries", "3 bins"]),
    ("of", lambda: penalty(of="events"), InvalidValueError, ["of", "'yield'", "'mu'", "'events'"]),
    ("density", lambda: penalty(density="area"), InvalidValueError, ["density", "'width'", "'area'"]),
    ("distances no flag", lambda: penalty(distances="no"), InvalidTypeError, ["distances", "'no'"]),
    (
        "truth with an empty bin",
        lambda: penalty(truth=[1.0, 0.0, 1.0]),
        InvalidValueError,
        ["bin 1", "merge"],
    ),
    ("truth a number", lambda: penalty(truth=3.0), ShapeMismatchError, ["truth", "shape ()"]),
    ("matrix of another width", lambda: penalty(np.ones((2, 4))), ShapeMismatchError, ["(2, 4)", "3 bins"]),
    ("matrix of one axis", lambda: penalty(np.ones(3)), ShapeMismatchError, ["(3,)", "(row, 3)"]),
    ("term of tau < 0", lambda: penalty().term(-1.0), InvalidValueError, ["tau", ">= 0", "-1.0"]),
]

UNFOLDINGS = [
    ("tau < 0", lambda: unfolded(tau=-0.1), InvalidValueError, ["tau", ">= 0", "-0.1"]),
    ("tau NaN", lambda: unfolded(tau=NAN), InvalidValueError, ["tau", "finite", "nan"]),
    ("tau infinite", lambda: unfolded(tau=INF), InvalidValueError, ["tau", "finite", "inf"]),
    ("tau an array", lambda: unfolded(tau=[0.1, 0.2]), InvalidValueError, ["tau", "one", "0.2"]),
    ("tau unknown", lambda: unfolded(tau="best"), InvalidValueError, ["'lcurve'", "'coverage'", "'best'"]),
    ("taus not increasing", lambda: unfolded(taus=[1, 3, 2]), InvalidValueError, ["taus", "increase"]),
    ("taus with 0", lambda: unfolded(taus=[0, 1, 2]), InvalidValueError, ["taus", "positive"]),
    ("taus NaN", lambda: unfolded(taus=[1, NAN, 2]), InvalidValueError, ["taus", "finite"]),
    ("too few taus", lambda: unfolded(taus=[1, 2]), ShapeMismatchError, ["taus", "(2,)", "three"]),
    ("a variable of no process", lambda: unfolded(mu=Variable("nu", np.ones(3))), UnknownNameError, ["'nu'"]),
    (
        "another variable of that name",
        lambda: unfolded(mu=Variable("mu", np.ones(3))),
        UnknownNameError,
        ["'mu'", "not used in this model"],
    ),
    ("mu a name", lambda: unfolded(mu="mu"), InvalidTypeError, ["mu", "Variable", "'mu'"]),
    (
        "truth of another length",
        lambda: unfolded(regularisation=penalty("size", np.ones(2), edges=None)),
        ShapeMismatchError,
        ["'mu'", "3 components", "2 bins"],
    ),
    ("no regularisation", lambda: unfolded(regularisation=0.1), InvalidTypeError, ["Regularisation", "0.1"]),
    ("no model", lambda: unfolded(model="model"), InvalidTypeError, ["Model", "'model'"]),
    ("not prepared", not_prepared, NotPreparedError, ["prepare"]),
    ("a penalty already", already_penalised, InvalidValueError, ["penalty already", "without"]),
    ("obs too short", lambda: unfolded(obs=[1.0]), ShapeMismatchError, ["obs", "4 bins"]),
    (
        "truth of toys",
        lambda: unfolded(tau="coverage", truth=[1.0, 1.0]),
        ShapeMismatchError,
        ["truth", "(2,)", "(3,)"],
    ),
    ("tolerance", lambda: unfolded(tau="coverage", tolerance=-1), InvalidValueError, ["tolerance", "-1"]),
    ("no toys", lambda: unfolded(tau="coverage", toys=0), InvalidValueError, ["toys", "0"]),
]

BOTTOM_LINES = [
    ("no dict", lambda: bottom_line(TRUTH), InvalidTypeError, ["hypotheses", "dict"]),
    ("no hypothesis", lambda: bottom_line({}), InvalidTypeError, ["hypotheses", "dict"]),
    ("length", lambda: bottom_line({"a": [1.0]}), ShapeMismatchError, ["'a'", "1 entries", "3 bins"]),
    ("NaN", lambda: bottom_line({"a": [1.0, NAN, 1.0]}), InvalidValueError, ["'a'", "finite"]),
    (
        "no result",
        lambda: bottom_line({"a": TRUTH}, result=3.0),
        InvalidTypeError,
        ["UnfoldingResult", "3.0"],
    ),
    ("tolerance", lambda: bottom_line({"a": TRUTH}, tolerance=NAN), InvalidValueError, ["tolerance", "nan"]),
    ("another model", bottom_line_of_another_model, InvalidValueError, ["another model"]),
]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [pytest.param(*row[1:], id=row[0]) for row in RESPONSES + REGULARISATIONS + UNFOLDINGS + BOTTOM_LINES],
)
def test_refused(call, error, words):
    with pytest.raises(SmoothfitError) as caught:
        call()
    assert type(caught.value) is error
    message = str(caught.value)
    for word in words:
        assert word in message

"""What scans, contours, batches and freezing refuse, and what they say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from two_signals import OBS, make

from smoothfit.errors import InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
from smoothfit.model import Model, Process, Variable


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture(scope="module")
def fit(model):
    return model.fit(OBS)


@pytest.fixture(scope="module")
def held(model):
    return model.fit(OBS, fixed={"mu_1": 1.0})


def other():
    return Model().add_proc(Process("p", [5.0]).scale_by(Variable("p", 1.0))).prepare()


PAIR = ("mu_1", "mu_2")

SCANS = [
    (lambda m, f: m.scan("mu_3", 5, f), UnknownNameError, "No parameter is named 'mu_3'"),
    (lambda m, f: m.scan(("mu_1", "mu_1"), 5, f), InvalidValueError, "several different ones"),
    (lambda m, f: m.scan((), 5, f), InvalidValueError, "give one parameter"),
    (lambda m, f: m.scan("mu_1", 1, f), InvalidValueError, "2 or more, got 1"),
    (lambda m, f: m.scan("mu_1", [], f), InvalidValueError, "no points"),
    (lambda m, f: m.scan("mu_1", "many", f), InvalidTypeError, "points of 'mu_1'"),
    (lambda m, f: m.scan("mu_1", 2.5, f), ShapeMismatchError, r"shape \(\); give \(point,\)"),
    (lambda m, f: m.scan("mu_1", True, f), InvalidTypeError, "real numbers"),
    (lambda m, f: m.scan("mu_1", [[0.5, 1.0]], f), ShapeMismatchError, r"shape \(1, 2\)"),
    (lambda m, f: m.scan("mu_1", [0.5, np.nan], f), InvalidValueError, "finite"),
    (
        lambda m, f: m.scan("mu_1", [0.5, -1.0], f),
        InvalidValueError,
        r"'mu_1' = -1 is outside its bounds \[0",
    ),
    (lambda m, f: m.scan("mu_1", 5, f, range=(1.0, 0.5)), InvalidValueError, r"\(low, high\)"),
    (lambda m, f: m.scan("mu_1", 5, f, range=(1.0,)), InvalidValueError, r"\(low, high\)"),
    (lambda m, f: m.scan("mu_1", 5, f, range=(-1.0, 1.0)), InvalidValueError, "outside its bounds"),
    (lambda m, f: m.scan("mu_1", [1.0], f, range=(0.0, 1.0)), InvalidValueError, "given already"),
    (lambda m, f: m.scan(PAIR, ([1.0],), f), ShapeMismatchError, "one axis a parameter"),
    (lambda m, f: m.scan(PAIR, np.ones((4, 3)), f), ShapeMismatchError, r"\(point, 2\)"),
    (lambda m, f: m.scan(PAIR, 5, f, range=(0.0, 1.0, 2.0)), ShapeMismatchError, "one .low, high. a param"),
    (lambda m, f: m.scan(PAIR, np.ones((4, 2)), f, range=((0, 1), (0, 1))), InvalidValueError, "already"),
    (lambda m, f: m.scan("mu_1", 5, None), InvalidTypeError, "best_fit must be a FitResult"),
    (lambda m, f: m.scan("mu_1", 5, f, OBS + 1.0), InvalidValueError, "other data"),
    (lambda m, f: other().scan("p", 5, f), InvalidValueError, "another model"),
    (lambda m, f: m.scan("mu_1", 5, broken(f)), InvalidValueError, "did not converge .lost its way"),
    (lambda m, f: m.scan("mu_1", 5, without_errors(f)), InvalidValueError, "no error in best_fit"),
    (lambda m, f: m.scan(PAIR, 2, f).read_off(), InvalidValueError, "only for one parameter"),
    (lambda m, f: m.scan("mu_1", 2, f).read_off(cl=68), InvalidValueError, "cl must be between 0 and 1"),
]

CONTOURS = [
    (lambda m, f: m.contour("mu_1", "mu_1", f), InvalidValueError, "must differ"),
    (lambda m, f: m.contour("mu_1", "mu_3", f), UnknownNameError, "mu_3"),
    (lambda m, f: m.contour("mu_1", "mu_2", f, cl=68), InvalidValueError, "cl must be between 0 and 1"),
    (lambda m, f: m.contour("mu_1", "mu_2", f, cl=None), InvalidValueError, "cl must be between 0 and 1"),
    (lambda m, f: m.contour("mu_1", "mu_2", f, cl=()), InvalidValueError, "cl is empty"),
    (lambda m, f: m.contour("mu_1", "mu_2", f, points=3), InvalidValueError, "4 or more, got 3"),
    (lambda m, f: m.contour("mu_1", "mu_2", f, points=8.0), InvalidValueError, "whole number"),
    (lambda m, f: m.contour("mu_1", "mu_2", f, OBS + 1.0), InvalidValueError, "other data"),
    (lambda m, f: m.contour("mu_1", "mu_2", broken(f)), InvalidValueError, "did not converge"),
    (lambda m, f: m.contour("mu_1", "mu_2", without_errors(f)), InvalidValueError, "'mu_1' has no error"),
    (lambda m, f: m.contours(["mu_1"], f), InvalidValueError, "two parameters or more"),
    (lambda m, f: m.contours("mu_1", f), InvalidValueError, "two parameters or more, got 'mu_1'"),
]

BATCHES = [
    (lambda m, f: m.batch_fit(np.ones((3, 2))), ShapeMismatchError, r"\(3, 2\), expected \(member, 3\)"),
    (lambda m, f: m.batch_fit(np.ones((0, 3))), ShapeMismatchError, r"\(0, 3\)"),
    (lambda m, f: m.batch_fit(np.ones((2, 2, 3))), ShapeMismatchError, "expected"),
    (lambda m, f: m.batch_fit([[1.0, 2.0, 3.0], [1.0]]), ShapeMismatchError, "different lengths"),
    (lambda m, f: m.batch_fit([[1.0, 2.0, -3.0]]), InvalidValueError, "bin 2 of member 0 has -3"),
    (lambda m, f: m.batch_fit([[1.0, 2.0, np.inf]]), InvalidValueError, "finite"),
    (lambda m, f: m.batch_fit([["a", "b", "c"]]), InvalidTypeError, "real numbers"),
    (lambda m, f: m.batch_fit([OBS, OBS], globs=np.zeros((3, 2))), ShapeMismatchError, "globs has 3 members"),
    (lambda m, f: m.batch_fit(OBS, globs=np.zeros((3, 5))), ShapeMismatchError, "2 global observables"),
    (lambda m, f: m.batch_fit([OBS, OBS], fixed={"mu_1": [1, 2, 3]}), ShapeMismatchError, "fixed has 3"),
    (
        lambda m, f: m.batch_fit(OBS, fixed={"mu_1": [1, -2]}),
        InvalidValueError,
        "= -2 of member 1 is outside",
    ),
    (lambda m, f: m.batch_fit(OBS, fixed={"mu_.": [1.0, 1.0, 1.0]}), ShapeMismatchError, r"\(member, 2\)"),
    (
        lambda m, f: m.batch_fit(OBS, fixed={"mu_1": [1, 2], "mu_2": [1, 2, 3]}),
        ShapeMismatchError,
        "'mu_2' has",
    ),
    (lambda m, f: m.batch_fit(OBS, fixed=["mu_1"]), InvalidTypeError, "expected a dict"),
    (lambda m, f: m.batch_fit(OBS, fixed={"nothing": 1.0}), UnknownNameError, "nothing"),
    (lambda m, f: m.batch_fit(OBS, init=np.ones((2, 3))), ShapeMismatchError, "init"),
    (lambda m, f: m.batch_fit(OBS, prepared=[1.0]), InvalidTypeError, "list of prepared models"),
    (lambda m, f: m.batch_fit(OBS, prepared=[]), InvalidTypeError, "list of prepared models"),
    (lambda m, f: m.batch_fit(OBS, prepared=m.prepared), ShapeMismatchError, "leading axis"),
    (lambda m, f: m.batch_fit(OBS, prepared=[other().prepared]), InvalidValueError, "of another model"),
    (lambda m, f: m.batch_fit({"main": np.ones((2, 4))}), ShapeMismatchError, r"obs_batch\[0\]"),
    (lambda m, f: m.batch_fit({"SR": np.ones((2, 3))}), UnknownNameError, "SR"),
    (lambda m, f: m.frozen(), InvalidValueError, "name parameters, patterns or groups"),
    (lambda m, f: m.frozen("x.*"), UnknownNameError, "x"),
    (lambda m, f: m.frozen(groups="jets"), UnknownNameError, "no group is named 'jets'"),
    (lambda m, f: other().frozen(groups="jets"), UnknownNameError, r"Variable\(group=...\)"),
    (lambda m, f: other().frozen("p", at=f), InvalidValueError, "another model"),
]


def broken(fit):
    return dataclasses.replace(fit, success=False, message="lost its way")


def without_errors(fit):
    return dataclasses.replace(fit, errors=np.full(4, np.nan))


@pytest.mark.parametrize(("call", "error", "words"), SCANS + CONTOURS + BATCHES)
def test_refused(call, error, words, model, fit):
    with pytest.raises(error, match=words):
        call(model, fit)


def test_what_was_held_is_neither_scanned_nor_drawn(model, held):
    for call in (lambda: model.scan("mu_1", 5, held), lambda: model.contour("mu_1", "mu_2", held)):
        with pytest.raises(InvalidValueError, match="'mu_1' was held constant in best_fit"):
            call()


def test_a_variable_of_several_components():
    mu = Variable("mu", [1.0, 1.0], sub_names=["mu_a", "mu_b"])
    model = Model().add_proc(Process("p", [[5.0, 1.0], [1.0, 7.0]]).scale_by(mu)).prepare()
    fit = model.fit([6.0, 8.0])
    with pytest.raises(InvalidValueError, match="'mu' has 2 components; name one of: mu_a, mu_b"):
        model.scan(mu, 5, fit)
    with pytest.raises(InvalidValueError, match="'mu' has 2 components"):
        model.contour(mu, "mu_a", fit)

"""Derived quantities: values and errors against formulas written out, and against yields."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import pytest
from small_models import fitted

from smoothfit import Derived
from smoothfit.errors import (
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    UnknownNameError,
    UserFunctionError,
)
from smoothfit.inference import quantities
from smoothfit.model import Model, Process, Variable


@pytest.fixture(scope="module")
def lite():
    return fitted("lite_process")


def test_a_ratio_and_its_error(lite):
    small, fit = lite
    one = Derived("ratio", lambda m, c: m[0] / m[1] + c[0], "mu", "c")
    found = small.model.derived([one, "mu_1"], fit)
    at = small.model.layout.positions("mu") + small.model.layout.positions("c")
    mu_1, mu_2, c = fit.x[at]
    slope = np.array([[1.0 / mu_2, -mu_1 / mu_2**2, 1.0], [1.0, 0.0, 0.0]])
    covariance = slope @ fit.hess_inv[np.ix_(at, at)] @ slope.T
    assert found["ratio"].value == pytest.approx(mu_1 / mu_2 + c, rel=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-9)
    assert found["mu_1"] == pytest.approx(fit["mu_1"], rel=1e-9)


def test_derived_quantities_of_derived_quantities_and_bin_parameters(lite):
    small, fit = lite
    double = Derived("double", lambda x: 2.0 * x, "mcstat_A_bin1")
    again = Derived("again", lambda x, y: x + jnp.sum(y), double, "mu")
    found = small.model.derived([double, again], fit)
    value, error = fit["mcstat_A_bin1"]
    assert found["double"] == pytest.approx((2.0 * value, 2.0 * error), rel=1e-7)
    assert found["again"].value == pytest.approx(2.0 * value + fit["mu"].value.sum(), rel=1e-12)


def test_yields_and_their_errors_are_those_of_the_prediction(lite):
    small, fit = lite
    model = small.model
    in_bins = [Derived.yield_of(channel="A", bins=i) for i in range(3)]
    others = [
        Derived.yield_of("bkg"),
        Derived.yield_of(channel="C"),
        Derived.yield_of("sigs", "A", bins=[0, 2]),
    ]
    found = model.derived([*in_bins, *others], fit)
    assert found.names == ("all processes, A[0]", "all processes, A[1]", "all processes, A[2]", "bkg",
                           "all processes, C", "sigs, A[0,2]")  # fmt: skip
    total = model.pred(fit.x, channel="A")
    sigs = model.pred(fit.x, process="sigs", channel="A")
    sums = [model.pred(fit.x, process="bkg").sum(), model.pred(fit.x, channel="C").sum(), sigs[0] + sigs[2]]
    np.testing.assert_allclose(found.values, [*total, *sums], rtol=1e-12)
    record = model.yields(fit)
    np.testing.assert_allclose(found.errors[:3], record.total_error[:3], rtol=1e-9)
    np.testing.assert_allclose(found.errors[4], record.channel_error[2], rtol=1e-9)


def test_a_function_defined_again_is_not_compiled_again(lite):
    small, fit = lite

    def factor(size):
        scale = jnp.array([size, 1.0])
        return Derived("scaled", lambda m: jnp.sum(scale * m), "mu")

    first = small.model.derived(factor(2.0), fit)
    count = quantities._gradients.count_traces()
    second = small.model.derived(factor(3.0), fit)
    assert quantities._gradients.count_traces() == count
    assert second.values[0] - first.values[0] == pytest.approx(fit["mu_1"].value, rel=1e-12)


def test_blinded_parameters_hide_what_follows_from_them():
    mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    model = Model().add_proc(Process("sig", [50.0, 1.0]).scale_by(mu))
    model.add_proc(Process("bkg", [100.0, 400.0]).scale_by(norm)).prepare()
    fit = model.fit([153.0, 401.0])
    model.blind(pois="mu")
    ratio = Derived("ratio", lambda a, b: a / b, mu, norm)
    asked = [ratio, Derived.yield_of("sig"), Derived.yield_of("bkg"), Derived("free", lambda b: b, norm)]
    found = model.derived(asked, fit)
    assert found.hidden.tolist() == [True, True, False, False]
    for text in (repr(found), found.to_json(), str(found._columns())):
        assert "blinded" in text
        assert f"{found.values[0]:.4g}" not in text
        assert f"{found.values[1]:.4g}" not in text
    assert json.loads(found.to_json())["covariance"][2][0] == "blinded"


BAD_OBJECTS = [
    (lambda: Derived("x", 3.0, "mu"), InvalidTypeError, "expected a function, got float"),
    (lambda: Derived("x", lambda: 1.0), InvalidValueError, "give the variables"),
    (lambda: Derived("x", lambda m: m, 1.0), InvalidTypeError, "an argument is a Variable, a name"),
    (lambda: Derived("", lambda m: m, "mu"), InvalidValueError, "name is empty"),
]


@pytest.mark.parametrize(("make", "error", "words"), BAD_OBJECTS)
def test_what_is_no_derived_quantity(make, error, words):
    with pytest.raises(error, match=words):
        make()


BAD = [
    (Derived("x", lambda m: m, "mu"), ShapeMismatchError, r"shape \(2,\), expected one number"),
    (Derived("x", lambda m: m, "nothing"), UnknownNameError, "nothing"),
    (Derived("x", lambda m: float(m[0]), "mu"), UserFunctionError, "cannot be traced"),
    (
        Derived("x", lambda m: jnp.log(-(m[0] ** 2)), "mu"),
        InvalidValueError,
        "'x' or its derivative is not finite",
    ),
    (Derived.yield_of("nothing"), UnknownNameError, "no process is named 'nothing'"),
    (Derived.yield_of("bkg", "D"), UnknownNameError, "no channel is named 'D'"),
    (Derived.yield_of("sigs", "C"), UnknownNameError, "'sigs' has no yields in channel 'C'"),
    (
        Derived.yield_of("bkg", "A", bins=7),
        InvalidValueError,
        "has 3 bins, numbered from 0; there is no bin 7",
    ),
    (Derived.yield_of("bkg", bins=0), InvalidValueError, "bins are counted within a channel"),
]


@pytest.mark.parametrize(("given", "error", "words"), BAD)
def test_what_does_not_follow_from_the_model(lite, given, error, words):
    small, fit = lite
    with pytest.raises(error, match=words):
        small.model.derived(given, fit)

"""scipy's trust-constr, written by others, finds the same minima as the native fitter."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import MODELS, fitted

from smoothfit.model import Model, Process, Variable

# Each costs two compilations.
QUICK = ("counting", "lite_process", "locals")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in MODELS]
)
def test_both_fitters_agree(name):
    small, native = fitted(name)
    other = small.model.fit(small.obs, globs=small.globs, fitter="trust-constr")
    assert native.fitter == "newton"
    assert other.fitter == "trust-constr"
    assert other.fun == pytest.approx(native.fun, abs=1e-7)
    assert native.fun <= other.fun + 1e-9
    np.testing.assert_allclose((other.x - native.x) / native.errors, 0.0, atol=1e-2)


def limited():
    mu = Variable("mu", 1.0, lower_bound=0.0)
    sig = Process("sig", [5.0, 20.0, 1.0]).scale_by(mu).add_lnN(Variable("theta", 0.0, nuisance=True), 1.1)
    return Model().add_proc(sig).add_proc(Process("bkg", [50.0, 60.0, 70.0])).prepare()


def test_both_end_on_the_same_limit():
    model = limited()
    obs = [48.0, 41.0, 70.0]
    native, other = model.fit(obs), model.fit(obs, fitter="trust-constr")
    for fit in (native, other):
        assert fit.x[0] == 0.0
        assert fit.at_limit[0]
        assert "mu" in fit.message
    assert other.fun == pytest.approx(native.fun, abs=1e-7)


def test_both_hold_what_is_fixed():
    model = limited()
    obs = [58.0, 81.0, 70.0]
    for fitter in ("newton", "trust-constr"):
        fit = model.fit(obs, fixed={"mu": 0.5}, fitter=fitter)
        assert fit.x[0] == 0.5
        assert fit.errors[0] == 0.0
        np.testing.assert_array_equal(fit.hess_inv[0], 0.0)
        everything = model.fit(obs, fixed={"mu": 0.5, "theta": 0.1}, fitter=fitter)
        np.testing.assert_array_equal(everything.x, [0.5, 0.1])


def test_a_fitter_of_ones_own():
    from smoothfit.fitters import solve

    model = limited()
    calls = []

    def mine(prepared, data, fixed, start):
        calls.append(start)
        return solve(prepared, data, fixed, start)

    fit = model.fit([58.0, 81.0, 70.0], fitter=mine)
    assert fit.fitter == "mine"
    assert len(calls) == 1
    assert fit.fun == pytest.approx(model.fit([58.0, 81.0, 70.0]).fun, abs=1e-10)

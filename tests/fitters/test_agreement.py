"""Minimisers written by others find the same minima as the native fitter, and say so truthfully."""

from __future__ import annotations

import numpy as np
import pytest
from models import AT_LIMIT, INSIDE, OTHERS, limited
from small_models import MODELS, fitted

from smoothfit.errors import FitError
from smoothfit.fitters import Jaxopt, Minuit, Optimistix, TrustConstr, solve
from smoothfit.status import Status

# Each new pair costs a compilation or two; the model of `limited` is quick for all.
QUICK = {("trust-constr", "locals"), ("minuit", "locals"), ("optimistix", "locals")}
PAIRS = [
    (fitter, name) if (fitter, name) in QUICK else pytest.param(fitter, name, marks=pytest.mark.slow)
    for name in MODELS
    for fitter in OTHERS
]


def assert_same_minimum(other, native):
    """The other end is no lower, and as far off as its own EDM says."""
    assert other.success, other.message
    assert other.edm <= 1e-6
    assert native.fun <= other.fun + 1e-9
    assert other.fun == pytest.approx(native.fun, abs=1e-6)
    # EDM = dx H dx/2: no parameter can be further from the minimum than sqrt(2 EDM) of its errors.
    allowed = 1.5 * np.sqrt(2.0 * other.edm) + 1e-5
    free = native.errors > 0.0
    off = np.abs(other.x - native.x)[free] / native.errors[free]
    assert np.max(off) <= allowed
    np.testing.assert_array_equal(other.x[~free], native.x[~free])
    n = len(native.hess_inv)
    errors = np.where(free[:n], native.errors[:n], 1.0)
    unit = np.outer(errors, errors)
    np.testing.assert_allclose(other.hess_inv / unit, native.hess_inv / unit, atol=2e-2)


@pytest.mark.parametrize(("fitter", "name"), PAIRS)
def test_all_fitters_agree(fitter, name):
    small, native = fitted(name)
    other = small.model.fit(small.obs, globs=small.globs, fitter=fitter)
    assert native.fitter == "newton"
    assert other.fitter == fitter
    assert_same_minimum(other, native)


@pytest.mark.parametrize("fitter", OTHERS)
def test_all_end_on_the_same_limit(fitter):
    model = limited()
    native, other = model.fit(AT_LIMIT), model.fit(AT_LIMIT, fitter=fitter)
    for fit in (native, other):
        assert fit.x[0] == 0.0
        np.testing.assert_array_equal(fit.at_limit, [True, False, False])
        assert "mu" in fit.message
    assert other.fun == pytest.approx(native.fun, abs=1e-6)
    np.testing.assert_allclose(other.x, native.x, atol=2e-3 * native.errors[1:].max())


@pytest.mark.parametrize("fitter", ["newton", *OTHERS])
def test_all_hold_what_is_fixed(fitter):
    model = limited()
    fit = model.fit(INSIDE, fixed={"mu": 0.5}, fitter=fitter)
    assert fit.x[0] == 0.5
    assert fit.errors[0] == 0.0
    np.testing.assert_array_equal(fit.hess_inv[0], 0.0)
    everything = model.fit(INSIDE, fixed={"mu": 0.5, "norm": 1.2, "theta": 0.1}, fitter=fitter)
    np.testing.assert_array_equal(everything.x, [0.5, 1.2, 0.1])
    # Held on a limit, where an interior point would have no room.
    on_it = model.fit(INSIDE, fixed={"mu": 0.0}, fitter=fitter)
    assert on_it.x[0] == 0.0
    assert not on_it.at_limit[0]


@pytest.mark.parametrize("fitter", OTHERS)
@pytest.mark.parametrize("start", [[60.0, 3.9, 4.0], [0.0, 0.2, 0.0], [0.0, 4.0, -5.0]])
def test_bad_starts(fitter, start):
    """Far away, on limits that the minimum is not on, in the wrong corner."""
    model = limited()
    assert_same_minimum(model.fit(INSIDE, init=start, fitter=fitter), model.fit(INSIDE))


@pytest.mark.parametrize(
    "fitter", ["trust-constr", pytest.param("jaxopt", marks=pytest.mark.slow), "optimistix", "minuit"]
)
def test_held_bin_parameters(fitter):
    small, _ = fitted("lite_process" if fitter in ("trust-constr", "minuit") else "locals")
    name = small.model.bin_parameters[0] if small.model.bin_parameters else "gauss[1]"
    held = {name: 0.4}
    native, other = (small.model.fit(small.obs, fixed=held, fitter=f) for f in ("newton", fitter))
    assert other[name].value == 0.4
    assert_same_minimum(other, native)


@pytest.mark.parametrize(
    "fitter",
    [
        TrustConstr(max_steps=1),
        Jaxopt(max_steps=1),
        pytest.param(Optimistix(max_steps=1), marks=pytest.mark.slow),
        Minuit(max_steps=1),
    ],
)
def test_a_fit_that_is_cut_short_is_flagged(fitter):
    model = limited()
    fit = model.fit(INSIDE, init=[20.0, 3.0, 3.0], fitter=fitter, strict=False)
    assert not fit.success
    assert fit.status in (Status.NOT_CONVERGED, Status.NOT_POSITIVE_DEFINITE)
    assert fit.edm > 1e-6
    with pytest.raises(FitError) as caught:
        model.fit(INSIDE, init=[20.0, 3.0, 3.0], fitter=fitter)
    assert caught.value.result.fitter == fitter.name


def test_a_fitter_of_ones_own():
    model = limited()
    calls = []

    def mine(prepared, data, fixed, start):
        calls.append(start)
        return solve(prepared, data, fixed, start)

    fit = model.fit(INSIDE, fitter=mine)
    assert fit.fitter == "mine"
    assert len(calls) == 1
    assert fit.fun == pytest.approx(model.fit(INSIDE).fun, abs=1e-10)

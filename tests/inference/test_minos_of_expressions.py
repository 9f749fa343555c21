"""Minos bounds of expressions against those of parameters, and against scipy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import two_signals
from scipy.optimize import NonlinearConstraint, brentq, minimize
from scipy.stats import chi2

from smoothfit import Derived, Model, Process, Variable, functional
from smoothfit.errors import InvalidValueError
from smoothfit.inference import expressions

RATIO = Derived("ratio", lambda a, b: a / b, "mu_1", "mu_2")


@pytest.fixture(scope="module")
def model():
    return two_signals.make()


@pytest.fixture(scope="module")
def fit(model):
    return model.fit(two_signals.OBS)


@pytest.mark.parametrize("name", ["mu_1", "mu_2", "theta"])
@pytest.mark.parametrize("cl", [None, 0.9])
def test_functions_of_one_parameter_have_the_functions_of_its_bounds(model, fit, name, cl):
    plain = model.minos_bounds(name, fit, cl=cl)
    for fn in (lambda v: v, lambda v: jnp.exp(5.0 * v), lambda v: -(v**3) - v):
        found = model.minos_bounds(Derived("f", fn, name), fit, cl=cl)
        ends = sorted((float(fn(plain.up)), float(fn(plain.down))))
        np.testing.assert_allclose([found.down, found.up], ends, rtol=1e-9)
        assert (found.status_up, found.status_down) == ("converged", "converged")


def test_a_ratio_has_the_bounds_of_its_profiled_likelihood(model, fit):
    lowest = two_signals.profiled({})[0]

    def rise(ratio):
        def nll(u):
            return two_signals.nll(np.array([ratio * u[0], u[0], u[1], u[2]]))

        start = np.array([fit.x[1], fit.x[2], fit.x[3]])
        best = minimize(
            nll, start, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 5000}
        )
        return best.fun - lowest - 0.5

    found = model.minos_bounds(RATIO, fit)
    centre = fit.x[0] / fit.x[1]
    assert found.up == pytest.approx(brentq(rise, centre, 3.0 * centre, xtol=1e-9), rel=1e-6)
    assert found.down == pytest.approx(brentq(rise, 0.2 * centre, centre, xtol=1e-9), rel=1e-6)


def test_the_fits_at_the_bounds_are_there(model, fit):
    found = model.minos_bounds(RATIO, fit, cl=0.5)
    for value, there in ((found.up, found.fit_up), (found.down, found.fit_down)):
        assert there.x[0] / there.x[1] == pytest.approx(value, rel=1e-12)
        assert there.fun - fit.fun == pytest.approx(0.5 * chi2.ppf(0.5, 1), abs=1e-8)
        nll = functional.nll(model.prepared, there.x, two_signals.OBS)
        assert float(nll) == pytest.approx(there.fun, abs=1e-9)
        assert np.all(np.isnan(there.errors))


@pytest.mark.parametrize(
    "treatment", ["lite", *(pytest.param(m, marks=pytest.mark.slow) for m in ("lite-gamma", "full"))]
)
def test_yields_with_monte_carlo_errors_against_scipy(treatment):
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    signal = Process("sig", [12.0, 5.0], sumw2=[2.0, 0.5]).scale_by(mu)
    background = Process("bkg", [50.0, 52.0], sumw2=[9.0, 16.0]).add_lnN(theta, 1.1)
    model = Model().add_proc(signal).add_proc(background).set_mc_stat(treatment).prepare()
    fit = model.fit([70.0, 55.0])
    found = model.minos_bounds(Derived.yield_of(bins=0), fit)

    @jax.jit
    def nll(x):
        return functional.nll(model.prepared, x, jnp.array([70.0, 55.0]))

    def total(x):
        return float(functional.expected(model.prepared, x)[0])

    rise = NonlinearConstraint(
        lambda x: float(nll(x)) - fit.fun, -np.inf, 0.5, jac=lambda x: np.asarray(jax.grad(nll)(x))
    )
    for side, bound in ((1.0, found.up), (-1.0, found.down)):
        end = minimize(
            lambda x, side=side: -side * total(x),
            fit.x + 0.01,
            method="SLSQP",
            constraints=[rise],
            options={"ftol": 1e-13, "maxiter": 500},
        )
        assert bound == pytest.approx(total(end.x), rel=1e-6)


def test_dense_and_all_parameters_give_the_same(model, fit, monkeypatch):
    eliminated = model.minos_bounds(RATIO, fit)
    monkeypatch.setattr(expressions, "parameters_of", lambda node, n: None)
    explicit = model.minos_bounds(RATIO, fit)
    np.testing.assert_allclose(explicit[:2], eliminated[:2], rtol=1e-9)


def test_an_interval_that_ends_at_a_limit_says_so(model):
    fit = model.fit(two_signals.OBS - [30.0, 10.0, 0.0])
    found = model.minos_bounds(Derived("tenfold", lambda a: 10.0 * a, "mu_1"), fit)
    plain = model.minos_bounds("mu_1", fit)
    assert (found.down, found.status_down) == (0.0, "at limit")
    assert plain.status_down == "at limit"
    assert found.up == pytest.approx(10.0 * plain.up, rel=1e-9)


def test_no_bound_beyond_a_pole(model, fit):
    """At 95% the denominator may be 0: the ratio is unbounded, and its other end is kept."""
    found = model.minos_bounds(RATIO, fit, cl=0.95)
    assert np.isnan(found.up)
    assert found.status_up.startswith("not found")
    assert found.fit_up is None
    assert 0.0 < found.down < fit.x[0] / fit.x[1]


def test_a_blinded_parameter_hides_what_depends_on_it(model):
    hidden = two_signals.make()
    hidden.blind(pois="mu_1")
    fit = hidden.fit(two_signals.OBS)
    assert "blinded" in repr(hidden.minos_bounds(RATIO, fit)).lower()


def test_bad_input_says_what_to_do(model, fit, monkeypatch):
    held = model.fit(two_signals.OBS, fixed={"mu_1": 1.0, "mu_2": 1.0})
    with pytest.raises(InvalidValueError, match="does not change with any free parameter"):
        model.minos_bounds(RATIO, held)
    with pytest.raises(InvalidValueError, match="not finite at the best fit"):
        model.minos_bounds(Derived("log", lambda a: jnp.log(a - 100.0), "mu_1"), fit)
    monkeypatch.setattr(expressions, "_MOST", 2)
    with pytest.raises(InvalidValueError, match=r"more than the 2 .* derived\(\)"):
        model.minos_bounds(Derived.yield_of("sig_1"), fit)

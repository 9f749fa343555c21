"""Minos bounds against a root finder on the profiled likelihood, minimised by scipy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import chi2
from small_models import fitted

from smoothfit import functional
from smoothfit.model import Model, Process, Variable


@jax.jit
def explicit(prepared, values, obs, globs):
    def nll(v):
        return functional.nll(prepared, v, obs, globs)

    return nll(values), jax.grad(nll)(values)


def profiled(small, fit, position, value):
    """min of the NLL over all other parameters and bin parameters, by scipy."""
    layout = small.model.layout
    lower = np.concatenate([layout.lower, np.full(layout.n_bin_params, -np.inf)])
    upper = np.concatenate([layout.upper, np.full(layout.n_bin_params, np.inf)])
    others = np.array([i for i in range(len(fit.x)) if i != position])
    scale = fit.errors[others]

    def of_others(u):
        x = fit.x.copy()
        x[position], x[others] = value, fit.x[others] + scale * u
        nll, gradient = explicit(small.model.prepared, jnp.asarray(x), small.obs, small.globs)
        return float(nll) - fit.fun, np.asarray(gradient)[others] * scale

    limits = list(
        zip((lower[others] - fit.x[others]) / scale, (upper[others] - fit.x[others]) / scale, strict=True)
    )
    found = minimize(
        of_others,
        np.zeros(len(others)),
        jac=True,
        method="L-BFGS-B",
        bounds=limits,
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 2000, "maxfun": 10000},
    )
    return found.fun


def crossing(small, fit, position, side, level):
    centre, error = fit.x[position], fit.errors[position] * np.sqrt(2 * level)
    return brentq(
        lambda v: profiled(small, fit, position, v) - level,
        centre,
        centre + side * 2.0 * error,
        xtol=1e-9 * error,
    )


CASES = [
    pytest.param("lite_process", "mu_1", None, marks=pytest.mark.slow),
    ("lite_process", "mu_2", 0.95),
    pytest.param("lite_process", "scale", None, marks=pytest.mark.slow),
    pytest.param("lite_process", "mcstat_A_bin1", None, marks=pytest.mark.slow),
    pytest.param("lite_process", "b", None, marks=pytest.mark.slow),
    ("locals", "mu", None),
    ("locals", "gauss[2]", 0.95),
    ("locals", "poisson[0]", None),
    ("locals", "free[1]", None),
    ("locals", "theta", 0.9),
]


@pytest.mark.parametrize(("name", "parameter", "cl"), CASES)
def test_bounds_are_crossings_of_the_profile(name, parameter, cl):
    small, fit = fitted(name)
    level = 0.5 if cl is None else 0.5 * chi2.ppf(cl, 1)
    found = small.model.minos_bounds(parameter, fit, small.obs, cl=cl)
    position = fit.names.index(parameter)
    assert (found.status_up, found.status_down) == ("converged", "converged")
    for bound, at_bound, side in ((found.up, found.fit_up, 1), (found.down, found.fit_down, -1)):
        assert at_bound.success
        assert at_bound.fun - fit.fun == pytest.approx(level, abs=1e-8)
        assert at_bound.x[position] == bound
        expected = crossing(small, fit, position, side, level)
        assert (bound - expected) / fit.errors[position] == pytest.approx(0.0, abs=3e-6)


@pytest.mark.parametrize(("name", "parameter"), [(c[0], c[1]) for c in CASES if c[1] in ("mu_1", "theta")])
def test_errors_at_a_bound_are_those_of_the_explicit_hessian(name, parameter):
    small, fit = fitted(name)
    for at_bound in small.model.minos_bounds(parameter, fit, small.obs)[2:]:
        hessian = jax.hessian(lambda x: functional.nll(small.model.prepared, x, small.obs, small.globs))
        free = np.flatnonzero(~at_bound.fixed)
        inverse = np.linalg.inv(np.asarray(hessian(jnp.asarray(at_bound.x)))[np.ix_(free, free)])
        np.testing.assert_allclose(at_bound.errors[free], np.sqrt(np.diagonal(inverse)), rtol=1e-5)
        assert at_bound.errors[fit.names.index(parameter)] == 0.0


def limited():
    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=1.5)
    sig = Process("sig", [5.0, 20.0]).scale_by(mu).add_lnN(Variable("theta", 0.0, nuisance=True), 1.1)
    return Model().add_proc(sig).add_proc(Process("bkg", [500.0, 600.0])).prepare()


def test_an_interval_that_ends_at_a_limit_says_so():
    model = limited()
    fit = model.fit(model.pred({"mu": 0.4}))
    up, down, _, fit_down = found = model.minos_bounds("mu", fit)
    assert (up, found.status_up) == (1.5, "at limit")
    assert (down, found.status_down) == (0.0, "at limit")
    assert 0.0 < fit_down.fun - fit.fun < 0.5


def test_a_best_fit_on_its_limit():
    model = limited()
    fit = model.fit([480.0, 570.0])
    assert fit.x[0] == 0.0
    found = model.minos_bounds("mu", fit)
    assert (found.down, found.status_down) == (0.0, "at limit")
    data = np.array([480.0, 570.0])

    def nll(mu):
        def of_theta(t):
            nu = np.array([500.0, 600.0]) + mu * 1.1 ** t[0] * np.array([5.0, 20.0])
            return np.sum(nu - data * np.log(nu)) + 0.5 * t[0] ** 2

        return minimize(of_theta, [0.0], method="BFGS", options={"gtol": 1e-9}).fun

    expected = brentq(lambda m: nll(m) - nll(0.0) - 0.5, 0.0, 1.5, xtol=1e-10)
    assert found.up == pytest.approx(expected, abs=1e-6)
    assert found.status_up == "converged"


def test_held_parameters_stay_held():
    small, _ = fitted("lite_process")
    fit = small.model.fit(small.obs, globs=small.globs, fixed={"mu_2": 0.9})
    found = small.model.minos_bounds("mu_1", fit)
    for at_bound in (found.fit_up, found.fit_down):
        assert at_bound["mu_2"].value == 0.9
        np.testing.assert_array_equal(at_bound.globs, small.globs)
    assert found.up - found.down > 0.0


def test_a_quadratic_likelihood_has_symmetric_bounds_at_its_errors():
    """10^10 events a bin: parabolic to 1e-5 sigma."""
    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("p", [1e10, 2e10]).scale_by(mu)).prepare()
    fit = model.fit([1e10, 2e10])
    up, down, _, _ = model.minos_bounds(mu, fit)
    error = 1.0 / np.sqrt(3e10)
    assert (up - 1.0) / error == pytest.approx(1.0, abs=1e-5)
    assert (down - 1.0) / error == pytest.approx(-1.0, abs=1e-5)
    up95, _, _, _ = model.minos_bounds(mu, fit, cl=0.95)
    assert (up95 - 1.0) / error == pytest.approx(1.959964, abs=1e-4)

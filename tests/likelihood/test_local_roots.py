"""Poisson-constrained parameters that share a bin, far from their start: bisection finds the same root."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy.optimize import minimize

from smoothfit import ChannelContrib, Model, Process, Variable, functional
from smoothfit.constraints import Poisson
from smoothfit.inference import inputs

TAU, YIELDS = np.array([2.0, 5.0, 40.0]), np.array([30.0, 80.0, 20.0])


def solved(count, globs):
    """y_k = m_k/(tau_k + alpha a_k) at the alpha = 1 - d/nu where nu = sum_k a_k y_k, by bisection."""
    tau, a, m = (np.asarray(x, np.longdouble) for x in (TAU, YIELDS, globs))
    # Down to the first pole the yield only grows; at alpha = 1 there are no data.
    low, high = -np.min(tau / a), np.longdouble(1.0)
    for _ in range(200):
        alpha = (low + high) / 2
        too_large = np.sum(a * m / (tau + alpha * a)) * (1 - alpha) > count
        low, high = (alpha, high) if too_large else (low, alpha)
    return (m / (tau + high * a)).astype(float)


@pytest.fixture(scope="module")
def model():
    found = Model()
    for i, (tau, content) in enumerate(zip(TAU, YIELDS, strict=True)):
        factor = Variable(f"f{i}", [1.0], constraint=Poisson(tau=tau), lower_bound=0.0)
        contrib = ChannelContrib("main", [content]).scale_by(factor, axis="bin")
        found.add_proc(Process(f"p{i}").add_contrib(contrib))
    return found.prepare()


@pytest.mark.parametrize("count", [20.0, 130.0, 500.0, 1.3e3, 1.4e3, 1e4, 1e6])
def test_counts_far_above_the_yield(model, count):
    """Above some 10 times the yield the bracket's middle lies beyond the pole of a parameter."""
    globs = np.array([1.0, 7.0, 38.0])
    best_fit = model.fit([count], globs=globs)
    # An EDM of 1e-16, where polishing ends, is 1.4e-8 errors.
    np.testing.assert_allclose(best_fit.x, solved(count, globs), rtol=2e-8)


@pytest.mark.parametrize("globs", [(0.0, 7.0, 38.0), (1.0, 0.0, 38.0), (0.0, 0.0, 38.0)])
@pytest.mark.parametrize("count", [60.0, 100.0, 170.0, 400.0])
def test_auxiliary_counts_of_zero(model, count, globs):
    """Such a parameter is 0, or what the bin lacks at the slope where constraint and data agree."""
    globs = np.array(globs)

    def nll(y):
        nu = y @ YIELDS
        rate = TAU * y
        counted = globs > 0.0
        own = rate.sum() - (globs[counted] * np.log(rate[counted])).sum()
        slope = YIELDS * (1.0 - count / nu) + TAU
        slope[counted] -= globs[counted] / y[counted]
        return nu - count * np.log(nu) + own, slope

    bounds = [(1e-9 if m else 0.0, None) for m in globs]
    expected = minimize(nll, np.ones(3), jac=True, bounds=bounds, options={"ftol": 1e-16, "gtol": 1e-10})
    best_fit = model.fit([count], globs=globs)
    np.testing.assert_allclose(best_fit.x, expected.x, rtol=2e-5, atol=2e-5)
    assert nll(best_fit.x)[0] <= nll(expected.x)[0] + 1e-12 * abs(expected.fun)


@pytest.mark.parametrize("slots", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_the_rest_of_a_model_where_a_count_of_zero_pins_a_bin(slots):
    """The eliminated likelihood is as low, and its covariance the same, as with all parameters explicit."""
    theta = Variable("theta", 0.0, nuisance=True)
    model = Model().add_proc(Process("sig", [1.0, 15.0]).scale_by(Variable("mu", 1.0)))
    auxiliary = {}
    for name, tau, content in (("f", 2.0, [30.0, 20.0]), ("g", 9.0, [20.0, 40.0])):
        contrib = ChannelContrib("main", content).add_lnN(theta, 1.1)
        if len(auxiliary) < slots:
            auxiliary[name] = Variable(name, [1.0, 1.0], constraint=Poisson(tau=tau), lower_bound=0.0)
            contrib.scale_by(auxiliary[name], axis="bin")
        model.add_proc(Process(f"p_{name}").add_contrib(contrib))
    model = model.prepare()
    obs = np.array([150.0, 70.0])
    counts = {"f": [0.0, 3.0], "g": [8.0, 9.0]}
    globs = {theta: 0.3} | {variable: counts[name] for name, variable in auxiliary.items()}
    globs = inputs.globs(model.layout, globs)
    best_fit = model.fit(obs, globs=globs)

    names = list(model.parameters)
    fun = jax.jit(jax.value_and_grad(lambda x: functional.nll(model.prepared, x, obs, globs)))
    lower = [0.0 if name[0] in "fg" else None for name in names]
    explicit = minimize(
        lambda x: [np.asarray(v) for v in fun(x)],
        np.where([name == "theta" for name in names], 0.1, 1.0),
        jac=True,
        bounds=[(low, None) for low in lower],
        options={"ftol": 1e-16, "gtol": 1e-11, "maxiter": 5000},
    )
    pinned = next(i for i, name in enumerate(names) if name.startswith("f"))
    assert explicit.x[pinned] > 0.3
    assert best_fit.fun <= explicit.fun + 1e-10
    np.testing.assert_allclose(best_fit.x, explicit.x, rtol=1e-4, atol=1e-5)
    covariance = np.linalg.inv(functional.hessian(model.prepared, best_fit.x, obs, globs))
    # The pinned bin's Hessian is that in the limit of no stiffness, to about 1e-8.
    np.testing.assert_allclose(best_fit.covariance, covariance, rtol=1e-6, atol=1e-7)

"""Bin parameters in closed form against all of them carried along in a likelihood written anew here.

20 random models a mode: the NLL, the fit, the covariance, Minos and the pulls agree to 1e-7.
"""

from __future__ import annotations

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import gammaln
from scipy.optimize import brentq

from smoothfit.model import Model, Process, Variable

MODES = ["process", "total", "lite-gamma", "full-poisson", "full-gaussian"]
SEEDS = [seed if seed < 8 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(20)]
N_BINS = 5


def numbers(seed, well_known=True):
    """Yields (sig, bkg, other), sumw2 of sig and bkg, a log-normal, data."""
    rng = np.random.default_rng([seed, 11])
    sig, bkg, other = rng.uniform(3, 12, N_BINS), rng.uniform(15, 60, N_BINS), rng.uniform(4, 9, N_BINS)
    # A bin filled by the signal alone, and one without data where the yield is clearly larger than t^2 - g t.
    bkg[1] = other[1] = 0.0
    bkg[2] = rng.uniform(3.0, 5.0)
    w_sig, w_bkg = sig * rng.uniform(0.05, 0.5, N_BINS), bkg * rng.uniform(0.1, 0.6, N_BINS)
    w_sig[2], w_bkg[2] = 0.2 * sig[2], 0.2 * bkg[2]
    if well_known:
        # A second minimum at negative mu is then many sigmas of the bin's x away.
        w_sig[1] = 0.05 * sig[1]
    obs = rng.poisson(1.3 * sig + bkg + other).astype(float)
    obs[2] = 0.0
    obs[1] = max(obs[1], 2.0)
    return {
        "sig": sig,
        "bkg": bkg,
        "other": other,
        "w_sig": w_sig,
        "w_bkg": w_bkg,
        "kappa": rng.uniform(1.05, 1.2),
        "obs": obs,
    }


@cache
def made(mode, seed, well_known=True):
    """(numbers, prepared model)"""
    n = numbers(seed, well_known)
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    sig = Process("sig", n["sig"], sumw2=n["w_sig"]).scale_by(mu)
    bkg = Process("bkg", n["bkg"], sumw2=n["w_bkg"]).add_lnN(theta, n["kappa"])
    model = Model().add_proc(sig).add_proc(bkg).add_proc(Process("other", n["other"]))
    if mode.startswith("full"):
        model.set_mc_stat("full", constraint=mode.split("-")[1])
    elif mode == "lite-gamma":
        model.set_mc_stat(mode)
    else:
        model.set_mc_stat("lite", scaling=mode)
    return n, model.prepare()


def explicit_nll(mode, values, n):
    """FORMULAS sections 1 and 4, all parameters in one vector: mu, theta, bin parameters."""
    mu, theta, x = values[0], values[1], values[2:]
    sig, bkg, other = mu * n["sig"], n["kappa"] ** theta * n["bkg"], n["other"]
    gauss = lambda x: 0.5 * jnp.sum(x**2 + jnp.log(2 * jnp.pi))  # noqa: E731

    def count(k, rate):
        # Not defined for negative rates: the minimiser must not go there.
        safe = jnp.where(rate > 0, rate, 1.0)
        found = rate - jnp.where(k > 0, k * jnp.log(safe), 0.0) + gammaln(k + 1)
        return jnp.where(rate > 0, found, jnp.inf)

    if mode == "process":
        t = jnp.sqrt(mu**2 * n["w_sig"] + n["kappa"] ** (2 * theta) * n["w_bkg"])
        nu, penalty = sig + bkg + other + x * t, gauss(x)
    elif mode == "total":
        delta = jnp.sqrt(n["w_sig"] + n["w_bkg"]) / (n["sig"] + n["bkg"] + n["other"])
        nu, penalty = (sig + bkg + other) * (1 + x * delta), gauss(x)
    elif mode == "lite-gamma":
        tau = (n["sig"] + n["bkg"]) ** 2 / (n["w_sig"] + n["w_bkg"])
        nu, penalty = (sig + bkg) * x + other, jnp.sum(count(tau, x * tau))
    else:
        # Bin 1 has a signal only: its parameter comes where that of the pair would be.
        of_sig, of_bkg = x[SIG_AT], jnp.where(n["bkg"] > 0, x[BKG_AT], 1.0 if "poisson" in mode else 0.0)
        if mode == "full-gaussian":
            t_sig, t_bkg = mu * jnp.sqrt(n["w_sig"]), n["kappa"] ** theta * jnp.sqrt(n["w_bkg"])
            nu, penalty = sig + bkg + other + of_sig * t_sig + of_bkg * t_bkg, gauss(x)
        else:
            some = n["bkg"] > 0
            tau_sig = n["sig"] ** 2 / n["w_sig"]
            tau_bkg = jnp.where(some, n["bkg"] ** 2 / jnp.where(some, n["w_bkg"], 1.0), 1.0)
            nu = sig * of_sig + bkg * of_bkg + other
            penalty = jnp.sum(count(tau_sig, tau_sig * of_sig))
            penalty += jnp.sum(jnp.where(some, count(tau_bkg, tau_bkg * of_bkg), 0.0))
    prior = 0.5 * (theta**2 + jnp.log(2 * jnp.pi))
    return jnp.sum(count(n["obs"], nu)) + penalty + prior


SIG_AT = np.array([0, 2, 3, 5, 7])
BKG_AT = np.array([1, 1, 4, 6, 8])


@partial(jax.jit, static_argnums=0)
def derivatives(mode, values, n):
    fun = lambda v: explicit_nll(mode, v, n)  # noqa: E731
    return fun(values), jax.grad(fun)(values), jax.hessian(fun)(values)


def minimise(mode, values, n, free):
    """Damped Newton over the free positions, to rounding."""
    damping = 0.0
    value, gradient, hessian = (np.asarray(a) for a in derivatives(mode, values, n))
    for _ in range(200):
        h = hessian[np.ix_(free, free)]
        step = np.zeros_like(values)
        scale = np.diag(np.abs(np.diagonal(h)))
        step[free] = -np.linalg.solve(h + damping * scale, gradient[free])
        tried = values + step
        found = [np.asarray(a) for a in derivatives(mode, tried, n)]
        if np.isfinite(found[0]) and found[0] <= value + 1e-11:
            values, (value, gradient, hessian) = tried, found
            damping = 0.0 if damping < 1e-6 else damping / 10
            if np.max(np.abs(step)) < 1e-11 and damping == 0.0:
                return values, value, hessian
        else:
            damping = max(10 * damping, 1e-3)
    raise AssertionError("the explicit fit did not converge")


@cache
def explicit_fit(mode, seed):
    n, model = made(mode, seed)
    start = np.concatenate([[1.0, 0.0], model.layout.bin_centre])
    free = np.arange(len(start))
    return minimise(mode, start, n, free)


@cache
def ours(mode, seed):
    n, model = made(mode, seed)
    return model.fit(n["obs"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", MODES)
def test_likelihood_fit_and_covariance(mode, seed):
    n, model = made(mode, seed)
    rng = np.random.default_rng(seed)
    layout = model.layout
    random = np.concatenate(
        [[1.2, 0.4], layout.bin_centre + 0.3 * layout.bin_widths * rng.normal(size=layout.n_bin_params)]
    )
    expected = float(derivatives(mode, random, n)[0])
    assert model.nll(random, n["obs"]) == pytest.approx(expected, abs=1e-9)

    values, value, hessian = explicit_fit(mode, seed)
    fit = ours(mode, seed)
    errors = np.sqrt(np.diagonal(np.linalg.inv(hessian)))
    assert fit.fun == pytest.approx(value, abs=1e-9)
    np.testing.assert_allclose((fit.x - values) / errors, 0.0, atol=1e-7)
    np.testing.assert_allclose(fit.errors / errors, 1.0, atol=1e-7)
    scale = np.outer(errors[:2], errors[:2])
    np.testing.assert_allclose((fit.hess_inv - np.linalg.inv(hessian)[:2, :2]) / scale, 0.0, atol=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", MODES)
def test_minos(mode, seed):
    n, model = made(mode, seed)
    values, value, hessian = explicit_fit(mode, seed)
    up = model.minos_bounds("mu", ours(mode, seed), n["obs"])[0]
    rest = np.arange(1, len(values))
    last = [values]

    def excess(mu):
        start = last[0].copy()
        start[0] = mu
        last[0], at, _ = minimise(mode, start, n, rest)
        return at - value - 0.5

    error = np.sqrt(np.linalg.inv(hessian)[0, 0])
    assert abs(excess(up)) < 1e-7
    assert (up - brentq(excess, values[0] + 0.3 * error, values[0] + 3 * error, xtol=1e-10)) / error == (
        pytest.approx(0.0, abs=1e-7)
    )


@pytest.mark.parametrize("seed", [6, 8])
@pytest.mark.parametrize("mode", ["process", "full-gaussian"])
def test_several_starts_find_the_lower_of_two_minima(mode, seed):
    """A bin of signal alone with a large error lets mu be negative: a single fit may end there."""
    n, model = made(mode, seed, well_known=False)
    start = np.concatenate([[1.0, 0.0], model.layout.bin_centre])
    values, value, _ = minimise(mode, start, n, np.arange(len(start)))
    single = model.fit(n["obs"])
    assert single.success
    assert single.x[0] < 0.0 < values[0]
    assert single.fun > value + 1.0
    several = model.fit(n["obs"], starts=10, seed=1)
    assert several.fun == pytest.approx(value, abs=1e-9)
    assert several.x[0] == pytest.approx(values[0], abs=1e-6)

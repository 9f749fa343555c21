"""A counting experiment in three bins with an unbinned measurement of a peak; and the same in numpy."""

from __future__ import annotations

import functools
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
from scipy import optimize, special, stats

from smoothfit.model import Model, Process, Variable

SIG, BKG = np.array([3.0, 20.0, 6.0]), np.array([100.0, 80.0, 60.0])
OBS = np.array([108.0, 96.0, 71.0])
SLOPE = np.array([-0.05, 0.0, 0.05])
EVENTS = np.random.default_rng(5).normal(125.3, 1.7, 150)


def peak(values, events):
    """The NLL of a Gaussian peak whose position moves with an energy scale."""
    mass, width, scale = values
    pull = (events - mass * (1.0 + 0.001 * scale)) / width
    return jnp.sum(0.5 * pull**2) + len(events) * (jnp.log(width) + 0.5 * jnp.log(2.0 * jnp.pi))


def variables():
    """mu of the bins, mass and scale of both, width of the peak alone."""
    return SimpleNamespace(
        mu=Variable("mu", 1.0, lower_bound=0.0),
        mass=Variable("mass", 124.0),
        width=Variable("width", 2.0, lower_bound=0.1),
        scale=Variable("scale", 0.0, nuisance=True),
    )


def binned(v):
    """The model without the peak."""
    signal = Process("sig", SIG, signal=True).scale_by(v.mu)
    signal.scale_by_fn(lambda mass: jnp.exp(SLOPE * (mass - 125.0)), v.mass)
    return Model().add_proc(signal).add_proc(Process("bkg", BKG).add_lnN(v.scale, 1.05))


def joint(likelihood=peak, data=EVENTS):
    """The joint model, prepared."""
    v = variables()
    model = binned(v).add_likelihood(likelihood, [v.mass, v.width, v.scale], data, name="peak")
    return model.prepare()


@functools.cache
def shared():
    """One for all tests that change nothing."""
    return joint()


@functools.cache
def best_fit():
    """Its fit."""
    return shared().fit(OBS)


def explicit_nll(x, obs=OBS, events=EVENTS, glob=0.0):
    """The joint NLL in numpy, with all constants, of (mu, mass, width, scale); also of Asimov counts."""
    return of_bins(x, obs) + of_peak(x, events) - stats.norm.logpdf(glob, x[3])


def of_bins(x, obs):
    """The part of the bins."""
    nu = x[0] * SIG * np.exp(SLOPE * (x[1] - 125.0)) + BKG * 1.05 ** x[3]
    return np.sum(nu - obs * np.log(nu) + special.gammaln(obs + 1.0))


def of_peak(x, events):
    """The part of the events."""
    return -stats.norm.logpdf(events, x[1] * (1.0 + 0.001 * x[3]), x[2]).sum()


def minimised(fn, start):
    """The minimum of a smooth function, to 1e-8 of its errors."""
    x = optimize.minimize(fn, start, method="BFGS").x
    for _ in range(3):
        slope, curvature = slopes(fn, x, 1e-3)
        x = x - np.linalg.solve(curvature, slope)
    return x


def profiled(fn, start, **held):
    """The minimum with some of (mu, mass, width, scale) held: all values."""
    at = [("mu", "mass", "width", "scale").index(name) for name in held]
    free = np.delete(np.arange(4), at)

    def whole(others):
        x = np.empty(4)
        x[at], x[free] = list(held.values()), others
        return x

    return whole(minimised(lambda others: fn(whole(others)), np.asarray(start)[free]))


def slopes(fn, x, h):
    """Gradient and Hessian by central differences."""
    n, unit = len(x), h * np.eye(len(x))
    gradient = np.array(
        [(8.0 * (fn(x + u) - fn(x - u)) - (fn(x + 2 * u) - fn(x - 2 * u))) / (12.0 * h) for u in unit]
    )
    hessian = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            a, b = unit[i], unit[j]
            hessian[i, j] = fn(x + a + b) - fn(x + a - b) - fn(x - a + b) + fn(x - a - b)
    return gradient, hessian / (4.0 * h * h)

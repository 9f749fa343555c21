"""Profiles of a likelihood with two minima: the lowest one counts, on both sides of where they cross."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm

from smoothfit.model import Model, Process, Variable

DATA, ERROR = np.array([12.0, 61.0, 48.0]), np.array([2.0, 4.0, 4.0])
THETA = np.linspace(-4.0, 4.0, 80_001)


def nu(mu, theta):
    """A bin in which theta and its opposite do the same, and two that tell them apart."""
    return np.stack([10.0 * mu + 1.2 * theta, 50.0 + 3.0 * theta**2, 48.0 + 0.5 * theta])


def profiled(mu, data=DATA):
    """NLL of the Gaussian data and a unit Gaussian constraint, the lowest on a fine grid of theta."""
    pulls = (data[:, None] - nu(mu, THETA)) / ERROR[:, None]
    return np.min(0.5 * np.sum(pulls**2, axis=0) + 0.5 * THETA**2)


def best():
    """(mu, NLL) at the lowest of all minima."""
    halves = [minimize_scalar(profiled, bounds=b, method="bounded") for b in ((0.0, 1.2), (1.2, 2.4))]
    lowest = min(halves, key=lambda found: found.fun)
    return lowest.x, lowest.fun


@pytest.fixture(scope="module")
def model():
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    sig = Process("sig", [10.0, 0.0, 0.0]).scale_by(mu)

    def moved(x):
        return jnp.stack([1.2 * x, 3.0 * x**2, 0.5 * x])

    bkg = Process("bkg", [0.0, 50.0, 48.0]).add_by_fn(moved, theta)
    return Model().add_proc(sig).add_proc(bkg).set_data_term("gaussian", ERROR**2).prepare()


def test_the_lowest_minimum_counts(model):
    found = model.upper_limit("mu", DATA, statistic="t", rule="clsb", points=np.linspace(0.0, 2.4, 13))
    _, lowest = best()
    for mu, p in zip(found.points, found.p_values, strict=True):
        if np.isfinite(p):
            assert norm.isf(0.5 * p) ** 2 == pytest.approx(2.0 * (profiled(mu) - lowest), abs=1e-5)
    # Both minima are the lowest somewhere.
    signs = {np.sign(model.fit(DATA, fixed={"mu": mu}).x[1]) for mu in (0.6, 1.8)}
    assert signs == {-1.0, 1.0}


def test_the_interval_is_that_of_the_lowest(model):
    at, lowest = best()
    level = 0.5 * norm.isf(0.025) ** 2
    ends = [brentq(lambda mu: profiled(mu) - lowest - level, at, end) for end in (-1.0, 4.0)]
    found = model.two_sided_limit("mu", DATA)
    assert (found.lower, found.upper) == pytest.approx(ends, abs=1e-5)

"""Poisson-constrained parameters that share a bin, far from their start: bisection finds the same root."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit import ChannelContrib, Model, Process, Variable
from smoothfit.constraints import Poisson

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

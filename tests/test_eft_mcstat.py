"""The Monte Carlo statistical error of a morphed sum, through templates with their covariance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm, poisson

from smoothfit.eft import Dim6EFTMorphing, propose_basis, templates_from_events
from smoothfit.model import ChannelContrib, Model, Process, Variable

EDGES = np.array([0.0, 40.0, 70.0, 100.0])


def events(n_events=600, seed=3):
    """Amplitudes (event, 1 + operator), whose squares are weights, and a value of each event."""
    rng = np.random.default_rng(seed)
    amplitudes = rng.normal(size=(n_events, 3)) * 0.3
    amplitudes[:, 0] = rng.uniform(0.5, 1.0, n_events)
    return amplitudes, rng.uniform(0.0, 100.0, n_events)


def weights_at(points, amplitudes):
    return (amplitudes[:, :1].T + np.asarray(points) @ amplitudes[:, 1:].T) ** 2


def histogram(values, weights):
    return np.histogram(values, EDGES, weights=weights)[0]


AMPLITUDES, VALUES = events()
POINTS = propose_basis(2)
OTHER, OTHER_SUMW2 = np.array([50.0, 40.0, 30.0]), np.array([9.0, 6.0, 4.0])


@pytest.fixture(scope="module")
def model():
    """The morphed signal with a log-normal, and a background with Monte Carlo errors of its own."""
    c, lumi = Variable("c", [0.0, 0.0], sub_names=["a", "b"]), Variable("lumi", 0.0, nuisance=True)
    found = templates_from_events(POINTS, weights_at(POINTS, AMPLITUDES), VALUES, EDGES)
    signal = found.process("eft", c, channel="SR").add_lnN(lumi, 1.1)
    background = Process("bkg", OTHER, sumw2=OTHER_SUMW2, channel="SR")
    return Model().add_proc(signal).add_proc(background).prepare()


@pytest.mark.parametrize("c", [[0.0, 0.0], [1.0, 0.0], [0.5, -0.4], [2.0, 1.0], [-1.0, 3.0]])
def test_the_error_is_that_of_the_weights_at_the_point_itself(model, c):
    """sqrt(sum w(c)^2), scaled as the yields are, in quadrature with the other process's."""
    at = {"a": c[0], "b": c[1], "lumi": 0.7}
    weights = 1.1**0.7 * weights_at([c], AMPLITUDES)[0]
    expected = np.sqrt(histogram(VALUES, weights**2) + OTHER_SUMW2)
    for j in range(3):
        shifted = model.pred({**at, f"mcstat_SR_bin{j}": 1.0})
        np.testing.assert_allclose(shifted[j] - model.pred(at)[j], expected[j], rtol=1e-9)
    np.testing.assert_allclose(model.pred(at), histogram(VALUES, weights) + OTHER, rtol=1e-10)


def test_a_fit_is_that_of_the_likelihood_written_out(model):
    obs = np.round(histogram(VALUES, weights_at([[0.6, 0.3]], AMPLITUDES)[0]) + OTHER)
    best_fit = model.fit(obs, init={"a": 0.5, "b": 0.2})

    def nll(x):
        a, b, lumi, bins = x[0], x[1], x[2], x[3:]
        weights = 1.1**lumi * weights_at([[a, b]], AMPLITUDES)[0]
        error = np.sqrt(histogram(VALUES, weights**2) + OTHER_SUMW2)
        nu = histogram(VALUES, weights) + OTHER + bins * error
        return -np.sum(poisson.logpmf(obs, nu)) - norm.logpdf(lumi) - np.sum(norm.logpdf(bins))

    found = minimize(nll, best_fit.x + 0.01, method="BFGS", options={"gtol": 1e-7})
    assert best_fit.fun == pytest.approx(nll(best_fit.x), abs=1e-9)
    assert best_fit.fun == pytest.approx(found.fun, abs=1e-8)
    np.testing.assert_allclose(best_fit.x, found.x, atol=1e-4)


def test_several_channels_share_a_basis():
    c = Variable("c", [0.0, 0.0])
    first = templates_from_events(POINTS, weights_at(POINTS, AMPLITUDES), VALUES, EDGES)
    amplitudes, values = events(200, seed=5)
    second = templates_from_events(POINTS, weights_at(POINTS, amplitudes), values, EDGES, basis=first.basis)
    process = first.process("eft", c, channel="SR").add_contrib(second.contribution("CR"))
    model = Model().add_proc(process).prepare()
    at = [0.5, -0.4]
    for channel, amps, vals in (("SR", AMPLITUDES, VALUES), ("CR", amplitudes, values)):
        weights = weights_at([at], amps)[0]
        shifted = model.pred({c: at, f"mcstat_{channel}_bin1": 1.0}, channel=channel)
        expected = histogram(vals, weights)[1] + np.sqrt(histogram(vals, weights**2)[1])
        assert shifted[1] == pytest.approx(expected, rel=1e-9)


def test_the_reference_itself():
    """f^T V f of the templates is the sum of squared weights, in numpy alone."""
    found = templates_from_events(POINTS, weights_at(POINTS, AMPLITUDES), VALUES, EDGES)
    for c in ([0.5, -0.4], [2.0, 1.0]):
        f = np.asarray(Dim6EFTMorphing(Variable("c", [0.0, 0.0]), POINTS)(c))[:, 0]
        variance = np.einsum("k,klb,l->b", f, found.covariance, f)
        np.testing.assert_allclose(
            variance, histogram(VALUES, weights_at([c], AMPLITUDES)[0] ** 2), rtol=1e-9
        )


def test_a_contribution_carries_the_covariance():
    found = templates_from_events(POINTS, weights_at(POINTS, AMPLITUDES), VALUES, EDGES)
    contrib = found.contribution("SR")
    assert isinstance(contrib, ChannelContrib)
    np.testing.assert_array_equal(contrib.yields, found.templates)

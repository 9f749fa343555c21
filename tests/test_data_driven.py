"""Data-driven backgrounds: against closed forms, iminuit and pyhf, and likelihoods written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm, poisson

from smoothfit.data_driven import abcd, free_shape, rate_parameter
from smoothfit.model import ChannelContrib, Model, Process, Variable

B, C, D = np.array([40.0, 90.0, 12.0]), np.array([50.0, 30.0, 20.0]), np.array([100.0, 60.0, 40.0])
A = np.array([35.0, 60.0, 9.0])
COUNTS = {"B": B, "C": C, "D": D}
PREDICTED = B * C / D


def with_free_signal(estimate, channel="A"):
    """The background and a signal that floats in every bin of A: as many parameters as bins."""
    signal = Variable("signal", np.full(3, 5.0))
    process = Process("sig", np.ones(3), channel=channel, signal=True).scale_by(signal)
    return Model().add_proc(process).add_proc(estimate.process).prepare(), signal


def expected_errors(kappa=1.0):
    """sqrt(A + (B C/D)^2 (1/B + 1/C + 1/D + log(kappa)^2)), the propagation for A - B C/D."""
    relative = 1.0 / B + 1.0 / C + 1.0 / D + np.log(kappa) ** 2
    return np.sqrt(A + PREDICTED**2 * relative)


def test_a_saturated_fit_is_b_times_c_over_d():
    estimate = abcd("multijet", COUNTS)
    model, signal = with_free_signal(estimate)
    best_fit = model.fit({"A": A, **COUNTS})
    np.testing.assert_allclose(best_fit[signal].value, A - PREDICTED, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(best_fit[signal].error, expected_errors(), rtol=1e-7)
    for region, counts in COUNTS.items():
        value, error = best_fit[estimate.yields[region]]
        np.testing.assert_allclose(value, counts, rtol=1e-8)
        np.testing.assert_allclose(error, np.sqrt(counts), rtol=1e-8)
    np.testing.assert_allclose(model.pred(best_fit.x, process="multijet", channel="A"), PREDICTED, rtol=1e-7)
    found, error = estimate.estimate()
    np.testing.assert_allclose(found, PREDICTED, rtol=1e-14)
    np.testing.assert_allclose(error, np.sqrt(expected_errors() ** 2 - A), rtol=1e-12)


def test_one_non_closure_moves_all_bins_together():
    estimate = abcd("multijet", COUNTS, non_closure=1.2)
    model, signal = with_free_signal(estimate)
    best_fit = model.fit({"A": A, **COUNTS})
    np.testing.assert_allclose(best_fit[signal].error, expected_errors(1.2), rtol=1e-6)
    at = model.index(signal)
    covariance = best_fit.hess_inv[np.ix_(at, at)]
    together = np.outer(PREDICTED, PREDICTED) * np.log(1.2) ** 2
    np.testing.assert_allclose(covariance[0, 1:], together[0, 1:], rtol=1e-6)
    assert estimate.non_closure is not None
    up = model.pred({estimate.non_closure: 1.0}, process="multijet", channel="A")
    np.testing.assert_allclose(up, 1.2 * PREDICTED, rtol=1e-12)
    np.testing.assert_allclose(estimate.estimate()[1], np.sqrt(expected_errors(1.2) ** 2 - A), rtol=1e-12)


def test_a_non_closure_in_each_bin_moves_them_apart():
    kappa = np.array([1.1, 1.3, 1.05])
    names = {"A": "SR", "B": "CR_b", "C": "CR_c", "D": "CR_d"}
    estimate = abcd("multijet", COUNTS, channels=names, non_closure=kappa)
    model, signal = with_free_signal(estimate, "SR")
    best_fit = model.fit({names[region]: counts for region, counts in {"A": A, **COUNTS}.items()})
    np.testing.assert_allclose(best_fit[signal].error, expected_errors(kappa), rtol=1e-6)
    at = model.index(signal)
    covariance = best_fit.hess_inv[np.ix_(at, at)]
    np.testing.assert_allclose(covariance, np.diag(np.diagonal(covariance)), atol=1e-6)
    assert set(model.channels) == set(names.values())


def test_signal_in_the_control_regions():
    """One signal strength, with leakage: the full likelihood, against scipy's minimum of it."""
    mu = Variable("mu", 1.0)
    leak = {"A": np.array([8.0, 12.0, 3.0]), "B": np.array([2.0, 3.0, 1.0])}
    sig = Process("sig", leak["A"], channel="A").add_contrib(ChannelContrib("B", leak["B"])).scale_by(mu)
    estimate = abcd("multijet", COUNTS, non_closure=1.1)
    model = Model().add_proc(sig).add_proc(estimate.process).prepare()
    best_fit = model.fit({"A": A, **COUNTS})

    def nll(x):
        b, c, d = np.abs(x[2:]).reshape(3, 3)
        terms = poisson.logpmf(A, x[0] * leak["A"] + b * c / d * 1.1 ** x[1])
        terms = np.concatenate([terms, poisson.logpmf(B, b + x[0] * leak["B"])])
        terms = np.concatenate([terms, poisson.logpmf(C, c), poisson.logpmf(D, d)])
        return -terms.sum() - norm.logpdf(x[1])

    order = np.concatenate([model.index(estimate.yields[region]) for region in "BCD"])
    ours = best_fit.x[[model.index(mu), model.index(estimate.non_closure), *order]]
    found = minimize(nll, np.concatenate([[1.0, 0.0], B, C, D]), method="BFGS", options={"gtol": 1e-5})
    assert best_fit.fun == pytest.approx(nll(ours), abs=1e-9)
    assert best_fit.fun == pytest.approx(found.fun, abs=1e-6)
    assert best_fit[mu].value == pytest.approx(found.x[0], abs=1e-3)


def test_an_empty_control_bin_can_be_fitted():
    counts = {"B": [0.0, 4.0], "C": [5.0, 0.0], "D": [10.0, 8.0]}
    estimate = abcd("multijet", counts)
    model = Model().add_proc(estimate.process).prepare()
    best_fit = model.fit({"A": [0.0, 0.0], **counts})
    assert best_fit.success
    np.testing.assert_allclose(best_fit[estimate.yields["B"]].value, [0.0, 4.0], atol=1e-6)
    np.testing.assert_allclose(best_fit[estimate.yields["C"]].value, [5.0, 0.0], atol=1e-6)


# -- rates from control regions ------------------------------------------------------------------

TOP_SR, TOP_CR, SIG, OTHER_SR, OTHER_CR = (
    np.array([20.0, 12.0]),
    np.array([150.0, 240.0]),
    np.array([5.0, 10.0]),
    np.array([8.0, 6.0]),
    np.array([10.0, 20.0]),
)
OBS_SR, OBS_CR = np.array([36.0, 33.0]), np.array([180.0, 270.0])


@pytest.fixture(scope="module")
def control():
    """Signal, a background whose rate floats, and a fixed one with its own free rate in both regions."""
    top = Process("top", TOP_SR, channel="SR").add_contrib(ChannelContrib("CR", TOP_CR))
    sig = Process("sig", SIG, channel="SR", signal=True)
    other = Process("other", OTHER_SR, channel="SR").add_contrib(ChannelContrib("CR", OTHER_CR))
    mu = rate_parameter(sig, "mu", upper_bound=10.0)
    rate = rate_parameter([top], "rate_top")
    model = Model().add_proc(sig).add_proc(top).add_proc(other).prepare()
    return model, mu, rate, model.fit({"SR": OBS_SR, "CR": OBS_CR})


def test_a_rate_is_that_of_iminuit(control):
    iminuit = pytest.importorskip("iminuit")
    _, mu, rate, best_fit = control

    def nll(mu, rate):
        nu = np.concatenate([mu * SIG + rate * TOP_SR + OTHER_SR, rate * TOP_CR + OTHER_CR])
        return -np.sum(poisson.logpmf(np.concatenate([OBS_SR, OBS_CR]), nu))

    minuit = iminuit.Minuit(nll, mu=1.0, rate=1.0)
    minuit.errordef = 0.5
    minuit.strategy = 2
    minuit.tol = 1e-4
    minuit.migrad()
    minuit.hesse()
    assert best_fit.fun == pytest.approx(minuit.fval, abs=1e-7)
    for variable, name in ((mu, "mu"), (rate, "rate")):
        assert best_fit[variable].value == pytest.approx(minuit.values[name], abs=2e-4)
        assert best_fit[variable].error == pytest.approx(minuit.errors[name], rel=1e-3)


def test_a_rate_is_pyhfs_normfactor(control):
    pyhf = pytest.importorskip("pyhf")
    _, mu, rate, best_fit = control

    def sample(name, data, *factors):
        modifiers = [{"name": f, "type": "normfactor", "data": None} for f in factors]
        return {"name": name, "data": data.tolist(), "modifiers": modifiers}

    signal_region = [
        sample("sig", SIG, "mu"),
        sample("top", TOP_SR, "rate_top"),
        sample("other", OTHER_SR),
    ]
    control_region = [sample("top", TOP_CR, "rate_top"), sample("other", OTHER_CR)]
    channels = [{"name": "CR", "samples": control_region}, {"name": "SR", "samples": signal_region}]
    theirs = pyhf.Model({"channels": channels}, poi_name="mu")
    data = np.concatenate([OBS_CR, OBS_SR])
    found = np.asarray(pyhf.infer.mle.fit(data, theirs))
    names = theirs.config.par_order
    assert best_fit[mu].value == pytest.approx(found[names.index("mu")], abs=1e-3)
    assert best_fit[rate].value == pytest.approx(found[names.index("rate_top")], abs=1e-4)
    ours = [best_fit[{"mu": mu, "rate_top": rate}[name]].value for name in names]
    assert -float(np.ravel(theirs.logpdf(ours, data))[0]) == pytest.approx(best_fit.fun, abs=1e-9)


def test_a_rate_in_some_channels_only():
    first = Process("a", [10.0], channel="SR").add_contrib(ChannelContrib("CR", [20.0]))
    second = Process("b", [30.0], channel="CR")
    rate = rate_parameter([first, second], "rate", channels=["CR"])
    model = Model().add_proc(first).add_proc(second).prepare()
    assert model.split(model.pred({rate: 2.0})) == {"SR": [10.0], "CR": [100.0]}
    assert rate.lower[0] == 0.0


# -- free shapes ---------------------------------------------------------------------------------

T_SR, T_CR = np.array([4.0, 3.0, 2.0, 1.0, 0.5]), np.array([40.0, 60.0, 30.0, 20.0, 10.0])
N_SR, N_CR = np.array([5.0, 2.0, 3.0, 1.0, 0.0]), np.array([50.0, 52.0, 30.0, 28.0, 4.0])


def shape_model(**options):
    fakes = Process("fakes", T_SR, channel="SR").add_contrib(ChannelContrib("CR", T_CR))
    shape = free_shape(fakes, "shape", **options)
    model = Model().add_proc(fakes)
    if shape.smoothness is not None:
        model.add_constraint(shape.penalty, shape.variable)
    return model.prepare(), shape


def test_a_free_shape_adds_up_what_the_channels_know():
    """Two counts of one factor: x = (n + m)/(s + t), with the error sqrt(n + m)/(s + t)."""
    model, shape = shape_model()
    value, error = model.fit({"SR": N_SR, "CR": N_CR})[shape.variable]
    np.testing.assert_allclose(value, (N_SR + N_CR) / (T_SR + T_CR), rtol=1e-9)
    np.testing.assert_allclose(error, np.sqrt(N_SR + N_CR) / (T_SR + T_CR), rtol=1e-9)


@pytest.mark.parametrize("smoothness", [0.2, 1e-4])
def test_a_smooth_shape_is_that_of_the_penalised_likelihood(smoothness):
    model, _ = shape_model(smoothness=smoothness)
    best_fit = model.fit({"SR": N_SR, "CR": N_CR})
    matrix = np.array([[1, -2, 1, 0, 0], [0, 1, -2, 1, 0], [0, 0, 1, -2, 1]], dtype=float)

    def gradient(x):
        poisson_part = (T_SR + T_CR) - (N_SR + N_CR) / x
        return poisson_part + matrix.T @ matrix @ x / smoothness**2

    x = best_fit.x
    hessian = np.diag((N_SR + N_CR) / x**2) + matrix.T @ matrix / smoothness**2
    # Stationary, in units of the curvature; and the curvature itself.
    np.testing.assert_allclose(np.linalg.solve(hessian, gradient(x)), 0.0, atol=1e-8)
    np.testing.assert_allclose(best_fit.errors, np.sqrt(np.diagonal(np.linalg.inv(hessian))), rtol=1e-4)
    nu = np.concatenate([T_SR * x, T_CR * x])
    expected = -poisson.logpmf(np.concatenate([N_SR, N_CR]), nu).sum()
    expected += 0.5 * np.sum((matrix @ x) ** 2) / smoothness**2
    assert best_fit.fun == pytest.approx(expected, abs=1e-8)
    # Smoother than without, and straight where bends cost all.
    unpenalised = np.diff((N_SR + N_CR) / (T_SR + T_CR), n=2)
    assert np.abs(np.diff(x, n=2)).max() < np.abs(unpenalised).max() * (0.9 if smoothness == 0.2 else 1e-5)


def test_a_shape_in_one_channel():
    model, shape = shape_model(channels=["CR"], upper_bound=5.0)
    at = {shape.variable: [2.0, 1.0, 1.0, 1.0, 3.0]}
    np.testing.assert_allclose(model.pred(at, channel="SR"), T_SR)
    np.testing.assert_allclose(model.pred(at, channel="CR"), T_CR * [2.0, 1.0, 1.0, 1.0, 3.0])
    assert float(shape.penalty(np.ones(5))) == 0.0

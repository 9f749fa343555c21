"""Unfolding through a profile likelihood: nuisances, Monte Carlo statistics, failures, blinding, records."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear import EDGES, make_case, make_model

from smoothfit.errors import FitError, InvalidValueError
from smoothfit.fitters import count_traces
from smoothfit.model import Model, Process, Variable
from smoothfit.unfolding import Regularisation, bottom_line_test, response_process, unfold

CASE = make_case(2000.0)
TAU = 1e-3


class Setup:
    """A model with nuisances and Monte Carlo statistics, in two channels."""

    def __init__(self):
        truth, halves = CASE.truth, {"a": CASE.folding[:6], "b": CASE.folding[6:]}
        self.mu = Variable("mu", np.ones(6), label="truth")
        lumi, shift = Variable("lumi", 0.0, nuisance=True), Variable("shift", 0.0, nuisance=True)
        events = {channel: part * truth for channel, part in halves.items()}
        sig = response_process(
            "sig", events, truth, variances={channel: 0.2 * part for channel, part in events.items()}
        )
        sig.scale_by(self.mu).add_lnN(lumi, 1.03)
        bkg = Process("bkg", CASE.background[:6], channel="a", sumw2=0.5 * CASE.background[:6])
        bkg.add_lnN(shift, 1.2)
        other = Process("other", CASE.background[6:], channel="b")
        self.model = Model().add_proc(sig).add_proc(bkg).add_proc(other).prepare()
        self.penalty = Regularisation("curvature", truth, edges=EDGES)
        self.obs = np.round(CASE.obs)


@pytest.fixture(scope="module")
def setup():
    return Setup()


@pytest.fixture(scope="module")
def result(setup):
    return unfold(setup.model, setup.mu, setup.obs, setup.penalty, tau=TAU)


@pytest.fixture(scope="module")
def scanned(setup):
    return unfold(setup.model, setup.mu, setup.obs, setup.penalty)


def nll_by_hand(values, obs):
    """The NLL less its constants, of (mu, lumi, shift, bin parameters), nothing eliminated."""
    mu, lumi, shift, x = values[:6], values[6], values[7], values[8:]
    signal = CASE.folding * CASE.truth * mu * 1.03**lumi
    in_a = jnp.arange(12) < 6
    background = CASE.background * jnp.where(in_a, 1.2**shift, 1.0)
    of_signal = 0.2 * CASE.folding * CASE.truth * (mu * 1.03**lumi) ** 2
    of_background = jnp.where(in_a, 0.5 * CASE.background * 1.2 ** (2.0 * shift), 0.0)
    error = jnp.sqrt(of_signal.sum(axis=1) + of_background)
    nu = signal.sum(axis=1) + background + x * error
    return jnp.sum(nu - obs * jnp.log(nu)) + 0.5 * (lumi**2 + shift**2 + jnp.sum(x**2))


def test_minimum_and_covariances_by_hand(setup, result):
    """Gradient and Hessian of the whole NLL, bin parameters included."""
    at = np.arange(6)
    rows = setup.penalty.matrix * CASE.truth
    gradient = np.array(jax.grad(nll_by_hand)(result.fit.x, setup.obs))
    gradient[at] += TAU**2 * rows.T @ rows @ result.fit.x[at]
    # In units of the errors.
    np.testing.assert_allclose(gradient * result.fit.errors, 0.0, atol=1e-6)
    data = np.array(jax.jit(jax.hessian(nll_by_hand))(result.fit.x, setup.obs))
    penalty = np.zeros_like(data)
    penalty[np.ix_(at, at)] = TAU**2 * rows.T @ rows
    inverse = np.linalg.inv(data + penalty)
    sandwich = inverse @ data @ inverse
    unit = CASE.truth * CASE.truth[:, None]
    np.testing.assert_allclose(result.penalised_covariance, inverse[:6, :6] * unit, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(result.sandwich_covariance, sandwich[:6, :6] * unit, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(result.penalised_errors**2, np.diagonal(result.penalised_covariance))
    assert np.all(result.errors <= result.penalised_errors)
    assert np.all(result.errors < 0.99 * result.unregularised_errors)


def test_parts_of_chi2_by_hand(setup, result):
    nu, obs = setup.model.pred(result.fit.x), setup.obs
    data = 2.0 * np.sum(nu - obs + obs * np.log(obs / nu))
    nuisances = result.fit.x[6:]
    assert len(nuisances) == 2 + 12
    residual = setup.penalty.matrix @ result.x
    assert result.chi2_data == pytest.approx(data, rel=1e-9)
    assert result.chi2_constraints == pytest.approx(np.sum(nuisances**2), rel=1e-9)
    assert result.chi2_penalty == pytest.approx(TAU**2 * residual @ residual, rel=1e-12)
    assert result.n_bins == 12


def test_the_term_in_a_model_gives_the_same_fit(result):
    other = Setup()
    before = count_traces()
    model = other.model.add_constraint(other.penalty.term(TAU), other.mu).prepare()
    fit = model.fit(other.obs)
    np.testing.assert_allclose(fit.x, result.fit.x, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(fit.hess_inv, result.fit.hess_inv, rtol=1e-7, atol=1e-10)
    # tau is an array of the term: a model with another tau, or built anew, is the same to the compiler.
    assert count_traces() == before


def test_unfolding_leaves_the_model_alone(setup, result):
    plain = setup.model.fit(setup.obs)
    np.testing.assert_allclose(result.unregularised, plain.x[:6] * CASE.truth, rtol=1e-7)
    np.testing.assert_allclose(result.unregularised_errors, plain.errors[:6] * CASE.truth, rtol=1e-7)


def test_derivative_by_tau(setup, result):
    step = 1e-4 * TAU
    around = [unfold(setup.model, setup.mu, setup.obs, setup.penalty, tau=TAU + s).x for s in (-step, step)]
    differences = (around[1] - around[0]) / (2.0 * step)
    np.testing.assert_allclose(result.dx_dtau, differences, rtol=1e-5, atol=1e-4 * np.abs(differences).max())
    np.testing.assert_allclose(result.bias, 0.5 * TAU * result.dx_dtau, rtol=1e-12)


def test_derivative_by_tau_with_a_truth_bin_at_its_limit():
    mu = Variable("mu", np.full(6, 1.1), lower_bound=[0.0, 1.02, 0.0, 0.0, 0.0, 0.0])
    sig = response_process("sig", CASE.folding, CASE.truth, probabilities=True).scale_by(mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", CASE.background)).prepare()
    penalty = Regularisation("curvature", CASE.truth, edges=EDGES)
    obs = model.pred({mu: [1.1, 0.9, 1.1, 0.9, 1.0, 1.0]})
    found = unfold(model, mu, obs, penalty, tau=TAU)
    assert found.fit.at_limit.tolist() == [False, True] + 4 * [False]
    assert "mu[1]" in found.message
    step = 1e-3 * TAU
    around = [unfold(model, mu, obs, penalty, tau=TAU + s).x for s in (-step, step)]
    differences = (around[1] - around[0]) / (2.0 * step)
    assert differences[1] == 0.0
    np.testing.assert_allclose(found.dx_dtau, differences, rtol=1e-4, atol=1e-4 * np.abs(differences).max())


def test_truth_as_factors(setup, result):
    """Of mu with rows L N, the penalty of yields is the same one."""
    penalty = Regularisation(setup.penalty.matrix * CASE.truth, CASE.truth, of="mu")
    found = unfold(setup.model, setup.mu, setup.obs, penalty, tau=TAU)
    np.testing.assert_allclose(found.x * CASE.truth, result.x, rtol=1e-9)
    np.testing.assert_allclose(found.errors * CASE.truth, result.errors, rtol=1e-8)
    np.testing.assert_array_equal(found.nominal, 1.0)


def test_scan_by_default(setup, scanned):
    scan = scanned.scan
    assert scan.success.all()
    assert np.all(np.diff(scan.tau) > 0.0)
    # A stronger penalty: a worse description, and less of what is penalised.
    assert np.all(np.diff(scan.chi2) > -1e-8)
    assert np.all(np.diff(scan.norm) < 1e-6 * scan.norm[0])
    # From no effect to no freedom: the effective number of truth bins falls from 6 to 2 straight lines.
    np.testing.assert_allclose(scan.x[0], scanned.unregularised, rtol=1e-2)
    assert scan.norm[-1] < 1e-4 * scan.norm[0]
    assert scan.curvature[scan.tau == scanned.tau] == np.nanmax(scan.curvature)


def test_held_parameters_and_globs(setup):
    found = unfold(
        setup.model,
        setup.mu,
        setup.obs,
        setup.penalty,
        tau=TAU,
        fixed={"mu[2]": 1.0, "lumi": 0.5},
        globs={"shift": 1.0},
    )
    assert found.fit["lumi"].value == 0.5
    assert found.x[2] == CASE.truth[2]
    assert found.errors[2] == found.dx_dtau[2] == 0.0
    assert np.isnan(found.global_correlation[2])
    assert np.all(np.isfinite(np.delete(found.global_correlation, 2)))
    assert found.fit["shift"].value == pytest.approx(1.0, abs=0.5)


def underdetermined():
    """Three truth bins, two reco bins."""
    truth = np.array([100.0, 80.0, 60.0])
    mu = Variable("mu", np.ones(3))
    response = [[0.6, 0.4, 0.1], [0.1, 0.4, 0.6]]
    sig = response_process("sig", response, truth, probabilities=True).scale_by(mu)
    return Model().add_proc(sig).prepare(), mu, Regularisation("curvature", truth)


def test_failed_fits_are_flagged():
    model, mu, penalty = underdetermined()
    taus = [1e-30, 1e-29, 1e-2, 1e-1, 1.0]
    found = unfold(model, mu, [110.0, 90.0], penalty, tau=0.1, taus=taus)
    assert found.scan.success.tolist() == [False, False, True, True, True]
    assert np.all(np.isnan(found.scan.x[:2]))
    assert np.all(np.isnan(found.scan.chi2[:2]))
    assert "2 of 5 fits of the scan failed" in found.message
    assert not found.unregularised_fit.success
    assert "fit failed" in repr(found)
    assert "fit failed" in repr(found.scan)
    # Two bins, two straight lines: with any penalty they are described perfectly.
    np.testing.assert_allclose(model.pred(found.fit.x), [110.0, 90.0], rtol=1e-6)


def test_failure_at_the_chosen_tau():
    model, mu, penalty = underdetermined()
    with pytest.raises(FitError, match="tau = 0") as caught:
        unfold(model, mu, [110.0, 90.0], penalty, tau=None)
    assert not caught.value.result.success
    flagged = unfold(model, mu, [110.0, 90.0], penalty, tau=None, strict=False)
    assert "INVALID" in repr(flagged)
    # The data know nothing of the one curvature that there is: every tau gives the same.
    with pytest.raises(InvalidValueError, match="no scale for tau"):
        unfold(model, mu, [110.0, 90.0], penalty)
    with pytest.raises(FitError, match="none of the 3"):
        unfold(model, mu, [110.0, 90.0], penalty, taus=[1e-30, 2e-30, 3e-30])


def test_no_extremum_is_remarked_upon(setup):
    found = unfold(
        setup.model, setup.mu, setup.obs, setup.penalty, tau="min-global-correlation", taus=[1e-9, 2e-9, 3e-9]
    )
    assert "no extremum within the scan" in found.message
    assert "Scan further" in repr(found)


def test_records(scanned, tmp_path):
    text = repr(scanned)
    for word in ("unfolded", "bias", "not regularised", "lcurve", "mu[5]"):
        assert word in text
    assert "<table>" in scanned._repr_html_()
    written = json.loads(scanned.to_json(tmp_path / "result.json"))
    assert written == json.loads((tmp_path / "result.json").read_text())
    np.testing.assert_allclose(written["x"], scanned.x)
    np.testing.assert_allclose(written["sandwich_covariance"], scanned.covariance)
    assert len(written["scan"]["tau"]) == len(scanned.scan)
    diagonal = np.diagonal(scanned.correlation)
    np.testing.assert_allclose(diagonal, 1.0)


def test_frames(scanned):
    pytest.importorskip("pandas")
    np.testing.assert_array_equal(scanned.to_pandas()["error"], scanned.errors)
    assert len(scanned.scan.to_pandas()) == len(scanned.scan)


def test_blinding(setup):
    setup.model.blind(pois=["mu"])
    try:
        hidden = unfold(setup.model, setup.mu, setup.obs, setup.penalty, tau=TAU, taus=[1e-4, 1e-3, 1e-2])
    finally:
        setup.model.unblind()
    shown = repr(hidden) + hidden.to_json() + hidden._repr_html_() + str(hidden._columns())
    assert "blinded" in shown
    for number in (*hidden.x, *hidden.errors, *hidden.unregularised, *hidden.bias):
        assert f"{number:.6g}" not in shown
        assert repr(float(number)) not in shown
    # The arrays themselves are as they are.
    assert np.all(np.isfinite(hidden.x))


def test_bottom_line_profiles_nuisances(setup, result):
    test = bottom_line_test(setup.model, result, {"nominal": CASE.truth, "fitted": result.x})
    held = setup.model.fit(setup.obs, fixed={"mu": result.fit.x[:6]})
    nu = setup.model.pred(held.x)
    data = 2.0 * np.sum(nu - setup.obs + setup.obs * np.log(setup.obs / nu))
    assert test.folded[1] == pytest.approx(data + np.sum(held.x[6:] ** 2), rel=1e-9)
    assert test.unfolded[1] == 0.0
    difference = result.x - CASE.truth
    expected = difference @ np.linalg.solve(result.covariance, difference)
    assert test.unfolded[0] == pytest.approx(expected, rel=1e-6)
    assert "hypothesis" in repr(test)
    assert test.to_dict()["passed"] == test.passed.tolist()


def test_options_do_not_change_what_was_given(setup):
    obs, taus = setup.obs.copy(), np.array([1e-4, 1e-3, 1e-2])
    unfold(setup.model, setup.mu, setup.obs, setup.penalty, tau=TAU, taus=taus)
    np.testing.assert_array_equal(obs, setup.obs)
    np.testing.assert_array_equal(taus, [1e-4, 1e-3, 1e-2])


def test_plain_model_of_one_channel_agrees_with_itself_in_dict_form():
    model, mu = make_model(CASE)
    penalty = Regularisation("derivative", CASE.truth, edges=EDGES)
    flat = unfold(model, mu, CASE.obs, penalty, tau=TAU)
    by_channel = unfold(model, mu, {"main": CASE.obs}, penalty, tau=TAU)
    np.testing.assert_array_equal(flat.x, by_channel.x)


def test_truth_bins_finer_than_the_resolution():
    """No minimum without a penalty, and still a result that is near the truth."""
    edges = np.linspace(0.0, 1.0, 17)
    centres, reco = 0.5 * (edges[1:] + edges[:-1]), (np.arange(20) + 0.5) / 20
    response = np.exp(-0.5 * ((reco[:, None] - centres) / 0.16) ** 2)
    response *= 0.8 / response.sum(axis=0)
    truth = 2e4 * np.exp(-2.0 * centres)
    mu = Variable("mu", np.ones(16))
    model = Model().add_proc(response_process("sig", response, truth, probabilities=True).scale_by(mu))
    real = 1.0 + 0.2 * np.sin(6.0 * centres)
    obs = np.random.default_rng(0).poisson(response @ (real * truth)).astype(float)
    found = unfold(model.prepare(), mu, obs, Regularisation("curvature", truth, edges=edges))
    assert not found.unregularised_fit.success
    assert "fit failed" in repr(found)
    np.testing.assert_allclose(found.x / truth, real, atol=0.1)
    # What is described is described well: chi2 of 20 bins is above 45.3 once in a thousand.
    assert found.chi2_data < 45.3

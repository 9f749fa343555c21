"""With the Gaussian data term: a linear unfolding to 1e-6, and nothing of Poisson in it."""

from __future__ import annotations

import numpy as np
import pytest
from linear import EDGES, global_correlations, make_case, make_model, spline_curvature, unfold_linear

from smoothfit.unfolding import Regularisation, bottom_line_test, unfold

# Few events: with the Poisson term the result would differ by a good part of its error.
CASE = make_case(300.0)
RNG = np.random.default_rng(5)
VARIANCES = CASE.obs * RNG.uniform(0.8, 2.0, len(CASE.obs))


@pytest.fixture(scope="module")
def model_and_mu():
    model, mu = make_model(CASE)
    return model.set_data_term("gaussian", variances=VARIANCES).prepare(), mu


def scale(covariance):
    errors = np.sqrt(np.diagonal(covariance))
    return errors, errors[:, None] * errors


@pytest.mark.parametrize("operator", ["size", "derivative", "curvature"])
@pytest.mark.parametrize("bias", [None, "truth"])
def test_result_and_covariance(model_and_mu, operator, bias):
    penalty = Regularisation(operator, CASE.truth, edges=EDGES, bias=bias, bias_factor=0.9)
    target = np.zeros(6) if bias is None else 0.9 * CASE.truth
    tau = 4e-3
    result = unfold(*model_and_mu, CASE.obs, penalty, tau=tau)
    expected = unfold_linear(CASE, penalty.matrix, target, tau, VARIANCES)
    errors, unit = scale(expected.propagated)
    assert np.max(np.abs(result.x - result.unregularised) / errors) > 0.3
    np.testing.assert_allclose((result.x - expected.x) / errors, 0.0, atol=1e-6)
    np.testing.assert_allclose(result.sandwich_covariance / unit, expected.propagated / unit, atol=1e-6)
    np.testing.assert_allclose(result.penalised_covariance / unit, expected.inverse_hessian / unit, atol=1e-6)
    np.testing.assert_allclose(result.global_correlation, global_correlations(expected.propagated), atol=1e-6)
    assert result.chi2_data == pytest.approx(expected.chi2, rel=1e-6)
    assert result.chi2_penalty == pytest.approx(tau**2 * expected.norm, rel=1e-6)
    free = unfold_linear(CASE, penalty.matrix, target, 0.0, VARIANCES)
    np.testing.assert_allclose((result.unregularised - free.x) / errors, 0.0, atol=1e-6)
    np.testing.assert_allclose(result.unregularised_covariance / unit, free.propagated / unit, atol=1e-5)
    asimov = CASE._replace(obs=CASE.folding @ result.x + CASE.background)
    bias_expected = unfold_linear(asimov, penalty.matrix, target, tau, VARIANCES).x - result.x
    np.testing.assert_allclose(result.bias / errors, bias_expected / errors, atol=1e-6)


def test_lcurve(model_and_mu):
    penalty = Regularisation("curvature", CASE.truth, edges=EDGES, bias="truth")
    taus = np.geomspace(1e-3, 1.0, 40)
    coarse, fine = np.geomspace(1e-3, 1.0, 300), np.geomspace(1e-3, 1.0, 4000)
    results = [unfold_linear(CASE, penalty.matrix, CASE.truth, tau, VARIANCES) for tau in coarse]
    by_spline = spline_curvature(coarse, results, fine)
    inner = 1 + np.flatnonzero((by_spline[1:-1] > by_spline[:-2]) & (by_spline[1:-1] >= by_spline[2:]))
    expected = fine[inner[np.argmax(by_spline[inner])]]
    result = unfold(*model_and_mu, CASE.obs, penalty, taus=taus)
    assert np.log(result.tau) == pytest.approx(np.log(expected), abs=4e-3)
    scanned = result.scan.curvature[np.isin(result.scan.tau, taus)]
    by_spline = spline_curvature(coarse, results, taus)
    np.testing.assert_allclose(scanned[2:-2], by_spline[2:-2], atol=1e-4)


def test_bottom_line(model_and_mu):
    model, mu = model_and_mu
    penalty = Regularisation("curvature", CASE.truth, edges=EDGES)
    result = unfold(model, mu, CASE.obs, penalty, tau=None)
    test = bottom_line_test(model, result, {"nominal": CASE.truth}, tolerance=1e-9)
    residual = CASE.obs - CASE.background - CASE.folding @ CASE.truth
    folded = np.sum(residual**2 / VARIANCES)
    rest = unfold_linear(CASE, penalty.matrix, CASE.truth, 0.0, VARIANCES).chi2
    np.testing.assert_allclose(test.folded, folded, rtol=1e-8)
    np.testing.assert_allclose(test.unfolded, folded - rest, rtol=1e-6)
    assert test.passed.all()

"""Against a linear unfolding in numpy: with 10^12 events a bin Poisson and Gauss agree to 1e-5 errors."""

from __future__ import annotations

import numpy as np
import pytest
from linear import EDGES, global_correlations, make_case, make_model, spline_curvature, unfold_linear

from smoothfit.fitters import count_traces
from smoothfit.unfolding import Regularisation, bottom_line_test, unfold

CASE = make_case(1e12)
TAUS = np.geomspace(1e-8, 3e-6, 40)
OPERATORS = ("size", "derivative", "curvature")


@pytest.fixture(scope="module")
def model_and_mu():
    return make_model(CASE)


def regularisation(operator):
    return Regularisation(operator, CASE.truth, edges=EDGES, bias="truth")


def reference(penalty, tau):
    return unfold_linear(CASE, penalty.matrix, CASE.truth, tau, CASE.obs)


@pytest.mark.parametrize("operator", OPERATORS)
def test_result_and_covariances(model_and_mu, operator):
    penalty = regularisation(operator)
    tau = 3e-8
    result = unfold(*model_and_mu, CASE.obs, penalty, tau=tau)
    expected = reference(penalty, tau)
    errors = np.sqrt(np.diagonal(expected.propagated))
    # The penalty matters: it moves the result by more than what is tested.
    assert np.max(np.abs(result.x - result.unregularised) / errors) > 1.0
    np.testing.assert_allclose((result.x - expected.x) / errors, 0.0, atol=1e-5)
    scale = errors[:, None] * errors
    # The Hessian of a Poisson term has d/nu^2 where the linear one has 1/d: pulls of 10 in 10^6 errors.
    np.testing.assert_allclose(result.sandwich_covariance / scale, expected.propagated / scale, atol=1e-4)
    np.testing.assert_allclose(
        result.penalised_covariance / scale, expected.inverse_hessian / scale, atol=1e-4
    )
    np.testing.assert_allclose(result.global_correlation, global_correlations(expected.propagated), atol=1e-3)
    assert result.chi2_data == pytest.approx(expected.chi2, rel=1e-4)
    assert result.chi2_constraints == pytest.approx(0.0, abs=1e-9)
    assert result.chi2_penalty == pytest.approx(tau**2 * expected.norm, rel=1e-4)
    free = reference(penalty, 0.0)
    free_errors = np.sqrt(np.diagonal(free.propagated))
    np.testing.assert_allclose((result.unregularised - free.x) / free_errors, 0.0, atol=1e-5)
    np.testing.assert_allclose(result.unregularised_errors, free_errors, rtol=1e-4)


def test_bias_is_what_the_penalty_does_to_expected_data(model_and_mu):
    penalty = regularisation("curvature")
    result = unfold(*model_and_mu, CASE.obs, penalty, tau=1e-7)
    asimov = CASE._replace(obs=CASE.folding @ result.x + CASE.background)
    expected = unfold_linear(asimov, penalty.matrix, CASE.truth, 1e-7, asimov.obs).x - result.x
    assert np.max(np.abs(expected / result.errors)) > 0.1
    np.testing.assert_allclose(result.bias / result.errors, expected / result.errors, atol=1e-4)


def interior_maximum(values):
    """Position of the highest local maximum."""
    inner = 1 + np.flatnonzero((values[1:-1] > values[:-2]) & (values[1:-1] >= values[2:]))
    return inner[np.argmax(values[inner])]


# In a fine scan of their own, criteria have their extrema where the scan and its refinement say.
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("criterion", ["lcurve", "min-global-correlation", "max-global-correlation"])
def test_choice_of_tau(model_and_mu, operator, criterion):
    penalty = regularisation(operator)
    fine = np.geomspace(TAUS[0], TAUS[-1], 4000)
    if criterion == "lcurve":
        coarse = np.geomspace(TAUS[0], TAUS[-1], 300)
        merit = spline_curvature(coarse, [reference(penalty, tau) for tau in coarse], fine)
    else:
        over_bins = np.mean if criterion.startswith("min") else np.max
        results = [reference(penalty, tau) for tau in fine]
        merit = np.array([-over_bins(global_correlations(r.propagated)) for r in results])
    expected = fine[interior_maximum(merit)]
    result = unfold(*model_and_mu, CASE.obs, penalty, tau=criterion, taus=TAUS)
    # Twice the fine scan's spacing and the search's end: 1.4e-3 and 1e-3 of log(tau).
    assert np.log(result.tau) == pytest.approx(np.log(expected), abs=4e-3)
    assert result.criterion == criterion
    assert np.all(result.scan.success)
    assert set(TAUS) | {result.tau} <= set(result.scan.tau)


def test_scan_against_the_reference(model_and_mu):
    penalty = regularisation("curvature")
    scan = unfold(*model_and_mu, CASE.obs, penalty, tau=1e-7, taus=TAUS).scan
    results = [reference(penalty, tau) for tau in TAUS]
    errors = np.sqrt([np.diagonal(r.propagated) for r in results])
    # Up to where the penalty makes pulls of tens of errors: their cubes over 10^6 are seen.
    soft = np.array([r.chi2 for r in results]) < 1.5 * results[0].chi2
    assert soft.sum() > 10
    np.testing.assert_allclose(((scan.x - [r.x for r in results]) / errors)[soft], 0.0, atol=1e-5)
    np.testing.assert_allclose(scan.errors, errors, rtol=1e-4)
    np.testing.assert_allclose(scan.chi2, [r.chi2 for r in results], rtol=1e-4)
    np.testing.assert_allclose(scan.norm, [r.norm for r in results], rtol=1e-3)
    coarse = np.geomspace(TAUS[0], TAUS[-1], 300)
    by_spline = spline_curvature(coarse, [reference(penalty, tau) for tau in coarse], TAUS)
    np.testing.assert_allclose(scan.curvature[2:-2], by_spline[2:-2], atol=1e-3)


def test_a_scan_compiles_once(model_and_mu):
    penalty = regularisation("curvature")
    unfold(*model_and_mu, CASE.obs, penalty, tau=1e-7)
    before = count_traces()
    unfold(*model_and_mu, CASE.obs, penalty, taus=TAUS)
    unfold(*model_and_mu, CASE.obs, penalty, taus=TAUS[::2], tau="max-global-correlation")
    assert count_traces() == before


def test_bottom_line_of_a_linear_problem(model_and_mu):
    model, mu = model_and_mu
    penalty = regularisation("curvature")
    hypotheses = {"nominal": CASE.truth, "flat": np.full(6, CASE.truth.mean())}
    hypotheses["flat"] = CASE.truth + 3e-5 * (hypotheses["flat"] - CASE.truth)
    free = unfold(model, mu, CASE.obs, penalty, tau=None)
    test = bottom_line_test(model, free, hypotheses)
    residuals = np.array([CASE.obs - CASE.background - CASE.folding @ x for x in hypotheses.values()])
    folded = np.sum(residuals**2 / CASE.obs, axis=1)
    np.testing.assert_allclose(test.folded, folded, rtol=1e-3)
    # Without a penalty: less by the chi2 that no truth can remove.
    np.testing.assert_allclose(test.unfolded, folded - reference(penalty, 0.0).chi2, rtol=1e-3)
    assert np.all(test.passed)
    assert (test.folded_ndof, test.unfolded_ndof) == (12, 6)
    # Errors that count the penalty as information tell hypotheses apart that the data do not.
    strong = unfold(model, mu, CASE.obs, penalty, tau=3e-6)
    assert not np.all(bottom_line_test(model, strong, hypotheses).passed)

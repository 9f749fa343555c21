"""chi2 with the covariance of the prediction: closed forms of linear models, and distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from smoothfit.errors import InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
from smoothfit.model import Model, Process, Variable

N_A = np.array([100.0, 80.0, 60.0])
N_B = np.array([40.0, 70.0])
UP_A, UP_B = np.array([6.0, -2.0, 3.0]), np.array([5.0, 4.0])
"""Shifts by one standard deviation."""
T_A, T_B = np.array([2.0, 7.0, -4.0]), np.array([-3.0, 2.0])
V_A, V_B = np.array([90.0, 70.0, 65.0]), np.array([50.0, 60.0])
RHO = 0.3


def linear(masked=(), *, gaussian=True, sumw2=None):
    """Two channels, linear in a free mu and two correlated nuisances; Gaussian data unless told."""
    mu, a, b = Variable("mu", 1.0), Variable("a", 0.0, nuisance=True), Variable("b", 0.0, nuisance=True)
    model = Model()
    for name, n, up, tilt in (("A", N_A, UP_A, T_A), ("B", N_B, UP_B, T_B)):
        model.add_proc(Process(f"sig_{name}", 0.3 * n, channel=name).scale_by(mu))
        bkg = Process(f"bkg_{name}", 0.7 * n, channel=name, sumw2=sumw2 and np.full(len(n), sumw2))
        bkg.add_shape(a, 0.7 * n + up, 0.7 * n - up, kind="raw")
        model.add_proc(bkg.add_shape(b, 0.7 * n + tilt, 0.7 * n - tilt, kind="raw"))
    model.correlate_nuisances(a, b, RHO)
    if gaussian:
        model.set_data_term("gaussian", {"A": V_A, "B": V_B})
    return model.mask_channels(*masked).prepare()


OBS = np.array([111.0, 74.0, 52.0, 49.0, 66.0])
NU = np.concatenate([N_A, N_B])
SHIFTS = np.array([np.concatenate([UP_A, UP_B]), np.concatenate([T_A, T_B])]).T
W = np.array([[1.0, RHO], [RHO, 1.0]])


def test_before_a_fit_covariances_add_up():
    model = linear()
    covariance = np.diag(np.concatenate([V_A, V_B])) + SHIFTS @ W @ SHIFTS.T
    found = model.chi2({}, OBS)
    r = OBS - NU
    assert found.value == pytest.approx(r @ np.linalg.solve(covariance, r), rel=1e-9)
    assert found.ndof == 5
    assert found.p_value == pytest.approx(stats.chi2.sf(found.value, 5), abs=1e-12)
    at_b = slice(3, 5)
    of_b = r[at_b] @ np.linalg.solve(covariance[at_b, at_b], r[at_b])
    assert found.channel_values[1] == pytest.approx(of_b, rel=1e-9)
    assert found.channel_ndof.tolist() == [3, 2]
    only = model.chi2({}, OBS, channels=["B"])
    assert (only.value, only.channels) == (found.channel_values[1], ("B",))
    moved = model.chi2({"mu": 1.2}, OBS)
    r = OBS - NU * 1.06
    assert moved.value == pytest.approx(r @ np.linalg.solve(covariance, r), rel=1e-9)


def test_before_a_fit_with_poisson_data_and_bin_parameters():
    model = linear(gaussian=False, sumw2=9.0)
    covariance = np.diag(NU + 9.0) + SHIFTS @ W @ SHIFTS.T
    r = OBS - NU
    assert model.chi2({}, OBS).value == pytest.approx(r @ np.linalg.solve(covariance, r), rel=1e-9)
    held = model.chi2(model.fit(OBS, fixed={"mu": 1.0, "a": 0.0, "b": 0.0, ".*bin.*": 0.0}))
    assert held.value == pytest.approx(np.sum(r**2 / NU), rel=1e-9)


def estimate(obs, covariance, prior):
    """Generalised least squares of (mu, a, b) by all bins with this inverse covariance of theirs."""
    slopes = np.column_stack([0.3 * NU, SHIFTS])
    inverse = np.diag(covariance)
    information = slopes.T @ inverse @ slopes + prior
    at = np.linalg.solve(information, slopes.T @ inverse @ (obs - 0.7 * NU))
    return 0.7 * NU + slopes @ at, slopes @ np.linalg.solve(information, slopes.T), at


PRIOR = np.zeros((3, 3))
PRIOR[1:, 1:] = np.linalg.inv(W)


def test_after_a_fit_the_prediction_follows_the_data():
    model = linear()
    v = np.concatenate([V_A, V_B])
    nu, of_prediction, at = estimate(OBS, 1.0 / v, PRIOR)
    best_fit = model.fit(OBS)
    assert best_fit.x == pytest.approx(at, rel=1e-6)
    r = OBS - nu
    for found, covariance, ndof in (
        (model.chi2(best_fit), np.diag(v) - of_prediction, 4),
        (model.chi2(best_fit, independent=True), np.diag(v) + of_prediction, 5),
    ):
        assert found.value == pytest.approx(r @ np.linalg.pinv(covariance, rcond=1e-9) @ r, rel=1e-6)
        assert found.ndof == ndof
        for i, part in enumerate((slice(0, 3), slice(3, 5))):
            own = r[part] @ np.linalg.pinv(covariance[part, part], rcond=1e-9) @ r[part]
            assert found.channel_values[i] == pytest.approx(own, rel=1e-6)
    # Of all bins: residuals and pulls, that is twice the NLL.
    saturated = model.goodness_of_fit(OBS, toys=0)
    assert model.chi2(best_fit).value == pytest.approx(saturated.observed, rel=1e-7)
    assert model.chi2(best_fit).ndof == saturated.ndof


def test_channels_that_the_fit_did_not_see_are_independent_of_it():
    model = linear(masked=["B"])
    weights = np.concatenate([1.0 / V_A, np.zeros(2)])
    nu, of_prediction, _ = estimate(OBS, weights, PRIOR)
    best_fit = model.fit(OBS)
    r, at_b = (OBS - nu)[3:], slice(3, 5)
    covariance = np.diag(V_B) + of_prediction[at_b, at_b]
    found = model.chi2(best_fit, channels="B")
    assert found.value == pytest.approx(r @ np.linalg.solve(covariance, r), rel=1e-6)
    both = model.chi2(best_fit, channels=["A", "B"])
    # Residuals of what was fitted, and of what was not, are uncorrelated.
    assert both.value == pytest.approx(model.chi2(best_fit).value + found.value, rel=1e-9)
    assert (model.chi2(best_fit).channels, both.ndof) == (("A",), 4)


def test_it_is_distributed_as_chi2():
    model = linear()
    rng = np.random.default_rng(2)
    fits, before, apart = [], [], []
    for _ in range(300):
        a, b = np.linalg.cholesky(W) @ rng.standard_normal(2)
        truth = NU + SHIFTS @ [a, b]
        obs = rng.normal(truth, np.sqrt(np.concatenate([V_A, V_B])))
        before.append(model.chi2({}, obs).p_value)
        best_fit = model.fit(obs)
        fits.append(model.chi2(best_fit).p_value)
        apart.append(model.chi2(best_fit, channels=["B"]).p_value)
    for p in (before, fits, apart):
        assert stats.kstest(p, "uniform").pvalue > 1e-4


def test_poisson_data_after_a_fit_are_pearsons_sum_and_the_pulls():
    model = linear(gaussian=False, sumw2=16.0)
    best_fit = model.fit(OBS)
    nu = model.pred(best_fit.x)
    pulls = best_fit.x[1:3] @ np.linalg.solve(W, best_fit.x[1:3]) + np.sum(best_fit.x[3:] ** 2)
    found = model.chi2(best_fit)
    # To the order in which the likelihood is a parabola.
    assert found.value == pytest.approx(np.sum((OBS - nu) ** 2 / nu) + pulls, rel=0.01)
    assert found.ndof == 4


def test_parameters_at_a_limit_do_not_follow_the_data():
    mu = Variable("mu", 1.0, lower_bound=0.0)
    sig = Process("sig", [5.0, 10.0]).scale_by(mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", [50.0, 40.0])).prepare()
    best_fit = model.fit([48.0, 30.0])
    assert best_fit.at_limit.all()
    found = model.chi2(best_fit)
    assert (found.value, found.ndof) == (pytest.approx(4.0 / 50.0 + 100.0 / 40.0), 2)


def test_bins_in_which_nothing_is_expected():
    model = Model().add_proc(Process("bkg", [50.0, 0.0])).prepare()
    without, seen = model.chi2({}, [55.0, 0.0]), model.chi2({}, [55.0, 1.0])
    assert (without.value, without.ndof) == (pytest.approx(0.5), 1)
    assert (seen.value, seen.p_value) == (np.inf, 0.0)
    assert "nothing is expected in 1 bin" in repr(without)


def test_records_and_blinding():
    model = linear()
    found = model.chi2({}, OBS)
    content = found.to_dict()
    assert content["channels"]["A"]["chi2"] == found.channel_values[0]
    assert content["p_value"] == found.p_value
    hidden = model.blind(channels="A").chi2({}, OBS)
    shown = repr(hidden) + hidden.to_json() + hidden._repr_html_()
    for secret in (found.value, found.p_value, found.channel_values[0]):
        assert f"{secret:.4g}" not in shown
    assert f"{found.channel_values[1]:.6g}" in shown


def test_bad_input():
    model = linear()
    best_fit = model.fit(OBS)
    with pytest.raises(InvalidValueError, match="chi2: values know no data; give obs, or a fit"):
        model.chi2({})
    with pytest.raises(InvalidValueError, match="best_fit was made with other data"):
        model.chi2(best_fit, OBS + 1.0)
    assert model.chi2(best_fit, OBS + 1.0, independent=True).value > 0.0
    with pytest.raises(UnknownNameError, match="chi2: no channel is named 'C'; they are: A, B"):
        model.chi2({}, OBS, channels=["C"])
    with pytest.raises(ShapeMismatchError, match="chi2: channels is empty"):
        model.chi2({}, OBS, channels=[])
    with pytest.raises(InvalidTypeError, match="chi2: independent must be True or False"):
        model.chi2({}, OBS, independent="yes")
    wide = Model().add_proc(Process("bkg", np.full(20_000, 5.0))).prepare()
    with pytest.raises(InvalidValueError, match="matrices of 20000 bins by 20000 would take more than 1 GiB"):
        wide.chi2({}, np.full(20_000, 5.0))

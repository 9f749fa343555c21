"""Upper limits, two-sided ones and significances against closed forms."""

from __future__ import annotations

import json

import numpy as np
import pytest
from closed_forms import (
    ERROR,
    ON_S,
    TAU,
    SidebandTest,
    count_for,
    gaussian,
    gaussian_limit,
    li_ma,
    sideband,
)
from scipy.optimize import brentq
from scipy.stats import norm

from smoothfit.errors import AsymptoticWarning
from smoothfit.model import Model, Process, Variable

N = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])


@pytest.fixture(scope="module")
def counts():
    return sideband()


@pytest.fixture(scope="module")
def gauss():
    return gaussian()


@pytest.mark.parametrize("data", [(14.0, 25.0), (6.0, 31.0), (31.0, 20.0)])
def test_limits_of_counts(counts, data):
    found, expected = counts.upper_limit("mu", data), SidebandTest(*data)
    assert found.observed == pytest.approx(expected.limit(), rel=1e-7)
    np.testing.assert_allclose(found.expected, [expected.expected(n) for n in N], rtol=1e-7)
    assert found.status == "found"
    assert set(found.expected_status) == {"found"}
    # At the limit the test gives 5%; and what was tested on the way is what hypotest says.
    assert counts.hypotest("mu", found.observed, data).cls == pytest.approx(0.05, abs=1e-8)
    for value, p in zip(found.points, found.p_values, strict=True):
        if np.isfinite(p) and value > expected.best:
            assert p == pytest.approx(expected.cls(value), abs=1e-7)
    at_last = [expected.expected_cls(found.points[-1], n) for n in N]
    np.testing.assert_allclose(found.expected_p_values[-1], at_last, atol=1e-8)


@pytest.mark.parametrize("best", [-0.6, 0.0, 0.3, 4.0])
@pytest.mark.parametrize("cl", [0.68, 0.9, 0.999])
def test_limits_of_a_gaussian(gauss, best, cl):
    for statistic in ("q", "qtilde"):
        found = gauss.upper_limit("mu", count_for(best), cl=cl, statistic=statistic)
        assert found.observed == pytest.approx(gaussian_limit(best, 1.0 - cl), rel=1e-6)
        expected = [gaussian_limit(0.0, 1.0 - cl, n_sigma=n) for n in N]
        np.testing.assert_allclose(found.expected, expected, rtol=1e-6)


def test_limits_by_the_p_value_may_be_negative(gauss):
    found = gauss.upper_limit("mu", count_for(-1.9), rule="clsb", statistic="q")
    assert found.observed == pytest.approx(gaussian_limit(-1.9, 0.05, "clsb"), rel=1e-6)
    assert found.observed < 0.0
    expected = [gaussian_limit(0.0, 0.05, "clsb", n) for n in N]
    np.testing.assert_allclose(found.expected, expected, rtol=1e-6)
    # qtilde does not go there, and says so.
    tilde = gauss.upper_limit("mu", count_for(-1.9), rule="clsb")
    assert (tilde.status, np.isnan(tilde.observed)) == ("all excluded", True)
    assert tilde.expected_status == ("all excluded", "found", "found", "found", "found")


def test_quantiles_are_those_of_combine(gauss):
    quantiles = (0.025, 0.16, 0.5, 0.84, 0.975)
    found = gauss.upper_limit("mu", count_for(0.2), quantiles=quantiles)
    expected = [gaussian_limit(0.0, 0.05, n_sigma=n) for n in norm.ppf(quantiles)]
    np.testing.assert_allclose(found.expected, expected, rtol=1e-6)
    np.testing.assert_allclose(found.n_sigma, norm.ppf(quantiles))
    assert "-1.96 sigma" in repr(found)
    assert len(gauss.upper_limit("mu", count_for(0.2), quantiles=[0.5]).expected) == 1


def test_the_upper_end_of_two_sided_statistics(gauss):
    found = gauss.upper_limit("mu", count_for(0.3), statistic="t", rule="clsb")
    assert found.observed == pytest.approx(0.3 + ERROR * norm.isf(0.025), rel=1e-7)
    expected = ERROR * (N + norm.isf(0.025))
    np.testing.assert_allclose(found.expected[1:], expected[1:], rtol=1e-7)
    # Data two errors low exclude 0 and all above.
    assert found.expected_status[0] == "all excluded"


def test_limits_beyond_the_bounds_are_not_there():
    model = gaussian(0.0, 1.1)
    found = model.upper_limit("mu", count_for(0.9))
    assert (found.status, np.isnan(found.observed)) == ("not reached", True)
    assert not found.success
    assert found.expected_status == ("found", "found", "found", "not reached", "not reached")
    assert found.expected[2] == pytest.approx(gaussian_limit(0.0, 0.05, n_sigma=0.0), rel=1e-6)
    assert np.isnan(found.expected[3:]).all()
    assert "not reached" in repr(found)
    assert json.loads(found.to_json())["observed"] is None


def test_the_range_of_the_search(gauss):
    data = count_for(0.3)
    inside = gauss.upper_limit("mu", data, range=(0.0, 2.0))
    assert inside.observed == pytest.approx(gaussian_limit(0.3, 0.05), rel=1e-6)
    assert inside.points.max() <= 2.0
    assert gauss.upper_limit("mu", data, range=(0.0, 0.5)).status == "not reached"
    assert gauss.upper_limit("mu", data, range=(5.0, 9.0)).status == "all excluded"


def test_points_for_a_picture(gauss):
    data = count_for(0.3)
    given = gauss.upper_limit("mu", data, points=[0.25, 2.5])
    assert {0.25, 2.5} <= set(given.points)
    p = dict(zip(given.points, given.p_values, strict=True))
    for value in (0.25, 2.5):
        root, a = max(value - 0.3, 0.0) / ERROR, value / ERROR
        assert p[value] == pytest.approx(norm.sf(root) / norm.cdf(a - root), rel=1e-6)
    many = gauss.upper_limit("mu", data, points=7)
    assert np.isfinite(many.p_values).sum() >= 7
    assert many.points.max() == pytest.approx(1.25 * many.expected[-1])
    assert many.observed == given.observed


def test_other_pois_are_profiled_or_fixed():
    """Two signals in two bins with Gaussian errors: the other one is fitted, or known."""
    a, b = Variable("a", 1.0), Variable("b", 1.0)
    matrix, errors = np.array([[10.0, 4.0], [3.0, 8.0]]), np.array([4.0, 3.0])
    model = Model().add_proc(Process("A", matrix[:, 0]).scale_by(a))
    model = (
        model.add_proc(Process("B", matrix[:, 1]).scale_by(b)).set_data_term("gaussian", errors**2).prepare()
    )
    obs = np.array([9.0, 11.0])
    weight = matrix / errors[:, None]
    covariance = np.linalg.inv(weight.T @ weight)
    best, error = (covariance @ weight.T @ (obs / errors))[0], np.sqrt(covariance[0, 0])
    found = model.upper_limit(a, obs, statistic="q")
    assert found.observed == pytest.approx(best + error * norm.isf(0.05 * norm.cdf(best / error)), rel=1e-6)
    alone = 1.0 / np.sqrt(np.sum(weight[:, 0] ** 2))
    at = alone**2 * np.sum(weight[:, 0] * (obs - 0.7 * matrix[:, 1]) / errors)
    held = model.upper_limit(a, obs, statistic="q", fixed={b: 0.7})
    assert held.observed == pytest.approx(at + alone * norm.isf(0.05 * norm.cdf(at / alone)), rel=1e-6)


def test_a_parameter_without_effect():
    mu, k = Variable("mu", 1.0, lower_bound=0.0, upper_bound=5.0), Variable("k", 1.0)
    model = Model().add_proc(Process("sig", [0.0, 0.0]).scale_by(mu))
    model = model.add_proc(Process("bkg", [50.0, 60.0]).scale_by(k)).prepare()
    found = model.upper_limit(mu, [52.0, 57.0])
    assert found.status == "no effect"
    assert set(found.expected_status) == {"no effect"}
    assert np.isnan([found.observed, *found.expected]).all()
    assert "'mu': it has no effect" in repr(found)
    interval = model.two_sided_limit(mu, [52.0, 57.0])
    assert (interval.status_lower, interval.status_upper) == ("no effect", "no effect")
    assert np.isnan(model.significance(mu, [52.0, 57.0]).observed)
    assert np.isnan(model.hypotest(mu, 1.0, [52.0, 57.0]).cls)


def test_two_crossings_are_told():
    """A yield that falls again for large values: what is excluded in between comes back."""
    mu = Variable("mu", 0.5, lower_bound=0.0, upper_bound=4.0)
    sig = Process("sig", [60.0]).scale_by_fn(lambda x: x[0] * (4.0 - x[0]) / 4.0, mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", [100.0])).prepare()
    with pytest.warns(AsymptoticWarning, match="p-value rises again"):
        found = model.upper_limit(mu, [100.0], points=[3.95])
    height = found.observed * (4.0 - found.observed) / 4.0 * 60.0
    plain = Model().add_proc(Process("sig", [1.0]).scale_by(s := Variable("s", 1.0, lower_bound=0.0)))
    plain = plain.add_proc(Process("bkg", [100.0])).prepare()
    assert height == pytest.approx(plain.upper_limit(s, [100.0]).observed, rel=1e-6)


# -- two-sided ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cl", [0.6826894921370859, 0.95])
def test_intervals_of_a_gaussian(gauss, cl):
    found = gauss.two_sided_limit("mu", count_for(0.7), cl=cl)
    half = ERROR * norm.isf(0.5 * (1.0 - cl))
    assert (found.lower, found.upper) == (
        pytest.approx(0.7 - half, abs=1e-6),
        pytest.approx(0.7 + half, abs=1e-6),
    )
    assert (found.status_lower, found.status_upper) == ("found", "found")


def test_intervals_are_minos_bounds(counts):
    data = [19.0, 25.0]
    best_fit = counts.fit(data)
    up, down, _, _ = counts.minos_bounds("mu", best_fit, cl=0.8)
    found = counts.two_sided_limit("mu", data, cl=0.8, best_fit=best_fit)
    assert (found.lower, found.upper) == (pytest.approx(down, rel=1e-6), pytest.approx(up, rel=1e-6))


def test_intervals_that_end_at_a_bound(counts):
    found = counts.two_sided_limit("mu", [11.0, 25.0])
    assert (found.lower, found.status_lower, found.status_upper) == (0.0, "at limit", "found")
    assert found.success
    short = counts.two_sided_limit("mu", [19.0, 25.0], range=(0.9, 1.3))
    assert (short.lower, short.upper) == (0.9, 1.3)
    assert (short.status_lower, short.status_upper) == ("at limit", "at limit")


@pytest.mark.parametrize("best", [-0.4, 0.2, 1.5])
def test_intervals_of_ttilde(gauss, best):
    """Its p-value from the Gaussian estimate: estimates below and above with the same statistic."""

    def p_value(mu):
        value = (mu**2 - 2.0 * mu * best if best < 0.0 else (mu - best) ** 2) / ERROR**2
        root, a = np.sqrt(value), mu / ERROR
        below = norm.sf(root) if root <= a else norm.sf((value + a**2) / (2.0 * a))
        return norm.sf(root) + below

    found = gauss.two_sided_limit("mu", count_for(best), cl=0.9, statistic="ttilde")
    assert found.upper == pytest.approx(brentq(lambda x: p_value(x) - 0.1, max(best, 0.01), 9.0), rel=1e-6)
    if best == 1.5:
        lower = brentq(lambda x: p_value(x) - 0.1, 1e-6, best)
        assert (found.lower, found.status_lower) == (pytest.approx(lower, rel=1e-6), "found")
    else:
        assert (found.lower, found.status_lower) == (0.0, "at limit")


def test_intervals_by_cls_are_wider(gauss):
    plain = gauss.two_sided_limit("mu", count_for(0.4), statistic="ttilde")
    wide = gauss.two_sided_limit("mu", count_for(0.4), statistic="ttilde", rule="cls")
    assert wide.upper > plain.upper
    found = gauss.hypotest("mu", wide.upper, count_for(0.4), statistic="ttilde")
    assert found.cls == pytest.approx(0.05, rel=1e-6)


# -- significances ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [(19.0, 25.0), (31.0, 20.0)])
def test_significances_of_li_and_ma(counts, data):
    found = counts.significance("mu", data)
    assert found.observed == pytest.approx(li_ma(*data), abs=1e-7)
    assert found.p_value == pytest.approx(norm.sf(li_ma(*data)))
    assert found.q0 == pytest.approx(li_ma(*data) ** 2)
    # Of Asimov data with the signal: mu = 1 takes the background to where both counts want it.
    b = brentq(lambda b: 1.0 + TAU - data[0] / (ON_S + b) - data[1] / b, 0.1, 90.0, xtol=1e-13)
    expected = li_ma(ON_S + b, TAU * b)
    np.testing.assert_allclose(found.expected, np.maximum(expected + N, 0.0), atol=1e-7)


def test_the_expected_significance_of_a_counting_experiment():
    """sqrt(2 ((s + b) log(1 + s/b) - s)), arXiv:1007.1727 eq. 97."""
    mu = Variable("mu", 1.0, lower_bound=0.0)
    model = Model().add_proc(Process("sig", [12.0]).scale_by(mu)).add_proc(Process("bkg", [50.0])).prepare()

    def formula(s, b):
        return np.sqrt(2.0 * ((s + b) * np.log1p(s / b) - s))

    assert model.significance(mu, [55.0]).expected[2] == pytest.approx(formula(12.0, 50.0), abs=1e-9)
    twice = model.significance(mu, [55.0], expected_signal=2.0)
    assert twice.expected[2] == pytest.approx(formula(24.0, 50.0), abs=1e-9)
    np.testing.assert_allclose(twice.expected_p_values, norm.sf(twice.expected))
    # The observed one is the same formula with s = n - b.
    assert model.significance(mu, [60.0]).observed == pytest.approx(formula(10.0, 50.0), abs=1e-9)


def test_deficits(gauss):
    capped = gauss.significance("mu", count_for(-0.6))
    assert (capped.observed, capped.q0, capped.p_value) == (0.0, 0.0, 0.5)
    signed = gauss.significance("mu", count_for(-0.6), uncapped=True)
    assert signed.observed == pytest.approx(-0.6 / ERROR)
    assert signed.p_value == pytest.approx(norm.cdf(0.6 / ERROR))
    np.testing.assert_allclose(signed.expected, 1.0 / ERROR + N)


def test_no_expected_significance_outside_the_bounds():
    found = gaussian(0.0, 0.6).significance("mu", count_for(0.5))
    assert found.observed == pytest.approx(0.5 / ERROR)
    assert np.isnan(found.expected).all()
    assert "'mu' = 1 is outside its bounds" in found.messages[0]


def test_frames_and_json(gauss):
    data = count_for(0.7)
    limit, interval, found = (
        ask("mu", data) for ask in (gauss.upper_limit, gauss.two_sided_limit, gauss.significance)
    )
    assert limit.to_pandas()["limit"].tolist() == [limit.observed, *limit.expected]
    assert json.loads(limit.to_json())["expected"] == limit.expected.tolist()
    assert interval.to_pandas()["upper"].tolist() == [interval.upper]
    assert json.loads(interval.to_json())["lower"] == interval.lower
    assert found.to_pandas()["significance"].tolist() == [found.observed, *found.expected]
    assert json.loads(found.to_json())["p_value"] == found.p_value

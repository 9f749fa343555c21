"""Tests of single values against closed forms, and what their records show."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from closed_forms import ERROR, SidebandTest, count_for, gaussian, sideband
from scipy.optimize import minimize
from scipy.stats import norm

from smoothfit.errors import AsymptoticWarning, FitError
from smoothfit.fitters import count_traces
from smoothfit.model import Model, Process, Variable

N = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])


@pytest.fixture(scope="module")
def counts():
    return sideband()


@pytest.fixture(scope="module")
def gauss():
    return gaussian()


@pytest.mark.parametrize("data", [(14.0, 25.0), (6.0, 31.0), (11.0, 25.0), (9.0, 40.0)])
@pytest.mark.parametrize("mu", [0.3, 1.0, 4.0])
def test_qtilde_of_counts(counts, data, mu):
    result, expected = counts.hypotest("mu", mu, data), SidebandTest(*data)
    root, a = expected.roots(mu)
    assert np.sqrt(result.q) == pytest.approx(root, abs=1e-7)
    assert np.sqrt(result.q_asimov) == pytest.approx(a, abs=1e-7)
    assert result.cls == pytest.approx(expected.cls(mu), abs=1e-8)
    np.testing.assert_allclose(result.expected, [expected.expected_cls(mu, n) for n in N], atol=1e-8)
    assert result.cls == pytest.approx(result.clsb / result.clb)
    assert result.p_value == result.clsb


@pytest.mark.parametrize("best", [-0.4, 0.2, 0.9])
@pytest.mark.parametrize("mu", [1.0, 1.7])
def test_gaussian_estimates(gauss, mu, best):
    data = count_for(best)
    # q: data at least as far below mu as these; under both hypotheses the estimate is Gaussian.
    q = gauss.hypotest("mu", mu, data, statistic="q")
    assert q.q == pytest.approx(((mu - best) / ERROR) ** 2)
    assert q.clsb == pytest.approx(norm.cdf((best - mu) / ERROR))
    assert q.clb == pytest.approx(norm.cdf(best / ERROR))
    # qtilde orders data in the same way.
    tilde = gauss.hypotest("mu", mu, data, statistic="qtilde")
    assert (tilde.clsb, tilde.clb) == (pytest.approx(q.clsb), pytest.approx(q.clb))
    assert tilde.q == pytest.approx((mu**2 - 2.0 * mu * best) / ERROR**2 if best < 0.0 else q.q)
    # t: as far to either side.
    t = gauss.hypotest("mu", mu, data, statistic="t")
    far = abs(mu - best)
    assert t.clsb == pytest.approx(2.0 * norm.sf(far / ERROR))
    assert t.clb == pytest.approx(norm.cdf((mu - far) / ERROR) + norm.sf((mu + far) / ERROR))


def test_ttilde_of_a_negative_estimate(gauss):
    mu, best = 1.0, -0.4
    found = gauss.hypotest("mu", mu, count_for(best), statistic="ttilde")
    value = (mu**2 - 2.0 * mu * best) / ERROR**2
    assert found.q == pytest.approx(value)
    # Estimates below this one, or so high that (x - mu)^2 is as large.
    above = mu + ERROR * np.sqrt(value)
    assert found.clsb == pytest.approx(norm.cdf((best - mu) / ERROR) + norm.sf((above - mu) / ERROR))
    assert found.clb == pytest.approx(norm.cdf(best / ERROR) + norm.sf(above / ERROR))


def test_a_best_fit_above_the_tested_value(gauss):
    found = gauss.hypotest("mu", 1.0, count_for(1.6))
    assert (found.q, found.clsb) == (0.0, 0.5)
    assert found.clb == pytest.approx(norm.cdf(1.0 / ERROR))


def test_discovery(gauss):
    found = gauss.hypotest("mu", 0.0, count_for(0.9), statistic="q0")
    assert found.p_value == pytest.approx(norm.sf(0.9 / ERROR))
    np.testing.assert_allclose(found.expected, norm.sf(1.0 / ERROR - N))
    assert found.clb == pytest.approx(norm.cdf((1.0 - 0.9) / ERROR))
    assert found.alternative == 1.0
    two = gauss.hypotest("mu", 0.0, count_for(0.9), statistic="q0", alternative=2.0)
    np.testing.assert_allclose(two.expected, norm.sf(2.0 / ERROR - N))
    assert gauss.hypotest("mu", 0.0, count_for(-0.3), statistic="q0").p_value == 0.5


def test_other_alternatives(gauss):
    found = gauss.hypotest("mu", 1.0, count_for(0.7), statistic="q", alternative=0.5)
    assert found.clb == pytest.approx(norm.cdf((0.7 - 0.5) / ERROR))
    below = gauss.hypotest("mu", -1.0, count_for(-0.7), statistic="t", alternative=0.0)
    assert below.clsb == pytest.approx(2.0 * norm.sf(0.3 / ERROR))


def test_a_best_fit_that_is_there_already(counts):
    best_fit = counts.fit([14.0, 25.0])
    assert counts.hypotest("mu", 1.0, [14.0, 25.0], best_fit=best_fit).cls == pytest.approx(
        counts.hypotest("mu", 1.0, [14.0, 25.0]).cls, abs=1e-9
    )


def test_globs_and_fixed_parameters():
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    bkg = Process("bkg", [50.0, 60.0]).add_lnN(theta, 1.2)
    model = Model().add_proc(Process("sig", [9.0, 4.0]).scale_by(mu)).add_proc(bkg).prepare()
    obs = [57.0, 63.0]
    held = model.hypotest(mu, 1.0, obs, fixed={theta: 0.3})
    # With theta held this is the model whose background is 1.2^0.3 as large.
    plain = Model().add_proc(Process("sig", [9.0, 4.0]).scale_by(other := Variable("mu", 1.0)))
    plain = plain.add_proc(Process("bkg", np.array([50.0, 60.0]) * 1.2**0.3)).prepare()
    assert held.cls == pytest.approx(plain.hypotest(other, 1.0, obs).cls, rel=1e-9)
    # A global observable is where the constraint is: q by fits that are told so.
    moved = model.hypotest(mu, 1.0, obs, globs={theta: 0.8})
    free = model.fit(obs, globs={theta: 0.8})
    rise = 2.0 * (model.profile({mu: 1.0}, free).fun - free.fun)
    assert moved.q == pytest.approx(rise if free["mu"].value < 1.0 else 0.0, abs=1e-9)
    assert moved.q != pytest.approx(model.hypotest(mu, 1.0, obs).q, abs=1e-3)
    fit = model.fit(obs, globs={theta: 0.8}, fixed={theta: 0.5})
    kept = model.hypotest(mu, 1.0, obs, best_fit=fit)
    assert kept.cls == pytest.approx(
        model.hypotest(mu, 1.0, obs, globs={theta: 0.8}, fixed={theta: 0.5}).cls, abs=1e-9
    )


def test_a_nuisance_at_a_limit_is_warned_of():
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True, upper_bound=0.5)
    bkg = Process("bkg", [50.0, 600.0]).add_lnN(theta, 1.2)
    model = Model().add_proc(Process("sig", [9.0, 0.0]).scale_by(mu)).add_proc(bkg).prepare()
    with pytest.warns(AsymptoticWarning, match="'theta' sits at a limit in a fit") as caught:
        found = model.hypotest(mu, 1.0, [70.0, 740.0])
    assert caught[0].filename == __file__
    assert "'theta' sits at a limit" in found.messages[0]
    assert found.messages[0] in repr(found)


def test_fits_are_told(counts):
    found = counts.hypotest("mu", 1.0, [14.0, 25.0])
    assert [fit.what for fit in found.fits] == [
        "data: mu free",
        "data: mu = 0",
        "data: mu = 1",
        "Asimov data: mu free",
        "Asimov data: mu = 1",
    ]
    assert found.success
    assert not found.messages


def test_a_fit_that_fails():
    """Two normalisations of one process, of which only the product is known."""
    mu, k, twin = Variable("mu", 1.0), Variable("k", 1.0), Variable("twin", 1.0)
    sig = Process("sig", [9.0, 4.0]).scale_by(mu)
    bkg = Process("bkg", [50.0, 60.0]).scale_by(k).scale_by(twin)
    model = Model().add_proc(sig).add_proc(bkg).prepare()
    with pytest.raises(FitError, match="hypotest: The fit of the data did not converge") as caught:
        model.hypotest(mu, 1.0, [57.0, 63.0])
    assert not caught.value.result.success
    found = model.hypotest(mu, 1.0, [57.0, 63.0], strict=False)
    assert not found.success
    assert np.isnan([found.q, found.clsb, found.clb, found.cls, *found.expected]).all()
    assert "did not converge" in found.messages[0]
    assert json.loads(found.to_json())["cls"] is None


def test_what_has_no_effect_at_0_is_held_there():
    """A free parameter of the signal alone: the fit is one of mu and a = mu k, and at 0 there is nothing."""
    mu, k = Variable("mu", 1.0, lower_bound=0.0), Variable("k", 0.5)
    sig = Process("sig", [9.0, 4.0, 1.0]).scale_by(mu)
    more = Process("more", [0.0, 4.0, 9.0]).scale_by_fn(lambda a, b: a[0] * b[0], mu, k)
    model = Model().add_proc(sig).add_proc(more).add_proc(Process("bkg", [50.0, 60.0, 40.0])).prepare()
    obs, bkg = np.array([58.0, 65.0, 46.0]), np.array([50.0, 60.0, 40.0])

    def nll(x):
        nu = bkg + x[0] * np.array([9.0, 4.0, 1.0]) + x[1] * np.array([0.0, 4.0, 9.0])
        return np.sum(nu - obs * np.log(nu))

    lowest = minimize(nll, [1.0, 0.5], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13})
    found = model.significance(mu, obs)
    assert found.q0 == pytest.approx(2.0 * (nll([0.0, 0.0]) - lowest.fun), abs=1e-9)
    assert np.isfinite(found.expected).all()


def test_one_program_serves_all_tests():
    model = sideband()
    model.hypotest("mu", 1.0, [14.0, 25.0])
    traces = count_traces()
    model.upper_limit("mu", [11.0, 27.0])
    model.significance("mu", [17.0, 27.0])
    model.two_sided_limit("mu", [17.0, 27.0])
    assert count_traces() == traces


def test_records(counts):
    found = counts.hypotest("mu", 1.0, [14.0, 25.0])
    content = json.loads(found.to_json())
    assert content["cls"] == found.cls
    assert content["expected"] == found.expected.tolist()
    frame = found.to_pandas()
    assert frame["data"].tolist() == ["observed", "-2 sigma", "-1 sigma", "expected", "+1 sigma", "+2 sigma"]
    assert frame["cls"].tolist() == [found.cls, *found.expected]
    assert found.statistic_value == found.q


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.hypotest("mu", 1.0, [14.0, 25.0]),
        lambda m: m.upper_limit("mu", [14.0, 25.0]),
        lambda m: m.two_sided_limit("mu", [14.0, 25.0]),
        lambda m: m.significance("mu", [14.0, 25.0]),
    ],
)
def test_blinded_parameters_stay_hidden(ask):
    model = sideband()
    open_, hidden = ask(model), ask(model.blind(pois="mu"))
    # Of HTML what is seen: sizes of letters are numbers, too.
    page = re.sub(r"<style.*?</style>|<[^>]*>", " ", hidden._repr_html_(), flags=re.DOTALL)
    for shown in (repr(hidden), page, hidden.to_json(), hidden.to_pandas().to_csv()):
        assert "blinded" in shown
        # Digits of any number that an open record shows, but those of the bands.
        for number in ("best", "q", "q0", "cls", "observed", "lower", "upper", "p_value"):
            value = getattr(open_, number, None)
            if value is not None and np.isfinite(value) and value != 0.0:
                assert f"{value:.4g}" not in shown

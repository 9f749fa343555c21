"""Impacts and Minos pulls: closed forms, and explicit refits."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import two_bins
import two_signals
from small_models import fitted

from smoothfit import Derived
from smoothfit.errors import InvalidValueError, UnknownNameError
from smoothfit.inference import batching, shifts
from smoothfit.model import Model, Process, Variable
from smoothfit.status import Status


@pytest.fixture(scope="module")
def linear():
    model = two_bins.make()
    return model, model.fit(two_bins.OBS)


SIGMA = np.sqrt(two_bins.V_THETA)


@pytest.mark.parametrize(
    ("options", "bound", "shift"),
    [
        ({}, SIGMA, two_bins.SLOPE * SIGMA),
        ({"bounds": "hesse"}, SIGMA, two_bins.SLOPE * SIGMA),
        ({"kind": "prefit"}, 1.0, two_bins.SLOPE),
        # theta follows its global observable by V_theta.
        ({"kind": "global"}, 1.0, two_bins.SLOPE * two_bins.V_THETA),
    ],
)
def test_two_gaussian_bins(linear, options, bound, shift):
    model, fit = linear
    found = model.impacts("mu", fit, **options)
    assert (found.names, found.pois) == (("theta",), ("mu",))
    best = 0.0 if options.get("kind") == "global" else two_bins.THETA
    np.testing.assert_allclose(
        [found.bound_up[0], found.bound_down[0]], [best + bound, best - bound], atol=1e-7
    )
    np.testing.assert_allclose([found.up[0, 0], found.down[0, 0]], [shift, -shift], rtol=1e-7)
    assert found.status_up == found.status_down == ("converged",)
    np.testing.assert_allclose(found.pull, two_bins.THETA, rtol=1e-9)
    np.testing.assert_allclose([found.error_up[0], found.error_down[0]], SIGMA, rtol=1e-7)
    np.testing.assert_allclose(found.errors, np.sqrt(two_bins.VARIANCE), rtol=1e-9)
    assert found.size("mu") == pytest.approx(abs(shift), rel=1e-7)


@pytest.fixture(scope="module")
def lite():
    """A model with correlated nuisances, an auxiliary count and Monte Carlo statistics, and its impacts."""
    small, fit = fitted("lite_process")
    total = Derived("sum", lambda mu: mu[0] + mu[1], "mu")
    return small, fit, small.model.impacts(["mu", total], fit)


def test_at_minos_bounds_the_fit_is_the_profile(lite):
    small, fit, found = lite
    layout = small.model.layout
    assert found.pois == ("mu_1", "mu_2", "sum")
    for name in ("b", "aux"):
        i = found.names.index(name)
        up, down, fit_up, fit_down = small.model.minos_bounds(name, fit)
        np.testing.assert_allclose([found.bound_up[i], found.bound_down[i]], [up, down], rtol=1e-7)
        at = layout.positions("mu")
        np.testing.assert_allclose(found.up[i, :2], fit_up.x[at] - fit.x[at], rtol=1e-5)
        np.testing.assert_allclose(found.down[i, :2], fit_down.x[at] - fit.x[at], rtol=1e-5)


def test_traditional_impacts_are_those_of_iminuit():
    """MINOS bounds of each nuisance, and MIGRAD with it held there, on the likelihood written in numpy."""
    iminuit = pytest.importorskip("iminuit")
    model = two_signals.make()
    found = model.impacts(["mu_1", "mu_2"], model.fit(two_signals.OBS))

    def minuit():
        made = iminuit.Minuit(two_signals.nll, np.array([1.0, 1.0, 0.0, 0.0]), name=two_signals.NAMES)
        made.errordef, made.strategy, made.tol = iminuit.Minuit.LIKELIHOOD, 2, 1e-6
        made.limits["mu_1"] = (0.0, None)
        return made

    best = minuit().migrad().minos()
    centre = np.array(best.values)
    for i, name in enumerate(found.names):
        for error, shift in (
            (best.merrors[name].upper, found.up[i]),
            (best.merrors[name].lower, found.down[i]),
        ):
            held = minuit()
            held.values[name], held.fixed[name] = best.values[name] + error, True
            assert held.migrad().valid
            # MINOS stops within some 1e-4 of its level.
            np.testing.assert_allclose(shift, np.array(held.values)[:2] - centre[:2], rtol=1e-3, atol=1e-5)


def test_a_derived_quantity_is_evaluated_at_the_refits(lite):
    _, _, found = lite
    np.testing.assert_allclose(found.up[:, 2], found.up[:, :2].sum(axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.down[:, 2], found.down[:, :2].sum(axis=1), rtol=1e-9, atol=1e-12)


def test_bin_parameters_are_held_at_their_errors(lite):
    small, fit, found = lite
    name = "mcstat_A_bin0"
    value, error = fit[name]
    i = found.names.index(name)
    for sign, bound, shift in ((1.0, found.bound_up, found.up), (-1.0, found.bound_down, found.down)):
        assert bound[i] == pytest.approx(value + sign * error, rel=1e-12)
        held = small.model.profile({name: value + sign * error}, fit)
        np.testing.assert_allclose(shift[i, :2], held.x[:2] - fit.x[:2], rtol=1e-6)


def test_one_of_a_correlated_set_is_moved_alone(lite):
    """Traditional and pre-fit hold it, and the others follow; global moves its own observable only."""
    small, fit, _ = lite
    model, layout = small.model, small.model.layout
    prefit = model.impacts("mu", fit, kind="prefit", nuisances=["lumi", "aux"])
    aux, lumi = (prefit.names.index(name) for name in ("aux", "lumi"))
    held = model.profile({"lumi": fit["lumi"].value + 0.05}, fit)
    np.testing.assert_allclose(prefit.up[lumi], held.x[:2] - fit.x[:2], rtol=1e-5)
    # Pois(30 | 30 alpha): one pre-fit uncertainty is sqrt(30)/30.
    width = 1.0 / np.sqrt(30.0)
    assert prefit.bound_down[aux] == pytest.approx(fit["aux"].value - width, rel=1e-12)
    shifted = model.impacts("mu", fit, kind="global", nuisances="lumi")
    globs = small.globs.copy()
    globs[list(layout.constrained).index(layout.positions("lumi")[0])] -= 0.05
    refit = model.fit(small.obs, globs=globs)
    np.testing.assert_allclose(shifted.down[0], refit.x[:2] - fit.x[:2], rtol=1e-5)


def test_free_parameters_can_be_asked_for(linear):
    model, fit = linear
    found = model.impacts("theta", fit, nuisances=["mu"])
    # At a Minos bound mu +- sigma the others move by the covariance: cov(mu, theta)/sigma_mu.
    expected = fit.hess_inv[0, 1] / np.sqrt(fit.hess_inv[0, 0])
    np.testing.assert_allclose(found.up, [[expected]], rtol=1e-7)
    assert np.isnan(found.pull[0])
    for kind, words in (("prefit", "no pre-fit uncertainty"), ("global", "no global observable")):
        with pytest.raises(InvalidValueError, match=f"'mu' has {words}"):
            model.impacts("theta", fit, nuisances=["mu"], kind=kind)


def test_a_bound_that_is_met_is_said():
    model = two_bins.make(bounds=(-5.0, 1.0))
    fit = model.fit(two_bins.OBS)
    for options in ({}, {"bounds": "hesse"}, {"kind": "prefit"}):
        found = model.impacts("mu", fit, **options)
        assert (found.bound_up[0], found.status_up, found.status_down) == (1.0, ("at limit",), ("converged",))
        shift = two_bins.SLOPE * (1.0 - two_bins.THETA)
        np.testing.assert_allclose(found.up[0, 0], shift, rtol=1e-7)
    assert "(at limit)" in repr(found)


def test_a_refit_that_fails_is_no_number(linear, monkeypatch):
    model, fit = linear
    working = batching.refit

    def failing(context, **given):
        found = working(context, **given)
        moved = given["fixed"].values[:, 1] > fit.x[1]
        return dataclasses.replace(found, status=np.where(moved, Status.NOT_CONVERGED, found.status))

    monkeypatch.setattr(shifts.batching, "refit", failing)
    found = model.impacts("mu", fit, bounds="hesse")
    assert np.isnan(found.up[0, 0])
    assert found.status_up == ("not converged",)
    np.testing.assert_allclose(found.down[0, 0], -two_bins.SLOPE * SIGMA, rtol=1e-7)
    assert found.size("mu") == pytest.approx(-two_bins.SLOPE * SIGMA, rel=1e-7)
    assert "not converged" in repr(found)
    assert json.loads(found.to_json())["nuisances"]["theta"]["impact"]["mu"][0] is None


def test_groups_are_those_of_the_breakdown(linear):
    model, fit = linear
    found = model.impacts("mu", fit, groups={"shapes": ["theta"]})
    expected = model.breakdown("mu", fit, None, {"shapes": ["theta"]})
    assert found.groups.sources == expected.sources
    np.testing.assert_array_equal(found.groups.shares, expected.shares)
    assert "shapes" in repr(found)


def test_the_record(lite):
    _, _, found = lite
    ranking = found.ranking("mu_2")
    size = dict(zip(found.names, found.size("mu_2"), strict=True))
    assert sorted(size, key=size.get, reverse=True) == ranking
    assert len(found.table("mu_2", count=5).rows) == 5
    assert "8 more" in found.table("mu_2", count=5).note
    content = json.loads(found.to_json())
    assert content["nuisances"]["aux"]["impact"]["mu_1"][1] == pytest.approx(
        found.down[found.names.index("aux"), 0]
    )
    assert found._columns()["mu_2 up"] == found.up[:, 1].tolist()
    with pytest.raises(UnknownNameError, match="mu_3"):
        found.size("mu_3")


def test_blinded_impacts_are_nowhere():
    model = two_bins.make().blind(pois="mu")
    fit = model.fit(two_bins.OBS)
    found = model.impacts(
        ["mu", Derived("twice", lambda mu: 2.0 * mu, "mu"), "theta"], fit, nuisances="theta"
    )
    assert found.hidden.tolist() == [True, True, False]
    for text in (repr(found), found.to_json(), str(found._columns())):
        assert "blinded" in text
        assert f"{found.up[0, 0]:.3g}" not in text
        assert f"{found.up[0, 1]:.3g}" not in text


BAD = [
    ({"kind": "post-fit"}, InvalidValueError, "'traditional', 'prefit', 'global'"),
    ({"bounds": "2 sigma"}, InvalidValueError, "'minos', 'hesse'"),
    ({"pois": "nothing"}, UnknownNameError, "nothing"),
    ({"nuisances": "nothing"}, UnknownNameError, "nothing"),
    ({"nuisances": ["data"]}, InvalidValueError, "'data' is no parameter"),
]


def test_blinded_nuisances_are_in_no_pulls():
    name, other = "norm", "lumi"
    sig = (
        Process("sig", [50.0, 20.0])
        .scale_by(Variable("mu", 1.0))
        .add_lnN(Variable(other, 0.0, nuisance=True), 1.1)
    )
    bkg = Process("bkg", [80.0, 90.0]).add_lnN(Variable(name, 0.0, nuisance=True), 1.1)
    model = Model().add_proc(bkg).add_proc(sig).prepare()
    best_fit = model.fit([140.0, 115.0])
    openly = model.pulls(best_fit, minos=True)
    secret = [openly.pull[0], openly.error[0], openly.error_up[0]]
    _ = model.blind(pois=name)
    pulls, found = model.pulls(best_fit, minos=True), model.impacts("mu", best_fit)
    assert pulls.names == openly.names[1:]
    assert found.names[:2] == (name, other)
    for record in (pulls, found):
        for text in (repr(record), record._repr_html_(), record.to_json(), record.to_pandas().to_csv()):
            assert not any(repr(float(number))[:6] in text for number in secret)
    # It still has an impact, and the others their pulls.
    assert np.isfinite(found.up).all()
    assert found.pull[1] == pytest.approx(openly.pull[1])


@pytest.mark.parametrize(("given", "error", "words"), BAD)
def test_what_has_no_impact(linear, given, error, words):
    model, fit = linear
    with pytest.raises(error, match=words):
        model.impacts(given.pop("pois", "mu"), fit, **given)


def test_a_held_nuisance_has_no_impact(linear):
    model, _ = linear
    fit = model.fit(two_bins.OBS, fixed={"theta": 0.1})
    assert model.impacts("mu", fit).names == ()
    with pytest.raises(InvalidValueError, match="'theta' was held constant in best_fit"):
        model.impacts("mu", fit, nuisances="theta")


def test_a_fit_that_failed_has_no_impacts():
    one = Process("one", [50.0, 40.0]).scale_by(Variable("mu_1", 1.0))
    two = Process("two", [25.0, 20.0]).scale_by(Variable("mu_2", 1.0))
    model = Model().add_proc(one).add_proc(two).prepare()
    fit = model.fit([80.0, 65.0], strict=False)
    for call in (model.impacts, model.breakdown):
        with pytest.raises(InvalidValueError, match="best_fit did not converge"):
            call("mu_1", fit)


def test_minos_pulls(lite):
    small, fit, found = lite
    pulls = small.model.pulls(fit, minos=True)
    plain = small.model.pulls(fit)
    assert pulls.names == plain.names == tuple(small.model.nuisances)
    np.testing.assert_array_equal(pulls.pull, plain.pull)
    np.testing.assert_array_equal(pulls.error, plain.error)
    at = [found.names.index(name) for name in pulls.names]
    np.testing.assert_allclose(pulls.error_up, found.error_up[at], rtol=1e-9)
    up, down, _, _ = small.model.minos_bounds("lumi", fit)
    i = pulls.names.index("lumi")
    value = fit["lumi"].value
    # The marginal width of the constraint, 0.05, whatever it is correlated with.
    np.testing.assert_allclose(pulls.error_up[i], (up - value) / 0.05, rtol=1e-6)
    np.testing.assert_allclose(pulls.error_down[i], (value - down) / 0.05, rtol=1e-6)
    assert pulls.status_up == ("converged",) * len(pulls)
    assert json.loads(pulls.to_json())["pulls"]["lumi"]["error_up"] == pytest.approx(pulls.error_up[i])
    assert pulls.largest(2).error_up.shape == (2,)


def test_nuisances_of_a_single_bin_are_held_at_their_errors():
    small, fit = fitted("slots")
    pulls = small.model.pulls(fit, minos=True)
    single = [name.startswith("own_") for name in pulls.names]
    assert [status == "hesse" for status in pulls.status_up] == single
    np.testing.assert_allclose(pulls.error_up[single], pulls.error[single], rtol=1e-12)
    name = pulls.names[single.index(True)]
    found = small.model.impacts("mu", fit, nuisances=[name])
    value, error = fit[name]
    assert found.bound_up[0] == pytest.approx(value + error, rel=1e-12)
    held = small.model.profile({name: value + error}, fit)
    assert found.up[0, 0] == pytest.approx(held["mu"].value - fit["mu"].value, rel=1e-6)


def test_pulls_end_at_a_limit():
    model = two_bins.make(bounds=(-5.0, 1.0))
    pulls = model.pulls(model.fit(two_bins.OBS), minos=True)
    assert pulls.status_up == ("at limit",)
    np.testing.assert_allclose(pulls.error_up, 1.0 - two_bins.THETA, rtol=1e-9)
    assert "up at limit" in repr(pulls)

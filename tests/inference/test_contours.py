"""Contours against the profiled NLL in numpy, and against iminuit."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from small_models import fitted
from two_signals import OBS, make, nll, profiled

from smoothfit.errors import UnknownNameError
from smoothfit.inference.batching import Crossings
from smoothfit.model import Model, Process, Variable

LEVEL = {0.68: 1.139434283188365, 0.95: 2.995732273553991}
"""chi2_2(cl)/2 = -log(1 - cl), in closed form."""


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture(scope="module")
def best_fit(model):
    return model.fit(OBS)


@pytest.fixture(scope="module")
def found(model, best_fit):
    return model.contour("mu_1", "mu_2", best_fit, OBS, cl=(0.68, 0.95), points=12)


def test_points_are_where_the_profile_has_risen(found):
    lowest = profiled({})[0]
    assert found.points.shape == (2, 13, 2)
    for k, level in enumerate(found.levels):
        for i in range(0, 12, 3):
            if found.status[k, i] == 0:
                rise = profiled(dict(enumerate(found.points[k, i])))[0] - lowest
                assert rise == pytest.approx(LEVEL[level], abs=1e-7)
    assert (found.status == 0).sum() >= 18


def test_it_closes_and_goes_around(found, best_fit):
    np.testing.assert_array_equal(found.points[:, 0], found.points[:, -1])
    np.testing.assert_array_equal(found.x[..., :2], found.points)
    around = found.points[0] - best_fit.x[:2]
    turned = np.unwrap(np.arctan2(around[:, 1], around[:, 0]))
    assert turned[-1] - turned[0] == pytest.approx(2.0 * np.pi)
    assert np.all(np.diff(turned) > 0.0)


def test_bounds_are_respected_and_said(found):
    """mu_1 >= 0, which the larger contour reaches."""
    assert found.points[..., 0].min() == 0.0
    at_limit = found.status == 1
    assert at_limit.any()
    np.testing.assert_array_equal(found.points[at_limit][:, 0], 0.0)
    assert np.all(found.points[~at_limit][:, 0] > 0.0)
    lowest = profiled({})[0]
    for point in found.points[at_limit][:2]:
        assert profiled(dict(enumerate(point)))[0] - lowest < LEVEL[0.95]


def test_iminuit_agrees(model, best_fit):
    iminuit = pytest.importorskip("iminuit")
    fit = iminuit.Minuit(lambda x: nll(x), np.array([1.0, 1.0, 0.0, 0.0]))
    fit.errordef, fit.strategy, fit.tol = 0.5, 2, 1e-4
    fit.migrad()
    theirs = fit.mncontour(0, 1, cl=0.68, size=32)
    ours = model.contour("mu_1", "mu_2", best_fit, cl=0.68, points=64).points[0]

    def radius(points):
        around = points - best_fit.x[:2]
        angle = np.arctan2(around[:, 1], around[:, 0])
        order = np.argsort(angle)
        return angle[order], np.hypot(*around.T)[order]

    angle, r = radius(np.asarray(theirs)[:-1])
    near, expected = radius(ours[:-1])
    # Straight lines between 64 points of an ellipse of axes up to 2:1 miss it by less than 2%.
    np.testing.assert_allclose(r, np.interp(angle, near, expected, period=2.0 * np.pi), rtol=0.02)


def test_a_contour_of_a_parabola_is_its_ellipse():
    """10^7 events a bin; on the ellipse d^T C^-1 d = 2 level, C the inverse of A^T diag(1/nu) A."""
    big, design = 1e5, np.array([[50.0, 100.0], [10.0, 400.0]])
    a, b = Variable("a", 1.0), Variable("b", 1.0)
    model = Model().add_proc(Process("a", big * design[:, 0]).scale_by(a))
    model.add_proc(Process("b", big * design[:, 1]).scale_by(b)).prepare()
    fit = model.fit(big * design.sum(axis=1))
    found = model.contour(a, b, fit, points=8)
    around = found.points[0] - 1.0
    inverse = design.T @ np.diag(big / design.sum(axis=1)) @ design
    radius = np.einsum("pi,ij,pj->p", around, inverse, around)
    np.testing.assert_allclose(radius, 2.0 * LEVEL[0.68], rtol=2e-3)


def test_the_best_fit_on_a_bound():
    """The curve runs along the bound to both sides, and back through the best fit."""
    data = np.array([79.0, 75.0, 50.0])
    model = make()
    fit = model.fit(data)
    assert fit.x[0] == 0.0
    found = model.contour("mu_1", "mu_2", fit, points=8)
    curve, status = found.points[0], found.status[0]
    lowest = profiled({0: 0.0}, data)[0]
    along = [i for i in range(8) if status[i] == 0 and curve[i, 0] == 0.0]
    assert len(along) == 2
    for i in along:
        assert profiled(dict(enumerate(curve[i])), data)[0] - lowest == pytest.approx(LEVEL[0.68], abs=1e-7)
    outside = status == 1
    np.testing.assert_array_equal(curve[outside], np.tile(fit.x[:2], (outside.sum(), 1)))
    assert np.all(curve[:, 0] >= 0.0)


def test_all_pairs_of_several(model, best_fit, found):
    pairs = model.contours(["mu_1", "mu_2", "theta"], best_fit, cl=0.95, points=12)
    assert len(pairs) == 3
    assert pairs.names == ("mu_1", "mu_2", "theta")
    assert [one.names for one in pairs] == [("mu_1", "mu_2"), ("mu_1", "theta"), ("mu_2", "theta")]
    np.testing.assert_allclose(pairs["mu_1", "mu_2"].points[0], found.points[1], atol=1e-7)
    lowest = profiled({})[0]
    a, b = pairs["mu_2", "theta"].points[0, 5]
    assert profiled({1: a, 3: b})[0] - lowest == pytest.approx(LEVEL[0.95], abs=1e-7)
    for wrong in (("theta", "mu_1"), "mu_1"):
        with pytest.raises(UnknownNameError, match=r"no contour of .*; there are: \(mu_1, mu_2\)"):
            pairs[wrong]
    assert len(pairs.to_dict()["pairs"]) == 3
    assert len(pairs._columns()["a"]) == 3 * 13
    assert repr(pairs).count("Contours of") == 3


def test_a_bin_parameter_in_a_contour():
    small, fit = fitted("lite_process")
    found = small.model.contour("mu_1", "mcstat_A_bin1", fit, points=4)
    assert found.success.all()
    point = dict(zip(found.names, found.points[0, 1], strict=True))
    assert small.model.profile(point, fit).fun - fit.fun == pytest.approx(LEVEL[0.68], abs=1e-7)


def test_a_ray_that_fails_is_nan_and_flagged(model, best_fit, monkeypatch):
    from smoothfit.inference import contours

    def cross(context, best_fit, directions, level, *, what):
        rays = np.arange(len(directions))
        r = np.where(rays == 2, np.nan, 1.0)
        x = best_fit.x + np.where(rays == 2, 0.5, 1.0)[:, None] * directions
        return Crossings(r, x, np.where(rays == 2, 2, np.where(rays == 3, 3, 0)), r, rays)

    monkeypatch.setattr(contours, "cross", cross)
    found = model.contour("mu_1", "mu_2", best_fit, points=6)
    assert found.status[0].tolist() == [0, 0, 2, 3, 0, 0, 0]
    assert np.isnan(found.points[0]).all(axis=1).tolist() == [False, False, True, True, False, False, False]
    assert repr(found).startswith("A LOWER MINIMUM WAS FOUND")
    assert json.loads(found.to_json())["contours"][0]["points"][2] == [None, None]
    assert "fit again" in found._columns()["status"][3]


def test_blinded_parameters_are_nowhere(found):
    hidden = dataclasses.replace(found, blinded=frozenset({"mu_2"}))
    secret = [f"{number:.3g}" for number in [*found.points[0].ravel(), *found.best]]
    for text in (repr(hidden), hidden._repr_html_(), hidden.to_json()):
        assert "blinded" in text
        assert not any(number in text for number in secret if number not in ("0", "1"))
    assert set(hidden._columns()["mu_1"]) == {"blinded"}

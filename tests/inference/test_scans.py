"""Scans against a likelihood written out in numpy and minimised by scipy."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from small_models import fitted
from two_signals import NAMES, OBS, make, nll, profiled

from smoothfit.errors import LowerMinimumWarning
from smoothfit.model import Model, Process, Variable
from smoothfit.status import Status


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture(scope="module")
def best_fit(model):
    return model.fit(OBS)


@pytest.fixture(scope="module")
def lowest():
    return profiled({})[0]


def test_a_profiled_scan(model, best_fit, lowest):
    points = np.array([0.2, 0.9, 1.7])
    found = model.scan("mu_1", points, best_fit, OBS)
    expected = [profiled({0: value}) for value in points]
    np.testing.assert_allclose(found.delta_nll, [e[0] - lowest for e in expected], atol=1e-8)
    np.testing.assert_allclose(found.x, [e[1] for e in expected], atol=2e-5)
    assert found.success.all()
    assert found.x[:, 0].tolist() == points.tolist()
    assert (found.shape, len(found)) == ((3,), 3)


def test_a_scan_with_nuisances_held(model, best_fit, lowest):
    points = np.array([0.4, 1.6])
    found = model.scan("mu_1", points, best_fit, stat_only=True)
    at = dict(enumerate(best_fit.x))
    expected = [profiled({0: value, 2: at[2], 3: at[3]})[0] - lowest for value in points]
    np.testing.assert_allclose(found.delta_nll, expected, atol=1e-8)
    np.testing.assert_array_equal(found.x[:, 2:], np.tile(best_fit.x[2:], (2, 1)))
    # Holding can only raise it.
    assert np.all(found.delta_nll > model.scan("mu_1", points, best_fit).delta_nll)


def test_bin_parameters_are_held_too():
    small, fit = fitted("lite_process")
    found = small.model.scan("mu_1", 3, fit, stat_only=True)
    n = small.model.layout.n_params
    np.testing.assert_array_equal(found.x[:, n:], np.tile(fit.x[n:], (3, 1)))
    # What is free in channel A; with nuisances held, mu_1 acts nowhere else.
    moving = {fit.names[i] for i in range(n) if np.ptp(found.x[:, i]) > 1e-6}
    assert moving == {"mu_1", "mu_2", "scale"}
    # The middle point is the best fit.
    np.testing.assert_allclose(found.delta_nll[1], 0.0, atol=1e-9)


def test_a_bin_parameter_can_be_scanned():
    small, fit = fitted("lite_process")
    name = "mcstat_A_bin1"
    at = fit.names.index(name)
    points = fit.x[at] + np.array([-1.0, 1.0]) * fit.errors[at]
    found = small.model.scan(name, points, fit)
    expected = [small.model.profile({name: p}, fit).fun - fit.fun for p in points]
    np.testing.assert_allclose(found.delta_nll, expected, atol=1e-9)


def test_a_grid_and_listed_points(model, best_fit, lowest):
    a, b = [0.5, 1.5], np.array([0.6, 1.0, 1.4])
    grid = model.scan(("mu_1", "mu_2"), (a, b), best_fit)
    assert grid.shape == (2, 3)
    assert grid.points.shape == (6, 2)
    on_grid = grid.delta_nll.reshape(grid.shape)
    assert on_grid[1, 0] == pytest.approx(profiled({0: 1.5, 1: 0.6})[0] - lowest, abs=1e-8)
    listed = model.scan(["mu_1", "mu_2"], np.array([[1.5, 0.6], [0.5, 1.4]]), best_fit)
    assert listed.axes is None
    np.testing.assert_allclose(listed.delta_nll, [on_grid[1, 0], on_grid[0, 2]], atol=1e-10)


def test_the_default_range_is_three_errors_within_the_bounds(model, best_fit):
    found = model.scan("mu_2", 2, best_fit)
    value, error = best_fit["mu_2"]
    np.testing.assert_allclose(found.points, [value - 3.0 * error, value + 3.0 * error])
    value, error = best_fit["mu_1"]
    assert value - 3.0 * error < 0.0
    np.testing.assert_allclose(model.scan("mu_1", 2, best_fit).points, [0.0, value + 3.0 * error])
    np.testing.assert_array_equal(model.scan("mu_2", 3, best_fit, range=(0.5, 1.5)).points, [0.5, 1.0, 1.5])


def test_what_was_held_stays_held(model):
    fit = model.fit(OBS, fixed={"theta": 0.5})
    found = model.scan("mu_2", 2, fit)
    np.testing.assert_array_equal(found.x[:, NAMES.index("theta")], 0.5)


def test_what_is_read_off_is_what_minos_finds(model, best_fit):
    found = model.scan("mu_2", 25, best_fit)
    bounds = model.minos_bounds("mu_2", best_fit)
    np.testing.assert_allclose(found.read_off(), [bounds.down, bounds.up], atol=2e-4 * best_fit["mu_2"].error)
    assert f"+{bounds.up - best_fit['mu_2'].value:.2f}" in found.heading()
    wide = model.minos_bounds("mu_2", best_fit, cl=0.95)
    np.testing.assert_allclose(found.read_off(0.95), [wide.down, wide.up], atol=2e-4 * best_fit["mu_2"].error)
    # Nothing beyond the points.
    assert len(found.read_off(0.9999)) == 0


def two_minima():
    """A signal that goes with c^2 - c: two minima of c, the lower at the side of a weak pull to -1."""
    c = Variable("c", 1.5)
    sig = Process("sig", [50.0]).scale_by_fn(lambda c: c**2, c)
    model = Model().add_proc(sig).add_proc(Process("bkg", [100.0]))
    return model.add_constraint(lambda c: -0.05 * (c + 1.0) ** 2, c).prepare()


def test_a_lower_minimum_is_flagged_loudly():
    model = two_minima()
    fit = model.fit([150.0])
    assert fit["c"].value > 0.0
    with pytest.warns(LowerMinimumWarning, match=r"fit\(obs, init=scan.x\[1\]\)"):
        found = model.scan("c", [-2.0, -1.0, 0.9], fit)
    assert found.lower_minimum == 1
    assert found.heading().startswith("A LOWER MINIMUM WAS FOUND")
    # By hand: 50 c^2 + 100 - 150 log(50 c^2 + 100) + 0.05 (c + 1)^2.
    expected = nll_of_c(-1.0) - nll_of_c(fit["c"].value)
    assert found.delta_nll[1] == pytest.approx(expected, abs=1e-9)
    better = model.fit([150.0], init=found.x[1])
    assert better.fun < fit.fun


def nll_of_c(c):
    nu = 50.0 * c**2 + 100.0
    return nu - 150.0 * np.log(nu) + 0.05 * (c + 1.0) ** 2


def test_points_that_fail_are_nan_with_their_status():
    # mu = -1 makes a negative expectation, whatever norm between its bounds is.
    mu = Variable("mu", 1.0)
    norm = Variable("norm", 1.0, lower_bound=0.9, upper_bound=1.1)
    model = Model().add_proc(Process("sig", [100.0, 5.0]).scale_by(mu))
    model.add_proc(Process("bkg", [50.0, 60.0]).scale_by(norm)).prepare()
    fit = model.fit([150.0, 66.0])
    found = model.scan(mu, [-1.0, 0.5, 1.0], fit)
    assert found.success.tolist() == [False, True, True]
    assert found.status[0] != Status.CONVERGED
    assert np.isnan(found.delta_nll[0])
    assert np.isnan(found.x[0]).all()
    assert np.isfinite(found.delta_nll[1:]).all()
    assert "2 of 3 points converged (1 " in found.heading()
    assert json.loads(found.to_json())["delta_nll"][0] is None


def test_points_that_fail_start_again_from_a_neighbour(model, best_fit, monkeypatch):
    """The first round is told that two points failed; the second must bring them back."""
    from smoothfit.inference import scans

    starts = []

    def refit(context, *, fixed, start, **others):
        found = genuine(context, fixed=fixed, start=start, **others)
        starts.append(start)
        if len(starts) == 1:
            found = dataclasses.replace(found, status=np.array([0, 1, 0, 1]))
        return found

    genuine = scans.refit
    monkeypatch.setattr(scans, "refit", refit)
    found = model.scan("mu_2", [0.5, 0.8, 1.1, 1.3], best_fit)
    assert found.success.all()
    np.testing.assert_array_equal(starts[1], found.x[[0, 2], :4])


def test_a_warm_start_is_the_minimum_of_a_parabola(model):
    """With 10^8 times the data the NLL is a parabola over the scan: the starts are the minima."""
    from smoothfit.inference.scans import linear_response

    big = 1e8
    mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    a, b = np.array([50.0, 10.0]), np.array([100.0, 400.0])
    model = (
        Model().add_proc(Process("a", big * a).scale_by(mu)).add_proc(Process("b", big * b).scale_by(norm))
    )
    fit = model.prepare().fit(big * (a + b))
    points = fit.x[0] + fit.errors[0] * np.array([[-2.0], [2.0]])
    start = linear_response(model.layout, fit, [0], points)
    found = model.scan(mu, points[:, 0], fit)
    np.testing.assert_allclose((start - found.x) / fit.errors, 0.0, atol=2e-3)
    np.testing.assert_allclose(found.delta_nll, 2.0, atol=1e-3)


def test_the_record(model, best_fit):
    found = model.scan("mu_1", [0.5, 1.0], best_fit)
    lines = repr(found).splitlines()
    assert lines[0] == "Scan of mu_1: 2 of 2 points converged."
    content = json.loads(found.to_json())
    assert content["points"] == {"mu_1": [0.5, 1.0]}
    assert content["delta_nll"] == found.delta_nll.tolist()
    assert content["parameters"]["lumi"] == found.x[:, 2].tolist()
    assert list(found._columns()) == ["mu_1", "delta_nll", "status", "mu_2", "lumi", "theta"]
    held = model.scan("mu_1", [0.5], best_fit, stat_only=True)
    assert "held" in held.heading()
    grid = repr(model.scan(("mu_1", "mu_2"), ([0.5, 1.0], [0.5, 1.0]), best_fit))
    assert "first" in grid
    assert "-> " not in grid


def test_blinded_parameters_are_nowhere(model, best_fit):
    shown = model.scan("mu_1", [0.53, 1.07], best_fit)
    secret = [*shown.points, *shown.delta_nll, best_fit.x[0], *shown.x[:, 1]]
    hidden = dataclasses.replace(shown, blinded=frozenset({"mu_1"}))
    for text in (repr(hidden), hidden._repr_html_(), hidden.to_json()):
        assert "blinded" in text
        assert not any(f"{number:.3g}" in text for number in secret)
    assert all(set(column) == {"blinded"} for n, column in hidden._columns().items() if n != "status")
    other = dataclasses.replace(shown, blinded=frozenset({"mu_2"})).to_dict()
    assert other["parameters"]["mu_2"] == "blinded"
    assert other["delta_nll"] == shown.delta_nll.tolist()


def test_a_model_that_is_blinded_makes_blinded_scans():
    model = make().blind(pois="mu_2")
    found = model.scan("mu_2", 3, model.fit(OBS))
    assert found.hidden
    assert "blinded" in repr(found)


def test_the_witness_itself():
    # Its minimum has a vanishing gradient.
    _, x = profiled({})
    step = 1e-5 * np.eye(4)
    gradient = [(nll(x + e) - nll(x - e)) / 2e-5 for e in step]
    np.testing.assert_allclose(gradient, 0.0, atol=1e-5)

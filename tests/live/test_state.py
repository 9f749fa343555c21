"""A live model without anything that is seen: beside the model's own methods, and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from live_models import OBS, two_channels

import smoothfit
from smoothfit import Model, Process, Variable
from smoothfit.errors import (
    InvalidTypeError,
    InvalidValueError,
    NotPreparedError,
    ShapeMismatchError,
    StaleModelError,
    UnknownNameError,
)
from smoothfit.inference import at_point


@pytest.fixture
def model():
    return two_channels()


@pytest.fixture
def live(model):
    return smoothfit.interactive(model, OBS)


def test_values_move_yields_and_nll(model, live):
    live.set({"mu": 1.7, "jes": -0.4})
    live.set({"lumi": 0.2})
    assert live.values["mu"] == 1.7
    assert live.values[model.parameters[1]] == live.x[1]
    found, standing = live.at_values(), live.standing()
    values = {"mu": 1.7, "jes": -0.4, "lumi": 0.2}
    np.testing.assert_allclose(found.processes[-1], model.pred(values), rtol=1e-12)
    assert standing.nll == pytest.approx(model.nll(live.x, OBS), rel=1e-12)
    assert standing.constraints == pytest.approx(0.4**2 + 0.2**2, rel=1e-12)
    nu = model.pred(values)
    deviance = 2.0 * (nu - OBS + OBS * np.log(OBS / nu))
    assert standing.channels["SR"].deviance == pytest.approx(deviance[:2].sum(), rel=1e-12)
    assert standing.channels["CR"] == (pytest.approx(deviance[2], rel=1e-12), 1)
    assert np.isnan(standing.delta)
    np.testing.assert_array_equal(live.yields().total, model.yields(live.x, OBS).total)


def test_a_fit_is_the_models_and_moves_there(model, live):
    own = model.fit(OBS)
    live.set({"mu": 3.0})
    found = live.fit()
    np.testing.assert_allclose(found.x, own.x, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(live.x, found.x)
    assert live.result is found
    assert live.standing().delta == pytest.approx(0.0, abs=1e-9)
    assert "Converged" in live.messages[-1]
    live.apply("pre-fit")
    expected = 2.0 * (model.nll({}, OBS) - own.fun)
    assert live.standing().delta == pytest.approx(expected, abs=1e-8)
    live.apply("post-fit")
    np.testing.assert_array_equal(live.x, found.x)


def test_what_is_held_stays_in_fits(model, live):
    live.set({"mu": 2.5, "jes": 0.5})
    live.hold("mu")
    assert live.held == ("mu",)
    own = model.fit(OBS, fixed={"mu": 2.5})
    found = live.fit()
    np.testing.assert_allclose(found.x, own.x, rtol=1e-6, atol=1e-7)
    assert live.values["mu"] == 2.5
    assert live.fitted_text(model.index("mu")) == "2.5 fixed"
    live.release("mu")
    assert live.fit()["mu"].value == pytest.approx(model.fit(OBS)["mu"].value, abs=1e-6)


def test_presets_of_ones_own(live):
    live.set({"mu": 1.4})
    live.store("  guess ")
    live.set({"mu": 0.1, "jes": 1.0})
    live.apply("guess")
    assert (live.values["mu"], live.values["jes"]) == (1.4, 0.0)
    # The stored one is not what the sliders move.
    live.set({"mu": 2.0})
    live.apply("guess")
    assert live.values["mu"] == 1.4
    assert live.presets == ("pre-fit", "guess")
    for name in ("pre-fit", "post-fit", " "):
        with pytest.raises(InvalidValueError, match="preset needs a name"):
            live.store(name)
    with pytest.raises(InvalidValueError, match="no preset 'other'; there are: pre-fit, guess"):
        live.apply("other")
    with pytest.raises(InvalidValueError, match="fit first"):
        live.apply("post-fit")


def test_standard_deviations_are_pre_fit_then_post_fit(live):
    live.shift("jes", 1.0)
    live.shift("lumi", -2.0)
    assert (live.values["jes"], live.values["lumi"]) == (1.0, -2.0)
    assert live.pull(live.parameters.matching("jes")[0].position) == 1.0
    with pytest.raises(InvalidValueError, match="mu has no uncertainty before a fit"):
        live.shift("mu", 1.0)
    found = live.fit()
    for name in ("mu", "jes"):
        live.shift(name, -1.0)
        value, error = found[name]
        assert live.values[name] == pytest.approx(value - error, rel=1e-12)
    # Not beyond a bound.
    live.shift("mu", -50.0)
    assert live.values["mu"] == 0.0
    live.apply("pre-fit")
    live.shift("jes", 1.0)
    assert live.values["jes"] == 1.0


def test_reset_of_one_and_of_all(live):
    live.set({"mu": 2.0, "jes": 1.0, "lumi": 1.0})
    live.reset("jes")
    assert (live.values["mu"], live.values["jes"], live.values["lumi"]) == (2.0, 0.0, 1.0)
    live.reset()
    assert (live.values["mu"], live.values["lumi"]) == (1.0, 0.0)


def test_asimov_data_and_none(model, live):
    live.set({"mu": 2.0, "jes": 0.5})
    live.use_asimov()
    obs, globs = model.asimov(live.x)
    assert live.data == "Asimov"
    assert live.standing().nll == pytest.approx(model.nll(live.x, obs, globs), rel=1e-12)
    found = live.fit()
    assert found["mu"].value == pytest.approx(2.0, abs=1e-6)
    assert found["jes"].value == pytest.approx(0.5, abs=1e-6)
    live.use("data")
    assert live.result is None
    assert live.presets == ("pre-fit",)
    live.use("none")
    assert live.standing().lines() == [("NLL", "no data")]
    with pytest.raises(InvalidValueError, match="nothing to fit"):
        live.fit()
    live.use("Asimov")
    assert live.result is found
    live.use_asimov({"mu": 3.0})
    assert live.result is None


def test_without_data_it_is_asimov(model):
    live = smoothfit.interactive(model)
    assert live.data_names == ("Asimov", "none")
    np.testing.assert_allclose(live.data_set.counts, model.pred({}))
    assert live.fit()["mu"].value == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(InvalidValueError, match=r"interactive\(model, obs\)"):
        live.use("data")


def test_a_fit_that_is_there_already(model):
    best_fit = model.fit(OBS, globs={"jes": 0.4})
    live = smoothfit.interactive(model, best_fit=best_fit, values={"mu": 0.5})
    assert live.values["mu"] == 0.5
    live.apply("post-fit")
    assert live.standing().nll == pytest.approx(best_fit.fun, rel=1e-10)
    assert live.standing().delta == pytest.approx(0.0, abs=1e-8)


def test_a_fit_that_fails_is_said_and_moves_nothing():
    a, b = Variable("a", 1.0), Variable("b", 1.0)
    model = Model().add_proc(Process("sig", [50.0, 30.0]).scale_by(a).scale_by(b)).prepare()
    live = smoothfit.interactive(model, [70.0, 44.0])
    live.set({"a": 1.3})
    found = live.fit()
    assert not found.success
    assert live.messages[-1].startswith("INVALID FIT")
    assert live.values["a"] == 1.3
    assert live.result is found
    assert live.presets == ("pre-fit",)


def test_listeners_hear_of_every_change(live):
    heard = []
    live.on_change(lambda: heard.append(live.values["mu"]))
    live.set({"mu": 2.0})
    live.reset()
    live.show(log=True)
    assert heard == [2.0, 1.0, 1.0]


def test_predictions_are_traced_once(model):
    live = smoothfit.interactive(model, OBS)
    live.standing()
    before = at_point.count_traces()
    for value in np.linspace(0.0, 3.0, 5):
        live.set({"mu": value})
        live.standing()
    live.use_asimov()
    live.standing()
    live.use("none")
    live.at_values()
    assert at_point.count_traces() == before


@pytest.mark.parametrize(
    ("values", "error", "match"),
    [
        ({"mu": -0.1}, InvalidValueError, r"mu = -0.1 is outside its bounds \[0, inf\]"),
        ({"nu": 1.0}, UnknownNameError, "No parameter is named 'nu'"),
        ({"mu": np.nan}, InvalidValueError, "must be finite"),
        ({"mu": "much"}, InvalidValueError, "not a number"),
        ([1.0, 2.0], ShapeMismatchError, "3 parameters"),
    ],
)
def test_wrong_values_move_nothing(live, values, error, match):
    live.set({"mu": 1.5, "jes": 0.3})
    with pytest.raises(error, match=match):
        live.set(values)
    assert (live.values["mu"], live.values["jes"]) == (1.5, 0.3)


def test_wrong_arguments(model):
    with pytest.raises(InvalidTypeError, match="interactive: expected a Model, got str"):
        smoothfit.interactive("model")
    with pytest.raises(NotPreparedError):
        smoothfit.interactive(Model().add_proc(Process("bkg", [1.0])))
    with pytest.raises(ShapeMismatchError, match="obs"):
        smoothfit.interactive(model, [1.0, 2.0])
    with pytest.raises(InvalidValueError, match="outside its bounds"):
        smoothfit.interactive(model, OBS, values={"mu": -1.0})
    with pytest.raises(InvalidTypeError, match="best_fit must be a FitResult"):
        smoothfit.interactive(model, OBS, best_fit=3.0)
    with pytest.raises(UnknownNameError, match="no channel is named 'VR'; they are: SR, CR"):
        smoothfit.interactive(model, OBS, channels=["VR"])
    with pytest.raises(InvalidValueError, match="one channel at least"):
        smoothfit.interactive(model, OBS, channels=[])
    with pytest.raises(InvalidValueError, match="dpi"):
        smoothfit.interactive(model, OBS, dpi=1e6)
    with pytest.raises(InvalidValueError, match="log must be True, False or None"):
        smoothfit.interactive(model, OBS, log="yes")


def test_a_model_that_changed_is_noticed(model, live):
    model.mask_channels("CR")
    with pytest.raises(StaleModelError, match="mask_channels"):
        live.set({"mu": 2.0})
    model.prepare()
    with pytest.raises(StaleModelError, match="prepared again since"):
        live.standing()


def test_masked_channels_have_no_deviance(model):
    model.mask_channels("CR")
    model.prepare()
    live = smoothfit.interactive(model, OBS)
    assert live.standing().channels["CR"] == (0.0, 0)
    assert ("CR", "masked") in live.standing().lines()


def test_terms_of_users_count_as_constraints():
    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("sig", [50.0, 30.0]).scale_by(mu))
    model.add_constraint(lambda m: -2.0 * (m - 1.5) ** 2, mu)
    live = smoothfit.interactive(model.prepare(), [70.0, 44.0])
    live.set({"mu": 1.2})
    assert live.standing().constraints == pytest.approx(2.0 * 2.0 * 0.3**2, abs=1e-6)
    assert live.standing().nll == pytest.approx(model.nll([1.2], [70.0, 44.0]), rel=1e-12)

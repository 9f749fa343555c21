"""What is said of two models, against what was changed; the NLL's difference against formulas."""

from __future__ import annotations

import json
import math

import jax.numpy as jnp
import numpy as np
import pytest
import small_models

from smoothfit import diff, errors, nll_difference, read_datacard, read_pyhf
from smoothfit.constraints import Gaussian, Poisson
from smoothfit.effects import Linear
from smoothfit.model import ChannelContrib, Model, Process, Variable


def make(**changed):
    """A model of two channels; what is changed in it is named."""
    c = {
        "yields": [50.0, 40.0],
        "kappa": 1.1,
        "up": [55.0, 42.0],
        "kind": "raw",
        "scale": 1.0,
        "sumw2": [2.0, 1.0],
        "signal": True,
        "mode": "lite",
        "rho": None,
        "linear": 0.1,
        "extra": None,
        "mu": {},
        "lumi": {},
        "interpolation": "combine",
    } | changed
    mu = Variable("mu", **({"value": 1.0} | c["mu"]))
    lumi = Variable("lumi", **({"value": 0.0, "nuisance": True} | c["lumi"]))
    jes, norm = (Variable(name, 0.0, nuisance=True) for name in ("jes", "norm"))
    sig = Process("sig", signal=c["signal"]).add_contrib(ChannelContrib("SR", [9.0, 3.0])).scale_by(mu)
    sig.add_lnN(lumi, c["kappa"], interpolation=c["interpolation"])
    bkg = Process("bkg").add_contrib(ChannelContrib("SR", c["yields"], c["sumw2"]))
    bkg.add_contrib(ChannelContrib("CR", [90.0])).add_effect(Linear(c["linear"]), norm)
    bkg["SR"].add_shape(jes, c["up"], [46.0, 38.0], kind=c["kind"], scale=c["scale"])
    model = Model().add_proc(sig).add_proc(bkg).set_mc_stat(c["mode"])
    if c["extra"] is not None:
        model.add_proc(Process("extra", [1.0, 1.0], channel=c["extra"]))
    if c["rho"] is not None:
        model.correlate_nuisances(lumi, jes, c["rho"])
    return model.prepare()


def changes(**changed):
    found = diff(make(), make(**changed), n=2)
    return found, [(c.what, c.where, c.first, c.second) for c in found.structure]


def test_nothing():
    found, structure = changes()
    assert found.is_empty
    assert structure == []
    assert (found.yields, found.shifts) == ([], [])
    assert found.nll.largest < 1e-10
    assert found.equal == {"contributions": 3, "parameters": 4}
    assert repr(found).startswith("No difference.\nLargest difference of the NLL")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"signal": False}, ("process", "sig", "signal: True", "signal: False")),
        ({"mu": {"value": 2.0}}, ("parameter: start value", "mu", "1", "2")),
        ({"mu": {"lower_bound": 0.0}}, ("parameter: bounds", "mu", "[-inf] to [inf]", "[0] to [inf]")),
        (
            {"lumi": {"constraint": Gaussian(width=2.0)}},
            ("parameter: constraint", "lumi", "Gaussian(mean=0, width=1)", "Gaussian(mean=0, width=2)"),
        ),
        ({"mode": "none"}, ("Monte Carlo statistics", "SR", "lite: 2 one a bin, Gaussian", "no parameters")),
        ({"rho": 0.5}, ("correlation", "jes, lumi", "0", "0.5")),
        ({"interpolation": "code4"}, ("effects", "lumi on sig in SR", "lnN", "lnN (code4)")),
        ({"kind": "shape"}, ("effects", "jes on bkg in SR", "shape (raw)", "shape (shape)")),
        ({"scale": 0.5}, ("effects", "jes on bkg in SR", "shape (raw)", "shape (raw) at 2 sigma")),
        (
            {"kappa": 1.2},
            ("numbers of effects", "lumi on sig in SR", "lumi", "0.1 of the nominal yield, at most"),
        ),
        (
            {"up": [60.0, 42.0]},
            ("numbers of effects", "jes on bkg in SR", "jes", "0.1 of the nominal yield, at most"),
        ),
        (
            {"linear": 0.2},
            ("numbers of effects", "norm on bkg in SR", "norm", "1 of the nominal yield, at most"),
        ),
        ({"extra": "SR"}, ("processes of one only", "", "-", "extra")),
        ({"extra": "VR"}, ("channels of one only", "", "-", "VR")),
    ],
)
def test_structure(changed, expected):
    found, structure = changes(**changed)
    assert expected in structure
    assert not found.is_empty
    assert all(part in repr(found) for part in expected if part)


def test_yields():
    found, _ = changes(yields=[55.0, 40.0])
    (change,) = found.yields
    assert (change.process, change.channel, change.first, change.second, change.bin) == (
        "bkg",
        "SR",
        90.0,
        95.0,
        0,
    )
    assert change.largest == pytest.approx(0.1, rel=1e-12)
    assert found.equal["contributions"] == 2
    found, _ = changes(yields=[50.0, 0.0])
    assert found.yields[0].largest == -1.0
    assert diff(make(yields=[50.0, 0.0]), make(), n=1).yields[0].largest == np.inf


def test_shifts():
    found, _ = changes(kappa=1.3)
    (shift,) = found.shifts
    # Of 9 of 59 events, at +1: 1.1 or 1.3.
    assert (shift.parameter, shift.channel, shift.bin, shift.value) == ("lumi", "SR", 0, 1.0)
    assert shift.first == pytest.approx(9.0 * 0.1 / 59.0, rel=1e-12)
    assert shift.second == pytest.approx(9.0 * 0.3 / 59.0, rel=1e-12)
    assert shift.largest == pytest.approx(9.0 * 0.2 / 59.0, rel=1e-12)


def test_data():
    a, b = make(), make()
    one, other = {"SR": [60.0, 40.0], "CR": [90.0]}, {"SR": [60.0, 45.0], "CR": [90.0]}
    found = diff(a, b, one, other)
    assert [(c.what, c.where, c.first, c.second) for c in found.structure] == [
        ("data", "SR, bin 1", "40", "45")
    ]
    # Data of one are those of both, by channel.
    assert diff(a, b, one).is_empty
    assert diff(a, b, None, other).is_empty
    reordered = Model()
    for process in reversed(make().specification.processes):
        reordered.add_proc(process)
    assert reordered.prepare().channels == ("SR", "CR")
    assert diff(a, reordered, one).structure == []


def test_what_cannot_be_compared_is_said():
    found, _ = changes(extra="VR")
    assert found.nll is None
    assert "The likelihoods are not compared: channels or bins differ." in repr(found)
    x = Model().add_proc(Process("p", [1.0]).scale_by(Variable("x", 1.0))).prepare()
    y = Model().add_proc(Process("p", [1.0]).scale_by(Variable("y", 1.0))).prepare()
    assert "share no parameter" in diff(x, y).why_no_nll
    with pytest.raises(errors.InvalidValueError, match="share no parameter"):
        nll_difference(x, [1.0], y, [1.0])


def test_record():
    found, _ = changes(kappa=1.3, yields=[55.0, 40.0])
    content = json.loads(found.to_json())
    assert set(content) == {"structure", "yields", "shifts", "nll", "why_no_nll", "equal"}
    assert "lumi" in {shift["parameter"] for shift in content["shifts"]}
    assert set(content["nll"]["worst"]) == set(content["nll"]["shared"])
    text = repr(found)
    for title in ("Structure", "Yields at the start", "where it differs most", "NLL"):
        assert title in text
    assert "+10%" in text
    assert "<table>" in found._repr_html_()


def test_as_a_frame():
    pandas = pytest.importorskip("pandas")
    found, _ = changes(kappa=1.3)
    assert isinstance(found.to_pandas(), pandas.DataFrame)
    assert list(found.to_pandas()) == ["what", "where", "first", "second"]


# -- the NLL ---------------------------------------------------------------------------------------


def counting(shift=0.0, *, upper=None, name="mu", data_scale=1.0):
    mu = Variable(name, 1.0, lower_bound=0.2, upper_bound=upper)
    theta = Variable("theta", shift, constraint=Gaussian(mean=shift, width=0.5))
    return Model().add_proc(Process("sig", [10.0 * data_scale]).scale_by(mu).add_lnN(theta, 1.1)).prepare()


def test_the_largest_difference_is_that_of_the_formula():
    a, b = counting(), counting(data_scale=1.2)
    found = nll_difference(a, [8.0], b, [9.0], n=20, seed=4)

    def nll(values, yields, n):
        nu = yields * values["mu"] * 1.1 ** values["theta"]
        constraint = 0.5 * (values["theta"] / 0.5) ** 2
        return nu - n * math.log(nu) + constraint

    start = {"mu": 1.0, "theta": 0.0}

    def apart(at):
        return (nll(at, 12.0, 9.0) - nll(start, 12.0, 9.0)) - (nll(at, 10.0, 8.0) - nll(start, 10.0, 8.0))

    assert found.largest == pytest.approx(abs(apart(found.worst)), rel=1e-9)
    assert found.shared == ("mu", "theta")
    constants = math.lgamma(10.0) - math.lgamma(9.0)
    assert found.at_start == pytest.approx(
        nll(start, 12.0, 9.0) - nll(start, 10.0, 8.0) + constants, rel=1e-12
    )
    # More points of the same numbers cannot be closer.
    assert nll_difference(a, [8.0], b, [9.0], n=60, seed=4).largest >= 0.5 * found.largest
    assert nll_difference(a, [8.0], b, [9.0], n=20, seed=4).largest == found.largest
    assert nll_difference(a, [8.0], b, [9.0], n=20, seed=5).worst != found.worst


def test_points_stay_within_the_limits_of_both():
    a, b = counting(), counting(upper=1.1)
    worst = [nll_difference(a, [8.0], b, [8.0], n=1, seed=seed).worst["mu"] for seed in range(30)]
    assert 0.2 <= min(worst) < max(worst) == 1.1


def test_parameters_of_one_only_stay_where_they_are():
    found = nll_difference(counting(), [8.0], counting(name="r"), [8.0])
    assert found.shared == ("theta",)
    assert (found.only_first, found.only_second) == (("mu",), ("r",))
    assert found.largest < 1e-12
    assert "only in the first" in repr(found)


@pytest.mark.parametrize("name", ["full", "lite_process"])
def test_models_of_other_numbers_differ_and_of_the_same_do_not(name):
    one, same, other = small_models.cached(name), small_models.make(name), small_models.make(name, seed=1)
    assert nll_difference(one.model, one.obs, same.model, same.obs, n=5).largest < 1e-10
    found = nll_difference(one.model, one.obs, other.model, one.obs, n=5)
    assert found.largest > 1e-3
    assert set(one.model.bin_parameters) <= set(found.shared)


def test_nan_is_a_difference():
    x = Variable("x", 1.0)
    rooted = Process("p", [9.0]).scale_by_fn(lambda v: jnp.sqrt(v - 0.9), x)
    plain = Process("p", [9.0]).scale_by(Variable("x", 1.0))
    found = nll_difference(
        Model().add_proc(plain).prepare(), [3.0], Model().add_proc(rooted).prepare(), [3.0]
    )
    assert math.isnan(found.largest)


def test_bad_input():
    model = counting()
    with pytest.raises(errors.InvalidValueError, match="at least 1, got 0"):
        nll_difference(model, [1.0], model, [1.0], n=0)
    for wrong in (3, None):
        with pytest.raises(errors.InvalidTypeError, match="expected a Model"):
            nll_difference(model, [1.0], wrong, [1.0])
        with pytest.raises(errors.InvalidTypeError, match="diff: expected a Model"):
            diff(wrong, model)
    with pytest.raises(errors.ShapeMismatchError, match="obs_b"):
        diff(model, model, [1.0], [1.0, 2.0])
    with pytest.raises(errors.NotPreparedError):
        diff(model, Model().add_proc(Process("p", [1.0])))


def test_other_kinds_of_parameters():
    """Poisson constraints and sets of many: the same text for the same, another for another."""

    def with_set(tau):
        gamma = Variable("gamma", np.ones(30), constraint=Poisson(tau=tau))
        return Model().add_proc(Process("p", np.full(30, 9.0)).scale_by(gamma, axis="bin")).prepare()

    found = diff(with_set(10.0), with_set(20.0), n=2)
    assert [(c.what, c.first, c.second) for c in found.structure] == [
        ("parameter: constraint", "Poisson(tau=10, count=10)", "Poisson(tau=20, count=20)")
    ]
    assert found.shifts == []
    assert found.nll.largest > 0.1


@pytest.mark.slow
@pytest.mark.reference
def test_the_bottom_squark_card_has_its_nuisances_twice(shared):
    """A published conversion of a workspace names each shape in two lines, which both act."""
    folder = shared / "data/converter-ridolfi/test/big_model"
    workspace, obs = read_pyhf(folder / "bottom-squarks.json")
    card, data = read_datacard(folder / "converted_datacard.txt")
    found = diff(workspace, card, obs, data, n=5)
    structure = {c.what: c for c in found.structure}
    pois = structure["parameter of interest"]
    assert (pois.first, pois.second) == ("mu_SIG", "r")
    effects = {(c.first, c.second) for c in found.structure if c.what == "effects"}
    assert {("shape (raw)", "shape (floored)"), ("lnN (code4) + shape (raw)", "shape (floored)")} <= effects
    ratios = [s.second / s.first for s in found.shifts if abs(s.first) > 0.01]
    assert len(ratios) > 10
    assert np.median(ratios) == pytest.approx(2.0, abs=0.1)
    # What a file holds of these data is another matter: the conversion changed a count.
    assert (structure["data"].where, structure["data"].first) == ("CRz_cuts, bin 0", "73")
    assert found.equal["contributions"] == 22


def test_points_without_an_expectation():
    """Where one model expects negative events its likelihood is an extrapolation, which is not compared."""

    def falling(change):
        tilt = Variable("tilt", 0.0, nuisance=True)
        process = Process("bkg", [10.0, 10.0])
        process.add_shape(tilt, [10.0 + change, 10.0], [10.0 - change, 10.0], kind="raw")
        return Model().add_proc(process).prepare()

    found = nll_difference(falling(2.0), [9.0, 9.0], falling(9.0), [9.0, 9.0], n=100, seed=1)
    # Beyond theta = -1.11 the second has less than nothing in its first bin; the first nowhere.
    rng = np.random.default_rng(1)
    rng.uniform(size=100)  # of free parameters
    assert found.negative_in_one == np.count_nonzero(rng.normal(size=100) < -10.0 / 9.0) > 0
    assert 0.0 < found.largest < 100.0
    assert not found.agrees(1e6)
    both = nll_difference(falling(9.0), [9.0, 9.0], falling(9.0), [9.0, 9.0], n=100, seed=1)
    assert both.negative_in_one == 0
    assert both.agrees(1e-12)

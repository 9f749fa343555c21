"""The impacts.json that Combine's plotImpacts.py draws, read as that script reads it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from smoothfit import Model, Process, Variable, write_combine_impacts
from smoothfit.constraints import Poisson
from smoothfit.errors import InvalidTypeError, InvalidValueError
from smoothfit.io import combine_impacts

OBS = [64.0, 47.0]


@pytest.fixture(scope="module")
def model():
    mu, other = Variable("mu", 1.0), Variable("other", 1.0)
    theta = Variable("theta", 0.0, nuisance=True, group="theory")
    scale = Variable("scale", 1.0, constraint=Poisson(tau=25.0), lower_bound=0.0)
    sig = Process("sig", [20.0, 5.0]).scale_by(mu).add_lnN(theta, 1.1)
    bkg = Process("bkg", [40.0, 40.0], sumw2=[4.0, 3.0]).scale_by(scale).add_lnN(theta, (0.95, 1.2))
    return Model().add_proc(sig).add_proc(bkg.scale_by(other)).set_mc_stat("full").prepare()


@pytest.fixture(scope="module")
def best_fit(model):
    return model.fit(OBS, fixed={"other": 1.0})


def drawn(path, poi):
    """What plotImpacts.py (CombineHarvester, CombineTools/scripts) takes from the file, number by number."""
    data = json.loads(path.read_text())
    assert poi in [entry["name"] for entry in data["POIs"]]
    fit = next(entry["fit"] for entry in data["POIs"] if entry["name"] == poi)
    data["params"].sort(key=lambda entry: abs(entry["impact_" + poi]), reverse=True)
    rows = {}
    for entry in data["params"]:
        before, after = entry["prefit"], entry["fit"]
        pull = [None] * 3
        if entry["type"] != "Unconstrained":
            scaled = [
                (end - before[1]) / ((before[2] - before[1]) if end >= before[1] else (before[1] - before[0]))
                for end in after
            ]
            pull = [scaled[1], scaled[2] - scaled[1], scaled[1] - scaled[0]]
        impact = entry[poi]
        rows[entry["name"]] = (
            pull,
            impact[2] - impact[1],
            impact[0] - impact[1],
            entry["type"],
            entry["groups"],
        )
    return (fit[1], fit[2] - fit[1], fit[1] - fit[0]), rows


def test_the_picture_shows_the_impacts(model, best_fit, tmp_path):
    impacts = model.impacts("mu", best_fit)
    write_combine_impacts(impacts, best_fit, tmp_path / "impacts.json")
    fit, rows = drawn(tmp_path / "impacts.json", "mu")
    value, error = best_fit["mu"]
    assert fit == pytest.approx((value, error, error))
    assert list(rows) == impacts.ranking("mu")
    for i, name in enumerate(impacts.names):
        pull, up, down, *_ = rows[name]
        assert (up, down) == pytest.approx((impacts.up[i, 0], impacts.down[i, 0]), abs=1e-12)
        assert pull[0] == pytest.approx(impacts.pull[i], abs=1e-9)
        if name == "theta":
            # Minos bounds of a unit Gaussian around 0: in its own units.
            assert pull[1:] == pytest.approx([impacts.error_up[i], impacts.error_down[i]], rel=1e-9)
    assert rows["theta"][3:] == ("Gaussian", ["theory"])
    assert rows["scale"][3] == "Poisson"
    assert {rows[name][3] for name in model.bin_parameters} == {"Poisson"}


def test_free_parameters_and_groups_of_a_receipt(model, tmp_path):
    best_fit = model.fit(OBS, fixed={"scale": 1.0})
    impacts = model.impacts("mu", best_fit, nuisances=["other", "theta"], bounds="hesse")
    path = tmp_path / "impacts.json"
    write_combine_impacts(impacts, best_fit, path, groups={"exp": ["theta"], "all": ["theta", "other"]})
    _, rows = drawn(path, "mu")
    assert rows["other"][3:] == ("Unconstrained", ["all"])
    assert rows["theta"][4] == ["exp", "all"]


def test_a_nuisance_whose_refit_failed_is_listed_apart(model, best_fit):
    impacts = model.impacts("mu", best_fit, nuisances=["theta", "scale"])
    up = impacts.up.copy()
    up[0] = np.nan
    found = combine_impacts(dataclasses.replace(impacts, up=up), best_fit)
    assert found["failed"] == [impacts.names[0]]
    assert [entry["name"] for entry in found["params"]] == [impacts.names[1]]
    with pytest.raises(InvalidValueError, match="no nuisance whose impacts are known"):
        combine_impacts(dataclasses.replace(impacts, up=np.full_like(up, np.nan)), best_fit)


def test_what_it_refuses(model, best_fit):
    impacts = model.impacts("mu", best_fit, nuisances=["theta"])
    with pytest.raises(InvalidTypeError, match="Impacts and a FitResult are expected"):
        combine_impacts(best_fit, impacts)
    with pytest.raises(InvalidValueError, match="'mu' is blinded"):
        combine_impacts(dataclasses.replace(impacts, hidden=np.array([True])), best_fit)
    other = Model().add_proc(Process("p", [5.0]).scale_by(Variable("mu", 1.0))).prepare().fit([5.0])
    with pytest.raises(InvalidValueError, match="best_fit has no parameter 'theta'"):
        combine_impacts(impacts, other)

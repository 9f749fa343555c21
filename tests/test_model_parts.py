"""Parts of a model by name, to build on, and what is hidden by name."""

from __future__ import annotations

import numpy as np
import pytest
from files_of_tests import workspace

from smoothfit import Model, Process, Variable, combine, load, read_pyhf, save
from smoothfit.errors import StaleModelError, UnknownNameError


def read():
    return read_pyhf(workspace())


def saved(tmp_path):
    model, obs = read()
    save(model, tmp_path / "model.smoothfit")
    return load(tmp_path / "model.smoothfit"), obs


def combined():
    model, obs = read()
    return combine(model, Model().add_proc(Process("other", [5.0], channel="CR")).prepare()), [*obs, 5.0]


@pytest.mark.parametrize("kind", ["read", "saved", "combined"])
def test_models_from_elsewhere_are_built_on(kind, tmp_path):
    model, obs = {"read": read, "saved": lambda: saved(tmp_path), "combined": combined}[kind]()
    before = model.pred({})
    assert model.process("bkg").name == "bkg"
    # What the model has already, and something new.
    model.process("sig").add_lnN(model.variable("bkg_norm"), 1.2)
    model.process("bkg").add_lnN(Variable("extra", 0.0, nuisance=True), 1.5)
    with pytest.raises(StaleModelError):
        model.fit(obs)
    model.prepare()
    assert "extra" in model.nuisances
    parts = {name: model.pred({}, process=name) for name in ("sig", "bkg")}
    np.testing.assert_allclose(model.pred({}), before)
    np.testing.assert_allclose(model.pred({"extra": 1.0}) - before, 0.5 * parts["bkg"])
    both = model.pred({"bkg_norm": 1.0}) - before
    np.testing.assert_allclose(both, 0.2 * parts["sig"] + 0.1 * parts["bkg"])


def test_names_that_the_model_does_not_have():
    model, _ = read()
    with pytest.raises(UnknownNameError, match="there is no process 'ttbar'; there are: sig, bkg"):
        model.process("ttbar")
    with pytest.raises(
        UnknownNameError, match="there is no variable 'lumi'; there are: mu, bkg_norm, mc_stat"
    ):
        model.variable("lumi")
    with pytest.raises(UnknownNameError, match="there are: none"):
        Model().process("sig")


def test_unblinding_what_is_named():
    model, _ = read()
    model.blind(pois=["mu", "bkg_norm"], channels="SR")
    assert model.unblind(channels="SR").blinded == {"mu", "bkg_norm"}
    assert model.unblind(pois=model.variable("bkg_norm")).blinded == {"mu"}
    assert model.unblind(pois=[]).blinded == {"mu"}
    with pytest.raises(UnknownNameError, match="'SR' is not hidden; hidden is: mu"):
        model.unblind(pois="mu", channels=["SR"])
    assert model.blinded == {"mu"}
    assert model.unblind().blinded == frozenset()

"""Commands on saved models, and the impacts for Combine's tools."""

from __future__ import annotations

import importlib
import json

import pytest

from smoothfit import Model, Process, Variable, save
from smoothfit.cli import main


@pytest.fixture
def saved(tmp_path):
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    sig = Process("sig", [20.0, 5.0]).scale_by_fn(lambda m: m**2, mu).add_lnN(theta, 1.1)
    model = Model().add_proc(sig).add_proc(Process("bkg", [40.0, 40.0])).prepare()
    save(model, tmp_path / "model.smoothfit", [60.0, 45.0])
    save(model, tmp_path / "bare.smoothfit")
    return tmp_path


def test_fit_and_inspect_a_saved_model(saved, capsys):
    assert main(["fit", str(saved / "model.smoothfit"), "--json"]) == 0
    fitted = json.loads(capsys.readouterr().out)
    assert fitted["parameters"]["mu"]["value"] == pytest.approx(1.0, abs=1e-6)
    assert main(["inspect", str(saved / "model.smoothfit"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["receipt"]["kind"] == "saved model"


def test_without_data_it_can_be_inspected_and_fitted_to_asimov_data(saved, capsys):
    bare = str(saved / "bare.smoothfit")
    assert main(["inspect", bare]) == 0
    assert "No data." in capsys.readouterr().out
    assert main(["fit", bare]) == 2
    assert "the model was saved without data; give --asimov" in capsys.readouterr().err
    assert main(["fit", bare, "--asimov"]) == 0


def test_functions_by_import_need_leave(tmp_path, capsys, monkeypatch):
    (tmp_path / "own_analysis.py").write_text("def double(x):\n    return 2.0 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    double = importlib.import_module("own_analysis").double
    path = str(tmp_path / "m.smoothfit")
    model = Model().add_proc(Process("p", [10.0]).scale_by_fn(double, Variable("mu", 1.0))).prepare()
    save(model, path, [30.0], functions="import")
    assert main(["inspect", path]) == 2
    assert "allow_imports=['own_analysis']" in capsys.readouterr().err
    assert main(["inspect", path, "--allow-imports", "own_analysis"]) == 0


def test_impacts_for_combine(saved, capsys):
    out = saved / "impacts.json"
    assert main(["impacts", str(saved / "model.smoothfit"), "--combine-json", str(out)]) == 0
    assert capsys.readouterr().err == ""
    found = json.loads(out.read_text())
    assert [entry["name"] for entry in found["params"]] == ["theta"]
    assert set(found["params"][0]) >= {"prefit", "fit", "type", "groups", "mu", "impact_mu"}


def test_outputs_that_are_one_file_are_refused(saved, capsys):
    out = str(saved / "impacts.json")
    assert main(["impacts", str(saved / "model.smoothfit"), "--combine-json", out, "--json", out]) == 2
    assert "are one file" in capsys.readouterr().err
    assert not (saved / "impacts.json").exists()

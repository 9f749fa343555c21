"""The command ``smoothfit gof``."""

from __future__ import annotations

import json

import pytest

from smoothfit import read_pyhf
from smoothfit.cli import main

PNG = b"\x89PNG"


def test_it_answers_as_the_model_does(file, capsys):
    assert main(["gof", file, "--toys", "30", "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    model, obs = read_pyhf(file)
    found = model.goodness_of_fit(obs, toys=30, seed=3)
    assert (out, err) == (f"{found!r}\n", "")
    assert "30 frequentist toys, seed 3" in out


def test_json_pictures_and_options(file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture, out = tmp_path / "gof.png", tmp_path / "gof.json"
    options = [
        "--statistic",
        "ks",
        "--toys",
        "1e2",
        "--seed",
        "1",
        "--fix",
        "bkg_norm=0",
        "--mc-error",
        "0.06",
    ]
    assert main(["gof", file, *options, "--plot", str(picture), "--json", str(out)]) == 0
    assert picture.read_bytes().startswith(PNG)
    content = json.loads(out.read_text())
    model, obs = read_pyhf(file)
    options = {"toys": 100, "seed": 1, "mc_error": 0.06, "fixed": {"bkg_norm": 0.0}}
    assert content == json.loads(model.goodness_of_fit(obs, statistic="ks", **options).to_json())
    capsys.readouterr()
    assert main(["gof", file, "--toys", "0", "--asimov", "--json"]) == 0
    asymptotic = json.loads(capsys.readouterr().out)
    assert asymptotic["observed"] == pytest.approx(0.0, abs=1e-9)
    assert (asymptotic["ndof"], asymptotic["p_value_is"]) == (1, "chi2")


def test_what_fails_says_so(file, flat, tmp_path, fails, capsys):
    assert "is known from toys only; give toys=1000" in fails("gof", file, "--statistic", "ad", "--toys", "0")
    assert "there is no choice 'chi2'" in fails("gof", file, "--statistic", "chi2")
    assert "expected a number of toys" in fails("gof", file, "--toys", "2.5")
    assert "seed: expected a whole number" in fails("gof", file, "--toys", "5", "--seed", "-1")
    assert "No parameter is named 'xi'" in fails("gof", file, "--fix", "xi=1")
    assert "there is no folder" in fails("gof", file, "--json", str(tmp_path / "none" / "x.json"))
    assert main(["gof", flat, "--toys", "5"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("smoothfit: the fit did not converge:")

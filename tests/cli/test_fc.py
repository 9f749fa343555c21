"""``smoothfit fc``."""

from __future__ import annotations

import json

import pytest

from smoothfit import read_pyhf
from smoothfit.cli import main


def test_the_interval_is_that_of_the_model(file, capsys):
    argv = [
        "fc",
        file,
        "mu",
        "--points",
        "4",
        "--range",
        "0",
        "4",
        "--cl",
        "0.9",
        "--toys",
        "50",
        "--seed",
        "1",
    ]
    assert main([*argv, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    content = json.loads(out)
    model, obs = read_pyhf(file)
    found = model.feldman_cousins("mu", 4, obs, cl=0.9, toys=50, seed=1, range=(0.0, 4.0))
    assert content == json.loads(found.to_json())
    assert content["points"]["mu"] == pytest.approx([0.0, 4 / 3, 8 / 3, 4.0])
    assert main(argv) == 0
    assert capsys.readouterr().out.startswith("Feldman-Cousins, mu at 90% confidence level.\nmu in [")


def test_two_parameters_with_a_picture(file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture, out = tmp_path / "region.png", tmp_path / "region.json"
    argv = ["fc", file, "mu", "bkg_norm", "--points", "3", "--range", "0.1", "2", "-1", "1", "--toys", "20"]
    assert main([*argv, "--prefit", "--plot", str(picture), "--json", str(out)]) == 0
    assert "of 9 points are accepted" in capsys.readouterr().out
    content = json.loads(out.read_text())
    assert (content["shape"], content["nuisances"]) == ([3, 3], "prefit")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_blinded_parameters_are_hidden(file, capsys):
    argv = ["fc", file, "mu", "--points", "2", "--range", "0", "4", "--toys", "20", "--seed", "1", "--blind"]
    assert main([*argv, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["upper"] == content["p_values"] == "blinded"


def test_an_error_that_is_not_reached_ends_with_status_1(file, capsys, monkeypatch):
    from smoothfit.results import FeldmanCousins

    monkeypatch.setattr(FeldmanCousins, "reached", property(lambda record: False))
    argv = ["fc", file, "mu", "--points", "2", "--range", "0", "4", "--toys", "20", "--mc-error", "5"]
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert err == "smoothfit: the Monte Carlo error 5 was not reached\n"
    assert "was not reached with the most toys allowed" in out


def test_bad_arguments(file, fails):
    assert "one parameter or two, got 3" in fails("fc", file, "mu", "bkg_norm", "mc_stat[0]")
    assert "--range: expected 2 numbers" in fails("fc", file, "mu", "--range", "1")
    assert "expected a number between 0 and 1" in fails("fc", file, "mu", "--cl", "90")
    assert "expected a number of toys" in fails("fc", file, "mu", "--toys", "0.5")

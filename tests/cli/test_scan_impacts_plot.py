"""The commands that fit again and draw: scan, impacts, plot."""

from __future__ import annotations

import json

import numpy as np
import pytest

from smoothfit import read_pyhf
from smoothfit.cli import main

PNG = b"\x89PNG"


@pytest.fixture
def answer(capsys):
    """The JSON that a command prints, which must succeed and say nothing else."""

    def run(*argv, status=0):
        assert main([*map(str, argv), "--json"]) == status
        out, err = capsys.readouterr()
        assert err == ""
        return json.loads(out)

    return run


def test_scan_prints_a_table(file, capsys):
    assert main(["scan", file, "mu", "--points", "5"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("Scan of mu: 5 of 5 points converged.")
    assert "Read off the scan: mu = " in out


def test_a_scan_is_that_of_the_model(file, answer):
    found = answer("scan", file, "mu", "--points", "3", "--range", "0.25", "2")
    assert found["points"] == {"mu": [0.25, 1.125, 2.0]}
    model, obs = read_pyhf(file)
    fit = model.fit(obs)
    expected = [model.profile({"mu": value}, fit).fun - fit.fun for value in found["points"]["mu"]]
    np.testing.assert_allclose(found["delta_nll"], expected, atol=1e-9)


def test_scan_options(file, answer):
    profiled = answer("scan", file, "mu", "--points", "3", "--range", "0.2", "2")
    held = answer("scan", file, "mu", "--points", "3", "--range", "0.2", "2", "--stat-only")
    assert held["stat_only"] is True
    assert held["delta_nll"][0] > profiled["delta_nll"][0] > 0.0
    assert len(set(held["parameters"]["bkg_norm"])) == 1
    asimov = answer("scan", file, "mu", "--points", "3", "--range", "0.5", "1.5", "--asimov")
    assert asimov["delta_nll"][1] == pytest.approx(0.0, abs=1e-9)
    fixed = answer("scan", file, "mu", "--points", "2", "--fix", "bkg_norm=0.3")
    assert fixed["parameters"]["bkg_norm"] == [0.3, 0.3]


def test_a_scan_of_two(file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture, out = tmp_path / "map.png", tmp_path / "map.json"
    argv = ["scan", file, "mu", "bkg_norm", "--points", "4", "--range", "0.1", "2", "-1", "1"]
    assert main([*argv, "--plot", str(picture), "--json", str(out)]) == 0
    assert "bkg_norm" in capsys.readouterr().out
    content = json.loads(out.read_text())
    assert content["shape"] == [4, 4]
    assert content["points"]["bkg_norm"][:4] == pytest.approx([-1.0, -1 / 3, 1 / 3, 1.0])
    assert picture.read_bytes().startswith(PNG)


def test_a_lower_minimum_and_failed_points_end_with_status_1(capsys):
    """What the command says of records that no file here makes."""
    import dataclasses

    from smoothfit.cli.scan import not_converged
    from smoothfit.model import Model, Process, Variable

    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("p", [100.0]).scale_by(mu)).prepare()
    found = model.scan(mu, 3, model.fit([100.0]))
    assert not_converged(found) == 0
    assert not_converged(dataclasses.replace(found, status=np.array([0, 3, 1]))) == 1
    lower = dataclasses.replace(found, delta_nll=np.array([0.1, -2.0, 1.0]))
    assert not_converged(lower) == 1
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "smoothfit: 2 of 3 points did not converge"
    assert err[1].startswith("smoothfit: A LOWER MINIMUM WAS FOUND: at point 1 the NLL is 2 below")


def test_impacts(file, answer, capsys, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "impacts.png"
    assert main(["impacts", file, "--plot", str(picture)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "bkg_norm" in out
    assert picture.read_bytes().startswith(PNG)
    content = answer("impacts", file, "--pois", "mu", "--kind", "global")
    model, obs = read_pyhf(file)
    expected = model.impacts(["mu"], model.fit(obs), kind="global")
    assert content == json.loads(expected.to_json())


@pytest.mark.parametrize("what", ["yields", "pulls", "impacts", "scan", "correlation"])
def test_pictures(what, file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "picture.png"
    assert main(["plot", file, str(picture), "--what", what]) == 0
    assert capsys.readouterr() == ("", "")
    assert picture.read_bytes().startswith(PNG)
    assert len(list(tmp_path.iterdir())) == 2


def test_contours(file, tmp_path, answer):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "picture.png"
    content = answer("plot", file, picture, "--what", "contour", "--poi", "mu", "bkg_norm")
    (pair,) = content["pairs"]
    assert pair["names"] == ["mu", "bkg_norm"]
    assert [len(one["points"]) for one in pair["contours"]] == [65, 65]
    assert picture.read_bytes().startswith(PNG)


def test_blind_hides_the_poi_in_every_command(file, tmp_path, answer, capsys):
    pytest.importorskip("matplotlib")
    model, obs = read_pyhf(file)
    fit = model.fit(obs)
    found = answer("scan", file, "mu", "--points", "3", "--blind")
    assert found["delta_nll"] == found["points"] == found["best"] == "blinded"
    for argv in (["scan", file, "mu", "--blind"], ["impacts", file, "--blind"]):
        assert main(argv) == 0
        out = capsys.readouterr().out
        assert "blinded" in out
        assert f"{fit['mu'].value:.2f}" not in out
    for what in ("yields", "scan", "impacts", "contour"):
        argv = ["plot", file, tmp_path / f"{what}.png", "--what", what, "--blind"]
        argv += ["--poi", "mu", "bkg_norm"] if what == "contour" else []
        content = json.dumps(answer(*argv))
        assert f"{fit['mu'].value:.4g}" not in content


@pytest.mark.parametrize("argv", [["scan", "FILE", "mu"], ["impacts", "FILE"], ["plot", "FILE", "OUT"]])
def test_a_fit_that_does_not_converge_ends_with_status_1_and_nothing_written(argv, flat, tmp_path, capsys):
    before = list(tmp_path.iterdir())
    words = {"FILE": flat, "OUT": str(tmp_path / "picture.png")}
    assert main([words.get(word, word) for word in argv]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("smoothfit: the fit did not converge: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["scan", "FILE"], "POI"),
        (["scan", "FILE", "mu", "--points", "many"], "many"),
        (["scan", "FILE", "mu", "--points", "1"], "2 or more"),
        (["scan", "FILE", "mu", "--range", "1"], "expected 2 numbers, from where to where"),
        (["scan", "FILE", "mu", "--range", "2", "1"], "(low, high)"),
        (["scan", "FILE", "mu", "--range", "-99", "1"], "outside its bounds"),
        (["scan", "FILE", "nothing"], "nothing"),
        (["scan", "FILE", "mu", "bkg_norm", "mc_stat"], "one parameter or two"),
        (["scan", "FILE", "mu", "--fix", "mu=1"], "held constant"),
        (["scan", "FILE", "mu", "--plot", "OUT/picture.txt"], "format"),
        (["scan", "FILE", "mu", "--json", "OUT/missing/good.json", "--plot", "OUT/picture.png"], "missing"),
        (["impacts", "FILE", "--pois", "nothing"], "nothing"),
        (["impacts", "FILE", "--kind", "guess"], "guess"),
        (["plot", "FILE"], "OUT"),
        (["plot", "FILE", "OUT/picture.txt"], "format"),
        (["plot", "FILE", "OUT/workspace.json"], "overwritten"),
        (["plot", "FILE", "OUT/a.png", "--json", "OUT/a.png"], "--json and OUT are one file"),
        (["plot", "FILE", "OUT/a.png", "--what", "everything"], "everything"),
        (["plot", "FILE", "OUT/a.png", "--what", "contour"], "two to 6 parameters"),
        (["plot", "FILE", "OUT/a.png", "--what", "correlation", "--poi", "mu", "--fix", "mu=1"], "was held"),
    ],
)
def test_errors(argv, words, file, fails, tmp_path):
    pytest.importorskip("matplotlib")
    given = [file if word == "FILE" else word.replace("OUT", str(tmp_path)) for word in argv]
    assert words in fails(*given)

"""The command ``smoothfit toys``."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from smoothfit import campaign, read_pyhf
from smoothfit.cli import main
from smoothfit.status import Status

PNG = b"\x89PNG"
OPTIONS = ("-n", "100", "--seed", "3")


def test_it_answers_as_the_function_does(file, capsys):
    assert main(["toys", file, *OPTIONS, "--values", "mu=1.5", "bkg_norm=0.2"]) == 0
    out, err = capsys.readouterr()
    model, _ = read_pyhf(file)
    found = campaign.fit_toys(model, values={"mu": 1.5, "bkg_norm": 0.2}, toys=100, seed=3)
    assert (out, err) == (f"{found!r}\n", "")
    assert out.startswith("100 of 100 fits converged.")
    # As wide as the errors say.
    summary = found.to_dict()["parameters"]["mu"]
    assert summary["truth"] == 1.5
    assert abs(summary["pull_mean"]) < 0.4
    assert 0.75 < summary["pull_width"] < 1.25


def test_json_pictures_and_kinds(file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture, out = tmp_path / "toys.png", tmp_path / "toys.json"
    options = ["--kind", "bootstrap", "--fix", "bkg_norm=0"]
    assert main(["toys", file, *OPTIONS, *options, "--plot", str(picture), "--json", str(out)]) == 0
    assert picture.read_bytes().startswith(PNG)
    model, obs = read_pyhf(file)
    found = campaign.fit_toys(
        model, values={}, toys=100, seed=3, kind="bootstrap", obs=obs, fixed={"bkg_norm": 0.0}
    )
    assert json.loads(out.read_text()) == json.loads(found.to_json())
    capsys.readouterr()
    assert main(["toys", file, *OPTIONS, "--kind", "bayesian", "--json"]) == 0
    bayesian = json.loads(capsys.readouterr().out)
    assert bayesian["parameters"]["bkg_norm"]["truth"] is None


def test_a_campaign_is_stored_and_added_to(file, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    folder = tmp_path / "toys"
    assert main(["toys", file, "-n", "70", "--seed", "3", "--campaign", str(folder)]) == 0
    out, _ = capsys.readouterr()
    assert "70 of 70, frequentist, seed 3" in out
    assert "70 of 70 fits converged." in out
    # The seed is that of the folder.
    assert main(["toys", file, "-n", "100", "--campaign", str(folder), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["campaign"]["complete"], content["campaign"]["toys"]) == (True, 100)
    model, _ = read_pyhf(file)
    found = campaign.fit_toys(model, values={}, toys=100, seed=3)
    assert content["parameters"]["mu"] == found.to_dict()["parameters"]["mu"]
    assert np.array_equal(campaign.Campaign.open(folder).column("mu"), found.column("mu"))


def test_an_interrupted_campaign_says_how_to_go_on(file, tmp_path, capsys, monkeypatch):
    pytest.importorskip("pyarrow")
    from smoothfit.campaign import recorder

    def interrupted(*_):
        raise KeyboardInterrupt

    folder = tmp_path / "toys"
    command = ["toys", file, *OPTIONS, "--campaign", str(folder)]
    with monkeypatch.context() as patch:
        patch.setattr(recorder.Recorder, "accept", interrupted)
        assert main(command) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"smoothfit: interrupted: 0 of 1 blocks are in '{folder}'; the same command goes on\n"
    assert main(command) == 0
    assert "100 of 100 fits converged." in capsys.readouterr().out


def test_blinded_values_are_nowhere(file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "toys.svg"
    assert main(["toys", file, *OPTIONS, "--blind", "--plot", str(picture)]) == 0
    out, _ = capsys.readouterr()
    model, _ = read_pyhf(file)
    mean = campaign.fit_toys(model, values={}, toys=100, seed=3).values.mean[0]
    line = next(line for line in out.splitlines() if line.startswith("mu "))
    assert "blinded" in line
    assert f"{mean:.2f}" not in line
    assert "truth" not in picture.read_text()


def test_what_fails_says_so(file, tmp_path, fails):
    assert "the number of toys" in fails("toys", file, "-n", "0")
    assert "there is no choice 'hybrid'" in fails("toys", file, "--kind", "hybrid")
    assert "--values: 'mu' is given twice" in fails("toys", file, "--values", "mu=1", "mu=2")
    assert "--fix: 'mu' is given twice" in fails("toys", file, "--fix", "mu=1", "mu=2")
    assert "'xi'" in fails("toys", file, "-n", "5", "--values", "xi=1")
    assert "seed" in fails("toys", file, "-n", "5", "--seed", "-1")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    pytest.importorskip("pyarrow")
    assert "no campaign of this kind" in fails("toys", file, "-n", "5", "--campaign", str(tmp_path / "notes"))


def test_failed_fits_are_told_of(file, capsys, monkeypatch):
    from smoothfit.campaign import making

    fit = making.fit_toys

    def fit_but_one(*args, **options):
        found = fit(*args, **options)
        status = found.status.copy()
        status[5] = Status.NOT_CONVERGED
        return dataclasses.replace(found, status=status)

    monkeypatch.setattr(making, "fit_toys", fit_but_one)
    assert main(["toys", file, *OPTIONS]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("99 of 100 fits converged; the others: 1 NOT_CONVERGED.")
    assert err == "smoothfit: 1 of 100 fits found no minimum\n"


def test_minima_on_a_kink_count_without_errors(file, capsys, monkeypatch):
    from smoothfit.campaign import making

    fit = making.fit_toys

    def fit_on_kink(*args, **options):
        found = fit(*args, **options)
        status = found.status.copy()
        status[:3] = Status.ON_KINK
        return dataclasses.replace(found, status=status)

    whole = campaign.fit_toys(read_pyhf(file)[0], values={}, toys=100, seed=3)
    monkeypatch.setattr(making, "fit_toys", fit_on_kink)
    assert main(["toys", file, *OPTIONS]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("97 of 100 fits converged, 3 ended on a kink, without errors.")
    found = campaign.fit_toys(read_pyhf(file)[0], values={}, toys=100, seed=3)
    assert np.array_equal(found.column("mu"), whole.column("mu"))
    assert np.isnan(found.column("mu error")).tolist() == [True] * 3 + [False] * 97

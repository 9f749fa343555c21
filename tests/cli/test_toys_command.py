"""The command ``smoothfit toys``: in memory, as a campaign, interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from smoothfit import read_pyhf
from smoothfit.campaign import Campaign
from smoothfit.cli import main

PNG = b"\x89PNG"


def test_toys_in_memory(file, capsys):
    assert main(["toys", file, "-n", "100", "--values", "mu=1.5", "--seed", "3", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert (found["toys"], found["converged"]) == (100, 100)
    model, _ = read_pyhf(file)
    # Toys of that seed, drawn and fitted by the model's own calls' engine.
    from smoothfit.campaign import fit_toys

    again = fit_toys(model, values={"mu": 1.5}, toys=100, seed=3)
    mu = found["parameters"]["mu"]
    assert mu["truth"] == 1.5
    assert mu["mean"] == pytest.approx(np.mean(again.column("mu")), rel=1e-12)
    assert abs(mu["pull_mean"]) < 0.5


def test_a_campaign_is_made_gone_on_with_and_drawn(file, tmp_path, capsys):
    folder, picture = tmp_path / "toys", tmp_path / "toys.png"
    words = ["toys", file, "--campaign", str(folder), "--seed", "3"]
    assert main([*words, "-n", "100"]) == 0
    assert capsys.readouterr().out.startswith("100 of 100 fits converged.")
    assert main([*words, "-n", "200", "--plot", str(picture)]) == 0
    assert capsys.readouterr().out.startswith("200 of 200 fits converged.")
    assert picture.read_bytes().startswith(PNG)
    assert Campaign.open(folder).status().complete


def test_a_bootstrap_is_of_the_data(file, tmp_path, capsys):
    folder = tmp_path / "toys"
    words = ["toys", file, "-n", "64", "--kind", "bootstrap", "--campaign", str(folder), "--seed", "1"]
    assert main([*words, "--fix", "bkg_norm=0"]) == 0
    assert Campaign.open(folder).manifest.obs == (70.0, 58.0)
    assert Campaign.open(folder).manifest.fixed == {"bkg_norm": 0.0}
    assert np.all(Campaign.open(folder).column("bkg_norm") == 0.0)
    capsys.readouterr()


def test_blinded_toys_show_nothing_of_the_parameters_of_interest(file, tmp_path, capsys):
    assert main(["toys", file, "-n", "64", "--seed", "3", "--blind", "--plot", str(tmp_path / "t.png")]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("mu"))
    assert line.split() == ["mu", *(["blinded"] * 5)]


def test_wrong_toys(file, fails, tmp_path):
    assert "positive whole number" in fails("toys", file, "-n", "0")
    assert "nu" in fails("toys", file, "-n", "10", "--values", "nu=1")
    assert "--values: 'mu' is given twice" in fails("toys", file, "-n", "10", "--values", "mu=1", "mu=2")
    assert "no campaign in it" in fails("toys", file, "-n", "10", "--campaign", tmp_path)


def test_an_interrupted_campaign_says_how_to_go_on(file, tmp_path):
    folder = tmp_path / "toys"
    command = [sys.executable, "-m", "smoothfit", "toys", file, "-n", "1e7", "--campaign", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(folder.glob("block-*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert f"are done in '{folder}'; the same command goes on from there" in err
    assert err.count("\n") == 1
    assert Campaign.open(folder).status().blocks >= 1

"""The command: what it prints, writes and returns."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smoothfit.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent


def test_fit_prints_tables(file, capsys):
    assert main(["fit", file]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("Converged in ")
    assert "-log L = " in out
    assert out.index("Parameters of interest") < out.index("mu") < out.index("bkg_norm")
    assert out.count("±") >= 3


def test_fit_to_json_on_stdout_is_only_json(file, capsys):
    assert main(["fit", file, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["success"] is True
    assert content["obs"] == {"SR": [70.0, 58.0]}
    assert {"mu", "bkg_norm"} <= set(content["parameters"])


def test_fit_writes_what_is_asked_for(file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    out, picture = tmp_path / "out.json", tmp_path / "out.png"
    assert main(["fit", file, "--json", str(out), "--plot", str(picture)]) == 0
    assert "Parameters of interest" in capsys.readouterr().out
    assert json.loads(out.read_text())["status_name"] == "CONVERGED"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 3


def test_asimov_gives_the_start_values_back(file, capsys):
    assert main(["fit", file, "--asimov", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["obs"] == {"SR": [62.0, 63.0]}
    assert content["parameters"]["mu"]["value"] == pytest.approx(1.0, abs=1e-6)
    assert content["parameters"]["bkg_norm"]["value"] == pytest.approx(0.0, abs=1e-6)


def test_both_fitters_agree(file, capsys):
    found = []
    for fitter in ("newton", "trust-constr"):
        assert main(["fit", file, "--fitter", fitter, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["fun"] == pytest.approx(found[1]["fun"], abs=1e-7)
    assert [f["fitter"] for f in found] == ["newton", "trust-constr"]


def test_fixed_parameters_are_held(file, capsys):
    assert main(["fit", file, "--fix", "mu=0", "bkg_norm=0.5", "--json"]) == 0
    parameters = json.loads(capsys.readouterr().out)["parameters"]
    assert parameters["mu"] == {"value": 0.0, "error": 0.0, "fixed": True, "at_limit": False}
    assert parameters["bkg_norm"]["value"] == 0.5


def test_measurement_and_patch(file, tmp_path, capsys):
    patch = tmp_path / "patch.json"
    patch.write_text(json.dumps([{"op": "replace", "path": "/observations/0/data/0", "value": 60.0}]))
    assert main(["fit", file, "--measurement", "held", "--patch", str(patch), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["obs"]["SR"] == [60.0, 58.0]
    assert content["parameters"]["bkg_norm"]["fixed"] is True


def test_poi_comes_first(file, capsys):
    assert main(["fit", file, "--poi", "bkg_norm"]) == 0
    out = capsys.readouterr().out
    first = out[out.index("Parameters of interest") :].split("\n\n")[0]
    assert "bkg_norm" in first
    assert "mu" not in first
    assert "mu" in out[out.index("Other parameters") :]


def test_inspect(file, capsys):
    assert main(["inspect", file]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("SR", "sig", "bkg", "mu", "bkg_norm"))
    assert main(["inspect", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"]


CARD = """about
bin SR
observation 14
bin SR SR SR
process ggH qqH bkg
process -1 0 1
rate 3.0 2.0 10.0
lumi lnN 1.02 1.02 -
"""


def test_a_datacard(tmp_path, capsys):
    card = tmp_path / "card.txt"
    card.write_text(CARD)
    assert main(["inspect", str(card), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["receipt"]["ignored"] == [
        {"where": "line 1", "what": "about", "why": "text before the rates"}
    ]
    nu, n = 15.0, 14
    expected = nu - n * math.log(nu) + math.lgamma(n + 1) + 0.5 * math.log(2 * math.pi)
    assert content["nll_at_start"] == pytest.approx(expected, abs=1e-9)
    assert main(["fit", str(card), "--map", ".*/ggH:mu[1,-5,5]", "--fix", "lumi=0", "--json"]) == 0
    fit = json.loads(capsys.readouterr().out)
    assert fit["parameters"]["mu"]["value"] == pytest.approx(2.0 / 3.0, abs=1e-6)
    assert main(["fit", str(card), "--patch", "p.json"]) == 2
    assert "'--patch' is no option of a datacard file, which takes --mass, --map" in capsys.readouterr().err


def test_blind_hides_the_pois_everywhere(file, tmp_path, capsys):
    assert main(["fit", file, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)["parameters"]["mu"]["value"]
    assert main(["fit", file, "--blind", "--json"]) == 0
    text = capsys.readouterr().out
    assert json.loads(text)["parameters"]["mu"]["value"] == "blinded"
    assert f"{value:.6g}" not in text
    assert main(["fit", file, "--blind"]) == 0
    out = capsys.readouterr().out
    assert "blinded" in out
    assert f"{value:.2f} ±" not in out


def test_a_fit_that_does_not_converge_is_shown_with_status_1(flat, capsys):
    assert main(["fit", flat, "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["success"] is False
    assert err.startswith("smoothfit: the fit did not converge: ")
    assert err.count("\n") == 1
    assert main(["fit", flat]) == 1
    assert "INVALID FIT" in capsys.readouterr().out


# -- what cannot be done ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["fit", "FILE", "--fix", "mu=one"], "mu=one"),
        (["fit", "FILE", "--fix", "mu=nan"], "mu=nan"),
        (["fit", "FILE", "--fix", "=1"], "NAME=VALUE"),
        (["inspect", "FILE", "--plot", "x.png"], "--plot"),
    ],
)
def test_usage_errors(argv, words, file, fails):
    assert words in fails(*[file if word == "FILE" else word for word in argv])


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--fix", "mu=1", "mu=2"], "twice"),
        (["--fix", "nothing=1"], "nothing"),
        (["--poi", "nothing"], "nothing"),
        (["--measurement", "nothing"], "nothing"),
        (["--patch", "no_such_patch.json"], "no_such_patch.json"),
        (["--plot", "OUT/picture.txt"], "format"),
        (["--plot", "OUT/missing/picture.png"], "missing"),
        (["--json", "OUT"], "folder"),
        (["--json", "OUT/good.json", "--plot", "OUT/missing/picture.png"], "missing"),
        (["--json", "OUT/missing/good.json", "--plot", "OUT/picture.png"], "missing"),
        (["--json", "OUT/one.png", "--plot", "OUT/./one.png"], "one file"),
        (["--json", "OUT/workspace.json"], "overwritten"),
    ],
)
def test_errors_of_a_fit(argv, words, file, fails, tmp_path):
    assert words in fails("fit", file, *[word.replace("OUT", str(tmp_path)) for word in argv])


@pytest.mark.parametrize("command", ["fit", "inspect"])
def test_files_that_are_no_workspace(command, tmp_path, fails):
    assert "no_such_file" in fails(command, tmp_path / "no_such_file.json")
    for number, content in enumerate(["", "{", "[]", '{"channels": []}', "\x00\xff"]):
        path = tmp_path / f"bad_{number}.json"
        path.write_text(content)
        fails(command, path)


def test_outputs_are_checked_before_the_model_is_read(tmp_path, fails):
    error = fails("fit", tmp_path / "no_such_file.json", "--json", tmp_path / "missing" / "out.json")
    assert "out.json" in error


# -- as a process ----------------------------------------------------------------------------------


def run(*argv, **environment):
    return subprocess.run(
        [sys.executable, "-m", "smoothfit", *argv],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu", **environment},
    )


def test_as_a_process(file):
    done = run("fit", file, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "+-" in done.stdout
    done = run("fit", "no_such_file.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("smoothfit ")

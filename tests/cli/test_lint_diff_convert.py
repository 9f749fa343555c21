"""The commands lint, diff and convert: what they print and write, and their exit status."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
from pathlib import Path

import pytest
from files_of_tests import workspace

from smoothfit.cli import main
from smoothfit.errors import FileFormatError
from smoothfit.examples import path as example_path
from smoothfit.io.writing import WRITERS


def write(path, content):
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def other(tmp_path):
    """A file that differs in a yield and a normalisation."""
    content = workspace()
    signal, background = content["channels"][0]["samples"]
    signal["data"] = [13.0, 11.0]
    background["modifiers"][0]["data"]["hi"] = 1.2
    return write(tmp_path / "other.json", content)


# -- lint ------------------------------------------------------------------------------------------


def test_lint(file, capsys):
    assert main(["lint", file]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "remark" in out.splitlines()[0] or out.startswith("Nothing")
    assert main(["lint", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["error"] == 0


def test_lint_of_errors_has_status_1(tmp_path, capsys):
    content = workspace()
    signal, background = content["channels"][0]["samples"]
    signal["data"] = background["data"] = [50.0, 0.0]
    background["modifiers"][1]["data"] = [3.0, 0.0]
    path = write(tmp_path / "bad.json", content)
    out = tmp_path / "found.json"
    assert main(["lint", path, "--json", str(out)]) == 1
    text, err = capsys.readouterr()
    assert "error: data where no process expects anything (data-without-expectation)" in text
    assert err.startswith(f"smoothfit: {path}: 1 error")
    assert err.count("\n") == 1
    (finding,) = [f for f in json.loads(out.read_text())["findings"] if f["severity"] == "error"]
    assert (finding["where"], finding["figure"]) == ("SR, bin 1", 58.0)


def test_lint_strict_and_limits(tmp_path, capsys):
    content = workspace()
    content["channels"][0]["samples"][1]["modifiers"][0]["data"] = {"hi": 2.5, "lo": 0.5}
    path = write(tmp_path / "huge.json", content)
    assert main(["lint", path]) == 0
    assert "(huge-normalisation)" in capsys.readouterr().out
    assert main(["lint", path, "--strict"]) == 1
    assert "1 warning" in capsys.readouterr().err
    assert main(["lint", path, "--strict", "--set", "huge_normalisation=3", "fewest_bins=4"]) == 0
    assert "huge" not in capsys.readouterr().out


def test_lint_of_what_cannot_be(fails, file):
    assert "there is no limit 'size'" in fails("lint", file, "--set", "size=3")
    assert "expected spike=NUMBER, got 'spike=big'" in fails("lint", file, "--set", "spike=big")
    assert "expected fewest_bins=NUMBER" in fails("lint", file, "--set", "fewest_bins=1.5")
    assert "must be a number that is not negative" in fails("lint", file, "--set", "spike=-1")
    assert "cannot be read" in fails("lint", "missing.json")


# -- diff ------------------------------------------------------------------------------------------


def test_diff_of_the_same(file, capsys):
    assert main(["diff", file, file]) == 0
    assert capsys.readouterr().out.startswith("No difference.")


def test_diff(file, other, tmp_path, capsys):
    assert main(["diff", file, other, "--points", "3", "--seed", "2"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "+8.33%" in out
    assert "bkg_norm" in out
    path = tmp_path / "changes.json"
    assert main(["diff", file, other, "--points", "3", "--json", str(path)]) == 1
    content = json.loads(path.read_text())
    assert content["yields"][0]["largest"] == pytest.approx(1.0 / 12.0, rel=1e-12)
    assert content["nll"]["n"] == 3


def test_diff_of_a_workspace_and_a_card(tmp_path, capsys):
    card = tmp_path / "card.txt"
    card.write_text("bin SR\nobservation 5\nbin SR\nprocess sig\nprocess 0\nrate 4.0\nlumi lnN 1.02\n")
    modifiers = [
        {"name": "r", "type": "normfactor", "data": None},
        {"name": "lumi", "type": "normsys", "data": {"hi": 1.02, "lo": 1.0 / 1.02}},
    ]
    content = workspace()
    content["channels"] = [
        {"name": "SR", "samples": [{"name": "sig", "data": [4.0], "modifiers": modifiers}]}
    ]
    content["observations"] = [{"name": "SR", "data": [5.0]}]
    content["measurements"][0]["config"]["poi"] = "r"
    path = write(tmp_path / "w.json", content)
    # An option of cards is no error for the workspace beside it.
    assert main(["diff", path, str(card), "--mass", "125", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {c["what"] for c in found["structure"]} == {"parameter: bounds", "effects"}
    assert found["nll"]["largest"] < 1e-9


def test_diff_of_what_cannot_be(fails, file):
    assert "cannot be read" in fails("diff", file, "missing.json")
    assert "at least 1, got 0" in fails("diff", file, file, "--points", "0")
    assert "is an input and would be overwritten" in fails("diff", "x.json", file, "--json", file)
    assert "B is missing: smoothfit diff A B" in fails("diff", file)


# -- convert ---------------------------------------------------------------------------------------


@pytest.fixture
def writer(monkeypatch, file):
    """A writer of pyhf workspaces that knows one: the content is what a test makes of it."""

    class Fake:
        content = workspace()
        calls = 0

        def __call__(self, model, obs, path):
            self.calls += 1
            assert len(obs) == 2
            Path(path).write_text(json.dumps(self.content))

    fake = Fake()
    replace_writer(monkeypatch, "pyhf", fake)
    return fake


def replace_writer(monkeypatch, kind, write):
    monkeypatch.setitem(WRITERS, kind, dataclasses.replace(WRITERS[kind], write=write))


def test_convert(writer, file, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert main(["convert", file, str(out)]) == 0
    text, err = capsys.readouterr()
    assert err == ""
    assert "pyhf workspace" in text
    assert "Largest difference of the NLL, each relative to the start: 0" in text
    assert json.loads(out.read_text()) == workspace()
    assert writer.calls == 1
    assert main(["convert", file, str(out), "--points", "7", "--seed", "3", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["kind"], content["written"], content["nll"]["n"]) == ("pyhf", True, 7)
    assert content["read_again"]["source"] == str(out)
    assert sorted(os.listdir(tmp_path)) == ["out.json", "workspace.json"]


def test_a_conversion_that_changes_the_likelihood_is_not_written(writer, file, tmp_path, capsys):
    writer.content = copy.deepcopy(workspace())
    writer.content["channels"][0]["samples"][0]["data"][0] = 12.5
    out = tmp_path / "out.json"
    assert main(["convert", file, str(out), "--points", "20"]) == 1
    text, err = capsys.readouterr()
    assert "Largest difference of the NLL" in text
    assert err.startswith(f"smoothfit: {out} was not written: as pyhf the NLL differs by ")
    assert not out.exists()
    # What was there before stays.
    out.write_text("old")
    assert main(["convert", file, str(out), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["written"] is False
    assert out.read_text() == "old"
    assert main(["convert", file, str(out), "--tolerance", "100"]) == 0
    assert json.loads(out.read_text()) == writer.content


def test_the_difference_that_is_printed_is_that_of_the_formula(writer, file, tmp_path, capsys):
    """Without nuisances: nu - n log nu of two bins, at the point that is reported."""
    content = workspace()
    for sample in content["channels"][0]["samples"]:
        sample["modifiers"] = [m for m in sample["modifiers"] if m["name"] == "mu"]
    path = write(tmp_path / "plain.json", content)
    writer.content = copy.deepcopy(content)
    writer.content["channels"][0]["samples"][0]["data"] = [13.0, 11.0]
    assert main(["convert", path, str(tmp_path / "out.json"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["nll"]

    def nll(mu, signal):
        expected = [signal * mu + 50.0, 11.0 * mu + 52.0]
        return sum(nu - n * math.log(nu) for nu, n in zip(expected, (70.0, 58.0), strict=True))

    mu = found["worst"]["mu"]
    apart = nll(mu, 13.0) - nll(1.0, 13.0) - nll(mu, 12.0) + nll(1.0, 12.0)
    assert found["largest"] == pytest.approx(abs(apart), rel=1e-9)


def test_kinds_by_name(writer, file, tmp_path, capsys, monkeypatch):
    called = []

    def recorder(kind):
        def write(model, obs, path):
            called.append((kind, Path(path).name, len(obs)))
            Path(path).write_text(json.dumps(workspace()))

        return write

    for kind in ("hs3", "saved"):
        replace_writer(monkeypatch, kind, recorder(kind))
    for name in ("a.hs3.json", "b.smoothfit"):
        assert main(["convert", file, str(tmp_path / name), "--points", "1"]) == 0
    assert main(["convert", file, str(tmp_path / "plain"), "--to", "saved", "--points", "1"]) == 0
    assert called == [("hs3", "a.hs3.json", 2), ("saved", "b.smoothfit", 2), ("saved", "plain", 2)]
    capsys.readouterr()


@pytest.mark.parametrize("kind", WRITERS)
def test_the_example_keeps_its_likelihood(kind, tmp_path, capsys):
    out = tmp_path / f"out{WRITERS[kind].suffixes[-1]}"
    assert main(["convert", str(example_path("ttbar_differential")), str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["written"]) == (kind, True)
    assert found["nll"]["largest"] < 1e-8
    assert found["nll"]["only_first"] == found["nll"]["only_second"] == []
    assert out.exists()


def test_what_cannot_be_converted(writer, file, tmp_path, fails, monkeypatch):
    assert "the name does not say what to write" in fails("convert", file, tmp_path / "out.xyz")
    assert "OUT and IN are one file" in fails("convert", file, file)
    assert "there is no folder" in fails("convert", file, tmp_path / "no" / "out.json")
    assert "--tolerance must not be negative" in fails(
        "convert", file, tmp_path / "o.json", "--tolerance", "-1"
    )
    assert "--tolerance: expected a number, got 'nan'" in fails(
        "convert", file, tmp_path / "o.json", "--tolerance", "nan"
    )
    assert "there is no choice 'root'" in fails("convert", file, tmp_path / "o.json", "--to", "root")
    assert "cannot be read" in fails("convert", "missing.json", tmp_path / "o.json")
    both = fails("convert", file, tmp_path / "o.json", "--json", tmp_path / "o.json")
    assert "OUT and --json are one file" in both

    def broken(model, obs, path):
        Path(path).write_text("half")
        raise FileFormatError("workspace: a gmN cannot be said in this format.")

    replace_writer(monkeypatch, "pyhf", broken)
    assert "a gmN cannot be said" in fails("convert", file, tmp_path / "o.json")

    def nonsense(model, obs, path):
        Path(path).write_text("[")

    replace_writer(monkeypatch, "pyhf", nonsense)
    assert "not valid JSON" in fails("convert", file, tmp_path / "o.json")

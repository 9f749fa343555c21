"""Commands take HS3 files as they take workspaces."""

from __future__ import annotations

import json

import pytest
from files_of_tests import workspace

from smoothfit import read_pyhf, write_hs3
from smoothfit.cli import main


@pytest.fixture
def hs3(tmp_path):
    model, obs = read_pyhf(workspace())
    path = tmp_path / "model.json"
    write_hs3(model, obs, path, name="main")
    return str(path)


def run(capsys, *argv):
    assert main(list(argv)) == 0
    return json.loads(capsys.readouterr().out)


def test_inspect_and_fit_as_of_the_workspace(hs3, file, capsys):
    seen = run(capsys, "inspect", hs3, "--json")
    assert seen["receipt"]["kind"] == "HS3 file"
    assert seen["receipt"]["ignored"] == []
    assert seen["nll_at_start"] == pytest.approx(
        run(capsys, "inspect", file, "--json")["nll_at_start"], abs=1e-10
    )
    ours, theirs = run(capsys, "fit", hs3, "--json"), run(capsys, "fit", file, "--json")
    assert ours["fun"] == pytest.approx(theirs["fun"], abs=1e-9)


def test_analysis(hs3, capsys, fails):
    seen = run(capsys, "inspect", hs3, "--json", "--analysis", "main")
    assert seen["receipt"]["read"]["analyses"] == 1
    assert "no analysis or likelihood 'other'" in fails("inspect", hs3, "--analysis", "other")
    assert "'--measurement' is no option of a hs3 file" in fails("fit", hs3, "--measurement", "main")

"""``smoothfit report``."""

from __future__ import annotations

import json

from smoothfit.cli import main


def test_it_writes_a_page(file, tmp_path, capsys):
    out, numbers = tmp_path / "out.html", tmp_path / "fit.json"
    argv = ["report", file, "-o", str(out), "--include", "pulls", "model", "--json", str(numbers)]
    assert main(argv) == 0
    shown, err = capsys.readouterr()
    assert err == ""
    assert shown.startswith("Converged in ")
    assert shown.endswith(f"wrote {out}\n")
    page = out.read_text(encoding="utf-8")
    assert "<title>Fit of workspace.json</title>" in page
    assert "workspace.json: pyhf workspace" in page
    assert str(tmp_path) not in page
    assert json.loads(numbers.read_text())["success"] is True


def test_blinded(file, tmp_path, capsys):
    out = tmp_path / "out.html"
    assert main(["report", file, "-o", str(out), "--blind"]) == 0
    capsys.readouterr()
    page = out.read_text(encoding="utf-8")
    assert "Neither shown nor in this file: mu" in page
    assert '"obs":{"SR":"blinded"}' in page


def test_a_fit_that_fails_is_told_on_the_page(flat, tmp_path, capsys):
    out = tmp_path / "out.html"
    assert main(["report", flat, "-o", str(out), "--include", "model"]) == 1
    assert "did not converge" in capsys.readouterr().err
    assert "INVALID FIT" in out.read_text(encoding="utf-8")


def test_what_is_refused(file, fails, tmp_path):
    assert "there is no folder" in fails("report", file, "-o", tmp_path / "none" / "x.html")
    assert "is an input" in fails("report", file, "-o", file)
    same = tmp_path / "x"
    assert "-o are one file" in fails("report", file, "-o", same, "--json", same)
    assert "give its name to -o" in fails("report", file, "-o", "-")
    assert "did you mean 'impacts'" in fails("report", file, "-o", same, "--include", "impact")
    assert "nothing" in fails("report", file, "-o", same, "--poi", "nothing")

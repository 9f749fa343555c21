"""--table of commands: LaTeX, Markdown and CSV, with all other outputs or not at all."""

from __future__ import annotations

import csv
import json

import pytest

from smoothfit.cli import main


def read(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream, strict=True))


def test_a_fit_in_every_form(file, tmp_path, capsys):
    tex, md, table, numbers = (tmp_path / name for name in ("fit.tex", "fit.md", "fit.csv", "fit.json"))
    outputs = [word for path in (tex, md, table) for word in ("--table", str(path))]
    assert main(["fit", file, *outputs, "--json", str(numbers)]) == 0
    printed = capsys.readouterr().out
    assert tex.read_text().count(r"\begin{tabular}") == printed.count("\n---")
    assert "% Parameters of interest" in tex.read_text()
    assert "**Parameters of interest**" in md.read_text()
    heading, *rows = read(table)
    parameters = json.loads(numbers.read_text())["parameters"]
    found = {row[0]: dict(zip(heading, row, strict=True)) for row in rows}
    assert set(parameters) <= set(found)
    for name, entry in parameters.items():
        assert float(found[name]["value"]) == entry["value"]
        assert float(found[name]["error"]) == entry["error"]


@pytest.mark.parametrize("command", ["inspect", "lint"])
def test_commands_without_a_fit(command, file, tmp_path):
    outputs = [tmp_path / f"{command}{ending}" for ending in (".tex", ".md", ".csv")]
    assert main([command, file, *(word for path in outputs for word in ("--table", str(path)))]) == 0
    assert all(path.exists() for path in outputs)


def test_impacts_of_a_blinded_parameter(file, tmp_path):
    tex, table = tmp_path / "i.tex", tmp_path / "i.csv"
    assert main(["impacts", file, "--pois", "mu", "--blind", "--table", str(tex), "--table", str(table)]) == 0
    heading, row, *_ = read(table)
    assert row[heading.index("mu up")] == "blinded"
    assert tex.read_text().count("blinded") >= 3


def test_endings_that_say_nothing(file, tmp_path, fails):
    message = fails("fit", file, "--table", tmp_path / "fit.txt")
    assert "fit.txt' must end with one of .tex, .md, .csv" in message


def test_one_file_for_two_outputs_or_an_input(file, tmp_path, fails):
    out = tmp_path / "out.csv"
    assert "--json, --table" in fails("fit", file, "--table", out, "--json", out)
    other = tmp_path / "in.csv"
    other.write_text((tmp_path / "workspace.json").read_text())
    assert "would be overwritten" in fails("fit", other, "--table", other)


def test_all_or_none(file, tmp_path, fails):
    fails("fit", file, "--table", tmp_path / "a.csv", "--table", tmp_path / "missing" / "b.tex")

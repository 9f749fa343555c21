"""Commands in the documentation exist, and those of its own page run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli.examples import commands_in, quicker, write_files

from smoothfit.cli import main, parser
from smoothfit.cli.reference import BEGIN, page

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "cli.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = commands_in(PAGE.read_text(encoding="utf-8").partition(BEGIN)[0])


def test_the_reference_is_that_of_the_parser():
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run: python -m smoothfit.cli.reference docs/cli.md"


def documented():
    """(page, command) of every indented line that is a command; what follows four spaces is about it."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8").partition(BEGIN)[0]
        for line in text.splitlines():
            if line.startswith("    smoothfit "):
                yield path.name, re.split(r"\s{3,}", line.strip())[0]


@pytest.mark.parametrize(("name", "line"), list(documented()))
def test_commands_in_the_documentation_can_be_parsed(name, line):
    (words,) = commands_in(line)
    parser().parse_args(words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("uproot")
    made = tmp_path_factory.mktemp("page")
    write_files(made)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_examples_of_the_page_run(words, folder, monkeypatch, capsys):
    if words[0] == "completion":
        pytest.importorskip("shtab")
    monkeypatch.chdir(folder)
    status = main(quicker(words))
    out, err = capsys.readouterr()
    assert status in ((0, 1) if words[0] in ("lint", "diff") else (0,)), err
    assert out or words[0] == "plot"


def test_the_first_time_path_that_is_measured_is_that_of_the_readme():
    from benchmarks.first_time import FIT, INSTALL

    readme = PAGES[0].read_text(encoding="utf-8")
    assert INSTALL in readme
    assert f"    {FIT}\n" in readme
    (words,) = commands_in(FIT)
    parser().parse_args(words)

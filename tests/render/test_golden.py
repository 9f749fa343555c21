"""Everything that is shown, against golden files: text, HTML, LaTeX, Markdown, CSV.

After a wanted change: ``SMOOTHFIT_WRITE_GOLDEN=1 python -m pytest tests/render``, and look at the diff.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import pkgutil
import re
from pathlib import Path

import pytest
import record_examples

import smoothfit
from smoothfit import build
from smoothfit.render import Shown, Table, html
from smoothfit.results import Record

GOLDEN = Path(__file__).parent / "golden"
NAMES = list(record_examples.every())
WIDTH = "80"


def _text(shown):
    """As one sees it at a prompt, and printed if that is something else."""
    return repr(shown) if str(shown) == repr(shown) else f"{shown!r}\n\n{shown}"


def _short(content):
    """Numbers to six digits: the last ones may differ from machine to machine."""
    return re.sub(r"-?\d+\.\d{6,}(e[-+]\d+)?", lambda found: f"{float(found[0]):.6g}", content)


FORMS = {
    "txt": _text,
    "html": lambda shown: shown._repr_html_().replace(html.STYLE, "<style>...</style>"),
    "tex": lambda shown: shown.to_latex(),
    "md": lambda shown: shown.to_markdown(),
    "csv": lambda shown: _short(shown.to_csv()),
}


def forms_of(shown):
    return [*FORMS] if isinstance(shown, Record | Table) else ["txt", "html"]


CASES = [(name, form) for name, shown in record_examples.every().items() for form in forms_of(shown)]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_golden(name, form, monkeypatch):
    monkeypatch.setenv("COLUMNS", WIDTH)
    content = FORMS[form](record_examples.every()[name]).replace("\r\n", "\n") + "\n"
    file = GOLDEN / f"{name}.{form}"
    if os.environ.get("SMOOTHFIT_WRITE_GOLDEN"):
        file.write_text(content, encoding="utf-8")
    assert content == file.read_text(encoding="utf-8")


def test_every_golden_file_is_used():
    assert {file.name for file in GOLDEN.iterdir()} == {f"{name}.{form}" for name, form in CASES}


def test_every_record_and_builder_has_golden_files():
    for module in pkgutil.walk_packages(smoothfit.__path__, "smoothfit."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    def below(cls):
        for child in cls.__subclasses__():
            yield child
            yield from below(child)

    records = {cls for cls in below(Record) if dataclasses.is_dataclass(cls)}
    builders = {cls for name in build.__all__ if inspect.isclass(cls := getattr(build, name))}
    builders = {cls for cls in builders | {smoothfit.Model} if issubclass(cls, Shown)}
    assert len(records) > 30
    assert {"Process", "ChannelContrib", "Variable", "TreeVariable", "Model"} == {
        c.__name__ for c in builders
    }
    missing = (records | builders) - {type(shown) for shown in record_examples.every().values()}
    assert not missing, f"add one of each to tests/record_examples.py: {missing}"


@pytest.mark.parametrize("name", NAMES)
def test_a_terminal_of_80_signs_is_wide_enough(name, monkeypatch):
    """But for headings, which are sentences, and words that have no place to break."""
    monkeypatch.setenv("COLUMNS", WIDTH)
    shown = record_examples.every()[name]
    lines = shown._as_text().splitlines() if isinstance(shown, Shown) else repr(shown).splitlines()
    rules = [line for line in lines if line and not line.strip("-")]
    names_alone = {"table"}
    assert name in names_alone or all(len(rule) <= 80 for rule in rules)

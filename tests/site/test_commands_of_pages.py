"""What is written in tables and blocks without being run: commands that parse, calls that fit a signature."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from pathlib import Path

import pytest

import smoothfit
from smoothfit import campaign, cli, functional, plot, systematics, unfolding

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted((ROOT / "docs" / "coming_from").glob("*.md"))
HOLDERS = (smoothfit, smoothfit.Process, systematics, unfolding, campaign, functional)


def commands(text: str) -> list[str]:
    """Lines of blocks, and code in tables, that call smoothfit."""
    blocks = re.findall(r"^    (smoothfit [^#\n]+)", text, re.MULTILINE)
    return blocks + re.findall(r"`(smoothfit [^`]+)`", text)


def calls(text: str) -> list[ast.Call]:
    """Calls in the last column of tables."""
    found = []
    for row in re.findall(r"^\|.*\|$", text, re.MULTILINE):
        for code in re.findall(r"`([^`]+)`", row.rstrip("|").split(" | ")[-1].replace(r"\|", "|")):
            try:
                tree = ast.parse(code)
            except SyntaxError:
                continue
            found += [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) != "print"]
    return found


def called(function: ast.expr) -> object:
    """What a call is of: a method of the model, a picture, a name of the package."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        holder = {"model": smoothfit.Model, "plot": plot, "Model": smoothfit.Model}[function.value.id]
        return getattr(holder, function.attr)
    assert isinstance(function, ast.Name), ast.dump(function)
    holders = (*HOLDERS, smoothfit.Model)
    return next(getattr(holder, function.id) for holder in holders if hasattr(holder, function.id))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_parse(page):
    for command in commands(page.read_text(encoding="utf-8")):
        words = shlex.split(command)[1:]
        # A command that is only named has no file.
        if len(words) > 1:
            cli.parser().parse_args(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_calls_fit_their_signatures(page):
    for call in calls(page.read_text(encoding="utf-8")):
        found = called(call.func)
        signature = inspect.signature(found)
        given = [None for a in call.args if not (isinstance(a, ast.Constant) and a.value is ...)]
        names = {word.arg: None for word in call.keywords if word.arg is not None}
        own = list(signature.parameters)[:1] == ["self"]
        try:
            signature.bind_partial(*([None] if own else []), *given, **names)
        except TypeError as error:
            pytest.fail(f"{ast.unparse(call)}: {error}")


def test_there_are_some():
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    assert sum(len(commands(text)) for text in texts) > 40
    assert sum(len(calls(text)) for text in texts) > 50

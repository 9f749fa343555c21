"""The table of kinds: nothing of the library is missing in it."""

from __future__ import annotations

import ast
import dataclasses
import typing
from pathlib import Path

import pytest

import smoothfit
from smoothfit import constraints, effects
from smoothfit.build import declarations
from smoothfit.constraints.base import Constraint
from smoothfit.effects import Effect
from smoothfit.io.saved.kinds import CONSTRAINTS, EFFECTS, FUNCTIONS
from smoothfit.io.saved.reading import DECLARATIONS
from smoothfit.preparation.specification import Specification

PACKAGE = Path(smoothfit.__file__).parent


def _subclasses(cls):
    for sub in cls.__subclasses__():
        if sub.__module__.startswith("smoothfit."):
            yield sub
            yield from _subclasses(sub)


def test_every_effect_is_a_kind():
    concrete = {cls for cls in _subclasses(Effect) if not getattr(cls, "__abstractmethods__", None)}
    assert concrete == {kind.cls for kind in EFFECTS} == set(effects.EFFECTS.values())


def test_every_constraint_is_a_kind_but_none():
    found = set(_subclasses(Constraint)) - {constraints.NoConstraint}
    assert found == {kind.cls for kind in CONSTRAINTS}
    for kind in CONSTRAINTS:
        assert set(kind.fields) == {field.name for field in dataclasses.fields(kind.cls)}


def test_every_declaration_is_a_kind():
    named = {"Scale": "scale", "ScaleFn": "scale_by_fn", "AddFn": "add_by_fn", "Systematic": "effect"}
    found = {cls.__name__ for cls in typing.get_args(declarations.Declaration)} | {"AddFn"}
    assert {named.get(name, name.lower()) for name in found} == set(DECLARATIONS)


def test_everything_a_model_can_be_told_is_written():
    """A new field of the specification must be looked after here."""
    # Which objects a model knows as its variables is no matter of files.
    assert {field.name for field in dataclasses.fields(Specification)} - {"known_as"} == {
        "processes",
        "correlations",
        "terms",
        "mc_stat",
        "data_term",
        "masked",
        "descriptions",
        "poi",
    }


@pytest.mark.parametrize("table", [EFFECTS, CONSTRAINTS, FUNCTIONS])
def test_names_are_unique(table):
    assert len({kind.name for kind in table}) == len({kind.cls for kind in table}) == len(table)


def test_the_reader_imports_nothing_by_a_name_of_the_file():
    """One module imports by name, and asks for leave; none evaluates, none unpickles."""
    for path in (PACKAGE / "io" / "saved").rglob("*.py"):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        attributes = {n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)}
        assert not names & {"eval", "exec", "__import__", "pickle", "compile"}
        assert ("import_module" in attributes) == (path.name == "imports.py")

"""Which parameters of the models are one, and what the combination has in their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .._checks import describe
from ..build import Variable
from ..build.comparison import differences
from ..build.copying import copied_variable
from ..errors import (
    DuplicateNameError,
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    UnknownNameError,
)
from ..results import Note
from .parts import Part

__all__ = ["Shared", "merge_variables"]


class _Known(NamedTuple):
    variable: Variable
    part: Part


@dataclass(frozen=True, eq=False)
class Shared:
    """The parameters of a combination."""

    of_part: tuple[dict[int, Variable], ...]
    """For each model: id of its variable -> the one in its place."""
    by_name: dict[str, Variable]
    """Every name that a variable had after renaming -> the variable."""
    notes: list[Note] = field(default_factory=list)
    n_shared: int = 0
    """How many are parameters of more than one model."""

    def known_as(self, parts: Sequence[Part]) -> list[tuple[Variable, Variable]]:
        """Variables of the models, and those in their place; not one that stands for two."""
        pairs: list[tuple[Variable, Variable]] = []
        for part, own in zip(parts, self.of_part, strict=True):
            pairs += [(variable, own[id(variable)]) for variable in part.variables]
            # A model may be a combination itself.
            pairs += [(known, own[id(v)]) for known, v in part.specification.known_as if id(v) in own]
        targets: dict[int, set[int]] = {}
        for known, own_variable in pairs:
            targets.setdefault(id(known), set()).add(id(own_variable))
        once = {id(known): (known, own_variable) for known, own_variable in pairs}
        return [pair for key, pair in once.items() if len(targets[key]) == 1]


def merge_variables(parts: Sequence[Part], chosen: Sequence[Any], same: Sequence[tuple[str, str]]) -> Shared:
    """One variable a name; ``chosen`` ones in place of all of their name, ``same`` pairs of names as one.

    Raises
    ------
    InvalidValueError
        For variables of one name that differ, with both sides.
    ShapeMismatchError
        For a chosen variable of another size.
    UnknownNameError
        For a chosen variable, or one of a pair, whose name no model has.
    """
    given = _chosen(chosen)
    named = [[(v, *part.names.of_variable(v)) for v in part.variables] for part in parts]
    known: dict[str, _Known] = {}
    notes: list[Note] = []
    for part, variables in zip(parts, named, strict=True):
        for old, name, sub_names in variables:
            copied = copied_variable(old, name, sub_names)
            if name in given:
                _check_size(given[name], copied, part)
                known[name] = _Known(given[name], part)
            elif name in known:
                _check_same(known[name], _Known(copied, part))
                notes += _labels(known[name], _Known(copied, part))
            else:
                known[name] = _Known(copied, part)
    for name in given:
        if name not in known:
            raise UnknownNameError(f"combine: variables: no model has a variable '{name}'; leave it out.")
    by_name = _united(known, same)
    of_part = tuple({id(old): by_name[name] for old, name, _ in variables} for variables in named)
    users = Counter(key for own in of_part for key in {id(variable) for variable in own.values()})
    return Shared(of_part, by_name, notes, sum(number > 1 for number in users.values()))


def _chosen(chosen: Sequence[Any]) -> dict[str, Variable]:
    given: dict[str, Variable] = {}
    for variable in chosen:
        if not isinstance(variable, Variable):
            raise InvalidTypeError(f"combine: variables: expected Variables, got {describe(variable)}.")
        if variable.name in given:
            raise DuplicateNameError(f"combine: variables: '{variable.name}' is given twice; give it once.")
        given[variable.name] = variable
    return given


def _check_size(chosen: Variable, variable: Variable, part: Part) -> None:
    if (chosen.size, chosen.is_scalar) != (variable.size, variable.is_scalar):
        shapes = ["a number" if v.is_scalar else f"an array of {v.size}" for v in (chosen, variable)]
        raise ShapeMismatchError(
            f"combine: variables: '{chosen.name}' is {shapes[0]}, that of {part.what} is {shapes[1]}; "
            "give one of the same size."
        )


def _check_same(first: _Known, second: _Known) -> None:
    found = differences(first.variable, second.variable)
    if found:
        listed = "; ".join(
            f"{d.field} {d.first} in {first.part.what}, {d.second} in {second.part.what}" for d in found
        )
        raise InvalidValueError(
            f"combine: variable '{first.variable.name}' is not the same in both: {listed}. Rename one "
            "(rename=), or give the one to use for both "
            f"(variables=[Variable('{first.variable.name}', ...)])."
        )


def _labels(first: _Known, second: _Known) -> list[Note]:
    """What is not kept of a second variable, for the receipt."""
    notes = []
    for what in ("label", "unit"):
        kept, other = getattr(first.variable, what), getattr(second.variable, what)
        if other is not None and other != kept:
            where = f"{second.part.what}, variable '{first.variable.name}'"
            notes.append(Note(where, f"{what} '{other}'", f"that of {first.part.what} is taken: {kept!r}"))
    return notes


def _united(known: dict[str, _Known], same: Sequence[tuple[str, str]]) -> dict[str, Variable]:
    """Name -> variable, where the second of each pair is the first."""
    leader = {name: name for name in known}
    for first, second in same:
        a, b = leader[first], leader[second]
        one, other = known[a], known[b]
        renamed = copied_variable(other.variable, one.variable.name, one.variable.sub_names)
        if a != b and renamed.size == one.variable.size:
            _check_same(one, _Known(renamed, other.part))
        elif a != b:
            _check_size(one.variable, other.variable, other.part)
        leader = {name: a if lead == b else lead for name, lead in leader.items()}
    return {name: known[lead].variable for name, lead in leader.items()}

"""What ``correlate`` of a combination asks for, by the names that variables have there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .._checks import describe
from ..errors import InvalidTypeError, UnknownNameError
from .parts import Part

__all__ = ["Asked", "correlations_asked"]


class Asked(NamedTuple):
    """Names of variables, after renaming."""

    same: list[tuple[str, str]]
    """Those that are one."""
    pairs: list[tuple[str, str, float]]
    groups: list[tuple[list[str], Any]]


def correlations_asked(parts: Sequence[Part], correlate: Sequence[Any]) -> Asked:
    """Entries (a, b, rho) or ([a, b, ...], matrix); rho = 1 makes two variables one.

    Raises
    ------
    InvalidTypeError
        For an entry of another form.
    UnknownNameError
        For a name that no model has.
    """
    asked = Asked([], [], [])
    for entry in correlate:
        if not isinstance(entry, tuple | list) or len(entry) not in (2, 3):
            raise InvalidTypeError(
                f"combine: correlate: expected (a, b, rho) or ([a, b, ...], matrix), got {describe(entry)}."
            )
        if len(entry) == 2:
            asked.groups.append(_group(parts, *entry))
            continue
        first, second, rho = entry
        names = _name(parts, first), _name(parts, second)
        if isinstance(rho, int | float) and not isinstance(rho, bool) and rho == 1.0:
            asked.same.append(names)
        else:
            asked.pairs.append((*names, rho))
    return asked


def _group(parts: Sequence[Part], members: Any, matrix: Any) -> tuple[list[str], Any]:
    if not isinstance(members, list | tuple):
        raise InvalidTypeError(
            f"combine: correlate: {describe(members)} and {describe(matrix)} come without rho; "
            "give (a, b, rho), rho = 1 for one and the same."
        )
    return [_name(parts, given) for given in members], matrix


def _name(parts: Sequence[Part], given: Any) -> str:
    """The name of a variable in the combination, from that or from a Variable of the models."""
    named = [(v, part.names.of_variable(v)[0]) for part in parts for v in part.variables]
    if isinstance(given, str):
        if given not in {name for _, name in named}:
            raise UnknownNameError(
                f"combine: correlate: no model has a variable '{given}', after renaming; "
                "give names of variables."
            )
        return given
    found = {name for variable, name in named if variable is given}
    if len(found) != 1:
        raise UnknownNameError(
            f"combine: correlate: {describe(given)} is no variable of the models, or has two names in "
            "them; give its name."
        )
    return found.pop()

"""How HS3 says which function interpolates between templates, and how the builders say it.

The standard has objects {"type", "in", "out"}; files have words of its first versions ("log", "poly6"), names
of pyhf ("code4") and numbers of ROOT, too. Where a file says nothing it is what HistFactory does: a
polynomial of sixth order inside +-1, exponential (normsys) or linear (histosys) outside.
"""

from __future__ import annotations

from typing import Any

from ..json_fields import describe
from .entries import Entry, unsupported

__all__ = ["NORMSYS", "SHAPES", "of_code", "read_interpolation"]

Form = tuple[str, str, str | None]

NORMSYS: dict[str, Form] = {"code1": ("mult", "exp", None), "code4": ("mult", "poly6", "exp")}
"""Interpolations of ``add_lnN``: (type, inside, outside)."""

SHAPES: dict[str, Form] = {
    "raw": ("add", "poly6", "poly1"),
    "linear": ("add", "poly1", None),
    "quadratic": ("add", "poly2", "poly1"),
}
"""Kinds of ``add_shape``."""

_WORDS = {
    "normsys": {"log": "code1", "exp": "code1", "code1": "code1", "code4": "code4"},
    "histosys": {
        "lin": "linear",
        "code0": "linear",
        "parabolic": "quadratic",
        "poly6": "raw",
        "code4p": "raw",
    },
}
_CODES = {
    "normsys": {1: "code1", 4: "code4", 5: "code4"},
    "histosys": {0: "linear", 2: "quadratic", 3: "quadratic", 4: "raw"},
}
_DEFAULT = {"normsys": "code4", "histosys": "raw"}


def read_interpolation(modifier: Entry, kind: str, default: Any) -> str:
    """The builders' name of a modifier's interpolation; ``default`` is the channel's, None for none.

    Raises
    ------
    FileFormatError
        For one that this kind of modifier has not, and what is none.
    """
    given = modifier.get("interpolation", default)
    where = modifier.at("interpolation")
    if given is None:
        return _DEFAULT[kind]
    if isinstance(given, dict):
        entry = Entry(where, given, [])
        form = entry.get("type"), entry.get("in"), entry.get("out")
        table = NORMSYS if kind == "normsys" else SHAPES
        # Written out, a function that goes on as it is inside is the same as none outside.
        same = [name for name, known in table.items() if form == known or form == (*known[:2], known[1])]
        if same:
            return same[0]
    elif isinstance(given, str) and given in _WORDS[kind]:
        return _WORDS[kind][given]
    elif isinstance(given, int) and not isinstance(given, bool) and given in _CODES[kind]:
        return _CODES[kind][given]
    known = ", ".join(str({"type": a, "in": b, "out": c}) for a, b, c in _forms(kind))
    raise unsupported(where, f"{describe(given)} of a {kind}; supported are {known}.")


def _forms(kind: str) -> list[Form]:
    return list((NORMSYS if kind == "normsys" else SHAPES).values())


def of_code(code: int) -> str | None:
    """The name of ROOT's code of an interpolation0d; None for one that only formulas have."""
    return _CODES["normsys"].get(code)

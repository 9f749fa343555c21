"""Templates of names: ``{channel}/{process}_{systematic}{Up|Down}``, and how a name can be read by them.

Fields stand for one or more characters other than a slash. Process names have underscores as often as
what follows them, so that a name may have several readings: all of them are found here, and
:mod:`.sorting` decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._checks import describe
from ..errors import InvalidTypeError, InvalidValueError

__all__ = ["FIELDS", "Naming", "Pattern", "Reading", "read_naming"]

FIELDS = ("channel", "process", "systematic", "direction")
_PIECE = re.compile(r"\{([^{}|]+)\}|\{([^{}|]+)\|([^{}|]+)\}|([^{}]+)|(.)", re.DOTALL)
_LONGEST = 300
"""Characters of a name: the ways to read it grow with their square."""


class Reading(NamedTuple):
    """What a name says; ``channel`` is "" where names have none, ``systematic`` where it is nominal."""

    channel: str
    process: str
    systematic: str = ""
    direction: str = ""
    """ "up", "down", or "" """


@dataclass(frozen=True)
class Pattern:
    """Literal texts and fields, in their order: ("", text) or (field, "")."""

    text: str
    pieces: tuple[tuple[str, str], ...]
    directions: tuple[str, str] = ("Up", "Down")

    def readings(self, name: str) -> list[Reading]:
        """Every way to read a name; empty if there is none.

        Examples
        --------
        >>> pattern = _pattern("naming", "{process}_{systematic}{Up|Down}")
        >>> [(r.process, r.systematic, r.direction) for r in pattern.readings("tt_2l_jesUp")]
        [('tt', '2l_jes', 'up'), ('tt_2l', 'jes', 'up')]
        """
        if len(name) > _LONGEST:
            return []
        found = []
        for fields in self._splits(name, 0):
            given = dict(fields)
            direction = given.get("direction", "")
            if direction:
                given["direction"] = "up" if direction == self.directions[0] else "down"
            found.append(Reading(**{"channel": "", "process": "", **given}))
        return found

    def _splits(self, rest: str, piece: int) -> Iterator[tuple[tuple[str, str], ...]]:
        if piece == len(self.pieces):
            if not rest:
                yield ()
            return
        field, literal = self.pieces[piece]
        for taken in self._candidates(field, literal, rest, piece):
            for further in self._splits(rest[len(taken) :], piece + 1):
                yield (((field, taken), *further) if field else further)

    def _candidates(self, field: str, literal: str, rest: str, piece: int) -> list[str]:
        """What a piece may be, at the beginning of what is left."""
        if not field or field == "direction":
            options = self.directions if field else (literal,)
            return [option for option in options if rest.startswith(option)]
        end = rest.find("/")
        longest = len(rest) if end < 0 else end
        if piece == len(self.pieces) - 1:
            return [rest] if 0 < len(rest) == longest else []
        return [rest[:length] for length in range(1, longest + 1)]

    def name(self, reading: Reading) -> str:
        """The name that has this reading."""
        given = {**reading._asdict(), "direction": self.directions[int(reading.direction == "down")]}
        return "".join(given[field] if field else literal for field, literal in self.pieces)


@dataclass(frozen=True)
class Naming:
    """How histograms are named: variations and nominal ones."""

    varied: Pattern | None
    """None where there are no variations."""
    nominal: Pattern


def read_naming(naming: Any, nominal: Any = None) -> Naming:
    """A template of names, with that of the nominal ones; by default the same without the systematic.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        For templates that are not text, with unknown, missing or repeated fields.

    Examples
    --------
    >>> read_naming("{channel}/{process}_{systematic}{Up|Down}").nominal.text
    '{channel}/{process}'
    >>> read_naming("{systematic}_{direction}/{process}").nominal.text
    '{process}'
    """
    pattern = _pattern("naming", naming)
    fields = [field for field, _ in pattern.pieces if field]
    if "systematic" not in fields and "direction" not in fields:
        return Naming(None, pattern if nominal is None else _nominal(nominal))
    for needed in ("systematic", "direction"):
        if needed not in fields:
            cure = "{direction} or {Up|Down}" if needed == "direction" else "{systematic}"
            raise InvalidValueError(f"naming: '{naming}' has no {cure}; add it.")
    derived = _without_systematic(pattern) if nominal is None else _nominal(nominal)
    in_nominal = {field for field, _ in derived.pieces if field}
    if in_nominal != set(fields) - {"systematic", "direction"}:
        raise InvalidValueError(
            f"naming: '{naming}' and the nominal '{derived.text}' must have the same fields besides "
            "{systematic} and the direction."
        )
    return Naming(pattern, derived)


def _nominal(nominal: Any) -> Pattern:
    pattern = _pattern("nominal", nominal)
    for field, _ in pattern.pieces:
        if field in ("systematic", "direction"):
            raise InvalidValueError(f"nominal: '{nominal}' has a {field}; leave it out.")
    return pattern


def _pattern(what: str, text: Any) -> Pattern:
    if not isinstance(text, str):
        raise InvalidTypeError(
            f"{what}: a template such as '{{process}}_{{systematic}}{{Up|Down}}' is expected, got "
            f"{describe(text)}."
        )
    pieces: list[tuple[str, str]] = []
    directions = ("Up", "Down")
    for match in _PIECE.finditer(text):
        field, up, down, literal, stray = match.groups()
        if stray is not None:
            raise InvalidValueError(f"{what}: '{text}' has a '{stray}' that belongs to no field.")
        if field is not None and field not in FIELDS:
            raise InvalidValueError(
                f"{what}: '{{{field}}}' in '{text}' is no field; they are {{channel}}, {{process}}, "
                "{systematic} and {direction}, or two names of directions, as {Up|Down}."
            )
        if up is not None:
            field, directions = "direction", (up, down)
        pieces.append(("", literal) if literal is not None else (str(field), ""))
    _check_pieces(what, text, pieces, directions)
    return Pattern(text, tuple(pieces), directions)


def _check_pieces(what: str, text: str, pieces: list[tuple[str, str]], directions: tuple[str, str]) -> None:
    fields = [field for field, _ in pieces if field]
    for field in fields:
        if fields.count(field) > 1:
            raise InvalidValueError(f"{what}: '{text}' has the {field} twice; give it once.")
    if "process" not in fields:
        raise InvalidValueError(f"{what}: '{text}' has no {{process}}; add it.")
    if directions[0] == directions[1]:
        raise InvalidValueError(
            f"{what}: '{text}' has twice the direction '{directions[0]}'; up comes first."
        )


def _without_systematic(pattern: Pattern) -> Pattern:
    """The template without systematic and direction, and without the text that joins them to the rest."""
    pieces = list(pattern.pieces)
    at = [i for i, (field, _) in enumerate(pieces) if field in ("systematic", "direction")]
    first, last = at[0], at[-1]
    if any(field in ("channel", "process") for field, _ in pieces[first:last]):
        raise InvalidValueError(
            f"naming: '{pattern.text}' has other fields between the systematic and its direction; "
            "give nominal=..., the template of the nominal names."
        )
    if first > 0 and not pieces[first - 1][0]:
        first -= 1
    elif first == 0 and last + 1 < len(pieces) and not pieces[last + 1][0]:
        last += 1
    kept = tuple(pieces[:first] + pieces[last + 1 :])
    text = "".join(f"{{{field}}}" if field else literal for field, literal in kept)
    return Pattern(text, kept)

"""Which parameters of interest scale which processes.

As Combine's models do: one ``r`` for all signals, or rules like those of ``multiSignalModel``, a pattern of
"channel/process" and the parameter that scales what matches; the last that matches counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...build import Variable
from ...errors import InvalidTypeError, InvalidValueError
from .card import Card, Column

__all__ = ["Signals", "read_signals"]

_RANGE = (0.0, 20.0)
_RULE = re.compile(r"(?:map=)?(?P<patterns>.+):(?P<name>[A-Za-z_]\w*)(?P<numbers>\[[^\]]*\])?")
_FIXED = re.compile(r"(?:map=)?(?P<patterns>.+):(?P<number>[01])")


class Signals(NamedTuple):
    """The parameters of interest, and what scales each process."""

    variables: Mapping[str, Variable]
    of_column: Mapping[Column, Variable | float]
    """0 leaves a process out, 1 leaves it as it is."""


def read_signals(card: Card, pois: Any, bounds: tuple[float, float] | None) -> Signals:
    """The parameters of interest.

    Parameters
    ----------
    pois
        None for one ``r`` that scales all signals, or rules "pattern:name[value,low,high]", the numbers
        optional, as after ``--PO`` of Combine: regular expressions of "channel/process", several with
        commas, and a name, or 0 or 1. The last one that matches counts; what none matches is not scaled.
    bounds
        Of the parameters whose rules give none; [0, 20] by default.

    Raises
    ------
    InvalidValueError, InvalidTypeError
        For rules that are none, and for parameters that scale nothing.

    Examples
    --------
    >>> card = Card("c", rates={Column("SR", "ggH"): 1.0, Column("SR", "qqH"): 1.0}, signal={"ggH": True,
    ...     "qqH": True})
    >>> found = read_signals(card, ["map=.*/ggH:r_ggH[1,-5,5]", ".*/qqH:r_qqH"], None)
    >>> list(found.variables)
    ['r_ggH', 'r_qqH']
    """
    if pois is None:
        signals = [column for column in card.rates if card.signal[column.process]]
        if not signals:
            return Signals({}, {})
        r = _variable("r", "", bounds)
        return Signals({"r": r}, dict.fromkeys(signals, r))
    if isinstance(pois, str):
        pois = [pois]
    if not isinstance(pois, Sequence) or not all(isinstance(rule, str) for rule in pois):
        raise InvalidTypeError(
            "read_datacard: pois: a list of rules like '.*/ggH:r_ggH[1,0,10]' is expected."
        )
    found: dict[str, Variable] = {}
    of_column: dict[Column, Variable | float] = {}
    for rule in pois:
        match = _FIXED.fullmatch(rule) or _RULE.fullmatch(rule)
        if match is None:
            raise InvalidValueError(
                f"read_datacard: pois: '{rule}' is no rule; write 'channel/process:name[value,low,high]'."
            )
        parts = match.groupdict()
        matching = _matching(card, rule, parts["patterns"])
        if "number" in parts:
            of_column.update(dict.fromkeys(matching, float(parts["number"])))
            continue
        name, numbers = parts["name"], parts["numbers"] or ""
        if name not in found:
            found[name] = _variable(name, numbers, bounds)
        of_column.update(dict.fromkeys(matching, found[name]))
    for name, variable in found.items():
        if variable not in of_column.values():
            raise InvalidValueError(f"read_datacard: pois: '{name}' scales no process; check its pattern.")
    return Signals(found, of_column)


def _matching(card: Card, rule: str, patterns: str) -> list[Column]:
    try:
        compiled = [re.compile(pattern) for pattern in patterns.split(",")]
    except re.error as error:
        raise InvalidValueError(f"read_datacard: pois: '{rule}': no regular expression: {error}.") from error
    return [
        column
        for column in card.rates
        if any(pattern.match(f"{column.channel}/{column.process}") for pattern in compiled)
    ]


def _variable(name: str, numbers: str, bounds: tuple[float, float] | None) -> Variable:
    given: list[float] = []
    try:
        given = [float(word) for word in numbers.strip("[]").split(",") if word]
        value, low, high = given if given else (1.0, *(bounds or _RANGE))
    except ValueError as error:
        raise InvalidValueError(
            f"read_datacard: pois: '{name}{numbers}': three numbers are expected, [value,low,high]."
        ) from error
    if not given:
        value = min(max(value, low), high)
    return Variable(name, value, lower_bound=low, upper_bound=high)

"""What a datacard says, before it means anything: names, numbers and the lines they stand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = [
    "AutoMCStats",
    "Card",
    "Column",
    "Edit",
    "ExternalArgument",
    "Parameter",
    "Penalty",
    "RateFormula",
    "RateParameter",
    "ShapeRule",
    "Systematic",
    "Value",
    "has_effect",
]

Value = float | tuple[float, float]
"""Of a systematic in a column: one number, or that at -1 and at +1."""


class Column(NamedTuple):
    """One process in one channel."""

    channel: str
    process: str


class ShapeRule(NamedTuple):
    """Where templates are: a ``shapes`` line."""

    line: int
    process: str
    channel: str
    words: tuple[str, ...]
    """The file, the pattern of the nominal template, that of the varied ones."""


@dataclass
class Systematic:
    """A nuisance with a value in each column; edits change it."""

    line: int
    name: str
    kind: str
    values: dict[Column, Value]
    """What it does where; columns without an effect are left out."""
    arguments: tuple[float, ...] = ()
    """The count of gmN, the range of unif."""
    nofloat: bool = False
    templates: dict[Column, str] = field(default_factory=dict)
    """The names that its templates go by, where they are not its own."""


class Parameter(NamedTuple):
    """A ``param`` line: a Gaussian constraint on a parameter that formulas use."""

    line: int
    name: str
    mean: float
    down: float
    up: float
    bounds: tuple[float, float] | None
    nofloat: bool


class RateParameter(NamedTuple):
    """A ``rateParam`` that floats freely."""

    line: int
    name: str
    value: float
    bounds: tuple[float, float] | None


class RateFormula(NamedTuple):
    """A ``rateParam`` that is a formula of other parameters."""

    line: int
    name: str
    formula: str
    arguments: tuple[str, ...]


class ExternalArgument(NamedTuple):
    """An ``extArg`` with a value."""

    line: int
    name: str
    value: float
    bounds: tuple[float, float] | None
    constant: bool


class Penalty(NamedTuple):
    """A ``constr`` line: a Gaussian of a formula around 0."""

    line: int
    name: str
    formula: str
    arguments: tuple[str, ...] | None
    width: str


class AutoMCStats(NamedTuple):
    """How limited Monte Carlo statistics enter in a channel."""

    line: int
    threshold: float
    include_signal: bool
    mode: int
    """1: shapes change at constant integral, which follows separately; 2: both at once."""


class Edit(NamedTuple):
    """A ``nuisance edit`` line."""

    line: int
    verb: str
    words: tuple[str, ...]


@dataclass
class Card:
    """A datacard, line by line."""

    source: str
    channels: list[str] = field(default_factory=list)
    observed: dict[str, float] = field(default_factory=dict)
    """Empty where the card has no observation."""
    rates: dict[Column, float] = field(default_factory=dict)
    signal: dict[str, bool] = field(default_factory=dict)
    """By process: whether its index is not positive."""
    shapes: list[ShapeRule] = field(default_factory=list)
    systematics: list[Systematic] = field(default_factory=list)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    rate_factors: dict[Column, list[str]] = field(default_factory=dict)
    """By column: the names of the rateParams that multiply it."""
    rate_parameters: dict[str, RateParameter | RateFormula] = field(default_factory=dict)
    external: dict[str, ExternalArgument] = field(default_factory=dict)
    penalties: list[Penalty] = field(default_factory=list)
    flat: dict[str, int] = field(default_factory=dict)
    """flatParam: name, line."""
    groups: dict[str, list[str]] = field(default_factory=dict)
    group_lines: dict[str, int] = field(default_factory=dict)
    mc_stat: dict[str, AutoMCStats] = field(default_factory=dict)
    frozen: dict[str, int] = field(default_factory=dict)
    """Parameters that edits freeze, and the lines that do."""
    ignored: list[tuple[int, str, str]] = field(default_factory=list)
    """(line, what it says, why it has no effect)"""

    def columns(self) -> Mapping[Column, float]:
        """The columns with events."""
        return {column: rate for column, rate in self.rates.items() if rate != 0.0}


def has_effect(kind: str, value: Value) -> bool:
    """Whether a value of a systematic does anything: 0 never, 1 not in a ratio.

    Examples
    --------
    >>> has_effect("lnN", 1.0), has_effect("shape", 1.0), has_effect("lnN", (0.9, 1.1))
    (False, True, True)
    """
    return value != 0.0 and not (kind in ("lnN", "lnU") and value == 1.0)

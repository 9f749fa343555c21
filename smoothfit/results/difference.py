"""What two models differ in: :class:`Difference`, and :class:`NllDifference`, the likelihood's part of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._checks import plural
from ..render import Table, number
from .record import Columns, Record

__all__ = ["Changed", "Difference", "NllDifference", "ShiftChange", "YieldChange"]


@dataclass(frozen=True)
class Changed:
    """Something of the structure, in words; "-" where a model has nothing of the kind."""

    what: str
    where: str
    first: str
    second: str


@dataclass(frozen=True)
class YieldChange:
    """A process in a channel whose yields differ at the start values."""

    process: str
    channel: str
    first: float
    second: float
    """Events in all bins."""
    largest: float
    """Largest relative difference of a bin."""
    bin: int


@dataclass(frozen=True)
class ShiftChange:
    """A parameter that moves the expectation of the two differently."""

    parameter: str
    first: float
    second: float
    """Relative change of the bin where they differ most."""
    channel: str
    bin: int
    value: float
    """Of the parameter."""

    @property
    def largest(self) -> float:
        """The difference of the relative changes."""
        return abs(self.first - self.second)


@dataclass(frozen=True, eq=False, repr=False)
class NllDifference(Record):
    """How far two likelihoods are from each other, but for a constant: over random points of what they share.

    Examples
    --------
    >>> NllDifference(largest=2e-10, n=50, seed=0, shared=("mu",), at_start=0.0)
    Largest difference of the NLL, each relative to the start: 2e-10
    <BLANKLINE>
    NLL
    what               value
    ------------------------
    points                50
    seed                   0
    shared parameters      1
    at the start           0
    """

    largest: float
    """|NLL_b(x) - NLL_b(start) - NLL_a(x) + NLL_a(start)|, the largest; NaN where an NLL is not finite."""
    n: int
    seed: int
    shared: tuple[str, ...]
    at_start: float
    """NLL_b(start) - NLL_a(start): a constant, which no fit sees."""
    negative_in_one: int = 0
    """Points at which one model expects negative events and the other does not: they are not compared."""
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
    """Parameters and bin parameters that stay at the start, as the other model does not have them."""
    worst: Mapping[str, float] = field(default_factory=dict)
    """Where the largest difference is."""

    def agrees(self, tolerance: float) -> bool:
        """Whether the likelihoods are the same at every point, but for a constant; NaN is no agreement."""
        return self.largest <= tolerance and self.negative_in_one == 0

    def heading(self) -> str:
        """The largest difference."""
        return f"Largest difference of the NLL, each relative to the start: {number(self.largest, digits=3)}"

    def _tables(self) -> list[Table]:
        rows: list[tuple[str, Any]] = [
            ("points", self.n),
            ("seed", self.seed),
            ("shared parameters", len(self.shared)),
            ("at the start", self.at_start),
        ]
        if self.negative_in_one:
            rows.append(("points with negative yields in one model only", self.negative_in_one))
        for what, names in (("only in the first", self.only_first), ("only in the second", self.only_second)):
            if names:
                shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
                rows.append((what, f"{len(names)}: {shown}"))
        return [Table("NLL", ("what", "value"), rows)]

    def to_dict(self) -> dict[str, Any]:
        """Everything in it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def _columns(self) -> Columns:
        return {"parameter": list(self.worst), "worst": list(self.worst.values())}


@dataclass(frozen=True, eq=False, repr=False)
class Difference(Record):
    """What two models differ in: structure, yields, shifts by parameters, and the NLL."""

    most_rows = 15

    structure: Sequence[Changed]
    yields: Sequence[YieldChange]
    shifts: Sequence[ShiftChange]
    nll: NllDifference | None
    why_no_nll: str = ""
    """Why likelihoods were not compared, if they were not."""
    equal: Mapping[str, int] = field(default_factory=dict)
    """What was compared and found equal -> how many."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs, and the likelihoods agree to rounding."""
        return not (self.structure or self.yields or self.shifts) and (
            self.nll is None or self.nll.agrees(1e-8)
        )

    def heading(self) -> str:
        """How much of what."""
        counted = [
            plural(len(self.structure), "change") + " of structure",
            f"yields of {plural(len(self.yields), 'contribution')}",
            f"shifts by {plural(len(self.shifts), 'parameter')}",
        ]
        text = "No difference." if self.is_empty else f"Different: {', '.join(counted)}."
        nll = self.why_no_nll if self.nll is None else self.nll.heading()
        return f"{text}\n{nll}"

    def _tables(self) -> list[Table]:
        tables = []
        rows: list[tuple[Any, ...]]
        if self.structure:
            changed = [(c.what, c.where, c.first, c.second) for c in self.structure]
            tables.append(Table("Structure", ("what", "where", "first", "second"), changed))
        if self.yields:
            ordered = sorted(self.yields, key=lambda y: -abs(y.largest))
            rows = [(y.process, y.channel, y.first, y.second, _percent(y.largest), y.bin) for y in ordered]
            columns = ("process", "channel", "first", "second", "largest change", "bin")
            tables.append(Table("Yields at the start", columns, rows, self._note("contributions")))
        if self.shifts:
            most = sorted(self.shifts, key=lambda s: -s.largest)
            rows = [
                (s.parameter, s.value, _percent(s.first), _percent(s.second), s.channel, s.bin) for s in most
            ]
            columns = ("parameter", "value", "first", "second", "channel", "bin")
            title = "Change of what is expected in a bin, where it differs most"
            tables.append(Table(title, columns, rows, self._note("parameters")))
        return tables + ([] if self.nll is None else self.nll._tables())

    def _note(self, what: str) -> str:
        number_equal = self.equal.get(what, 0)
        return f"Equal: {number_equal} {what}." if number_equal else ""

    def to_dict(self) -> dict[str, Any]:
        """{structure, yields, shifts, nll, why_no_nll, equal}."""
        return {
            "structure": [vars(c) for c in self.structure],
            "yields": [vars(y) for y in self.yields],
            "shifts": [vars(s) for s in self.shifts],
            "nll": None if self.nll is None else self.nll.to_dict(),
            "why_no_nll": self.why_no_nll,
            "equal": dict(self.equal),
        }

    def _columns(self) -> Columns:
        names = ("what", "where", "first", "second")
        return {name: [getattr(changed, name) for changed in self.structure] for name in names}


def _percent(relative: float) -> str:
    return f"{100.0 * relative:+.3g}%" if math.isfinite(relative) else str(relative)

"""What a look at a model found: :class:`Findings`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .._checks import plural
from ..render import Table
from .record import Columns, Record

__all__ = ["SEVERITIES", "Finding", "Findings"]

SEVERITIES = ("error", "warning", "info")
"""Worst first: what a fit cannot be right with, what is hardly meant, what is worth knowing."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a model, or may be."""

    severity: str
    kind: str
    where: str
    """The object: a parameter, a process in a channel, bins."""
    figure: float | None
    """How bad it is; ``measure`` says of what. None where there is no number."""
    measure: str
    about: str
    advice: str


@dataclass(frozen=True, eq=False, repr=False)
class Findings(Record):
    """Findings, the worst first; printed as one table a kind.

    Examples
    --------
    >>> one = Finding("warning", "empty-bin", "SR, bin 3", 1, "bins", "nothing is expected", "merge bins")
    >>> Findings([one])
    1 warning
    <BLANKLINE>
    warning: nothing is expected (empty-bin)
    where      bins
    ---------------
    SR, bin 3     1
    Advice: merge bins.
    """

    most_rows = 12

    findings: Sequence[Finding]
    left_out: Sequence[str] = ()
    """Checks that were not made, and why."""

    def __post_init__(self) -> None:
        ordered = sorted(
            self.findings, key=lambda f: (SEVERITIES.index(f.severity), f.kind, -abs(f.figure or 0.0))
        )
        object.__setattr__(self, "findings", tuple(ordered))

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def counts(self) -> dict[str, int]:
        """Severity -> number of findings."""
        return {s: sum(f.severity == s for f in self.findings) for s in SEVERITIES}

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds found, the worst first."""
        return tuple(dict.fromkeys(f.kind for f in self.findings))

    def of(self, kind: str) -> list[Finding]:
        """The findings of a kind."""
        return [f for f in self.findings if f.kind == kind]

    def heading(self) -> str:
        """How many of which severity."""
        nouns = {"error": "error", "warning": "warning", "info": "remark"}
        counted = [plural(n, nouns[severity]) for severity, n in self.counts.items() if n]
        return "\n".join([", ".join(counted) or "Nothing was found.", *self.left_out])

    def _tables(self) -> list[Table]:
        return [
            self._table([f for f in self.findings if (f.kind, f.severity) == key])
            for key in dict.fromkeys((f.kind, f.severity) for f in self.findings)
        ]

    def _table(self, found: Sequence[Finding]) -> Table:
        first = found[0]
        rows: list[tuple[Any, ...]] = [(f.where, f.figure) for f in found]
        columns: tuple[str, ...] = ("where", first.measure)
        if all(figure is None for _, figure in rows):
            rows, columns = [row[:1] for row in rows], ("where",)
        title = f"{first.severity}: {first.about} ({first.kind})"
        return Table(title, columns, rows, note=f"Advice: {first.advice}.")

    def to_dict(self) -> dict[str, Any]:
        """{counts, left_out, findings: [{severity, kind, where, figure, measure, about, advice}]}."""
        return {
            "counts": self.counts,
            "left_out": list(self.left_out),
            "findings": [dict(vars(finding)) for finding in self.findings],
        }

    def _columns(self) -> Columns:
        names = ("severity", "kind", "where", "figure", "measure", "about", "advice")
        return {name: [getattr(finding, name) for finding in self.findings] for name in names}

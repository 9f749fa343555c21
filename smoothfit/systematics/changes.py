"""The record of what was done to systematics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..render import Table
from ..results import Note
from ..results.record import Columns, Record

__all__ = ["Change", "Changes"]


@dataclass(frozen=True)
class Change:
    """One change: what it was done to, and a figure before and after."""

    nuisance: str
    process: str
    """The process, or the sub-process of an array process."""
    channel: str
    """Empty for what acts in all channels of the process."""
    what: str
    figure: str
    """What ``before`` and ``after`` are."""
    before: float
    after: float


@dataclass(frozen=True, eq=False, repr=False)
class Changes(Record):
    """Every change that a call made, what it left as it is and why, and what has no effect any more.

    Examples
    --------
    >>> Changes("prune", [Change("jes", "tt", "SR", "shape dropped", "largest change of a bin", 0.002, 0.0)])
    prune: 1 change
    <BLANKLINE>
    Changed
    nuisance  process  channel  what           figure                   before  after
    ---------------------------------------------------------------------------------
    jes       tt       SR       shape dropped  largest change of a bin   0.002      0
    """

    title: str
    changes: Sequence[Change] = ()
    left: Sequence[Note] = ()
    vanished: Sequence[str] = field(default=())
    """Nuisances that act on nothing any more, and are not in the new model."""

    def heading(self) -> str:
        """What was called, and how many changes it made."""
        count = len(self.changes)
        lines = [f"{self.title}: {count} change{'' if count == 1 else 's'}"]
        if self.vanished:
            lines.append(f"No longer in the model: {', '.join(self.vanished)}")
        return "\n".join(lines)

    def _tables(self) -> list[Table]:
        tables = []
        if self.changes:
            names = ("nuisance", "process", "channel", "what", "figure", "before", "after")
            rows = [tuple(getattr(change, name) for name in names) for change in self.changes]
            tables.append(Table("Changed", names, rows))
        if self.left:
            kept = [(note.where, note.what, note.why) for note in self.left]
            tables.append(Table("Left as it is", ("where", "what", "why"), kept))
        return tables

    def to_dict(self) -> dict[str, Any]:
        """Everything in it."""
        return {
            "title": self.title,
            "changes": [dict(vars(change)) for change in self.changes],
            "left": [dict(vars(note)) for note in self.left],
            "vanished": list(self.vanished),
        }

    def _columns(self) -> Columns:
        names = ("nuisance", "process", "channel", "what", "figure", "before", "after")
        return {name: [getattr(change, name) for change in self.changes] for name in names}

"""What a reader took from a file, and what it did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..render import Table
from .record import Columns, Record

__all__ = ["Note", "Receipt"]


@dataclass(frozen=True)
class Note:
    """Something that has no effect, or another one than it may seem, and why."""

    where: str
    """The line, or the path of the entry in the file."""
    what: str
    why: str


@dataclass(frozen=True, eq=False, repr=False)
class Receipt(Record):
    """What was read, what was ignored and why; nothing is ignored without a note.

    Examples
    --------
    >>> Receipt("card.txt", "datacard", {"channels": 1}, (Note("line 3", "free text", "no keyword"),))
    card.txt: datacard
    <BLANKLINE>
    Read
    what      number
    ----------------
    channels       1
    <BLANKLINE>
    Ignored
    where   what       why
    -----------------------------
    line 3  free text  no keyword
    """

    source: str
    kind: str
    read: Mapping[str, int] = field(default_factory=dict)
    """What was read, and how many of it."""
    ignored: Sequence[Note] = ()
    files: Mapping[str, int] = field(default_factory=dict)
    """Other files, and how many templates of each."""
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Groups of nuisances that the file has, as ``breakdown`` takes them."""

    def heading(self) -> str:
        """The file and what it is."""
        return f"{self.source}: {self.kind}"

    def _tables(self) -> list[Table]:
        counted = [*self.read.items(), *((f"templates of {name}", n) for name, n in self.files.items())]
        tables = [Table("Read", ("what", "number"), counted)]
        if self.ignored:
            rows = [(note.where, note.what, note.why) for note in self.ignored]
            tables.append(Table("Ignored", ("where", "what", "why"), rows))
        if self.groups:
            groups = [(name, ", ".join(members)) for name, members in self.groups.items()]
            tables.append(Table("Groups", ("group", "nuisances"), groups))
        return tables

    def to_dict(self) -> dict[str, Any]:
        """Everything in it."""
        return {
            "source": self.source,
            "kind": self.kind,
            "read": dict(self.read),
            "ignored": [vars(note) for note in self.ignored],
            "files": dict(self.files),
            "groups": {name: list(members) for name, members in self.groups.items()},
        }

    def _columns(self) -> Columns:
        return {
            "where": [note.where for note in self.ignored],
            "what": [note.what for note in self.ignored],
            "why": [note.why for note in self.ignored],
        }

"""How large a prepared model is, how it is fitted, and what was compiled for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..render import Cell, Table
from .record import Columns, Record

__all__ = ["Compiled", "ModelStats"]


@dataclass(frozen=True)
class Compiled:
    """A function of the library, and the calls of it that had to compile."""

    function: str
    calls: int
    seconds: float
    """Of those calls: tracing, compiling, and running once each."""
    compiling: float
    """Seconds of these that XLA took, or reading what it had left on the disk."""


@dataclass(frozen=True, eq=False, repr=False)
class ModelStats(Record):
    """Sizes, memory, and what was compiled in this process for models of this structure.

    Examples
    --------
    >>> sizes = {"free parameters": 1, "bins": 2}
    >>> found = ModelStats(sizes, {"lnN_combine": 2}, {"nominal": 16}, 80, 0, "dense", "in lockstep", ())
    >>> found.total_bytes, found.n_traces
    (96, 0)
    """

    sizes: Mapping[str, int]
    """What there is -> how many."""
    systematics: Mapping[str, int]
    """Kind -> entries, each a nuisance on a row (a sub-process in a channel); "functions" are those of users,
    each traced once."""
    template_bytes: Mapping[str, int]
    """Group of templates, a field of :class:`~smoothfit.prepared.Templates` -> bytes."""
    plan_bytes: int
    """Of index arrays, limits, masks: the structure."""
    derived_bytes: int
    """Of what is kept once the model was asked for something: what follows from its templates, unless it is
    large, and its indices as integers."""
    fits: str
    """"dense": all columns of the Jacobian at once; "by channel": without empty ones; "matrix-free"."""
    batches: str
    """How many members of one batch are fitted: "in lockstep" or "one by one"."""
    compiled: tuple[Compiled, ...]
    """In the order of the first calls."""

    @property
    def total_bytes(self) -> int:
        """Of all arrays."""
        return sum(self.template_bytes.values()) + self.plan_bytes + self.derived_bytes

    @property
    def n_traces(self) -> int:
        """Programs that were traced and compiled."""
        return sum(found.calls for found in self.compiled)

    def heading(self) -> str:
        return f"Fits: {self.fits}. Batches: {self.batches}."

    def _memory(self) -> dict[str, int]:
        parts = {**self.template_bytes, "plan": self.plan_bytes, "derived": self.derived_bytes}
        return {**{name: size for name, size in parts.items() if size}, "total": self.total_bytes}

    def _tables(self) -> list[Table]:
        def table(title: str, name: str, entries: Mapping[str, int], unit: str) -> Table:
            return Table(title, (name, unit), [(key, str(number)) for key, number in entries.items()])

        tables = [table("Sizes", "what", self.sizes, "number")]
        if self.systematics:
            tables.append(table("Systematics", "kind", self.systematics, "entries"))
        tables.append(table("Arrays", "group", self._memory(), "bytes"))
        if self.compiled:
            rows: list[tuple[Cell, ...]] = [
                (c.function, str(c.calls), f"{c.seconds:.2f}", f"{c.compiling:.2f}") for c in self.compiled
            ]
            columns = ("function", "calls", "seconds", "compiling")
            tables.append(Table("Compiled in this process", columns, rows))
        return tables

    def to_dict(self) -> dict[str, Any]:
        """{sizes, systematics, bytes: {group: number, total}, fits, batches, compiled: [...]}"""
        return {
            "sizes": dict(self.sizes),
            "systematics": dict(self.systematics),
            "bytes": self._memory(),
            "fits": self.fits,
            "batches": self.batches,
            "compiled": [dict(vars(found)) for found in self.compiled],
        }

    def _columns(self) -> Columns:
        groups = {"size": self.sizes, "systematics": self.systematics, "bytes": self._memory()}
        rows = [(group, name, n) for group, of_group in groups.items() for name, n in of_group.items()]
        rows += [("compiled", found.function, found.calls) for found in self.compiled]
        return {name: [row[i] for row in rows] for i, name in enumerate(("group", "name", "number"))}

"""How far the fit moved the nuisances, and how much it learned about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import FloatArray
from ..errors import ShapeMismatchError
from ..render import Table, with_error
from .record import Columns, Record, plain

__all__ = ["Pulls"]


@dataclass(frozen=True, eq=False, repr=False)
class Pulls(Record):
    """Pulls of the constrained parameters: (value - nominal) / pre-fit error.

    Examples
    --------
    >>> pulls = Pulls(("jes", "lumi"), ("jes", "lumi"), np.array([0.31, -1.24]), np.array([0.62, 0.98]))
    >>> pulls.largest(1)
    nuisance  pull
    ----------------------
    lumi      -1.24 ± 0.98
    """

    names: tuple[str, ...]
    labels: tuple[str | None, ...]
    pull: FloatArray
    """(nuisance,)"""
    error: FloatArray
    """(nuisance,): post-fit error over pre-fit error."""
    groups: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", self.groups or (None,) * len(self.names))
        lengths = [len(self.labels), len(self.pull), len(self.error), len(self.groups)]
        if any(length != len(self.names) for length in lengths):
            raise ShapeMismatchError(f"Pulls: {len(self.names)} names, but other columns have {lengths}.")

    def __len__(self) -> int:
        return len(self.names)

    def take(self, positions: Sequence[int]) -> Pulls:
        """The nuisances at these positions, in this order."""
        at = list(positions)
        labels, groups = (tuple(column[i] for i in at) for column in (self.labels, self.groups))
        return Pulls(tuple(self.names[i] for i in at), labels, self.pull[at], self.error[at], groups)

    def largest(self, count: int | None = None) -> Pulls:
        """The so many largest by size, the largest first."""
        # NaN sorts to the end.
        return self.take(np.argsort(-np.abs(self.pull), kind="stable")[:count].tolist())

    def table(self, title: str = "") -> Table:
        """Names and pulls with their errors."""
        numbers = zip(self.names, self.pull, self.error, strict=True)
        return Table(title, ("nuisance", "pull"), [(name, with_error(p, e)) for name, p, e in numbers])

    def _tables(self) -> list[Table]:
        return [self.table()]

    def to_dict(self) -> dict[str, Any]:
        """{pulls: {name: {pull, error, label, group}}}."""
        columns = zip(self.names, self.labels, plain(self.pull), plain(self.error), self.groups, strict=True)
        return {"pulls": {n: {"pull": p, "error": e, "label": lb, "group": g} for n, lb, p, e, g in columns}}

    def _columns(self) -> Columns:
        return {"name": self.names, "pull": self.pull, "error": self.error, "group": self.groups}

"""How far the fit moved the nuisances, and how much it learned about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .._checks import describe
from .._types import FloatArray
from ..errors import ShapeMismatchError, UnknownNameError
from ..render import Cell, Measured, Named, Table
from .fit import Estimate
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
    >>> pulls["jes"]
    Estimate(value=0.31, error=0.62)
    """

    names: tuple[str, ...]
    labels: tuple[str | None, ...]
    pull: FloatArray
    """(nuisance,)"""
    error: FloatArray
    """(nuisance,): post-fit error over pre-fit error."""
    groups: tuple[str | None, ...] = ()
    error_up: FloatArray | None = None
    error_down: FloatArray | None = None
    """(nuisance,): the same of Minos bounds, to either side; NaN where one was not found."""
    status_up: tuple[str, ...] | None = None
    status_down: tuple[str, ...] | None = None
    """(nuisance,): of each bound, "converged", "hesse" (of the covariance), "at limit", or what failed."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", self.groups or (None,) * len(self.names))
        optional = (self.error_up, self.error_down, self.status_up, self.status_down)
        given = [column for column in optional if column is not None]
        lengths = [len(x) for x in (self.labels, self.pull, self.error, self.groups, *given)]
        if any(length != len(self.names) for length in lengths):
            raise ShapeMismatchError(f"Pulls: {len(self.names)} names, but other columns have {lengths}.")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> Estimate:
        """The pull of a nuisance, with its error.

        Raises
        ------
        UnknownNameError
            If it is none of these.
        """
        if name not in self.names:
            raise UnknownNameError(
                f"There is no pull of {describe(name)}; there are: {', '.join(self.names)}."
            )
        at = self.names.index(name)
        return Estimate(float(self.pull[at]), float(self.error[at]))

    # A subscript alone would let Python try 0, 1, 2 ... as names.
    __iter__ = None

    def take(self, positions: Sequence[int]) -> Pulls:
        """The nuisances at these positions, in this order."""
        at = list(positions)

        def taken(column: Any) -> Any:
            if column is None or isinstance(column, np.ndarray):
                return None if column is None else column[at]
            return tuple(column[i] for i in at)

        return Pulls(**{field.name: taken(getattr(self, field.name)) for field in fields(self)})

    def largest(self, count: int | None = None) -> Pulls:
        """The so many largest by size, the largest first."""
        # NaN sorts to the end.
        return self.take(np.argsort(-np.abs(self.pull), kind="stable")[:count].tolist())

    def table(self, title: str = "") -> Table:
        """Names and pulls with their errors; Minos errors where there are any, with what is wrong of them."""
        rows: list[Sequence[Cell]] = []
        for i, name in enumerate(map(Named, self.names, self.labels)):
            if self.error_up is None or self.error_down is None:
                rows.append((name, Measured(self.pull[i], self.error[i])))
                continue
            rows.append((name, Measured(self.pull[i], self.error_up[i], self.error_down[i]), self._remark(i)))
        columns = ("nuisance", "pull") if self.error_up is None else ("nuisance", "pull", "")
        return Table(title, columns, rows)

    def _remark(self, i: int) -> str:
        sides = (("up", self.status_up), ("down", self.status_down))
        return ", ".join(
            f"{side} {status[i]}"
            for side, status in sides
            if status is not None and status[i] not in ("converged", "hesse")
        )

    def _tables(self) -> list[Table]:
        return [self.table()]

    def to_dict(self) -> dict[str, Any]:
        """{pulls: {name: {pull, error, label, group}}}, with those of Minos bounds where there are any."""
        found: dict[str, dict[str, Any]] = {}
        columns = {name: plain(column) for name, column in self._columns().items() if name != "name"}
        for i, name in enumerate(self.names):
            found[name] = {key: column[i] for key, column in columns.items()} | {"label": self.labels[i]}
        return {"pulls": found}

    def _columns(self) -> Columns:
        columns: Columns = {"name": self.names, "pull": self.pull, "error": self.error, "group": self.groups}
        minos = ("error_up", "error_down", "status_up", "status_down")
        given = {name: getattr(self, name) for name in minos if getattr(self, name) is not None}
        return columns | given

"""How far quantities of interest move when a nuisance does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..errors import UnknownNameError
from ..render import Cell, Measured, Named, Rounded, Table, with_error
from .breakdown import Breakdown
from .record import BLINDED, Columns, Record, plain

__all__ = ["Impacts"]

_MOVED = {
    "traditional": "nuisance at its post-fit bounds",
    "prefit": "nuisance one pre-fit uncertainty from its best fit",
    "global": "global observable moved by its pre-fit uncertainty",
}


@dataclass(frozen=True, eq=False, repr=False)
class Impacts(Record):
    """Shifts of quantities of interest for every nuisance, up and down, with the nuisances' pulls.

    Examples
    --------
    >>> one = np.array([0.5])
    >>> found = Impacts("traditional", "minos", ("mu",), (None,), np.array([1.0]), np.array([0.3]),
    ...                 ("lumi",), (None,), one, -one, np.array([[0.1]]), np.array([[-0.12]]),
    ...                 ("converged",), ("converged",), 0.2 * one, one, one, np.array([False]))
    >>> found
    mu = 1.00 ± 0.30: nuisance at its post-fit bounds
    nuisance  pull               up   down
    --------------------------------------
    lumi      0.10 +0.50 -0.50  0.1  -0.12
    >>> found.size("mu"), found.ranking("mu")
    (array([0.12]), ['lumi'])
    """

    most_rows = 20

    kind: str
    """"traditional", "prefit" or "global"."""
    bounds: str
    """Where the nuisance was held: "minos", "hesse", "prefit", or "glob" for its global observable."""
    pois: tuple[str, ...]
    labels: tuple[str | None, ...]
    """(poi,)"""
    values: FloatArray
    errors: FloatArray
    """(poi,): the best fit."""
    names: tuple[str, ...]
    nuisance_labels: tuple[str | None, ...]
    """(nuisance,)"""
    bound_up: FloatArray
    bound_down: FloatArray
    """(nuisance,): what was moved, to where: the nuisance, or its global observable."""
    up: FloatArray
    down: FloatArray
    """(nuisance, poi): the shift of the quantity with the nuisance up and down, NaN where it failed."""
    status_up: tuple[str, ...]
    status_down: tuple[str, ...]
    """(nuisance,): "converged", "at limit", or what went wrong."""
    pull: FloatArray
    """(nuisance,): (fitted - pre-fit)/(pre-fit uncertainty), NaN for a free parameter."""
    error_up: FloatArray
    error_down: FloatArray
    """(nuisance,): post-fit over pre-fit uncertainty, to either side."""
    hidden: BoolArray
    """(poi,): blinded."""
    groups: Breakdown | None = None
    """What groups of sources contribute, if asked for."""

    def __len__(self) -> int:
        return len(self.names)

    def _column(self, poi: str | None) -> int:
        if poi is None:
            return 0
        if poi not in self.pois:
            raise UnknownNameError(
                f"There is no '{poi}' in these impacts; there are: {', '.join(self.pois)}."
            )
        return self.pois.index(poi)

    def size(self, poi: str | None = None) -> FloatArray:
        """(nuisance,): the larger of both shifts, by size; NaN where both failed."""
        at = self._column(poi)
        return np.asarray(np.fmax(np.abs(self.up[:, at]), np.abs(self.down[:, at])))

    def order(self, poi: str | None = None) -> list[int]:
        """Positions of the nuisances, that of the largest impact first; failures last."""
        return [int(i) for i in np.argsort(-self.size(poi), kind="stable")]

    def ranking(self, poi: str | None = None) -> list[str]:
        """Names of the nuisances, that of the largest impact first; failures last."""
        return [self.names[i] for i in self.order(poi)]

    def table(self, poi: str | None = None, *, count: int | None = None) -> Table:
        """The nuisances by their impact on one quantity (the first), the largest first; at most ``count``."""
        at = self._column(poi)
        poi = self.pois[at]
        rows: list[Sequence[Cell]] = []
        shown = self.order(poi)[:count]
        for i in shown:
            pull: Cell = (
                "" if np.isnan(self.pull[i]) else Measured(self.pull[i], self.error_up[i], self.error_down[i])
            )
            sides = [
                self._shift(shift[i, at], status[i])
                for shift, status in ((self.up, self.status_up), (self.down, self.status_down))
            ]
            rows.append(
                (
                    Named(self.names[i], self.nuisance_labels[i]),
                    pull,
                    *([BLINDED] * 2 if self.hidden[at] else sides),
                )
            )
        best = BLINDED if self.hidden[at] else with_error(self.values[at], self.errors[at])
        title = f"{poi} = {best}: {_MOVED[self.kind]}"
        left = len(self) - len(shown)
        note = f"... and {left} more of smaller impact: .table(count=None) has all" if left else ""
        return Table(title, ("nuisance", "pull", "up", "down"), rows, note)

    @staticmethod
    def _shift(shift: float, status: str) -> Cell:
        if status == "converged":
            return Rounded(shift, 3)
        return Rounded(shift, 3, remark=status) if np.isfinite(shift) else status

    def _tables(self, count: int | None = None) -> list[Table]:
        tables = [self.table(poi, count=count) for poi in self.pois]
        if self.groups is not None:
            tables += [self.groups.table(poi, count=count) for poi in self.pois]
        return tables

    def _printed(self) -> list[Table]:
        return self._tables(self.most_rows)

    def to_dict(self) -> dict[str, Any]:
        """{kind, bounds, pois, nuisances: {name: {pull, bounds, status, impact: {poi: [up, down]}}}}."""
        pois = {
            poi: BLINDED if hidden else {"value": value, "error": error}
            for poi, value, error, hidden in zip(
                self.pois, plain(self.values), plain(self.errors), self.hidden, strict=True
            )
        }
        up, down = plain(self.up), plain(self.down)
        pull, above, below, bound_up, bound_down = (
            plain(x) for x in (self.pull, self.error_up, self.error_down, self.bound_up, self.bound_down)
        )
        nuisances = {
            name: {
                "pull": pull[i],
                "error_up": above[i],
                "error_down": below[i],
                "bound_up": bound_up[i],
                "bound_down": bound_down[i],
                "status_up": self.status_up[i],
                "status_down": self.status_down[i],
                "impact": {
                    poi: BLINDED if self.hidden[q] else [up[i][q], down[i][q]]
                    for q, poi in enumerate(self.pois)
                },
            }
            for i, name in enumerate(self.names)
        }
        found = {"kind": self.kind, "bounds": self.bounds, "pois": pois, "nuisances": nuisances}
        return found if self.groups is None else {**found, "groups": self.groups.to_dict()}

    def _columns(self) -> Columns:
        columns: Columns = {
            "name": list(self.names),
            "pull": self.pull,
            "error_up": self.error_up,
            "error_down": self.error_down,
            "bound_up": self.bound_up,
            "bound_down": self.bound_down,
        }
        blank = [BLINDED] * len(self)
        for q, poi in enumerate(self.pois):
            columns[f"{poi} up"] = blank if self.hidden[q] else plain(self.up[:, q])
            columns[f"{poi} down"] = blank if self.hidden[q] else plain(self.down[:, q])
        return columns | {"status_up": list(self.status_up), "status_down": list(self.status_down)}

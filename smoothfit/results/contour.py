"""Contours of the profile likelihood of two parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..errors import UnknownNameError
from ..layout import Layout
from ..render import Cell, Rounded, Table
from .record import BLINDED, Columns, Record, plain

__all__ = ["CONTOUR_STATUS", "Contour", "Contours"]

CONTOUR_STATUS = {
    0: "converged",
    1: "at limit",
    2: "not found: a profile fit did not converge",
    3: "a lower minimum was found: fit again from there",
}
"""What can come of a point."""


@dataclass(frozen=True, eq=False, repr=False)
class Contour(Record):
    """Closed curves around the best fit on which the NLL, minimised over the rest, has risen by a level.

    Each row of the arrays is one confidence level; its last point is the first one again. A point
    where no fit converged is NaN, with its status; where a bound was met first, the point is on the bound
    and says so.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    >>> sig = Process("sig", [50.0, 1.0]).scale_by(mu)
    >>> model = Model().add_proc(sig).add_proc(Process("bkg", [100.0, 400.0]).scale_by(norm)).prepare()
    >>> model.contour(mu, norm, model.fit([150.0, 401.0]), cl=(0.68, 0.95), points=16)
    Contours of mu and norm.
    <BLANKLINE>
    level  points  at limit  not found  mu from     to  norm from     to
    --------------------------------------------------------------------
     0.68      16         0          0   0.6112  1.414     0.9259  1.078
     0.95      16         0          0   0.3825  1.683     0.8818  1.128
    """

    names: tuple[str, str]
    levels: tuple[float, ...]
    """(level,): joint confidence levels of the two."""
    points: FloatArray
    """(level, point + 1, 2)"""
    status: IntArray
    """(level, point + 1): 0 converged, 1 at a limit, 2 not found, 3 a lower minimum was found."""
    x: FloatArray
    """(level, point + 1, param + bin param): where the others are."""
    best: FloatArray
    """(2,): the best fit."""
    layout: Layout
    blinded: frozenset[str] = frozenset()

    @property
    def success(self) -> BoolArray:
        """(level, point + 1): whether there is a point, be it on a limit."""
        return np.isin(self.status, (0, 1))

    @property
    def hidden(self) -> bool:
        """Whether one of the two is blinded."""
        return any(self.layout.is_blinded(self.layout.positions(n)[0], self.blinded) for n in self.names)

    def heading(self) -> str:
        """The names, and what went wrong if anything did."""
        lines = [f"Contours of {self.names[0]} and {self.names[1]}."]
        if np.any(self.status == 3):
            lines.insert(0, "A LOWER MINIMUM WAS FOUND: best_fit is not the best; fit again, with starts=10.")
        return "\n".join(lines)

    def _tables(self) -> list[Table]:
        first, second = self.names
        columns = ("level", "points", "at limit", "not found", f"{first} from", "to", f"{second} from", "to")
        rows: list[list[Cell]] = []
        for level, points, status in zip(self.levels, self.points, self.status, strict=True):
            own = status[:-1]
            ends: list[Cell] = [BLINDED] * 4 if self.hidden else [Rounded(e, 4) for e in _ends(points)]
            counts = (int(np.sum(own == 1)), int(np.sum(own > 1)))
            rows.append([Rounded(level, 4), len(own), *counts, *ends])
        return [Table("", columns, rows)]

    def to_dict(self) -> dict[str, Any]:
        """{names, best, contours: [{level, points, status}]}."""
        contours = [
            {"level": level, "points": BLINDED if self.hidden else points, "status": status}
            for level, points, status in zip(self.levels, self.points, self.status, strict=True)
        ]
        best = BLINDED if self.hidden else self.best
        return plain({"names": list(self.names), "best": best, "contours": contours})  # type: ignore[no-any-return]

    def _columns(self) -> Columns:
        flat = self.points.reshape(-1, 2)
        hidden = [BLINDED] * len(flat)
        columns: Columns = {"level": np.repeat(self.levels, self.points.shape[1])}
        for name, values in zip(self.names, flat.T, strict=True):
            columns[name] = hidden if self.hidden else values
        columns["status"] = [CONTOUR_STATUS[s] for s in self.status.ravel().tolist()]
        return columns


def _ends(points: FloatArray) -> tuple[float, ...]:
    """Smallest and largest of both, NaN left out."""
    known = points[np.all(np.isfinite(points), axis=1)]
    if not len(known):
        return (np.nan,) * 4
    low, high = known.min(axis=0), known.max(axis=0)
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


@dataclass(frozen=True, eq=False, repr=False)
class Contours(Record):
    """The contours of all pairs of some parameters: a sequence; ``[a, b]`` is one, by names."""

    contours: tuple[Contour, ...]

    def __len__(self) -> int:
        return len(self.contours)

    def __iter__(self) -> Iterator[Contour]:
        return iter(self.contours)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, in the order given."""
        return tuple(dict.fromkeys(name for contour in self.contours for name in contour.names))

    def __getitem__(self, key: Any) -> Contour:
        """By position, or by the names (or Variables) of a pair in the order they were given.

        Raises
        ------
        UnknownNameError
            If there is no such pair.
        """
        if isinstance(key, int):
            return self.contours[key]
        pair = (key,) if isinstance(key, str) else tuple(getattr(part, "name", part) for part in key)
        for contour in self.contours:
            if contour.names == pair:
                return contour
        known = ", ".join(f"({', '.join(contour.names)})" for contour in self.contours)
        raise UnknownNameError(f"There is no contour of ({', '.join(map(str, pair))}); there are: {known}.")

    def _tables(self) -> list[Table]:
        return [Table(one.heading(), t.columns, t.rows) for one in self.contours for t in one._tables()]

    def to_dict(self) -> dict[str, Any]:
        """{pairs: [a dict a contour]}."""
        return {"pairs": [contour.to_dict() for contour in self.contours]}

    def _columns(self) -> Columns:
        parts = []
        for contour in self.contours:
            first, second = contour.names
            columns = contour._columns()
            count = len(columns["level"])
            pair = {"first": [first] * count, "second": [second] * count, "level": columns["level"]}
            parts.append({**pair, "a": columns[first], "b": columns[second], "status": columns["status"]})
        return {name: [entry for part in parts for entry in part[name]] for name in parts[0]}

"""Whose the uncertainty is: a variance by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..errors import UnknownNameError
from ..render import Cell, Rounded, Table, with_error
from .record import BLINDED, Columns, Record, plain

__all__ = ["Breakdown"]

_METHODS = {
    "hessian": "exact shares of the variance",
    "freeze": "each row held on its own, and subtracted in quadrature",
    "global": "shifts of global observables and data, in quadrature",
}


@dataclass(frozen=True, eq=False, repr=False)
class Breakdown(Record):
    """The variance of quantities of interest, by source.

    Examples
    --------
    >>> found = Breakdown("hessian", ("mu",), (None,), np.array([1.0]), np.array([0.25]),
    ...                   ("data", "lumi"), np.array([[0.16], [0.09]]), np.array([False]))
    >>> found
    mu = 1.00 ± 0.50: exact shares of the variance
    source  error  share [%]
    ------------------------
    data      0.4       64.0
    lumi      0.3       36.0
    sum       0.5      100.0
    total     0.5      100.0
    >>> found.error("lumi")
    array([0.3])
    """

    most_rows = 20

    method: str
    pois: tuple[str, ...]
    labels: tuple[str | None, ...]
    """(poi,)"""
    values: FloatArray
    variance: FloatArray
    """(poi,): the best fit and its variance."""
    sources: tuple[str, ...]
    shares: FloatArray
    """(source, poi): variances; negative ones are possible off Asimov data."""
    hidden: BoolArray
    """(poi,): blinded."""

    @property
    def errors(self) -> FloatArray:
        """(source, poi): square roots of the shares, with the sign of the share."""
        return np.asarray(np.sign(self.shares) * np.sqrt(np.abs(self.shares)))

    def _row(self, source: str) -> int:
        if source not in self.sources:
            raise UnknownNameError(f"There is no source '{source}'; there are: {', '.join(self.sources)}.")
        return self.sources.index(source)

    def share(self, source: str) -> FloatArray:
        """(poi,): the part of the variance that is due to a source, 0 to 1 of the total."""
        return np.asarray(self.shares[self._row(source)] / self.variance)

    def error(self, source: str) -> FloatArray:
        """(poi,): its error."""
        return np.asarray(self.errors[self._row(source)])

    def ranking(self, poi: str | None = None) -> list[str]:
        """The sources, that of the largest share first."""
        column = self._column(poi)
        # NaN sorts to the end.
        order = np.argsort(-np.abs(self.shares[:, column]), kind="stable")
        return [self.sources[i] for i in order]

    def _column(self, poi: str | None) -> int:
        if poi is None:
            return 0
        if poi not in self.pois:
            raise UnknownNameError(
                f"There is no '{poi}' in this breakdown; there are: {', '.join(self.pois)}."
            )
        return self.pois.index(poi)

    def table(self, poi: str | None = None, *, count: int | None = None) -> Table:
        """The sources of one quantity (the first), the largest first; the rest as one row after ``count``."""
        at = self._column(poi)
        poi = self.pois[at]
        if self.hidden[at]:
            return Table(f"{poi}: {BLINDED}", ("source",), [(name,) for name in self.sources])
        total = self.variance[at]
        names = self.ranking(poi)
        shown = names[:count]
        rows: list[Sequence[Cell]] = [
            self._entry(name, self.shares[self._row(name), at], total) for name in shown
        ]
        rest = names[len(shown) :]
        if rest:
            share = sum(self.shares[self._row(name), at] for name in rest)
            rows.append(self._entry(f"{len(rest)} others", share, total))
        rows += [
            self._entry("sum", float(self.shares[:, at].sum()), total),
            self._entry("total", total, total),
        ]
        title = f"{poi} = {with_error(self.values[at], float(np.sqrt(total)))}: {_METHODS[self.method]}"
        return Table(title, ("source", "error", "share [%]"), rows)

    @staticmethod
    def _entry(name: str, share: float, total: float) -> Sequence[Cell]:
        error = np.sign(share) * np.sqrt(abs(share))
        return name, Rounded(float(error), 3), Rounded(100.0 * share / total, decimals=1)

    def _tables(self) -> list[Table]:
        return [self.table(poi) for poi in self.pois]

    def _printed(self) -> list[Table]:
        return [self.table(poi, count=self.most_rows) for poi in self.pois]

    def to_dict(self) -> dict[str, Any]:
        """{method, pois: {name: {value, variance, shares: {source: variance}}}}."""
        pois: dict[str, Any] = {}
        for i, poi in enumerate(self.pois):
            if self.hidden[i]:
                pois[poi] = BLINDED
                continue
            shares = dict(zip(self.sources, plain(self.shares[:, i]), strict=True))
            pois[poi] = {
                "value": float(self.values[i]),
                "variance": float(self.variance[i]),
                "shares": shares,
            }
        return {"method": self.method, "sources": list(self.sources), "pois": pois}

    def _columns(self) -> Columns:
        columns: Columns = {"source": list(self.sources)}
        for i, poi in enumerate(self.pois):
            blank = [BLINDED] * len(self.sources)
            columns[f"share of {poi}"] = blank if self.hidden[i] else plain(self.shares[:, i])
        return columns

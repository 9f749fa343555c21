"""chi2 of data and a prediction with its covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..render import Cell, Rounded, Table, number
from .record import BLINDED, Columns, Record
from .tails import chi2_tail

__all__ = ["Chi2Test"]


@dataclass(frozen=True, eq=False, repr=False)
class Chi2Test(Record):
    """chi2 = r^T V^-1 r of the differences r of data and prediction, V being their covariance.

    Of all channels together, with the correlations between them, and of each by itself.

    Examples
    --------
    >>> Chi2Test("pre-fit", 7.1, 5, ("SR", "CR"), np.array([6.0, 1.5]), np.array([3, 2]))
    chi2 (pre-fit) = 7.1 for 5 degrees of freedom, p = 0.213
    <BLANKLINE>
         chi2  degrees of freedom      p
    ------------------------------------
    SR      6                   3  0.112
    CR    1.5                   2  0.472
    all   7.1                   5  0.213
    """

    title: str
    """What the prediction is, and how its covariance was taken."""
    value: float
    ndof: int
    """The rank of V: bins less free parameters that were fitted to them."""
    channels: tuple[str, ...]
    channel_values: FloatArray
    """(channel,): chi2 of a channel's bins alone; they do not add up where channels are correlated."""
    channel_ndof: IntArray
    """(channel,)"""
    notes: tuple[str, ...] = ()
    """What one should know of the numbers."""
    hidden: BoolArray | None = None
    """(channel,): blinded ones."""

    @property
    def p_value(self) -> float:
        """The probability of a larger chi2."""
        return chi2_tail(self.value, self.ndof)

    @property
    def channel_p_values(self) -> FloatArray:
        """(channel,)"""
        pairs = zip(self.channel_values, self.channel_ndof, strict=True)
        return np.array([chi2_tail(float(value), int(ndof)) for value, ndof in pairs])

    def _is_hidden(self) -> BoolArray:
        """(channel + 1,): the last is all of them, hidden if one is."""
        of_channels = np.zeros(len(self.channels), dtype=bool) if self.hidden is None else self.hidden
        return np.append(of_channels, of_channels.any())

    def heading(self) -> str:
        """The answer, and what to mind."""
        first = f"chi2 ({self.title}): {BLINDED}"
        if not self._is_hidden()[-1]:
            first = (
                f"chi2 ({self.title}) = {number(self.value)} for {self.ndof} degrees of freedom, "
                f"p = {number(self.p_value, digits=3)}"
            )
        return "\n".join([first, *self.notes])

    def _columns(self) -> Columns:
        hidden = self._is_hidden()

        def shown(column: FloatArray, total: float) -> list[Any]:
            return [BLINDED if h else float(x) for h, x in zip(hidden, (*column, total), strict=True)]

        return {
            "channel": [*self.channels, "all"],
            "chi2": shown(self.channel_values, self.value),
            "ndof": [*self.channel_ndof.tolist(), self.ndof],
            "p_value": shown(self.channel_p_values, self.p_value),
        }

    def _tables(self) -> list[Table]:
        columns = self._columns()
        rows: list[list[Cell]] = []
        for name, chi2, ndof, p in zip(*columns.values(), strict=True):
            value, tail = (x if isinstance(x, str) else Rounded(x, d) for x, d in ((chi2, 6), (p, 3)))
            rows.append([name, value, int(ndof), tail])
        return [Table("", ["", "chi2", "degrees of freedom", "p"], rows)]

    def to_dict(self) -> dict[str, Any]:
        """{title, chi2, ndof, p_value, notes, channels: {name: {chi2, ndof, p_value}}}."""
        columns = self._columns()
        names = columns.pop("channel")
        rows = [dict(zip(columns, entries, strict=True)) for entries in zip(*columns.values(), strict=True)]
        of_channels = dict(zip(names[:-1], rows[:-1], strict=True))
        return {"title": self.title, **rows[-1], "notes": list(self.notes), "channels": of_channels}

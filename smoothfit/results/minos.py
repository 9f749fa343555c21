"""An interval from the profile likelihood."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..render import Cell, Measured, Rounded, Table
from .fit import FitResult
from .record import BLINDED, Columns, Record

__all__ = ["MinosBounds"]


@dataclass(frozen=True, eq=False, repr=False)
class MinosBounds(Record):
    """Upper and lower end of an interval, with the fits there; unpacks into these four.

    A side that failed is NaN, with its status saying why; the other is kept.

    Examples
    --------
    >>> bounds = MinosBounds(0.965, 0.048, None, None, name="mu", value=0.5)
    >>> up, down, fit_up, fit_down = bounds
    >>> up, bounds[1], len(bounds)
    (0.965, 0.048, 4)
    >>> bounds
    parameter  value             level   up     down   status up  status down
    -------------------------------------------------------------------------
    mu         0.50 +0.46 -0.45  0.6827  0.965  0.048  converged  converged
    """

    up: float
    down: float
    fit_up: FitResult | None
    fit_down: FitResult | None
    status_up: str = "converged"
    status_down: str = "converged"
    level: float = 0.6826894921370859
    name: str = ""
    value: float = math.nan
    """The best fit, if known."""
    blinded: bool = False

    def __iter__(self) -> Iterator[Any]:
        return iter((self.up, self.down, self.fit_up, self.fit_down))

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int | slice) -> Any:
        return (self.up, self.down, self.fit_up, self.fit_down)[index]

    def _tables(self) -> list[Table]:
        columns = ("parameter", "value", "level", "up", "down", "status up", "status down")
        if self.blinded:
            shown: tuple[Cell, ...] = (BLINDED,) * 3
        else:
            value = Measured(self.value, self.up - self.value, self.value - self.down)
            shown = ("" if math.isnan(self.value) else value, Rounded(self.up), Rounded(self.down))
        row = (self.name, shown[0], Rounded(self.level, 4), *shown[1:], *self._statuses())
        return [Table("", columns, [row])]

    def _statuses(self) -> tuple[str, str]:
        """As they may be shown: that a bound is at the limit of a blinded parameter tells where that is."""
        up, down = self.status_up, self.status_down
        if self.blinded:
            up, down = (BLINDED if status in ("converged", "at limit") else status for status in (up, down))
        return up, down

    def to_dict(self) -> dict[str, Any]:
        """The numbers and statuses; the fits have their own ``to_dict``."""
        numbers = {"value": self.value, "up": self.up, "down": self.down}
        if self.blinded:
            numbers = dict.fromkeys(numbers, BLINDED)  # type: ignore[arg-type]
        statuses = dict(zip(("status_up", "status_down"), self._statuses(), strict=True))
        return {"name": self.name, "level": self.level, **numbers, **statuses}

    def _columns(self) -> Columns:
        return {key: [entry] for key, entry in self.to_dict().items()}

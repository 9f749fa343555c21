"""The confidence belt of a Neyman construction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import FloatArray
from ..render import Table
from .record import Columns, Record, plain

__all__ = ["ConfidenceBelt"]


@dataclass(frozen=True, eq=False, repr=False)
class ConfidenceBelt(Record):
    """For each true value, the observations that are accepted; read at an observation, an interval.

    Examples
    --------
    >>> from smoothfit.inference.neyman import exact
    >>> exact.poisson_belt([0.0, 2.0], background=3.0, cl=0.9)
    Belt of n for mu at 90% confidence level.
    <BLANKLINE>
    mu  n from  to
    --------------
     0       0   5
     2       2   9
    """

    parameter: str
    observable: str
    cl: float
    values: FloatArray
    """(point,): true values."""
    lower: FloatArray
    """(point,): the smallest accepted observation."""
    upper: FloatArray
    """(point,): the largest one."""
    discrete: bool = False
    """Whether observations are whole numbers."""

    def __len__(self) -> int:
        return len(self.values)

    def at(self, observation: float) -> tuple[float, float]:
        """(lower, upper): the first and the last of the true values that accept an observation.

        NaN if none does. It is as precise as the values are dense.
        """
        accepted = self.values[(self.lower <= observation) & (observation <= self.upper)]
        if not len(accepted):
            return np.nan, np.nan
        return float(accepted.min()), float(accepted.max())

    def heading(self) -> str:
        """What it is a belt of."""
        return f"Belt of {self.observable} for {self.parameter} at {100.0 * self.cl:.4g}% confidence level."

    def _tables(self) -> list[Table]:
        rows = zip(self.values.tolist(), self.lower.tolist(), self.upper.tolist(), strict=True)
        return [Table("", (self.parameter, f"{self.observable} from", "to"), rows)]

    def to_dict(self) -> dict[str, Any]:
        """{parameter, observable, cl, values, lower, upper}."""
        named = ("parameter", "observable", "cl", "values", "lower", "upper")
        return plain({name: getattr(self, name) for name in named})  # type: ignore[no-any-return]

    def _columns(self) -> Columns:
        return {self.parameter: self.values, "lower": self.lower, "upper": self.upper}

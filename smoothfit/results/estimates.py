"""Values of quantities with their errors and covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..errors import UnknownNameError
from ..render import Cell, Measured, Named, Table
from .fit import Estimate
from .record import BLINDED, Columns, Record, plain

__all__ = ["Estimates"]


@dataclass(frozen=True, eq=False, repr=False)
class Estimates(Record):
    """Quantities at a fit, with the covariance that the fit's propagates to.

    Examples
    --------
    >>> found = Estimates(("ratio",), (None,), np.array([1.5]), np.array([[0.04]]), np.array([False]))
    >>> found
    quantity  value
    ---------------------
    ratio     1.50 ± 0.20
    >>> found["ratio"]
    Estimate(value=1.5, error=0.2)
    """

    names: tuple[str, ...]
    labels: tuple[str | None, ...]
    values: FloatArray
    """(quantity,)"""
    covariance: FloatArray
    """(quantity, quantity)"""
    hidden: BoolArray
    """(quantity,): blinded."""

    @property
    def errors(self) -> FloatArray:
        """(quantity,)"""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.sqrt(np.diagonal(self.covariance)))

    def __getitem__(self, name: str) -> Estimate:
        if name not in self.names:
            raise UnknownNameError(f"There is no quantity '{name}'; there are: {', '.join(self.names)}.")
        at = self.names.index(name)
        return Estimate(float(self.values[at]), float(self.errors[at])).hidden(bool(self.hidden[at]))

    def _tables(self) -> list[Table]:
        rows: list[Sequence[Cell]] = [
            (Named(name, label), BLINDED if hidden else Measured(value, error))
            for name, label, value, error, hidden in zip(
                self.names, self.labels, self.values, self.errors, self.hidden, strict=True
            )
        ]
        return [Table("", ("quantity", "value"), rows)]

    def _shown(self, column: FloatArray) -> list[Any]:
        return [
            BLINDED if hidden else entry for entry, hidden in zip(plain(column), self.hidden, strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """{names, values, errors, covariance}; the covariance in the order of names."""
        covariance = plain(self.covariance)
        for i in np.flatnonzero(self.hidden):
            covariance[i] = [BLINDED] * len(covariance)
            for row in covariance:
                row[i] = BLINDED
        return {
            "names": list(self.names),
            "values": self._shown(self.values),
            "errors": self._shown(self.errors),
            "covariance": covariance,
        }

    def _columns(self) -> Columns:
        return {"name": self.names, "value": self._shown(self.values), "error": self._shown(self.errors)}

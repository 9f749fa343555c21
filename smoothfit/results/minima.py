"""The minima that fits from several starts ended in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..render import Cell, Measured, Table
from .record import BLINDED, Columns, Record, plain

__all__ = ["Minima"]

_SHOWN = 6
_DIFFERENT = 0.1
"""In units of the error: parameters that differ by less between minima are not shown."""


@dataclass(frozen=True, eq=False, repr=False)
class Minima(Record):
    """Different minima of one likelihood, the lowest first, which is the fit's result.

    Examples
    --------
    >>> minima = Minima(("c",), np.array([[1.0], [-3.0]]), np.array([[0.2], [0.2]]), np.array([0.0, 0.7]),
    ...                 np.array([6, 4]), n_starts=10, hidden=np.array([False]))
    >>> minima
    2 different minima from 10 starts.
    <BLANKLINE>
    minimum  NLL - lowest  starts  c
    -------------------------------------------
          0             0       6   1.00 ± 0.20
          1           0.7       4  -3.00 ± 0.20
    """

    names: tuple[str, ...]
    values: FloatArray
    """(minimum, param)"""
    errors: FloatArray
    """(minimum, param): from the covariance at each minimum."""
    delta_nll: FloatArray
    """(minimum,): NLL above the lowest minimum."""
    starts: IntArray
    """(minimum,): how many fits ended there."""
    n_starts: int
    hidden: BoolArray
    """(param,): blinded parameters, which are not shown."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """How many starts ended in none, by status."""
    seed: int | None = None
    """Of the drawn starts."""

    def __len__(self) -> int:
        return len(self.values)

    def heading(self) -> str:
        """How many minima and failures."""
        number = len(self)
        found = f"{number} different minima" if number != 1 else "One minimum"
        lost = sum(self.failed.values())
        kinds = ", ".join(f"{count} {name}" for name, count in self.failed.items())
        failures = f"; {lost} of them found none ({kinds})" if lost else ""
        return f"{found} from {self.n_starts} starts{failures}."

    def table(self, title: str = "") -> Table:
        """One row a minimum, with the parameters in which minima differ most."""
        at = self._different()
        names = [self.names[i] for i in at]
        rows: list[list[Cell]] = []
        for k in range(len(self)):
            numbers: list[Cell] = [
                BLINDED if self.hidden[i] else Measured(self.values[k, i], self.errors[k, i]) for i in at
            ]
            rows.append([k, float(self.delta_nll[k]), int(self.starts[k]), *numbers])
        return Table(title, ("minimum", "NLL - lowest", "starts", *names), rows)

    def _different(self) -> list[int]:
        if len(self) < 2:
            return list(range(min(len(self.names), _SHOWN)))
        # Fixed parameters have no error and do not differ.
        scale = np.where(self.errors[0] > 0.0, self.errors[0], 1.0)
        spread = np.ptp(self.values, axis=0) / scale
        order = np.argsort(-spread, kind="stable")
        return sorted(int(i) for i in order[:_SHOWN] if spread[i] > _DIFFERENT)

    def _tables(self) -> list[Table]:
        return [self.table()]

    def to_dict(self) -> dict[str, Any]:
        """{minima: [{delta_nll, starts, values}], n_starts, failed, seed}; blinded values are hidden."""
        minima = []
        for k in range(len(self)):
            entries = zip(self.names, self.values[k], self.errors[k], self.hidden, strict=True)
            minima.append(
                {
                    "delta_nll": float(self.delta_nll[k]),
                    "starts": int(self.starts[k]),
                    "values": {
                        n: BLINDED if h else {"value": float(v), "error": float(e)} for n, v, e, h in entries
                    },
                }
            )
        # The seed may be too large for other readers of JSON.
        seed = None if self.seed is None else str(self.seed)
        return {
            "minima": minima,
            "n_starts": int(self.n_starts),
            "failed": plain(self.failed),
            "seed": seed,
        }

    def _columns(self) -> Columns:
        columns: Columns = {"delta_nll": self.delta_nll, "starts": self.starts.tolist()}
        for i, name in enumerate(self.names):
            columns[name] = [BLINDED] * len(self) if self.hidden[i] else self.values[:, i]
        return columns

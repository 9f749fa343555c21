"""How significant a signal is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import FloatArray
from ..layout import Layout
from ..render import Cell, Rounded, Table, number
from .attempts import Attempt
from .hypotest import band_name
from .poi_record import PoiRecord
from .record import BLINDED, Columns
from .toy_counts import ToyCounts

__all__ = ["Significance"]


@dataclass(frozen=True, eq=False, repr=False)
class Significance(PoiRecord):
    """The significance of a signal, in standard deviations of a Gaussian, one-sided.

    What could not be computed is NaN, and ``messages`` say why.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> model.significance(mu, [71.0, 48.0])
    Significance of mu against 0: 3.0 sigma, asymptotic; best fit 1.64208.
    <BLANKLINE>
              significance    p-value
    ---------------------------------
    observed         3.034   0.001208
    -2 sigma             0        0.5
    -1 sigma        0.8793     0.1896
    expected         1.879     0.0301
    +1 sigma         2.879   0.001993
    +2 sigma         3.879  5.237e-05
    """

    poi: str
    observed: float
    """Z; 0 for a deficit, or negative if that was asked for."""
    p_value: float
    """The probability of data with at least as much signal if there is none: Phi(-Z)."""
    q0: float
    """The observed test statistic: Z^2, 0 for a deficit."""
    expected: FloatArray
    """(band,): Z for data with a signal whose POI is ``n_sigma`` errors too high."""
    n_sigma: FloatArray
    """(band,)"""
    expected_signal: float
    """The POI of that signal."""
    uncapped: bool
    """Whether a deficit has a negative significance."""
    method: str
    best: float
    """The POI at the best fit."""
    messages: tuple[str, ...]
    fits: tuple[Attempt, ...]
    layout: Layout
    blinded: frozenset[str] = frozenset()
    toys: FloatArray | None = None
    """(toy,): the statistic of toys without a signal."""
    mc_error: float = float("nan")
    """The Monte Carlo error of ``p_value``, of one by toys."""
    toy_counts: ToyCounts | None = None
    """What one by toys rests on."""

    @property
    def expected_p_values(self) -> FloatArray:
        """(band,): the p-values of ``expected``."""
        from scipy.special import ndtr

        return np.asarray(ndtr(-self.expected))

    @property
    def success(self) -> bool:
        """Whether there is an answer."""
        return bool(np.isfinite(self.observed))

    def heading(self) -> str:
        """The answer in a line, and what to know of it."""
        about = f"Significance of {self.poi} against 0"
        if self.hidden:
            return f"{about}: {self.method}."
        found = f"{self.observed:.1f} sigma, {self.method}; best fit {number(self.best)}"
        return "\n".join([f"{about}: {found}.", *self.messages])

    def _rows(self) -> list[tuple[str, float, float]]:
        rows = [("observed", self.observed, self.p_value)]
        for n, z, p in zip(self.n_sigma, self.expected, self.expected_p_values, strict=True):
            rows.append((band_name(n), float(z), float(p)))
        return rows

    def _tables(self) -> list[Table]:
        titles = ("", "significance", "p-value")
        if self.hidden:
            return [Table("", titles, [("observed", BLINDED, BLINDED)])]
        rows: list[tuple[Cell, ...]] = [(label, Rounded(z, 4), Rounded(p, 4)) for label, z, p in self._rows()]
        return [Table("", titles, rows)]

    def to_dict(self) -> dict[str, Any]:
        """Everything but toys, by the names of the fields; fits as {what, fitter, status, ...}."""
        names = ("observed", "p_value", "q0", "expected", "expected_p_values", "best", "mc_error", "messages")
        found = {name: BLINDED if self.hidden else getattr(self, name) for name in names}
        about = {name: getattr(self, name) for name in ("poi", "n_sigma", "expected_signal")}
        about |= {"uncapped": self.uncapped, "method": self.method}
        about["toy_counts"] = None if self.toy_counts is None else self.toy_counts.to_dict()
        fits = [attempt.to_dict() for attempt in self.fits]
        return {**about, **found, "fits": BLINDED if self.hidden else fits}

    def _columns(self) -> Columns:
        labels, z, p = zip(*self._rows(), strict=True)
        hidden = [BLINDED] * len(labels)
        return {
            "data": labels,
            "significance": hidden if self.hidden else z,
            "p_value": hidden if self.hidden else p,
        }

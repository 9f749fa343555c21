"""The test of one value of a parameter of interest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import FloatArray
from ..layout import Layout
from ..render import Cell, Rounded, Table, number
from .attempts import Attempt
from .poi_record import PoiRecord
from .record import BLINDED, Columns
from .toy_counts import ToyCounts

__all__ = ["HypotestResult"]


@dataclass(frozen=True, eq=False, repr=False)
class HypotestResult(PoiRecord):
    """How well data agree with a tested value of a parameter of interest (POI).

    What could not be computed is NaN, and ``messages`` say why. All of a blinded POI stays hidden wherever it
    is shown or written.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> model.hypotest(mu, 1.0, [51.0, 42.0])
    Test of mu = 1: qtilde = 2.39529, asymptotic; best fit 0.143429.
    <BLANKLINE>
                  CLs+b      CLb       CLs
    --------------------------------------
    observed    0.06085   0.6068    0.1003
    -2 sigma  6.706e-05  0.02275  0.002948
    -1 sigma    0.00241   0.1587   0.01519
    expected    0.03447      0.5   0.06895
    +1 sigma     0.2065   0.8413    0.2454
    +2 sigma     0.5719   0.9772    0.5852
    """

    poi: str
    value: float
    """The tested one."""
    statistic: str
    """The name of the test statistic."""
    method: str
    """"asymptotic" or "toys"."""
    q: float
    """The observed test statistic."""
    q_asimov: float
    """That of the Asimov data of the other hypothesis."""
    clsb: float
    """The probability of a statistic at least as large under the tested value: its p-value."""
    clb: float
    """The same under the other hypothesis."""
    cls: float
    """CLs+b / CLb (A. L. Read, J. Phys. G 28 (2002) 2693), also where both are too small for numbers."""
    expected_clsb: FloatArray
    """(band,): CLs+b for data of the other hypothesis whose POI is ``n_sigma`` errors too high."""
    expected_clb: FloatArray
    """(band,)"""
    n_sigma: FloatArray
    """(band,)"""
    best: float
    """The POI at the best fit."""
    alternative: float
    """The POI of the other hypothesis."""
    fits: tuple[Attempt, ...]
    """How the fits ended that this depends on."""
    messages: tuple[str, ...]
    """What to know of it."""
    layout: Layout
    blinded: frozenset[str] = frozenset()
    toys_null: FloatArray | None = None
    """(toy,): the statistic of toys of the tested value."""
    toys_alt: FloatArray | None = None
    """(toy,): that of toys of the other hypothesis."""
    mc_error: float = float("nan")
    """The Monte Carlo error of a test by toys: of CLs, or of ``p_value`` where that is the answer."""
    clsb_error: float = float("nan")
    clb_error: float = float("nan")
    cls_error: float = float("nan")
    """Those of each."""
    toys: ToyCounts | None = None
    """What a test by toys rests on."""

    @property
    def statistic_value(self) -> float:
        """The observed test statistic."""
        return self.q

    @property
    def p_value(self) -> float:
        """Of the tested value: CLs+b; for ``q0`` that of the background alone."""
        return self.clsb

    @property
    def expected(self) -> FloatArray:
        """(band,): what is to be expected of data of the other hypothesis: CLs, for ``q0`` the p-value."""
        return self.expected_clsb if self.is_discovery else self._expected_cls

    @property
    def _expected_cls(self) -> FloatArray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.expected_clsb / self.expected_clb)

    @property
    def is_discovery(self) -> bool:
        """Whether it is the background that is tested, for a signal."""
        return self.statistic == "q0"

    @property
    def success(self) -> bool:
        """Whether there is an answer."""
        return bool(np.isfinite(self.clsb))

    def heading(self) -> str:
        """What was tested and with what, and what to know of it."""
        tested = f"Test of {self.poi} = {number(self.value)}"
        if self.hidden:
            return f"{tested}: {self.statistic}, {self.method}."
        found = f"{self.statistic} = {number(self.q)}, {self.method}; best fit {number(self.best)}"
        return "\n".join([f"{tested}: {found}.", *self.messages])

    def _tables(self) -> list[Table]:
        titles = ("", "CLs+b", "CLb", "CLs")
        if self.hidden:
            return [Table("", titles, [("observed", *(BLINDED,) * 3)])]
        rows: list[tuple[Cell, ...]] = [("observed", *map(_short, (self.clsb, self.clb, self.cls)))]
        if self.toys is not None:
            errors = (self.clsb_error, self.clb_error, self.cls_error)
            rows.append(("MC error", *(Rounded(error, 2) for error in errors)))
        bands = self.expected_clsb, self.expected_clb, self._expected_cls
        for n, *tails in zip(self.n_sigma, *bands, strict=True):
            rows.append((band_name(n), *map(_short, tails)))
        return [Table("", titles, rows)]

    def to_dict(self) -> dict[str, Any]:
        """Everything but toys, by the names of the fields; fits as {what, fitter, status, ...}."""
        names = ["q", "q_asimov", "clsb", "clb", "cls", "p_value", "expected", "expected_clsb"]
        names += ["expected_clb", "best", "mc_error", "clsb_error", "clb_error", "cls_error", "messages"]
        found = {name: BLINDED if self.hidden else getattr(self, name) for name in names}
        about = {name: getattr(self, name) for name in ("poi", "value", "statistic", "method", "alternative")}
        about |= {"n_sigma": self.n_sigma, "toys": None if self.toys is None else self.toys.to_dict()}
        fits = [attempt.to_dict() for attempt in self.fits]
        return {**about, **found, "fits": BLINDED if self.hidden else fits}

    def _columns(self) -> Columns:
        shown = {
            "clsb": np.append(self.clsb, self.expected_clsb),
            "clb": np.append(self.clb, self.expected_clb),
        }
        shown["cls"] = np.append(self.cls, self._expected_cls)
        labels = ["observed", *(band_name(n) for n in self.n_sigma)]
        hidden = [BLINDED] * len(labels)
        return {"data": labels, **{k: hidden if self.hidden else v for k, v in shown.items()}}


def band_name(n_sigma: float) -> str:
    """What a band is called.

    Examples
    --------
    >>> band_name(0.0), band_name(-2.0), band_name(1.96)
    ('expected', '-2 sigma', '+1.96 sigma')
    """
    return "expected" if n_sigma == 0.0 else f"{n_sigma:+.3g} sigma"


def _short(probability: float) -> Rounded:
    return Rounded(float(probability), 4)

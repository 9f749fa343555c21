"""Upper limits and two-sided ones on a parameter of interest, by inverted tests."""

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

__all__ = ["Interval", "Limit"]

_RULES = {"cls": "CLs", "clsb": "CLs+b"}


@dataclass(frozen=True, eq=False, repr=False)
class Limit(PoiRecord):
    """An upper limit on a parameter of interest (POI): observed, and what to expect without a signal.

    A limit that is not there is NaN, and its status says why: "not reached" up to the end of the range (the
    POI's bounds), "all excluded" from its beginning, "no effect" of the POI, or "not found" if fits failed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> model.upper_limit(mu, [51.0, 42.0])
    Upper limit on mu at 95% by CLs: qtilde, asymptotic; best fit 0.143429.
    <BLANKLINE>
                limit  status
    -------------------------
    observed   1.1939  found
    -2 sigma  0.56244  found
    -1 sigma  0.76504  found
    expected   1.0831  found
    +1 sigma   1.5486  found
    +2 sigma   2.1442  found
    """

    poi: str
    cl: float
    observed: float
    expected: FloatArray
    """(band,): for data without a signal whose POI is ``n_sigma`` errors too high."""
    n_sigma: FloatArray
    """(band,)"""
    status: str
    """Of the observed limit."""
    expected_status: tuple[str, ...]
    """(band,)"""
    rule: str
    """What is 1 - cl at the limit: "cls" or "clsb"."""
    statistic: str
    method: str
    best: float
    """The POI at the best fit."""
    points: FloatArray
    """(point,): values of the POI that were tested, ascending."""
    p_values: FloatArray
    """(point,): CLs there, or CLs+b by that rule; NaN where only what to expect was computed."""
    expected_p_values: FloatArray
    """(point, band)"""
    messages: tuple[str, ...]
    """What to know of it."""
    fits: tuple[Attempt, ...]
    """How the fits ended that this depends on."""
    layout: Layout
    blinded: frozenset[str] = frozenset()
    observed_error: float = float("nan")
    """The Monte Carlo error of the observed limit, of one by toys."""
    expected_errors: FloatArray | None = None
    """(band,): those of the expected ones, of limits by toys."""
    toys: ToyCounts | None = None
    """What limits by toys rest on."""

    @property
    def success(self) -> bool:
        """Whether there is an observed limit."""
        return self.status == "found"

    def heading(self) -> str:
        """What it is, and what to know of it."""
        about = f"Upper limit on {self.poi} at {100.0 * self.cl:.6g}% by {_RULES[self.rule]}"
        about = f"{about}: {self.statistic}, {self.method}"
        if self.hidden:
            return f"{about}."
        return "\n".join([f"{about}; best fit {number(self.best)}.", *self.messages])

    def _tables(self) -> list[Table]:
        if self.hidden:
            return [Table("", ("", "limit"), [("observed", BLINDED), ("expected", BLINDED)])]
        labels = ["observed", *(band_name(n) for n in self.n_sigma)]
        values = [self.observed, *self.expected]
        rows: list[tuple[Cell, ...]] = [
            (label, Rounded(float(value), 5), status)
            for label, value, status in zip(labels, values, (self.status, *self.expected_status), strict=True)
        ]
        if self.expected_errors is None:
            return [Table("", ("", "limit", "status"), rows)]
        errors = [self.observed_error, *self.expected_errors]
        with_errors = [(*row[:2], Rounded(float(e), 2), row[2]) for row, e in zip(rows, errors, strict=True)]
        return [Table("", ("", "limit", "MC error", "status"), with_errors)]

    def to_dict(self) -> dict[str, Any]:
        """Everything, by the names of the fields; fits as {what, fitter, status, ...}."""
        names = ["observed", "expected", "status", "expected_status", "best", "points", "p_values"]
        names += ["expected_p_values", "observed_error", "expected_errors", "messages"]
        found = {name: BLINDED if self.hidden else getattr(self, name) for name in names}
        about = {
            name: getattr(self, name) for name in ("poi", "cl", "rule", "statistic", "method", "n_sigma")
        }
        about["toys"] = None if self.toys is None else self.toys.to_dict()
        fits = [attempt.to_dict() for attempt in self.fits]
        return {**about, **found, "fits": BLINDED if self.hidden else fits}

    def _columns(self) -> Columns:
        labels = ["observed", *(band_name(n) for n in self.n_sigma)]
        hidden = [BLINDED] * len(labels)
        values, statuses = np.append(self.observed, self.expected), [self.status, *self.expected_status]
        columns: Columns = {"data": labels, "limit": values, "status": statuses}
        if self.expected_errors is not None:
            columns["mc_error"] = np.append(self.observed_error, self.expected_errors)
        return {n: hidden if self.hidden and n != "data" else column for n, column in columns.items()}


@dataclass(frozen=True, eq=False, repr=False)
class Interval(PoiRecord):
    """All values of a parameter of interest (POI) that a test does not exclude: from ``lower`` to ``upper``.

    An end at a bound of the POI has the status "at limit": values beyond were not looked at. One that is not
    there is NaN, with its status, as of a :class:`Limit`.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> model.two_sided_limit(mu, [71.0, 48.0], cl=0.9)
    Values of mu that are not excluded at 90% by CLs+b: t, asymptotic; best fit 1.64208.
    <BLANKLINE>
             value  status
    ----------------------
    lower  0.70976  found
    upper    2.677  found
    """

    poi: str
    cl: float
    lower: float
    upper: float
    status_lower: str
    status_upper: str
    rule: str
    statistic: str
    method: str
    best: float
    """The POI at the best fit."""
    points: FloatArray
    """(point,): values of the POI that were tested, ascending."""
    p_values: FloatArray
    """(point,): CLs+b there, or CLs by that rule."""
    messages: tuple[str, ...]
    fits: tuple[Attempt, ...]
    layout: Layout
    blinded: frozenset[str] = frozenset()

    @property
    def success(self) -> bool:
        """Whether there are both ends, be they at bounds."""
        return bool(np.isfinite(self.lower) and np.isfinite(self.upper))

    def heading(self) -> str:
        """What it is, and what to know of it."""
        about = f"Values of {self.poi} that are not excluded at {100.0 * self.cl:.6g}% by {_RULES[self.rule]}"
        about = f"{about}: {self.statistic}, {self.method}"
        if self.hidden:
            return f"{about}."
        return "\n".join([f"{about}; best fit {number(self.best)}.", *self.messages])

    def _tables(self) -> list[Table]:
        ends = (self.lower, self.upper)
        shown: list[tuple[Cell, str]] = [(BLINDED, "")] * 2 if self.hidden else self._ends(ends)
        rows = [("lower", *shown[0]), ("upper", *shown[1])]
        return [Table("", ("", "value", "status"), rows)]

    def _ends(self, ends: tuple[float, float]) -> list[tuple[Cell, str]]:
        return [
            (Rounded(ends[0], 5), self.status_lower),
            (Rounded(ends[1], 5), self.status_upper),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Everything, by the names of the fields; fits as {what, fitter, status, ...}."""
        names = ("lower", "upper", "status_lower", "status_upper", "best", "points", "p_values", "messages")
        found = {name: BLINDED if self.hidden else getattr(self, name) for name in names}
        about = {name: getattr(self, name) for name in ("poi", "cl", "rule", "statistic", "method")}
        fits = [attempt.to_dict() for attempt in self.fits]
        return {**about, **found, "fits": BLINDED if self.hidden else fits}

    def _columns(self) -> Columns:
        found = self.to_dict()
        names = ("poi", "cl", "lower", "upper", "status_lower", "status_upper")
        return {name: [found[name]] for name in names}

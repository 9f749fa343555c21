"""Whether channels agree on a parameter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..render import Cell, Measured, Rounded, Table, number, with_error
from .record import BLINDED, Columns, Record, plain
from .tails import chi2_tail, tail, tail_error
from .toy_counts import ToyCounts

__all__ = ["ChannelCompatibility"]


@dataclass(frozen=True, eq=False, repr=False)
class ChannelCompatibility(Record):
    """A fit in which each group of channels has a parameter of its own, against the one for all.

    What it found of a blinded parameter, or in a group with a blinded channel, stays hidden.

    Examples
    --------
    >>> ChannelCompatibility("mu", ("2016", "2017"), (("2016",), ("2017",)), np.array([0.8, 1.6]),
    ...                      np.array([0.3, 0.4]), 1.1, 0.25, 2.56, 1)
    Compatibility of 2 groups of channels in mu: 2 (NLL of one for all - NLL of one each) = 2.56
    chi2 of 1 degree of freedom: p = 0.11
    <BLANKLINE>
    group  mu
    ------------------
    2016   0.80 ± 0.30
    2017   1.60 ± 0.40
    all    1.10 ± 0.25
    """

    poi: str
    groups: tuple[str, ...]
    channels: tuple[tuple[str, ...], ...]
    """Group -> its channels on which the parameter acts."""
    values: FloatArray
    """(group,): of the fit with one parameter each."""
    errors: FloatArray
    """(group,): from its covariance."""
    joint_value: float
    joint_error: float
    """Of the fit with one for all; an error of 0 if it was held."""
    observed: float
    """2 (NLL of one for all - NLL of one each)"""
    ndof: int
    """Groups less one; as many as groups if the parameter was held."""
    toys: FloatArray = field(default_factory=lambda: np.zeros(0))
    """(toy,): the same of toys of the fit with one for all; NaN where a fit failed."""
    fits: ToyCounts | None = None
    """The toys' fits, two each; None without toys."""
    bounds: FloatArray | None = None
    """(2, group + 1): Minos bounds, upper then lower, the last of the one for all; None if not asked for."""
    label: str | None = None
    """Of the parameter, for pictures."""
    hidden: BoolArray | None = None
    """(group,): whose values are blinded."""

    @property
    def p_value(self) -> float:
        """From toys (k/N) if there are any, else from chi2."""
        return float(tail(self.toys, self.observed)) if len(self.toys) else self.asymptotic_p_value

    @property
    def p_value_error(self) -> float:
        """Its Monte Carlo error; 0 without toys."""
        return float(tail_error(self.p_value, self.toys)) if len(self.toys) else 0.0

    @property
    def asymptotic_p_value(self) -> float:
        """From the distribution of chi2."""
        return chi2_tail(self.observed, self.ndof)

    @property
    def n_lost(self) -> int:
        """Toys of which a fit failed for good."""
        return int(np.sum(~np.isfinite(self.toys)))

    def _is_hidden(self) -> BoolArray:
        """(group + 1,): the last is the one for all, which is hidden where everything is."""
        of_groups = np.zeros(len(self.groups), dtype=bool) if self.hidden is None else self.hidden
        return np.append(of_groups, of_groups.all())

    def heading(self) -> str:
        """The answer, and how it was found."""
        lines = [
            f"Compatibility of {len(self.groups)} groups of channels in {self.poi}: "
            f"2 (NLL of one for all - NLL of one each) = {number(self.observed, digits=4)}"
        ]
        if self.fits is not None:
            lines += [f"p = {with_error(self.p_value, self.p_value_error)} (k/N)", str(self.fits)]
        if self.n_lost:
            lines.append(f"{self.n_lost} toys have no value, and are not among the N")
        freedom = f"{self.ndof} degree{'' if self.ndof == 1 else 's'} of freedom"
        p = number(self.asymptotic_p_value, digits=3)
        return "\n".join([*lines, f"chi2 of {freedom}: p = {p}"])

    def _shown(self, i: int) -> Cell:
        value = (*self.values, self.joint_value)[i]
        if self.bounds is None:
            return Measured(value, (*self.errors, self.joint_error)[i])
        up, down = self.bounds[:, i]
        return Measured(value, up - value, value - down)

    def _tables(self) -> list[Table]:
        rows: list[list[Cell]] = [
            [name, BLINDED if hidden else self._shown(i)]
            for i, (name, hidden) in enumerate(zip((*self.groups, "all"), self._is_hidden(), strict=True))
        ]
        if not self.joint_error and not self._is_hidden()[-1]:
            rows[-1][1] = Rounded(self.joint_value, remark="held")
        return [Table("", ["group", self.poi], rows)]

    def _numbers(self, i: int) -> dict[str, Any]:
        found = {
            "value": float((*self.values, self.joint_value)[i]),
            "error": float((*self.errors, self.joint_error)[i]),
        }
        if self.bounds is not None:
            found |= {"up": float(self.bounds[0, i]), "down": float(self.bounds[1, i])}
        return dict.fromkeys(found, BLINDED) if self._is_hidden()[i] else found

    def to_dict(self) -> dict[str, Any]:
        """{poi, observed, ndof, p_value, ..., groups: {name: {channels, value, error}}, all: {...}, toys}."""
        return {
            "poi": self.poi,
            "observed": self.observed,
            "ndof": self.ndof,
            "p_value": self.p_value,
            "p_value_error": self.p_value_error,
            "p_value_is": "k/N" if self.fits is not None else "chi2",
            "asymptotic_p_value": self.asymptotic_p_value,
            "fits": None if self.fits is None else self.fits.to_dict(),
            "lost": self.n_lost,
            "groups": {
                name: {"channels": list(self.channels[i]), **self._numbers(i)}
                for i, name in enumerate(self.groups)
            },
            "all": self._numbers(len(self.groups)),
            "toys": plain(self.toys),
        }

    def _columns(self) -> Columns:
        rows = [self._numbers(i) for i in range(len(self.groups) + 1)]
        return {"group": [*self.groups, "all"], **{name: [row[name] for row in rows] for name in rows[0]}}

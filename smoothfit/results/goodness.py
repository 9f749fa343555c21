"""How well a model describes data: a statistic, its toys, and p-values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..errors import UnknownNameError
from ..render import Cell, Measured, Rounded, Table, number, with_error
from .record import BLINDED, Columns, Record, plain
from .tails import chi2_tail, tail, tail_error
from .toy_counts import ToyCounts

__all__ = ["STATISTIC_NAMES", "GoodnessOfFit"]

STATISTIC_NAMES = {
    "saturated": "saturated likelihood",
    "ks": "Kolmogorov-Smirnov",
    "ad": "Anderson-Darling",
}


@dataclass(frozen=True, eq=False, repr=False)
class GoodnessOfFit(Record):
    """A test statistic of a fit, of all channels and of each, with p-values.

    From toys p = k/N: k of the N toys that have a value are as far from their fit as the data, or farther. A
    toy whose fit failed for good is NaN in ``toys``, is counted in ``fits``, and is not among the N.

    Examples
    --------
    >>> toys = np.array([[1.0], [2.0], [5.0], [7.0]])
    >>> GoodnessOfFit("saturated", 4.5, toys[:, 0], ("SR",), np.array([4.0]), toys, 0.5, 3,
    ...               ToyCounts("frequentist", 1, 4, 4))
    Goodness of fit, saturated likelihood: 4.5
    p = 0.50 ± 0.25 (k/N)
    4 frequentist toys, seed 1; all 4 fits converged
    chi2 of 3 degrees of freedom: p = 0.212
    <BLANKLINE>
                 observed  p
    ----------------------------------
    SR                  4  0.50 ± 0.25
    constraints       0.5
    all               4.5  0.50 ± 0.25
    """

    statistic: str
    """"saturated", "ks" or "ad"."""
    observed: float
    toys: FloatArray
    """(toy,): of all channels together; empty if none were made."""
    channels: tuple[str, ...]
    channel_observed: FloatArray
    """(channel,)"""
    channel_toys: FloatArray
    """(toy, channel)"""
    constraints: float
    """What constraints add to the sum over channels; 0 for distances of distributions."""
    ndof: int
    """Bins less free parameters, of the saturated likelihood; 0 if there are none, or no such limit."""
    fits: ToyCounts | None = None
    """The toys' fits; None without toys."""
    notes: tuple[str, ...] = ()
    """What one should know of the numbers."""
    hidden: BoolArray | None = None
    """(channel,): blinded ones."""

    @property
    def p_value(self) -> float:
        """From toys if there are any, else from chi2."""
        return float(tail(self.toys, self.observed)) if len(self.toys) else self.asymptotic_p_value

    @property
    def p_value_error(self) -> float:
        """Its Monte Carlo error, sqrt(q (1 - q)/N) at q = (k + 1)/(N + 2); 0 without toys."""
        return float(tail_error(self.p_value, self.toys)) if len(self.toys) else 0.0

    @property
    def asymptotic_p_value(self) -> float:
        """From the distribution of chi2, which the saturated statistic has for many events; else NaN."""
        return chi2_tail(self.observed, self.ndof)

    @property
    def channel_p_values(self) -> FloatArray:
        """(channel,): from toys; NaN without."""
        if not len(self.toys):
            return np.full(len(self.channels), np.nan)
        return tail(self.channel_toys, self.channel_observed)

    @property
    def channel_p_value_errors(self) -> FloatArray:
        """(channel,): their Monte Carlo errors."""
        return tail_error(self.channel_p_values, self.channel_toys)

    @property
    def n_lost(self) -> int:
        """Toys without a value: fits that failed, and distances that are not defined."""
        return int(np.sum(~np.isfinite(self.toys)))

    @property
    def p_value_range(self) -> tuple[float, float]:
        """Between what p can be, however the toys without a value would have come out."""
        n, beyond = len(self.toys), self.p_value * (len(self.toys) - self.n_lost)
        return (beyond / n, (beyond + self.n_lost) / n) if self.n_lost < n else (0.0, 1.0)

    def is_hidden(self, channel: str | None = None) -> bool:
        """Whether a channel is blinded; the sum of all is, if one of them is."""
        if self.hidden is None:
            return False
        return bool(self.hidden.any() if channel is None else self.hidden[self.index(channel)])

    def index(self, channel: str) -> int:
        """Where a channel stands.

        Raises
        ------
        UnknownNameError
            If it is not part of the test.
        """
        if channel not in self.channels:
            raise UnknownNameError(
                f"There is no channel '{channel}' in this test; there are: {', '.join(self.channels)}."
            )
        return self.channels.index(channel)

    def heading(self) -> str:
        """The answer, how it was found, and what to mind."""
        shown = BLINDED if self.is_hidden() else number(self.observed)
        lines = [f"Goodness of fit, {STATISTIC_NAMES[self.statistic]}: {shown}"]
        if self.fits is not None:
            if not self.is_hidden():
                lines.append(f"p = {with_error(self.p_value, self.p_value_error)} (k/N)")
            lines.append(str(self.fits))
        if self.n_lost and not self.is_hidden():
            low, high = self.p_value_range
            lines.append(
                f"{self.n_lost} toys have no value; with them p would be between {number(low, digits=3)} and "
                f"{number(high, digits=3)}"
            )
        if self.statistic == "saturated" and not self.is_hidden():
            limit = f"p = {number(self.asymptotic_p_value, digits=3)}"
            limit = limit if self.ndof > 0 else "as many free parameters as bins, no p-value"
            lines.append(f"chi2 of {self.ndof} degrees of freedom: {limit}")
        return "\n".join([*lines, *self.notes])

    def _tables(self) -> list[Table]:
        p, errors = self.channel_p_values, self.channel_p_value_errors
        rows: list[list[Cell]] = []
        for i, name in enumerate(self.channels):
            if self.is_hidden(name):
                rows.append([name, BLINDED, BLINDED])
            else:
                value = Rounded(self.channel_observed[i])
                rows.append([name, value, Measured(p[i], errors[i]) if len(self.toys) else ""])
        if self.is_hidden():
            return [Table("", ["", "observed", "p"], [*rows, ["all", BLINDED, BLINDED]])]
        if self.statistic == "saturated":
            rows.append(["constraints", Rounded(self.constraints), ""])
        p_value = Measured(self.p_value, self.p_value_error) if len(self.toys) else ""
        rows.append(["all", Rounded(self.observed), p_value])
        return [Table("", ["", "observed", "p"], rows)]

    def _of_channels(self) -> dict[str, Any]:
        """{column: (channel,)}"""
        columns = {
            "observed": self.channel_observed,
            "p_value": self.channel_p_values,
            "p_value_error": self.channel_p_value_errors,
        }
        return {
            name: [
                BLINDED if self.is_hidden(channel) else float(value)
                for channel, value in zip(self.channels, column, strict=True)
            ]
            for name, column in columns.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """{statistic, observed, p_value, ..., channels: {name: {observed, p_value, ..., toys}}, toys}."""
        numbers = {
            "observed": self.observed,
            "p_value": self.p_value,
            "p_value_error": self.p_value_error,
            "asymptotic_p_value": self.asymptotic_p_value,
            "constraints": self.constraints,
            "toys": plain(self.toys),
        }
        if self.is_hidden():
            numbers = dict.fromkeys(numbers, BLINDED)
        of_channels = self._of_channels()
        channels = {}
        for i, name in enumerate(self.channels):
            toys = BLINDED if self.is_hidden(name) else plain(self.channel_toys[:, i])
            channels[name] = {column: entries[i] for column, entries in of_channels.items()} | {"toys": toys}
        return {
            "statistic": self.statistic,
            **numbers,
            "ndof": self.ndof,
            "p_value_is": "k/N" if self.fits is not None else "chi2",
            "fits": None if self.fits is None else self.fits.to_dict(),
            "lost": self.n_lost,
            "notes": list(self.notes),
            "channels": channels,
        }

    def _columns(self) -> Columns:
        return {"channel": list(self.channels), **self._of_channels()}

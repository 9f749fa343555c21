"""How significant the largest of many local excesses is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import FloatArray, IntArray
from ..layout import Layout
from ..render import Rounded, Table, number, with_error
from .poi_record import PoiRecord
from .record import BLINDED, Columns, plain
from .toy_counts import ToyCounts

__all__ = ["GlobalSignificance", "significance_of"]


def significance_of(p_value: Any) -> Any:
    """Standard deviations of a one-sided p-value.

    Examples
    --------
    >>> round(float(significance_of(0.0227501319)), 4)
    2.0
    """
    from scipy.special import ndtri

    return -ndtri(p_value)


@dataclass(frozen=True, eq=False, repr=False)
class GlobalSignificance(PoiRecord):
    """The excess over background at many positions, and how often background alone has one as large anywhere.

    ``q0`` is 2 (NLL without signal - lowest NLL) where the signal is positive, else 0. The global p-value is
    that of its maximum over all positions among toys of background. What a blinded signal's data say stays
    hidden wherever it is shown or written.
    """

    poi: str
    along: str
    """The parameter that has the positions, or what they are called."""
    positions: FloatArray
    """(position,), ascending."""
    q0: FloatArray
    """(position,): of the data; NaN where a fit failed."""
    estimates: FloatArray
    """(position,): the fitted signal."""
    p_value: float
    """Global, by toys."""
    p_error: float
    upcrossings: float
    """Mean number of times that q0 of a toy rises above ``low_level`` from one position to the next."""
    upcrossings_error: float
    low_level: float
    observed_upcrossings: int
    """Of the data."""
    maxima: FloatArray
    """(toy,): the largest q0 of each toy."""
    failed_toys: int
    """Toys left out because a fit failed."""
    fits: ToyCounts
    seed: int
    layout: Layout
    status: IntArray
    """(position,): of the fit to the data."""
    mc_error: float | None = None
    blinded: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def best(self) -> int:
        """The position with the largest excess."""
        return int(np.nanargmax(self.q0))

    @property
    def local_p_value(self) -> float:
        """Asymptotic p-value at that position, as if no other had been looked at."""
        from scipy.special import ndtr

        return float(ndtr(-np.sqrt(self.q0[self.best])))

    @property
    def local_significance(self) -> float:
        """In standard deviations."""
        return float(np.sqrt(self.q0[self.best]))

    @property
    def significance(self) -> float:
        """Global, by toys, in standard deviations; infinite if no toy was as far out."""
        return float(significance_of(self.p_value))

    @property
    def trials_factor(self) -> float:
        """Global over local p-value."""
        return self.p_value / self.local_p_value

    @property
    def upcrossing_p_value(self) -> float:
        """Estimate of the global p-value from upcrossings, for large excesses.

        Local p-value + <N(u0)> exp(-(u - u0)/2), u the largest q0, u0 the low level: E. Gross and O. Vitells,
        Eur. Phys. J. C70 (2010) 525, arXiv:1005.1891. At most 1. It wants positions so dense that neighbours
        have nearly the same q0.
        """
        return min(1.0, self.local_p_value + self.upcrossings * self._suppression())

    @property
    def upcrossing_p_error(self) -> float:
        """Of that, from the number of toys."""
        return self.upcrossings_error * self._suppression()

    def _suppression(self) -> float:
        return float(np.exp(-0.5 * (self.q0[self.best] - self.low_level)))

    def heading(self) -> str:
        """The local and the global significance."""
        known = len(self.maxima)
        lines = []
        if not self.hidden:
            where = f"{self.along} = {number(float(self.positions[self.best]))}"
            lines.append(
                f"Largest excess at {where}: {self.local_significance:.3g} standard deviations, "
                f"p = {number(self.local_p_value, digits=3)} there."
            )
            lines.append(f"Anywhere in {len(self)} positions: {self._globally(known)}.")
            lines.append(
                f"By upcrossings ({with_error(self.upcrossings, self.upcrossings_error)} of q0 = "
                f"{self.low_level:g}): p = {with_error(self.upcrossing_p_value, self.upcrossing_p_error)}, "
                f"{float(significance_of(self.upcrossing_p_value)):.3g} standard deviations."
            )
        lines.append(f"{known} toys of background; {self.fits.of_fits}; seed {self.seed}.")
        if self.failed_toys:
            lines.append(f"{self.failed_toys} toys were left out: a fit of theirs failed.")
        lost = int(np.sum(~np.isfinite(self.q0)))
        if lost:
            lines.append(f"{lost} of {len(self)} positions have no result: a fit to the data failed.")
        if self.mc_error is not None and self.p_error > self.mc_error:
            lines.append(
                f"The error asked for, {self.mc_error:g}, was not reached with the most toys allowed."
            )
        return "\n".join(lines)

    def _globally(self, known: int) -> str:
        if self.p_value == 0.0:
            return f"none of {known} toys has one as large, p < {number(3.0 / known, digits=2)} at 95%"
        sigma = number(self.significance, digits=3)
        return f"p = {with_error(self.p_value, self.p_error)}, {sigma} standard deviations"

    def _tables(self) -> list[Table]:
        if self.hidden:
            return [Table("", ("parameter", "positions", "q0"), [(self.poi, len(self), BLINDED)])]
        columns = zip(self.positions, self.q0, self.estimates, strict=True)
        rows = [
            (float(x), Rounded(float(q), 4), Rounded(float(np.sqrt(q)), 3), float(mu)) for x, q, mu in columns
        ]
        return [Table("", (self.along, "q0", "local", self.poi), rows)]

    def to_dict(self) -> dict[str, Any]:
        """{poi, along, positions, q0, estimates, local_p_value, p_value, upcrossings ...}."""
        names: tuple[str, ...] = (
            "q0",
            "estimates",
            "local_p_value",
            "local_significance",
            "p_value",
            "p_error",
            "significance",
        )
        names += ("trials_factor", "upcrossing_p_value", "upcrossing_p_error", "observed_upcrossings")
        found = (
            dict.fromkeys(names, BLINDED) if self.hidden else {name: getattr(self, name) for name in names}
        )
        about = {"poi": self.poi, "along": self.along, "positions": self.positions, "seed": self.seed}
        low = {"low_level": self.low_level, "upcrossings": self.upcrossings}
        low["upcrossings_error"] = self.upcrossings_error
        counted = {"toys": len(self.maxima), "failed_toys": self.failed_toys, "fits": self.fits.to_dict()}
        return plain({**about, **found, **low, **counted})  # type: ignore[no-any-return]

    def _columns(self) -> Columns:
        hidden = [BLINDED] * len(self)
        columns: Columns = {self.along: self.positions}
        for name in ("q0", "estimates"):
            columns[name] = hidden if self.hidden else getattr(self, name)
        return columns

"""What a mode of Monte Carlo statistics makes of a channel: which bins and rows get a parameter."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .._types import BoolArray, FloatArray

__all__ = ["Nominal", "Options", "Treatment", "nothing"]


@dataclass(frozen=True)
class Nominal:
    """A channel before any fit; a row is a sub-process."""

    yields: FloatArray
    sumw2: FloatArray
    """(row, bin): in events, and in events squared (0 for rows without)."""
    carries: BoolArray
    """(row,): whether the row's variances were given."""
    signal: BoolArray
    """(row,): whether it belongs to a signal."""


@dataclass(frozen=True)
class Options:
    """What ``set_mc_stat`` was told besides the mode."""

    scaling: str = "process"
    threshold: float | None = None
    constraint: str = "poisson"
    include_signal: bool = False


@dataclass(frozen=True)
class Treatment:
    """The parameters of one channel's bins."""

    lite: BoolArray
    """(bin,): one unit Gaussian for all rows, minimised over in closed form."""
    shared: BoolArray
    """(bin,): one Poisson-constrained factor for all rows that carry variances."""
    multiplied: BoolArray
    """(row, bin): a Poisson-constrained factor of its own."""
    shifted: BoolArray
    """(row, bin): a unit Gaussian of its own, in units of its error."""
    rounded: bool = False
    """Whether auxiliary counts are whole numbers."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Reason -> number of bins (of rows) with variances that got no parameter, or another one."""

    def counts(self) -> dict[str, int]:
        """What it is made of, in words, with numbers of parameters (or bins); only what there is."""
        found = {
            "one a bin, Gaussian": int(self.lite.sum()),
            "one a bin, Poisson": int(self.shared.sum()),
            "one a process, Poisson": int(self.multiplied.sum()),
            "one a process, Gaussian": int(self.shifted.sum()),
            **self.left_out,
        }
        return {reason: number for reason, number in found.items() if number}


def nothing(nominal: Nominal) -> Treatment:
    """No parameter anywhere."""
    of_rows = np.zeros(nominal.yields.shape, dtype=bool)
    of_bins = np.zeros(nominal.yields.shape[1], dtype=bool)
    return Treatment(of_bins, of_bins, of_rows, of_rows)

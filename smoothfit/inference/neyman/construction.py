"""The Neyman construction with toys: at points, the likelihood ratio of the data and of toys drawn there."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..._types import FloatArray
from ...results import FitResult
from ...status import Status
from ..batching import held_of, hold
from ..context import Context
from ..ensembles import Columns, Counted, Ensemble, FitCounts, block_size, counted_tail, kept
from ..scan_points import Points
from ..scans import scan_at
from .ratios import likelihood_ratios
from .tails import critical_value

__all__ = ["NUISANCES", "Construction", "Point"]

NUISANCES = ("fitted", "prefit")
"""Where toys have the other parameters: as fitted to the data with the point held, or at the start values."""


@dataclass(eq=False)
class Point:
    """One hypothesis, with the toys thrown so far."""

    coordinates: FloatArray
    """(variable,)"""
    rise: float
    """NLL of the data there above the best fit; NaN if the fit failed."""
    status: int
    values: FloatArray
    """(param + bin param,): where toys are drawn."""
    thrown: int = 0
    blocks: list[FloatArray] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether there is something to compare toys with."""
        return self.status == Status.CONVERGED

    @property
    def ratios(self) -> FloatArray:
        """(toy,): t of the toys, NaN where a fit failed."""
        return np.concatenate(self.blocks) if self.blocks else np.zeros(0)


class Construction:
    """Points and their toys.

    All points use the same random streams: toys of neighbours differ by the point and not by luck, so that
    the p-value has no jumps of its own from one point to the next.

    Parameters
    ----------
    best_fit
        Of the data, with nothing held at points.
    positions
        (variable,): the parameters of interest.
    nuisances
        One of :data:`NUISANCES`.
    """

    def __init__(
        self, context: Context, best_fit: FitResult, positions: list[int], nuisances: str, seed: int
    ) -> None:
        self.context, self.best_fit, self.positions = context, best_fit, positions
        self.nuisances, self.seed = nuisances, seed
        self.points: list[Point] = []
        self.counts = FitCounts()
        self._size = block_size(context)

    def add(self, values: FloatArray) -> list[Point]:
        """New points, (point, variable), with the fits of the data there."""
        context, where = self.context, Points(self.positions, values, None)
        found = scan_at(context, where, self.best_fit)
        layout = context.layout
        drawn = found.x
        if self.nuisances == "prefit":
            drawn = np.tile(np.concatenate([layout.start, layout.bin_centre]), (len(values), 1))
            held = self.best_fit.fixed
            drawn[:, held] = self.best_fit.x[held]
        drawn[:, self.positions] = values
        rows = zip(values, found.delta_nll, found.status, drawn, strict=True)
        new = [Point(at, float(rise), int(status), x) for at, rise, status, x in rows]
        self.points += new
        return new

    def throw(self, point: Point, until: int) -> None:
        """Toys at a point, until there are so many."""
        context = self.context
        ensemble = Ensemble(context, point.values, seed=self.seed)
        free = held_of(context, self.best_fit)
        held = hold(free, self.positions, point.coordinates)
        start = point.values[: context.layout.n_params]
        decides = {"free": free.mask, "at": free.values, "held": held.mask, "point": held.values}
        while point.thrown < until:
            first, n = point.thrown, min(self._size, until - point.thrown)

            def make(counts: FitCounts, first: int = first, n: int = n) -> Columns:
                toys = ensemble.draw(first, n)
                return {
                    "t": likelihood_ratios(context, toys, free=free, held=held, start=start, counts=counts).t
                }

            point.blocks.append(
                kept("likelihood ratio", ensemble, first, n, self.counts, make, **decides)["t"]
            )
            point.thrown += n

    @property
    def lowest(self) -> float:
        """The lowest NLL of the data at any point, above that of the best fit: 0, or less if it was none."""
        return min(0.0, min((p.rise for p in self.points if p.usable), default=0.0))

    def observed(self, point: Point) -> float:
        """t of the data."""
        return 2.0 * (point.rise - self.lowest) if point.usable else np.nan

    def p_value(self, point: Point) -> Counted:
        """Of the data."""
        return counted_tail(point.ratios, self.observed(point))

    def critical(self, point: Point, cl: float) -> Counted:
        """The largest t that is accepted."""
        return critical_value(point.ratios, cl)

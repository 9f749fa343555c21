"""Feldman-Cousins intervals of one parameter, and regions of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..errors import InvalidValueError
from ..layout import Layout
from ..render import Cell, Measured, Rounded, Table, number, with_error
from ..status import Status
from .record import BLINDED, Columns, Record, plain
from .toy_counts import ToyCounts

__all__ = ["BOUND", "CROSSING", "EDGE", "FeldmanCousins"]

CROSSING, BOUND, EDGE = "crossing", "bound", "edge of points"
"""How a region ends: where the p-value is 1 - cl, at a bound of the parameter, where the points end."""
_WITHIN = 2.0
"""Errors within which a p-value may be on either side of 1 - cl."""


@dataclass(frozen=True, eq=False, repr=False)
class FeldmanCousins(Record):
    """The accepted values of one parameter, or points of two, by toys at each.

    At every point t = 2 (NLL there - lowest NLL within the bounds) of the data is compared with that of toys
    drawn there; the point is accepted if its p-value is above 1 - cl. A point whose fit to the data did not
    converge has NaN, with its status. Nothing that a blinded parameter's toys said is shown or written.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0)
    >>> model = Model().add_proc(Process("sig", [1.0]).scale_by(mu)).add_proc(Process("bkg", [3.0])).prepare()
    >>> found = model.feldman_cousins(mu, [0.0, 3.0, 9.0, 14.0], [8.0], cl=0.9, toys=500, seed=1)
    >>> found.accepted
    array([False,  True,  True, False])
    """

    names: tuple[str, ...]
    """(variable,): one parameter, or two."""
    cl: float
    points: FloatArray
    """(point,) values of one parameter, ascending; (point, 2) of two."""
    observed: FloatArray
    """(point,): t of the data."""
    p_values: FloatArray
    """(point,): the part of the toys whose t is at least that of the data."""
    p_errors: FloatArray
    """(point,): Monte Carlo errors."""
    critical: FloatArray
    """(point,): the largest t that is accepted."""
    critical_errors: FloatArray
    toys: IntArray
    """(point,): toys of which both fits converged."""
    failed_toys: IntArray
    """(point,): toys left out because a fit failed for good."""
    status: IntArray
    """(point,): of the fit to the data there, a :class:`~smoothfit.status.Status`."""
    best: FloatArray
    """(variable,): where the NLL of the data is lowest."""
    regions: FloatArray
    """(region, 2): of one parameter, where the accepted values begin and end, ascending; none of two."""
    region_errors: FloatArray
    """(region, 2): Monte Carlo errors; 0 where a region does not end at a crossing."""
    resolutions: FloatArray
    """(region, 2): distance of the two points between which an end was interpolated."""
    ends: tuple[tuple[str, str], ...]
    """(region, 2): "crossing", "bound" or "edge of points"."""
    fits: ToyCounts
    nuisances: str
    """Where toys had the other parameters: "fitted" or "prefit"."""
    seed: int
    layout: Layout
    axes: tuple[FloatArray, ...] | None = None
    """The axes of a grid of two, whose last one runs fastest; None for points as listed."""
    mc_error: float | None = None
    """What was asked for."""
    blinded: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.p_values)

    @property
    def coordinates(self) -> FloatArray:
        """(point, variable): the points, also of one parameter."""
        return self.points.reshape(len(self), len(self.names))

    @property
    def shape(self) -> tuple[int, ...]:
        """The grid's: ``found.p_values.reshape(found.shape)`` has one axis a parameter."""
        return (len(self),) if self.axes is None else tuple(len(axis) for axis in self.axes)

    @property
    def accepted(self) -> BoolArray:
        """(point,): whether the p-value is above 1 - cl."""
        return np.asarray(self.p_values > 1.0 - self.cl)

    @property
    def uncertain(self) -> BoolArray:
        """(point,): whether the p-value is within two errors of 1 - cl."""
        return np.asarray(np.abs(self.p_values - (1.0 - self.cl)) <= _WITHIN * self.p_errors)

    @property
    def hidden(self) -> bool:
        """Whether a parameter is blinded."""
        return any(self.layout.is_blinded(self.layout.positions(n)[0], self.blinded) for n in self.names)

    @property
    def lower(self) -> float:
        """The first accepted value; NaN if there is none."""
        return self._end(self.regions, 0)

    @property
    def upper(self) -> float:
        """The last accepted value; NaN if there is none."""
        return self._end(self.regions, 1)

    @property
    def lower_error(self) -> float:
        """The Monte Carlo error of ``lower``."""
        return self._end(self.region_errors, 0)

    @property
    def upper_error(self) -> float:
        """The Monte Carlo error of ``upper``."""
        return self._end(self.region_errors, 1)

    def _end(self, array: FloatArray, side: int) -> float:
        if len(self.names) != 1:
            raise InvalidValueError(
                "FeldmanCousins: a region of two parameters has no lower and upper end; .accepted says which "
                "points belong to it, plot.feldman_cousins draws it."
            )
        return float(array[0 if side == 0 else -1, side]) if len(array) else np.nan

    @property
    def disjoint(self) -> bool:
        """Whether there are gaps between ``lower`` and ``upper``."""
        return len(self.regions) > 1

    @property
    def reached(self) -> bool:
        """Whether the Monte Carlo error that was asked for was reached; so it was if none was asked for."""
        if self.mc_error is None:
            return True
        if len(self.names) == 1:
            return bool(np.all(self.region_errors <= self.mc_error))
        return not np.any(self.uncertain & (self.p_errors > self.mc_error))

    def heading(self) -> str:
        """The interval, how it ends, and what went wrong if anything did."""
        lines = [f"Feldman-Cousins, {', '.join(self.names)} at {100.0 * self.cl:.4g}% confidence level."]
        if not self.hidden:
            lines += self._interval() if len(self.names) == 1 else self._region()
        others = "fitted to the data" if self.nuisances == "fitted" else "at their start values"
        total = f"{int(self.toys.sum())} toys at {len(self)} points" + (
            f" ({int(self.toys.min())} to {int(self.toys.max())} each)" if len(self) else ""
        )
        lines.append(f"{total}, other parameters {others}; {self.fits.of_fits}; seed {self.seed}.")
        if not self.reached:
            lines.append(
                f"The error asked for, {self.mc_error:g}, was not reached with the most toys allowed."
            )
        if np.any(self.failed_toys):
            lines.append(f"{int(self.failed_toys.sum())} toys were left out: a fit of theirs failed.")
        lost = self.status != Status.CONVERGED
        if np.any(lost):
            lines.append(
                f"{int(lost.sum())} of {len(self)} points have no p-value: the fit to the data failed."
            )
        return "\n".join(lines)

    def _interval(self) -> list[str]:
        name = self.names[0]
        if not len(self.regions):
            return [f"No point is accepted: {name} is between points; give more, or more toys."]
        parts = [self._one(k) for k in range(len(self.regions))]
        lines = [f"{name} in {' and '.join(parts)}."]
        if self.disjoint:
            doubt = " The gap may be due to the number of toys." if np.any(self._gaps_in_doubt()) else ""
            lines.append(f"The accepted values are {len(parts)} separate regions.{doubt}")
        wide = self._interpolated()
        if wide:
            lines.append(wide)
        return lines

    def _one(self, k: int) -> str:
        ends = zip(self.regions[k], self.region_errors[k], self.ends[k], strict=True)
        low, high = (
            with_error(float(x), float(e)) if kind == CROSSING else f"{number(float(x))} ({_words(kind)})"
            for x, e, kind in ends
        )
        return f"[{low}, {high}]"

    def _interpolated(self) -> str:
        """Where points are further apart than the Monte Carlo errors."""
        crossing = np.array(self.ends) == CROSSING
        wide = crossing & (self.resolutions > 4.0 * self.region_errors)
        if not np.any(wide):
            return ""
        apart = number(float(self.resolutions[wide].max()), digits=2)
        return f"Ends are interpolated between points up to {apart} apart, on top of the Monte Carlo errors."

    def _gaps_in_doubt(self) -> BoolArray:
        """(gap,): whether all of its points are within errors of being accepted."""
        doubt = []
        for end, begin in zip(self.regions[:-1, 1], self.regions[1:, 0], strict=True):
            inside = (self.points > end) & (self.points < begin)
            doubt.append(bool(np.all(self.uncertain[inside])))
        return np.array(doubt, dtype=bool)

    def _region(self) -> list[str]:
        near = int(self.uncertain.sum())
        line = f"{int(self.accepted.sum())} of {len(self)} points are accepted"
        return [f"{line}; {near} are within two Monte Carlo errors of the border."]

    def _tables(self) -> list[Table]:
        if self.hidden:
            return [Table("", ("parameter", "points", "p-value"), [(self.names[0], len(self), BLINDED)])]
        if self.axes is not None and len(self.axes) > 1:
            rows: list[tuple[Cell, ...]] = [
                (n, len(a), float(a[0]), float(a[-1]), float(b))
                for n, a, b in zip(self.names, self.axes, self.best, strict=True)
            ]
            note = "the p-values: .p_values, .points, .accepted"
            return [Table("", ("parameter", "points", "first", "last", "best fit"), rows, note)]
        columns = (*self.names, "t", "critical", "p-value", "toys", "accepted")
        return [Table("", columns, [self._row(k) for k in range(len(self))])]

    def _row(self, k: int) -> tuple[Cell, ...]:
        if not np.isfinite(self.p_values[k]):
            accepted = Status(int(self.status[k])).name if self.status[k] else "unknown"
        else:
            accepted = ("yes" if self.accepted[k] else "no") + ("?" if self.uncertain[k] else "")
        return (
            *map(float, self.coordinates[k]),
            Rounded(float(self.observed[k]), 4),
            Measured(float(self.critical[k]), float(self.critical_errors[k])),
            Measured(float(self.p_values[k]), float(self.p_errors[k])),
            int(self.toys[k]),
            accepted,
        )

    def to_dict(self) -> dict[str, Any]:
        """{names, cl, regions: [{lower, upper, errors, ends}], points, p_values, critical, toys, fits ...}.

        Of one parameter ``lower`` and ``upper`` are the first and the last accepted value.
        """
        named: dict[str, Any] = {
            "points": dict(zip(self.names, self.coordinates.T, strict=True)),
            "best": dict(zip(self.names, self.best, strict=True)),
        }
        arrays = ("observed", "p_values", "p_errors", "critical", "critical_errors", "accepted")
        named.update({name: getattr(self, name) for name in arrays})
        if len(self.names) == 1:
            named.update(lower=self.lower, upper=self.upper)
            named["regions"] = [self._region_dict(k) for k in range(len(self.regions))]
        if self.hidden:
            named = dict.fromkeys(named, BLINDED)
        about = {"names": list(self.names), "cl": self.cl, "nuisances": self.nuisances, "seed": self.seed}
        counted = {"toys": self.toys, "failed_toys": self.failed_toys, "shape": list(self.shape)}
        made = {"mc_error": self.mc_error, "fits": self.fits.to_dict(), "status": self.status}
        return plain({**about, **named, **counted, **made})  # type: ignore[no-any-return]

    def _region_dict(self, k: int) -> dict[str, Any]:
        (lower, upper), (down, up), ends = self.regions[k], self.region_errors[k], self.ends[k]
        errors = {"lower_error": down, "upper_error": up, "resolution": self.resolutions[k]}
        return {"lower": lower, "upper": upper, **errors, "ends": list(ends)}

    def _columns(self) -> Columns:
        hidden = [BLINDED] * len(self)
        columns: Columns = {
            name: hidden if self.hidden else values
            for name, values in zip(self.names, self.coordinates.T, strict=True)
        }
        for name in ("observed", "critical", "critical_errors", "p_values", "p_errors", "accepted"):
            columns[name] = hidden if self.hidden else getattr(self, name)
        columns["toys"], columns["failed_toys"] = self.toys.tolist(), self.failed_toys.tolist()
        return columns


def _words(kind: str) -> str:
    return "a bound" if kind == BOUND else "the points end"

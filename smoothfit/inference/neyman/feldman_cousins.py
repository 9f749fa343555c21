"""Feldman-Cousins intervals with toys: one parameter or two, the others profiled."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..._checks import check_choice
from ..._types import FloatArray
from ...errors import InvalidValueError, LowerMinimumWarning
from ...progress import Advance, track
from ...results import FeldmanCousins
from ...results.levels import ONE_SIGMA, joint_level
from ..context import Context
from ..ensembles import TIE, Precision, fresh_seed
from ..fitting import fit
from ..scan_points import Points, scan_points
from .construction import NUISANCES, Construction, Point
from .refining import Curve, Work, next_work, toys_for
from .regions import Region, regions_of

__all__ = ["feldman_cousins"]

_CALL = "feldman_cousins"
_ROUNDS = 60
"""Rounds of more toys and points; each doubles something that is bounded, unless an end cannot be found."""


def feldman_cousins(
    context: Context,
    poi: Any,
    points: Any,
    obs: Any,
    *,
    cl: float | None = None,
    toys: float = 1000,
    seed: int | None = None,
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    nuisances: str = "fitted",
    range: tuple[Any, ...] | None = None,
    mc_error: float | None = None,
    most_toys: float | None = None,
) -> FeldmanCousins:
    """The values of one parameter, or the region of two, that toys accept.

    At each point t = 2 (NLL there - lowest NLL within the bounds) is compared with that of toys drawn there;
    every toy is fitted twice. A point is accepted if its p-value, the part of the toys whose t is at least
    that of the data, is above 1 - cl (G. Feldman and R. Cousins, Phys. Rev. D57 (1998) 3873).

    Parameters
    ----------
    poi
        A scalar Variable or the name of a component, or a pair of them.
    points
        For one parameter: (point,) values, or how many. For two: how many along each axis; a pair of axes,
        for a grid; or an array (point, 2).
    obs
        (bin,) counts in events, or {channel: counts or histogram}.
    cl
        Confidence level; None is 68.27%. Of two parameters it is that of both jointly.
    toys
        How many at each point; with ``mc_error``, at least so many.
    seed
        A whole number, or None for fresh entropy; it is in ``.seed`` of the result.
    globs, fixed
        As for ``fit``; what is held is held in all fits, and in the toys.
    nuisances
        Where toys have the other parameters: "fitted", where the fit to the data with the point held has
        them, or "prefit", at their start values. Global observables are drawn around them.
    range
        (low, high) of a number of points, one a parameter if there are two; by default three errors to both
        sides of the best fit, within the bounds.
    mc_error
        Of one parameter: points are added and toys thrown around the ends of the interval until the Monte
        Carlo error of each end is at most this, in units of the parameter. Of two: toys are thrown at points
        that may be on either side of the border until their p-values have at most this error.
    most_toys
        How many toys a point may get then; 100 times ``toys`` by default.

    Returns
    -------
    FeldmanCousins
        Ends at a bound, or where the points end, say so; separate regions are all there.

    Raises
    ------
    InvalidValueError, ShapeMismatchError, UnknownNameError
        For points outside the bounds or of a wrong shape, more than two parameters, and options that make
        no sense.
    FitError
        If the fit to the data did not converge.

    Warns
    -----
    LowerMinimumWarning
        If the NLL at a point is below that of the best fit; t is measured from the lowest.

    Examples
    --------
    A count of 6 with a known background of 3: [0.15, 8.47] at 90% in the paper.

    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0)
    >>> model = Model().add_proc(Process("sig", [1.0]).scale_by(mu)).add_proc(Process("bkg", [3.0])).prepare()
    >>> options = {"cl": 0.9, "toys": 500, "seed": 3, "mc_error": 0.3}
    >>> found = model.feldman_cousins(mu, [0.0, 3.0, 6.0, 10.0], [6.0], **options)
    >>> bool(abs(found.upper - 8.47) < 3.0 * found.upper_error + found.resolutions[-1, 1])
    True
    """
    level = ONE_SIGMA if cl is None else cl
    joint_level(level, 1, _CALL)
    check_choice(f"{_CALL}: nuisances", nuisances, NUISANCES)
    precision = Precision.of(toys, mc_error, most_toys, call=_CALL)
    entropy = fresh_seed(seed)
    best_fit = fit(context, obs, globs=globs, fixed=fixed)
    where = scan_points(context.layout, poi, points, range, best_fit, call=_CALL)
    if len(where.positions) > 2:
        raise InvalidValueError(f"{_CALL}: one parameter or two, got {len(where.positions)}.")
    values = where.values
    if len(where.positions) == 1:
        values = np.unique(values, axis=0)
    construction = Construction(context, best_fit, where.positions, nuisances, entropy)
    search = _Search(construction, level, precision)
    search.run(values)
    if 2.0 * construction.lowest < -TIE:
        warnings.warn(_lower_message(construction), LowerMinimumWarning, stacklevel=3)
    return search.record(where)


class _Search:
    """Toys at all points, then where they are needed."""

    def __init__(self, construction: Construction, cl: float, precision: Precision) -> None:
        self.made, self.cl, self.precision = construction, cl, precision
        layout, blinded = construction.context.layout, construction.context.blinded
        self.hidden = any(layout.is_blinded(at, blinded) for at in construction.positions)

    def run(self, values: FloatArray) -> None:
        """Toys at these points, (point, variable), then more until the error asked for is reached."""
        points = [p for p in self.made.add(values) if p.usable]
        with track(len(points) * self.precision.toys, "Feldman-Cousins") as advance:
            for point in points:
                self._throw(point, self.precision.toys, advance)
        if self.precision.error is None:
            return
        for _ in range(_ROUNDS):
            work = self._more()
            if not work:
                break
            self._do(work)

    def _throw(self, point: Point, until: int, advance: Advance) -> None:
        new = max(0, until - point.thrown)
        self.made.throw(point, until)
        advance(new, self._answer())

    def _answer(self) -> str:
        """What is known so far, where it may be seen."""
        if self.hidden:
            return ""
        p = [self.made.p_value(point).value for point in self.made.points if point.thrown]
        return f"{int(np.sum(np.array(p) > 1.0 - self.cl))} of {len(p)} points accepted"

    def _more(self) -> Work:
        if len(self.made.positions) == 2:
            return self._near_the_border()
        assert self.precision.error is not None
        points, excess, errors, toys = self._sorted()
        curve = Curve(points, excess, errors, toys)
        return next_work(curve, self.regions(), self.precision.error, self.precision.limit)

    def _do(self, work: Work) -> None:
        order = self._order()
        wanted = [(self.made.points[order[k]], toys) for k, toys in work.toys.items()]
        for value, toys in work.points:
            (point,) = self.made.add(np.array([[value]]))
            if point.usable:
                wanted.append((point, max(toys, self.precision.toys)))
        total = sum(toys - point.thrown for point, toys in wanted)
        with track(total, "Feldman-Cousins, more toys") as advance:
            for point, toys in wanted:
                self._throw(point, toys, advance)

    def _near_the_border(self) -> Work:
        """More toys at points of a plane that may be on either side, and are not known as asked."""
        wanted, work = self.precision.error, Work({}, [])
        assert wanted is not None
        for k, point in enumerate(self.made.points):
            p, error = self.made.p_value(point)
            if abs(p - (1.0 - self.cl)) <= 2.0 * error and error > wanted:
                toys = toys_for(point.thrown, error, wanted, self.precision.limit)
                if toys > point.thrown:
                    work.toys[k] = toys
        return work

    def _order(self) -> list[int]:
        """The points, ascending in one parameter, as they are in two."""
        known = range(len(self.made.points))
        if len(self.made.positions) == 2:
            return list(known)
        return sorted(known, key=lambda k: float(self.made.points[k].coordinates[0]))

    def _sorted(self) -> tuple[FloatArray, FloatArray, FloatArray, Any]:
        """Points along one parameter, p-values above 1 - cl, their errors, toys."""
        points = [self.made.points[k] for k in self._order()]
        p = np.array([self.made.p_value(point) for point in points]).reshape(-1, 2)
        x = np.array([point.coordinates[0] for point in points])
        return x, p[:, 0] - (1.0 - self.cl), p[:, 1], np.array([point.thrown for point in points], dtype=int)

    def regions(self) -> list[Region]:
        """Of one parameter."""
        made, (at,) = self.made, self.made.positions
        x, excess, errors, _ = self._sorted()
        lower, upper = made.context.layout.bounds
        bounds = float(lower[at]), float(upper[at])
        best = float(made.best_fit.x[at])
        if 2.0 * made.lowest < -TIE:
            lowest = int(np.nanargmin([p.rise for p in made.points]))
            best = float(made.points[lowest].coordinates[0])
        return regions_of(x, excess + (1.0 - self.cl), errors, self.cl, best=best, bounds=bounds)

    def record(self, where: Points) -> FeldmanCousins:
        """Everything that was found."""
        made = self.made
        points = [made.points[k] for k in self._order()]
        p = np.array([made.p_value(point) for point in points])
        critical = np.array([made.critical(point, self.cl) for point in points])
        failed = [int(np.sum(~np.isfinite(point.ratios))) for point in points]
        ends = self.regions() if len(where.positions) == 1 else []
        both = [(r.lower, r.upper) for r in ends]
        layout, counts = made.context.layout, made.counts
        coordinates = np.array([point.coordinates for point in points])
        return FeldmanCousins(
            names=tuple(layout.names[i] for i in where.positions),
            cl=float(self.cl),
            points=coordinates[:, 0] if len(where.positions) == 1 else coordinates,
            observed=np.array([made.observed(point) for point in points]),
            p_values=p[:, 0],
            p_errors=p[:, 1],
            critical=critical[:, 0],
            critical_errors=critical[:, 1],
            toys=np.array([point.thrown for point in points], dtype=int) - np.array(failed, dtype=int),
            failed_toys=np.array(failed, dtype=int),
            status=np.array([point.status for point in points], dtype=int),
            best=made.best_fit.x[where.positions],
            regions=np.array([[e.value for e in pair] for pair in both]).reshape(-1, 2),
            region_errors=np.array([[e.error for e in pair] for pair in both]).reshape(-1, 2),
            resolutions=np.array([[e.resolution for e in pair] for pair in both]).reshape(-1, 2),
            ends=tuple((low.kind, high.kind) for low, high in both),
            fits=counts.of_toys("frequentist", made.seed, sum(p.thrown for p in points), made.nuisances),
            nuisances=made.nuisances,
            seed=made.seed,
            layout=layout,
            axes=where.axes if len(where.positions) == 2 else None,
            mc_error=self.precision.error,
            blinded=made.context.blinded,
        )


def _lower_message(made: Construction) -> str:
    layout, blinded = made.context.layout, made.context.blinded
    lowest = int(np.nanargmin([point.rise for point in made.points]))
    pairs = zip(made.positions, made.points[lowest].coordinates, strict=True)
    hidden = any(layout.is_blinded(at, blinded) for at in made.positions)
    where = "a point" if hidden else ", ".join(f"{layout.names[at]} = {value:.4g}" for at, value in pairs)
    return (
        f"{_CALL}: at {where} the NLL is {-made.lowest:.3g} below that of the best fit. t is measured from "
        "there; look for other minima with model.fit(obs, starts=10)."
    )

"""The NLL along points of one or more parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..errors import InvalidValueError
from ..layout import Layout
from ..render import Cell, Rounded, Table, asymmetric, number
from ..status import Status
from .batch import status_counts
from .levels import joint_level
from .record import BLINDED, Columns, Record, plain

__all__ = ["LOWER", "Scan", "lower_minimum_message"]

LOWER = -1e-6
"""A rise of the NLL below this is another, lower minimum: rounding and the fits' precision are smaller."""


@dataclass(frozen=True, eq=False, repr=False)
class Scan(Record):
    """How far the NLL rises at points of one parameter or more, everything else minimised over.

    A point whose fit did not converge has NaN in ``delta_nll`` and ``x``, and its ``status`` says why. What a
    scan of a blinded parameter found stays hidden wherever it is shown or written.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [100.0, 300.0]).scale_by(mu)).prepare()
    >>> best_fit = model.fit([110.0, 290.0])
    >>> model.scan(mu, [0.9, 1.0, 1.1], best_fit)
    Scan of mu: 3 of 3 points converged.
    Read off the scan: mu = 1.000 +0.051 -0.049 (68.27%).
    <BLANKLINE>
    mu   NLL - best
    ---------------
    0.9       2.144
      1           0
    1.1       1.876
    """

    names: tuple[str, ...]
    """(variable,): what was scanned."""
    points: FloatArray
    """(point,) values of one parameter, (point, variable) of several."""
    delta_nll: FloatArray
    """(point,): NLL at the point, minimised over the rest, minus that of the best fit."""
    status: IntArray
    """(point,): a :class:`~smoothfit.status.Status`."""
    edm: FloatArray
    """(point,): estimated distance to the minimum, in NLL."""
    x: FloatArray
    """(point, param + bin param): where the minimum is."""
    best: FloatArray
    """(variable,): the best fit."""
    errors: FloatArray
    """(variable,): errors of the best fit, from the covariance."""
    layout: Layout
    axes: tuple[FloatArray, ...] | None = None
    """The axes of a grid, whose last one runs fastest; None for points as listed."""
    stat_only: bool = False
    """Whether constrained nuisances and bin parameters were held at the best fit."""
    blinded: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.delta_nll)

    @property
    def coordinates(self) -> FloatArray:
        """(point, variable): the points, also of one parameter."""
        return self.points.reshape(len(self), len(self.names))

    @property
    def shape(self) -> tuple[int, ...]:
        """The grid's: ``scan.delta_nll.reshape(scan.shape)`` has one axis a parameter."""
        return (len(self),) if self.axes is None else tuple(len(axis) for axis in self.axes)

    @property
    def success(self) -> BoolArray:
        """(point,): which fits converged."""
        return np.asarray(self.status == Status.CONVERGED)

    @property
    def hidden(self) -> bool:
        """Whether a scanned parameter is blinded."""
        return any(self._is_hidden(name) for name in self.names)

    @property
    def lower_minimum(self) -> int | None:
        """The point where the NLL is lowest, if that is below the best fit's; None if none is."""
        if not np.any(self.delta_nll < LOWER):
            return None
        return int(np.nanargmin(self.delta_nll))

    def _is_hidden(self, name: str) -> bool:
        return self.layout.is_blinded(self.layout.positions(name)[0], self.blinded)

    def read_off(self, cl: float | None = None) -> FloatArray:
        """Where the scanned curve of one parameter crosses a confidence level: (crossing,), ascending.

        Interpolated between points (a monotonic cubic of the signed root of 2 delta NLL), never beyond the
        first and the last; ``model.minos_bounds`` finds such values exactly. There are more than two if the
        curve has several minima, and fewer if it does not rise high enough.

        Parameters
        ----------
        cl
            Confidence level for one parameter; None is a rise of 0.5, that is 68.27%.

        Raises
        ------
        InvalidValueError
            For a scan of several parameters.
        """
        if len(self.names) != 1:
            raise InvalidValueError("Scan.read_off: only for one parameter; draw contours of a grid instead.")
        goal = np.sqrt(2.0 * joint_level(cl, 1, "Scan.read_off"))
        # Signed, the root is nearly a line through the best fit; unsigned, it has a kink there.
        good = self.success
        value = np.append(self.points[good], self.best[0])
        rise = np.append(self.delta_nll[good], 0.0)
        value, at = np.unique(value, return_index=True)
        if len(value) < 2:
            return np.zeros(0)
        root = np.sign(value - self.best[0]) * np.sqrt(2.0 * np.maximum(rise[at], 0.0))
        from scipy.interpolate import PchipInterpolator

        curve = PchipInterpolator(value, root)
        found = np.concatenate([curve.solve(side * goal, extrapolate=False) for side in (-1.0, 1.0)])
        return np.unique(found[np.isfinite(found)])

    def heading(self) -> str:
        """How many points converged, a lower minimum if one was met, and what can be read off."""
        kind = ", nuisances held at the best fit" if self.stat_only else ""
        lines = [f"Scan of {', '.join(self.names)}{kind}: {_converged(self.status)}."]
        if self.lower_minimum is not None:
            lines.insert(0, lower_minimum_message(self))
        elif len(self.names) == 1 and not self.hidden:
            crossings = self.read_off()
            if len(crossings) == 2:
                low, high = crossings
                best = float(self.best[0])
                interval = asymmetric(best, high - best, best - low)
                lines.append(f"Read off the scan: {self.names[0]} = {interval} (68.27%).")
        return "\n".join(lines)

    def _tables(self) -> list[Table]:
        if self.hidden:
            return [Table("", ("parameter", "points", "NLL - best"), [(self.names[0], len(self), BLINDED)])]
        if self.axes is not None and len(self.axes) > 1:
            lines = zip(self.names, self.axes, self.best, strict=True)
            rows: list[tuple[Cell, ...]] = [
                (n, len(a), float(a[0]), float(a[-1]), float(b)) for n, a, b in lines
            ]
            note = f"the NLL rises by up to {number(_largest(self.delta_nll), digits=4)}: .delta_nll, .points"
            return [Table("", ("parameter", "points", "first", "last", "best fit"), rows, note)]
        failed = not np.all(self.success)
        rows = []
        for k, point in enumerate(self.coordinates):
            state = "" if self.success[k] else Status(int(self.status[k])).name
            rise = Rounded(float(self.delta_nll[k]), 4)
            rows.append((*map(float, point), rise, *([state] if failed else [])))
        return [Table("", (*self.names, "NLL - best", *(["status"] if failed else [])), rows)]

    def to_dict(self) -> dict[str, Any]:
        """{names, stat_only, points, delta_nll, status, best, errors, parameters}; no bin parameters.

        ``points``, ``best`` and ``errors`` are by name, ``parameters`` {name: one value a point}.
        """
        named = {
            "points": dict(zip(self.names, self.coordinates.T, strict=True)),
            "delta_nll": self.delta_nll,
            "best": dict(zip(self.names, self.best, strict=True)),
            "errors": dict(zip(self.names, self.errors, strict=True)),
            "parameters": {
                name: BLINDED if self._is_hidden(name) else self.x[:, i]
                for i, name in enumerate(self.layout.parameters)
            },
        }
        if self.hidden:
            named = dict.fromkeys(named, BLINDED)  # type: ignore[arg-type]
        about = {"names": list(self.names), "stat_only": self.stat_only, "shape": list(self.shape)}
        return plain({**about, **named, "status": self.status, "statuses": status_counts(self.status)})  # type: ignore[no-any-return]

    def _columns(self) -> Columns:
        hidden = [BLINDED] * len(self)
        columns: Columns = {
            name: hidden if self.hidden else values
            for name, values in zip(self.names, self.coordinates.T, strict=True)
        }
        columns["delta_nll"] = hidden if self.hidden else self.delta_nll
        columns["status"] = self.status.tolist()
        for i, name in enumerate(self.layout.parameters):
            if name not in columns:
                columns[name] = hidden if self.hidden or self._is_hidden(name) else self.x[:, i]
        return columns


def lower_minimum_message(scan: Scan) -> str:
    """That the best fit is not the best, and what to do."""
    point = scan.lower_minimum
    assert point is not None
    if scan.hidden:
        where, cure = "", "Fit again from several starts: model.fit(obs, starts=10)."
    else:
        where = f" at point {point}"
        cure = f"Fit again from there: model.fit(obs, init=scan.x[{point}])."
    depth = -float(scan.delta_nll[point])
    return f"A LOWER MINIMUM WAS FOUND:{where} the NLL is {depth:.3g} below that of best_fit. {cure}"


def _largest(values: FloatArray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.max()) if len(finite) else np.nan


def _converged(status: IntArray) -> str:
    failed = {name: n for name, n in status_counts(status).items() if name != Status.CONVERGED.name}
    found = f"{int(np.sum(status == Status.CONVERGED))} of {len(status)} points converged"
    return f"{found} ({', '.join(f'{n} {name}' for name, n in failed.items())})" if failed else found

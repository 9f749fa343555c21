"""An end of a Minos interval as fitters find it by a constraint, and what is true of it.

Maximise u . x for a direction u, subject to NLL(x) <= NLL(best) + level. Whoever looked for it, here it is
judged: has the NLL risen by the level, and is it minimal there among all points of the same u . x?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError, ShapeMismatchError
from .constrained import surface_edm
from .posed import ALLOWED_EDM, Posed
from .solution import Solution

__all__ = ["Bound", "Search", "describe_bound"]

_SAME_RISE = 1e-6
_AT_LIMIT = 1e-6


@dataclass(frozen=True)
class Bound:
    """One bound; only if ``converged`` or ``at_limit`` is it one."""

    value: float
    """u . x there: for +1 or -1 in one place the parameter's value, with that sign."""
    values: FloatArray
    """(param,): the fit there."""
    rise: float
    """NLL - NLL(best) there."""
    edm: float
    """Distance from the minimum among the points of the same u . x."""
    converged: bool
    """Whether the rise is the level to 1e-6 (for MINOS to a thousandth of it), and the EDM at most 1e-6."""
    at_limit: bool
    """Whether limits of the parameters along the direction were met before the level."""
    steps: int


class Search:
    """What is known before the search, in dense parameters.

    Attributes
    ----------
    along
        (dense,): the direction.
    scale
        (dense,): conditional errors at the best fit.
    error
        The error of u . x by the covariance of the best fit.
    guess
        (dense,): the bound, if the NLL were a parabola; within the limits.
    """

    def __init__(self, of: str, posed: Posed, best: Solution, direction: Any, level: float) -> None:
        n_params = len(best.values)
        given = np.asarray(direction, dtype=float)
        if given.shape != (n_params,):
            raise ShapeMismatchError(
                f"{of}: direction has shape {given.shape}, expected ({n_params},), one entry a parameter."
            )
        along = given[posed.dense]
        elsewhere = np.count_nonzero(given) - np.count_nonzero(along)
        if elsewhere:
            raise InvalidValueError(
                f"{of}: {elsewhere} parameters of the direction touch one bin only, and are minimised over "
                "inside the objective; Model.minos_bounds finds their bounds."
            )
        if np.any(along[posed.free == 0]):
            raise InvalidValueError(f"{of}: a parameter of the direction is held constant; free it.")
        if not np.any(along) or not np.all(np.isfinite(along)):
            raise InvalidValueError(f"{of}: direction must be finite, and not 0 everywhere.")
        if not 0.0 < level < np.inf:
            raise InvalidValueError(f"{of}: level must be positive, got {level!r}.")
        self.along, self.level = along, float(level)
        self.scale = posed.scale(posed.start)
        covariance = np.asarray(best.covariance)[np.ix_(posed.dense, posed.dense)]
        response = covariance @ along
        variance = float(along @ response)
        if not np.isfinite(variance) or variance <= 0.0 or not np.all(np.isfinite(response)):
            response = np.where(along != 0.0, self.scale**2 * along, 0.0)
            variance = float(along @ response)
        self.error = float(np.sqrt(variance))
        reached = posed.start + response * np.sqrt(2.0 * level / variance)
        inside = np.clip(reached, posed.lower, posed.upper)
        self.guess: FloatArray = np.where(posed.free > 0, inside, posed.start)

    def near_limits(self, posed: Posed, z: FloatArray, near: float) -> FloatArray:
        """(dense,): 1 where a parameter along the direction is within ``near`` errors of the limit ahead."""
        ahead = np.where(self.along > 0.0, posed.upper - z, z - posed.lower)
        return np.where((self.along != 0.0) & (ahead <= near * self.scale), 1.0, 0.0)

    def nll_limit(self, posed: Posed, best: Solution) -> float:
        """What the objective, less its constants, may rise to."""
        return float(best.nll) - posed.constant + self.level


def describe_bound(
    posed: Posed, best: Solution, search: Search, z: FloatArray, steps: int, same_rise: float = _SAME_RISE
) -> Bound:
    """Judge what was found; the rise may differ from the level by ``same_rise``."""
    end = posed.finish(z, steps)
    z, along = np.asarray(end.dense), search.along
    rise = float(end.nll) - float(best.nll)
    edm, _ = surface_edm(posed, z, along[None])
    stopped = search.near_limits(posed, z, _AT_LIMIT)
    return Bound(
        value=float(along @ z),
        values=np.asarray(end.values),
        rise=rise,
        edm=edm,
        converged=abs(rise - search.level) <= same_rise and edm <= ALLOWED_EDM,
        at_limit=bool(np.all(stopped[along != 0.0] > 0)) and rise < search.level - same_rise,
        steps=steps,
    )

"""iminuit on a posed problem: MIGRAD, HESSE and MINOS, with exact derivatives.

MIGRAD stops at an EDM of 0.002 x tolerance x errordef, 1e-4 with its own tolerance of 0.1 (iminuit's
documentation, Minuit.tol), where a fit is still 0.01 errors from the minimum. Here the
default is 1e-4, an EDM of 1e-7, and the end point is judged by the exact Hessian as that of any other fitter.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .._optional import require
from .._types import Array, FloatArray, IntArray
from ..errors import InvalidValueError
from ..prepared import Data, Fixed, Prepared
from .bound import Bound, Search, describe_bound
from .options import check_steps, check_tolerance
from .posed import Posed
from .solution import Solution

__all__ = ["Minuit"]

_ERRORDEF = 0.5
_ROUNDS = 5
_MINOS_TOLERANCE = 1e-5
"""So that the minimum which MINOS starts from is the one that the rise is counted from."""
_MINOS_RISE = 1e-3


@dataclass(frozen=True)
class Minuit:
    """MIGRAD of the package ``iminuit``, with limits, gradient and Hessian given.

    Parameters
    ----------
    strategy
        MINUIT's: 0, 1 or 2.
    tolerance
        MINUIT's: the EDM at the end is at most 0.001 of it. MINUIT's own 0.1 would end short of what counts
        as converged here, 1e-6.
    max_steps
        Most calls of the function.

    Raises
    ------
    InvalidValueError
        For options that mean nothing.
    MissingPackageError
        At the call, if iminuit is not installed.

    Examples
    --------
    >>> Minuit(strategy=2)
    Minuit(strategy=2, tolerance=0.0001, max_steps=20000)
    """

    strategy: int = 1
    tolerance: float = 1e-4
    max_steps: int = 20000
    name = "minuit"

    def __post_init__(self) -> None:
        if self.strategy not in (0, 1, 2):
            raise InvalidValueError(f"Minuit: strategy is 0, 1 or 2, got {self.strategy!r}.")
        check_tolerance("Minuit", self.tolerance)
        check_steps("Minuit", self.max_steps)

    def __call__(self, prepared: Prepared, data: Data, fixed: Fixed, start: Array) -> Solution:
        """Minimise the NLL by MIGRAD; not traceable."""
        posed = Posed(prepared, data, fixed, start)
        return posed.minimise(partial(self._migrad, posed))

    def _migrad(self, posed: Posed, z: FloatArray, moving: IntArray) -> tuple[FloatArray, int]:
        if not len(moving):
            return z, 0
        minuit = self._minuit(posed, z, moving)
        minuit.migrad(ncall=self.max_steps, iterate=_ROUNDS)
        end = z.copy()
        end[moving] = np.array(minuit.values)
        return end, int(minuit.nfcn + minuit.ngrad)

    def hesse(self, prepared: Prepared, data: Data, fixed: Fixed, best: Solution) -> FloatArray:
        """HESSE's covariance (param, param) at a fit, from differences of the gradient.

        A witness of ``best.covariance`` that knows nothing of our Hessian. Rows of parameters that are held
        or minimised over bin by bin are zero.
        """
        posed = Posed(prepared, data, fixed, best.values)
        full = np.zeros((len(best.values), len(best.values)))
        if len(posed.moving):
            minuit = self._minuit(posed, posed.start, posed.moving, exact_hessian=False)
            minuit.hesse()
            at = posed.dense[posed.moving]
            full[np.ix_(at, at)] = np.nan if minuit.covariance is None else np.array(minuit.covariance)
        return full

    def minos(
        self,
        prepared: Prepared,
        data: Data,
        fixed: Fixed,
        best: Solution,
        direction: Any,
        level: float = 0.5,
    ) -> Bound:
        """MINOS: the bound of one parameter, on one side.

        How closely MINOS meets the level cannot be chosen: here a rise within a thousandth of it counts as
        converged, where the other fitters have 1e-6.

        Parameters
        ----------
        best
            The fit to start from.
        direction
            (param,): +1 for the upper bound of a parameter, -1 for the lower one, 0 elsewhere.
        level
            Rise of the NLL at the bound.

        Raises
        ------
        InvalidValueError
            If the direction is another, or the parameter is held or minimised over bin by bin.
        """
        posed = Posed(prepared, data, fixed, best.values)
        search = Search("Minuit.minos", posed, best, direction, level)
        along = search.along
        chosen = np.flatnonzero(along)
        if len(chosen) != 1 or abs(along[chosen[0]]) != 1.0:
            raise InvalidValueError(
                "Minuit.minos: direction has to be +1 or -1 for one parameter and 0 elsewhere: MINOS knows "
                "no other; Jaxopt().minos and TrustConstr().minos take any."
            )
        minuit = self._minuit(posed, posed.start, posed.moving)
        minuit.tol = min(self.tolerance, _MINOS_TOLERANCE)
        minuit.errordef = level
        minuit.migrad(ncall=self.max_steps, iterate=_ROUNDS)
        which = f"x{int(np.flatnonzero(posed.moving == chosen[0])[0])}"
        minuit.minos(which, ncall=self.max_steps)
        found = minuit.merrors[which]
        upper = along[chosen[0]] > 0
        # MINOS tells the bound, not where the other parameters are there: find them with it held.
        z = posed.start.copy()
        z[posed.moving] = np.array(minuit.values)
        z[chosen[0]] += found.upper if upper else found.lower
        z[chosen[0]] = min(max(z[chosen[0]], posed.lower[chosen[0]]), posed.upper[chosen[0]])
        minuit.values = list(z[posed.moving])
        minuit.fixed[which] = True
        minuit.errordef = _ERRORDEF
        minuit.migrad(ncall=self.max_steps, iterate=_ROUNDS)
        z[posed.moving] = np.array(minuit.values)
        return describe_bound(posed, best, search, z, int(minuit.nfcn), _MINOS_RISE * level)

    def _minuit(self, posed: Posed, start: FloatArray, moving: IntArray, exact_hessian: bool = True) -> Any:
        package = require("iminuit", feature="fitter='minuit'", extra="minuit")
        limits = list(zip(posed.lower[moving], posed.upper[moving], strict=True))

        def whole(x: FloatArray) -> FloatArray:
            z = start.copy()
            z[moving] = x
            return z

        def hessian(x: FloatArray) -> FloatArray:
            return posed.at(whole(x)).hessian[np.ix_(moving, moving)]

        # Of some models iminuit asks for the diagonal even if it has the Hessian, and fails without one.
        second: dict[str, Any] = {"hessian": hessian, "g2": lambda x: np.diagonal(hessian(x)).copy()}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "hessian overrides g2")
            minuit = package.Minuit(
                lambda x: posed.at(whole(x)).value,
                posed.inside(start)[moving],
                grad=lambda x: posed.at(whole(x)).gradient[moving],
                **(second if exact_hessian else {"hessian": False, "g2": False}),
            )
        minuit.errordef = _ERRORDEF
        minuit.strategy = self.strategy
        minuit.tol = self.tolerance
        minuit.print_level = 0
        minuit.limits = [(None if math.isinf(a) else a, None if math.isinf(b) else b) for a, b in limits]
        minuit.errors = list(np.maximum(posed.scale(start)[moving], 1e-12))
        return minuit

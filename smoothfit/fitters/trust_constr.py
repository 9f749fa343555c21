"""scipy's trust-constr on a posed problem, with exact derivatives; constraints, too.

Slower than the native fitter, and written by others: a second opinion. Bounds are handled by an
interior-point method, so that a parameter at its limit ends within about 1e-8 of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .._types import Array, FloatArray, IntArray
from ..prepared import Data, Fixed, Prepared
from .bound import Bound, Search, describe_bound
from .constrained import Constrained, Constraint, Surface, describe
from .options import check_steps
from .posed import NEAR_LIMIT, Posed, Seen
from .solution import Solution

__all__ = ["TrustConstr"]

_TOLERANCES = {"gtol": 1e-9, "xtol": 1e-14, "barrier_tol": 1e-12}


@dataclass(frozen=True)
class TrustConstr:
    """``scipy.optimize.minimize(method="trust-constr")``.

    Parameters
    ----------
    max_steps
        Iterations, of each of the two runs that a fit at a limit takes.

    Raises
    ------
    InvalidValueError
        For options that mean nothing.

    Examples
    --------
    >>> TrustConstr(max_steps=100).name
    'trust-constr'
    """

    max_steps: int = 3000
    name = "trust-constr"

    def __post_init__(self) -> None:
        check_steps("TrustConstr", self.max_steps)

    def __call__(self, prepared: Prepared, data: Data, fixed: Fixed, start: Array) -> Solution:
        """Minimise the NLL; not traceable."""
        posed = Posed(prepared, data, fixed, start)
        return posed.minimise(partial(self._minimise, posed))

    def constrained(
        self, prepared: Prepared, data: Data, fixed: Fixed, start: Array, constraint: Constraint
    ) -> Constrained:
        """Minimise the NLL subject to ``constraint(values) = 0``.

        Parameters
        ----------
        start
            (param,)
        constraint
            (param,) -> () or (constraint,), traceable; :func:`~.constrained.linear` makes linear ones.

        Raises
        ------
        InvalidValueError
            If the constraint depends on nothing that is free, or on parameters of single bins.
        """
        from scipy.optimize import NonlinearConstraint

        posed = Posed(prepared, data, fixed, start)
        surface = Surface("TrustConstr.constrained", constraint, posed, np.asarray(start))
        units = surface.units(posed.start, posed.scale(posed.start), posed.free)

        def within_surface(z: FloatArray, moving: IntArray) -> tuple[FloatArray, int]:
            def whole(x: FloatArray) -> FloatArray:
                moved = z.copy()
                moved[moving] = x
                return moved

            condition = NonlinearConstraint(
                lambda x: surface.value(whole(x)) / units,
                0.0,
                0.0,
                jac=lambda x: surface.jacobian(whole(x))[:, moving] / units[:, None],
                hess=lambda x, weights: surface.curvature(whole(x), weights / units)[np.ix_(moving, moving)],
            )
            return self._minimise(posed, z, moving, constraints=condition)

        end, steps = within_surface(posed.start, posed.moving)
        found = describe(posed, surface, end, steps)
        on_limit = posed.near_limits(end, NEAR_LIMIT)
        if found.converged or not np.any(on_limit != 0.0):
            return found
        # Near a limit an interior-point method may get stuck: go there, and solve for the rest again.
        end = np.where(on_limit < 0, posed.lower, np.where(on_limit > 0, posed.upper, end))
        end, more = within_surface(end, np.flatnonzero((posed.free > 0) & (on_limit == 0.0)))
        at_limit = describe(posed, surface, end, steps + more)
        return at_limit if at_limit.converged else found

    def minos(
        self,
        prepared: Prepared,
        data: Data,
        fixed: Fixed,
        best: Solution,
        direction: Any,
        level: float = 0.5,
    ) -> Bound:
        """The largest ``direction . values`` with the NLL at most ``level`` above the best fit's.

        Parameters
        ----------
        best
            The fit to start from.
        direction
            (param,): +1 for the upper bound of a parameter, -1 for the lower one; any other direction, too.
        level
            Rise of the NLL at the bound: 0.5 for 68.27% of one parameter.

        Raises
        ------
        InvalidValueError
            If the direction holds parameters that are not free, or are minimised over bin by bin.
        """
        from scipy.optimize import NonlinearConstraint

        posed = Posed(prepared, data, fixed, best.values)
        search = Search("TrustConstr.minos", posed, best, direction, level)
        along, limit = search.along / search.error, search.nll_limit(posed, best)

        def search_from(z: FloatArray, moving: IntArray, lowest: float) -> tuple[FloatArray, int]:
            """Within lowest <= NLL less what it may be <= 0."""

            def seen(x: FloatArray) -> Seen:
                moved = z.copy()
                moved[moving] = x
                return posed.at(moved)

            condition = NonlinearConstraint(
                lambda x: seen(x).value - limit,
                lowest,
                0.0,
                jac=lambda x: seen(x).gradient[moving][None],
                hess=lambda x, weights: weights[0] * seen(x).hessian[np.ix_(moving, moving)],
            )
            return self._minimise(
                posed,
                z,
                moving,
                constraints=condition,
                fun=lambda x: -float(along[moving] @ x),
                jac=lambda x: -along[moving],
                hess=lambda x: np.zeros((len(moving), len(moving))),
            )

        end, steps = search_from(search.guess, posed.moving, -np.inf)
        # An interior-point method never quite arrives, neither at a limit nor at the level: go there.
        on_limit = posed.on_limits(end, NEAR_LIMIT)
        on_limit = np.where(
            along != 0.0, np.sign(along) * search.near_limits(posed, end, NEAR_LIMIT), on_limit
        )
        end = np.where(on_limit < 0, posed.lower, np.where(on_limit > 0, posed.upper, end))
        moving = np.flatnonzero((posed.free > 0) & (on_limit == 0))
        if np.any(along[moving] != 0.0):
            end, more = search_from(end, moving, 0.0)
        else:
            end, more = self._minimise(posed, end, moving)
        return describe_bound(posed, best, search, end, steps + more)

    def _minimise(
        self, posed: Posed, z: FloatArray, moving: IntArray, **replaced: Any
    ) -> tuple[FloatArray, int]:
        """Minimise over some coordinates; the NLL, unless ``fun``, ``jac`` and ``hess`` are given."""
        from scipy.optimize import Bounds, minimize

        if not len(moving):
            return z, 0
        limits = posed.lower[moving], posed.upper[moving]
        end = z.copy()

        def whole(x: FloatArray) -> FloatArray:
            moved = z.copy()
            moved[moving] = x
            return moved

        of_nll: dict[str, Callable[[FloatArray], Any]] = {
            "fun": lambda x: posed.at(whole(x)).value,
            "jac": lambda x: posed.at(whole(x)).gradient[moving],
            "hess": lambda x: posed.at(whole(x)).hessian[np.ix_(moving, moving)],
        }
        found = minimize(
            **{**of_nll, **replaced},
            x0=posed.inside(z)[moving],
            method="trust-constr",
            bounds=Bounds(*limits, keep_feasible=True) if np.any(np.isfinite(limits)) else None,
            options={**_TOLERANCES, "maxiter": self.max_steps},
        )
        end[moving] = found.x
        return end, int(found.nit)

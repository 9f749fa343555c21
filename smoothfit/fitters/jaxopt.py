"""jaxopt's L-BFGS and L-BFGS-B on a posed problem.

L-BFGS-B is known to step outside its bounds (google/jaxopt#590) and to stop far from a minimum
(google/jaxopt#620): the objective is continued beyond the limits, the end is put within them, and
counts as converged only if the exact gradient and Hessian there say so (:mod:`.first_order`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._compilation import compiled
from .._optional import require
from .._types import Array
from ..errors import InvalidValueError
from ..likelihood import objective
from ..likelihood.derived import Derived, derived_of
from ..prepared import Data, Fixed, Plan, Prepared
from . import augmented, first_order
from .bound import Bound, Search, describe_bound
from .constrained import Constrained, Constraint, Surface, as_partial, describe
from .options import check_steps, check_tolerance
from .posed import Posed
from .solution import Solution

__all__ = ["METHODS", "Jaxopt", "descend"]

METHODS = ("auto", "LBFGSB", "LBFGS")
_MEMORY = 20
"""Pairs of steps and gradient changes that the Hessian is estimated from."""
_HALVINGS = 40


@dataclass(frozen=True)
class Jaxopt:
    """L-BFGS-B where a free parameter has a limit, L-BFGS elsewhere; from the package ``jaxopt``.

    Parameters
    ----------
    method
        "auto", "LBFGSB" or "LBFGS". Inside ``jax.jit`` or ``vmap``, where limits are not known, "auto" is
        "LBFGSB".
    max_steps
        Iterations in all, over all restarts.
    tolerance
        Largest component of the projected gradient at the end of the first round, in units of 1/error.

    Raises
    ------
    InvalidValueError
        For options that mean nothing; at the call, if "LBFGS" meets free parameters with limits.
    MissingPackageError
        At the call, if jaxopt is not installed.

    Examples
    --------
    >>> Jaxopt(method="LBFGSB").max_steps
    2000
    """

    method: str = "auto"
    max_steps: int = 2000
    tolerance: float = 1e-5
    name = "jaxopt"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidValueError(f"Jaxopt: method is one of {', '.join(METHODS)}, got {self.method!r}.")
        check_steps("Jaxopt", self.max_steps)
        check_tolerance("Jaxopt", self.tolerance)

    def __call__(self, prepared: Prepared, data: Data, fixed: Fixed, start: Array) -> Solution:
        """Minimise the NLL; traceable."""
        model = derived_of(prepared)
        solve = _solver(_package(), self._chosen(model, fixed))
        return solve(model, data, fixed, start, self.tolerance, self.max_steps)

    def constrained(
        self, prepared: Prepared, data: Data, fixed: Fixed, start: Array, constraint: Constraint
    ) -> Constrained:
        """Minimise the NLL subject to ``constraint(values) = 0``, by an augmented Lagrangian.

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
        posed = Posed(prepared, data, fixed, start)
        surface = Surface("Jaxopt.constrained", constraint, posed, np.asarray(start))
        scale = posed.scale(posed.start)
        end = _constrained_solver(_package())(
            derived_of(prepared),
            data,
            fixed,
            start,
            as_partial(constraint),
            scale,
            surface.units(posed.start, scale, posed.free),
            self.max_steps,
        )
        return describe(posed, surface, np.asarray(end.x), int(end.steps))

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
        posed = Posed(prepared, data, fixed, best.values)
        search = Search("Jaxopt.minos", posed, best, direction, level)
        end = _bound_solver(_package())(
            derived_of(prepared),
            data,
            fixed,
            best.values,
            search.guess,
            search.scale,
            search.along / search.error,
            search.nll_limit(posed, best),
            search.level,
            self.max_steps,
        )
        return describe_bound(posed, best, search, np.asarray(end.x), int(end.steps))

    def _chosen(self, model: Prepared | Derived, fixed: Fixed) -> str:
        limits = count_limits(model.plan, fixed)
        if self.method == "auto":
            return "LBFGS" if limits == 0 else "LBFGSB"
        if self.method == "LBFGS" and limits:
            raise InvalidValueError(
                f"Jaxopt: method='LBFGS' knows no limits, and {limits} free parameters have some; "
                "use method='auto', or 'LBFGSB'."
            )
        return self.method


def count_limits(plan: Plan, fixed: Fixed) -> int | None:
    """How many free dense parameters have a limit; None inside a trace."""
    arrays = (plan.lower, plan.upper, plan.dense, fixed.mask)
    if any(isinstance(a, jax.core.Tracer) for a in arrays):
        return None
    lower, upper, dense, held = (np.asarray(a) for a in arrays)
    limited = np.isfinite(lower) | np.isfinite(upper)
    return int(np.sum((limited & (held == 0))[dense]))


def _package() -> ModuleType:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "JAXopt is no longer maintained", DeprecationWarning)
        return require("jaxopt", feature="fitter='jaxopt'", extra="all")


# Compiled once a method and model structure: options are arguments.


@cache
def _solver(package: ModuleType, method: str) -> Callable[..., Solution]:
    run = partial(descend, package, method)

    def solve(
        model: Prepared | Derived, data: Data, fixed: Fixed, start: Array, tolerance: Array, max_steps: Array
    ) -> Solution:
        return first_order.solve(model, data, fixed, start, run, tolerance, max_steps)

    return compiled(solve)


@cache
def _constrained_solver(package: ModuleType) -> Callable[..., augmented.Augmented]:
    run = partial(descend, package, "LBFGSB")

    def solve(
        model: Prepared | Derived,
        data: Data,
        fixed: Fixed,
        start: Array,
        constraint: Any,
        scale: Array,
        units: Array,
        max_steps: Array,
    ) -> augmented.Augmented:
        problem = objective.pose(model, data, fixed, start)
        dense = problem.derived.plan.dense
        z = objective.dense_start(problem)
        moved = first_order.mover(problem, z, scale)
        lower, upper = first_order.scaled_limits(problem, z, scale)
        end = augmented.minimize(
            lambda x: objective.value(problem, moved(x)),
            lambda x: jnp.atleast_1d(constraint(problem.values.at[dense].set(moved(x)))) / units,
            jnp.zeros_like(z),
            lower=lower,
            upper=upper,
            descend=run,
            multipliers=jnp.zeros_like(units),
            max_steps=max_steps,
        )
        return end._replace(x=moved(end.x))

    return compiled(solve)


@cache
def _bound_solver(package: ModuleType) -> Callable[..., augmented.Augmented]:
    run = partial(descend, package, "LBFGSB")

    def solve(
        model: Prepared | Derived,
        data: Data,
        fixed: Fixed,
        start: Array,
        guess: Array,
        scale: Array,
        along: Array,
        limit: Array,
        level: Array,
        max_steps: Array,
    ) -> augmented.Augmented:
        problem = objective.pose(model, data, fixed, start)
        moved = first_order.mover(problem, guess, scale)
        lower, upper = first_order.scaled_limits(problem, guess, scale)
        end = augmented.minimize(
            lambda x: -along @ (moved(x) - guess),
            lambda x: jnp.atleast_1d(objective.value(problem, moved(x)) - limit),
            jnp.zeros_like(guess),
            lower=lower,
            upper=upper,
            descend=run,
            # What it is if the NLL is a parabola; `along` is in units of the error.
            multipliers=jnp.atleast_1d(1.0 / jnp.sqrt(2.0 * level)),
            inequality=True,
            max_steps=max_steps,
        )
        return end._replace(x=moved(end.x))

    return compiled(solve)


def descend(
    package: ModuleType, method: str, scaled: first_order.Scaled, tolerance: Array, most: Array
) -> first_order.Descent:
    """One run of a method of jaxopt, ended by the projected gradient; traceable.

    Parameters
    ----------
    method
        "LBFGSB" or "LBFGS".
    tolerance
        Largest component of the projected gradient at the end.
    most
        Steps.
    """
    value_and_grad = jax.value_and_grad(scaled.fun)

    def searched(x: Array) -> tuple[tuple[Array, None], Array]:
        value, gradient = value_and_grad(x)
        return (value, None), gradient

    # In units of the errors a full step is nearly right. The default search, zoom, has the objective in
    # seven places and takes as much longer to compile; the default backtracking ends at a thousandth.
    search = package.BacktrackingLineSearch(
        searched,
        value_and_grad=True,
        has_aux=True,
        condition="armijo",
        decrease_factor=0.5,
        maxiter=_HALVINGS,
    )
    options = {
        "value_and_grad": True,
        "history_size": _MEMORY,
        "implicit_diff": False,
        "linesearch": search,
        "linesearch_init": "max",
    }
    bounds: tuple[Any, ...] = ((scaled.lower, scaled.upper),) if method == "LBFGSB" else ()
    make = getattr(package, method)
    solver = make(fun=value_and_grad, **options)
    # What is known of the start is not evaluated again.
    known = make(fun=lambda x: (scaled.value, scaled.gradient), **options)

    def far(x: Array, state: Any) -> Array:
        return jnp.max(jnp.abs(jnp.clip(x - state.grad, scaled.lower, scaled.upper) - x), initial=0.0)

    def unfinished(carried: tuple[Array, Any, Array]) -> Array:
        x, state, stopped = carried
        return (far(x, state) > tolerance) & (state.iter_num < most) & ~stopped

    def body(carried: tuple[Array, Any, Array]) -> tuple[Array, Any, Array]:
        x, state, _ = carried
        new_x, new = solver.update(x, state, *bounds)
        # A search that fails returns its last point, wherever that is.
        fine = (new.value <= state.value) & jnp.all(jnp.isfinite(new_x)) & jnp.all(jnp.isfinite(new.grad))
        kept = jax.tree.map(lambda a, b: jnp.where(fine, a, b), (new_x, new), (x, state))
        # After a line search that failed, only a start without memory helps: the next round. Without
        # any gain, rounding has the last word.
        return (*kept, ~fine | new.failed_linesearch | (new.value >= state.value))

    begun = (scaled.start, known.init_state(scaled.start, *bounds), jnp.array(False))
    x, state, _ = jax.lax.while_loop(unfinished, body, begun)
    return first_order.Descent(x, state.iter_num)

"""Upper limits as functions of pytrees.

An expected limit is where the NLL of the Asimov data has risen by a level that is known beforehand
(:func:`~smoothfit.inference.hypotests.asymptotics.band_distance`), as Minos' bounds are. The observed one is
looked for by bracketed secants. Both are then differentiated by what they solve.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._compilation import compiled
from .._pytree import resolve
from .._spaces import significance_of
from .._types import Array, ArrayLike
from ..fitters import Solution
from ..fitters.lowest import Lowest, ended, lowest
from ..inference.evaluation import data_of
from ..inference.hypotests.asymptotics import band_distance, tails
from ..inference.hypotests.poi import check_fraction
from ..inference.hypotests.ranges import SIGMAS, check_rule
from ..inference.hypotests.statistics import STATISTICS
from ..inference.minos import CrossingStatus, crossing
from ..inference.minos import hold as hold_one
from ..likelihood.derived import Derived
from ..likelihood.objective import nothing_fixed
from ..prepared import Data, Fixed, Prepared
from .hypotests import Tested, begin, chosen
from .roots import constant, find, implicit

__all__ = ["Limit", "expected_limits", "upper_limit"]

_HALF = float(np.log(0.5))
_NEXT_TO = 1e-6
"""Distance from the first value, in widths of the curve, that is none."""


class Limit(NamedTuple):
    """Upper limits; NaN where there is none below the parameter's upper bound, or a fit failed."""

    observed: Array
    expected: Array
    """(5,): without a signal, at -2, -1, 0, 1 and 2 errors."""
    best: Array
    found: Array
    """Whether there is an observed limit."""
    expected_found: Array
    """(5,)"""


def upper_limit(
    prepared: Prepared,
    position: ArrayLike,
    obs: ArrayLike,
    *,
    cl: float = 0.95,
    statistic: str = "qtilde",
    rule: str = "cls",
    globs: ArrayLike | None = None,
    fixed: Fixed | None = None,
) -> Limit:
    """The upper limit on a parameter, observed and expected without a signal, by asymptotic formulae.

    Differentiable by everything that the likelihood is made of, data included, forward and reverse; also
    inside ``vmap``, over templates or data.

    Parameters
    ----------
    position
        Of the parameter of interest, as ``model.index`` gives it; its upper bound is where the search ends.
    cl, statistic, rule
        As :meth:`Model.upper_limit` takes them: "qtilde" or "q", "cls" or "clsb".

    Raises
    ------
    InvalidValueError
        For another statistic or rule, and users' densities of global observables.

    Examples
    --------
    >>> import jax
    >>> from smoothfit import Model, Process, Variable, functional
    >>> mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> def limit(yields):
    ...     made = model.replaced("sig", "main", yields=yields)
    ...     return functional.upper_limit(made, model.index(mu), [51.0, 42.0]).observed
    >>> yields = jax.numpy.array([12.0, 6.0])
    >>> limit(yields).round(4), jax.grad(limit)(yields).round(4)
    (Array(1.1939, dtype=float64), Array([-0.077, -0.045], dtype=float64))
    """
    one = chosen(prepared, statistic, ("qtilde", "q"), "upper_limit")
    alpha = 1.0 - check_fraction("upper_limit: cl", cl)
    goals = tuple(band_distance(one.name, check_rule("upper_limit", rule), alpha, float(n)) for n in SIGMAS)
    held = nothing_fixed(prepared) if fixed is None else fixed
    data, at = data_of(prepared, obs, globs), jnp.asarray(position)
    goal = float(significance_of(np.log(alpha) + _HALF))
    return _limit(one.name, rule)(resolve(prepared), data, held, at, jnp.array(goals), jnp.array(goal))


_LIMITS: dict[tuple[str, str], Any] = {}


def _limit(name: str, rule: str) -> Any:
    """One compiled function for each."""
    if (name, rule) not in _LIMITS:
        _LIMITS[name, rule] = compiled(partial(_run, name, rule))
    return _LIMITS[name, rule]


def _run(
    name: str,
    rule: str,
    prepared: Prepared,
    data: Data,
    fixed: Fixed,
    at: Array,
    goals: Array,
    goal: Array,
) -> Limit:
    test = begin(prepared, data, fixed, at, jnp.zeros(()))
    expected, expected_found = _expected(test, goals)
    middle = len(SIGMAS) // 2
    observed, found = _observed(name, rule, test, goal, constant(expected[middle]), goals[middle])
    return Limit(observed, expected, test.best[0], found, expected_found)


def _expected(test: Tested, goals: Array) -> tuple[Array, Array]:
    """Where the Asimov data are ``goals`` (n,) errors away."""
    data, free = jax.tree.map(lambda leaf: leaf[1], (test.data, test.free))
    return expected_limits(test.known, data, test.fixed, test.position, free, goals)


def expected_limits(
    known: Derived, data: Data, fixed: Fixed, position: Array, free: Lowest, goals: Array
) -> tuple[Array, Array]:
    """Where the NLL of Asimov data is ``goals`` (n,) errors above its minimum ``free``; which were found."""
    still, asimov, held, best = constant((known, data, fixed, free.solution))
    origin, n_params = best.values[position], known.plan.n_params
    direction = jnp.where(jnp.arange(n_params) == position, 1.0, 0.0)
    direction = jnp.concatenate([direction, jnp.zeros(best.bin_values.shape[0])])
    room, error = still.plan.upper[position] - origin, error_of(best.covariance[position, position])

    def searched(goal: Array) -> tuple[Array, Solution, Array]:
        end = crossing(still, asimov, held, best, direction, room, 0.5 * goal**2, goal * error)
        found = (end.status == CrossingStatus.CONVERGED) & (goal > 0.0)
        x = origin + jnp.where(found, end.r, 0.0)
        there = lowest(still, asimov, hold_one(held, n_params, position, x), end.start)
        return x, there.solution, found

    # Differentiated outside of the loop: see each_lowest.
    xs, ends, found = jax.lax.map(searched, goals)
    found &= free.found

    def solved(goal: Array, x: Array, there: Solution) -> Array:
        def height(value: Array) -> Array:
            at_value = ended(known, data, hold_one(fixed, n_params, position, value), there)
            return at_value.nll - free.nll - 0.5 * goal**2

        return implicit(height, x)

    return jax.vmap(solved)(goals, xs, ends) * jnp.where(found, 1.0, jnp.nan), found


def _observed(
    name: str, rule: str, test: Tested, goal: Array, expected: Array, middle: Array
) -> tuple[Array, Array]:
    """Where the observed p-value of the rule is 1 - cl."""
    statistic = STATISTICS[name]

    def height(one: Tested, value: Array, held: Lowest) -> Array:
        log_p = tails(name, *one.judged(statistic, value, held.nll)).of(rule)
        return significance_of(log_p + _HALF) - goal

    still = constant(test)

    def tried(value: Array, before: Solution) -> tuple[Array, Solution]:
        held = still.at(value, before.values)
        return height(still, value, held), held.solution

    low = jnp.maximum(still.best[0], still.alternative)
    variance = still.free.solution.covariance[1, still.position, still.position]
    width = jnp.where(jnp.isfinite(expected), expected - still.alternative, middle * error_of(variance))
    upper = still.known.plan.upper[still.position]
    x, ends, found = find(tried, low, low + width, upper, still.free.solution)
    # Where the p-value falls at once, all but the first value are excluded.
    found &= jnp.all(still.free.found) & (x - low > _NEXT_TO * width)

    def risen(value: Array) -> Array:
        return height(test, value, test.ended(value, ends))

    return implicit(risen, jnp.where(found, x, low)) * jnp.where(found, 1.0, jnp.nan), found


def error_of(variance: Array) -> Array:
    """Of the parameter, as far as the curvature of the Asimov data's likelihood says; else 1."""
    return jnp.sqrt(jnp.where(jnp.isfinite(variance) & (variance > 0.0), variance, 1.0))

"""Hypothesis tests and significances by asymptotic formulae, as functions of pytrees.

The statistics and tails are those of :mod:`smoothfit.inference.hypotests`, which also says where they are
from. What differs is what happens when something goes wrong: here nothing is raised, fitted again from
elsewhere or looked for at other minima; the numbers are NaN, and so are their derivatives.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from .._compilation import compiled
from .._pytree import resolve
from .._spaces import log_below, root
from .._types import Array, ArrayLike
from ..errors import InvalidValueError
from ..fitters import Solution
from ..fitters.lowest import Lowest, each_lowest, ended, lowest, values_of
from ..inference.asimov import asimov_data, check_densities
from ..inference.evaluation import data_of
from ..inference.hypotests.asymptotics import expected_tails, tails
from ..inference.hypotests.ranges import SIGMAS
from ..inference.hypotests.statistics import STATISTICS, Nlls, Statistic
from ..inference.minos import hold as hold_one
from ..likelihood.derived import Derived, derive
from ..likelihood.objective import nothing_fixed
from ..prepared import Data, Fixed, Prepared

__all__ = ["Hypotest", "Significance", "Tested", "begin", "chosen", "hypotest", "significance", "stacked"]

T = TypeVar("T")


class Hypotest(NamedTuple):
    """A test of one value; NaN where a fit failed."""

    q: Array
    """The observed statistic."""
    distance: Array
    """From the tested value to the other hypothesis, in errors."""
    clsb: Array
    clb: Array
    cls: Array
    expected_cls: Array
    """(5,): for data of the other hypothesis, at -2, -1, 0, 1 and 2 errors."""
    best: Array
    """The parameter where the NLL is lowest."""
    found: Array
    """Whether all fits that count converged."""


class Significance(NamedTuple):
    """The significance of a signal; NaN where a fit failed."""

    observed: Array
    q0: Array
    p_value: Array
    expected: Array
    """(5,): for data with the expected signal, at -2, -1, 0, 1 and 2 errors."""
    best: Array
    found: Array


class Tested(NamedTuple):
    """One data set and its Asimov data, with the fits that all tested values share.

    The last three have two rows, of the data and of the Asimov data: both are fitted by one loop, which is
    half as long to compile.
    """

    known: Derived
    fixed: Fixed
    position: Array
    alternative: Array
    data: Data
    free: Lowest
    at_null: Array
    """(2,): the NLL with the parameter at ``alternative``: 0 for all statistics that ask for it."""

    @property
    def best(self) -> Array:
        """(2,): the parameter where the NLL is lowest."""
        return self.free.solution.values[:, self.position]

    @property
    def found(self) -> Array:
        """Whether the fits converged."""
        return jnp.all(self.free.found)

    def at(self, value: Array, starts: Array) -> Lowest:
        """The fits with the parameter at a value; ``starts`` are (2, param)."""
        return each_lowest(self.known, self.data, self._held(value), starts)

    def ended(self, value: Array, ends: Solution) -> Lowest:
        """The same, where these fits are known to end at a value."""
        return jax.vmap(ended, in_axes=(None, 0, 0, 0))(self.known, self.data, self._held(value), ends)

    def _held(self, value: Array) -> Fixed:
        """In both rows."""
        held = hold_one(self.fixed, self.known.plan.n_params, self.position, value)
        return stacked(held, held)

    def judged(self, statistic: Statistic, value: Array, at_tested: Array) -> tuple[Array, Array]:
        """The observed statistic, and the distance to the other hypothesis in errors, signed.

        Parameters
        ----------
        at_tested
            (2,): the NLL at the tested value.
        """
        two_sided = STATISTICS["ttilde" if statistic.not_negative else "t"]
        best, free = self.best, self.free.nll
        q, squared = (
            one(Nlls(value, best[i], at_tested[i], free[i], self.at_null[i]))
            for i, one in enumerate((statistic, two_sided))
        )
        return q, root(squared) * jnp.sign(value - self.alternative)


def begin(prepared: Prepared, data: Data, fixed: Fixed, position: Array, alternative: Array) -> Tested:
    """The fits that all tested values share."""
    known = derive(prepared)
    held = hold_one(fixed, known.plan.n_params, position, alternative)
    begun = jnp.stack([jnp.asarray(known.plan.start)] * 2)
    free, there = _rows(each_lowest(known, stacked(data, data), stacked(fixed, held), begun))
    made = asimov_data(prepared, values_of(known, data, held, there))
    free_asimov = lowest(known, made, fixed, there.solution.values, errors=True)
    at_null = jnp.stack([there.nll, free_asimov.nll])
    both = jax.tree.map(lambda *rows: jnp.stack(rows), free, free_asimov)
    return Tested(known, fixed, position, alternative, stacked(data, made), both, at_null)


def stacked(one: T, other: T) -> T:
    """Two rows, of numbers."""
    found: T = jax.tree.map(lambda *rows: jnp.stack([jnp.asarray(row, float) for row in rows]), one, other)
    return found


def _rows(both: Lowest) -> tuple[Lowest, Lowest]:
    one, other = (jax.tree.map(lambda leaf, i=i: leaf[i], both) for i in range(2))
    return one, other


def chosen(prepared: Prepared, statistic: str, among: tuple[str, ...], call: str) -> Statistic:
    """The statistic of a name.

    Raises
    ------
    InvalidValueError
        If it is none of these.
    """
    if statistic not in among:
        raise InvalidValueError(f"{call}: statistic must be one of {', '.join(among)}, got {statistic!r}.")
    check_densities(prepared, call)
    return STATISTICS[statistic]


def hypotest(
    prepared: Prepared,
    position: ArrayLike,
    value: ArrayLike,
    obs: ArrayLike,
    *,
    statistic: str = "qtilde",
    alternative: ArrayLike = 0.0,
    globs: ArrayLike | None = None,
    fixed: Fixed | None = None,
) -> Hypotest:
    """Test a value of a parameter by asymptotic formulae; differentiable by everything but where fits start.

    Parameters
    ----------
    position
        Of the parameter of interest, as ``model.index`` gives it.
    value
        To be tested.
    statistic
        "qtilde", "q", "t" or "ttilde".
    alternative
        The value of the other hypothesis, of "q" and "t"; 0 of the others.

    Raises
    ------
    InvalidValueError
        For another statistic, an alternative that it has no formula for, and users' densities of global
        observables.

    Examples
    --------
    >>> import jax
    >>> from smoothfit import Model, Process, Variable, functional
    >>> mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> def cls(yields):
    ...     made = model.replaced("bkg", "main", yields=yields)
    ...     return functional.hypotest(made, model.index(mu), 1.0, [51.0, 42.0]).cls
    >>> yields = jax.numpy.array([50.0, 40.0])
    >>> round(float(cls(yields)), 5), round(model.hypotest(mu, 1.0, [51.0, 42.0]).cls, 5)
    (0.10027, 0.10027)
    >>> jax.grad(cls)(yields).round(5)
    Array([-0.0135 , -0.00969], dtype=float64)
    """
    one = chosen(prepared, statistic, ("qtilde", "q", "t", "ttilde"), "hypotest")
    if one.not_negative and not (isinstance(alternative, int | float) and alternative == 0):
        raise InvalidValueError(
            f"hypotest: the formulae of {statistic} are for an alternative of 0, got {alternative!r}; give "
            "statistic='q' or 't'."
        )
    held = nothing_fixed(prepared) if fixed is None else fixed
    given = (jnp.asarray(position), jnp.asarray(value, float), jnp.asarray(alternative, float))
    return _hypotest(one.name)(resolve(prepared), data_of(prepared, obs, globs), held, *given)


def _run_hypotest(
    name: str, prepared: Prepared, data: Data, fixed: Fixed, at: Array, value: Array, alternative: Array
) -> Hypotest:
    statistic, test = STATISTICS[name], begin(prepared, data, fixed, at, alternative)
    held = test.at(value, test.free.solution.values)
    q, distance = test.judged(statistic, value, held.nll)
    found = tails(name, q, distance)
    expected = expected_tails(name, distance, jnp.asarray(SIGMAS))
    return Hypotest(
        q=q,
        distance=distance,
        clsb=jnp.exp(found.clsb),
        clb=jnp.exp(found.clb),
        cls=jnp.exp(found.cls),
        expected_cls=jnp.exp(expected.cls),
        best=test.best[0],
        found=test.found & jnp.isfinite(q) & jnp.isfinite(distance),
    )


def significance(
    prepared: Prepared,
    position: ArrayLike,
    obs: ArrayLike,
    *,
    expected_signal: ArrayLike = 1.0,
    globs: ArrayLike | None = None,
    fixed: Fixed | None = None,
) -> Significance:
    """How significant a signal is, by asymptotic formulae: Z = sqrt(q0), and for data with a signal.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable, functional
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> found = functional.significance(model.prepared, model.index(mu), [71.0, 48.0])
    >>> found.observed.round(3), found.expected.round(3)
    (Array(3.034, dtype=float64), Array([0.   , 0.879, 1.879, 2.879, 3.879], dtype=float64))
    """
    chosen(prepared, "q0", ("q0",), "significance")
    held = nothing_fixed(prepared) if fixed is None else fixed
    data = data_of(prepared, obs, globs)
    return _significance(
        resolve(prepared), data, held, jnp.asarray(position), jnp.asarray(expected_signal, float)
    )


@compiled
def _significance(prepared: Prepared, data: Data, fixed: Fixed, at: Array, signal: Array) -> Significance:
    test, none = begin(prepared, data, fixed, at, signal), jnp.zeros(())
    held = test.at(none, test.free.solution.values)
    best, free = test.best, test.free.nll
    q0, expected = (STATISTICS["q0"](Nlls(none, best[i], none, free[i], held.nll[i])) for i in range(2))
    z = root(q0)
    return Significance(
        observed=z,
        q0=q0,
        p_value=jnp.exp(log_below(-z)),
        expected=jnp.maximum(root(expected) + jnp.asarray(SIGMAS), 0.0),
        best=test.best[0],
        found=test.found & jnp.all(held.found),
    )


_HYPOTESTS: dict[str, Any] = {}


def _hypotest(name: str) -> Any:
    """One compiled function a statistic."""
    if name not in _HYPOTESTS:
        _HYPOTESTS[name] = compiled(partial(_run_hypotest, name))
    return _HYPOTESTS[name]

"""The lowest NLL of a model, with derivatives that cost no more than those of the NLL itself.

By the envelope theorem the lowest value changes with a template, a count or a held value as the NLL does with
the parameters left where they are. So its first derivative needs no solve with the Hessian; its second ones
go through the parameters, which are differentiated by the implicit function theorem (:mod:`.native`).
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from ..likelihood import group_response, objective
from ..likelihood.derived import Derived
from ..prepared import Data, Fixed
from .native import movement, search
from .solution import Solution, Status

__all__ = ["Lowest", "each_lowest", "ended", "lowest", "values_of"]

_EDM = 1e-6
"""Of a degenerate minimum, whose NLL is known though its parameters are not."""


class Lowest(NamedTuple):
    """The end of a fit of which the NLL is wanted."""

    nll: Array
    """With all its constants; NaN if the fit failed."""
    dense: Array
    """(dense,): differentiable, as the NLL is; see :func:`values_of` for all parameters."""
    solution: Solution
    """The same numbers without derivatives, for starts and decisions."""
    found: Array
    """Whether the NLL is the lowest: the fit converged, or has flat directions only."""


def lowest(derived: Derived, data: Data, fixed: Fixed, start: Array, *, errors: bool = False) -> Lowest:
    """Fit, and give the lowest NLL; arguments as those of :func:`~smoothfit.fitters.native.solve`."""
    still: tuple[Derived, Data, Fixed, Array] = jax.tree.map(
        jax.lax.stop_gradient, (derived, data, fixed, start)
    )
    return ended(derived, data, fixed, search(*still, errors=errors))


def each_lowest(derived: Derived, data: Data, fixed: Fixed, starts: Array, *, errors: bool = False) -> Lowest:
    """The same for rows of data, held values and starts, one after the other.

    The searches are one loop, which is shorter to compile than several. What is differentiated stays outside:
    in a loop JAX drops rules such as that of :func:`_moving` when it differentiates reverse derivatives,
    which are then wrong.
    """
    still, *rows = jax.tree.map(jax.lax.stop_gradient, (derived, data, fixed, starts))
    ends = jax.lax.map(lambda row: search(still, *row, errors=errors), tuple(rows))
    found: Lowest = jax.vmap(ended, in_axes=(None, 0, 0, 0))(derived, data, fixed, ends)
    return found


def ended(derived: Derived, data: Data, fixed: Fixed, end: Solution) -> Lowest:
    """The lowest NLL of a fit that ended there, as a function of what it was given."""
    flat = (end.status == Status.NOT_POSITIVE_DEFINITE) & (end.edm <= _EDM)
    found = (end.status == Status.CONVERGED) | flat
    dense = _moving(derived, data, fixed, end)
    nll = _nll_at(derived, data, fixed, dense)
    # A product, so that derivatives are NaN, too.
    return Lowest(nll * jnp.where(found, 1.0, jnp.nan), dense, end, found)


def values_of(derived: Derived, data: Data, fixed: Fixed, at: Lowest) -> Array:
    """(param + bin param,): differentiable; NaN if the fit failed."""
    problem = objective.pose(derived, data, fixed)
    if derived.plan.groups is not None:
        _, reaction = group_response.own(problem, at.dense)
    else:
        here = objective.evaluate(problem, at.dense)
        reaction = objective.eliminated(problem, here.y, here.reaction)
    values = objective.full_values(problem, at.dense, reaction.local)
    every = jnp.concatenate([values, objective.bin_values(problem, reaction)])
    return every * jnp.where(at.found, 1.0, jnp.nan)


@jax.custom_jvp
def _moving(derived: Derived, data: Data, fixed: Fixed, end: Solution) -> Array:
    """(dense,): where a fit ended, as a function of what it was given."""
    return end.dense


@_moving.defjvp
def _moving_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    derived, data, fixed, end = primals
    moved = dataclasses.replace(end, dense=_moving(derived, data, fixed, end))
    return moved.dense, movement((derived, data, fixed), tangents[:3], end.values, moved)


def _explicit(derived: Derived, data: Data, fixed: Fixed, dense: Array) -> Array:
    problem = objective.pose(derived, data, fixed)
    held = problem.values[derived.plan.dense]
    z = jnp.where(problem.free > 0, dense, held)
    return objective.value(problem, z) + objective.constants(problem)


@jax.custom_jvp
def _nll_at(derived: Derived, data: Data, fixed: Fixed, dense: Array) -> Array:
    """The NLL at a minimum (dense,), which does not change to first order as that moves."""
    return _explicit(derived, data, fixed, dense)


@_nll_at.defjvp
def _nll_at_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    dense = primals[3]

    def of_given(derived: Derived, data: Data, fixed: Fixed) -> Array:
        return _explicit(derived, data, fixed, dense)

    found: tuple[Array, Array] = jax.jvp(of_given, primals[:3], tangents[:3])
    return found

"""What a fitter returns: numbers and a status, no names.

:func:`finish` turns the end point of any minimiser into a :class:`Solution`: the covariance from
the exact Hessian, our own estimate of the distance to the minimum, and what is wrong if anything
is. A fitter's word that it has converged is never taken for it.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._pytree import pytree_dataclass
from .._types import Array
from ..likelihood import group_response, grouped, local, objective
from ..likelihood.objective import Problem
from ..prepared import Plan, n_bin_params
from ..probability import EMPTY
from ..status import Status
from . import matrix_free, newton
from .distance import Distance, distance

__all__ = ["Solution", "Status", "describe", "finish", "point", "without_covariance"]


@pytree_dataclass
class Solution:
    """The end point of a fit."""

    values: Array
    """(param,)"""
    bin_values: Array
    """(bin parameter,)"""
    nll: Array
    """The NLL with all its constants."""
    value: Array
    """The NLL less its constants, for differences."""
    covariance: Array
    """(param, param): inverse Hessian; zero rows for held parameters, NaN if there is none. Of a
    matrix-free fit (0, 0)."""
    bin_errors: Array
    """(bin parameter,), NaN of a matrix-free fit."""
    gradient: Array
    """(param,): the derivative of the NLL; 0 for eliminated and held parameters."""
    at_limit: Array
    """(param,): 1 where a free parameter sits on a limit."""
    edm: Array
    positive_definite: Array
    smallest_nu: Array
    steps: Array
    status: Array
    """A :class:`Status`."""
    dense: Array
    """(dense,): what the minimiser saw."""


def point(problem: Problem, z: Array) -> newton.Point:
    """The objective at a point, as the minimiser wants it; ``extra`` is what :func:`finish` needs."""
    if problem.derived.plan.groups is not None:
        at = grouped.evaluate(problem, z)
        return newton.Point(at.value, at.gradient, at.hessian.dense(), at.convex.dense(), ())
    found = objective.evaluate(problem, z)
    extra = (found.y, found.reaction)
    return newton.Point(found.value, found.gradient, found.hessian, found.convex, extra)


def _of_params(plan: Plan, of_dense: Array) -> Array:
    """(param,) from (dense,), 0 for local parameters."""
    return jnp.append(of_dense, 0.0)[plan.column]


def _dense_covariance(free: Array, inside: Distance) -> Array:
    """From the full Hessian of the free coordinates; those on a limit count too, if they can."""
    unknown = (inside.at_limit[:, None] | inside.at_limit) | ~inside.positive_definite
    partial = jnp.where(unknown & ((free[:, None] > 0) & (free > 0)), jnp.nan, inside.inverse)
    return jnp.where(inside.full_positive_definite, inside.full_inverse, partial)


def _own_covariance(plan: Plan, reaction: objective.Sensitivity) -> Array:
    """(param, param): what local parameters vary at constant dense ones; those of one bin together."""
    assert plan.local is not None
    number = plan.local.number[: plan.n_params]
    own, spread = (jnp.append(x, 0.0)[number] for x in (reaction.local_own, reaction.local_spread))
    if plan.local.n_slots == 1:
        return jnp.diag(own - spread**2)
    n_places = plan.geometry.n_tiles * plan.geometry.width
    bin_ = jnp.append(plan.local.to_flat % n_places, -1)[number]
    together = (bin_[:, None] == bin_) & (bin_ >= 0)
    return jnp.diag(own) - jnp.where(together, spread[:, None] * spread, 0.0)


def _local_limits(problem: Problem, y: Array) -> Array:
    """(param,): 1 for local parameters that are free and at a limit."""
    plan = problem.derived.plan
    assert plan.local is not None
    assert problem.locals_ is not None
    stuck = (problem.locals_.free > 0) & ~local.interior(y, problem.locals_)
    number = plan.local.number[: plan.n_params]
    return jnp.append(stuck.ravel()[plan.local.to_flat].astype(float), 0.0)[number]


def without_covariance(problem: Problem, found: matrix_free.Minimum, allowed_edm: float) -> Solution:
    """Describe the end point of a matrix-free fit."""
    y, reaction = found.point.extra
    plan = problem.derived.plan
    limits = _of_params(plan, jnp.where(found.at_limit, 1.0, 0.0))
    if plan.local is not None:
        limits += _local_limits(problem, y)
    nll = found.point.value + objective.constants(problem)
    fine, smallest = found.positive_definite, reaction.smallest_nu
    return Solution(
        values=objective.full_values(problem, found.x, reaction.local),
        bin_values=objective.bin_values(problem, reaction),
        nll=nll,
        value=found.point.value,
        covariance=jnp.zeros((0, 0)),
        bin_errors=jnp.full(n_bin_params(plan), jnp.nan),
        gradient=_of_params(plan, jnp.where(problem.free > 0, found.point.gradient, 0.0)),
        at_limit=limits,
        edm=found.edm,
        positive_definite=fine,
        smallest_nu=smallest,
        steps=found.steps,
        status=_status(nll, found.edm, fine, smallest, problem, allowed_edm),
        dense=found.x,
    )


def finish(problem: Problem, z: Array, at: newton.Point, steps: Array, allowed_edm: float) -> Solution:
    """Describe an end point: covariance, errors of eliminated parameters, status."""
    inside = distance(at, z, problem.lower, problem.upper, problem.free)
    return describe(problem, z, at, steps, inside, allowed_edm)


def _eliminated(problem: Problem, at: newton.Point) -> tuple[Array | None, objective.Sensitivity]:
    return at.extra[0], objective.eliminated(problem, *at.extra)


def describe(
    problem: Problem,
    z: Array,
    at: newton.Point,
    steps: Array,
    inside: Distance,
    allowed_edm: float,
    last: Array | None = None,
    errors: Array | bool = True,
) -> Solution:
    """The same, with the distance to the minimum known.

    ``at`` is the point ``z - last``: what is eliminated moves along. Without ``errors`` those of
    eliminated parameters are meaningless.
    """
    in_groups = problem.derived.plan.groups is not None
    y, reaction = group_response.own(problem, z) if in_groups else _eliminated(problem, at)
    value, gradient = at.value, at.gradient
    if last is not None:
        value = value + last @ (gradient + 0.5 * at.hessian @ last)
        gradient = gradient + at.hessian @ last
        reaction = reaction if in_groups else objective.moved(problem.derived.plan, reaction, last)
    plan = problem.derived.plan
    covariance = _dense_covariance(problem.free, inside)
    full = covariance
    limits = _of_params(plan, jnp.where(inside.at_limit, 1.0, 0.0))
    if plan.local is not None and problem.locals_ is not None and y is not None:
        number = plan.local.number[: plan.n_params]
        spread = jax.nn.one_hot(plan.column, plan.n_dense, dtype=z.dtype)
        if plan.groups is not None:
            spread += group_response.local_by_dense(problem, z)
        else:
            spread += jnp.concatenate([reaction.local_by_dense, jnp.zeros((1, plan.n_dense))])[number]
        full = spread @ covariance @ spread.T + _own_covariance(plan, reaction)
        limits += _local_limits(problem, y)
    if plan.groups is not None:
        of_lite, of_local = group_response.eliminated_variances(problem, z, covariance)
    else:
        by_place = reaction.lite_by_place, reaction.local_by_place

        def variances() -> tuple[Array, Array]:
            return objective.picked(plan, *(((covariance @ x) * x).sum(0) for x in by_place))

        def none() -> tuple[Array, Array]:
            return jnp.zeros_like(reaction.lite_own), jnp.zeros_like(reaction.local_own)

        if isinstance(errors, bool):
            of_lite, of_local = variances() if errors else none()
        else:
            of_lite, of_local = jax.lax.cond(errors > 0, variances, none)
    of_local += reaction.local_own - reaction.local_spread**2
    bins = objective.of_bin_params(plan, of_lite + reaction.lite_own, of_local)
    nll = value + objective.constants(problem)
    status = _status(nll, inside.edm, inside.positive_definite, reaction.smallest_nu, problem, allowed_edm)
    return Solution(
        values=objective.full_values(problem, z, reaction.local),
        bin_values=objective.bin_values(problem, reaction),
        nll=nll,
        value=value,
        covariance=full,
        bin_errors=jnp.sqrt(bins),
        gradient=_of_params(plan, jnp.where(problem.free > 0, gradient, 0.0)),
        at_limit=limits,
        edm=inside.edm,
        positive_definite=inside.positive_definite,
        smallest_nu=reaction.smallest_nu,
        steps=steps,
        status=status,
        dense=z,
    )


def _status(
    nll: Array, distance: Array, fine: Array, smallest: Array, problem: Problem, allowed_edm: float
) -> Array:
    illegal = smallest < -EMPTY
    status = jnp.where(distance <= allowed_edm, Status.CONVERGED, Status.NOT_CONVERGED)
    status = jnp.where(fine, status, Status.NOT_POSITIVE_DEFINITE)
    status = jnp.where(illegal, Status.ILLEGAL_EXPECTATION, status)
    return jnp.where(jnp.isfinite(nll), status, Status.NOT_FINITE)

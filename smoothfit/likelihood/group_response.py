"""What is eliminated in a large model, and how it follows the dense parameters, a few tiles at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array, PyTree
from ..montecarlo import lite
from . import expectation, objective
from .group_jacobians import (
    At,
    everything_at,
    groups_of,
    jacobians,
    over_tiles,
    row_derivatives,
    slopes,
    take,
    weights_of,
)
from .objective import Problem

__all__ = ["curvature_probes", "eliminated_variances", "local_by_dense", "own", "own_values"]


def own_values(problem: Problem, at: At) -> objective.Sensitivity:
    """The eliminated parameters, without the derivatives by the dense ones."""
    plan = problem.derived.plan
    empty, no_rows = jnp.zeros(0), jnp.zeros((0, plan.n_dense))
    found = dict.fromkeys(("lite", "lite_own", "local", "local_own", "local_spread"), empty)
    if plan.local is not None and at.y is not None and at.response is not None:
        where = plan.local.to_flat
        found["local"], found["local_own"] = at.y.ravel()[where], at.response.inverse.ravel()[where]
        found["local_spread"] = at.response.spread.ravel()[where]
    if plan.lite is not None:
        where = plan.lite.to_flat
        own = lite.response(at.terms, problem.bins).own_variance
        found["lite"], found["lite_own"] = at.terms.x.ravel()[where], own.ravel()[where]
    smallest = jnp.min(jnp.where(problem.bins.valid > 0, at.terms.nu, jnp.inf))
    return objective.Sensitivity(
        smallest_nu=smallest,
        lite_by_dense=no_rows,
        local_by_dense=no_rows,
        lite_by_place=no_rows.T,
        local_by_place=no_rows.T,
        **found,
    )


def eliminated_variances(problem: Problem, z: Array, covariance: Array) -> tuple[Array, Array]:
    """(lite parameter,), (local parameter,): variances from the covariance (dense, dense) of the others."""
    plan = problem.derived.plan
    groups = groups_of(plan)
    padded = groups.members.at[groups.of_tile].get(mode="fill")

    def variances(following: Array, tiles: Array) -> Array:
        at = take(padded, tiles)
        inside = (at < plan.n_dense)[:, :, None] & (at < plan.n_dense)[:, None]
        of_tile = jnp.where(inside, covariance[at[:, :, None], at[:, None]], 0.0)
        return jnp.einsum("...akw,akl,...alw->...aw", following, of_tile, following)

    def add(found: tuple[Array, Array], by_dense: _Following, tiles: Array) -> tuple[Array, Array]:
        of_lite, of_local = found
        if by_dense.lite is not None:
            of_lite = of_lite.at[tiles].set(variances(by_dense.lite, tiles), mode="drop")
        if by_dense.local is not None:
            of_local = of_local.at[:, tiles].set(variances(by_dense.local, tiles), mode="drop")
        return of_lite, of_local

    shape = (plan.geometry.n_tiles, plan.geometry.width)
    n_slots = 0 if plan.local is None else plan.local.n_slots
    of_lite, of_local = _followed(problem, z, add, (jnp.zeros(shape), jnp.zeros((n_slots, *shape))))
    lite_at = jnp.zeros(0, int) if plan.lite is None else plan.lite.to_flat
    local_at = jnp.zeros(0, int) if plan.local is None else plan.local.to_flat
    return of_lite.ravel()[lite_at], of_local.ravel()[local_at]


def local_by_dense(problem: Problem, z: Array) -> Array:
    """(param, dense): how local parameters follow the dense ones; 0 for all others."""
    plan = problem.derived.plan
    groups = groups_of(plan)
    assert plan.local is not None
    position = plan.local.position

    def add(found: Array, by_dense: _Following, tiles: Array) -> Array:
        param = jnp.take(position, tiles, axis=1, mode="fill", fill_value=plan.n_params)
        member = groups.members.at[take(groups.of_tile, tiles)].get()
        at = param[:, :, None, :], member[None, :, :, None]
        return found if by_dense.local is None else found.at[at].add(by_dense.local, mode="drop")

    return _followed(problem, z, add, jnp.zeros((plan.n_params, plan.n_dense)))


def own(problem: Problem, z: Array) -> tuple[Array | None, objective.Sensitivity]:
    """The local parameters at a point, and what is known of the eliminated ones without the others."""
    at = everything_at(problem, z)
    return at.y, own_values(problem, at)


def curvature_probes(problem: Problem, z: Array, probes: Array) -> Array:
    """(dense,): the diagonal of J^T w J, w the bins' second derivatives, by random signs.

    ``probes`` are the signs, (probe, tile, width).
    Its expectation is exact, and no estimate of it is negative (Hutchinson).
    """
    derived = problem.derived
    at = everything_at(problem, z)
    curve = at.by_bin.vv if at.response is None else at.response.reduced
    root = jnp.sqrt(jnp.maximum(curve, 0.0))

    def yields(z: Array) -> Array:
        return expectation.moments(derived, objective._with_dense(problem, z)).v

    _, pull = jax.vjp(yields, z)
    return jnp.mean(jax.lax.map(lambda signs: pull(root * signs)[0] ** 2, probes), axis=0)


class _Following(NamedTuple):
    """How eliminated parameters of some tiles follow the members of their group."""

    lite: Array | None
    """(tile, member, width)"""
    local: Array | None
    """(slot, tile, member, width)"""


def _followed(
    problem: Problem, z: Array, add: Callable[[PyTree, _Following, Array], PyTree], start: PyTree
) -> PyTree:
    """``add(carried, following, tiles)`` over all tiles."""
    derived = problem.derived
    plan = derived.plan
    at = everything_at(problem, z)
    rows, weights = row_derivatives(plan, at.state), weights_of(derived, at)
    reaction = None if plan.lite is None else lite.response(at.terms, problem.bins)

    def of_tiles(carried: PyTree, tiles: Array) -> PyTree:
        jac = slopes(jacobians(derived, at.state, rows, weights, tiles), at, tiles)
        of_lite = of_local = None
        if reaction is not None:
            of_lite = take(reaction.by_v, tiles)[:, None] * jac.following
            if jac.variance is not None:
                of_lite += take(reaction.by_variance, tiles)[:, None] * jac.variance
        if at.response is not None and jac.parts is not None:
            by_v = take(at.by_bin.by_v, tiles)
            inverse, gain = (
                jnp.take(x, tiles, axis=1, mode="fill", fill_value=0.0)
                for x in (at.response.inverse, at.response.gain)
            )
            of_local = -(inverse * by_v)[:, :, None] * jac.parts - gain[:, :, None] * jac.following
        return add(carried, _Following(of_lite, of_local), tiles)

    return over_tiles(plan, of_tiles, start)

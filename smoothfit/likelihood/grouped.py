"""The objective of a large model: value, gradient, and the Hessian as blocks.

A Jacobian is made for a few tiles at a time and used at once: what it adds to the gradient and to the
Hessian stays, a block a group. Nothing is of the size bins x parameters, and only :meth:`.BlockMatrix.dense`
of the size parameters x parameters.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from ..montecarlo import lite
from . import constraint, objective
from .block_matrix import BlockMatrix
from .group_curvature import autodiff_rows, row_blocks
from .group_jacobians import (
    everything_at,
    groups_of,
    jacobians,
    over_tiles,
    row_derivatives,
    slopes,
    take,
    weights_of,
)
from .group_response import own_values
from .objective import Problem

__all__ = ["GroupedEvaluation", "evaluate"]


class GroupedEvaluation(NamedTuple):
    """The objective at a point."""

    value: Array
    gradient: Array
    """(dense,)"""
    hessian: BlockMatrix
    convex: BlockMatrix
    """Without the curvature of the yields and what local parameters take up (Gauss and Newton's)."""
    y: Array | None
    """(slot, tile, width): the local parameters; None without them."""
    eliminated: objective.Sensitivity
    """Without the derivatives by the dense parameters."""


def evaluate(problem: Problem, z: Array) -> GroupedEvaluation:
    """Value, gradient and Hessian by the dense parameters, everything else eliminated."""
    derived = problem.derived
    plan = derived.plan
    groups = groups_of(plan)
    at = everything_at(problem, z)
    rows, weights = row_derivatives(plan, at.state), weights_of(derived, at)
    n_groups, size = groups.members.shape

    def add(carried: tuple[Array, ...], tiles: Array) -> tuple[Array, ...]:
        jac = slopes(jacobians(derived, at.state, rows, weights, tiles), at, tiles)
        by_v, curve = (take(x, tiles) for x in (at.by_bin.by_v, at.by_bin.vv))
        if at.response is not None:
            curve = take(at.response.reduced, tiles)
        slope = jnp.einsum("akw,aw->ak", jac.constant, by_v)
        squares = jnp.einsum("akw,alw->akl", jac.following, jac.following * curve[:, None])
        curved = jnp.zeros_like(squares)
        if jac.variance is not None:
            by_variance, v_var, var_var = (
                take(x, tiles) for x in (at.by_bin.by_variance, at.by_bin.v_var, at.by_bin.var_var)
            )
            slope += jnp.einsum("akw,aw->ak", jac.variance, by_variance)
            crossed = jac.following * v_var[:, None] + 0.5 * jac.variance * var_var[:, None]
            half = jnp.einsum("akw,alw->akl", jac.variance, crossed)
            curved += half + jnp.swapaxes(half, 1, 2)
        if jac.parts is not None and at.response is not None:
            inverse = jnp.take(at.response.inverse, tiles, axis=1, mode="fill", fill_value=0.0)
            stiff = (inverse * by_v**2)[:, :, None] * jac.parts
            curved -= jnp.einsum("sakw,salw->akl", jac.parts, stiff)
        group = groups.of_tile.at[tiles].get(mode="fill", fill_value=n_groups)
        found = slope, squares, curved
        return tuple(
            total.at[group].add(part, mode="drop") for total, part in zip(carried, found, strict=True)
        )

    empty = jnp.zeros((n_groups, size, size))
    nothing = jnp.zeros((n_groups, size)), empty, row_blocks(derived, at, rows)
    slope, squares, curved = over_tiles(plan, add, nothing)
    gradient = jax.ops.segment_sum(slope.ravel(), groups.members.ravel(), plan.n_dense)
    of_constraints, diagonal = constraint.separate_derivatives(derived, at.p, problem.param_globs)
    gradient += of_constraints[plan.dense]
    more = []
    if derived.correlated_precision is not None:
        more.append((plan.column[plan.constraint.correlated], derived.correlated_precision))
    if plan.constraint.terms:
        extra, member, of_terms = constraint.user_block(derived, at.p, problem.counts, problem.globs)
        gradient += extra
        more.append((jnp.append(plan.column, plan.n_dense)[member], of_terms))

    def matrix(blocks: Array, rows: Array) -> BlockMatrix:
        return BlockMatrix(
            members=groups.members,
            blocks=0.5 * (blocks + jnp.swapaxes(blocks, 1, 2)),
            diagonal=diagonal[plan.dense],
            more=tuple(more),
            row_of=plan.by_autodiff,
            rows=rows,
        )

    of_autodiff = autodiff_rows(derived, at)
    return GroupedEvaluation(
        value=lite.value(at.terms, problem.bins) + objective._of_constraints(problem, at.p, at.y),
        gradient=gradient,
        hessian=matrix(squares + curved, of_autodiff),
        convex=matrix(squares, jnp.zeros_like(of_autodiff)),
        y=at.y,
        eliminated=own_values(problem, at),
    )

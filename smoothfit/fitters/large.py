"""The native fitter of models with many thousand parameters, and covariances of chosen parameters.

Products with the Hessian come from its blocks by channel (:class:`~.block_matrix.BlockMatrix`), or, where
parameters act on so many bins that blocks are no smaller than the Hessian, from automatic differentiation.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._types import Array, PyTree
from ..likelihood import constraint, group_response, grouped, objective
from ..likelihood.objective import Problem
from ..prepared import Data, Fixed, Plan, Prepared, n_bin_params
from . import matrix_free
from .solution import Solution, without_covariance

__all__ = ["chosen_covariance", "finish_at", "inverse_times", "is_matrix_free", "solve"]

_PROBES = 24


def is_matrix_free(plan: Plan) -> bool:
    """Whether a model is so large that its Hessian is not kept."""
    return plan.groups is not None and plan.groups.matrix_free


def _metric(diagonal: Array) -> Array:
    size = jnp.abs(diagonal)
    return jnp.where(size > 0.0, size, 1.0)


def _point(problem: Problem, z: Array) -> matrix_free.Point:
    plan = problem.derived.plan
    assert plan.groups is not None
    if not plan.groups.automatic:
        found = grouped.evaluate(problem, z)
        metric = _metric(found.convex.main_diagonal())
        return matrix_free.Point(
            found.value, found.gradient, metric, found.hessian, (found.y, found.eliminated)
        )
    value, gradient = jax.value_and_grad(lambda z: objective.value(problem, z))(z)
    extra = group_response.own(problem, z)
    shape = (_PROBES, plan.geometry.n_tiles, plan.geometry.width)
    signs = jax.random.rademacher(jax.random.key(1), shape, dtype=z.dtype)
    p = objective.full_values(problem, z, extra[1].local)
    _, diagonal = constraint.separate_derivatives(problem.derived, p, problem.param_globs)
    metric = _metric(group_response.curvature_probes(problem, z, signs) + diagonal[plan.dense])
    return matrix_free.Point(value, gradient, metric, z, extra)


def _times(problem: Problem, operator: PyTree, vector: Array) -> Array:
    """The Hessian times a vector (dense,)."""
    plan = problem.derived.plan
    assert plan.groups is not None
    if not plan.groups.automatic:
        return operator.times(vector)  # type: ignore[no-any-return]
    gradient = jax.grad(lambda z: objective.value(problem, z))
    return jax.jvp(gradient, (operator,), (vector,))[1]


def solve(problem: Problem) -> Solution:
    """Minimise a posed problem."""
    found = matrix_free.minimize(
        lambda z: _point(problem, z),
        lambda operator, v: _times(problem, operator, v),
        objective.dense_start(problem),
        lower=problem.lower,
        upper=problem.upper,
        free=problem.free,
    )
    return without_covariance(problem, found, matrix_free.CONVERGED_EDM)


def finish_at(problem: Problem, z: Array, steps: Array) -> Solution:
    """Describe a point that is a minimum."""
    at = _point(problem, z)
    limits = (problem.free > 0) & ((z <= problem.lower) | (z >= problem.upper))
    one, zero = jnp.ones(()), jnp.zeros(())
    found = matrix_free.Minimum(z, at, zero, steps, one, jnp.array(True), limits)
    return without_covariance(problem, found, matrix_free.CONVERGED_EDM)


def inverse_times(problem: Problem, z: Array, vector: Array, keep: Array) -> Array:
    """H^-1 vector over the kept dense parameters, 0 elsewhere; linear in ``vector``, forward and reverse."""
    at = _point(problem, z)

    def times(v: Array) -> Array:
        return jnp.where(keep, _times(problem, at.operator, jnp.where(keep, v, 0.0)), v)

    right = jnp.where(keep, vector, 0.0)
    return jax.lax.custom_linear_solve(  # type: ignore[no-any-return]
        times, right, lambda _, b: matrix_free.solve(times, b, at.metric, keep), symmetric=True
    )


def chosen_covariance(prepared: Prepared, data: Data, fixed: Fixed, z: Array, chosen: Array) -> Array:
    """(chosen, chosen): covariance of some parameters at a minimum, one solution by conjugate gradients each.

    Parameters
    ----------
    z
        (dense,): the minimum.
    chosen
        (chosen,): positions in (parameters, bin parameters), held ones included, whose rows are 0.

    Returns
    -------
    NaN in the row of a parameter for which the solution did not converge. Parameters on a limit count
    like all others that are free, as in the covariance of smaller fits.
    """
    problem = objective.pose(prepared, data, fixed, None)
    plan = problem.derived.plan
    at = _point(problem, z)
    keep = problem.free > 0

    def values(z: Array) -> Array:
        found = group_response.own(problem, z)[1]
        of_params = objective.full_values(problem, z, found.local)
        return jnp.concatenate([of_params, objective.bin_values(problem, found)])

    everything, pull = jax.vjp(values, z)

    def column(position: Array) -> tuple[Array, Array]:
        direction = jnp.where(keep, pull(jnp.zeros_like(everything).at[position].set(1.0))[0], 0.0)
        solved = matrix_free.solve(lambda v: _times(problem, at.operator, v), direction, at.metric, keep)
        return direction, solved

    directions, solved = jax.lax.map(column, chosen)
    covariance = directions @ solved.T
    return 0.5 * (covariance + covariance.T) + _own_covariance(plan, at.extra[1], chosen)


def _own_covariance(plan: Plan, found: objective.Sensitivity, chosen: Array) -> Array:
    """What eliminated parameters vary at constant dense ones; those of one bin together."""
    n_all = plan.n_params + n_bin_params(plan)
    own, spread, bin_ = jnp.zeros(n_all), jnp.zeros(n_all), jnp.full(n_all, -1)
    if plan.local is not None:
        own, spread = (
            own.at[plan.local.at].set(found.local_own),
            spread.at[plan.local.at].set(found.local_spread),
        )
        n_places = plan.geometry.n_tiles * plan.geometry.width
        bin_ = bin_.at[plan.local.at].set(plan.local.to_flat % n_places)
    if plan.lite is not None:
        own = own.at[plan.n_params + plan.lite.number].set(found.lite_own)
    own, spread, bin_ = own[chosen], spread[chosen], bin_[chosen]
    together = (bin_[:, None] == bin_) & (bin_ >= 0)
    same = chosen[:, None] == chosen
    return jnp.where(same, own[:, None], 0.0) - jnp.where(together, spread[:, None] * spread, 0.0)

"""What follows from the templates: evaluated once, before a fit's loop.

All of it is traceable, so that gradients reach every template.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from .._compilation import compiled
from .._linalg import cholesky, solve_lower
from .._pytree import pytree_dataclass, resolve
from .._types import Array, floats
from ..effects import row_effects, shape
from ..prepared import Plan, Prepared, Templates

__all__ = ["Derived", "auxiliary_counts", "derive", "derived", "derived_of"]


@pytree_dataclass
class Derived:
    """Arrays that the likelihood's loop reads, with the resolved plan."""

    plan: Plan
    templates: Templates
    effects: dict[str, tuple[Array, ...]]
    """kind of row effect -> what its function needs, (entry,) each."""
    shape: shape.Derived | None
    delta: Array
    """(tile, width): relative Monte Carlo errors of the bins' totals (scaling "total")."""
    part_error: Array | None
    """(shifting part, width): Monte Carlo errors of row tiles that a bin parameter shifts."""
    slot_tau: Array | None
    """(slot, tile, width): auxiliary counts of bin parameters with a Poisson constraint."""
    precision: Array
    """(param,): 1/width^2 of uncorrelated Gaussian constraints, 0 elsewhere."""
    correlated_precision: Array | None
    correlated_log_det: Array


def _relative_errors(plan: Plan, templates: Templates) -> Array:
    """delta = sqrt(sum of sumw2)/(sum of yields), of the nominal templates."""
    geometry = plan.geometry
    if plan.lite is None or plan.variance is None or templates.sumw2 is None:
        return jnp.zeros((geometry.n_tiles, geometry.width))
    nothing = jnp.zeros((1, geometry.width))
    yields = jnp.concatenate([templates.nominal, nothing])[plan.rows.slots].sum(1)
    sumw2 = jnp.concatenate([templates.sumw2, nothing])[plan.variance.members].sum(1)
    usable = (plan.lite.total > 0) & (sumw2 > 0.0) & (yields > 0.0)
    errors = jnp.sqrt(jnp.where(usable, sumw2, 1.0))
    return jnp.where(usable, errors / jnp.where(usable, yields, 1.0), 0.0)


def _of_parts(plan: Plan, templates: Templates) -> tuple[Array | None, Array | None]:
    """(errors of the shifting parts, auxiliary counts (n/e)^2 of the bin parameters)."""
    local, geometry = plan.local, plan.geometry
    if local is None or plan.bins is None or templates.sumw2 is None:
        return None, None
    padded = jnp.concatenate([templates.sumw2, jnp.zeros((1, geometry.width))])
    variance = padded[local.variance] * local.covers
    shifting = variance[local.n_multiplied :]
    some = shifting > 0.0
    errors = jnp.where(some, jnp.sqrt(jnp.where(some, shifting, 1.0)), 0.0)
    # Of the nominal templates: tau stays fixed whatever the parameters do to the yields.
    multiplied = slice(local.n_multiplied)
    target = local.slot[multiplied] * geometry.n_tiles + plan.rows.tile[local.row_tile[multiplied]]
    n = (templates.nominal[local.row_tile] * local.covers)[multiplied]
    size = local.n_slots * geometry.n_tiles
    total, squared = (
        jax.ops.segment_sum(x, target, size).reshape(local.present.shape) for x in (n, variance[multiplied])
    )
    usable = (local.counting > 0) & (squared > 0.0)
    tau = jnp.where(usable, total**2 / jnp.where(usable, squared, 1.0), 0.0)
    return errors, jnp.where(local.rounded > 0, jnp.round(tau), tau)


def auxiliary_counts(prepared: Prepared) -> Array:
    """(bin parameter,): default global observables, tau of Poisson constraints and 0 of Gaussian ones."""
    plan = prepared.plan
    n_bins = 0 if plan.bins is None else plan.bins.n
    if plan.bins is None or plan.local is None:
        return floats(np.zeros(n_bins))
    plan = resolve(plan)
    tau = _of_parts(plan, prepared.templates)[1]
    if tau is None or plan.local is None or plan.bins is None:
        return floats(np.zeros(n_bins))
    own = jnp.append(tau.ravel()[plan.local.to_flat], 0.0)[plan.local.number]
    return own[plan.n_params :] * plan.bins.counting


def _correlated(plan: Plan, templates: Templates) -> tuple[Array | None, Array]:
    """The inverse covariance and half its log-determinant of the correlated nuisances."""
    if templates.correlation is None:
        return None, jnp.zeros(())
    width = templates.width[plan.constraint.correlated]
    covariance = templates.correlation * width[:, None] * width
    root = cholesky(covariance)
    half = solve_lower(root, jnp.eye(width.shape[0]))
    return solve_lower(root, half, transposed=True), jnp.sum(jnp.log(jnp.diagonal(root)))


_KEPT = 16e6
"""Bytes of templates up to which what follows from them is kept: about as much again."""


@compiled
def _derive(prepared: Prepared) -> Derived:
    return derive(prepared)


def derived_of(prepared: Prepared) -> Prepared | Derived:
    """:func:`derive`, evaluated once a prepared model and kept with it.

    Large models, and those that are being traced, are given back with their indices resolved.
    """
    known = getattr(prepared, "_derived", None)
    if known is not None:
        return known  # type: ignore[no-any-return]
    leaves = jax.tree.leaves(prepared)
    traced = any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
    if traced or sum(leaf.nbytes for leaf in leaves) > _KEPT:
        return resolve(prepared)
    resolved = resolve(prepared)
    # Asked for inside a trace it must still be arrays, not part of that trace.
    with jax.ensure_compile_time_eval():
        found: Derived = _derive(resolved)
    found = dataclasses.replace(found, plan=resolved.plan, templates=resolved.templates)
    object.__setattr__(prepared, "_derived", found)
    return found


def derived(model: Prepared | Derived) -> Derived:
    """What follows from templates: of a prepared model evaluated here."""
    return model if isinstance(model, Derived) else derive(model)


def derive(prepared: Prepared) -> Derived:
    """Evaluate everything that depends on templates only."""
    plan, templates = resolve(prepared.plan), prepared.templates
    shapes = None
    if plan.shape is not None:
        assert templates.shape_up is not None
        assert templates.shape_down is not None
        shapes = shape.derive(
            plan.shape,
            templates.shape_up,
            templates.shape_down,
            templates.nominal,
            plan.rows.row,
            plan.rows.n_rows,
        )
    precision, log_det = _correlated(plan, templates)
    part_error, slot_tau = _of_parts(plan, templates)
    return Derived(
        plan=plan,
        templates=templates,
        effects=row_effects.derive(templates.effects),
        shape=shapes,
        delta=_relative_errors(plan, templates),
        part_error=part_error,
        slot_tau=slot_tau,
        precision=plan.constraint.gaussian / templates.width**2,
        correlated_precision=precision,
        correlated_log_det=log_det,
    )

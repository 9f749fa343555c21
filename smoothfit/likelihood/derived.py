"""What follows from the templates: evaluated once, before a fit's loop.

All of it is traceable, so that gradients reach every template.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._pytree import pytree_dataclass, resolve
from .._types import Array
from ..effects import row_effects, shape
from ..prepared import Plan, Prepared, Templates

__all__ = ["Derived", "derive"]


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
    precision: Array
    """(param,): 1/width^2 of uncorrelated Gaussian constraints, 0 elsewhere."""
    correlated_precision: Array | None
    correlated_log_det: Array


def _relative_errors(plan: Plan, templates: Templates) -> Array:
    """delta = sqrt(sum of sumw2)/(sum of yields), of the nominal templates."""
    geometry = plan.geometry
    if plan.lite is None or templates.sumw2 is None:
        return jnp.zeros((geometry.n_tiles, geometry.width))
    tile = plan.rows.tile
    yields = jax.ops.segment_sum(templates.nominal, tile, geometry.n_tiles)
    sumw2 = jax.ops.segment_sum(templates.sumw2, tile[plan.lite.source], geometry.n_tiles)
    usable = (plan.lite.total > 0) & (sumw2 > 0.0) & (yields > 0.0)
    errors = jnp.sqrt(jnp.where(usable, sumw2, 1.0))
    return jnp.where(usable, errors / jnp.where(usable, yields, 1.0), 0.0)


def _correlated(plan: Plan, templates: Templates) -> tuple[Array | None, Array]:
    """The inverse covariance and half its log-determinant of the correlated nuisances."""
    if templates.correlation is None:
        return None, jnp.zeros(())
    width = templates.width[plan.constraint.correlated]
    covariance = templates.correlation * width[:, None] * width
    cholesky = jnp.linalg.cholesky(covariance)
    inverse = jax.scipy.linalg.cho_solve((cholesky, True), jnp.eye(width.shape[0]))
    return inverse, jnp.sum(jnp.log(jnp.diagonal(cholesky)))


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
    return Derived(
        plan=plan,
        templates=templates,
        effects=row_effects.derive(templates.effects),
        shape=shapes,
        delta=_relative_errors(plan, templates),
        precision=plan.constraint.gaussian / templates.width**2,
        correlated_precision=precision,
        correlated_log_det=log_det,
    )

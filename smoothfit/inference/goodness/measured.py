"""How many parameters likelihoods of other programs measure by themselves: degrees of freedom of theirs."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..._compilation import compiled
from ..._pytree import resolve
from ..._types import Array
from ...likelihood import constraint, objective
from ...prepared import Fixed, Prepared
from ...results import FitResult
from ..context import Context
from ..evaluation import data_of

__all__ = ["n_measured"]

_FLAT = 1e-8
"""Eigenvalues of the scaled Hessian below this are 0."""


def n_measured(context: Context, best_fit: FitResult) -> int:
    """The rank of their Hessian, beyond what constraints say of the same parameters.

    In the saturated model a likelihood is at its own minimum, under the constraints: it takes part in the
    statistic like as many measurements.
    """
    layout = context.layout
    if not layout.likelihoods:
        return 0
    prepared = _of_likelihoods(context)
    found = np.asarray(_curvature(resolve(prepared), best_fit.x, best_fit.obs, best_fit.globs))
    hessian = np.zeros((layout.n_params, layout.n_params))
    dense = np.asarray(resolve(prepared.plan.dense))
    hessian[np.ix_(dense, dense)] = found
    constrained = np.isfinite(layout.widths) & [
        v.constraint not in (None, "Uniform") for v in layout.variables for _ in v.indices
    ]
    hessian[constrained, constrained] += 1.0 / layout.widths[constrained] ** 2
    free = ~best_fit.fixed[: layout.n_params]
    return _rank(hessian[np.ix_(free, free)]) - int(np.sum(constrained & free))


def _rank(hessian: np.ndarray) -> int:
    scale = np.sqrt(np.abs(np.diag(hessian)))
    used = scale > 0.0
    scaled = hessian[np.ix_(used, used)] / np.outer(scale[used], scale[used])
    return int(np.sum(np.abs(np.linalg.eigvalsh(scaled)) > _FLAT))


def _of_likelihoods(context: Context) -> Prepared:
    """The model without its other terms."""
    at = [info.term for info in context.layout.likelihoods.values()]
    templates, plan = context.prepared.templates, context.prepared.plan
    names = ("term_arguments", "term_indices", "terms", "term_scalars", "term_of_all")
    kept: dict[str, Any] = {name: tuple(getattr(plan.constraint, name)[i] for i in at) for name in names}
    return Prepared(
        templates=dataclasses.replace(templates, term_captured=tuple(templates.term_captured[i] for i in at)),
        plan=dataclasses.replace(plan, constraint=dataclasses.replace(plan.constraint, **kept)),
    )


@compiled
def _curvature(prepared: Prepared, x: Array, counts: Array, globs: Array) -> Array:
    """(dense, dense): second derivatives of the users' terms."""
    p, bins = x[: prepared.plan.n_params], x[prepared.plan.n_params :]
    fixed = Fixed(mask=jnp.ones_like(p), values=p, bin_mask=jnp.ones_like(bins), bin_values=bins)
    problem = objective.pose(prepared, data_of(prepared, counts, globs), fixed)
    return constraint.user_derivatives(problem.derived, p, problem.counts, problem.globs)[1]

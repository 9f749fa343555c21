"""Log-normal normalisation uncertainties: one number kappa, or two, a row and nuisance.

The factor is exp(L(theta)), L being an interpolation of :mod:`smoothfit.interpolation`: L = theta
log(kappa) for a symmetric one. Stored as a list of (row, nuisance, kappa down, kappa up) for each
interpolation in use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from .._pytree import Index
from .._types import Array, FloatArray
from ..interpolation import LOG_FACTORS, combine_derivatives
from ..prepared import LogNormalPlan
from .terms import LogFactorTerms, second_order

__all__ = ["Entry", "stack", "terms"]


class Entry(NamedTuple):
    """One nuisance on one row; kappas are yield ratios at theta = -1 and +1."""

    row: int
    param: int
    down: float
    up: float


def stack(
    entries: dict[str, Sequence[Entry]],
) -> tuple[dict[str, LogNormalPlan], dict[str, FloatArray], dict[str, FloatArray]]:
    """(plan, kappas down, kappas up) of each interpolation that has entries."""
    plans, downs, ups = {}, {}, {}
    for name, found in sorted(entries.items()):
        if not found:
            continue
        rows, params, down, up = (np.array(column, dtype=float) for column in zip(*found, strict=True))
        plans[name] = LogNormalPlan(row=Index(rows), param=Index(params))
        downs[name], ups[name] = down, up
    return plans, downs, ups


def terms(
    plan: dict[str, LogNormalPlan], log_down: dict[str, Array], log_up: dict[str, Array], p: Array
) -> list[LogFactorTerms]:
    """The terms of log(row factor) at parameters ``p``; the plan is resolved."""
    found = []
    for name, entry in plan.items():
        down, up, theta = log_down[name], log_up[name], p[entry.param]
        if name == "combine":
            # The usual one in closed form: shorter to trace and to compile.
            derivatives = combine_derivatives(theta, down, up)
        else:
            derivatives = second_order(partial(_of_theta, LOG_FACTORS[name], down, up), theta)
        found.append(LogFactorTerms(entry.row, entry.param, *derivatives))
    return found


def _of_theta(log_factor: Callable[..., Array], down: Array, up: Array, theta: Array) -> Array:
    return log_factor(theta, down, up)


def derive(kappas: dict[str, Array]) -> dict[str, Array]:
    """log(kappa) of every entry."""
    return {name: jnp.log(kappa) for name, kappa in kappas.items()}

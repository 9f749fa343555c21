"""The functions of this package, compiled: one compilation a model structure, whatever the numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, NamedTuple

import jax
import numpy as np

from .._compilation import compiled
from .._pytree import resolve
from .._types import Array, FloatArray, IntArray
from ..fitters.solution import Solution, point
from ..likelihood import objective
from ..prepared import Data, Fixed, Prepared
from . import evaluation, minos, prediction

__all__ = [
    "Curvature",
    "band",
    "batch_expected",
    "batch_rows",
    "crossing",
    "curvature",
    "expected",
    "gradient",
    "nll",
    "prefit_band",
    "row_yields",
    "sensitivity",
]

_CHUNK = 64
"""Rows of a batch evaluated together: bounds the memory."""


def _compiled(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of (prepared, ...)."""
    jitted = compiled(fn)

    @wraps(fn)
    def call(prepared: Prepared, *arguments: Any) -> Any:
        return jitted(resolve(prepared), *arguments)

    return call


expected = _compiled(prediction.expected)
row_yields = _compiled(prediction.row_yields)
band = _compiled(prediction.band)
prefit_band = _compiled(prediction.prefit_band)
nll = _compiled(evaluation.nll)
crossing = _compiled(minos.crossing)


@_compiled
def batch_expected(prepared: Prepared, batch: Array) -> Array:
    """(toy, bin)"""
    return jax.lax.map(partial(prediction.expected, prepared), batch, batch_size=_CHUNK)


@_compiled
def batch_rows(prepared: Prepared, batch: Array) -> Array:
    """(toy, row tile, width)"""
    return jax.lax.map(partial(prediction.row_yields, prepared), batch, batch_size=_CHUNK)


@_compiled
def sensitivity(prepared: Prepared, data: Data, fixed: Fixed, values: Array) -> objective.Sensitivity:
    """Eliminated parameters at values (param,), and how they follow the dense ones."""
    problem = objective.pose(prepared, data, fixed, values)
    return objective.evaluate(problem, objective.dense_start(problem)).eliminated


@_compiled
def _curvature(prepared: Prepared, data: Data, fixed: Fixed, values: Array, z: Array) -> tuple[Array, ...]:
    at = point(objective.pose(prepared, data, fixed, values), z)
    _, reaction = at.extra
    return at.hessian, reaction.local_by_dense, reaction.local_own


@_compiled
def gradient(prepared: Prepared, data: Data, fixed: Fixed, values: Array, z: Array) -> Array:
    """(dense,): the gradient of the NLL at dense values."""
    return point(objective.pose(prepared, data, fixed, values), z).gradient


class Curvature(NamedTuple):
    """The Hessian of the free dense parameters, and how local parameters follow these."""

    hessian: FloatArray
    positions: IntArray
    """Of the dense parameters, those at a limit left out."""
    by_dense: FloatArray
    """(follower, dense)"""
    own: FloatArray
    """(follower,): variances with the dense parameters held."""
    followers: IntArray
    """Positions of local parameters that move."""


def curvature(prepared: Prepared, data: Data, fixed: Fixed, solution: Solution) -> Curvature:
    """The exact Hessian at the end of a fit, where it may have no inverse."""
    found = _curvature(prepared, data, fixed, solution.values, solution.dense)
    hessian, by_dense, own = (np.asarray(x) for x in found)
    plan = resolve(prepared.plan)
    dense, at_limit = np.asarray(plan.dense), np.asarray(solution.at_limit) > 0
    moves = (np.asarray(fixed.mask) == 0) & ~at_limit
    free = moves[dense]
    followers = np.zeros(0, dtype=int)
    rows = followers
    if plan.local is not None:
        number = np.asarray(plan.local.number)[: plan.n_params]
        followers = np.flatnonzero(moves & (number < len(own)))
        followers = followers[own[number[followers]] > 0.0]
        rows = number[followers]
    return Curvature(hessian[np.ix_(free, free)], dense[free], by_dense[rows][:, free], own[rows], followers)

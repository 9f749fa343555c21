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
from ..fitters import large
from ..fitters.solution import Solution, point
from ..likelihood import objective
from ..prepared import Data, Fixed, Prepared
from . import evaluation, minos, prediction, shares

__all__ = [
    "Curvature",
    "band",
    "batch_expected",
    "batch_processes",
    "batch_rows",
    "chosen_covariance",
    "crossing",
    "curvature",
    "expected",
    "gradient",
    "nll",
    "prefit_band",
    "process_bins",
    "response",
    "row_yields",
    "second_derivatives",
    "sensitivity",
]

CHUNK = 64
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
process_bins = _compiled(prediction.process_bins)
band = _compiled(prediction.band)
prefit_band = _compiled(prediction.prefit_band)
nll = _compiled(evaluation.nll)
crossing = _compiled(minos.crossing)
chosen_covariance = _compiled(large.chosen_covariance)
second_derivatives = _compiled(shares.second_derivatives)


@_compiled
def batch_expected(prepared: Prepared, batch: Array) -> Array:
    """(toy, bin)"""
    return jax.lax.map(partial(prediction.expected, prepared), batch, batch_size=CHUNK)


@_compiled
def batch_rows(prepared: Prepared, batch: Array) -> Array:
    """(toy, row tile, width)"""
    return jax.lax.map(partial(prediction.row_yields, prepared), batch, batch_size=CHUNK)


@_compiled
def batch_processes(prepared: Prepared, groups: prediction.Groups, batch: Array) -> tuple[Array, Array]:
    """(toy, process + 1, bin) and (toy, process + 1, channel); the last row is the total."""

    def of_one(values: Array) -> tuple[Array, Array]:
        bins = prediction.process_bins(prepared, groups, values)
        return bins, prediction.channel_sums(groups, bins)

    found: tuple[Array, Array] = jax.lax.map(of_one, batch, batch_size=CHUNK)
    return found


@_compiled
def response(
    prepared: Prepared, data: Data, fixed: Fixed, values: Array
) -> tuple[Array, objective.Sensitivity]:
    """The Hessian by the dense parameters at values (param,), and how what is eliminated follows them."""
    problem = objective.pose(prepared, data, fixed, values)
    found = objective.evaluate(problem, objective.dense_start(problem))
    return found.hessian, objective.eliminated(problem, found.y, found.reaction)


def sensitivity(prepared: Prepared, data: Data, fixed: Fixed, values: Any) -> objective.Sensitivity:
    """Eliminated parameters at values (param,), and how they follow the dense ones."""
    found: objective.Sensitivity = response(prepared, data, fixed, values)[1]
    return found


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
    found, eliminated = response(prepared, data, fixed, solution.values)
    hessian, by_dense, own = map(np.asarray, (found, eliminated.local_by_dense, eliminated.local_own))
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

"""Minima on a kink: where the likelihood rises to both sides of a surface with different slopes.

Floors of morphed yields, piecewise interpolations, absolute values and clipping have kinks. A minimum there
has no vanishing derivative, and no Newton step arrives: it stops before the surface, and the slope beyond
points back. So the surface is found where, along a Newton step, the slope changes sign by an amount that does
not shrink with the distance at which it is looked at; its normal is the change of the gradient. Within the
surfaces found so far the next Newton step is taken, until none is left. The point is a minimum if the
likelihood rises to both sides of every surface; one to which it does not is left again.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np

from .._pytree import resolve
from .._types import BoolArray, FloatArray
from ..fitters import Solution, compiled_solve
from ..prepared import Data, Fixed, Prepared
from ..status import Status
from . import compiled

__all__ = ["on_kink"]

_ROUNDS = 30
_EDM = 1e-10
"""Of the likelihood within the surfaces."""
_CLOSE = 1e-6
"""Distance from a surface, in conditional errors, at which slopes are looked at."""
_REACH = (1e-5, 1e-3, 1e-1)
"""How far a step within flat surfaces may have left one that is curved: looked at in turn."""
_JUMP = 1e-3
"""Change of slope across ``2 * _CLOSE`` that is a kink, where a smooth likelihood has 2e-6."""
_INVOLVED = 1e-3
"""Share of a parameter in a normal, from which on it is held with the surface."""
_FLAT = 1e-8
"""Curvature, in units of the conditional one, below which a direction is taken as flat."""


class _Likelihood:
    """The likelihood of the dense parameters that move, in units of their conditional errors."""

    def __init__(self, prepared: Prepared, data: Data, fixed: Fixed, stuck: Solution) -> None:
        self._given = prepared, data, fixed
        self._values = np.array(stuck.values)
        self._dense = np.asarray(resolve(prepared.plan.dense))
        seen = compiled.curvature(prepared, data, fixed, stuck)
        self.positions = seen.positions
        self._columns = np.searchsorted(self._dense, seen.positions)
        self._scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diagonal(seen.hessian)), 1e-300))
        self.start = self._values[self.positions] / self._scale
        plan = resolve(prepared.plan)
        bounds = (np.asarray(plan.lower), np.asarray(plan.upper))
        self.lower, self.upper = (bound[self.positions] / self._scale for bound in bounds)

    def values(self, u: FloatArray) -> FloatArray:
        """(param,)"""
        found = self._values.copy()
        found[self.positions] = u * self._scale
        return found

    def gradient(self, u: FloatArray) -> FloatArray:
        """(moving,)"""
        prepared, data, fixed = self._given
        found = compiled.gradient(prepared, data, fixed, self._values, self.values(u)[self._dense])
        return np.asarray(found)[self._columns] * self._scale

    def hessian(self, u: FloatArray) -> FloatArray:
        """(moving, moving)"""
        found = np.asarray(compiled.response(*self._given, self.values(u))[0])
        return found[np.ix_(self._columns, self._columns)] * self._scale[:, None] * self._scale


def on_kink(prepared: Prepared, data: Data, fixed: Fixed, stuck: Solution) -> Solution | None:
    """The minimum on a kink near where a fit got stuck, or None if there is none.

    The solution has status ON_KINK, no covariance of the parameters that a kink involves, and that of the
    others with those held.
    """
    if not np.all(np.isfinite(stuck.values)):
        return None
    likelihood = _Likelihood(prepared, data, fixed, stuck)
    found = _minimum(likelihood)
    if found is None:
        return None
    u, normals = found
    largest = np.abs(normals).max(axis=1, keepdims=True)
    involved = likelihood.positions[np.any(np.abs(normals) > _INVOLVED * largest, axis=0)]
    near = likelihood.values(u)
    mask, vector = np.array(fixed.mask), np.array(fixed.values)
    mask[involved], vector[involved] = 1.0, near[involved]
    held = replace(fixed, mask=mask, values=vector)  # type: ignore[arg-type]
    solution = jax.device_get(compiled_solve(prepared, data, held, near))  # type: ignore[arg-type]
    if int(solution.status) != Status.CONVERGED:
        return None
    covariance = np.array(solution.covariance)
    covariance[involved] = np.nan
    covariance[:, involved] = np.nan
    return replace(solution, status=np.array(int(Status.ON_KINK)), covariance=covariance)  # type: ignore[arg-type]


def _minimum(likelihood: _Likelihood) -> tuple[FloatArray, FloatArray] | None:
    """(moving,) and the normals (surface, moving) of the kinks there."""
    u = likelihood.start
    normals = np.zeros((0, len(u)))
    at_bound = np.zeros(len(u), dtype=bool)
    for _ in range(_ROUNDS):
        step = _step(likelihood, u, normals, at_bound)
        if -0.5 * (likelihood.gradient(u) @ step) <= _EDM:
            rising = _rises(likelihood, u, normals)
            if len(normals) and rising.all():
                return u, normals
            if rising.all():
                # A smooth minimum: nothing that this is for.
                return None
            normals = normals[rising]
            continue
        room = _room(likelihood, u, step)
        if _slope(likelihood, u, step, room) <= 0.0:
            u = u + room * step
            at_bound |= (u <= likelihood.lower) | (u >= likelihood.upper) if room < 1.0 else False
        else:
            u, change = _turn(likelihood, u, step, room)
            if abs(change @ step) > _JUMP * np.linalg.norm(step):
                normals = np.vstack([normals, change / np.linalg.norm(change)])
        u = _back(likelihood, u, normals)
    return None


def _step(likelihood: _Likelihood, u: FloatArray, normals: FloatArray, at_bound: BoolArray) -> FloatArray:
    """Newton's, within the surfaces; downhill also where the likelihood is not convex."""
    conditions = np.vstack([normals, np.eye(len(u))[at_bound]])
    rank = np.linalg.matrix_rank(conditions) if len(conditions) else 0
    within = np.linalg.svd(conditions)[2][rank:].T if rank else np.eye(len(u))
    curvature, axes = np.linalg.eigh(within.T @ likelihood.hessian(u) @ within)
    slopes = axes.T @ (within.T @ likelihood.gradient(u))
    return -(within @ (axes @ (slopes / np.maximum(np.abs(curvature), _FLAT))))


def _slope(likelihood: _Likelihood, u: FloatArray, step: FloatArray, t: float) -> float:
    return float(likelihood.gradient(u + t * step) @ step)


def _room(likelihood: _Likelihood, u: FloatArray, step: FloatArray) -> float:
    """How much of a step the bounds allow."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.where(step > 0.0, (likelihood.upper - u) / step, (likelihood.lower - u) / step)
    return float(np.clip(np.nanmin(np.where(step == 0.0, np.inf, ends), initial=1.0), 0.0, 1.0))


def _turn(
    likelihood: _Likelihood, u: FloatArray, step: FloatArray, room: float
) -> tuple[FloatArray, FloatArray]:
    """Where along a step the slope turns from negative to positive, and the change of the gradient there."""
    before, after = 0.0, room
    for _ in range(60):
        middle = 0.5 * (before + after)
        if _slope(likelihood, u, step, middle) > 0.0:
            after = middle
        else:
            before = middle
    close = _CLOSE / np.linalg.norm(step)
    sides = (likelihood.gradient(u + (middle + side * close) * step) for side in (-1.0, 1.0))
    low, high = sides
    return u + before * step, high - low


def _back(likelihood: _Likelihood, u: FloatArray, normals: FloatArray) -> FloatArray:
    """Back onto the surfaces: a step within their tangents leaves those that are curved."""
    for off in _away(normals):
        for reach in _REACH:
            start = u - reach * off
            if _slope(likelihood, start, off, 0.0) < 0.0 < _slope(likelihood, start, off, 2.0 * reach):
                u, _ = _turn(likelihood, start, off, 2.0 * reach)
                break
    return u


def _away(normals: FloatArray) -> FloatArray:
    """(surface, moving) unit vectors: along each the distance from that surface alone changes."""
    if not len(normals):
        return normals
    dual = np.linalg.pinv(normals).T
    return dual / np.linalg.norm(dual, axis=1, keepdims=True)


def _rises(likelihood: _Likelihood, u: FloatArray, normals: FloatArray) -> BoolArray:
    """(surface,): whether the likelihood rises to both sides of it, with a kink between."""
    found = np.zeros(len(normals), dtype=bool)
    for k, off in enumerate(_away(normals)):
        down, up = (_slope(likelihood, u, off, side * _CLOSE) for side in (-1.0, 1.0))
        found[k] = down < 0.0 < up and up - down > _JUMP
    return found

"""Samples of a fit's Gaussian approximation, eliminated parameters included."""

from __future__ import annotations

import numpy as np

from .._pytree import resolve
from .._types import BoolArray, FloatArray
from ..errors import InvalidValueError
from ..likelihood.objective import Sensitivity
from ..prepared import Plan, Prepared
from ..results import FitResult

__all__ = ["root_of", "sample"]


def root_of(covariance: FloatArray) -> FloatArray:
    """A with A A^T = covariance, for a covariance that may have zero rows; NaN if it is not finite."""
    if not np.all(np.isfinite(covariance)):
        return np.full_like(covariance, np.nan)
    moving = np.flatnonzero(np.diagonal(covariance) > 0.0)
    eigenvalues, vectors = np.linalg.eigh(covariance[np.ix_(moving, moving)])
    root = np.zeros_like(covariance)
    root[np.ix_(moving, moving)] = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    return root


def _given_limits(covariance: FloatArray, at_limit: BoolArray) -> FloatArray:
    """The covariance with the parameters at a limit staying there."""
    if not at_limit.any():
        return covariance
    stuck, free = np.flatnonzero(at_limit), np.flatnonzero(~at_limit)
    cross = covariance[np.ix_(free, stuck)]
    inside = covariance[np.ix_(free, free)] - cross @ np.linalg.solve(
        covariance[np.ix_(stuck, stuck)], cross.T
    )
    result = np.zeros_like(covariance)
    result[np.ix_(free, free)] = inside
    return result


def sample(
    prepared: Prepared, best_fit: FitResult, response: Sensitivity, n: int, rng: np.random.Generator
) -> FloatArray:
    """(toy, param + bin param) around a fit; ``response`` is that of the fit's end point.

    Raises
    ------
    InvalidValueError
        If the fit has no covariance.
    """
    plan = resolve(prepared.plan)
    dense = np.asarray(plan.dense)
    covariance = best_fit.hess_inv[np.ix_(dense, dense)]
    if not np.all(np.isfinite(covariance)):
        raise InvalidValueError(f"sample_from_covariance: the fit has no covariance ({best_fit.message}).")
    covariance = _given_limits(covariance, best_fit.at_limit[dense])
    moved = rng.standard_normal((n, len(dense))) @ root_of(covariance).T
    n_params = best_fit.layout.n_params
    result = np.tile(best_fit.x, (n, 1))
    result[:, dense] += moved
    if plan.local is not None:
        found = moved @ np.asarray(response.local_by_dense).T + _local_noise(plan, response, n, rng)
        result[:, np.asarray(plan.local.at)] += found
    if plan.lite is not None:
        noise = rng.standard_normal((n, len(response.lite_own))) * np.sqrt(np.asarray(response.lite_own))
        found = moved @ np.asarray(response.lite_by_dense).T + noise
        result[:, n_params + np.asarray(plan.lite.number)] += found
    return result


def _local_noise(plan: Plan, response: Sensitivity, n: int, rng: np.random.Generator) -> FloatArray:
    """(toy, local parameter): draws with the covariance diag(own) - spread spread^T in each bin."""
    assert plan.local is not None
    own, spread = np.asarray(response.local_own), np.asarray(response.local_spread)
    noise = rng.standard_normal((n, len(own)))
    scale = np.sqrt(np.where(own > 0.0, own, 1.0))
    direction = np.where(own > 0.0, spread / scale, 0.0)
    bins = np.asarray(plan.local.to_flat) % (plan.geometry.n_tiles * plan.geometry.width)
    _, bins = np.unique(bins, return_inverse=True)
    member = np.zeros((len(own), int(bins.max(initial=-1)) + 1))
    member[np.arange(len(own)), bins] = direction
    # (1 - s s^T) has the root 1 - s s^T (1 - sqrt(1 - |s|^2))/|s|^2.
    square = (member**2).sum(axis=0)
    shrink = np.where(
        square > 0.0,
        (1.0 - np.sqrt(np.maximum(1.0 - square, 0.0))) / np.where(square > 0.0, square, 1.0),
        0.0,
    )
    noise -= (noise @ member * shrink) @ member.T
    return noise * np.where(own > 0.0, scale, 0.0)

"""Samples of a fit's Gaussian approximation, eliminated parameters included."""

from __future__ import annotations

import numpy as np

from .._pytree import resolve
from .._types import BoolArray, FloatArray
from ..errors import InvalidValueError
from ..likelihood.objective import Sensitivity
from ..prepared import Prepared
from ..results import FitResult

__all__ = ["sample"]


def _root(covariance: FloatArray) -> FloatArray:
    """A with A A^T = covariance, for a covariance that may have zero rows."""
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
    moved = rng.standard_normal((n, len(dense))) @ _root(covariance).T
    n_params = best_fit.layout.n_params
    result = np.tile(best_fit.x, (n, 1))
    result[:, dense] += moved
    tiles = np.zeros((n, plan.geometry.n_tiles * plan.geometry.width))
    if plan.local is not None:
        own = rng.standard_normal((n, len(response.local_own))) * np.sqrt(np.asarray(response.local_own))
        tiles[:, np.asarray(plan.local.to_flat)] = own
        local = np.asarray(plan.local.params)
        result[:, local] += moved @ np.asarray(response.local_by_dense).T + own
    if plan.lite is not None:
        noise = rng.standard_normal((n, len(response.bin_own))) * np.sqrt(np.asarray(response.bin_own))
        of_local = tiles[:, np.asarray(plan.lite.to_flat)]
        shift = moved @ np.asarray(response.bin_by_dense).T
        result[:, n_params:] += shift + noise + np.asarray(response.bin_by_local) * of_local
    return result

"""Fits along a scan over tau."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._types import FloatArray
from ..build.checks import as_floats, check_finite
from ..errors import InvalidValueError, ShapeMismatchError
from ..results import UnfoldingScan
from . import algebra
from .coverage import Coverage
from .penalised import Penalised, Point

__all__ = ["default_taus", "read_taus", "scan", "scan_record"]

_POINTS = 50
_REACH = 30.0
"""How far the scan goes beyond the tau where the penalty weighs as much as the data."""


def read_taus(taus: Any) -> FloatArray:
    """Strengths to scan: positive and increasing, three at least."""
    found = check_finite("unfold: taus", as_floats("unfold: taus", taus))
    if found.ndim != 1 or len(found) < 3:
        raise ShapeMismatchError(
            f"unfold: taus has shape {found.shape}; give at least three numbers to scan."
        )
    if np.any(found <= 0.0) or np.any(np.diff(found) <= 0.0):
        raise InvalidValueError(
            "unfold: taus must be positive and increase; np.geomspace(1e-4, 1.0, 40) makes such numbers."
        )
    return found


def default_taus(problem: Penalised, free: Point) -> FloatArray:
    """From no effect to no freedom: around the tau where the penalty weighs as much as the data."""
    of_mu = np.asarray(free.solution.covariance)[np.ix_(problem.at, problem.at)]
    if not free.success or not np.all(np.isfinite(of_mu)):
        raise InvalidValueError(
            "unfold: the fit without penalty did not converge, so there is no scale for tau; give taus, or a "
            "tau."
        )
    strengths = algebra.half_strengths(of_mu, problem.regularisation.rows)
    return np.geomspace(strengths[0] / _REACH, strengths[-1] * _REACH, _POINTS)


def scan(problem: Penalised, taus: FloatArray, start: FloatArray) -> list[Point]:
    """Fits from the smallest tau on, each from the one before."""
    points = []
    for tau in taus:
        points.append(problem.solve(float(tau), start))
        if points[-1].success:
            start = np.asarray(points[-1].solution.values)
    return points


def scan_record(points: Sequence[Point], coverages: Mapping[float, Coverage], hidden: bool) -> UnfoldingScan:
    """The scan as a record, in the order of tau."""
    ordered = sorted(points, key=lambda point: point.tau)
    success = np.array([point.success for point in ordered])

    def column(values: Sequence[float]) -> FloatArray:
        return np.where(success, np.array(values, dtype=np.float64), np.nan)

    def rows(values: Sequence[FloatArray]) -> FloatArray:
        return np.where(success[:, None], np.array(values), np.nan)

    none = Coverage(np.nan, np.nan, 0)
    known = [coverages.get(point.tau, none) for point in ordered]
    correlations = rows([point.correlations for point in ordered])
    # All of them are NaN where the covariance has no inverse.
    any_known = np.any(np.isfinite(correlations), axis=1)
    filled = np.where(any_known[:, None], correlations, 0.0)
    variances = rows([np.diagonal(point.sandwich) for point in ordered])
    return UnfoldingScan(
        tau=np.array([point.tau for point in ordered]),
        success=success,
        x=rows([point.x for point in ordered]),
        errors=np.sqrt(np.where(variances >= 0.0, variances, np.nan)),
        chi2_data=column([point.data for point in ordered]),
        chi2_constraints=column([point.constraints for point in ordered]),
        norm=column([point.norm for point in ordered]),
        curvature=column([point.curvature for point in ordered]),
        mean_global_correlation=np.where(any_known, np.nanmean(filled, axis=1), np.nan),
        max_global_correlation=np.where(any_known, np.nanmax(filled, axis=1), np.nan),
        coverage=np.array([one.mean for one in known]),
        coverage_error=np.array([one.error for one in known]),
        hidden=hidden,
    )

"""Fits along a scan over tau."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._checks import as_floats, check_finite
from .._types import FloatArray
from ..errors import InvalidValueError, ShapeMismatchError
from ..results import UnfoldingScan
from . import algebra
from .coverage import Coverage
from .penalised import Penalised, Point

__all__ = ["default_taus", "read_taus", "scan", "scan_record"]

_GUESSES = (1.0, 10.0, 0.1, 100.0, 0.01)
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
    """From no effect to no freedom: around the tau where the penalty weighs as much as the data.

    Raises
    ------
    InvalidValueError
        If no fit tells that scale.
    """
    rows = problem.regularisation.rows
    # Data can know no more of any mu than all events do: where the penalty knows as much of something, too.
    guess = np.sqrt(max(float(np.sum(problem.obs)), 1.0)) / np.linalg.norm(rows, ord=2)
    # Without a penalty there may be no minimum: unfolding is for such problems, too.
    for tau in (0.0, *(guess * factor for factor in _GUESSES)):
        point = free if tau == 0.0 else problem.solve(float(tau))
        if not point.success:
            continue
        of_mu = np.asarray(point.solution.covariance)[np.ix_(problem.at, problem.at)]
        if not np.all(np.isfinite(of_mu)):
            continue
        strengths = algebra.half_strengths(of_mu, rows, float(tau))
        if len(strengths):
            return np.geomspace(strengths[0] / _REACH, strengths[-1] * _REACH, _POINTS)
    raise InvalidValueError(
        "unfold: there is no scale for tau: no fit converged, or data know nothing of what is penalised; "
        "give taus, or a tau."
    )


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

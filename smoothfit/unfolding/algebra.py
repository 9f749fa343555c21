"""What follows from a penalised fit by linear algebra: sandwich, bias, derivatives, correlations, L-curve."""

from __future__ import annotations

import numpy as np

from .._types import BoolArray, FloatArray

__all__ = [
    "by_log_tau",
    "global_correlations",
    "half_strengths",
    "inside_limits",
    "lcurve_curvature",
    "quadratic_form",
    "sandwich",
]

_SINGULAR = 1e-12
"""Eigenvalues of a correlation matrix below which it has no inverse worth having."""
_PERFECT = 1e-9
"""chi2 below which data are described perfectly: its logarithm would be that of a rounding error."""
_UNKNOWN = 1e-10
_STILL = 1e-3
"""Speed of the L-curve, in units of logarithms, below which it does not move."""


def sandwich(covariance: FloatArray, rows: FloatArray, tau: float) -> FloatArray:
    """H^-1 (H - H_R) H^-1 for a block of parameters.

    ``covariance`` is their block of H^-1, (n, n), with the penalty tau^2/2 |rows x - b|^2 in H: its
    Hessian H_R = tau^2 rows^T rows is nothing that the data know.

    Examples
    --------
    >>> sandwich(np.array([[0.2]]), np.array([[1.0]]), 1.0)  # 4 from the data and 1 from the penalty
    array([[0.16]])
    """
    pulled = rows @ covariance
    found = covariance - tau**2 * pulled.T @ pulled
    return 0.5 * (found + found.T)


def inside_limits(covariance: FloatArray, at_limit: BoolArray) -> FloatArray:
    """The covariance with parameters on limits held: what moves if something else changes.

    Examples
    --------
    >>> inside_limits(np.array([[2.0, 1.0], [1.0, 1.0]]), np.array([False, True]))
    array([[1., 0.],
           [0., 0.]])
    """
    held = at_limit & (np.diagonal(covariance) > 0.0)
    if not np.any(held):
        return covariance
    cross = covariance[:, held]
    found = covariance - cross @ np.linalg.solve(covariance[np.ix_(held, held)], cross.T)
    found[held] = 0.0
    found[:, held] = 0.0
    return found


def by_log_tau(covariance: FloatArray, rows: FloatArray, residual: FloatArray, tau: float) -> FloatArray:
    """tau dx/dtau = -H^-1 d2NLL/(dx dlog tau), exact: of the gradient, tau^2 rows^T residual knows tau."""
    return -2.0 * tau**2 * covariance @ (rows.T @ residual)


def _scaled(covariance: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Correlation matrix and errors of what varies, and which that is."""
    variance = np.diagonal(covariance)
    moving = variance > 0.0
    sigma = np.sqrt(variance[moving])
    return covariance[np.ix_(moving, moving)] / sigma[:, None] / sigma, sigma, moving


def global_correlations(covariance: FloatArray) -> FloatArray:
    """rho_i = sqrt(1 - 1/((V^-1)_ii V_ii)), (n,): how far i is known from all the others.

    NaN for what does not vary, and for all if V cannot be inverted.

    Examples
    --------
    >>> global_correlations(np.array([[1.0, 0.6], [0.6, 1.0]]))
    array([0.6, 0.6])
    """
    found = np.full(len(covariance), np.nan)
    # Negative variances are what rounding leaves of a sandwich where data know next to nothing.
    if not np.all(np.isfinite(covariance)) or np.any(np.diagonal(covariance) < 0.0):
        return found
    correlation, _, moving = _scaled(covariance)
    values, vectors = np.linalg.eigh(correlation)
    if not len(values) or values[0] <= _SINGULAR * values[-1]:
        return found
    inverse = np.sum(vectors**2 / values, axis=1)
    found[moving] = np.sqrt(np.maximum(1.0 - 1.0 / inverse, 0.0))
    return found


def quadratic_form(difference: FloatArray, covariance: FloatArray) -> tuple[float, int]:
    """d^T V^-1 d and the rank of V; directions that V does not know are left out.

    Examples
    --------
    >>> quadratic_form(np.array([1.0, 2.0]), np.diag([1.0, 4.0]))
    (2.0, 2)
    """
    correlation, sigma, moving = _scaled(covariance)
    values, vectors = np.linalg.eigh(correlation)
    known = values > _SINGULAR * np.max(values, initial=0.0)
    pulls = vectors.T[known] @ (difference[moving] / sigma)
    return float(np.sum(pulls**2 / values[known])), int(np.sum(known))


def lcurve_curvature(tau: float, chi2: float, norm: float, norm_by_log_tau: float) -> float:
    """Curvature of log(chi2) against log(norm), both along log(tau); positive at the corner of an L.

    Exact from first derivatives: at a minimum of chi2 + tau^2 norm, dchi2 = -tau^2 dnorm, so that the second
    derivatives drop out (for linear problems: P. C. Hansen, "Rank-deficient and discrete ill-posed
    problems", SIAM 1998). NaN where chi2 or norm vanish, and where the curve stands still: with tau to 0
    it ends in the fit without penalty, and the curvature of that end says nothing.

    Examples
    --------
    >>> round(lcurve_curvature(1.0, chi2=2.0, norm=1.0, norm_by_log_tau=-0.5), 4)
    0.8944
    """
    if not (chi2 > _PERFECT and norm > 0.0 and np.isfinite(norm_by_log_tau)):
        return float("nan")
    # By log(tau): x = log chi2, y = log norm.
    y1 = norm_by_log_tau / norm
    x1 = -(tau**2) * norm_by_log_tau / chi2
    if np.hypot(x1, y1) < _STILL:
        return float("nan")
    # x1 y2 - x2 y1, where x2 = 2 x1 + x1 norm''/norm' - x1^2 and y2 = norm''/norm - y1^2.
    turn = x1 * y1 * (x1 - y1 - 2.0)
    return float(turn / (x1**2 + y1**2) ** 1.5)


def half_strengths(covariance: FloatArray, rows: FloatArray, tau: float) -> FloatArray:
    """The tau at which the penalty weighs as much as the data, of each direction that it knows; increasing.

    ``covariance`` is H^-1 of a fit at ``tau``. Directions of which data know less than a part in 10^10 of
    what they, or the penalty, know of others are left out.

    Examples
    --------
    >>> half_strengths(np.diag([1 / 5.0, 1 / 17.0]), np.eye(2), 2.0)  # 1 and 13 from data, 4 from the penalty
    array([1.    , 3.6056])
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    strengths = np.linalg.svd(rows @ root, compute_uv=False)
    # By information h of the data and a of the penalty these are a/(h + tau^2 a).
    squares = 1.0 / strengths[strengths > 1e-10 * strengths[0]] ** 2 - tau**2
    return np.sqrt(squares[squares > _UNKNOWN * max(np.max(squares), tau**2)])

"""A linear Gaussian unfolding in numpy, and models to compare it with.

The formulas are those of S. Schmitt, JINST 7 (2012) T10003, arXiv:1205.6201, section 2: with folding
matrix A and data y of covariance V, x = (A^T V^-1 A + tau^2 L^T L)^-1 (A^T V^-1 y + tau^2 L^T L f x0),
and the covariance of x by propagation of that of y. No number here comes from the library.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.interpolate import make_interp_spline

from smoothfit.model import Model, Process, Variable
from smoothfit.unfolding import response_process

EDGES = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0])


class Case(NamedTuple):
    """Folding probabilities (reco bin, truth bin), nominal truth, background and data."""

    folding: np.ndarray
    truth: np.ndarray
    background: np.ndarray
    obs: np.ndarray


def make_case(events: float, seed: int = 3) -> Case:
    """Twelve reco bins, six truth bins; the truth differs from the nominal one."""
    rng = np.random.default_rng(seed)
    truth = events * np.array([1.0, 1.6, 1.4, 1.9, 1.2, 0.9])
    centres = np.linspace(0.25, 9.75, 12)
    middles = 0.5 * (EDGES[1:] + EDGES[:-1])
    folding = np.exp(-0.5 * ((centres[:, None] - middles) / 1.3) ** 2)
    folding *= np.array([0.7, 0.75, 0.8, 0.85, 0.8, 0.75]) / folding.sum(axis=0)
    background = 0.1 * events * np.exp(-0.2 * centres)
    # A smooth change of the truth, by tens of its errors.
    true = truth + 20.0 * np.sqrt(truth) * np.sin(0.5 * middles)
    expected = folding @ true + background
    return Case(folding, truth, background, expected + np.sqrt(expected) * rng.standard_normal(12))


def make_model(case: Case) -> tuple[Model, Variable]:
    """The same as a prepared model, and mu."""
    mu = Variable("mu", np.ones(len(case.truth)))
    sig = response_process("sig", case.folding, case.truth, probabilities=True).scale_by(mu)
    return Model().add_proc(sig).add_proc(Process("bkg", case.background)).prepare(), mu


class Unfolded(NamedTuple):
    """x, its covariances by propagation and as inverse Hessian, chi2 and |L (x - f x0)|^2."""

    x: np.ndarray
    propagated: np.ndarray
    inverse_hessian: np.ndarray
    chi2: float
    norm: float


def unfold_linear(
    case: Case, matrix: np.ndarray, target: np.ndarray, tau: float, variances: np.ndarray
) -> Unfolded:
    """``target`` is f x0 (truth bin,), ``variances`` those of the data (reco bin,)."""
    weighted = case.folding.T / variances
    y = case.obs - case.background
    hessian = weighted @ case.folding + tau**2 * matrix.T @ matrix
    x = np.linalg.solve(hessian, weighted @ y + tau**2 * matrix.T @ matrix @ target)
    estimator = np.linalg.solve(hessian, weighted)
    residual = matrix @ (x - target)
    return Unfolded(
        x,
        (estimator * variances) @ estimator.T,
        np.linalg.inv(hessian),
        float(np.sum((y - case.folding @ x) ** 2 / variances)),
        float(residual @ residual),
    )


def global_correlations(covariance: np.ndarray) -> np.ndarray:
    """sqrt(1 - 1/((V^-1)_ii V_ii))"""
    return np.sqrt(1.0 - 1.0 / (np.diagonal(np.linalg.inv(covariance)) * np.diagonal(covariance)))


def spline_curvature(taus: np.ndarray, results: list[Unfolded], at: np.ndarray) -> np.ndarray:
    """Curvature of log chi2 against log norm at some tau, from splines through points along log tau.

    Points too close amplify rounding in second derivatives: 0.02 apart is a good distance.
    """
    x = make_interp_spline(np.log(taus), np.log([r.chi2 for r in results]), k=5)
    y = make_interp_spline(np.log(taus), np.log([r.norm for r in results]), k=5)
    s = np.log(at)
    return (x(s, nu=1) * y(s, nu=2) - x(s, nu=2) * y(s, nu=1)) / (x(s, nu=1) ** 2 + y(s, nu=1) ** 2) ** 1.5

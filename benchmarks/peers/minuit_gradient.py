"""iminuit with JAX's gradient of the hand-written NLL, with limits: else MIGRAD falls back on simplex."""

from __future__ import annotations

from typing import Any

import iminuit
import jax
import numpy as np

from benchmarks.handwritten import bounds, nll_of
from benchmarks.peers import Fitted, Given, Intervals

TITLE = "iminuit + JAX gradient"
NEEDS = ("jax", "iminuit")


class Peer:
    """MIGRAD, HESSE and MINOS with strategy 0, several times faster than the default at these sizes."""

    def __init__(self, given: Given) -> None:
        self._workload = given.workload
        nll = nll_of(given.workload, given.scaling)
        self._nll, self._gradient = jax.jit(nll), jax.jit(jax.grad(nll))
        self._limits = list(zip(*bounds(given.workload), strict=True))

    def _derivatives(self, counts: np.ndarray) -> dict[str, Any]:
        return {"grad": lambda x: np.asarray(self._gradient(x, counts))}

    def _minuit(self, counts: np.ndarray, start: np.ndarray | None = None) -> iminuit.Minuit:
        names = self._workload.names
        x0 = self._workload.x0 if start is None else start
        minuit = iminuit.Minuit(
            lambda x: float(self._nll(x, counts)), x0, name=names, **self._derivatives(counts)
        )
        minuit.errordef = iminuit.Minuit.LIKELIHOOD
        minuit.strategy = 0
        minuit.limits = self._limits
        minuit.errors = np.where(np.arange(x0.size) < self._workload.npoi, 0.1, 1.0)
        return minuit

    def kernel(self, counts: np.ndarray) -> Fitted:
        """MIGRAD."""
        minuit = self._minuit(counts).migrad()
        return Fitted(np.array(minuit.values), counts, minuit)

    fit = kernel

    def covariance(self, fitted: Fitted) -> np.ndarray:
        """HESSE."""
        fitted.state.hesse()
        return np.array(fitted.state.errors)

    def minos(self, fitted: Fitted, positions: list[int]) -> Intervals:
        """MINOS; a side that it reports as invalid is NaN."""
        minuit, names = fitted.state, self._workload.names
        if not minuit.valid:
            # MINOS refuses a minimum above the EDM's goal, where strategy 0 ends in some cases.
            minuit.strategy = 1
            minuit.migrad()
            minuit.strategy = 0
        minuit.minos(*positions)
        found = [minuit.merrors[names[k]] for k in positions]
        at = fitted.x[positions]
        up = np.array([m.upper if m.upper_valid else np.nan for m in found])
        down = np.array([m.lower if m.lower_valid else np.nan for m in found])
        return Intervals(at + up, at + down)

    pulls = minos

    def _refit(self, fitted: Fitted, position: int, value: float) -> iminuit.Minuit:
        minuit = self._minuit(fitted.counts, fitted.x)
        minuit.errors = fitted.state.errors
        minuit.values[position] = value
        minuit.fixed[position] = True
        return minuit.migrad()

    def impacts(self, fitted: Fitted, positions: list[int]) -> np.ndarray:
        """MIGRAD with each nuisance held at its bounds, started at the best fit."""
        errors, n_pois = np.array(fitted.state.errors), self._workload.npoi
        shifts = np.full((len(positions), 2, n_pois), np.nan)
        for row, position in enumerate(positions):
            for side, sign in enumerate((1.0, -1.0)):
                refit = self._refit(fitted, position, fitted.x[position] + sign * errors[position])
                if refit.valid:
                    shifts[row, side] = np.array(refit.values)[:n_pois] - fitted.x[:n_pois]
        return shifts

    def scan(self, fitted: Fitted, points: np.ndarray) -> np.ndarray:
        """MIGRAD at every point, each started where the last one ended."""
        minuit = self._minuit(fitted.counts, fitted.x)
        minuit.errors = fitted.state.errors
        minuit.fixed[0] = True
        curve = np.full(len(points), np.nan)
        for i, point in enumerate(points):
            minuit.values[0] = point
            minuit.migrad()
            curve[i] = minuit.fval if minuit.valid else np.nan
        return curve

    def toys(self, batch: np.ndarray) -> np.ndarray:
        """One MIGRAD after the other."""
        found = [self.kernel(counts) for counts in batch]
        return np.array([one.x if one.state.valid else np.full(one.x.size, np.nan) for one in found])

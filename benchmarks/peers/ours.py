"""smoothfit, through its public face only."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers import Fitted, Given, Intervals
from benchmarks.workloads import build, workload_order
from smoothfit import functional

TITLE = "smoothfit"
NEEDS = ("jax", "scipy")


class Peer:
    """A prepared model of the workload."""

    def __init__(self, given: Given) -> None:
        self._workload = given.workload
        self._model = build(given.workload, scaling=given.scaling).prepare()
        self._order = workload_order(self._model, given.workload)

    def _in_order(self, x: Any) -> np.ndarray:
        """Of (..., parameter), in the workload's order."""
        return np.asarray(x)[..., self._order]

    def _names(self, positions: list[int]) -> list[str]:
        """The model's names of the workload's parameters; bin parameters come last in both."""
        bins = list(self._model.bin_parameters)
        n_parameters = self._workload.npar - self._workload.nbb
        return [self._workload.names[k] if k < n_parameters else bins[k - n_parameters] for k in positions]

    def kernel(self, counts: np.ndarray) -> Fitted:
        """The compiled minimisation alone, without a covariance, as BFGS has none."""
        found = functional.fit(self._model.prepared, counts, errors=False)
        return Fitted(self._in_order(np.concatenate([found.values, found.bin_values])), counts)

    def fit(self, counts: np.ndarray) -> Fitted:
        """``model.fit``, with status, errors and covariance."""
        found = self._model.fit(counts)
        return Fitted(self._in_order(found.x), counts, found)

    def covariance(self, fitted: Fitted) -> np.ndarray:
        """The fit has it."""
        return self._in_order(fitted.state.errors)

    def minos(self, fitted: Fitted, positions: list[int]) -> Intervals:
        """``minos_bounds`` of one parameter after the other."""
        found = [self._model.minos_bounds(n, fitted.state, fitted.counts) for n in self._names(positions)]
        return Intervals(np.array([f[0] for f in found]), np.array([f[1] for f in found]))

    def pulls(self, fitted: Fitted, positions: list[int]) -> Intervals:
        """``pulls`` with Minos errors, of all nuisances; those asked for of them."""
        found = self._model.pulls(fitted.state, fitted.counts, minos=True)
        row = {name: i for i, name in enumerate(found.names)}
        at = [row[name] for name in self._names(positions)]
        return Intervals((found.pull + found.error_up)[at], (found.pull - found.error_down)[at])

    def impacts(self, fitted: Fitted, positions: list[int]) -> np.ndarray:
        """All at once; those asked for of them."""
        pois = self._workload.names[: self._workload.npoi]
        found = self._model.impacts(pois, fitted.state, fitted.counts)
        row = {name: i for i, name in enumerate(found.names)}
        at = [row[name] for name in self._names(positions)]
        return np.stack([found.up[at], found.down[at]], axis=1)

    def scan(self, fitted: Fitted, points: np.ndarray) -> np.ndarray:
        """Of the first parameter."""
        return np.asarray(self._model.scan("mu0", points, fitted.state, fitted.counts).delta_nll)

    def toys(self, batch: np.ndarray) -> np.ndarray:
        """``batch_fit``."""
        found = self._model.batch_fit(batch)
        return np.where(np.asarray(found.success)[:, None], self._in_order(found.x), np.nan)

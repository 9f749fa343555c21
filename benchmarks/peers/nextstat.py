"""NextStat (Rust), on the workload's pyhf workspace; there is no compile step."""

from __future__ import annotations

import json

import nextstat
import numpy as np

from benchmarks import as_pyhf
from benchmarks.peers import Fitted, Given

TITLE = "NextStat"
NEEDS = ("nextstat",)


class Peer:
    """``MaximumLikelihoodEstimator`` in its default settings."""

    def __init__(self, given: Given) -> None:
        self._workload = given.workload
        workspace = as_pyhf.workspace(given.workload, np.zeros(given.workload.B))
        self._model = nextstat.from_pyhf(json.dumps(workspace))
        self._names = list(self._model.parameter_names())
        self._estimator = nextstat.MaximumLikelihoodEstimator()

    def nll(self, x: np.ndarray, counts: np.ndarray) -> float:
        """Its NLL at values in the workload's order."""
        model = self._model.with_observed_main(counts.tolist())
        return float(model.nll(as_pyhf.from_workload_order(self._workload, self._names, x).tolist()))

    def _fitted(self, counts: np.ndarray, result: nextstat.FitResult) -> Fitted:
        x = as_pyhf.in_workload_order(self._workload, self._names, result.parameters)
        return Fitted(x, counts, result)

    def kernel(self, counts: np.ndarray) -> Fitted:
        """Without covariance."""
        return self._fitted(counts, self._estimator.fit_minimum(self._model, data=counts.tolist()))

    def fit(self, counts: np.ndarray) -> Fitted:
        """With uncertainties."""
        return self._fitted(counts, self._estimator.fit(self._model, data=counts.tolist()))

    def scan(self, fitted: Fitted, points: np.ndarray) -> np.ndarray:
        """``profile_scan`` of the workspace's parameter of interest."""
        found = nextstat.profile_scan(self._model, points.tolist(), data=fitted.counts.tolist())
        return np.array([p["nll_mu"] if p["converged"] else np.nan for p in found["points"]])

    def impacts_on_one(self, fitted: Fitted, positions: list[int]) -> np.ndarray:
        """``ranking``: of all nuisances, on the first signal strength only; (nuisance, up and down, 1)."""
        model = self._model.with_observed_main(fitted.counts.tolist())
        found = {row["name"]: row for row in self._estimator.ranking(model)}
        shifts = np.full((len(positions), 2, 1), np.nan)
        for i, k in enumerate(positions):
            row = found.get(self._workload.names[k])
            if row is not None:
                shifts[i] = [[row["delta_mu_up"]], [row["delta_mu_down"]]]
        return shifts

    def toys(self, batch: np.ndarray) -> np.ndarray:
        """``fit_batch``, on all cores."""
        found = self._estimator.fit_batch(self._model, batch.tolist())
        failed = np.full(self._workload.npar, np.nan)
        return np.array(
            [self._fitted(c, one).x if one.success else failed for c, one in zip(batch, found, strict=True)]
        )

"""pyhf with its jax backend and its default optimiser, scipy's SLSQP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyhf

from benchmarks import as_pyhf
from benchmarks.peers import Fitted, Given

TITLE = "pyhf jax + scipy"
NEEDS = ("pyhf", "jax")


class Peer:
    """``pyhf.infer.mle.fit`` on the workload's workspace."""

    optimizer: Any = "scipy"

    def __init__(self, given: Given) -> None:
        pyhf.set_backend("jax", self.optimizer, precision="64b")
        self._workload = given.workload
        self._workspace = pyhf.Workspace(as_pyhf.workspace(given.workload, np.zeros(given.workload.B)))
        self._model = self._workspace.model(modifier_settings=as_pyhf.MODIFIERS)
        self._names = [n for name in self._model.config.par_order for n in self._names_of(name)]

    def _names_of(self, name: str) -> list[str]:
        size = self._model.config.param_set(name).n_parameters
        return [f"{name}[{b}]" for b in range(size)] if name.startswith("staterror") else [name]

    def _data(self, counts: np.ndarray) -> Any:
        # pyhf sorts channels by name.
        bins = dict(self._workload.chans)
        ordered = np.concatenate([counts[bins[channel]] for channel in self._model.config.channels])
        return [*ordered.tolist(), *self._model.config.auxdata]

    def nll(self, x: np.ndarray, counts: np.ndarray) -> float:
        """-log L, with all its constants, at values in the workload's order."""
        values = as_pyhf.from_workload_order(self._workload, self._names, x)
        return -float(np.asarray(self._model.logpdf(values.tolist(), self._data(counts)))[0])

    def kernel(self, counts: np.ndarray) -> Fitted:
        """A fit from the model's suggested start."""
        values = pyhf.infer.mle.fit(self._data(counts), self._model)
        return Fitted(as_pyhf.in_workload_order(self._workload, self._names, values), counts, values)

    def scan(self, fitted: Fitted, points: np.ndarray) -> np.ndarray:
        """``fixed_poi_fit`` at every point, as users do it."""
        curve = np.full(len(points), np.nan)
        for i, point in enumerate(points):
            _, twice = pyhf.infer.mle.fixed_poi_fit(
                float(point), self._data(fitted.counts), self._model, return_fitted_val=True
            )
            curve[i] = 0.5 * float(twice)
        return curve

    def toys(self, batch: np.ndarray) -> np.ndarray:
        """One fit after the other."""
        return np.array([self.kernel(counts).x for counts in batch])

"""cabinetry's fit of the workload's pyhf workspace: iminuit with HESSE, through pyhf with its jax backend."""

from __future__ import annotations

import cabinetry
import numpy as np

from benchmarks import as_pyhf
from benchmarks.peers import Fitted, pyhf_scipy

TITLE = "cabinetry"
NEEDS = ("cabinetry", "pyhf", "jax", "iminuit")


class Peer(pyhf_scipy.Peer):
    """``cabinetry.fit.fit`` in its default settings."""

    optimizer = "minuit"

    def fit(self, counts: np.ndarray) -> Fitted:
        """With uncertainties and correlations."""
        found = cabinetry.fit.fit(self._model, self._data(counts))
        return Fitted(as_pyhf.in_workload_order(self._workload, self._names, found.bestfit), counts, found)

    kernel = fit

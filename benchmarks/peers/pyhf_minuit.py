"""pyhf with its jax backend and iminuit, which always ends with HESSE."""

from __future__ import annotations

import numpy as np
import pyhf

from benchmarks import as_pyhf
from benchmarks.peers import Fitted, Intervals, pyhf_scipy

TITLE = "pyhf jax + minuit"
NEEDS = ("pyhf", "jax", "iminuit")


class Peer(pyhf_scipy.Peer):
    """``pyhf.infer.mle.fit``, and MINOS of its Minuit object."""

    optimizer = "minuit"

    def fit(self, counts: np.ndarray) -> Fitted:
        """With HESSE."""
        found, result = pyhf.infer.mle.fit(
            self._data(counts), self._model, return_uncertainties=True, return_result_obj=True
        )
        values = np.asarray(found)[:, 0]
        return Fitted(as_pyhf.in_workload_order(self._workload, self._names, values), counts, result.minuit)

    kernel = fit

    def minos(self, fitted: Fitted, positions: list[int]) -> Intervals:
        """MINOS one after the other; the objective is twice the NLL."""
        minuit = fitted.state
        names = [self._workload.names[k] for k in positions]
        minuit.minos(*names)
        found = [minuit.merrors[name] for name in names]
        at = fitted.x[positions]
        return Intervals(at + [m.upper for m in found], at + [m.lower for m in found])

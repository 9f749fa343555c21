"""iminuit with JAX's gradient and exact Hessian of the hand-written NLL.

``g2``, the Hessian's diagonal, is given as well: iminuit 2.33 raises TypeError on W3 without, and warns that
it is not needed.
"""

from __future__ import annotations

import warnings
from typing import Any

import iminuit
import jax
import numpy as np

from benchmarks.handwritten import nll_of
from benchmarks.peers import Given, minuit_gradient

TITLE = "iminuit + JAX gradient and Hessian"
NEEDS = minuit_gradient.NEEDS


class Peer(minuit_gradient.Peer):
    """The same calls with two derivatives more."""

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        self._hessian = jax.jit(jax.hessian(nll_of(given.workload, given.scaling)))

    def _minuit(self, counts: np.ndarray, start: np.ndarray | None = None) -> iminuit.Minuit:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "hessian overrides g2", iminuit.util.IMinuitWarning)
            return super()._minuit(counts, start)

    def _derivatives(self, counts: np.ndarray) -> dict[str, Any]:
        return {
            **super()._derivatives(counts),
            "hessian": lambda x: np.asarray(self._hessian(x, counts)),
            "g2": lambda x: np.diag(np.asarray(self._hessian(x, counts))),
        }

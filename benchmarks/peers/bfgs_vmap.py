"""optimistix BFGS on the hand-written NLL, all toys side by side by ``vmap``."""

from __future__ import annotations

import jax
import numpy as np

from benchmarks.peers import Given, bfgs

TITLE = "optimistix BFGS, hand-written NLL, vmap"
NEEDS = bfgs.NEEDS


class Peer:
    """Toys only."""

    def __init__(self, given: Given) -> None:
        self._toys = jax.jit(jax.vmap(bfgs.Peer(given).one))

    def toys(self, batch: np.ndarray) -> np.ndarray:
        """As wide as the batch."""
        return np.asarray(self._toys(batch))

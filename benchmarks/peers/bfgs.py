"""optimistix BFGS inside jit, on the hand-written NLL.

The tolerance is the loosest of 1e-4, 1e-5, ... that ends within 1e-9 of the lowest NLL on every workload.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optimistix

from benchmarks.handwritten import nll_of
from benchmarks.peers import Fitted, Given

TITLE = "optimistix BFGS, hand-written NLL"
NEEDS = ("jax", "optimistix")

TOLERANCE = 1e-5
MOST_STEPS = 5000


class Peer:
    """One compiled fit; toys one after the other, in a loop inside jit."""

    def __init__(self, given: Given) -> None:
        nll = nll_of(given.workload, given.scaling)
        solver = optimistix.BFGS(rtol=TOLERANCE, atol=TOLERANCE)
        start = jnp.asarray(given.workload.x0)

        def fit(counts: jax.Array) -> jax.Array:
            done = optimistix.minimise(nll, solver, start, args=counts, max_steps=MOST_STEPS, throw=False)
            good = done.result == optimistix.RESULTS.successful
            return jnp.where(good, done.value, jnp.nan)

        self.one = fit
        self._fit = jax.jit(fit)
        self._toys = jax.jit(lambda batch: jax.lax.map(fit, batch))

    def kernel(self, counts: np.ndarray) -> Fitted:
        """BFGS from the start values; it returns no covariance that could be used."""
        return Fitted(np.asarray(self._fit(counts)), counts)

    def toys(self, batch: np.ndarray) -> np.ndarray:
        """A loop over the toys inside jit."""
        return np.asarray(self._toys(batch))

"""evermore's modifiers and loss, minimised by optimistix BFGS over the ravelled parameters.

(Over the tree of parameters, as its documentation does it, W3 did not finish compiling in 100 s.)
"""

from __future__ import annotations

from typing import Any

import evermore as evm
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import optimistix
from flax import nnx

from benchmarks.peers import Fitted, Given
from benchmarks.peers.bfgs import MOST_STEPS, TOLERANCE

TITLE = "evermore + optimistix BFGS"
NEEDS = ("evermore", "jax", "optimistix")

jax.config.update("jax_enable_x64", True)


def _expectation(m: Any, parameters: dict[str, Any]) -> jax.Array:
    """Expected events; the effects of one kind on a process stacked, as ``evm.modifier.Compose`` stacks them.

    (Compose itself fails inside jit with flax 0.12.8: it hashes arrays.)
    """
    lognormals, shapes = parameters["lnN"].get_value(), parameters["shape"].get_value()
    total = jnp.zeros(m.B)
    for i in range(m.P):
        nominal = jnp.asarray(m.nom[i])
        scale, offset = jnp.ones(m.B), jnp.zeros(m.B)
        at = np.flatnonzero(m.logk[:, i])
        if at.size:
            effect = evm.effect.SymmetricExponential(kappa=jnp.exp(m.logk[at, i])[:, None])
            scale = scale * effect(lognormals[at][:, None], nominal).scale.prod(0)
        at = np.flatnonzero(m.mask_s[:, i])
        if at.size:
            effect = evm.effect.VerticalTemplateMorphing(jnp.asarray(m.up[at, i]), jnp.asarray(m.dn[at, i]))
            offset = effect(shapes[at][:, None], nominal).offset.sum(0)
        if m.poi_of[i] >= 0:
            scale = scale * parameters["mu"].get_value()[m.poi_of[i]]
        total = total + scale * (nominal + offset)
    if m.nbb:
        total = total * (1.0 + jnp.asarray(m.relerr) * parameters["bb"].get_value())
    return total


class Peer:
    """Toys by ``vmap``."""

    def __init__(self, given: Given) -> None:
        m = given.workload
        parameters: dict[str, Any] = {"mu": evm.Parameter(value=jnp.ones(m.npoi))}
        for kind, size in (("lnN", m.SL), ("shape", m.SS), ("bb", m.nbb)):
            parameters[kind] = evm.NormalParameter(value=jnp.zeros(size))
        graph, dynamic, static = nnx.split(parameters, evm.filter.is_dynamic_parameter, ...)
        start, unravel = jax.flatten_util.ravel_pytree(dynamic)

        def nll(flat: jax.Array, counts: jax.Array) -> jax.Array:
            values = nnx.merge(graph, unravel(flat), static, copy=True)
            poisson = evm.pdf.PoissonContinuous(lamb=_expectation(m, values)).log_prob(counts)
            terms = evm.loss.get_log_probs(values)
            return -(poisson.sum() + evm.util.sum_over_leaves(jax.tree.map(jnp.sum, terms)))

        solver = optimistix.BFGS(rtol=TOLERANCE, atol=TOLERANCE)

        def fit(counts: jax.Array) -> jax.Array:
            done = optimistix.minimise(nll, solver, start, args=counts, max_steps=MOST_STEPS, throw=False)
            good = done.result == optimistix.RESULTS.successful
            values = nnx.to_pure_dict(unravel(jnp.where(good, done.value, jnp.nan)))
            return jnp.concatenate([values[kind] for kind in ("mu", "lnN", "shape", "bb")])

        self._fit = jax.jit(fit)
        self._toys = jax.jit(jax.vmap(fit))

    def kernel(self, counts: np.ndarray) -> Fitted:
        """BFGS from the start values."""
        return Fitted(np.asarray(self._fit(counts)), counts)

    def toys(self, batch: np.ndarray) -> np.ndarray:
        """All side by side."""
        return np.asarray(self._toys(batch))

"""The workloads' likelihood as an expert would write it for one model, in JAX.

No library: arrays of a workload in, a function of (values, counts) out, vectorised, in float64. The peers
that minimise a user's function (iminuit, optimistix) get this one, with every Barlow-Beeston parameter
explicit. ``check`` compares it with the yardstick.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import reference

__all__ = ["bounds", "check", "nll_of"]

jax.config.update("jax_enable_x64", True)

_SMALLEST_YIELD = 1e-10


def nll_of(workload: Any, scaling: str = "total") -> Callable[[jax.Array, jax.Array], jax.Array]:
    """The saturated Poisson NLL with unit Gaussian constraints: (values (param,), counts (bin,)) -> ().

    Barlow-Beeston parameters scale the ``scaling="total"``, or shift it by the processes' errors ("process").
    """
    n_processes, n_bins = workload.nom.shape
    nominal = jnp.asarray(workload.nom)
    odd = jnp.asarray(0.5 * (workload.up - workload.dn)).reshape(workload.SS, n_processes * n_bins)
    even = jnp.asarray(0.5 * (workload.up + workload.dn) - workload.nom).reshape(
        workload.SS, n_processes * n_bins
    )
    log_kappas = jnp.asarray(workload.logk)
    poi_of = np.where(workload.poi_of >= 0, workload.poi_of, workload.npoi)
    n_pois, n_lnN, n_shapes = workload.npoi, workload.SL, workload.SS
    has_errors = workload.relerr is not None
    relative_errors = jnp.asarray(workload.relerr if has_errors else 0.0)
    variances = jnp.asarray(workload.sumw2 if has_errors else 0.0)

    def nll(values: jax.Array, counts: jax.Array) -> jax.Array:
        pois = values[:n_pois]
        lognormals = values[n_pois : n_pois + n_lnN]
        shapes = values[n_pois + n_lnN : n_pois + n_lnN + n_shapes]
        factors = jnp.exp(lognormals @ log_kappas) * jnp.append(pois, 1.0)[poi_of]
        yields = nominal
        if n_shapes:
            square = shapes * shapes
            inside = square * (15.0 + square * (-10.0 + 3.0 * square)) / 8.0
            smooth = jnp.where(square > 1.0, jnp.abs(shapes), inside)
            yields = yields + (shapes @ odd + smooth @ even).reshape(n_processes, n_bins)
        total = factors @ yields
        if has_errors:
            shifts = values[n_pois + n_lnN + n_shapes :]
            by_process = scaling == "process"
            errors = jnp.sqrt(factors**2 @ variances) if by_process else relative_errors * total
            total = total + errors * shifts
        total = jnp.maximum(total, _SMALLEST_YIELD)
        ratio = total / jnp.where(counts > 0, counts, 1.0)
        poisson = total - counts - jnp.where(counts > 0, counts * jnp.log(ratio), 0.0)
        return poisson.sum() + 0.5 * jnp.sum(values[n_pois:] ** 2)

    return nll


def bounds(workload: Any) -> tuple[np.ndarray, np.ndarray]:
    """Limits far from any minimum, for tools that go astray without: signal strengths +-20, nuisances +-8."""
    high = np.full(workload.npar, 8.0)
    high[: workload.npoi] = 20.0
    return -high, high


def check(models: Any, workload: Any, scaling: str, counts: np.ndarray) -> float:
    """The largest difference from the yardstick at 20 random points; fails beyond 1e-8."""
    nll = jax.jit(nll_of(workload, scaling))
    rng = np.random.default_rng(5)
    worst = 0.0
    for _ in range(20):
        values = workload.x0 + 0.3 * rng.standard_normal(workload.npar)
        values[: workload.npoi] = rng.uniform(0.5, 1.5, workload.npoi)
        difference = float(nll(values, counts)) - reference.nll(models, workload, scaling, counts, values)
        worst = max(worst, abs(difference))
    if worst > 1e-8:
        raise ValueError(f"the hand-written NLL of {workload.name} is off by {worst:.1e}")
    return worst

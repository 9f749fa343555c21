"""The likelihood as a function of its free parameters: pure, of one pytree without names.

What is not free is held at a value or, of bin parameters, minimised over.
"""

from __future__ import annotations

import jax.numpy as jnp

from ..._compilation import compiled
from ..._pytree import pytree_dataclass, static
from ..._types import Array
from ...likelihood import objective
from ...likelihood.derived import Derived
from ...prepared import Data, Fixed, Plan, Prepared
from . import limits
from .priors import Priors, log_prior

__all__ = ["Density", "full_values", "log_density", "log_posterior", "nll"]


@pytree_dataclass
class Density:
    """A model with its data, and which of its parameters are free."""

    model: Prepared | Derived
    data: Data
    held: Fixed
    """Values of everything, those of free parameters being their start; ``bin_mask`` is 0 for bin parameters
    that are minimised over."""
    free: Array
    """(free,): positions in (parameters, bin parameters)."""
    lower: Array
    upper: Array
    """(free,)"""
    in_logarithm: Array
    """(free,): 1 where the measure that makes a constraint a density of alpha is d log(alpha), else 0."""
    priors: Priors
    profiled: bool = static()
    """Whether bin parameters are minimised over."""

    @property
    def plan(self) -> Plan:
        """The structure of the model."""
        return self.model.plan


def _everything(density: Density, values: Array) -> Array:
    full = jnp.concatenate([density.held.values, density.held.bin_values])
    return full.at[density.free].set(values)


def _posed(density: Density, values: Array) -> objective.Problem:
    full, n = _everything(density, values), density.plan.n_params
    bins = {"bin_mask": density.held.bin_mask, "bin_values": full[n:]}
    held = Fixed(mask=jnp.ones(n), values=full[:n], **bins)
    return objective.pose(density.model, density.data, held)


@compiled
def nll(density: Density, values: Array) -> Array:
    """The negative log-likelihood with all its constants."""
    problem = _posed(density, values)
    value = objective.value(problem, objective.dense_start(problem), held=not density.profiled)
    return value + objective.constants(problem)


@compiled
def full_values(density: Density, values: Array) -> Array:
    """(param + bin param,): the free parameters at ``values``, all others where they are held or profiled."""
    full = _everything(density, values)
    if not density.profiled:
        return full
    problem = _posed(density, values)
    bins = objective.best_bins(problem, objective.dense_start(problem))
    return full.at[density.plan.n_params :].set(bins)


@compiled
def log_posterior(density: Density, values: Array) -> Array:
    """The logarithm of likelihood times priors, as a density of the parameters."""
    measure = jnp.sum(jnp.log(jnp.where(density.in_logarithm > 0.0, values, 1.0)))
    return log_prior(density.priors, _everything(density, values)) - measure - nll(density, values)


@compiled
def log_density(density: Density, u: Array) -> Array:
    """The same as a density of the unconstrained parameters."""
    values = limits.from_unconstrained(u, density.lower, density.upper)
    return log_posterior(density, values) + limits.log_jacobian(u, density.lower, density.upper)

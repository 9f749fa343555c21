"""The likelihood at given values, and the data laid out for it."""

from __future__ import annotations

import jax.numpy as jnp

from .._types import Array, ArrayLike, floats
from ..likelihood import objective
from ..likelihood.derived import Derived, auxiliary_counts
from ..prepared import Data, Fixed, Prepared
from .prediction import split_values

__all__ = ["data_of", "nll", "nll_of"]


def data_of(prepared: Prepared, obs: ArrayLike, globs: ArrayLike | None = None) -> Data:
    """Counts and global observables; ``globs`` with or without the bins' part, or None."""
    counts = floats(obs)
    n_globs = prepared.templates.globs.shape[0]
    if globs is None:
        return Data(counts=counts, globs=prepared.templates.globs, bin_globs=auxiliary_counts(prepared))
    given = floats(globs)
    bins = given[n_globs:] if given.shape[0] > n_globs else auxiliary_counts(prepared)
    return Data(counts=counts, globs=given[:n_globs], bin_globs=bins)


def nll(prepared: Prepared, values: ArrayLike, obs: ArrayLike, globs: ArrayLike | None = None) -> Array:
    """The negative log-likelihood with all its constants, nothing minimised over.

    Bin parameters are at their centre if ``values`` leave them out.
    """
    return nll_of(prepared, data_of(prepared, obs, globs), jnp.asarray(values, float))


def nll_of(prepared: Prepared | Derived, data: Data, values: Array) -> Array:
    """The same of data that are laid out already."""
    p, x = split_values(prepared.plan, values)
    fixed = Fixed(mask=jnp.ones_like(p), values=p, bin_mask=jnp.ones_like(x), bin_values=x)
    problem = objective.pose(prepared, data, fixed)
    return objective.value(problem, objective.dense_start(problem), held=True) + objective.constants(problem)

"""Data that a likelihood is asked about, be they checked numbers or arrays that are being traced."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..._types import Array
from ...errors import ShapeMismatchError
from ...layout import Layout
from ...prepared import Data
from .. import inputs

__all__ = ["other_data"]


def other_data(layout: Layout, known: Data, obs: Any, globs: Any) -> Data:
    """``known`` with other counts, other global observables, or both.

    Arrays of JAX are checked for their shapes only.

    Raises
    ------
    ShapeMismatchError
        And for what is no array of JAX, whatever ``model.nll`` raises.
    """
    counts = known.counts if obs is None else _counts(layout, obs)
    if globs is None:
        return Data(counts=counts, globs=known.globs, bin_globs=known.bin_globs)
    n = len(layout.constrained)
    if not isinstance(globs, jax.Array):
        full = jnp.asarray(inputs.globs(layout, globs))
    else:
        if globs.ndim != 1 or globs.shape[0] not in (n, len(layout.globs)):
            raise ShapeMismatchError(
                f"globs: shape {globs.shape}, the model has {n} global observables of parameters"
                + (f" and {layout.n_bin_params} of bins." if layout.n_bin_params else ".")
            )
        full = globs.astype(float)
    bins = full[n:] if full.shape[0] > n else known.bin_globs
    return Data(counts=counts, globs=full[:n], bin_globs=bins)


def _counts(layout: Layout, obs: Any) -> Array:
    if not isinstance(obs, jax.Array):
        return jnp.asarray(inputs.counts(layout, obs))
    if obs.shape != (layout.n_bins,):
        raise ShapeMismatchError(
            f"obs: shape {obs.shape}, expected ({layout.n_bins},); jax.vmap takes a batch of data."
        )
    return obs.astype(float)

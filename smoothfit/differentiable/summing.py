"""Weighted sums over events, some events at a time."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from .._types import Array

__all__ = ["weighted_sums"]

_NUMBERS = 2**18
"""Probabilities that are held at a time: 2 MiB, beside a few arrays of that size for their derivatives."""


def weighted_sums(
    probabilities: Callable[[Array], Array],
    events: Array,
    weights: Array,
    n_bins: int,
    chunk: int | None,
) -> Array:
    """Sum over events of weights times probabilities, without an array of (event, bin).

    Parameters
    ----------
    probabilities
        From some of the events to (event, bin).
    events
        (event, ...)
    weights
        (weight, event): several weights of one event, that share its probabilities.
    chunk
        Events at a time; by default as many as have a quarter of a million probabilities.

    Returns
    -------
    (weight, bin)
    """
    size = max(_NUMBERS // n_bins, 1) if chunk is None else chunk
    n_events, n_weights = events.shape[0], weights.shape[0]
    n_chunks = n_events // size
    if n_chunks == 0 or n_events == size:
        return weights @ probabilities(events)

    # Probabilities are computed again for the derivative, not kept: all of them would be that array.
    @jax.checkpoint
    def of_chunk(some: Array, their_weights: Array) -> Array:
        return their_weights @ probabilities(some)

    whole = n_chunks * size
    chunks = (
        events[:whole].reshape(n_chunks, size, *events.shape[1:]),
        jnp.moveaxis(weights[:, :whole].reshape(n_weights, n_chunks, size), 1, 0),
    )
    total, _ = jax.lax.scan(
        lambda sums, at: (sums + of_chunk(*at), None), jnp.zeros((n_weights, n_bins)), chunks
    )
    return total + of_chunk(events[whole:], weights[:, whole:]) if whole < n_events else total

"""Random draws: seeds, streams, and toy data."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError

__all__ = ["Draws", "count", "draw_bin_globs", "draw_counts", "draw_gaussian", "generator", "remember"]


class Draws(np.ndarray[Any, np.dtype[np.float64]]):
    """An array of draws that remembers its seed, in ``.seed``."""

    seed: int | None = None

    def __array_finalize__(self, source: Any) -> None:
        self.seed = getattr(source, "seed", None)


def count(n: float, what: str) -> int:
    """A number of toys, given as an integer or as a float such as 1e4.

    Examples
    --------
    >>> count(1e4, "toy_pred")
    10000
    """
    number = isinstance(n, int | float | np.number) and not isinstance(n, bool)
    if not number or not np.isfinite(n) or n != int(n) or n < 1:
        raise InvalidValueError(f"{what}: the number of toys must be a positive whole number, got {n!r}.")
    return int(n)


def generator(seed: int | None, stream: int) -> tuple[np.random.Generator, int]:
    """A generator for one stream of a seed, and the seed (fresh entropy for None)."""
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
        raise InvalidValueError(f"seed: expected a whole number >= 0 or None, got {seed!r}.")
    root = np.random.SeedSequence(None if seed is None else int(seed))
    entropy = int(root.entropy)  # type: ignore[arg-type]
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(stream,))), entropy


def remember(values: FloatArray, seed: int) -> Draws:
    """The draws with their seed."""
    draws = np.asarray(values, dtype=np.float64).view(Draws)
    draws.seed = seed
    return draws


def draw_counts(expected: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """(toy, bin): Poisson counts around the expectation (bin,).

    Raises
    ------
    InvalidValueError
        If an expectation is negative.
    """
    if np.any(expected < 0.0):
        raise InvalidValueError(
            f"toys: {int(np.sum(expected < 0))} bins have negative expectations (smallest "
            f"{float(expected.min()):.4g}); draw at other values."
        )
    return rng.poisson(expected, (n, len(expected))).astype(np.float64)


def draw_gaussian(
    expected: FloatArray, variances: FloatArray, n: int, rng: np.random.Generator
) -> FloatArray:
    """(toy, bin): data around the expectation (bin,), of a Gaussian data term with these variances."""
    return expected + np.sqrt(variances) * rng.standard_normal((n, len(expected)))


def draw_bin_globs(values: FloatArray, tau: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """(toy, bin parameter): around ``values``; ``tau`` are auxiliary counts, 0 for unit Gaussians."""
    drawn = values + rng.standard_normal((n, len(values)))
    counting = tau > 0.0
    if np.any(counting):
        drawn[:, counting] = rng.poisson((values * tau)[counting], (n, int(counting.sum())))
    return drawn

"""Random draws: seeds, streams, and toy data."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError

__all__ = [
    "Draws",
    "Source",
    "count",
    "draw_bin_globs",
    "draw_bin_parameters",
    "draw_counts",
    "draw_gaussian",
    "generator",
    "remember",
]


class Draws(np.ndarray[Any, np.dtype[np.float64]]):
    """An array of draws that remembers its seed, in ``.seed``."""

    seed: int | None = None

    def __array_finalize__(self, source: Any) -> None:
        self.seed = getattr(source, "seed", None)


class Source(Protocol):
    """What random numbers are asked of: numpy's Generator, or one that has a stream a toy."""

    def standard_normal(self, size: Any) -> Any:
        """Unit Gaussians."""

    def random(self, size: Any) -> Any:
        """Uniform on [0, 1)."""

    def poisson(self, lam: Any, size: Any = None) -> Any:
        """Counts."""

    def gamma(self, shape: Any, scale: Any, size: Any = None) -> Any:
        """Gamma of a shape and a scale."""

    def uniform(self, low: Any, high: Any, size: Any = None) -> Any:
        """Uniform between two numbers."""


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


def draw_counts(expected: FloatArray, n: int, rng: Source) -> FloatArray:
    """(toy, bin): Poisson counts around the expectation, (bin,) or (toy, bin).

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
    return np.asarray(rng.poisson(expected, (n, expected.shape[-1])), dtype=np.float64)


def draw_gaussian(expected: FloatArray, variances: FloatArray, n: int, rng: Source) -> FloatArray:
    """(toy, bin): data of a Gaussian data term with these variances, around (bin,) or (toy, bin)."""
    return np.asarray(expected + np.sqrt(variances) * rng.standard_normal((n, expected.shape[-1])))


def draw_bin_globs(values: FloatArray, tau: FloatArray, n: int, rng: Source) -> FloatArray:
    """(toy, bin parameter): around ``values``; ``tau`` are auxiliary counts, 0 for unit Gaussians."""
    drawn = np.asarray(values + rng.standard_normal((n, len(values))))
    counting = tau > 0.0
    if np.any(counting):
        drawn[:, counting] = rng.poisson((values * tau)[counting], (n, int(counting.sum())))
    return drawn


def draw_bin_parameters(globs: FloatArray, tau: FloatArray, rng: Source) -> FloatArray:
    """(bin parameter,): from the constraints of bins alone; as :func:`~.constraint_draws.draw_parameters`."""
    drawn = np.asarray(globs + rng.standard_normal(globs.shape))
    counting = tau > 0.0
    drawn[counting] = rng.gamma(globs[counting] + 1.0, 1.0 / tau[counting])
    return drawn

"""One random stream a toy: toy 17 of a seed is the same alone, in a block, and on another machine.

The generator is Philox (J. Salmon et al., SC'11, doi:10.1145/2063384.2063405): what it gives is a function of
a key, here the seed and a purpose, and of a counter, here the toy's number and how often it was asked before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import InvalidValueError

__all__ = ["ToyGenerators", "check_seed"]

_MOST = 2**63
"""Numbers of toys; a counter word has 64 bits."""


def check_seed(seed: Any) -> int:
    """A whole number >= 0, else InvalidValueError."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InvalidValueError(f"seed: expected a whole number >= 0 or None, got {seed!r}.")
    return int(seed)


class ToyGenerators:
    """What draws like a :class:`numpy.random.Generator`, each row from the stream of its own toy.

    Shapes begin with the toys of the block. The same calls in the same order give the same rows, whatever
    the block begins with and however long it is.

    Parameters
    ----------
    seed
        A whole number >= 0.
    purpose
        Draws for another purpose, of the same seed, are independent.
    first, n
        The toys of the block: first, ..., first + n - 1.

    Examples
    --------
    >>> together = ToyGenerators(1, 0, 0, 5).poisson(7.0, (5, 3))
    >>> alone = ToyGenerators(1, 0, 4, 1).poisson(7.0, (1, 3))
    >>> bool(np.all(together[4] == alone[0]))
    True
    """

    def __init__(self, seed: int, purpose: int, first: int, n: int) -> None:
        key = np.random.SeedSequence(check_seed(seed), spawn_key=(purpose,)).generate_state(2, np.uint64)
        self._stream = np.random.Philox(key=key)
        self._state: dict[str, Any] = self._stream.state  # type: ignore[assignment]
        self._generator = np.random.Generator(self._stream)
        self._first, self._n, self._calls = first, n, 0

    def standard_normal(self, size: Sequence[int]) -> FloatArray:
        """Unit Gaussians."""
        return self._rows(size, lambda draw, row: draw.standard_normal(size[1:], out=row))

    def random(self, size: Sequence[int]) -> FloatArray:
        """Uniform on [0, 1)."""
        return self._rows(size, lambda draw, row: draw.random(size[1:], out=row))

    def poisson(self, lam: Any, size: Sequence[int] | None = None) -> FloatArray:
        """Counts of mean ``lam``."""
        return self._of_numbers("poisson", (lam,), size)

    def gamma(self, shape: Any, scale: Any, size: Sequence[int] | None = None) -> FloatArray:
        """Gamma of a shape and a scale."""
        return self._of_numbers("gamma", (shape, scale), size)

    def uniform(self, low: Any, high: Any, size: Sequence[int] | None = None) -> FloatArray:
        """Uniform between two numbers."""
        return self._of_numbers("uniform", (low, high), size)

    def _of_numbers(self, method: str, numbers: tuple[Any, ...], size: Sequence[int] | None) -> FloatArray:
        shape = np.broadcast_shapes(*(np.shape(x) for x in numbers)) if size is None else tuple(size)
        draw = getattr(self._generator, method)
        if not any(np.ndim(x) == len(shape) for x in numbers):
            return self._rows(shape, lambda _, row: row.__setitem__(..., draw(*numbers, shape[1:])))
        every = [np.broadcast_to(x, shape) for x in numbers]
        of_toy = iter(zip(*every, strict=True))
        return self._rows(shape, lambda _, row: row.__setitem__(..., draw(*next(of_toy))))

    def _rows(
        self, size: Sequence[int], fill: Callable[[np.random.Generator, FloatArray], object]
    ) -> FloatArray:
        """(toy, ...): each row filled after its toy's stream was found."""
        if size[0] != self._n:
            raise ValueError(f"draws of {size[0]} rows from the streams of {self._n} toys")
        found = np.empty(tuple(size))
        counter = self._state["state"]["counter"]
        self._state["buffer_pos"], self._state["has_uint32"] = 4, 0
        for i, row in enumerate(found):
            counter[:] = (0, self._calls, self._first + i, 0)
            self._stream.state = self._state  # type: ignore[assignment]
            fill(self._generator, row)
        self._calls += 1
        return found

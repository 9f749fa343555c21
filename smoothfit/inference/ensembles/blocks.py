"""As many toys as were asked for, or as the Monte Carlo error of an answer needs, block by block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InvalidValueError
from ...progress import track
from .. import toys
from ..context import Context
from .keeping import is_kept

__all__ = ["Precision", "block_size", "blocks"]

_BYTES = 32_000_000
"""Of the arrays of a block, roughly."""
_LEAST, _MOST = 64, 4096
_MOST_KEPT = 512
"""Of blocks that are kept: an interruption loses what was done of one."""
_FACTOR = 100
"""An error that needs more than so many times the toys asked for is not waited for."""


def block_size(context: Context) -> int:
    """Toys to hold at a time: a multiple of 64, fewer where models are large."""
    layout = context.layout
    numbers = 4 * layout.n_bins + 8 * (layout.n_params + layout.n_bin_params)
    size = int(np.clip(_BYTES // (8 * numbers), _LEAST, _MOST_KEPT if is_kept() else _MOST))
    return size - size % _LEAST


@dataclass(frozen=True)
class Precision:
    """How many toys to make.

    Parameters
    ----------
    toys
        So many; if ``error`` is given, at least so many.
    error
        Go on until the Monte Carlo error of the answer is not above this.
    most
        But no further than this; 100 times ``toys`` by default.
    """

    toys: int
    error: float | None = None
    most: int | None = None

    @classmethod
    def of(cls, given: Any, error: Any = None, most: Any = None, *, call: str) -> Precision:
        """Checked: numbers of toys may be floats such as 1e4.

        Raises
        ------
        InvalidValueError
            Naming the call.
        """
        n = toys.count(given, call)
        if error is not None:
            number = isinstance(error, int | float | np.number) and not isinstance(error, bool)
            if not (number and np.isfinite(error) and error > 0.0):
                raise InvalidValueError(f"{call}: mc_error must be a positive number, got {error!r}.")
            error = float(error)
        return cls(n, error, None if most is None else max(n, toys.count(most, call)))

    @property
    def limit(self) -> int:
        """The most toys there can be."""
        if self.error is None:
            return self.toys
        return _FACTOR * self.toys if self.most is None else self.most

    def enough(self, done: int, error: float) -> bool:
        """Whether to stop after so many, the answer having this error."""
        if self.error is None:
            return done >= self.toys
        return done >= self.limit or (done >= self.toys and error <= self.error)


def blocks(
    precision: Precision,
    work: Callable[[int, int], tuple[float, float]],
    *,
    size: int,
    what: str,
    show: str = "",
    first: int = 0,
) -> int:
    """Work through toys until there are enough; returns how many were made.

    Parameters
    ----------
    work
        Called with the first toy of a block and its length; returns the answer so far and its error.
    size
        Toys of a block; blocks begin at multiples of it, so that answers do not depend on how many follow.
    what, show
        Names of the work and of the answer, for the display of progress.
    first
        The first toy, where some were made before; a multiple of ``size``.
    """
    done = first
    with track(precision.toys if precision.error is None else precision.limit, what) as advance:
        while True:
            goal = precision.toys if done < precision.toys else precision.limit
            n = min(size, goal - done)
            answer, error = work(done, n)
            done += n
            advance(n, f"{show} {answer:.4g} +- {error:.2g}" if show and np.isfinite(answer) else "")
            if precision.enough(done, error):
                return done

"""Cutting channels of any number of bins into tiles of one width.

One width lets every channel share the same array operations. A large width means few operations, a
small one little padding: the largest width whose padding stays small is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._types import FloatArray, IntArray

__all__ = ["Tiling", "choose_width"]

_PADDING = 1.08
_SMALL = 16384
_WIDEST = 4096
"""Large models are worked through tile by tile: a tile must not be all of it."""


def choose_width(sizes: Sequence[int], blocks: Sequence[int]) -> int:
    """The tile width for channels of these numbers of bins.

    ``blocks`` are the numbers of templates stored for each channel: padding is counted in stored
    numbers. Small models (16384 numbers) may be padded freely.

    Examples
    --------
    >>> choose_width([48, 48, 48], [100, 100, 100])
    48
    """
    bins, weight = np.asarray(sizes), np.asarray(blocks)
    stored = float(np.sum(bins * weight))
    candidates = sorted({-(-size // pieces) for size in set(sizes) for pieces in range(1, size + 1)})
    for width in reversed([c for c in candidates if c <= _WIDEST]):
        padded = float(np.sum(-(-bins // width) * width * weight))
        if padded <= max(_PADDING * stored, min(_SMALL, 4.0 * stored)):
            return int(width)
    return 1


@dataclass(frozen=True)
class Tiling:
    """Where each channel's bins are, in flat (bin,) order and in tiles."""

    width: int
    sizes: tuple[int, ...]
    """Bins of each channel."""

    @property
    def tiles(self) -> tuple[int, ...]:
        """Tiles of each channel."""
        return tuple(-(-size // self.width) for size in self.sizes)

    @property
    def n_tiles(self) -> int:
        """Tiles in all."""
        return sum(self.tiles)

    @property
    def n_bins(self) -> int:
        """Bins in all."""
        return sum(self.sizes)

    def first_tile(self, channel: int) -> int:
        """The first tile of a channel."""
        return sum(self.tiles[:channel])

    def to_flat(self) -> IntArray:
        """(bin,): the position of each bin in the flattened tiles."""
        positions = [
            np.arange(size) + self.first_tile(channel) * self.width for channel, size in enumerate(self.sizes)
        ]
        return np.concatenate(positions)

    def cut(self, values: FloatArray) -> FloatArray:
        """(..., bin of a channel) -> (..., tile of the channel, width), padded with zeros.

        Examples
        --------
        >>> Tiling(2, (3,)).cut(np.array([1.0, 2.0, 3.0])).tolist()
        [[1.0, 2.0], [3.0, 0.0]]
        """
        size = values.shape[-1]
        n_tiles = -(-size // self.width)
        padding = [(0, 0)] * (values.ndim - 1) + [(0, n_tiles * self.width - size)]
        return np.pad(values, padding).reshape(*values.shape[:-1], n_tiles, self.width)

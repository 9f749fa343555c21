"""What is compared: the statistics of many fits at a time, channel by channel and of all together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from ..._types import BoolArray, FloatArray
from ...errors import InvalidValueError
from ...layout import ChannelInfo
from .. import compiled
from ..batching import Held
from ..context import Context
from .distances import anderson_darling, kolmogorov_smirnov
from .pieces import in_pieces
from .saturated import Saturated, deviance

__all__ = ["STATISTICS", "Statistic", "Values", "counted_bins", "make_statistic"]

STATISTICS = ("saturated", "ks", "ad")
_DISTANCES: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "ks": kolmogorov_smirnov,
    "ad": anderson_darling,
}


class Values(NamedTuple):
    """A statistic of toys; NaN where it has no value."""

    total: FloatArray
    """(toy,): of all channels together."""
    channels: FloatArray
    """(toy, channel)"""


class Statistic(Protocol):
    """A measure of the distance of data from the fit to them."""

    @property
    def channels(self) -> tuple[ChannelInfo, ...]:
        """Those that take part."""

    def __call__(self, x: FloatArray, counts: FloatArray, globs: FloatArray) -> Values:
        """Of fits x (toy, param + bin param) to counts (toy, bin) and globs (toy, global observable)."""


def counted_bins(context: Context) -> BoolArray:
    """(bin,): those of the likelihood; masked channels have none."""
    geometry = context.prepared.plan.geometry
    at = np.asarray(geometry.to_flat.values, dtype=int)  # type: ignore[union-attr]
    return np.asarray(geometry.counted).ravel()[at] > 0


def _counted_channels(context: Context) -> tuple[ChannelInfo, ...]:
    counted = counted_bins(context)
    return tuple(channel for channel in context.layout.channels if counted[channel.bins].any())


@dataclass(frozen=True, eq=False)
class _OfLikelihood:
    """The saturated likelihood's; channels have their data's part, and the total the constraints' too."""

    context: Context
    saturated: Saturated
    channels: tuple[ChannelInfo, ...]

    def __call__(self, x: FloatArray, counts: FloatArray, globs: FloatArray) -> Values:
        at, good = self.saturated.values(counts, globs)
        parts = deviance(self.context, x, at, counts, globs)
        channels = np.stack([parts.bins[:, c.bins].sum(axis=1) for c in self.channels], axis=1)
        total = parts.bins.sum(axis=1) + parts.constraints
        return Values(np.where(good, total, np.nan), channels)


@dataclass(frozen=True, eq=False)
class _OfShapes:
    """A distance of cumulative distributions; the total is the sum over channels."""

    context: Context
    distance: Callable[[FloatArray, FloatArray], FloatArray]
    channels: tuple[ChannelInfo, ...]

    def __call__(self, x: FloatArray, counts: FloatArray, globs: FloatArray) -> Values:
        (expected,) = in_pieces(lambda *at: (compiled.batch_expected(*at),), self.context.prepared, x)
        channels = np.stack(
            [self.distance(counts[:, c.bins], expected[:, c.bins]) for c in self.channels], axis=1
        )
        return Values(channels.sum(axis=1), channels)


def make_statistic(name: str, context: Context, held: Held) -> Statistic:
    """The statistic of that name.

    Raises
    ------
    InvalidValueError
        If the model has no channel that it can compare.
    """
    channels = _counted_channels(context)
    if name == "saturated":
        return _OfLikelihood(context, Saturated(context, held), channels)
    if context.layout.gaussian_data:
        raise InvalidValueError(
            f"goodness_of_fit: '{name}' compares distributions of events, and the data term is Gaussian; use "
            "statistic='saturated', or chi2()."
        )
    if all(channel.stop - channel.start == 1 for channel in channels):
        raise InvalidValueError(
            f"goodness_of_fit: '{name}' compares shapes, and every channel has one bin; use "
            "statistic='saturated'."
        )
    return _OfShapes(context, _DISTANCES[name], channels)

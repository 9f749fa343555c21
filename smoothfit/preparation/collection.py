"""Pass 1: which channels and rows exist, and that contributions agree about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..build import ChannelContrib, Process
from ..build.declarations import Declaration
from ..build.histograms import same_axes
from ..errors import InvalidValueError, ShapeMismatchError, UnknownNameError
from .specification import McStat, Specification

__all__ = ["Channel", "Contribution", "Structure", "collect"]


@dataclass(frozen=True, eq=False)
class Contribution:
    """One process in one channel, with all that acts on it."""

    process: Process
    contrib: ChannelContrib
    channel: int
    first_row: int
    effects: tuple[Declaration, ...]

    @property
    def what(self) -> str:
        """For messages."""
        return f"ChannelContrib '{self.contrib.channel}' of '{self.process.name}'"

    @property
    def rows(self) -> range:
        """Its rows, one a sub-process."""
        return range(self.first_row, self.first_row + self.contrib.n_sub)


@dataclass(frozen=True, eq=False)
class Channel:
    """A channel: its bins, who contributes, and its Monte Carlo treatment."""

    name: str
    n_bins: int
    mc_stat: McStat
    contributions: tuple[Contribution, ...]
    masked: bool = False
    """Predicted, but not part of the likelihood."""

    @property
    def n_rows(self) -> int:
        """Rows of this channel."""
        return sum(c.contrib.n_sub for c in self.contributions)


@dataclass(frozen=True, eq=False)
class Structure:
    """All channels with their rows; rows are numbered channel by channel."""

    channels: tuple[Channel, ...]
    n_rows: int

    @property
    def contributions(self) -> list[Contribution]:
        """Of all channels, in the order of the rows."""
        return [c for channel in self.channels for c in channel.contributions]


def _mc_stat(settings: list[McStat], channel: str) -> McStat:
    chosen = McStat()
    for setting in settings:
        if setting.channels is None or channel in setting.channels:
            chosen = setting
    return chosen


def collect(specification: Specification) -> Structure:
    """Find channels and rows.

    Raises
    ------
    InvalidValueError
        A model without processes, or a process without contributions.
    ShapeMismatchError
        Contributions to one channel with different numbers of bins, or histograms of different binnings.
    UnknownNameError
        A description or Monte Carlo setting of a channel that does not exist.
    """
    if not specification.processes:
        raise InvalidValueError("Model: it has no processes; add_proc() some before prepare().")
    members: dict[str, list[tuple[Process, ChannelContrib]]] = {}
    for process in specification.processes:
        if not process.contribs:
            raise InvalidValueError(
                f"Process '{process.name}': it contributes to no channel; give it yields, or add_contrib()."
            )
        for name, contrib in process.contribs.items():
            known = members.setdefault(name, [])
            if known and known[0][1].n_bins != contrib.n_bins:
                raise ShapeMismatchError(
                    f"ChannelContrib '{name}' of '{process.name}': {contrib.n_bins} bins, but "
                    f"'{known[0][0].name}' has {known[0][1].n_bins} in that channel; bins must agree."
                )
            _check_binning(process, contrib, known)
            known.append((process, contrib))
    _check_names(specification, list(members))
    channels, first_row = [], 0
    for index, (name, found) in enumerate(members.items()):
        contributions = []
        for process, contrib in found:
            effects = process.resolved_effects(contrib)
            contributions.append(Contribution(process, contrib, index, first_row, effects))
            first_row += contrib.n_sub
        setting = _mc_stat(specification.mc_stat, name)
        masked = name in specification.masked
        channels.append(Channel(name, found[0][1].n_bins, setting, tuple(contributions), masked))
    return Structure(tuple(channels), first_row)


def _check_binning(
    process: Process, contrib: ChannelContrib, others: Sequence[tuple[Process, ChannelContrib]]
) -> None:
    """Histograms of one channel have one binning; of arrays nothing is known."""
    for other, known in others:
        if not same_axes(contrib.axes, known.axes):
            raise ShapeMismatchError(
                f"ChannelContrib '{contrib.channel}' of '{process.name}' is a histogram of another binning "
                f"than '{other.name}' has in that channel; rebin it, or give h.values()."
            )


def _check_names(specification: Specification, channels: list[str]) -> None:
    known = f"the channels are: {', '.join(channels)}"
    for name in specification.descriptions:
        if name not in channels:
            raise UnknownNameError(f"describe_channel: no channel is named '{name}'; {known}.")
    for name in specification.masked:
        if name not in channels:
            raise UnknownNameError(f"mask_channels: no channel is named '{name}'; {known}.")
    if channels and set(channels) <= set(specification.masked):
        raise InvalidValueError("mask_channels: all channels are masked; leave one in the likelihood.")
    for setting in specification.mc_stat:
        for name in setting.channels or ():
            if name not in channels:
                raise UnknownNameError(f"set_mc_stat: no channel is named '{name}'; {known}.")

"""What a model expects in every bin, by process, beside the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._types import FloatArray
from ..errors import UnknownNameError
from ..layout import ChannelInfo, ProcessInfo
from ..render import Cell, Table, with_error
from .record import BLINDED, Columns, Record, plain

__all__ = ["Yields"]


@dataclass(frozen=True, eq=False, repr=False)
class Yields(Record):
    """Expectation of every process in every bin, its total with an error, and the data.

    The data of a channel named in ``blinded`` stay hidden.

    Examples
    --------
    >>> channel = ChannelInfo("SR", 0, 2)
    >>> processes = ProcessInfo("sig", ("sig",), False, True), ProcessInfo("bkg", ("bkg",), False, False)
    >>> Yields("pre-fit", (channel,), processes, {"sig": np.array([5.0, 1.0]), "bkg": np.array([50.0, 40.0])},
    ...        np.array([55.0, 41.0]), np.array([3.0, 2.0]), np.array([57.0, 38.0]))
    pre-fit
    process  SR
    -----------
    sig      6
    bkg      90
    total    96
    data     95
    """

    title: str
    channels: tuple[ChannelInfo, ...]
    processes: tuple[ProcessInfo, ...]
    per_process: Mapping[str, FloatArray]
    """Name -> (bin,)"""
    total: FloatArray
    """(bin,)"""
    total_error: FloatArray
    """(bin,)"""
    obs: FloatArray | None = None
    """(bin,)"""
    channel_error: FloatArray | None = None
    """(channel,): error of the sum over a channel's bins, shown in the table if given."""
    process_error: Mapping[str, FloatArray] | None = None
    """Name -> (bin,): errors of the processes."""
    process_channel_error: Mapping[str, FloatArray] | None = None
    """Name -> (channel,): errors of their sums over a channel's bins."""
    total_interval: FloatArray | None = None
    process_interval: Mapping[str, FloatArray] | None = None
    """(2, bin), by name for the processes: quantiles 0.1587 and 0.8413, if errors are from samples."""
    seed: int | None = None
    """Of the samples."""
    blinded: frozenset[str] = frozenset()

    def channel(self, name: str) -> ChannelInfo:
        """The channel of that name.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        for channel in self.channels:
            if channel.name == name:
                return channel
        known = ", ".join(channel.name for channel in self.channels)
        raise UnknownNameError(f"There is no channel '{name}' in these yields; there are: {known}.")

    def data(self, channel: ChannelInfo) -> FloatArray | None:
        """The channel's data: (bin,), None where there are none or they are blinded."""
        return None if self.obs is None or channel.name in self.blinded else self.obs[channel.bins]

    def with_title(self, title: str) -> Yields:
        """The same under another title."""
        return replace(self, title=title)

    def _sums(self, bins: FloatArray, errors: FloatArray | None) -> list[str]:
        sums = [float(bins[channel.bins].sum()) for channel in self.channels]
        if errors is None:
            return [_count(events) for events in sums]
        # What is not there at all has no error to show.
        pairs = zip(sums, errors, strict=True)
        return [
            _count(events) if events == error == 0.0 else with_error(events, error) for events, error in pairs
        ]

    def _tables(self) -> list[Table]:
        columns = ("process", *(channel.name for channel in self.channels))
        errors = self.process_channel_error or {}
        rows: list[Sequence[Cell]] = [
            (p.name, *self._sums(self.per_process[p.name], errors.get(p.name))) for p in self.processes
        ]
        rows.append(("total", *self._sums(self.total, self.channel_error)))
        if self.obs is not None:
            data = [self.data(channel) for channel in self.channels]
            rows.append(("data", *(BLINDED if d is None else _count(d.sum()) for d in data)))
        return [Table(self.title, columns, rows)]

    def _of_channel(self, number: int, channel: ChannelInfo) -> dict[str, Any]:
        data = self.data(channel)
        hidden = self.obs is not None and data is None
        by_name = {
            "process_errors": self.process_error,
            "process_intervals": self.process_interval,
        }
        sums = {"sum": self.total[channel.bins].sum()}
        if self.channel_error is not None:
            sums["sum_error"] = self.channel_error[number]
        if self.total_interval is not None:
            sums["total_interval"] = self.total_interval[:, channel.bins]
        if self.process_channel_error is not None:
            sums["process_sum_errors"] = {k: v[number] for k, v in self.process_channel_error.items()}
        more = {
            key: {name: plain(bins[..., channel.bins]) for name, bins in values.items()}
            for key, values in by_name.items()
            if values is not None
        }
        return {
            "label": channel.label,
            "unit": channel.unit,
            "edges": plain(channel.edges),
            "axes": [
                {"label": axis.label, "edges": plain(axis.edges), "names": plain(axis.names)}
                for axis in channel.axes
            ],
            "processes": {name: plain(bins[channel.bins]) for name, bins in self.per_process.items()},
            "total": plain(self.total[channel.bins]),
            "total_error": plain(self.total_error[channel.bins]),
            "obs": BLINDED if hidden else plain(data),
            **more,
            **plain(sums),
        }

    def to_dict(self) -> dict[str, Any]:
        """{title, channels: {name: edges, yields by process, total, data}}."""
        channels = {channel.name: self._of_channel(i, channel) for i, channel in enumerate(self.channels)}
        return {"title": self.title, "channels": channels}

    def _columns(self) -> Columns:
        sizes = [channel.stop - channel.start for channel in self.channels]
        columns: Columns = {
            "channel": [c.name for c, size in zip(self.channels, sizes, strict=True) for _ in range(size)],
            "bin": [i for size in sizes for i in range(size)],
        }
        # A process may be called "bin" or "total", so its column says what it is.
        columns |= {f"process {name}": bins for name, bins in self.per_process.items()}
        columns |= {f"error of {name}": bins for name, bins in (self.process_error or {}).items()}
        columns |= {"total": self.total, "total_error": self.total_error}
        if self.obs is not None:
            data = [self.data(channel) for channel in self.channels]
            blank = [np.full(size, np.nan) for size in sizes]
            columns["obs"] = np.concatenate([b if d is None else d for d, b in zip(data, blank, strict=True)])
        return columns


def _count(events: float) -> str:
    """A number of events: whole numbers in full, others to a tenth or six digits."""
    return (
        f"{events:.0f}"
        if events == np.round(events)
        else f"{events:.1f}"
        if events > 999
        else f"{events:.4g}"
    )

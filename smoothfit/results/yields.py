"""What a model expects in every bin, by process, beside the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._types import ArrayLike, BoolArray, FloatArray
from ..errors import InvalidTypeError, InvalidValueError, UnknownNameError
from ..layout import ChannelInfo, ProcessInfo
from ..render import Cell, Measured, Named, Rounded, Table
from .record import BLINDED, Columns, Record, plain

__all__ = ["Yields"]


@dataclass(frozen=True, eq=False, repr=False)
class Yields(Record):
    """Expectation of every process in every bin, its total with an error, and the data.

    The data of a channel named in ``blinded`` stay hidden, and so does what ``hidden`` marks. The arrays are
    as they are; :meth:`shown` is the record without.

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
    hidden: BoolArray | None = None
    """(process, channel): what a blinded parameter could be read off; the channel's total is hidden, too."""

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

    def is_hidden(self, channel: ChannelInfo, process: str | None = None) -> bool:
        """Whether the yields of a process in a channel are not to be shown, or those of the total."""
        if self.hidden is None:
            return False
        names = [p.name for p in self.processes]
        rows = slice(None) if process is None else names.index(process)
        at = [c.name for c in self.channels].index(channel.name)
        return bool(np.any(self.hidden[rows, at]))

    def shown(self) -> Yields:
        """The same with NaN in the arrays of bins where something is hidden: what pictures are drawn of."""
        if self.hidden is None:
            return self

        def each(values: Mapping[str, FloatArray] | None) -> dict[str, FloatArray] | None:
            return (
                None if values is None else {name: self._masked(bins, name) for name, bins in values.items()}
            )

        return replace(
            self,
            per_process=each(self.per_process) or {},
            total=self._masked(self.total),
            total_error=self._masked(self.total_error),
            process_error=each(self.process_error),
            total_interval=None if self.total_interval is None else self._masked(self.total_interval),
            process_interval=each(self.process_interval),
        )

    def _masked(self, bins: FloatArray, process: str | None = None) -> FloatArray:
        """(..., bin) with NaN where it is hidden."""
        hidden = np.zeros(bins.shape[-1], dtype=bool)
        for channel in self.channels:
            hidden[channel.bins] = self.is_hidden(channel, process)
        return np.where(hidden, np.nan, bins)

    def with_title(self, title: str) -> Yields:
        """The same under another title."""
        return replace(self, title=title)

    # -- tables ----------------------------------------------------------------------------------

    def table(
        self, channels: Any = None, *, beside: Yields | None = None, data_errors: bool = False
    ) -> Table:
        """Sums over the bins of channels, with their errors: of processes, in total, and the data.

        Parameters
        ----------
        channels
            Names of channels, one or several; by default all.
        beside
            Yields of the same model at other values, as post-fit ones: a second column a channel, called by
            their title.
        data_errors
            Whether the data have errors: those of the central 68.27% interval of a Poisson mean (F. Garwood,
            Biometrika 28 (1936) 437).

        Raises
        ------
        UnknownNameError
            If there is no such channel.
        InvalidTypeError, InvalidValueError
            If ``beside`` are no yields, or those of other channels.
        """
        columns = [self] if beside is None else [self, _comparable(self, beside)]
        names = [c.name for c in self.channels] if channels is None else channels
        chosen = [self.channel(name) for name in ([names] if isinstance(names, str) else names)]
        pairs = [(channel, of) for channel in chosen for of in columns]
        headings = [c.name if beside is None else f"{c.name}, {_short(of.title)}" for c, of in pairs]
        processes = {p.name: p for of in columns for p in of.processes}
        rows: list[Sequence[Cell]] = [
            (Named(name, p.label), *(of._sum_of(name, channel) for channel, of in pairs))
            for name, p in processes.items()
        ]
        rows.append(("total", *(of._sum(of.total, of.channel_error, channel) for channel, of in pairs)))
        if any(of.obs is not None for of in columns):
            rows.append(("data", *(of._data_sum(channel, data_errors) for channel, of in pairs)))
        return Table(self.title if beside is None else "", ("process", *headings), rows)

    def _sum_of(self, process: str, channel: ChannelInfo) -> Cell:
        if process not in self.per_process:
            return None
        errors = (self.process_channel_error or {}).get(process)
        return self._sum(self.per_process[process], errors, channel, process)

    def _sum(
        self, bins: FloatArray, errors: FloatArray | None, channel: ChannelInfo, process: str | None = None
    ) -> Cell:
        if self.is_hidden(channel, process):
            return BLINDED
        events = float(bins[channel.bins].sum())
        error = None if errors is None else float(errors[self.channels.index(self.channel(channel.name))])
        # What is not there at all has no error to show.
        return _count(events) if error is None or events == error == 0.0 else Measured(events, error)

    def _data_sum(self, channel: ChannelInfo, with_errors: bool) -> Cell:
        if self.obs is None:
            return None
        data = self.data(channel)
        if data is None:
            return BLINDED
        events = float(data.sum())
        if not with_errors:
            return _count(events)
        down, up = poisson_interval(events)
        return Measured(events, float(up), float(down))

    def _tables(self) -> list[Table]:
        return [self.table()]

    def _of_channel(self, number: int, channel: ChannelInfo) -> dict[str, Any]:
        data = self.data(channel)

        def of(bins: Any, process: str | None = None) -> Any:
            return BLINDED if self.is_hidden(channel, process) else plain(bins)

        by_name = {"process_errors": self.process_error, "process_intervals": self.process_interval}
        sums = {"sum": of(self.total[channel.bins].sum())}
        if self.channel_error is not None:
            sums["sum_error"] = of(self.channel_error[number])
        if self.total_interval is not None:
            sums["total_interval"] = of(self.total_interval[:, channel.bins])
        if self.process_channel_error is not None:
            errors = self.process_channel_error
            sums["process_sum_errors"] = {name: of(error[number], name) for name, error in errors.items()}
        more = {
            key: {name: of(bins[..., channel.bins], name) for name, bins in values.items()}
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
            "processes": {name: of(bins[channel.bins], name) for name, bins in self.per_process.items()},
            "total": of(self.total[channel.bins]),
            "total_error": of(self.total_error[channel.bins]),
            "obs": BLINDED if self.obs is not None and data is None else plain(data),
            **more,
            **sums,
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
        shown = self.shown()
        # A process may be called "bin" or "total", so its column says what it is.
        columns |= {f"process {name}": bins for name, bins in shown.per_process.items()}
        columns |= {f"error of {name}": bins for name, bins in (shown.process_error or {}).items()}
        columns |= {"total": shown.total, "total_error": shown.total_error}
        if self.obs is not None:
            data = [self.data(channel) for channel in self.channels]
            blank = [np.full(size, np.nan) for size in sizes]
            columns["obs"] = np.concatenate([b if d is None else d for d, b in zip(data, blank, strict=True)])
        return columns


def _comparable(one: Yields, other: Any) -> Yields:
    """Yields with the same channels, else an error."""
    if not isinstance(other, Yields):
        raise InvalidTypeError(
            f"Yields.table: beside are Yields, as model.yields(best_fit); got {type(other).__name__}."
        )
    names, found = ([channel.name for channel in of.channels] for of in (one, other))
    if names != found:
        raise InvalidValueError(
            f"Yields.table: beside has channels {', '.join(found)}, expected {', '.join(names)}; make both "
            "with model.yields of one model."
        )
    return other


def _short(title: str) -> str:
    """A title as part of a heading: "pre-fit" of "Pre-fit yields"."""
    ours = {"Pre-fit yields": "pre-fit", "Post-fit yields": "post-fit"}
    return ours.get(title, title)


def _count(events: float) -> Rounded:
    """A number of events: whole numbers in full, others to a tenth or six digits."""
    if events == np.round(events):
        return Rounded(events, decimals=0)
    return Rounded(events, decimals=1) if events > 999 else Rounded(events, 4)


def poisson_interval(counts: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Errors (down, up) of observed counts: the central 68.27% interval of Garwood.

    Examples
    --------
    >>> down, up = poisson_interval([0.0, 9.0])
    >>> down.round(2), up.round(2)
    (array([0.  , 2.94]), array([1.84, 4.11]))
    """
    # Here, because it takes a good part of the time that `import smoothfit` does.
    from scipy.special import gammaincinv

    n, tail = np.maximum(np.asarray(counts, dtype=np.float64), 0.0), 0.15865525393145707
    lower = np.where(n > 0.0, gammaincinv(np.where(n > 0.0, n, 1.0), tail), 0.0)
    return n - lower, np.asarray(gammaincinv(n + 1.0, 1.0 - tail) - n)

"""Templates with one nuisance up and down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import FloatArray
from ..errors import UnknownNameError
from ..layout import ChannelInfo, ProcessInfo
from ..render import Cell, Table, number
from .record import Columns, Record, plain

__all__ = ["Variations"]

_SAME = 1e-12
"""Up and down that differ by less, of the largest bin, are no effect."""


@dataclass(frozen=True, eq=False, repr=False)
class Variations(Record):
    """What every process gives with one parameter up and down, with the Monte Carlo errors of the nominal.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> jes = Variable("jes", 0.0, nuisance=True)
    >>> bkg = Process("bkg", [50.0, 40.0], sumw2=[5.0, 4.0]).add_shape(jes, [55.0, 42.0], [45.0, 39.0])
    >>> model = Model().add_proc(bkg).add_proc(Process("other", [7.0, 1.0])).prepare()
    >>> model.variations(jes)
    jes: 1 up, -1 down
    <BLANKLINE>
    process  channel  nominal  up [%]  down [%]
    -------------------------------------------
    bkg      main          90    7.78     -6.67
    """

    name: str
    label: str | None
    """The parameter."""
    up_value: float
    down_value: float
    """Where it was put."""
    channels: tuple[ChannelInfo, ...]
    processes: tuple[ProcessInfo, ...]
    nominal: Mapping[str, FloatArray]
    up: Mapping[str, FloatArray]
    down: Mapping[str, FloatArray]
    error: Mapping[str, FloatArray]
    """Name of the process -> (bin,), over the bins of all channels; the error is NaN where there are no
    variances of the simulation."""

    @property
    def affected(self) -> tuple[tuple[str, str], ...]:
        """(process, channel) that the parameter moves, in the order of the model."""
        return tuple(
            (process.name, channel.name)
            for process in self.processes
            for channel in self.channels
            if self._moves(process.name, channel)
        )

    def _moves(self, process: str, channel: ChannelInfo) -> bool:
        nominal, up, down = (side[process][channel.bins] for side in (self.nominal, self.up, self.down))
        moved = max(np.abs(up - nominal).max(initial=0.0), np.abs(down - nominal).max(initial=0.0))
        return bool(moved > _SAME * np.abs(nominal).max(initial=0.0))

    def process(self, name: str) -> ProcessInfo:
        """The process of that name.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        return _named("process", name, self.processes)

    def channel(self, name: str) -> ChannelInfo:
        """The channel of that name.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        return _named("channel", name, self.channels)

    def sides(self, process: str, channel: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """(nominal, up, down, error), (bin,) each.

        Raises
        ------
        UnknownNameError
            If there is no such process or channel.
        """
        name, bins = self.process(process).name, self.channel(channel).bins
        nominal, up, down, error = (
            part[name][bins] for part in (self.nominal, self.up, self.down, self.error)
        )
        return nominal, up, down, error

    def heading(self) -> str:
        """The parameter and where it was put."""
        return f"{self.name}: {number(self.up_value)} up, {number(self.down_value)} down"

    def _tables(self) -> list[Table]:
        rows: list[Sequence[Cell]] = []
        for process, channel in self.affected:
            nominal, up, down, _ = (float(side.sum()) for side in self.sides(process, channel))
            changes = [100.0 * (side / nominal - 1.0) if nominal else np.nan for side in (up, down)]
            rows.append(
                (process, channel, number(nominal, digits=4), *(number(c, digits=3) for c in changes))
            )
        return [Table("", ("process", "channel", "nominal", "up [%]", "down [%]"), rows)]

    def to_dict(self) -> dict[str, Any]:
        """{name, up_value, down_value, channels: {channel: {process: {nominal, up, down, error}}}}."""
        names = ("nominal", "up", "down", "error")
        channels: dict[str, Any] = {}
        for process, channel in self.affected:
            found = dict(zip(names, self.sides(process, channel), strict=True))
            channels.setdefault(channel, {})[process] = plain(found)
        about = {"name": self.name, "up_value": self.up_value, "down_value": self.down_value}
        return {**about, "channels": channels}

    def _columns(self) -> Columns:
        columns: dict[str, list[Any]] = {
            name: [] for name in ("process", "channel", "bin", "nominal", "up", "down", "error")
        }
        for process, channel in self.affected:
            sides = self.sides(process, channel)
            count = len(sides[0])
            columns["process"] += [process] * count
            columns["channel"] += [channel] * count
            columns["bin"] += list(range(count))
            for name, side in zip(("nominal", "up", "down", "error"), sides, strict=True):
                columns[name] += side.tolist()
        return dict(columns)


def _named(what: str, name: str, entries: Sequence[Any]) -> Any:
    for entry in entries:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in entries)
    raise UnknownNameError(f"There is no {what} '{name}' in these variations; there are: {known}.")

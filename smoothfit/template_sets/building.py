"""Processes with their systematics from histograms that were sorted by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import check_name, describe, plural
from .._types import FloatArray
from ..build import ChannelContrib, Process, Variable
from ..build.histograms import HistogramData, as_histogram, as_template, same_axes
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from ..results import Note, Receipt
from .naming import read_naming
from .opening import open_set
from .options import Options, check_kinds, read_lnn, read_mirrored, read_signals
from .sorting import Filters, Sorted, read_filters, sort_names

__all__ = ["TemplateSet", "gather"]


@dataclass(frozen=True)
class TemplateSet:
    """What a set of histograms became."""

    processes: tuple[Process, ...]
    pois: tuple[Variable, ...]
    data: Mapping[str, FloatArray] | None
    """{channel: counts}; None where the set has no data."""
    receipt: Receipt


def gather(
    histograms: Any,
    naming: Any,
    options: Options,
    *,
    nominal: Any = None,
    data: Any = "data_obs",
    channels: Any = None,
    processes: Any = None,
    systematics: Any = None,
    ignore: Any = (),
) -> TemplateSet:
    """Sort histograms by their names, and make processes of them.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
        As :meth:`smoothfit.model.Model.from_histograms`.
    """
    if data is not None:
        check_name("from_histograms: data", data)
    opened = open_set(histograms)
    filters: Filters = read_filters(channels, processes, systematics, ignore)
    found = sort_names(opened.names, read_naming(naming, nominal), filters, data)
    if not found.nominal:
        raise InvalidValueError(
            f"from_histograms: none of {plural(len(opened.names), 'histogram')} is a process; check naming."
        )
    builder = _Builder(found, opened.get, options)
    made = builder.processes()
    counts = builder.observed(data)
    receipt = Receipt(
        opened.source, "histograms", builder.read(), [*opened.notes, *found.notes, *builder.notes]
    )
    return TemplateSet(made, builder.pois, counts, receipt)


@dataclass
class _Flow:
    """What histograms hold beyond their axes."""

    histograms: int = 0
    largest: float = 0.0
    where: str = ""


class _Builder:
    def __init__(self, found: Sorted, get: Callable[[str], Any], options: Options) -> None:
        self._found, self._get, self._options = found, get, options
        self._names = list(dict.fromkeys(process for _, process in found.nominal))
        self._signals = read_signals(options.signals, options.poi, self._names)
        self._systematics = list(dict.fromkeys(key[2] for key in found.varied))
        self._lnn = read_lnn(options.lnN, self._names)
        self._nuisances: dict[str, Variable] = {}
        self._nominal: dict[tuple[str, str], HistogramData] = {}
        self._flow = _Flow()
        self.notes: list[Note] = []
        check_kinds(options.kind, self._systematics)
        self._mirrored = read_mirrored(options.symmetrise, self._systematics)

    @property
    def pois(self) -> tuple[Variable, ...]:
        return tuple({id(v): v for v in self._signals.values()}.values())

    def processes(self) -> tuple[Process, ...]:
        self._check_one_sided()
        made = {
            name: Process(name, signal=name in self._signals or name in self._named_signals())
            for name in self._names
        }
        for (channel, process), name in self._found.nominal.items():
            histogram = self._nominal[channel, process] = self._histogram(name)
            made[process].add_contrib(ChannelContrib(self._channel(channel), histogram))
        for name, variable in self._signals.items():
            made[name].scale_by(variable)
        for (channel, process, systematic), sides in self._found.varied.items():
            self._add_shape(made[process][self._channel(channel)], (channel, process, systematic), sides)
        for nuisance, kappas in self._lnn.items():
            for process, kappa in kappas.items():
                made[process].add_lnN(self._nuisance(nuisance), kappa)
        self._note_what_is_left_out()
        return tuple(made.values())

    def observed(self, data: str | None) -> dict[str, FloatArray] | None:
        """Counts by channel, None if no channel has data."""
        channels = list(dict.fromkeys(channel for channel, _ in self._found.nominal))
        if not self._found.data:
            return None
        for channel, name in self._found.data.items():
            if channel not in channels:
                raise InvalidValueError(
                    f"from_histograms: '{name}' are data of channel '{channel}', which has no process."
                )
        missing = [channel for channel in channels if channel not in self._found.data]
        if missing:
            raise InvalidValueError(
                f"from_histograms: channel '{missing[0]}' has no data '{data}', others have; give all, or "
                "none: data=None with ignore=[...]."
            )
        return {self._channel(channel): self._counts(channel) for channel in channels}

    def read(self) -> dict[str, int]:
        """What was read, and how many of it."""
        counted = {
            "channels": len({channel for channel, _ in self._found.nominal}),
            "processes": len(self._names),
            "signals": len(self._signals) or len(self._named_signals()),
            "nominal histograms": len(self._found.nominal),
            "data histograms": len(self._found.data),
            "shape nuisances": len(self._systematics),
            "varied histograms": sum(len(sides) for sides in self._found.varied.values()),
            "lnN nuisances": len(self._lnn),
        }
        return {what: number for what, number in counted.items() if number}

    # -- parts -----------------------------------------------------------------------------------

    def _named_signals(self) -> set[str]:
        """Signals that nothing scales: poi=None."""
        return set(self._options.signals) if self._options.poi is None else set()

    def _channel(self, channel: str) -> str:
        return channel or self._options.channel

    def _nuisance(self, name: str) -> Variable:
        if name not in self._nuisances:
            self._nuisances[name] = Variable(name, 0.0, nuisance=True)
        return self._nuisances[name]

    def _histogram(self, name: str) -> HistogramData:
        what = f"from_histograms: '{name}'"
        found = as_histogram(self._get(name), what)
        if found is None:
            found = HistogramData(np.atleast_1d(_array(what, self._get(name))))
        if found.outside != 0.0:
            self._flow.histograms += 1
            if abs(found.outside) >= abs(self._flow.largest):
                self._flow.largest, self._flow.where = found.outside, name
        return found

    def _counts(self, channel: str) -> FloatArray:
        name = self._found.data[channel]
        data = as_template(self._histogram(name))
        process, first = next((p, h) for (c, p), h in self._nominal.items() if c == channel)
        model = as_template(first)
        if data.values.ndim > 1 or len(data.values) != model.values.shape[-1]:
            raise ShapeMismatchError(
                f"from_histograms: '{name}' has contents of shape {data.values.shape}, process '{process}' "
                f"has {plural(model.values.shape[-1], 'bin')}."
            )
        if not same_axes(data.axes, model.axes):
            raise ShapeMismatchError(f"from_histograms: '{name}' has another binning than '{process}'.")
        return data.values

    def _check_one_sided(self) -> None:
        lone = [
            names
            for key, names in self._found.varied.items()
            if len(names) == 1 and (self._mirrored is not None and key[2] not in self._mirrored)
        ]
        if lone:
            listed = ", ".join(f"'{next(iter(names.values()))}'" for names in lone[:8])
            more = ", ..." if len(lone) > 8 else ""
            raise InvalidValueError(
                f"from_histograms: {plural(len(lone), 'variation')} with one side only: {listed}{more}; give "
                "the other, or symmetrise=True (or the names of systematics) to mirror them."
            )

    def _add_shape(
        self, contrib: ChannelContrib, key: tuple[str, str, str], sides: Mapping[str, str]
    ) -> None:
        channel, process, systematic = key
        found = {side: self._histogram(name) for side, name in sides.items()}
        if len(found) == 1:
            side, given = next(iter(found.items()))
            nominal = self._nominal[channel, process]
            if given.values.shape != nominal.values.shape:
                raise ShapeMismatchError(
                    f"from_histograms: '{sides[side]}' has contents of shape {given.values.shape}, its "
                    f"nominal histogram {nominal.values.shape}; use one binning."
                )
            mirrored = HistogramData(
                2.0 * nominal.values - given.values, axes=nominal.axes, has_rows=nominal.has_rows
            )
            found["down" if side == "up" else "up"] = mirrored
            self.notes.append(
                Note("variations", f"'{sides[side]}' has no other side", "symmetrise: 2 nominal - variation")
            )
        kind = self._options.kind
        kind = kind if isinstance(kind, str) else kind.get(systematic, "shape")
        contrib.add_shape(self._nuisance(systematic), found["up"], found["down"], kind=kind)

    def _note_what_is_left_out(self) -> None:
        if self._flow.histograms:
            what = f"{plural(self._flow.histograms, 'histogram')}, the most in '{self._flow.where}'"
            why = f"{self._flow.largest:g} events there are beyond the axes, and in no bin"
            self.notes.append(Note("under- and overflow", what, why))
        without = [h for h in self._nominal.values() if h.variances is None]
        if without:
            what = f"of {plural(len(without), 'nominal histogram')}"
            self.notes.append(Note("variances", what, "not known: no Monte Carlo uncertainty there"))


def _array(what: str, given: Any) -> FloatArray:
    """An array in place of a histogram: values without variances."""
    array = np.asarray(given)
    if array.dtype.kind not in "iuf" or array.ndim > 1:
        raise InvalidTypeError(
            f"{what}: a histogram or an array of numbers is expected, got {describe(given)}."
        )
    return array.astype(np.float64)

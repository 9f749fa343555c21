"""One channel: stacked processes, data and band above, the ratio to the expectation below."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import FloatArray
from ..layout import ChannelInfo
from ..results import Yields
from ..results.told_apart import told_apart
from ..results.yields import poisson_interval
from ._style import (
    BAND,
    BLACK,
    BLUE,
    DARK,
    FAINT,
    GREY,
    LEVELS,
    LIGHT,
    SMALL,
    TINY,
    Fill,
    fill_of,
    label_text,
    rest_fill,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Panel", "bin_edges", "draw_channel", "label_bins", "merged", "stacking_order"]

_LOG_FROM = 300.0
"""Ratio of the largest to the smallest expectation from which the axis is logarithmic."""
_MOST_TICKS = 12


def bin_edges(channel: ChannelInfo) -> FloatArray:
    """(bin + 1,): the channel's, or positions of the bins where it has none that can be drawn."""
    count = channel.stop - channel.start
    edges = channel.edges
    if edges is None or len(edges) != count + 1 or not np.all(np.isfinite(edges)):
        return np.arange(count + 1, dtype=np.float64) + 0.5
    return np.asarray(edges, dtype=np.float64)


@dataclass(frozen=True)
class Panel:
    """What one channel shows, and how."""

    record: Yields
    channel: ChannelInfo
    other: Yields | None = None
    """Drawn as a dashed line of its total."""
    log: bool | None = None
    """None decides by the range of the expectation."""
    title: str = ""

    @property
    def edges(self) -> FloatArray:
        """(bin + 1,): the channel's, or positions of the bins where it has none that can be drawn."""
        return bin_edges(self.channel)

    @property
    def data(self) -> FloatArray | None:
        """(bin,), None where there are none or where they would tell what is hidden, beside the rest."""
        return None if self.record.is_hidden(self.channel) else self.record.data(self.channel)

    @property
    def is_log(self) -> bool:
        """Whether the axis of events is logarithmic."""
        if self.log is not None:
            return self.log
        total = self.record.total[self.channel.bins]
        positive = total[total > 0.0]
        return bool(positive.size and positive.max() > _LOG_FROM * positive.min())


def merged(record: Yields) -> Yields:
    """The same with the smallest backgrounds as one process, which has no sub-processes."""
    # What is blinded is NaN.
    bins = np.nan_to_num([record.per_process[p.name] for p in record.processes])
    shown = told_apart(record.processes, bins)
    if len(shown.processes) == len(record.processes):
        return record
    parts = {p.name: row for p, row in zip(shown.processes, shown.sums @ bins, strict=True)}
    hidden = None if record.hidden is None else shown.sums @ record.hidden > 0.0
    return replace(record, processes=shown.processes, per_process=parts, hidden=hidden)


def _fill(record: Yields, position: int) -> Fill:
    return fill_of(position) if record.processes[position].sub_procs else rest_fill()


def stacking_order(record: Yields) -> list[int]:
    """Positions of the processes from the bottom: backgrounds from the smallest, signals on top."""
    sizes = [float(np.nansum(record.per_process[p.name])) for p in record.processes]
    first = [i for i, p in enumerate(record.processes) if not p.signal]
    # The first signal on top, as it is the first in the legend.
    return sorted(first, key=lambda i: sizes[i]) + [
        i for i in reversed(range(len(sizes))) if record.processes[i].signal
    ]


def draw_channel(panel: Panel, above: Axes, below: Axes | None) -> None:
    """Draw a channel into its two axes (the lower one may be missing)."""
    _draw_stack(panel, above)
    _draw_band(panel, above, np.ones_like(panel.edges[1:]))
    if panel.other is not None:
        _draw_other(panel, above, panel.other.total[panel.channel.bins])
        # The band is drawn below, its name belongs into the legend of the panels above.
        above.fill_between([], [], [], facecolor=LEVELS[2], edgecolor=BLUE, label=_other_band(panel.other))
    if panel.data is not None:
        _draw_data(panel, above, panel.data, np.ones_like(panel.data))
    _label_above(panel, above)
    lowest = above
    if below is not None:
        _draw_ratio(panel, below)
        above.tick_params(labelbottom=False)
        lowest = below
    label_bins(panel.channel, lowest)


def _draw_stack(panel: Panel, axes: Axes) -> None:
    base = np.zeros(panel.channel.stop - panel.channel.start)
    marks = panel.record.hidden
    hidden = [] if marks is None else np.flatnonzero(marks.any(axis=1)).tolist()
    for position in stacking_order(panel.record):
        process = panel.record.processes[position]
        # What is blinded is NaN.
        top = base + np.nan_to_num(panel.record.per_process[process.name][panel.channel.bins])
        fill = _fill(panel.record, position)
        axes.stairs(
            top,
            panel.edges,
            baseline=base,
            fill=True,
            facecolor=fill.colour,
            hatch=fill.hatch,
            edgecolor="white" if fill.hatch else fill.colour,
            linewidth=0.0 if fill.hatch else 0.2,
            label=label_text(process.label, process.name) + (" (blinded)" if position in hidden else ""),
        )
        # In grey some colours are alike: lines between them tell areas apart, their order is the legend's.
        axes.plot(np.repeat(panel.edges, 2)[1:-1], np.repeat(top, 2), color=DARK, linewidth=0.35, zorder=1)
        base = top


def _draw_band(panel: Panel, axes: Axes, divisor: FloatArray, *, below: bool = False) -> None:
    total = panel.record.total[panel.channel.bins]
    error = panel.record.total_error[panel.channel.bins]
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (total - error) / divisor, (total + error) / divisor
    if not np.all(np.isfinite(low) & np.isfinite(high)):
        low, high = (np.where(np.isfinite(low + high), side, np.nan) for side in (low, high))
    # Stairs cannot be hatched where a bin is NaN, fill_between leaves a gap there.
    axes.fill_between(
        panel.edges,
        np.append(low, low[-1:]),
        np.append(high, high[-1:]),
        step="post",
        facecolor=FAINT if below else "none",
        edgecolor=LIGHT if below else BAND,
        hatch="//////",
        linewidth=0.0,
        alpha=1.0 if below else 0.75,
        zorder=0 if below else 3,
        label="Uncertainty",
    )


def _draw_other(panel: Panel, axes: Axes, values: FloatArray) -> None:
    assert panel.other is not None
    axes.stairs(
        values,
        panel.edges,
        baseline=None,
        color=BLACK,
        linestyle=(0, (4, 2)),
        linewidth=1.0,
        zorder=4,
        label=f"Total, {label_text(None, panel.other.title)}",
    )


def _other_band(other: Yields) -> str:
    return f"Uncertainty, {label_text(None, other.title)}"


def _draw_other_band(panel: Panel, axes: Axes, ratio: FloatArray, half: FloatArray) -> None:
    """The uncertainty of the other record, behind that of the first."""
    low, high = (np.where(np.isfinite(half), ratio + side * half, np.nan) for side in (-1.0, 1.0))
    low, high = np.append(low, low[-1:]), np.append(high, high[-1:])
    axes.fill_between(panel.edges, low, high, step="post", facecolor=LEVELS[2], linewidth=0.0, zorder=-1)
    for edge in (low, high):
        axes.plot(panel.edges, edge, drawstyle="steps-post", color=BLUE, linewidth=0.5, zorder=0.5)


def _draw_data(panel: Panel, axes: Axes, data: FloatArray, divisor: FloatArray) -> None:
    down, up = poisson_interval(data)
    centre = 0.5 * (panel.edges[1:] + panel.edges[:-1])
    # A point at 0 on a logarithmic axis, or over an expectation of 0, is nowhere.
    shown = np.isfinite(data) & (divisor > 0.0) & ((data > 0.0) | (not panel.is_log) | (divisor != 1.0))
    scale = divisor[shown]
    axes.errorbar(
        centre[shown],
        data[shown] / scale,
        yerr=np.stack([down[shown], up[shown]]) / scale,
        fmt="o",
        color=BLACK,
        markersize=4.5 if len(centre) <= 20 else 2.8,
        elinewidth=0.9,
        zorder=5,
        label="Data",
    )


def _draw_ratio(panel: Panel, axes: Axes) -> None:
    total = panel.record.total[panel.channel.bins]
    divisor = np.where(total > 0.0, total, np.nan)
    _draw_band(panel, axes, divisor, below=True)
    axes.axhline(1.0, color=GREY, linewidth=0.8)
    reach = _finite(panel.record.total_error[panel.channel.bins] / divisor)
    if panel.other is not None:
        ratio = panel.other.total[panel.channel.bins] / divisor
        half = panel.other.total_error[panel.channel.bins] / divisor
        _draw_other_band(panel, axes, ratio, half)
        _draw_other(panel, axes, ratio)
        reach = np.append(reach, np.abs(_finite(ratio) - 1.0))
        reach = np.append(reach, np.abs(_finite(np.append(ratio - half, ratio + half)) - 1.0))
    if panel.data is not None:
        _draw_data(panel, axes, panel.data, divisor)
        down, up = poisson_interval(panel.data)
        for end in (panel.data - down, panel.data + up):
            reach = np.append(reach, np.abs(_finite(end / divisor) - 1.0))
    _scale_ratio(axes, reach)
    axes.set_ylabel("Data / total" if panel.data is not None else "Relative", fontsize=TINY)


def _scale_ratio(axes: Axes, reach: FloatArray) -> None:
    """Room for all but the few wildest points, symmetric about 1."""
    wanted = 1.1 * float(np.quantile(reach, 0.98)) if reach.size else 0.1
    half = min(max(wanted, 0.02), 1.0)
    axes.set_ylim(1.0 - half, 1.0 + half)
    axes.locator_params(axis="y", nbins=4)
    axes.tick_params(labelsize=TINY)
    axes.ticklabel_format(axis="y", useOffset=False)


def _finite(values: FloatArray) -> FloatArray:
    return values[np.isfinite(values)]


def _label_above(panel: Panel, axes: Axes) -> None:
    tops = _finite(panel.record.total[panel.channel.bins] + panel.record.total_error[panel.channel.bins])
    if panel.record.is_hidden(panel.channel):
        stack = [bins[panel.channel.bins] for bins in panel.record.per_process.values()]
        tops = np.append(tops, np.nansum(stack, axis=0))
    if panel.data is not None:
        tops = np.append(tops, _finite(panel.data + poisson_interval(panel.data)[1]))
    top = max(float(tops.max(initial=0.0)), 1e-9)
    if panel.is_log:
        total = panel.record.total[panel.channel.bins]
        smallest = float(total[total > 0.0].min(initial=top))
        axes.set_yscale("log")
        low = 0.3 * smallest
        # Room for the name of the channel, in decades.
        axes.set_ylim(low, top * (top / low) ** 0.15)
    else:
        axes.set_ylim(0.0, 1.2 * top)
    axes.set_ylabel("Events / bin", fontsize=SMALL)
    axes.tick_params(labelsize=TINY)
    name = label_text(None, panel.channel.name)
    title = f"{name}  ({label_text(None, panel.title)})" if panel.title else name
    axes.set_title(title, fontsize=SMALL, loc="left", pad=3.0)
    axes.margins(x=0.0)
    _separate_blocks(panel, axes)


def _separate_blocks(panel: Panel, axes: Axes) -> None:
    """Lines where, of several axes, the last one begins anew."""
    of_axes = panel.channel.axes
    if len(of_axes) > 1 and panel.channel.edges is None:
        for edge in panel.edges[of_axes[-1].size : -1 : of_axes[-1].size]:
            axes.axvline(edge, color=GREY, linewidth=0.6, linestyle=":", zorder=1)


def label_bins(channel: ChannelInfo, axes: Axes) -> None:
    """Ticks and the label of the horizontal axis."""
    edges = bin_edges(channel)
    axes.set_xlim(edges[0], edges[-1])
    own = channel.edges is not None and edges[0] == channel.edges[0] and len(edges) == len(channel.edges)
    label = label_text(channel.label, "") or ("" if own else "Bin")
    if not own and len(channel.axes) > 1:
        label = f"Bin of {label}" if channel.label else "Bin"
    unit = f" [{label_text(channel.unit, channel.unit)}]" if channel.unit else ""
    axes.set_xlabel(label + unit, fontsize=SMALL, labelpad=1.0)
    axes.tick_params(axis="x", labelsize=TINY)
    count = len(edges) - 1
    names = channel.axes[0].names if len(channel.axes) == 1 else None
    if names is not None and count <= _MOST_TICKS:
        axes.set_xticks(0.5 * (edges[1:] + edges[:-1]), [label_text(None, name) for name in names])
    elif not own and count <= _MOST_TICKS:
        ticks: Any = np.arange(1, count + 1)
        axes.set_xticks(ticks)

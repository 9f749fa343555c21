"""The histograms of one channel, drawn over axes that stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._types import FloatArray
from ..layout import ChannelInfo
from ..plot._channel import Panel, draw_channel, stacking_order
from ..plot._style import fill_of, label_text
from ..results import Yields
from ..results.yields import poisson_interval

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["LivePanel"]

_ROOM, _FULL, _EMPTY = 1.25, 0.97, 0.4
"""An axis is made so much longer than its content, and anew where the content leaves these parts of it."""
_LEAST, _MOST = 0.02, 1.0
"""Half the height of a ratio."""


_SHADES = ((1.0, 0.45), (0.0, 0.4), (1.0, 0.7), (0.0, 0.6))
"""Towards white or black, and how far: colours that come again."""
_REST = (0.87, 0.87, 0.87)
"""Several processes as one."""


def _shade(position: int) -> tuple[float, float, float]:
    """The colour of a process; where pictures that stay hatch it, a lighter or darker one."""
    from matplotlib.colors import to_rgb

    colour = fill_of(position).colour
    red, green, blue = to_rgb(colour)
    before = sum(fill_of(i).colour == colour for i in range(position))
    if before == 0:
        return red, green, blue
    end, part = _SHADES[(before - 1) % len(_SHADES)]
    return tuple(part * end + (1.0 - part) * x for x in (red, green, blue))  # type: ignore[return-value]


@dataclass
class _Points:
    """Data with error bars, whose axes and numbers change."""

    line: Any
    bars: Any

    def move(self, x: FloatArray, y: FloatArray, down: FloatArray, up: FloatArray) -> None:
        self.line.set_data(x, y)
        self.bars.set_segments(np.stack([np.stack([x, x], 1), np.stack([y - down, y + up], 1)], axis=2))


class LivePanel:
    """One channel: what stays is drawn as :func:`smoothfit.plot.yields` does, what moves is kept apart."""

    def __init__(
        self, record: Yields, other: Yields | None, channel: ChannelInfo, log: bool | None, axes: Any
    ) -> None:
        self.channel = channel
        self.above, self.below = axes
        panel = Panel(record, channel, other, log)
        self.is_log = panel.is_log
        self._edges, self._data = panel.edges, panel.data
        draw_channel(panel, self.above, self.below)
        order = stacking_order(record)
        self._names = [record.processes[i].name for i in order]
        self._colours = [_shade(i) if record.processes[i].sub_procs else _REST for i in order]
        self._recolour([label_text(record.processes[i].label, record.processes[i].name) for i in order])
        self._ghost = None if other is None else other.total[channel.bins]

    def _recolour(self, labels: list[str]) -> None:
        """Without hatches: they take longer than all else."""
        colours = dict(zip(labels, self._colours, strict=True))
        for patch in self.above.patches:
            if patch.get_label() in colours:
                patch.set_hatch(None)
                patch.set(facecolor=colours[patch.get_label()], edgecolor="none")

    def make_artists(self) -> None:
        """Take away the histograms and points that were drawn, once there is a legend of them, for others."""
        for axes in (self.above, self.below):
            # Containers take what they hold with them.
            for artist in list(axes.containers):
                artist.remove()
            # Lines at a fixed height or place stay: they are not of the yields.
            moving = [
                x for x in axes.lines if all(x.get_transform().contains_branch_seperately(axes.transData))
            ]
            for artist in [*axes.patches, *axes.collections, *moving]:
                artist.remove()
        zeros = np.zeros(len(self._edges) - 1)
        # Edges are along the axes: smoothing them takes half of the time, and leaves seams.
        filled = {"baseline": zeros, "fill": True, "linewidth": 0.0, "antialiased": False}
        line = {"baseline": None, "color": "black", "linestyle": (0, (4, 2)), "linewidth": 1.0, "zorder": 4}
        self._stack = [self._stairs(self.above, facecolor=colour, **filled) for colour in self._colours]
        self._ghosts = [
            self._stairs(axes, fill=False, **line)
            for axes in (self.above, self.below)
            if self._ghost is not None
        ]
        if self._data is not None:
            self._errors = poisson_interval(self._data)
        self._points = [self._make_points(a) for a in (self.above, self.below) if self._data is not None]
        # So that the first yields make room around them.
        self.below.set_ylim(1.0 - 1e-9, 1.0 + 1e-9)

    def _stairs(self, axes: Axes, **looks: Any) -> Any:
        from matplotlib.patches import StepPatch

        made = StepPatch(np.zeros(len(self._edges) - 1), self._edges, animated=True, **looks)
        # Not as a histogram of the axes, whose limits would be looked for each time.
        axes.add_artist(made)
        return made

    def _make_points(self, axes: Axes) -> _Points:
        zeros = np.zeros(len(self._edges) - 1)
        size = 5.0 if len(zeros) <= 20 else 2.8
        made = axes.errorbar(
            zeros, zeros, yerr=1.0, fmt="o", color="black", markersize=size, elinewidth=0.9, zorder=5
        )
        line, _, (bars,) = made.lines
        for artist in (line, bars):
            artist.set_animated(True)
        return _Points(line, bars)

    def update(self, record: Yields) -> bool:
        """Move everything to these yields; whether the axes had to change, so that they are drawn anew."""
        base = np.zeros(len(self._edges) - 1)
        for stairs, name in zip(self._stack, self._names, strict=True):
            top = base + record.per_process[name][self.channel.bins]
            stairs.set_data(top, baseline=base)
            base = top
        total = record.total[self.channel.bins]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = None if self._ghost is None else np.where(total > 0.0, self._ghost / total, np.nan)
        reach = [np.zeros(1)]
        highest = [total]
        if self._ghost is not None and ratio is not None:
            self._ghosts[0].set_data(self._ghost)
            self._ghosts[1].set_data(ratio)
            highest.append(self._ghost)
            reach.append(np.abs(ratio - 1.0))
        if self._data is not None:
            reach += self._move_points(total)
            highest.append(self._data + self._errors[1])
        changed = self._fit_above(np.concatenate(highest), total)
        return self._fit_below(np.concatenate(reach)) or changed

    def _move_points(self, total: FloatArray) -> list[FloatArray]:
        assert self._data is not None
        down, up = self._errors
        centre = 0.5 * (self._edges[1:] + self._edges[:-1])
        # A point at 0 on a logarithmic axis, or over an expectation of 0, is nowhere.
        shown = np.isfinite(self._data) & ((self._data > 0.0) | (not self.is_log))
        self._points[0].move(centre[shown], self._data[shown], down[shown], up[shown])
        shown = np.isfinite(self._data) & (total > 0.0)
        data, low, high = (x[shown] / total[shown] for x in (self._data, down, up))
        self._points[1].move(centre[shown], data, low, high)
        return [np.abs(data - low - 1.0), np.abs(data + high - 1.0)]

    def _fit_above(self, highest: FloatArray, total: FloatArray) -> bool:
        finite = highest[np.isfinite(highest)]
        top = max(float(finite.max(initial=0.0)), 1e-9)
        low, high = self.above.get_ylim()
        if self.is_log:
            smallest = float(total[total > 0.0].min(initial=top))
            if low < smallest and top < high:
                return False
            low = min(low, 0.3 * smallest)
            self.above.set_ylim(low, top * (top / low) ** 0.15)
            return True
        lowest = min(float(finite.min(initial=0.0)), 0.0)
        if _EMPTY * high < top < _FULL * high and low <= lowest:
            return False
        self.above.set_ylim(_ROOM * lowest, _ROOM * top)
        return True

    def _fit_below(self, reach: FloatArray) -> bool:
        finite = reach[np.isfinite(reach)]
        # Room for all but the few wildest points.
        wanted = min(max(float(np.quantile(finite, 0.98)), _LEAST), _MOST)
        half = self.below.get_ylim()[1] - 1.0
        if 0.3 * half < wanted <= half:
            return False
        half = min(_ROOM * wanted, _MOST)
        self.below.set_ylim(1.0 - half, 1.0 + half)
        return True

    def moving(self) -> Iterator[tuple[Axes, Artist]]:
        """What is drawn at every change, in order, with its axes."""
        for stairs in self._stack:
            yield self.above, stairs
        # The frame is drawn with the axes, below the histograms.
        for spine in self.above.spines.values():
            yield self.above, spine
        for axes, ghost in zip((self.above, self.below), self._ghosts, strict=False):
            yield axes, ghost
        for axes, points in zip((self.above, self.below), self._points, strict=False):
            yield axes, points.bars
            yield axes, points.line

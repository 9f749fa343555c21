"""The picture of a live model: axes, labels and legend are drawn once, what moves is drawn over them.

Drawing text takes most of the time that matplotlib needs for a picture. So what stays is kept as pixels;
a change of the values restores these, draws histograms and points, and sends the result. The axes are
drawn anew where the yields have left them. A canvas of its own, no pyplot, no backend: it works wherever a
PNG does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._optional import require
from ..plot._style import new_figure, styled
from ..plot._yields import add_legend, legend_rows
from ..results import Yields
from .panel import LivePanel
from .png import encode

__all__ = ["Picture", "Scene"]

_WIDTH, _HEIGHT, _LEGEND_ROW = 4.6, 3.2, 0.22
_ALONE = 6.4
"""Inches: of a channel among others, and of one by itself."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What to draw, and how."""

    record: Yields
    """The yields, and the data, if any; its ``blinded`` hides those."""
    ghost: Yields | None
    """Drawn as a dashed line of its total."""
    channels: tuple[str, ...]
    log: bool | None
    """None decides by the range of the yields."""
    data_label: str = "Data"

    @property
    def still(self) -> tuple[Any, ...]:
        """What needs other axes or another legend."""
        obs = self.record.obs
        counts = None if obs is None else obs.tobytes()
        ghost = None if self.ghost is None else id(self.ghost)
        return self.channels, self.log, self.data_label, self.record.blinded, counts, ghost


class Picture:
    """A canvas that shows one scene after another; ``png`` is what is sent."""

    def __init__(self, dpi: float = 100.0) -> None:
        agg = require("matplotlib.backends.backend_agg", feature="smoothfit.interactive", extra="notebook")
        self._canvas_of, self._dpi = agg.FigureCanvasAgg, dpi
        self._still: tuple[Any, ...] | None = None
        self._panels: list[LivePanel] = []
        self._canvas: Any = None
        self._pixels: Any = None
        self.layouts = 0
        """How often everything was laid out."""
        self.backgrounds = 0
        """How often the axes were drawn."""

    def png(self, scene: Scene) -> bytes:
        """The scene as a PNG file."""
        if scene.still != self._still:
            with styled():
                self._lay_out(scene)
            self._still = scene.still
        changed = [panel.update(scene.record) for panel in self._panels]
        if self._pixels is None or any(changed):
            self._draw_background()
        self._canvas.restore_region(self._pixels)
        for panel in self._panels:
            for axes, artist in panel.moving():
                axes.draw_artist(artist)
        return encode(np.asarray(self._canvas.buffer_rgba()))

    def _lay_out(self, scene: Scene) -> None:
        record = scene.record
        chosen = [record.channel(name) for name in scene.channels]
        columns = min(2, max(1, len(chosen)))
        rows = -(-len(chosen) // columns)
        legend_columns = 3 if columns == 1 else 6
        width = _WIDTH * columns if columns > 1 else _ALONE
        height = _HEIGHT * rows if columns > 1 else _HEIGHT + 1.0
        figure = new_figure(width, height + _LEGEND_ROW * legend_rows(record, legend_columns))
        figure.set_dpi(self._dpi)
        self._canvas = self._canvas_of(figure)
        grid = figure.add_gridspec(2 * rows, columns, height_ratios=[3.0, 1.0] * rows)
        self._panels = []
        for i, channel in enumerate(chosen):
            row, column = divmod(i, columns)
            above = figure.add_subplot(grid[2 * row, column])
            below = figure.add_subplot(grid[2 * row + 1, column], sharex=above)
            panel = LivePanel(record, scene.ghost, channel, scene.log, (above, below))
            self._panels.append(panel)
        for panel in self._panels:
            _rename(panel.above, scene.data_label)
        with_data = [p for p in self._panels if record.data(p.channel) is not None]
        for panel in (with_data or self._panels)[:1]:
            add_legend(figure, panel.above, legend_columns)
        for panel in self._panels:
            panel.make_artists()
            panel.update(record)
        # Places are found once: what comes later must not move the axes.
        engine = figure.get_layout_engine()
        assert engine is not None
        engine.execute(figure)
        figure.set_layout_engine("none")
        self._pixels = None
        self.layouts += 1

    def _draw_background(self) -> None:
        self._canvas.draw()
        self._pixels = self._canvas.copy_from_bbox(self._canvas.figure.bbox)
        self.backgrounds += 1


def _rename(axes: Any, data_label: str) -> None:
    """No band is drawn, and data may be Asimov's."""
    for artist in [*axes.collections, *axes.patches]:
        if str(artist.get_label()).startswith("Uncertainty"):
            artist.set_label("")
    for container in axes.containers:
        if container.get_label() == "Data":
            container.set_label(data_label)

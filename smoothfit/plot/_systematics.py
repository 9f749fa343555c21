"""Templates with a nuisance up and down, over the nominal one with its Monte Carlo errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError
from ..layout import ChannelInfo
from ..render import number
from ..results import Variations
from ._channel import bin_edges, label_bins
from ._style import (
    BLACK,
    DOWN_LINE,
    GREY,
    LIGHT,
    SLIDE,
    SMALL,
    TINY,
    UP,
    check_record,
    heading,
    label_text,
    new_figure,
    page_of,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["systematics"]

_TOTAL = "total"


class _Panel(NamedTuple):
    record: Variations
    process: str
    channel: ChannelInfo

    @property
    def sides(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """(nominal, up, down, error)"""
        if self.process != _TOTAL:
            return self.record.sides(self.process, self.channel.name)
        every = [self.record.sides(p.name, self.channel.name) for p in self.record.processes]
        nominal, up, down, error = (np.array(side) for side in zip(*every, strict=True))
        # Of processes without variances nothing is known, and nothing added.
        variance = np.where(np.all(np.isnan(error), axis=0), np.nan, np.nansum(error**2, axis=0))
        return nominal.sum(axis=0), up.sum(axis=0), down.sum(axis=0), np.sqrt(variance)

    @property
    def title(self) -> str:
        """Process, channel and parameter."""
        record = self.record
        if self.process == _TOTAL:
            process = "total"
        else:
            info = record.process(self.process)
            process = label_text(info.label, info.name)
        return f"{process}, {label_text(None, self.channel.name)}"


@picture
def systematics(
    record: Variations | Sequence[Variations],
    *,
    process: str | None = None,
    channel: str | None = None,
    n: int = 12,
    page: int = 1,
) -> Figure:
    """A nuisance up and down, over the nominal template and its Monte Carlo errors; below, the changes.

    There is a panel for each process and channel that the nuisance moves. Where the changes are smaller than
    the grey band, they may be no more than noise of the simulation.

    Parameters
    ----------
    record
        What to draw, as from ``model.variations``; or a list, as of several nuisances.
    process, channel
        The only process and channel to draw; "total" is the sum of the processes.
    n, page
        How many panels a page has, and which page, from 1.

    Raises
    ------
    InvalidTypeError
        For something that is no record of variations.
    InvalidValueError
        If nothing is moved, or there is no such page.
    UnknownNameError
        If there is no such process or channel.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> jes = Variable("jes", 0.0, nuisance=True)
    >>> bkg = Process("bkg", [50.0, 40.0], sumw2=[5.0, 4.0]).add_shape(jes, [55.0, 42.0], [45.0, 39.0])
    >>> model = Model().add_proc(bkg).add_proc(Process("other", [7.0, 1.0])).prepare()
    >>> systematics(model.variations(jes)).axes[0].get_title(loc="left")
    'bkg, main'
    """
    records: list[Any] = list(record) if isinstance(record, list | tuple) else [record]
    for one in records:
        check_record("plot.systematics", one, Variations, "model.variations(...)")
    every = [panel for one in records for panel in _panels(one, process, channel)]
    if not every:
        names = ", ".join(one.name for one in records[:6])
        raise InvalidValueError(
            f"plot.systematics: nothing to draw: {names} moves nothing that was asked for."
        )
    at, which, pages = page_of("plot.systematics", len(every), n, page)
    panels = [every[i] for i in at]
    columns = min(4, max(1, int(np.ceil(np.sqrt(len(panels))))))
    rows = max(1, -(-len(panels) // columns))
    width = 6.4 if columns == 1 else min(4.6 * columns, SLIDE[0])
    figure = new_figure(width, min(4.2 * rows + 0.6, SLIDE[1]), pages=pages)
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[1.9, 1.0] * rows)
    handles: dict[str, object] = {}
    for i, panel in enumerate(panels):
        row, column = divmod(i, columns)
        above = figure.add_subplot(grid[2 * row, column])
        below = figure.add_subplot(grid[2 * row + 1, column], sharex=above)
        _draw(panel, above, below, named=len(records) > 1)
        if column:
            above.set_ylabel("")
            below.set_ylabel("")
        found, texts = above.get_legend_handles_labels()
        handles |= dict(zip(texts, found, strict=True))
    heading(figure, _title(records, which), list(handles.values()), list(handles), columns=4)
    return figure


def _title(records: list[Variations], which: str) -> str:
    page = f"   ({which})" if which else ""
    if len(records) > 1:
        return f"{len(records)} nuisances, up and down{page}"
    one = records[0]
    name = label_text(one.label, one.name)
    return f"{name}: {number(one.up_value)} (up), {number(one.down_value)} (down){page}"


def _panels(record: Variations, process: str | None, channel: str | None) -> list[_Panel]:
    if channel is not None:
        record.channel(channel)
    if process is not None and process != _TOTAL:
        record.process(process)
    pairs = [(p, c) for p, c in record.affected if process in (None, p, _TOTAL) and channel in (None, c)]
    if process == _TOTAL:
        pairs = [(_TOTAL, c) for c in dict.fromkeys(c for _, c in pairs)]
    return [_Panel(record, p, record.channel(c)) for p, c in pairs]


def _draw(panel: _Panel, above: Axes, below: Axes, *, named: bool) -> None:
    nominal, up, down, error = panel.sides
    edges = bin_edges(panel.channel)
    known = np.where(np.isfinite(error), error, 0.0)
    style = {"step": "post", "facecolor": LIGHT, "linewidth": 0.0, "zorder": 0, "alpha": 0.7}
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = [np.where(nominal != 0.0, side / nominal - 1.0, np.nan) for side in (up, down)]
        noise = np.where(nominal != 0.0, known / np.abs(nominal), np.nan)
    if np.any(known > 0.0):
        for axes, middle, half in ((above, nominal, known), (below, np.zeros_like(nominal), 100.0 * noise)):
            low, high = (np.append(side, side[-1:]) for side in (middle - half, middle + half))
            axes.fill_between(edges, low, high, label="MC error", **style)  # type: ignore[arg-type]
    above.stairs(nominal, edges, baseline=None, color=BLACK, linewidth=1.2, label="nominal")
    below.axhline(0.0, color=GREY, linewidth=0.8)
    drawn = ((up, relative[0], UP, "-", "up"), (down, relative[1], DOWN_LINE, (0, (4, 1.5)), "down"))
    for side, change, colour, dashes, label in drawn:
        line = {"color": colour, "linestyle": dashes, "linewidth": 1.4, "baseline": None}
        above.stairs(side, edges, label=label, **line)  # type: ignore[arg-type]
        below.stairs(100.0 * change, edges, **line)  # type: ignore[arg-type]
    _scale(above, below, [nominal, up, down], np.concatenate(relative))
    title = panel.title + (f", {label_text(panel.record.label, panel.record.name)}" if named else "")
    above.set_title(title, fontsize=SMALL if len(title) < 40 else TINY, loc="left", pad=3.0)
    above.set_ylabel("Events / bin")
    above.tick_params(labelbottom=False)
    below.set_ylabel("change [%]", fontsize=TINY)
    label_bins(panel.channel, below)


def _scale(above: Axes, below: Axes, sides: list[FloatArray], changes: FloatArray) -> None:
    top = max(float(np.nanmax(side, initial=0.0)) for side in sides)
    bottom = min(float(np.nanmin(side, initial=0.0)) for side in sides)
    above.set_ylim(1.2 * bottom, 1.15 * top or 1.0)
    # By the changes, not by the errors: those of thinly filled bins would hide them.
    finite = np.abs(changes[np.isfinite(changes)])
    half = 130.0 * float(np.quantile(finite, 0.98)) if finite.size else 1.0
    below.set_ylim(-max(half, 0.1), max(half, 0.1))
    below.locator_params(axis="y", nbins=4)

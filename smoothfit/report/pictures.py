"""Pictures of a report, by :mod:`smoothfit.plot`: SVG, or PNG where that is smaller, with a text in words.

Without matplotlib there are none, and the page says so.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..layout import ChannelInfo
from ..render import asymmetric, number
from ..results import (
    Breakdown,
    ChannelCompatibility,
    Contour,
    Contours,
    Coverage,
    FeldmanCousins,
    GoodnessOfFit,
    HypotestResult,
    Interval,
    Limit,
    Record,
    Scan,
    UnfoldingResult,
    Yields,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Picture", "channel_picture", "is_hidden", "record_pictures", "scan_picture"]


@dataclass(frozen=True)
class Picture:
    """An image that needs no file, and what it shows in words."""

    source: str
    """A data: address."""
    words: str


def _picture(figure: Figure, words: str, kind: str = "svg") -> Picture:
    from .. import plot

    content = plot.figure_bytes(figure, f"picture.{kind}")
    mime = {"svg": "image/svg+xml", "png": "image/png"}[kind]
    return Picture(f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}", words)


def channel_picture(channel: ChannelInfo, prefit: Yields, postfit: Yields | None) -> Picture:
    """A channel after the fit with the total before it, or before the fit."""
    from .. import plot

    record, other = (prefit, None) if postfit is None else (postfit, prefit)
    figure = plot.yields(record.with_title(""), other=other, channels=[channel.name])
    # Hatches of the uncertainty make an SVG ten times as large as a PNG.
    return _picture(figure, _channel_words(channel, record, postfit is not None), "png")


def _channel_words(channel: ChannelInfo, record: Yields, fitted: bool) -> str:
    total = record.total[channel.bins]
    when, count = "after the fit" if fitted else "before the fit", len(total)
    events = number(total.sum(), digits=5)
    text = f"Stacked yields of channel {channel.name} {when}, {count} bins: {events} events expected"
    data = record.data(channel)
    if data is None:
        return f"{text}; no data are shown."
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(total > 0.0, data / total, np.nan)
    text += f", {number(data.sum(), digits=6)} observed"
    if np.any(np.isfinite(ratio)):
        low, high = np.nanmin(ratio), np.nanmax(ratio)
        text += f"; data over expectation from {number(low, digits=3)} to {number(high, digits=3)}"
    return f"{text}."


def scan_picture(scan: Scan) -> Picture:
    """The curve of one parameter."""
    from .. import plot

    name, rise = scan.names[0], scan.delta_nll[np.isfinite(scan.delta_nll)]
    words = (
        f"Scan of {name} from {number(scan.points.min(), digits=4)} to {number(scan.points.max(), digits=4)}"
    )
    if len(rise):
        words += f"; twice the rise of the NLL goes up to {number(2.0 * rise.max(), digits=3)}"
    crossings = scan.read_off()
    if len(crossings) == 2 and scan.lower_minimum is None:
        best = float(scan.best[0])
        words += f"; 68.27% interval {asymmetric(best, crossings[1] - best, best - crossings[0])}"
    return _picture(plot.scan(scan), f"{words}.")


def _drawing(record: Record) -> Callable[[Any], Figure] | None:
    from .. import plot

    drawings: dict[type, Callable[[Any], Figure]] = {
        Breakdown: plot.breakdown,
        ChannelCompatibility: plot.gof,
        Contour: plot.contour,
        Contours: plot.contour,
        Coverage: plot.coverage,
        FeldmanCousins: plot.feldman_cousins,
        GoodnessOfFit: plot.gof,
        HypotestResult: plot.hypotest,
        Interval: plot.limit,
        Limit: plot.limit,
        Scan: plot.scan,
        UnfoldingResult: plot.unfolding,
    }
    return drawings.get(type(record))


def is_hidden(record: Record) -> bool:
    """Whether something of a record is blinded."""
    hidden: Any = getattr(record, "hidden", None)
    return hidden is not None and bool(np.any(hidden))


def record_pictures(record: Record) -> list[Picture]:
    """All pages of the picture of a record, if there is one of its kind and nothing of it is hidden."""
    from .. import plot

    draw = _drawing(record)
    if draw is None or is_hidden(record):
        return []
    heading = " ".join(record.heading().split()) or type(record).__name__
    found = plot.all_pages(draw(record))
    if len(found) == 1:
        return [_picture(found[0], heading)]
    return [_picture(page, f"{heading}, page {k} of {len(found)}") for k, page in enumerate(found, 1)]

"""The style of all pictures: colours, sizes, labels and error bars; nothing of it is set elsewhere.

Pictures are drawn with matplotlib's defaults and the settings below, whatever the user's are: only taste is
taken from those (fonts, ticks, where labels stand), as a style of mplhep sets it. Sizes are ours: text fits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec

import numpy as np

from .._optional import require
from ..errors import InvalidTypeError, InvalidValueError
from ._labels import label_text, parameter_text, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = [
    "BAND",
    "BLACK",
    "BLUE",
    "DARK",
    "DOWN",
    "DOWN_LINE",
    "FAINT",
    "FILL",
    "GREY",
    "LARGE",
    "LEVELS",
    "LIGHT",
    "LINES",
    "ORANGE",
    "PALE",
    "PALETTE",
    "PURPLE",
    "SLIDE",
    "SMALL",
    "TINIEST",
    "TINY",
    "UP",
    "Fill",
    "Page",
    "check_record",
    "fill_of",
    "heading",
    "label_text",
    "name_lines",
    "new_figure",
    "page_of",
    "parameter_text",
    "picture",
    "rest_fill",
    "shortened",
    "styled",
]

P = ParamSpec("P")

SLIDE = (13.33, 7.5)
"""The size of a slide, in inches: no picture is larger, so that the text below can be read there."""
LARGE, SMALL, TINY, TINIEST = 11.0, 9.0, 7.5, 6.0
"""Sizes of text, in points."""

# M. Petroff, "Accessible color sequences for data visualization", arXiv:2107.02270, ten colours.
PALETTE = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
_HATCHES = (None, "....", "xxx", "ooo")
_REST = "#e3e3e3"
"""Of processes that are drawn as one."""

BLACK, DARK, GREY, LIGHT, FAINT, PALE = "#000000", "#333333", "#777777", "#bbbbbb", "#dcdcdc", "#f2f2f2"
BAND = DARK
BLUE, ORANGE, PURPLE = "#1f4e79", "#e76300", "#832db6"
LINES = (BLUE, ORANGE, "#56b4e9", PURPLE, "#717581", "#bd1f01")
"""Of curves that are compared; they differ in grey, too, or in their dashes."""
UP, DOWN, DOWN_LINE = "#bd1f01", "#7fb8ea", "#3f90da"
"""Dark and light, so that they differ in grey; a line has to be darker than an area, and is dashed."""
FILL = "#b9cfe4"
"""Of toys and accepted regions."""
LEVELS = ("#7fa7d1", "#bcd2e8", "#dfeaf4")
"""Of nested regions, the innermost first."""

_OURS: Mapping[str, Any] = {
    "axes.axisbelow": "line",
    "axes.formatter.limits": (-4, 5),
    "axes.formatter.use_mathtext": True,
    "axes.labelpad": 3.0,
    "axes.labelsize": SMALL,
    "axes.linewidth": 0.8,
    "axes.titlesize": SMALL,
    "axes.titlepad": 4.0,
    "font.size": SMALL,
    "hatch.linewidth": 0.6,
    "legend.borderaxespad": 0.6,
    "legend.fontsize": TINY,
    "legend.title_fontsize": TINY,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.0,
    "xtick.labelsize": TINY,
    "ytick.labelsize": TINY,
    **{f"{axis}tick.{which}.size": size for axis in "xy" for which, size in (("major", 4.0), ("minor", 2.0))},
    **{f"{axis}tick.{which}.width": 0.7 for axis in "xy" for which in ("major", "minor")},
}
_TASTE: Mapping[str, Any] = {
    "font.family": None,
    "font.sans-serif": None,
    "font.serif": None,
    "mathtext.fontset": None,
    "mathtext.rm": None,
    "mathtext.it": None,
    "mathtext.bf": None,
    "mathtext.sf": None,
    "mathtext.cal": None,
    "mathtext.default": None,
    "axes.unicode_minus": None,
    "xaxis.labellocation": "right",
    "yaxis.labellocation": "top",
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
}
"""What a user may set, and what it is if not (None: as matplotlib has it)."""
_DRAWN = frozenset(
    {"axes", "contour", "errorbar", "figure", "font", "grid", "hatch", "hist", "image", "legend", "lines"}
    | {"markers", "mathtext", "patch", "path", "scatter", "text", "xaxis", "xtick", "yaxis", "ytick"}
)
"""The groups of settings that a drawing depends on."""

# Settings of matplotlib are the process's: two threads must not both put back what the other has set.
_LOCK = threading.RLock()


def _style() -> dict[str, Any]:
    matplotlib = require("matplotlib", feature="smoothfit.plot", extra="plot")
    default, now = matplotlib.rcParamsDefault, matplotlib.rcParams
    style = {key: default[key] for key in default if key.split(".")[0] in _DRAWN} | dict(_OURS)
    for key, ours in _TASTE.items():
        if now[key] != default[key]:
            style[key] = now[key]
        elif ours is not None:
            style[key] = ours
    return style


@contextmanager
def styled(style: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Within it matplotlib draws as pictures are drawn; afterwards its settings are what they were."""
    matplotlib = require("matplotlib", feature="smoothfit.plot", extra="plot")
    with _LOCK:
        chosen = _style() if style is None else dict(style)
        with matplotlib.rc_context(chosen):
            yield chosen


def picture(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """A function that draws a figure, in our style."""

    @wraps(draw)
    def drawn(*arguments: P.args, **options: P.kwargs) -> Figure:
        with styled():
            figure: Any = draw(*arguments, **options)
        if figure.pages > 1:
            others: Any = {name: value for name, value in options.items() if name != "page"}
            figure.again = partial(drawn, *arguments, **others)
        return figure  # type: ignore[no-any-return]

    return drawn


class Fill(NamedTuple):
    """How the area of a process looks."""

    colour: str
    hatch: str | None


def fill_of(position: int) -> Fill:
    """Colour of the process at a position; after ten the colours come again with a hatch."""
    repeat, index = divmod(position, len(PALETTE))
    return Fill(PALETTE[index], _HATCHES[repeat % len(_HATCHES)])


def rest_fill() -> Fill:
    """How the area of several processes as one looks."""
    return Fill(_REST, None)


def check_record(what: str, record: object, kind: type, made_by: str) -> None:
    """A picture is drawn from a record of its kind.

    Raises
    ------
    InvalidTypeError
        For anything else.
    """
    if not isinstance(record, kind):
        raise InvalidTypeError(
            f"{what} draws a {kind.__name__} record, got {type(record).__name__}; give it {made_by}."
        )


def new_figure(width: float, height: float, *, pages: int = 1) -> Figure:
    """An empty figure, in inches, one of so many pages, of the style that it is made in."""
    require("matplotlib.figure", feature="smoothfit.plot", extra="plot")
    from ._figure import Picture

    made = Picture(figsize=(width, height), layout="constrained")
    made.pages = pages
    return made


def heading(
    figure: Figure | SubFigure, text: str, handles: Any = (), labels: Any = (), *, columns: int = 1
) -> None:
    """A line of text above the panels, and below it a legend of all of them."""
    if not text and not len(labels):
        return
    legend = figure.legend(
        handles,
        labels,
        title=text or None,
        loc="outside upper left",
        ncols=max(1, min(columns, len(labels))),
        title_fontsize=SMALL,
        frameon=False,
        handlelength=1.6,
        columnspacing=1.4,
        borderpad=0.0,
        alignment="left",
    )
    legend.get_title().set_multialignment("left")


class Page(NamedTuple):
    """What a page of a list shows."""

    at: range
    """Positions of its entries."""
    text: str
    """Which page it is, in words; empty if there is only one."""
    pages: int
    """How many there are."""


def page_of(what: str, count: int, n: int, page: int) -> Page:
    """One page of a list, all pages of about the same length.

    Raises
    ------
    InvalidValueError
        If there is no such page.

    Examples
    --------
    >>> page_of("plot.pulls", 14, 12, 2)
    Page(at=range(7, 14), text='page 2 of 2', pages=2)
    """
    for name, value in (("page", page), ("n", n)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise InvalidValueError(f"{what}: {name} must be a whole number from 1 on, got {value!r}.")
    pages = max(1, -(-count // n))
    if page > pages:
        raise InvalidValueError(f"{what}: page {page} of {pages}: there is no such page.")
    each = -(-count // pages)
    text = f"page {page} of {pages}" if pages > 1 else ""
    return Page(range(min(each * (page - 1), count), min(each * page, count)), text, pages)


def name_lines(axes: Axes, names: list[str], size: float = TINY) -> None:
    """Lines of a list, the first on top: a name each, and no ticks."""
    axes.set_yticks(np.arange(len(names)), names, fontsize=size)
    axes.tick_params(axis="y", which="both", length=0.0)
    axes.set_ylim(max(len(names), 1) - 0.4, -0.6)

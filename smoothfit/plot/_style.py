"""Colours, labels and error bars that the pictures share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import gammaincinv

from .._optional import require
from .._types import FloatArray
from ..errors import InvalidTypeError
from ..layout import Layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "BAND",
    "LARGE",
    "SMALL",
    "TINY",
    "Fill",
    "check_record",
    "fill_of",
    "label_text",
    "new_figure",
    "parameter_text",
    "poisson_interval",
]

# M. Petroff, "Accessible color sequences for data visualization", arXiv:2107.02270, ten colours.
_PALETTE = (
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
BAND = "#333333"
LARGE, SMALL, TINY = 11.0, 9.0, 7.5
"""Sizes of text, in points."""


class Fill(NamedTuple):
    """How the area of a process looks."""

    colour: str
    hatch: str | None


def fill_of(position: int) -> Fill:
    """Colour of the process at a position; after ten the colours come again with a hatch."""
    repeat, index = divmod(position, len(_PALETTE))
    return Fill(_PALETTE[index], _HATCHES[repeat % len(_HATCHES)])


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


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    figure = require("matplotlib.figure", feature="smoothfit.plot", extra="plot")
    made: Figure = figure.Figure(figsize=(width, height), layout="constrained")
    return made


def _is_drawable(text: str) -> bool:
    parser = require("matplotlib.mathtext", feature="smoothfit.plot", extra="plot")
    try:
        parser.MathTextParser("agg").parse(text)
    except ValueError:
        return False
    return True


def label_text(label: str | None, name: str) -> str:
    r"""What to write for something: its label, in LaTeX where it has ``$`` or a command, or its name.

    A label that matplotlib cannot set is replaced by the name.

    Examples
    --------
    >>> label_text(r"\mu_{t}", "mu"), label_text(None, "cost_in_$")
    ('$\\mu_{t}$', 'cost_in_\\$')
    """
    plain = name.replace("$", r"\$")
    if not label:
        return plain
    text = f"${label}$" if "$" not in label and re.search(r"\\[A-Za-z]", label) else label
    return text if _is_drawable(text) else plain


def parameter_text(layout: Layout, name: str, *, with_unit: bool = True) -> str:
    """What to write for a parameter: the label of its variable, with its unit, or its name."""
    at = layout.positions(name)[0]
    owner = next((v for v in layout.variables if at in v.indices), None)
    if owner is None:
        return label_text(None, name)
    # A label names the variable: of an array it would name all components alike.
    text = label_text(owner.label if owner.is_scalar else None, name)
    return f"{text} [{owner.unit}]" if owner.unit and with_unit else text


def poisson_interval(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Errors (down, up) of observed counts: the central 68.27% interval of Garwood.

    Examples
    --------
    >>> down, up = poisson_interval(np.array([0.0, 9.0]))
    >>> down.round(2), up.round(2)
    (array([0.  , 2.94]), array([1.84, 4.11]))
    """
    n = np.maximum(np.asarray(counts, dtype=np.float64), 0.0)
    tail = 0.15865525393145707
    lower = np.where(n > 0.0, gammaincinv(np.where(n > 0.0, n, 1.0), tail), 0.0)
    return n - lower, gammaincinv(n + 1.0, 1.0 - tail) - n

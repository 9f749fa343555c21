"""Whose a picture is: the name of the experiment, a status and the luminosity above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InvalidTypeError
from ._style import BLACK, LARGE, label_text, picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["labelled"]

_HEIGHT = 0.3
"""Of the line of text, in inches."""


@picture
def labelled(
    figure: Figure,
    experiment: str,
    status: str = "",
    *,
    lumi: float | str | None = None,
    energy: float | str | None = None,
) -> Figure:
    """A picture with a line above it: the experiment, a status, luminosity and energy.

    The figure grows by that line; everything in it stays as it is. (The labels of mplhep stand at one
    panel, in a size of its style; these are for figures of many panels.)

    Parameters
    ----------
    figure
        A picture of this module.
    experiment, status
        As "CMS" and "Preliminary".
    lumi, energy
        Integrated luminosity in inverse femtobarns and energy in TeV; text is written as it is.

    Raises
    ------
    InvalidTypeError
        For something that is no picture of this module.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothfit.plot import pulls
    >>> from smoothfit.results import Pulls
    >>> figure = pulls(Pulls(("lumi",), (None,), np.array([0.1]), np.array([0.9])))
    >>> [text.get_text() for text in labelled(figure, "CMS", "Preliminary", lumi=138, energy=13).texts]
    ['CMS', 'Preliminary', '138 fb$^{-1}$ (13 TeV)']
    """
    from ._figure import Picture

    if not isinstance(figure, Picture):
        raise InvalidTypeError(
            f"plot.labelled: expected a figure that smoothfit.plot made, got {type(figure).__name__}."
        )
    figure.reserve(_HEIGHT)
    left, right, base = 0.1, 0.1, 0.09
    width, height = figure.get_size_inches()
    y = 1.0 - (_HEIGHT - base) / height
    name = figure.text(left / width, y, label_text(None, experiment), fontsize=LARGE, fontweight="bold")
    texts = [name]
    if status:
        end = name.get_window_extent().transformed(figure.transFigure.inverted()).x1
        texts.append(
            figure.text(
                end + 0.08 / width, y, label_text(None, status), fontsize=LARGE - 1.0, fontstyle="italic"
            )
        )
    shown = _numbers(lumi, energy)
    if shown:
        texts.append(figure.text(1.0 - right / width, y, shown, fontsize=LARGE - 1.0, ha="right"))
    for text in texts:
        text.set(color=BLACK, va="baseline", in_layout=False)
    return figure


def _numbers(lumi: float | str | None, energy: float | str | None) -> str:
    amount, at = _with_unit(lumi, r"fb$^{-1}$"), _with_unit(energy, "TeV")
    return f"{amount} ({at})".strip() if at else amount


def _with_unit(value: float | str | None, unit: str) -> str:
    if isinstance(value, str):
        return label_text(value, value)
    return "" if value is None else f"{value:g} {unit}"

"""The correlation matrix of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import plural
from ..errors import InvalidTypeError, InvalidValueError, UnknownNameError
from ..results import FitResult
from ._style import SMALL, TINY, check_record, new_figure, parameter_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["correlation"]

_MOST = 60
_NUMBERED = 16
"""Up to so many parameters the numbers are written into the cells."""
_CELL = 0.17
_SMALLEST = 3.6


def correlation(best_fit: FitResult, names: Any = None) -> Figure:
    """Correlations of the fitted parameters; the title says what is left out.

    Parameters
    ----------
    best_fit
        A fit.
    names
        Names, Variables or regular expressions, in the order to draw them; or how many to draw, those with
        the largest correlations. By default all free parameters, at most 60.

    Raises
    ------
    InvalidTypeError
        For something that is no result of a fit.
    InvalidValueError
        If a parameter is named that was held, or a bin parameter; a fit has no correlations of those.
    UnknownNameError
        For a name that matches nothing.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    >>> sig = Process("sig", [50.0, 1.0]).scale_by(mu)
    >>> model = Model().add_proc(sig).add_proc(Process("bkg", [100.0, 400.0]).scale_by(norm)).prepare()
    >>> figure = correlation(model.fit([150.0, 401.0]))
    >>> figure.axes[0].get_title(loc="left")
    '2 parameters'
    """
    check_record("plot.correlation", best_fit, FitResult, "model.fit(obs)")
    layout, n = best_fit.layout, best_fit.layout.n_params
    free = np.flatnonzero(~best_fit.fixed[:n])
    chosen = _chosen(best_fit, names, free)
    matrix = best_fit.correlation[np.ix_(chosen, chosen)]
    size = max(_SMALLEST, _CELL * len(chosen) + 1.6)
    figure = new_figure(size + 0.8, size)
    axes = figure.add_subplot()
    axes.set_facecolor("#d9d9d9")
    image = axes.imshow(matrix, vmin=-1.0, vmax=1.0, cmap="RdBu_r")
    texts = [parameter_text(layout, layout.names[i], with_unit=False) for i in chosen]
    axes.set_xticks(np.arange(len(chosen)), texts, rotation=90, fontsize=TINY)
    axes.set_yticks(np.arange(len(chosen)), texts, fontsize=TINY)
    if len(chosen) <= _NUMBERED:
        for (i, j), value in np.ndenumerate(matrix):
            colour = "white" if abs(value) > 0.6 else "black"
            axes.text(
                j,
                i,
                f"{value:.2f}".replace("-0.00", "0.00"),
                ha="center",
                va="center",
                fontsize=5.5,
                color=colour,
            )
    axes.set_title(_title(len(chosen), len(free), n), fontsize=SMALL, loc="left")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("correlation", fontsize=SMALL)
    bar.ax.tick_params(labelsize=TINY)
    return figure


def _title(drawn: int, free: int, all_: int) -> str:
    held = f"; {all_ - free} held" if all_ > free else ""
    count = plural(drawn, "parameter")
    return f"{count}{held}" if drawn == free else f"{count} of {free} free ones{held}"


def _chosen(best_fit: FitResult, names: Any, free: np.ndarray) -> list[int]:
    """Positions to draw, in order."""
    if names is None:
        names = _MOST
    if isinstance(names, int | np.integer) and not isinstance(names, bool):
        if names < 1:
            raise InvalidValueError(f"plot.correlation: names must be 1 or more, got {names}.")
        return _largest(best_fit, free, int(names))
    listed = list(names) if isinstance(names, Sequence) and not isinstance(names, str) else [names]
    found: list[int] = []
    for key in listed:
        if not isinstance(key, str) and not hasattr(key, "sub_names"):
            raise InvalidTypeError(f"plot.correlation: names must be names or Variables, got {key!r}.")
        matching = best_fit.layout.positions(key, patterns=True)
        usable = [i for i in matching if i in free]
        if not usable:
            raise InvalidValueError(
                f"plot.correlation: '{best_fit.layout.names[matching[0]]}' was held, or belongs to a bin: "
                "there is no correlation of it."
            )
        found += usable
    if not found:
        raise UnknownNameError("plot.correlation: names is empty; name parameters, or leave it out.")
    return list(dict.fromkeys(found))


def _largest(best_fit: FitResult, free: np.ndarray, count: int) -> list[int]:
    """Those with the largest correlation to any other one, in the order of the fit."""
    size = np.abs(best_fit.correlation[np.ix_(free, free)] - np.eye(len(free))).max(axis=1, initial=0.0)
    # NaN sorts to the end.
    order = np.argsort(-size, kind="stable")[:count]
    return [int(i) for i in np.sort(free[order])]

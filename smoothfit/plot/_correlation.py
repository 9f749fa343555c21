"""The correlation matrix of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import plural
from .._types import FloatArray
from ..errors import InvalidTypeError, InvalidValueError, UnknownNameError
from ..results import FitResult
from ._style import (
    BLACK,
    FAINT,
    SLIDE,
    SMALL,
    TINIEST,
    TINY,
    check_record,
    new_figure,
    parameter_text,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["correlation", "mark_negative", "write_cells"]

_MOST = 60
_NUMBERED = 16
"""Up to so many parameters the numbers are written into the cells."""
_DASHED = 0.2
_CELL, _LINE = 0.3, 0.095
_SMALLEST = 3.8


@picture
def correlation(best_fit: FitResult, names: Any = None, *, clustered: bool = False) -> Figure:
    """Correlations of the fitted parameters; the title says what is left out.

    Up to 16 parameters have their numbers in the cells; of more, those below -0.2 have a dash.

    Parameters
    ----------
    best_fit
        A fit.
    names
        Names, Variables or regular expressions, in the order to draw them; or how many to draw, those with
        the largest correlations. By default all free parameters, at most 60; more are larger than a slide.
    clustered
        Whether to put next to each other what is correlated: leaves of a tree by average linkage, with
        1 - |correlation| for a distance (scipy.cluster.hierarchy).

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
    if clustered and len(chosen) > 2:
        order = _clusters(matrix)
        chosen, matrix = [chosen[i] for i in order], matrix[np.ix_(order, order)]
    size = float(np.clip(_CELL * len(chosen) + 1.6, _SMALLEST, SLIDE[1]))
    # Who names more than fit a slide gets what is asked for.
    size = max(size, _LINE * len(chosen) + 1.6)
    figure = new_figure(size + 0.9, size)
    axes = figure.add_subplot()
    axes.set_facecolor(FAINT)
    image = axes.imshow(matrix, vmin=-1.0, vmax=1.0, cmap="RdBu_r", interpolation="none")
    small = len(chosen) > _NUMBERED
    longest = 20 if len(chosen) > 30 else 34
    texts = [parameter_text(layout, layout.names[i], with_unit=False, longest=longest) for i in chosen]
    text_size = TINY if len(chosen) <= 30 else TINIEST
    axes.set_xticks(np.arange(len(chosen)), texts, rotation=90, fontsize=text_size)
    axes.set_yticks(np.arange(len(chosen)), texts, fontsize=text_size)
    axes.tick_params(which="both", length=0.0)
    if small:
        mark_negative(axes, matrix)
    else:
        write_cells(axes, matrix)
    kind = ", clustered" if clustered else ""
    axes.set_title(_title(len(chosen), len(free), n) + kind, fontsize=SMALL, loc="left")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("correlation")
    return figure


def write_cells(axes: Axes, matrix: FloatArray) -> None:
    """The numbers of a matrix of correlations."""
    for (i, j), value in np.ndenumerate(matrix):
        text = f"{value:.2f}".replace("-0.00", "0.00")
        colour = "white" if abs(value) > 0.6 else BLACK
        axes.text(j, i, text, ha="center", va="center", fontsize=TINIEST, color=colour)


def mark_negative(axes: Axes, matrix: FloatArray) -> None:
    """A dash in cells that are clearly negative: in grey both signs look alike."""
    down, across = np.nonzero(np.nan_to_num(matrix) < -_DASHED)
    if len(down):
        size = max(1.5, 90.0 / len(matrix))
        axes.plot(across, down, "_", color=BLACK, markersize=size, markeredgewidth=0.7)


def _clusters(matrix: FloatArray) -> list[int]:
    """An order in which the correlated are neighbours."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    # What has no correlation is far from all.
    distance = 1.0 - np.abs(np.nan_to_num(matrix))
    distance = 0.5 * (distance + distance.T)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(np.maximum(distance, 0.0), checks=False), "average", optimal_ordering=True)
    return [int(i) for i in leaves_list(tree)]


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

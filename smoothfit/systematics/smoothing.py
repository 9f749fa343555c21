"""Smoothing: templates without the fluctuations of the simulation that they were made with.

What is smoothed is the effect of a variation, its ratio to the nominal yields (or its difference from
them), not the template: fluctuations that the variation shares with the nominal one cancel there. By
default the template keeps its integral. That is what cabinetry does, and CMS analyses by lowess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .._checks import check_choice, check_flag
from .._types import FloatArray
from ..build import ChannelContrib
from ..build.declarations import Declaration, Shape
from ..model import Model
from ..results import Note
from .changes import Change, Changes
from .editing import Log, Place, Selection, edited
from .smoothers import FEWEST, lowess, smooth_353qh

__all__ = ["METHODS", "smooth"]

METHODS = ("lowess", "353QH")
_Smoother = Callable[[FloatArray, FloatArray], FloatArray]
"""(positions, values) -> values"""


def smooth(
    model: Model,
    *,
    method: str = "lowess",
    of: str = "ratio",
    keep_norm: bool = True,
    span: float = 2.0 / 3.0,
    iterations: int = 3,
    times: int = 1,
    nuisances: Any = None,
    processes: Any = None,
    channels: Any = None,
) -> tuple[Model, Changes]:
    """A model with smooth templates of systematics, and what was changed.

    Parameters
    ----------
    method
        "lowess" (:func:`lowess`, over bin centres) or "353QH" (:func:`smooth_353qh`, as ROOT's TH1::Smooth,
        over bins whatever their widths).
    of
        "ratio": up/nominal and down/nominal are smoothed. "difference": up - nominal and down - nominal.
    keep_norm
        Whether templates are scaled to the integral that they had.
    span, iterations
        Of lowess.
    times
        How often 353QH is done.
    nuisances, processes, channels
        Names or regular expressions of what is smoothed; all shapes by default.

    Returns
    -------
    model, changes
        A copy, prepared if the model is. Bins without nominal yield are left as they are; of several axes
        only the last one is smoothed along, for each bin of the others.

    Raises
    ------
    InvalidTypeError, InvalidValueError, UnknownNameError
        For options that are none, patterns that match nothing, and templates whose integral would not be
        positive where their kind needs that.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> jes = Variable("jes", 0.0, nuisance=True)
    >>> nominal, up = [100.0] * 5, [110.0, 110.0, 140.0, 110.0, 110.0]
    >>> model = Model().add_proc(Process("bkg", nominal).add_shape(jes, up, nominal))
    >>> smoothed, changes = smooth(model, method="353QH", keep_norm=False)
    >>> smoothed.specification.processes[0]["main"].effects[0].up
    array([[110., 110., 110., 110., 110.]])
    """
    check_choice("smooth: method", method, METHODS)
    check_choice("smooth: of", of, ("ratio", "difference"))
    check_flag("smooth: keep_norm", keep_norm)

    def by(x: FloatArray, y: FloatArray) -> FloatArray:
        return (
            lowess(x, y, span=span, iterations=iterations) if method == "lowess" else smooth_353qh(y, times)
        )

    # Options are checked also where there is nothing to smooth.
    by(np.arange(3.0), np.arange(3.0))

    def edit(place: Place, declaration: Declaration, log: Log) -> Declaration:
        if not isinstance(declaration, Shape):
            return declaration
        return _smooth_shape(place, declaration, by, of, keep_norm, log)

    return edited(f"smooth by {method}, {of}", model, Selection(nuisances, processes, channels), edit)


def _smooth_shape(place: Place, shape: Shape, by: _Smoother, of: str, keep_norm: bool, log: Log) -> Shape:
    contrib = place.contrib
    assert contrib is not None  # shapes belong to contributions
    sides = []
    for side, template in (("up", shape.up), ("down", shape.down)):
        rows = np.array(template)
        for i, row in enumerate(place.rows):
            found = _smoothed(contrib, rows[i], contrib.yields[i], by, of, keep_norm)
            if found is None:
                why = f"fewer than {FEWEST} bins with nominal yields, one after the other"
                log.left.append(Note(f"'{row}' in '{place.channel}'", f"{shape.variable.name} {side}", why))
            elif not np.allclose(found, rows[i], rtol=1e-12, atol=0.0):
                steps = [_largest_step(_effect(t, contrib.yields[i], "ratio")) for t in (rows[i], found)]
                figure = f"largest step of {side}/nominal"
                log.changes.append(
                    Change(shape.variable.name, row, place.channel, f"{side} smoothed", figure, *steps)
                )
                rows[i] = found
        sides.append(rows)
    return replace(shape, up=sides[0], down=sides[1])


def _effect(template: FloatArray, nominal: FloatArray, of: str) -> FloatArray:
    """What is smoothed, NaN where there is no nominal yield."""
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = template / nominal if of == "ratio" else template - nominal
    return np.where(nominal == 0.0, np.nan, effect)


def _largest_step(effect: FloatArray) -> float:
    return float(np.nanmax(np.abs(np.diff(effect)), initial=0.0))


def _smoothed(
    contrib: ChannelContrib,
    template: FloatArray,
    nominal: FloatArray,
    by: _Smoother,
    of: str,
    keep_norm: bool,
) -> FloatArray | None:
    """The smooth template; None if no block of bins is long enough."""
    effect = _effect(template, nominal, of)
    result = template.copy()
    done = False
    for block, centres in _blocks(contrib):
        known = np.isfinite(effect[block])
        if known.sum() < FEWEST:
            continue
        done = True
        smooth_effect = by(centres[known], effect[block][known])
        at = np.arange(len(template))[block][known]
        result[at] = nominal[at] * smooth_effect if of == "ratio" else nominal[at] + smooth_effect
    if not done:
        return None
    total = result.sum()
    return result * (template.sum() / total) if keep_norm and total != 0.0 else result


def _blocks(contrib: ChannelContrib) -> Iterator[tuple[slice, FloatArray]]:
    """Bins that follow one another on the last axis, with their centres (numbers, if not finite)."""
    last = contrib.axes[-1] if contrib.axes else None
    size = contrib.n_bins if last is None else last.size
    edges = None if last is None else last.edges
    centres = np.arange(size, dtype=np.float64)
    if edges is not None and len(edges) == size + 1 and np.all(np.isfinite(edges)):
        centres = 0.5 * (edges[1:] + edges[:-1])
    for first in range(0, contrib.n_bins, size):
        yield slice(first, first + size), centres

"""Symmetrising: up and down at the same distance from the nominal yields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .._checks import check_choice
from .._types import FloatArray
from ..build.declarations import Declaration, Shape, Systematic
from ..effects import LnN
from ..model import Model
from .changes import Change, Changes
from .editing import Log, Place, Selection, edited

__all__ = ["METHODS", "symmetrise"]

METHODS = ("average", "up", "down", "larger")
_SAME = 1e-12
_FIGURE = "largest distance of (up + down)/2 from nominal"


def symmetrise(
    model: Model,
    *,
    method: str = "average",
    nuisances: Any = None,
    processes: Any = None,
    channels: Any = None,
) -> tuple[Model, Changes]:
    """A model whose shapes and log-normals are symmetric, and what was changed.

    With U = up - nominal and V = down - nominal in a bin, up and down become nominal + S and nominal - S.
    Log-normals: the same with U and V the logarithms of kappa, so that kappa_down = 1/kappa_up.

    Parameters
    ----------
    method
        "average": S = (U - V)/2. "up": S = U. "down": S = -V. "larger": in each bin, U or -V, whichever is
        larger in size.
    nuisances, processes, channels
        Names or regular expressions of what is symmetrised; all by default. What acts in all channels of a
        process is chosen only where ``channels`` is not given.

    Returns
    -------
    model, changes
        A copy, prepared if the model is. What is symmetric already is left, other effects too.

    Raises
    ------
    InvalidTypeError, InvalidValueError, UnknownNameError
        For an unknown method, patterns that match nothing, and templates whose integral would not be positive
        where their kind needs that.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> jes = Variable("jes", 0.0, nuisance=True)
    >>> model = Model().add_proc(Process("bkg", [50.0, 40.0]).add_shape(jes, [54.0, 41.0], [48.0, 40.0]))
    >>> symmetric, changes = symmetrise(model)
    >>> symmetric.specification.processes[0]["main"].effects[0].down
    array([[47. , 39.5]])
    """
    check_choice("symmetrise: method", method, METHODS)

    def edit(place: Place, declaration: Declaration, log: Log) -> Declaration:
        if isinstance(declaration, Shape):
            return _symmetric_shape(place, declaration, method, log)
        if isinstance(declaration, Systematic) and isinstance(declaration.effect, LnN):
            return _symmetric_lnn(place, declaration, method, log)
        return declaration

    return edited(f"symmetrise by '{method}'", model, Selection(nuisances, processes, channels), edit)


def _half(up: FloatArray, down: FloatArray, method: str) -> FloatArray:
    """S, from U and V."""
    if method == "average":
        return 0.5 * (up - down)
    if method == "larger":
        return np.where(np.abs(up) >= np.abs(down), up, -down)
    return up if method == "up" else -down


def _distance(up: FloatArray, down: FloatArray, nominal: FloatArray) -> FloatArray:
    """(row,): the largest distance of the mean of both from the nominal yields, relative to these."""
    middle = np.abs(0.5 * (up + down) - nominal)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(middle == 0.0, 0.0, middle / np.abs(nominal))
    result: FloatArray = relative.max(axis=1, initial=0.0)
    return result


def _symmetric_shape(place: Place, shape: Shape, method: str, log: Log) -> Shape:
    assert place.contrib is not None  # shapes belong to contributions
    nominal = place.contrib.yields
    half = _half(shape.up - nominal, shape.down - nominal, method)
    before = _distance(shape.up, shape.down, nominal)
    if np.all(before < _SAME):
        return shape
    up, down = nominal + half, nominal - half
    after = _distance(up, down, nominal)
    for i, row in enumerate(place.rows):
        if before[i] >= _SAME:
            figures = float(before[i]), float(after[i])
            log.changes.append(
                Change(shape.variable.name, row, place.channel, "symmetrised", _FIGURE, *figures)
            )
    return replace(shape, up=up, down=down)


def _symmetric_lnn(place: Place, systematic: Systematic, method: str, log: Log) -> Systematic:
    effect: Any = systematic.effect
    up, down = np.log(np.atleast_1d(effect.up)), np.log(np.atleast_1d(effect.down))
    kappa, before = np.exp(_half(up, down, method)), np.abs(0.5 * (np.exp(up) * np.exp(down) - 1.0))
    if np.all(np.abs(up + down) < _SAME):
        return systematic
    log.changes.append(
        Change(
            systematic.variable.name,
            place.process.name,
            place.channel,
            "symmetrised",
            "|kappa_up kappa_down - 1| / 2",
            float(before.max()),
            0.0,
        )
    )
    numbers = (1.0 / kappa).tolist(), kappa.tolist()
    return replace(systematic, effect=LnN(numbers, interpolation=effect.interpolation))

"""Pruning: systematics whose effect is below a threshold are dropped.

The normalisation and the shape of a variation are judged apart, for every process (sub-process) and
channel, each at one standard deviation:

* normalisation: the larger of the relative changes of the integral by up and down;
* shape: the largest relative change of a bin, by up or down scaled to the nominal integral.

Of a shape that keeps only its normalisation a log-normal is left where that is what its kind does with
it, so that it costs no templates any more; what is left has the effect that it had.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .._checks import as_floats, describe
from .._types import BoolArray, FloatArray
from ..build.declarations import Declaration, Shape, Systematic
from ..build.selection import Region
from ..effects import LnN
from ..effects.shape import NO_NORMALISATION, NORMALISED
from ..errors import InvalidValueError
from ..model import Model
from .changes import Change, Changes
from .editing import Log, Place, Selection, edited

__all__ = ["prune"]

_NORM, _SHAPE = "change of the integral", "largest change of a bin"


def prune(
    model: Model,
    *,
    norm: float = 0.005,
    shape: float = 0.005,
    nuisances: Any = None,
    processes: Any = None,
    channels: Any = None,
) -> tuple[Model, Changes]:
    """A model without the systematics that are too small to matter, and what was dropped.

    Parameters
    ----------
    norm, shape
        Relative changes below which the normalisation, or the shape, of a variation is dropped; 0 keeps it.
    nuisances, processes, channels
        Names or regular expressions of what may be pruned; all by default. What acts in all channels of a
        process is pruned only where ``channels`` is not given.

    Returns
    -------
    model, changes
        A copy, prepared if the model is; shapes and log-normals are pruned, other effects stay.

    Raises
    ------
    InvalidTypeError, InvalidValueError, UnknownNameError
        For thresholds that are none, patterns that match nothing, and nuisances that a further term of the
        likelihood uses.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> jes, lumi = (Variable(name, 0.0, nuisance=True) for name in ("jes", "lumi"))
    >>> bkg = Process("bkg", [50.0, 40.0]).add_lnN(lumi, 1.001)
    >>> model = Model().add_proc(bkg.add_shape(jes, [52.0, 41.6], [48.0, 38.4]))
    >>> pruned, changes = prune(model)
    >>> [(change.nuisance, change.what) for change in changes.changes], changes.vanished
    ([('lumi', 'dropped'), ('jes', 'shape dropped')], ('lumi',))
    """
    limits = _threshold("norm", norm), _threshold("shape", shape)

    def edit(place: Place, declaration: Declaration, log: Log) -> Declaration | None:
        if isinstance(declaration, Shape):
            return _pruned_shape(place, declaration, limits, log)
        if isinstance(declaration, Systematic) and isinstance(declaration.effect, LnN):
            return _pruned_lnn(place, declaration, limits[0], log)
        return declaration

    return edited("prune", model, Selection.read("prune", nuisances, processes, channels), edit)


def _threshold(what: str, given: Any) -> float:
    number = as_floats(f"prune: {what}", given)
    if number.ndim != 0 or not np.isfinite(number) or number < 0.0:
        raise InvalidValueError(
            f"prune: {what} must be a number from 0 on, got {describe(given)}; 0.005 is 0.5%."
        )
    return float(number)


def _change(
    place: Place, declaration: Shape | Systematic, row: str, what: str, figure: str, before: float
) -> Change:
    return Change(declaration.variable.name, row, place.channel, what, figure, float(before), 0.0)


# -- log-normals ---------------------------------------------------------------------------------


def _pruned_lnn(place: Place, systematic: Systematic, limit: float, log: Log) -> Declaration | None:
    effect: Any = systematic.effect
    down, up = np.atleast_1d(effect.down), np.atleast_1d(effect.up)
    size = np.maximum(np.abs(up - 1.0), np.abs(down - 1.0))
    small = size < limit
    if not small.any():
        return systematic
    rows = _rows_of(place, systematic, len(size))
    log.changes += [
        _change(place, systematic, row, "dropped", _NORM, size[i]) for i, row in enumerate(rows) if small[i]
    ]
    if small.all():
        return None
    kept = LnN(
        (np.where(small, 1.0, down).tolist(), np.where(small, 1.0, up).tolist()),
        interpolation=effect.interpolation,
    )
    return replace(systematic, effect=kept)


def _rows_of(place: Place, systematic: Systematic, numbers: int) -> tuple[str, ...]:
    """Names of what the numbers of an effect are for."""
    if numbers == 1:
        return (place.process.name,)
    chosen = Region(systematic.region.sub_procs)
    if place.contrib is None:
        chosen = chosen.resolve("prune", place.rows, len(place.rows), 0)
    return tuple(place.rows[int(i)] for i in chosen.rows(len(place.rows)))


# -- shapes --------------------------------------------------------------------------------------


class _Sizes(NamedTuple):
    """Of a shape, (row,): effects at one standard deviation, and what would be dropped."""

    ratio_up: FloatArray
    ratio_down: FloatArray
    norm: FloatArray
    shape: FloatArray
    drop_norm: BoolArray
    drop_shape: BoolArray


def _sizes(shape: Shape, nominal: FloatArray, limits: tuple[float, float]) -> _Sizes:
    total = nominal.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        up, down = (template.sum(axis=1) / total for template in (shape.up, shape.down))
        usable = (total > 0.0) & (up > 0.0) & (down > 0.0)
        norm = np.maximum(np.abs(up**shape.scale - 1.0), np.abs(down**shape.scale - 1.0))
        deviations = [
            np.abs(template / ratio[:, None] - nominal) / nominal
            for template, ratio in ((shape.up, up), (shape.down, down))
        ]
    # An empty bin that stays empty has no change; one that is filled has no bound.
    empty = nominal == 0.0
    filled = empty & ((shape.up != 0.0) | (shape.down != 0.0))
    largest = np.where(filled, np.inf, np.where(empty, 0.0, np.maximum(*deviations)))
    size = shape.scale * largest.max(axis=1, initial=0.0)
    if shape.kind in NORMALISED:
        norm = np.where(
            (np.abs(up - 1.0) < NO_NORMALISATION) & (np.abs(down - 1.0) < NO_NORMALISATION), 0.0, norm
        )
    return _Sizes(up, down, norm, size, usable & (norm < limits[0]), usable & (size < limits[1]))


def _pruned_shape(place: Place, shape: Shape, limits: tuple[float, float], log: Log) -> Declaration | None:
    contrib = place.contrib
    assert contrib is not None  # shapes belong to contributions
    sizes = _sizes(shape, contrib.yields, limits)
    if not (sizes.drop_norm.any() or sizes.drop_shape.any()):
        return shape
    for i, row in enumerate(place.rows):
        log.changes += _described(place, shape, row, sizes, i)
    if np.all(sizes.drop_norm & sizes.drop_shape):
        return None
    if np.all(sizes.drop_shape) and shape.kind in NORMALISED and not _has_lnn(place, shape):
        return _as_lnn(shape, sizes)
    up, down = (
        _without_dropped(template, contrib.yields, ratio, sizes)
        for template, ratio in ((shape.up, sizes.ratio_up), (shape.down, sizes.ratio_down))
    )
    return replace(shape, up=up, down=down)


def _described(place: Place, shape: Shape, row: str, sizes: _Sizes, i: int) -> list[Change]:
    norm, form = bool(sizes.drop_norm[i]), bool(sizes.drop_shape[i])
    if norm and form:
        larger = max(sizes.norm[i], sizes.shape[i])
        return [_change(place, shape, row, "dropped", _SHAPE if larger == sizes.shape[i] else _NORM, larger)]
    if norm and sizes.norm[i] > 0.0:
        return [_change(place, shape, row, "normalisation dropped", _NORM, sizes.norm[i])]
    return [_change(place, shape, row, "shape dropped", _SHAPE, sizes.shape[i])] if form else []


def _without_dropped(
    template: FloatArray, nominal: FloatArray, ratio: FloatArray, sizes: _Sizes
) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(sizes.drop_norm[:, None], template / ratio[:, None], template)
        bare = nominal * np.where(sizes.drop_norm, 1.0, ratio)[:, None]
    return np.where(sizes.drop_shape[:, None], bare, scaled)


def _has_lnn(place: Place, shape: Shape) -> bool:
    """Whether a log-normal of the nuisance acts there, beside which there can be no second one."""
    return any(
        isinstance(d, Systematic) and isinstance(d.effect, LnN) and d.variable is shape.variable
        for d in place.declared
    )


def _as_lnn(shape: Shape, sizes: _Sizes) -> Systematic:
    """The log-normal that a shape of this kind has for its normalisation."""
    down, up = (
        np.where(sizes.drop_norm, 1.0, ratio**shape.scale) for ratio in (sizes.ratio_down, sizes.ratio_up)
    )
    numbers = (float(down[0]), float(up[0])) if len(up) == 1 else (down.tolist(), up.tolist())
    return Systematic(variable=shape.variable, effect=LnN(numbers))

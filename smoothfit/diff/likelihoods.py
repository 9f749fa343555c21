"""How far two likelihoods are apart: :func:`nll_difference`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._checks import describe
from .._types import ArrayLike, BoolArray, FloatArray
from ..errors import InvalidTypeError, InvalidValueError
from ..layout import Layout
from ..model import Model
from ..results import NllDifference

__all__ = ["nll_difference", "shared_names"]

_FREE = 0.3
"""Free parameters are drawn within this of their start, relative to it where that is above 1."""
_NEGATIVE = 1e-8
"""Expectations below this many events less than nothing are no expectations."""
_SMALLEST = 1e-3
"""Factors of bins are drawn above this."""


def shared_names(first: Layout, second: Layout) -> tuple[str, ...]:
    """Parameters (their components) and bin parameters that both have, in the order of the first."""
    known = set(second.names)
    return tuple(name for name in first.names if name in known)


def nll_difference(
    model_a: Model,
    obs_a: ArrayLike,
    model_b: Model,
    obs_b: ArrayLike,
    *,
    n: int = 50,
    seed: int = 0,
) -> NllDifference:
    """The largest difference of two NLLs over random points, each less its value at the start.

    Parameters are matched by name, components by theirs, bin parameters too; what only one model has stays at
    its start. The start is that of ``model_a``. Constrained parameters are drawn within their uncertainties,
    free ones near the start, all within the limits of both. Where both models expect negative events in a bin
    the difference is relative to the NLL; where one does only the point is counted, not compared.

    Parameters
    ----------
    model_a, obs_a, model_b, obs_b
        Prepared models with their data.
    n, seed
        How many points, and of which random numbers.

    Raises
    ------
    InvalidValueError
        For models that share no parameter, and no points.
    InvalidTypeError
        For what is no model.

    Examples
    --------
    >>> from smoothfit import Process, Variable
    >>> def counting(yields):
    ...     return Model().add_proc(Process("sig", yields).scale_by(Variable("mu", 1.0))).prepare()
    >>> round(nll_difference(counting([9.0]), [8.0], counting([9.0]), [8.0]).largest, 12)
    0.0
    """
    for model in (model_a, model_b):
        if not isinstance(model, Model):
            raise InvalidTypeError(f"nll_difference: expected a Model, got {describe(model)}.")
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise InvalidValueError(f"nll_difference: n must be a number of points, at least 1, got {n!r}.")
    first, second = model_a.layout, model_b.layout
    shared = shared_names(first, second)
    if not shared:
        raise InvalidValueError(
            "nll_difference: the models share no parameter; names must agree, see combine's rename for "
            "giving others."
        )
    points = _points(first, second, shared, int(n), np.random.default_rng(seed))
    nll_a, legal_a = _nlls(model_a, obs_a, _at(first, shared, points))
    nll_b, legal_b = _nlls(model_b, obs_b, _at(second, shared, points))
    differences = np.abs((nll_b - nll_b[0]) - (nll_a - nll_a[0]))[1:]
    # Where both expect less than nothing both are extrapolations, as large as can be.
    size = np.where(legal_a | legal_b, 1.0, np.maximum(1.0, np.abs(nll_a)))[1:]
    one_only = (legal_a != legal_b)[1:]
    differences = np.where(one_only, 0.0, differences / size)
    worst = int(np.argmax(np.where(np.isfinite(differences), differences, np.inf)))
    return NllDifference(
        largest=float(np.max(differences)),
        negative_in_one=int(np.count_nonzero(one_only)),
        n=int(n),
        seed=int(seed),
        shared=shared,
        at_start=float(nll_b[0] - nll_a[0]),
        only_first=tuple(name for name in first.names if name not in set(shared)),
        only_second=tuple(name for name in second.names if name not in set(shared)),
        worst=dict(zip(shared, map(float, points[worst + 1]), strict=True)),
    )


def _points(
    first: Layout, second: Layout, shared: Sequence[str], n: int, rng: np.random.Generator
) -> FloatArray:
    """(1 + n, shared): the start, and random points."""
    at = _positions(first, shared)
    start = np.concatenate([first.start, first.bin_centre])[at]
    width = np.concatenate([first.widths, _FREE * first.bin_widths])[at]
    factors = np.concatenate([np.zeros(first.n_params, dtype=bool), first.bin_counting])[at]
    free = ~np.isfinite(width)
    step = np.where(free, _FREE * np.maximum(np.abs(start), 1.0), width)
    drawn = np.where(free, rng.uniform(-1.0, 1.0, (n, len(at))), rng.normal(size=(n, len(at))))
    lower, upper = (np.array(ends) for ends in zip(*(_ends(x, shared) for x in (first, second)), strict=True))
    lower = np.maximum(lower.max(axis=0), np.where(factors, _SMALLEST, -np.inf))
    inside = np.clip(start + step * drawn, lower, np.maximum(lower, upper.min(axis=0)))
    return np.concatenate([start[None], inside])


def _positions(layout: Layout, names: Sequence[str]) -> list[int]:
    at = {name: i for i, name in enumerate(layout.names)}
    return [at[name] for name in names]


def _ends(layout: Layout, names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    lower, upper = layout.bounds
    at = _positions(layout, names)
    return lower[at], upper[at]


def _at(layout: Layout, shared: Sequence[str], points: FloatArray) -> FloatArray:
    """(point, param + bin param): the shared ones at the points, others at the start."""
    values = np.tile(np.concatenate([layout.start, layout.bin_centre]), (len(points), 1))
    values[:, _positions(layout, shared)] = points
    return values


def _nlls(model: Model, obs: Any, values: FloatArray) -> tuple[FloatArray, BoolArray]:
    """The NLL at each point, and whether the model expects no negative events there."""
    nlls = np.array([model.nll(row, obs) for row in values])
    smallest = np.array([np.min(model.pred(row)) for row in values])
    # NaN is another matter, which the NLL shows.
    return nlls, ~(smallest < -_NEGATIVE)

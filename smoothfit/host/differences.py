"""Derivatives of a function of numpy arrays by central differences.

With the step h of a parameter, and f(k) the function k steps away along it,

    slope      (8 (f(1) - f(-1)) - (f(2) - f(-2))) / (12 h)              exact to h^4 f'''''/30
    curvature  (16 (f(1) + f(-1)) - (f(2) + f(-2)) - 30 f(0)) / (12 h^2)   exact to h^4 f''''''/90
    mixed      (f(1, 1) - f(1, -1) - f(-1, 1) + f(-1, -1)) / (4 h_i h_j)   exact to h^2

(Abramowitz and Stegun 25.3.6, 25.3.24, 25.3.26). Of an NLL a good step is a hundredth of the parameter's
error: it is then 1e-4 in twice the NLL, far above rounding, and what is neglected is below 1e-8 of the slope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._types import FloatArray

__all__ = ["gradient", "hessian", "hessian_of_gradient", "steps"]

RISE = 1e-4
"""Second difference of an NLL that a step is sought for: a hundredth of an error."""
_WINDOW = 100.0
"""A step is good if its second difference is within this factor of that: within 10 in the step."""
_NOISE = 1e3 * np.finfo(np.float64).eps
"""Second differences below this times the function are taken for rounding."""
_ROUNDS = 10
_FIRST = 1e-3
_OUTERMOST = 1e6
"""The largest step, in units of the first."""

Function = Callable[[FloatArray], float]


def _moved(x: FloatArray, *by: tuple[int, float]) -> FloatArray:
    other = x.copy()
    for i, distance in by:
        other[i] += distance
    return other


def steps(fn: Function, x: FloatArray) -> FloatArray:
    """(parameter,): steps over which ``fn`` changes by about 1e-4 beyond its slope.

    Sought from 1e-3 max(1, abs(x)) in ten rounds at most, two calls each. A parameter that changes nothing
    gets a large one.

    Examples
    --------
    >>> found = steps(lambda x: 0.5 * (x[0] / 3e-5) ** 2 + 0.5 * (x[1] / 400.0) ** 2, np.array([0.0, 50.0]))
    >>> bool(np.all(np.abs(np.log10(found / [3e-7, 4.0])) < 1.0))
    True
    """
    first = _FIRST * np.maximum(1.0, np.abs(x))
    return np.array([_step(fn, x, i, float(h)) for i, h in enumerate(first)])


def _step(fn: Function, x: FloatArray, i: int, first: float) -> float:
    h, centre = first, fn(x)
    for _ in range(_ROUNDS):
        second = abs(fn(_moved(x, (i, h))) + fn(_moved(x, (i, -h))) - 2.0 * centre)
        if not np.isfinite(second):
            # Too far: beyond what the function is defined on.
            h *= 0.1
        elif RISE / _WINDOW <= second <= RISE * _WINDOW:
            break
        elif second > _NOISE * max(1.0, abs(centre)):
            h *= float(np.clip(np.sqrt(RISE / second), 1e-3, 1e3))
        elif h >= _OUTERMOST * first:
            break
        else:
            h *= 10.0
    return h


def gradient(fn: Function, x: FloatArray, h: FloatArray) -> FloatArray:
    """(parameter,): slopes, by four calls a parameter.

    Examples
    --------
    >>> np.round(gradient(lambda x: x[0] ** 2 * x[1], np.array([3.0, 2.0]), np.array([0.01, 0.01])), 9)
    array([12.,  9.])
    """
    return np.array([_slope((fn(_moved(x, (i, k * h[i]))) for k in _PLACES), h[i]) for i in range(len(x))])


_PLACES = (-2, -1, 1, 2)


def _slope(places: Iterable[Any], h: Any) -> Any:
    far_below, below, above, far_above = places
    return (8.0 * (above - below) - (far_above - far_below)) / (12.0 * h)


def hessian(fn: Function, x: FloatArray, h: FloatArray) -> FloatArray:
    """(parameter, parameter): second derivatives, by 4n + 2n(n - 1) + 1 calls.

    Examples
    --------
    >>> np.round(hessian(lambda x: x[0] ** 2 * x[1], np.array([3.0, 2.0]), np.array([0.01, 0.01])), 6)
    array([[4., 6.],
           [6., 0.]])
    """
    n, centre = len(x), fn(x)
    found = np.empty((n, n))
    for i in range(n):
        far_below, below, above, far_above = (fn(_moved(x, (i, k * h[i]))) for k in _PLACES)
        near, far = above + below, far_above + far_below
        found[i, i] = (16.0 * near - far - 30.0 * centre) / (12.0 * h[i] ** 2)
        for j in range(i):
            signs = ((1, 1), (1, -1), (-1, 1), (-1, -1))
            corners = [a * b * fn(_moved(x, (i, a * h[i]), (j, b * h[j]))) for a, b in signs]
            found[i, j] = found[j, i] = sum(corners) / (4.0 * h[i] * h[j])
    return found


def hessian_of_gradient(
    slopes: Callable[[FloatArray], FloatArray], x: FloatArray, h: FloatArray
) -> FloatArray:
    """(parameter, parameter): second derivatives, by four calls of the gradient a parameter, made symmetric.

    Examples
    --------
    >>> slopes = lambda x: np.array([2.0 * x[0] * x[1], x[0] ** 2])
    >>> np.round(hessian_of_gradient(slopes, np.array([3.0, 2.0]), np.array([0.01, 0.01])), 9)
    array([[4., 6.],
           [6., 0.]])
    """
    rows = [_slope((slopes(_moved(x, (i, k * h[i]))) for k in _PLACES), h[i]) for i in range(len(x))]
    found = np.array(rows).reshape(len(x), len(x))
    return 0.5 * (found + found.T)

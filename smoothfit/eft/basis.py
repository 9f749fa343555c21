"""Basis points: how well they determine the quadratic, and which ones do it well.

A quadratic stays one under any affine map of the coefficients. Condition numbers are therefore those of
the monomials in coordinates in which the points span [-1, 1] along each operator: they depend neither on
the units of a coefficient nor on its origin.
"""

from __future__ import annotations

import warnings
from itertools import combinations
from typing import Any

import numpy as np

from .._types import ArrayLike, FloatArray, IntArray
from ..build.checks import as_floats, check_finite, describe, plural
from ..errors import (
    InvalidTypeError,
    InvalidValueError,
    MorphingWarning,
    ShapeMismatchError,
    SingularBasisError,
)
from .monomials import as_points, monomials_of_points, n_monomials

__all__ = ["check_determined", "choose_basis", "condition_number", "frame", "propose_basis"]

_SINGULAR = 1e12
"""Of 16 digits, fewer than four would be left."""
_DOUBTFUL = 1e8
_MAX_OPERATORS = 30


def frame(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Middle and half width of the points along each operator; 1 where they do not vary."""
    middle = 0.5 * (points.max(axis=0) + points.min(axis=0))
    half = 0.5 * (points.max(axis=0) - points.min(axis=0))
    return middle, np.where(half > 0.0, half, 1.0)


def _matrix(points: FloatArray, linear_only: bool) -> FloatArray:
    """W, (point, M), in the points' own frame."""
    middle, half = frame(points)
    return monomials_of_points((points - middle) / half, linear_only=linear_only)


def condition_number(points: ArrayLike, *, linear_only: bool = False) -> float:
    """How much rounding and errors can grow when the quadratic is found from these points.

    The ratio of the largest to the smallest singular value of the monomials at the points (K, n),
    K >= M, with every coefficient in units of the points' own range; of order 10 for a good basis.

    Raises
    ------
    ShapeMismatchError, InvalidValueError
        For points that are not a finite (K, n) array with K >= M.

    Examples
    --------
    >>> round(condition_number([[0.0], [1.0], [-1.0]]), 2)
    3.23
    >>> round(condition_number([[0.0], [1e-3], [-1e-3]]), 2)
    3.23
    """
    array = as_points("condition_number: points", points)
    _check_enough("condition_number", array, linear_only)
    return float(np.linalg.cond(_matrix(array, linear_only)))


def _check_enough(what: str, points: FloatArray, linear_only: bool) -> None:
    number, n = points.shape
    needed = n_monomials(n, linear_only=linear_only)
    if number < needed:
        formula = "1 + n" if linear_only else "1 + n + n(n+1)/2"
        raise ShapeMismatchError(
            f"{what}: {plural(number, 'point')} of {plural(n, 'operator')}, "
            f"at least M = {formula} = {needed} are needed."
        )


def check_determined(
    what: str, points: FloatArray, operators: tuple[str, ...], *, linear_only: bool
) -> float:
    """The condition number; refuses points that do not determine the quadratic, warns of bad ones."""
    _check_enough(what, points, linear_only)
    found = float(np.linalg.cond(_matrix(points, linear_only)))
    if found < _DOUBTFUL:
        return found
    middle, half = frame(points)
    better = propose_basis(len(half), half, centre=middle, linear_only=linear_only)
    good = float(np.linalg.cond(_matrix(better, linear_only)))
    idle = [name for name, column in zip(operators, points.T, strict=True) if np.ptp(column) == 0.0]
    repeated = len(points) - len(np.unique(points, axis=0))
    found_wrong = [f"{', '.join(idle)} never varied"] if idle else []
    hints = "; ".join(found_wrong + ([f"{plural(repeated, 'point')} given before"] if repeated else []))
    option = ", linear_only=True" if linear_only else ""
    verb = "do not determine" if not found < _SINGULAR else "hardly determine"
    form = "linear function" if linear_only else "quadratic"
    message = (
        f"{what}: the points {verb} the {form}: condition number {found:.3g} in units of their range"
        f"{f' ({hints})' if hints else ''}. Better over the same range, with {good:.3g}: "
        f"propose_basis({len(half)}, {_listed(half)}, centre={_listed(middle)}{option})."
    )
    if not found < _SINGULAR:
        raise SingularBasisError(message, found, better)
    warnings.warn(message, MorphingWarning, stacklevel=3)
    return found


def _listed(numbers: FloatArray) -> str:
    return "[" + ", ".join(f"{number:g}" for number in numbers) + "]"


def choose_basis(points: ArrayLike, *, linear_only: bool = False) -> FloatArray:
    """The M of K points that span the quadratic best, (M, n), in the order given.

    Chosen one by one, each time the point that adds most to the volume that the rows of monomials
    span (QR with pivoting, a greedy D-optimal design), the one next to the middle first.

    Raises
    ------
    ShapeMismatchError, InvalidValueError
        For points that are not a finite (K, n) array with K >= M.

    Examples
    --------
    >>> choose_basis([[0.0], [0.1], [1.0], [-0.9], [-1.0]]).tolist()
    [[0.0], [1.0], [-1.0]]
    """
    array = as_points("choose_basis: points", points)
    _check_enough("choose_basis", array, linear_only)
    return array[np.sort(_pivots(_matrix(array, linear_only)))]


def _pivots(matrix: FloatArray) -> IntArray:
    """Rows that a QR decomposition with pivoting takes first; the shortest row is the first one."""
    rest = matrix.copy()
    chosen = [int(np.argmin(np.linalg.norm(matrix, axis=1)))]
    while True:
        row = rest[chosen[-1]]
        length = np.linalg.norm(row)
        # Of points that all lie in the span so far, none is better than another.
        direction = row / length if length > 0.0 else np.zeros_like(row)
        rest = rest - np.outer(rest @ direction, direction)
        if len(chosen) == matrix.shape[1]:
            return np.array(chosen)
        sizes = np.linalg.norm(rest, axis=1)
        sizes[chosen] = -1.0
        # Equal to rounding counts as equal: the first one, on every machine.
        chosen.append(int(np.argmax(sizes >= sizes.max() * (1.0 - 1e-9))))


def propose_basis(
    n: int, scale: ArrayLike = 1.0, *, centre: ArrayLike = 0.0, linear_only: bool = False
) -> FloatArray:
    """Basis points (M, n) that determine a quadratic of n operators well.

    Of all points with at most two operators at centre +- scale, those that :func:`choose_basis`
    takes; the first is the centre. Condition numbers are 3 for one operator and 40 for ten.

    Parameters
    ----------
    n
        The number of operators.
    scale, centre
        The range of interest of each coefficient, as one number or one an operator: scale is where
        its effect is clearly seen, such as the expected limit.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For n that is no whole number from 1 to 30, or scales that are not positive.

    Examples
    --------
    >>> propose_basis(1, 0.5).tolist()
    [[0.0], [0.5], [-0.5]]
    >>> propose_basis(2, [1.0, 3.0]).tolist()
    [[0.0, 0.0], [1.0, 0.0], [1.0, 3.0], [1.0, -3.0], [-1.0, 3.0], [-1.0, -3.0]]
    """
    if not isinstance(n, int | np.integer) or isinstance(n, bool):
        raise InvalidTypeError(f"propose_basis: n must be a whole number of operators, got {describe(n)}.")
    if not 1 <= n <= _MAX_OPERATORS:
        raise InvalidValueError(f"propose_basis: n must be from 1 to {_MAX_OPERATORS}, got {n}.")
    scales, centres = _one_each("scale", scale, int(n)), _one_each("centre", centre, int(n))
    if not np.all(scales > 0.0):
        raise InvalidValueError(f"propose_basis: scale must be positive, got {scales.min():g}.")
    unit = np.eye(n)
    candidates = [np.zeros((1, n)), unit, -unit]
    if not linear_only:
        for i, j in combinations(range(int(n)), 2):
            pairs = [a * unit[i] + b * unit[j] for a in (1.0, -1.0) for b in (1.0, -1.0)]
            candidates.append(np.array(pairs))
    return centres + scales * choose_basis(np.concatenate(candidates), linear_only=linear_only)


def _one_each(field: str, given: Any, n: int) -> FloatArray:
    what = f"propose_basis: {field}"
    array = check_finite(what, as_floats(what, given))
    if array.ndim != 0 and array.shape != (n,):
        raise ShapeMismatchError(
            f"{what} has shape {array.shape}, there are {plural(n, 'operator')}; "
            "give one number, or one an operator."
        )
    return np.broadcast_to(array, (n,))

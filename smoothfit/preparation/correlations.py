"""Correlated nuisances: what is said of them, put together and checked; a matrix made consistent.

The nearest correlation matrix is that of N. J. Higham, IMA J. Numer. Anal. 22 (2002) 329: alternating
projections on the matrices of unit diagonal and on those without small eigenvalues, the latter with
Dykstra's correction.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._types import FloatArray
from ..build import Variable
from ..constraints import Gaussian
from ..errors import (
    InvalidTypeError,
    InvalidValueError,
    RepairedCorrelationWarning,
    ShapeMismatchError,
)
from .specification import Correlation

__all__ = ["SMALLEST_EIGENVALUE", "check_together", "combine", "correlated", "nearest_correlation"]

SMALLEST_EIGENVALUE = 1e-6
"""No eigenvalue of a repaired matrix is smaller."""

_POSITIVE = 1e-10
"""Eigenvalues must be larger than this."""


def _nuisance(variable: Any) -> Variable:
    if not isinstance(variable, Variable):
        raise InvalidTypeError(
            f"correlate_nuisances: expected a Variable, got {type(variable).__name__}: {variable!r}."
        )
    if not isinstance(variable.constraint, Gaussian):
        kind = type(variable.constraint).__name__
        has = "no constraint" if variable.constraint is None else f"a {kind} constraint"
        raise InvalidValueError(
            f"correlate_nuisances: Variable '{variable.name}' has {has}, only a Gaussian one can be "
            "correlated; make it with nuisance=True, or with constraint=Gaussian(...)."
        )
    return variable


def _pair(first: Any, second: Any, rho: Any) -> Correlation:
    a, b = _nuisance(first), _nuisance(second)
    if a is b:
        raise InvalidValueError(f"correlate_nuisances: '{a.name}' is given twice; give two nuisances.")
    if (
        isinstance(rho, bool)
        or not isinstance(rho, int | float | np.floating | np.integer)
        or not -1.0 <= rho <= 1.0
    ):
        raise InvalidValueError(
            f"correlate_nuisances('{a.name}', '{b.name}'): expected a number in [-1, 1], got {rho!r}."
        )
    if a.size != b.size:
        raise ShapeMismatchError(
            f"correlate_nuisances('{a.name}', '{b.name}'): they have {a.size} and {b.size} components; "
            "components are correlated one by one, so the numbers must agree."
        )
    partners = np.kron([[0.0, 1.0], [1.0, 0.0]], np.eye(a.size))
    return Correlation((a, b), np.eye(2 * a.size) + float(rho) * partners, partners > 0.0)


def _group(variables: Sequence[Any], matrix: Any) -> Correlation:
    found = tuple(_nuisance(v) for v in variables)
    if len({id(v) for v in found}) != len(found):
        raise InvalidValueError("correlate_nuisances: a nuisance is given twice; name each once.")
    size = sum(v.size for v in found)
    try:
        given = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError("correlate_nuisances: the matrix does not consist of numbers.") from error
    if given.shape != (size, size):
        raise ShapeMismatchError(
            f"correlate_nuisances: the matrix has shape {given.shape}, expected ({size}, {size})."
        )
    if not np.all(np.isfinite(given)) or np.any(np.abs(given) > 1.0):
        raise InvalidValueError("correlate_nuisances: correlations must be numbers in [-1, 1].")
    if not np.allclose(given, given.T, atol=1e-12) or not np.allclose(np.diagonal(given), 1.0, atol=1e-12):
        raise InvalidValueError(
            "correlate_nuisances: the matrix must be symmetric with ones on its diagonal."
        )
    return Correlation(found, 0.5 * (given + given.T), ~np.eye(size, dtype=bool))


def combine(found: Sequence[Correlation]) -> tuple[list[Variable], FloatArray]:
    """All nuisances in the order met, and the correlations of their components; the last word counts."""
    first: dict[int, int] = {}
    variables: list[Variable] = []
    size = 0
    for one in found:
        for variable in one.variables:
            if id(variable) not in first:
                first[id(variable)] = size
                variables.append(variable)
                size += variable.size
    total = np.eye(size)
    for one in found:
        at = np.concatenate([first[id(v)] + np.arange(v.size) for v in one.variables])
        rows, columns = np.nonzero(one.stated)
        total[at[rows], at[columns]] = one.matrix[rows, columns]
    return variables, total


def correlated(
    first: Any, second: Any, rho: Any, known: Sequence[Correlation], *, repair: bool = False
) -> list[Correlation]:
    """What is known, and a pair with its rho, or a list with its matrix.

    Raises
    ------
    InvalidValueError
        If all of it together is not positive definite, and is not to be repaired.
    """
    if isinstance(first, list | tuple):
        if rho is not None:
            raise InvalidTypeError(
                "correlate_nuisances: give (a, b, rho) or ([a, b, ...], matrix), not both."
            )
        found = _group(first, second)
    else:
        found = _pair(first, second, rho)
    variables, matrix = combine([*known, found])
    problem = _problem("correlate_nuisances", variables, matrix)
    if problem is None:
        return [*known, found]
    names = [name for v in variables for name in v.sub_names]
    if not repair:
        raise InvalidValueError(
            f"{problem}; lower them, give all in one matrix (what is not named counts as uncorrelated), or "
            "take the nearest consistent ones with repair=True."
        )
    repaired = nearest_correlation(matrix)
    change = np.abs(repaired - matrix)
    i, j = np.unravel_index(np.argmax(change), change.shape)
    warnings.warn(
        f"{problem}; repaired, the largest change is that of '{names[i]}' and '{names[j]}', from "
        f"{matrix[i, j]:.4g} to {repaired[i, j]:.4g}.",
        RepairedCorrelationWarning,
        stacklevel=3,
    )
    return [Correlation(tuple(variables), repaired, ~np.eye(len(matrix), dtype=bool))]


def _problem(what: str, variables: Sequence[Variable], matrix: FloatArray) -> str | None:
    """What is wrong with correlations that are not positive definite, None of those that are."""
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest > _POSITIVE:
        return None
    names = [name for v in variables for name in v.sub_names]
    shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    return (
        f"{what}: the correlations of {shown} together are not positive definite (smallest "
        f"eigenvalue {smallest:.3g})"
    )


def check_together(what: str, found: Sequence[Correlation]) -> None:
    """What several models say of correlations must be possible in one.

    Raises
    ------
    InvalidValueError
        If it is not positive definite.
    """
    problem = _problem(what, *combine(found)) if found else None
    if problem is not None:
        raise InvalidValueError(f"{problem}; rename one of the nuisances, or lower the correlations.")


def _without_small_eigenvalues(matrix: FloatArray, smallest: float) -> FloatArray:
    eigenvalues, vectors = np.linalg.eigh(matrix)
    result: FloatArray = (vectors * np.maximum(eigenvalues, smallest)) @ vectors.T
    return 0.5 * (result + result.T)


def nearest_correlation(matrix: FloatArray, smallest: float = SMALLEST_EIGENVALUE) -> FloatArray:
    """The correlation matrix nearest to a symmetric one (Frobenius norm) without small eigenvalues.

    Parameters
    ----------
    matrix
        (n, n), symmetric.
    smallest
        Eigenvalues of the result are at least this, below 1.

    Examples
    --------
    >>> np.round(nearest_correlation(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])), 3)
    array([[1.   , 0.761, 0.157],
           [0.761, 1.   , 0.761],
           [0.157, 0.761, 1.   ]])
    """
    found = np.array(matrix, dtype=np.float64)
    correction = np.zeros_like(found)
    for _ in range(_STEPS):
        before = found
        shifted = found - correction
        projected = _without_small_eigenvalues(shifted, smallest)
        correction = projected - shifted
        found = projected.copy()
        np.fill_diagonal(found, 1.0)
        if np.max(np.abs(found - before)) < _CONVERGED:
            break
    # What convergence left: a bit of the unit matrix lifts the eigenvalues over the threshold.
    lowest = float(np.linalg.eigvalsh(found)[0])
    lift = max(0.0, (smallest - lowest) / (1.0 - lowest))
    return (1.0 - lift) * found + lift * np.eye(len(found))


_STEPS = 10_000
_CONVERGED = 1e-12
"""Largest change of an entry in the last step."""

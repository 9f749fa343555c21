"""How well a point determines its parameters: eigenvalues of the Hessian, and what it leaves free.

Parameters have units, so the Hessian is scaled to a diagonal of 1, s_i H_ij s_j with s_i = 1/sqrt(H_ii):
every parameter in units of its error with all others held. An eigenvalue of 0 is a direction along
which the likelihood does not change; a negative one, a direction in which it is no minimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .._types import FloatArray

__all__ = ["FLAT", "Conditioning", "Direction", "Followers"]

FLAT = 1e-9
"""Eigenvalues, relative to the largest, below which a direction counts as flat: the Hessian at a minimum
is known to about 1e-12 of the largest, and a fit counts its pivots below 1e-10 as zero."""

_SHOWN = 0.1
"""Share of the largest component, in units of errors, from which a parameter is named in a direction."""


@dataclass(frozen=True)
class Direction:
    """A combination of parameters, as coefficients of their values; their squares add up to 1.

    Examples
    --------
    >>> Direction(("mu", "norm"), np.array([0.8, -0.6]), 0.0)
    0.8*mu - 0.6*norm
    >>> Direction(("mu",), np.array([1.0]), 0.0)
    mu
    """

    names: tuple[str, ...]
    weights: FloatArray
    """(name,): moving the parameters by a multiple of this moves along the direction."""
    eigenvalue: float
    """Of the scaled Hessian, relative to the largest; the likelihood falls along a negative one."""

    def __repr__(self) -> str:
        if len(self.names) == 1:
            return self.names[0]
        text = ""
        for name, weight in zip(self.names, self.weights, strict=True):
            sign = (" - " if weight < 0.0 else " + ") if text else ("-" if weight < 0.0 else "")
            text += f"{sign}{abs(weight):.2g}*{name}"
        return text

    def to_dict(self) -> dict[str, float]:
        """{name: coefficient}."""
        return {name: float(weight) for name, weight in zip(self.names, self.weights, strict=True)}


class Followers(NamedTuple):
    """Parameters that are minimised over as functions of others, and so part of any direction."""

    names: tuple[str, ...]
    by: FloatArray
    """(follower, k): their derivatives by the k parameters of a :class:`Conditioning`."""
    scale: FloatArray
    """(follower,): their errors with the k held."""


@dataclass(frozen=True, eq=False)
class Conditioning:
    """The scaled Hessian of the parameters that a fit moved, those at a limit left out.

    Examples
    --------
    >>> hessian = np.array([[4.0, 2.0], [2.0, 1.0]])
    >>> found = Conditioning.of_hessian(("a", "b"), hessian)
    >>> found.directions()
    (0.45*a - 0.89*b,)
    >>> found.positive_definite
    False
    """

    names: tuple[str, ...]
    matrix: FloatArray
    """(k, k): the scaled Hessian, or its inverse."""
    scale: FloatArray
    """(k,): s, the parameters' errors with all others held."""
    inverted: bool
    """Whether ``matrix`` is the inverse."""
    followers: Followers | None = None

    @classmethod
    def of_hessian(
        cls, names: tuple[str, ...], hessian: FloatArray, followers: Followers | None = None
    ) -> Conditioning:
        """From a Hessian (k, k), positive definite or not."""
        diagonal = np.abs(np.diagonal(hessian))
        scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
        matrix = hessian * scale[:, None] * scale
        return cls(names, matrix, scale, False, followers)

    @classmethod
    def of_covariance(cls, names: tuple[str, ...], covariance: FloatArray) -> Conditioning | None:
        """From a positive definite covariance (k, k); None if it is not."""
        sigma = np.sqrt(np.diagonal(covariance))
        correlation = covariance / sigma[:, None] / sigma
        try:
            inverse = np.linalg.inv(np.linalg.cholesky(correlation))
        except np.linalg.LinAlgError:
            return None
        # Scaled by the errors with all others held; the small eigenvalues stay accurate in the inverse.
        scale = sigma / np.sqrt(np.sum(inverse**2, axis=0))
        matrix = covariance / scale[:, None] / scale
        return cls(names, matrix, scale, True)

    @cached_property
    def eigenvalues(self) -> FloatArray:
        """(k,): of the scaled Hessian, the smallest first; NaN where it is not finite."""
        if not np.all(np.isfinite(self.matrix)):
            return np.full(len(self.names), np.nan)
        found = np.linalg.eigvalsh(self.matrix)
        return np.asarray(1.0 / found[::-1] if self.inverted else found)

    @property
    def smallest_eigenvalue(self) -> float:
        """Infinite without parameters."""
        return float(self.eigenvalues[0]) if len(self.names) else float("inf")

    @property
    def condition_number(self) -> float:
        """Largest over smallest eigenvalue, 1 without parameters; infinite if one is not positive."""
        if not len(self.names):
            return 1.0
        smallest, largest = float(self.eigenvalues[0]), float(np.max(np.abs(self.eigenvalues)))
        if np.isnan(smallest):
            return float("nan")
        return largest / smallest if smallest > 0.0 else float("inf")

    @property
    def positive_definite(self) -> bool:
        """Whether all eigenvalues are above :data:`FLAT` of the largest."""
        return bool(self.condition_number < 1.0 / FLAT)

    def gradient_norm(self, gradient: FloatArray) -> float:
        """Length of a gradient (k,) of the NLL in units of ``scale``: its change within such an error."""
        return float(np.linalg.norm(np.asarray(gradient) * self.scale))

    def directions(self) -> tuple[Direction, ...]:
        """What is not determined: eigenvalues below :data:`FLAT`, in as few parameters each as can be.

        Those that curve downwards come first. Flat ones are any combinations of each other, and given as the
        sparsest that elimination finds.
        """
        if not len(self.names) or not np.all(np.isfinite(self.matrix)):
            return ()
        values, vectors = self._spectrum()
        falling, flat = values < -FLAT, np.abs(values) <= FLAT
        found = [self._direction(vectors[:, i], float(values[i])) for i in np.flatnonzero(falling)]
        # Of vectors that share an eigenvalue any combination will do: the smallest stands for all.
        found += [self._direction(v, float(values[flat].min())) for v in _sparse(vectors[:, flat]).T]
        return tuple(found)

    def weakest(self) -> Direction | None:
        """The direction of the smallest eigenvalue."""
        if not len(self.names) or not np.all(np.isfinite(self.matrix)):
            return None
        values, vectors = self._spectrum()
        return self._direction(vectors[:, 0], float(values[0]))

    def _spectrum(self) -> tuple[FloatArray, FloatArray]:
        """Eigenvalues relative to the largest, the smallest first, and the vectors (k, k)."""
        values, vectors = np.linalg.eigh(self.matrix)
        if self.inverted:
            values, vectors = 1.0 / values[::-1], vectors[:, ::-1]
        return values / max(float(np.max(np.abs(values))), 1e-300), vectors

    def _direction(self, vector: FloatArray, eigenvalue: float) -> Direction:
        """From a vector in units of ``scale`` to one of parameter values."""
        names, values, in_errors = self.names, vector * self.scale, np.abs(vector)
        if self.followers is not None:
            following = self.followers.by @ values
            names += self.followers.names
            in_errors = np.append(in_errors, np.abs(following) / self.followers.scale)
            values = np.append(values, following)
        shown = np.flatnonzero(in_errors > _SHOWN * in_errors.max())
        # Of the two signs the one where the largest, or the first of equals, is positive.
        largest = np.argmax(in_errors[shown] > 0.999 * in_errors.max())
        weights = values[shown] * np.sign(values[shown][largest])
        return Direction(tuple(names[i] for i in shown), weights / np.linalg.norm(weights), eigenvalue)


def _sparse(vectors: FloatArray) -> FloatArray:
    """Another basis (k, m) of the same space: every vector alone has its own largest entry."""
    basis = vectors.copy()
    pivots: list[int] = []
    for column in range(basis.shape[1]):
        rest = np.abs(basis[:, column:])
        rest[pivots] = 0.0
        row, chosen = divmod(int(np.argmax(rest)), rest.shape[1])
        basis[:, [column, column + chosen]] = basis[:, [column + chosen, column]]
        pivots.append(row)
        basis[:, column] /= basis[row, column]
        others = np.arange(basis.shape[1]) != column
        basis[:, others] -= np.outer(basis[:, column], basis[row, others])
    return basis / np.linalg.norm(basis, axis=0)

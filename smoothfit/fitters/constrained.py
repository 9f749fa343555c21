"""Fits under equality constraints between parameters: what is asked, and what is true of an answer.

Minimise NLL(x) subject to c(x) = 0, c any function of the parameters. :class:`.jaxopt.Jaxopt` and
:class:`.trust_constr.TrustConstr` look for it in ways of their own; here the end is judged, by the
violation and by the distance from the minimum within the surface c = 0, with the Hessian of the Lagrangian.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from .._compilation import compiled
from .._types import Array, FloatArray
from ..errors import InvalidValueError, ShapeMismatchError
from .posed import ALLOWED_EDM, Posed
from .solution import Solution

__all__ = [
    "Constrained",
    "Constraint",
    "Surface",
    "as_partial",
    "describe",
    "linear",
    "surface_edm",
]

Constraint = Callable[[Array], Array]
"""(param,) -> () or (constraint,), 0 where satisfied; traceable."""

_SATISFIED = 1e-6
_AT_LIMIT = 1e-6
_SMALLEST_EIGENVALUE = 1e-10


@dataclass(frozen=True)
class Constrained:
    """A minimum under constraints; only if ``converged`` is it one."""

    values: FloatArray
    """(param,)"""
    nll: float
    multipliers: FloatArray
    """(constraint,): lambda of NLL + lambda . c; how much the NLL would fall were c allowed to rise."""
    violation: float
    """The largest |c|, in units of what an error's step changes it by."""
    edm: float
    """Distance from the minimum among the points that satisfy the constraints."""
    converged: bool
    """Whether violation and EDM are at most 1e-6."""
    steps: int


def _affine(matrix: Array, target: Array, values: Array) -> Array:
    return matrix @ values - target


def linear(directions: Any, target: Any) -> Constraint:
    """The constraint ``directions @ values = target``; other numbers compile nothing anew.

    Parameters
    ----------
    directions
        (param,) or (constraint, param).
    target
        A number, or (constraint,).

    Raises
    ------
    ShapeMismatchError
        If the two do not fit each other.

    Examples
    --------
    >>> float(linear([1.0, -1.0], 0.5)(jnp.array([2.0, 1.0]))[0])
    0.5
    """
    matrix = np.atleast_2d(np.asarray(directions, dtype=float))
    wanted = np.atleast_1d(np.asarray(target, dtype=float))
    if matrix.ndim != 2 or wanted.shape != (matrix.shape[0],):
        raise ShapeMismatchError(
            f"linear: directions have shape {np.shape(directions)}, targets {np.shape(target)}; expected "
            "(param,) and a number, or (constraint, param) and (constraint,)."
        )
    return Partial(_affine, jnp.asarray(matrix), jnp.asarray(wanted))


def as_partial(constraint: Constraint) -> Any:
    """A pytree that compiled functions take, which gives (constraint,)."""
    return constraint if isinstance(constraint, Partial) else Partial(constraint)


@compiled
def _derivatives(constraint: Any, values: Array, weights: Array) -> tuple[Array, Array, Array]:
    def flat(x: Array) -> Array:
        return jnp.atleast_1d(constraint(x))

    curvature = jax.hessian(lambda x: weights @ flat(x))(values)
    return flat(values), jax.jacobian(flat)(values), curvature


class Surface:
    """Constraints as functions of the dense parameters, in numpy."""

    def __init__(self, of: str, constraint: Constraint, posed: Posed, values: FloatArray) -> None:
        self._constraint = as_partial(constraint)
        self._values = np.array(values, dtype=float)
        self._dense = posed.dense
        shape = jax.eval_shape(self._constraint, jnp.asarray(self._values)).shape
        if len(shape) > 1:
            raise ShapeMismatchError(f"{of}: the constraint has shape {shape}, expected () or (constraint,).")
        self.size = shape[0] if shape else 1
        _, jacobian, _ = self._full(posed.start, np.zeros(self.size))
        elsewhere = np.ones(len(self._values), dtype=bool)
        elsewhere[self._dense] = False
        if np.any(jacobian[:, elsewhere] != 0.0):
            raise InvalidValueError(
                f"{of}: the constraint depends on a parameter that touches one bin only, and is minimised "
                "over inside the objective; hold it with `fixed`, or let it act on two bins."
            )
        free = jacobian[:, self._dense][:, posed.free > 0]
        if np.any(~np.any(free != 0.0, axis=1)) or not np.all(np.isfinite(free)):
            raise InvalidValueError(
                f"{of}: the gradient of a constraint by the free parameters vanishes, or is not finite, at "
                "the start; start elsewhere, or free what it depends on."
            )

    def _full(self, z: FloatArray, weights: FloatArray) -> tuple[FloatArray, ...]:
        values = self._values.copy()
        values[self._dense] = z
        return tuple(np.asarray(a) for a in _derivatives(self._constraint, values, weights))

    def value(self, z: FloatArray) -> FloatArray:
        """(constraint,)"""
        return self._full(z, np.zeros(self.size))[0]

    def jacobian(self, z: FloatArray) -> FloatArray:
        """(constraint, dense)"""
        return self._full(z, np.zeros(self.size))[1][:, self._dense]

    def curvature(self, z: FloatArray, weights: FloatArray) -> FloatArray:
        """(dense, dense): second derivatives, summed with weights (constraint,)."""
        return self._full(z, np.asarray(weights, dtype=float))[2][np.ix_(self._dense, self._dense)]

    def units(self, z: FloatArray, scale: FloatArray, free: FloatArray) -> FloatArray:
        """(constraint,): by how much each changes over a step of an error."""
        return np.linalg.norm(self.jacobian(z) * np.where(free > 0, scale, 0.0), axis=1)


def _balance(posed: Posed, z: FloatArray, jacobian: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Multipliers (constraint,) that balance the gradient best, and what limits hold.

    The second, (dense,), is -1 or +1 where a parameter on its lower or upper limit is pushed there by the
    gradient of the Lagrangian, 0 elsewhere.
    """
    scale = posed.scale(z)
    gradient = posed.at(z).gradient * scale
    normal = jacobian * scale
    free = posed.free > 0
    low, high = free & (z - posed.lower <= _AT_LIMIT * scale), free & (posed.upper - z <= _AT_LIMIT * scale)
    multipliers: FloatArray = np.zeros(len(jacobian))
    side = np.zeros(len(z))
    # What limits hold is known once the multipliers are, and the other way round: twice.
    for _ in range(2):
        loose = free & (side == 0.0)
        solved = np.linalg.lstsq(normal[:, loose].T, -gradient[loose], rcond=None)[0]
        multipliers = np.asarray(solved, dtype=np.float64)
        rest = gradient + multipliers @ normal
        side = np.where(low & (rest > 0.0), -1.0, np.where(high & (rest < 0.0), 1.0, 0.0))
    return multipliers, side


def surface_edm(
    posed: Posed,
    z: FloatArray,
    jacobian: FloatArray,
    curvature: Callable[[FloatArray], FloatArray] | None = None,
) -> tuple[float, FloatArray]:
    """EDM g^T H^-1 g/2 within the surface that constraints leave, and the multipliers.

    The EDM is infinite where the point is no minimum in every direction along the surface.

    Parameters
    ----------
    jacobian
        (constraint, dense): of the constraints.
    curvature
        Their second derivatives (dense, dense), for given multipliers; 0 if left out.
    """
    scale = posed.scale(z)
    multipliers, side = _balance(posed, z, jacobian)
    loose = (posed.free > 0) & (side == 0.0)
    seen = posed.at(z)
    hessian = seen.hessian + (0.0 if curvature is None else curvature(multipliers))
    unit = scale[loose]
    normal = (jacobian[:, loose] * unit).T
    used = np.flatnonzero(np.any(normal != 0.0, axis=0))
    basis = np.linalg.qr(normal[:, used], mode="complete")[0][:, len(used) :]
    reduced = basis.T @ (hessian[np.ix_(loose, loose)] * unit[:, None] * unit) @ basis
    slope = basis.T @ (seen.gradient[loose] * unit)
    if not np.all(np.isfinite(reduced)) or not np.all(np.isfinite(slope)):
        return np.inf, multipliers
    eigenvalues, vectors = np.linalg.eigh(reduced)
    if np.any(eigenvalues <= _SMALLEST_EIGENVALUE * np.max(np.abs(eigenvalues), initial=0.0)):
        return np.inf, multipliers
    return float(0.5 * np.sum((vectors.T @ slope) ** 2 / eigenvalues)), multipliers


def describe(posed: Posed, surface: Surface, z: FloatArray, steps: int) -> Constrained:
    """Judge the end of a minimiser."""
    end: Solution = posed.finish(z, steps)
    z = np.asarray(end.dense)
    jacobian = surface.jacobian(z)
    edm, multipliers = surface_edm(posed, z, jacobian, lambda weights: surface.curvature(z, weights))
    units = surface.units(z, posed.scale(z), posed.free)
    violation = float(np.max(np.abs(surface.value(z)) / np.where(units > 0.0, units, 1.0)))
    return Constrained(
        values=np.asarray(end.values),
        nll=float(end.nll),
        multipliers=multipliers,
        violation=violation,
        edm=edm,
        converged=violation <= _SATISFIED and edm <= ALLOWED_EDM,
        steps=steps,
    )

"""Effective-field-theory morphing: a prediction quadratic in Wilson coefficients.

H(c) = sum_k f_k(c) T_k over M = 1 + n + n(n+1)/2 basis templates T_k = H(c_k), with the monomials
w(c) = (1, c_1 .. c_n, c_1 c_1, c_1 c_2 .. c_n c_n), W_kl = w_l(c_k) and f(c) = W^-T w(c). At a basis
point f is a unit vector.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ._types import Array, ArrayLike
from .errors import InvalidValueError, ShapeMismatchError

__all__ = ["Dim6EFTMorphing"]

_WORST_CONDITION = 1e12


def _monomials(c: Array) -> Array:
    """w(c) along the last axis: (..., operator) -> (..., M)."""
    n = c.shape[-1]
    first, second = np.triu_indices(n)
    constant = jnp.ones((*c.shape[:-1], 1))
    return jnp.concatenate([constant, c, c[..., first] * c[..., second]], axis=-1)


class Dim6EFTMorphing:
    """The factors f_k(c) of basis templates, for ``process.scale_by_fn(morphing, variable)``.

    Parameters
    ----------
    variable
        The Variable of the n Wilson coefficients.
    basis_values : (M, n)
        The coefficients c_k that each basis template was made with, M = 1 + n + n(n+1)/2.

    Raises
    ------
    ShapeMismatchError
        If the number of basis points or of coefficients is wrong.
    InvalidValueError
        If the basis is not finite, or does not determine the quadratic (singular W).

    Examples
    --------
    >>> from smoothfit import Variable
    >>> morphing = Dim6EFTMorphing(Variable("c", [0.0]), [[0.0], [1.0], [-1.0]])
    >>> morphing([1.0]).round(12).tolist()
    [[0.0], [1.0], [0.0]]
    """

    def __init__(self, variable: Any, basis_values: ArrayLike) -> None:
        basis = np.array(basis_values, dtype=np.float64)
        n = int(variable.size)
        needed = 1 + n + n * (n + 1) // 2
        if basis.shape != (needed, n):
            raise ShapeMismatchError(
                f"Dim6EFTMorphing of '{variable.name}': basis_values have shape {basis.shape}, expected "
                f"({needed}, {n}): M = 1 + n + n(n+1)/2 points of n = {n} coefficients."
            )
        if not np.all(np.isfinite(basis)):
            raise InvalidValueError(f"Dim6EFTMorphing of '{variable.name}': basis_values must be finite.")
        self.condition_number = float(np.linalg.cond(np.asarray(_monomials(jnp.asarray(basis)))))
        if not self.condition_number < _WORST_CONDITION:
            raise InvalidValueError(
                f"Dim6EFTMorphing of '{variable.name}': the basis points do not determine the quadratic "
                f"(condition number {self.condition_number:.3g}); choose other points."
            )
        self.variable = variable
        self.basis_values = basis

    def __call__(self, c: ArrayLike) -> Array:
        """f(c), shape (M, 1): one factor a basis template, the same in all bins."""
        basis = jnp.asarray(self.basis_values)
        monomials = _monomials(jnp.atleast_1d(jnp.asarray(c, float)))
        return jnp.linalg.solve(_monomials(basis).T, monomials)[:, None]

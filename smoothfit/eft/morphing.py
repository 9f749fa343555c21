"""Dim6EFTMorphing: the factors of basis templates as functions of Wilson coefficients."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._types import Array, ArrayLike
from ..build.variable import check_variable
from ..errors import ShapeMismatchError
from .basis import check_determined, frame
from .monomials import as_points, monomials, n_monomials

__all__ = ["Dim6EFTMorphing"]


class Dim6EFTMorphing:
    """The factors f_k(c) of basis templates, for ``process.scale_by_fn(morphing, variable)``.

    With the templates T_k = H(c_k) as sub-processes of one process, their sum is H(c), everywhere, if H
    is quadratic: f(c) = W^-T w(c), W_kl = w_l(c_k), w the monomials (:func:`monomials`). It is worked
    out in coordinates in which the basis spans [-1, 1], where rounding does least harm; the
    result does not depend on coordinates.

    Parameters
    ----------
    variable
        The Variable of the n Wilson coefficients.
    basis_values : (M, n)
        The coefficients c_k that each basis template was made with, M = 1 + n + n(n+1)/2.
    linear_only
        Whether H is linear (M = 1 + n): interference with the standard model alone.

    Raises
    ------
    ShapeMismatchError
        If the number of basis points or of coefficients is wrong.
    InvalidValueError
        If the basis is not finite.
    SingularBasisError
        If the basis does not determine the quadratic; the error proposes another.

    Warns
    -----
    MorphingWarning
        If it hardly does (a condition number above 1e8).

    Examples
    --------
    >>> from smoothfit import Variable
    >>> morphing = Dim6EFTMorphing(Variable("c", [0.0]), [[0.0], [1.0], [-1.0]])
    >>> morphing([1.0]).round(12).tolist()
    [[0.0], [1.0], [0.0]]
    >>> round(morphing.condition_number, 2)
    3.23
    """

    rows_share_events = True
    """Templates are mostly one sample with several weights: ``prepare()`` asks for their covariance."""

    def __init__(self, variable: Any, basis_values: ArrayLike, *, linear_only: bool = False) -> None:
        variable = check_variable("Dim6EFTMorphing", variable)
        what = f"Dim6EFTMorphing of '{variable.name}'"
        basis = as_points(f"{what}: basis_values", basis_values)
        needed = n_monomials(variable.size, linear_only=linear_only)
        if basis.shape != (needed, variable.size):
            formula = "1 + n" if linear_only else "1 + n + n(n+1)/2"
            raise ShapeMismatchError(
                f"{what}: basis_values have shape {basis.shape}, expected ({needed}, {variable.size}): "
                f"M = {formula} points of n = {variable.size} coefficients."
            )
        self.condition_number = check_determined(what, basis, variable.sub_names, linear_only=linear_only)
        self.variable = variable
        self.basis_values = basis
        self.linear_only = linear_only

    def __repr__(self) -> str:
        size = f"{len(self.basis_values)} basis points"
        return f"Dim6EFTMorphing('{self.variable.name}', {size}{', linear_only=True' * self.linear_only})"

    def __call__(self, c: ArrayLike) -> Array:
        """f(c), shape (M, 1): one factor a basis template, the same in all bins."""
        # Traced with the model, the basis becomes an array that one can vary and differentiate by. So the
        # matrix is not inverted beforehand; it is at most 66 x 66 for ten operators.
        basis = jnp.asarray(self.basis_values)
        middle, half = (jnp.asarray(part) for part in frame(self.basis_values))
        at = (jnp.atleast_1d(jnp.asarray(c, float)) - middle) / half
        matrix = monomials((basis - middle) / half, linear_only=self.linear_only)
        return jnp.linalg.solve(matrix.T, monomials(at, linear_only=self.linear_only))[:, None]

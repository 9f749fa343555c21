"""Factorisations for the inside of loops that may be batched.

On a CPU, JAX hands a batch of matrices to the threads that also run its programs, and waits for them there:
two programs at the same time, in threads of ours or of the caller's, can wait for each other for ever. So
here a batch is a loop over its matrices. On an accelerator it stays a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from ._types import Array

__all__ = ["cholesky", "cholesky_solve", "solve_lower"]


T = TypeVar("T")


def _all_batched(found: T) -> tuple[T, Any]:
    return found, jax.tree.map(lambda _: True, found)


def _one_by_one(fn: Callable[..., T]) -> Callable[..., T]:
    """``fn`` of arrays, which loops where it is batched; its derivatives are those of ``fn``."""

    @custom_vmap
    def batched(*arguments: Array) -> T:
        return fn(*arguments)

    @batched.def_vmap
    def of_batch(size: int, in_batch: list[bool], *arguments: Array) -> tuple[T, Any]:
        if jax.default_backend() != "cpu":
            axes = tuple(0 if there else None for there in in_batch)
            return _all_batched(jax.vmap(fn, in_axes=axes, axis_size=size)(*arguments))
        moving = [x for x, there in zip(arguments, in_batch, strict=True) if there]

        def one(rows: list[Array]) -> T:
            left = iter(rows)
            every = (next(left) if there else x for x, there in zip(arguments, in_batch, strict=True))
            return batched(*every)  # type: ignore[no-any-return]

        return _all_batched(jax.lax.map(one, moving))

    @jax.custom_jvp
    def call(*arguments: Array) -> T:
        return batched(*arguments)  # type: ignore[no-any-return]

    @call.defjvp
    def _jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[T, T]:
        found: tuple[T, T] = jax.jvp(fn, primals, tangents)
        return found

    return wraps(fn)(call)


@_one_by_one
def cholesky(matrix: Array) -> Array:
    """The lower factor of a symmetric matrix, NaN where there is none.

    Examples
    --------
    >>> cholesky(jnp.array([[4.0, 2.0], [2.0, 2.0]]))
    Array([[2., 0.],
           [1., 1.]], dtype=float64)
    """
    # LAPACK takes columns first: of a symmetric matrix that is the transpose, which costs no copy.
    return jnp.linalg.cholesky(matrix.T, symmetrize_input=False)


@_one_by_one
def cholesky_solve(matrix: Array, right: Array) -> tuple[Array, Array]:
    """The lower factor of a symmetric matrix, and the matrix' inverse times (n,) or (n, k).

    Examples
    --------
    >>> root, solution = cholesky_solve(jnp.array([[4.0, 2.0], [2.0, 2.0]]), jnp.array([2.0, 2.0]))
    >>> solution
    Array([0., 1.], dtype=float64)
    """
    root = cholesky(matrix)
    return root, jax.scipy.linalg.cho_solve((root, True), right)


@_one_by_one
def _forward(root: Array, right: Array) -> Array:
    return jax.scipy.linalg.solve_triangular(root, right, lower=True)


@_one_by_one
def _backward(root: Array, right: Array) -> Array:
    return jax.scipy.linalg.solve_triangular(root, right, lower=True, trans=1)


def solve_lower(root: Array, right: Array, *, transposed: bool = False) -> Array:
    """``root``^-1 ``right`` of a lower triangular matrix, or of its transpose.

    Examples
    --------
    >>> solve_lower(jnp.array([[2.0, 0.0], [1.0, 1.0]]), jnp.array([2.0, 3.0]))
    Array([1., 2.], dtype=float64)
    """
    return _backward(root, right) if transposed else _forward(root, right)

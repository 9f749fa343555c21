"""A symmetric matrix over the dense parameters, kept as what it is made of."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._pytree import pytree_dataclass
from .._types import Array

__all__ = ["BlockMatrix"]


@pytree_dataclass
class BlockMatrix:
    """Small dense matrices on lists of parameters, a diagonal, and a few full rows, all summed.

    The Hessian of a likelihood: a block for each group of bins, diagonals from constraints, matrices from
    correlations and from the users' terms, rows of parameters with automatic derivatives.
    """

    members: Array
    """(group, member): positions, the size of the matrix for padding."""
    blocks: Array
    """(group, member, member)"""
    diagonal: Array
    """(n,)"""
    more: tuple[tuple[Array, Array], ...]
    """(positions (m,), matrix (m, m)) each."""
    row_of: Array
    """(row,): positions of the full rows."""
    rows: Array
    """(row, n): such rows and, but for where they cross, columns."""

    def _all_blocks(self) -> list[tuple[Array, Array]]:
        return [(self.members, self.blocks), *((at[None], matrix[None]) for at, matrix in self.more)]

    def _columns(self) -> Array:
        """(row, n): the rows as columns, without what the rows have already."""
        return self.rows.at[:, self.row_of].set(0.0)

    def times(self, vector: Array) -> Array:
        """The product with a vector (n,)."""
        n = self.diagonal.shape[0]
        result = self.diagonal * vector
        for members, blocks in self._all_blocks():
            gathered = vector.at[members].get(mode="fill", fill_value=0.0)
            result += jax.ops.segment_sum(
                jnp.einsum("gab,gb->ga", blocks, gathered).ravel(), members.ravel(), n
            )
        if self.rows.shape[0]:
            result = result.at[self.row_of].add(self.rows @ vector)
            result += vector[self.row_of] @ self._columns()
        return result

    def main_diagonal(self) -> Array:
        """(n,)"""
        n = self.diagonal.shape[0]
        result = self.diagonal
        for members, blocks in self._all_blocks():
            own = jnp.diagonal(blocks, axis1=1, axis2=2)
            result += jax.ops.segment_sum(own.ravel(), members.ravel(), n)
        if self.rows.shape[0]:
            crossing = self.rows[jnp.arange(self.rows.shape[0]), self.row_of]
            result = result.at[self.row_of].add(crossing)
        return result

    def dense(self) -> Array:
        """(n, n)"""
        result = jnp.diag(self.diagonal)
        for members, blocks in self._all_blocks():
            result = result.at[members[:, :, None], members[:, None, :]].add(blocks, mode="drop")
        if self.rows.shape[0]:
            result = result.at[self.row_of].add(self.rows)
            result = result.at[:, self.row_of].add(self._columns().T)
        return result

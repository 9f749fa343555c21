"""Pass 6, of large models: which dense parameters act in which channel.

An analysis of a thousand systematics has a few dozen of them in any one channel. Where arrays of bins x
parameters would be large, the likelihood keeps, for each channel, the columns that are not zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._pytree import Index
from .._types import FloatArray, IntArray
from ..prepared import EffectPlan, FactorPlan, GroupPlan, ShapePlan
from .collection import Structure
from .stacking import Rows, members, plan_index

__all__ = ["Acting", "find_groups"]

LARGE = 4_000_000
"""Bins x dense parameters above which a model is worked through channel by channel."""

MATRIX_FREE = 3000
"""Dense parameters above which no Hessian is kept: its factorisation takes longer than all the rest."""

_FEWER = 0.7
_MOST = 30_000_000
"""Numbers that the groups' shares of a Hessian may have in all, if that is more than the Hessian."""

_AUTOMATIC = 100
"""Parameters with automatic derivatives up to which their Jacobians are kept in a matrix-free fit."""


@dataclass(frozen=True, eq=False)
class Acting:
    """What of a plan says which parameter acts on which row."""

    effects: dict[str, EffectPlan]
    factors: FactorPlan
    shape: ShapePlan | None
    column: IntArray
    """(param,): dense position, their number for local parameters."""
    automatic: IntArray
    """Dense positions of parameters with automatic derivatives."""

    def pairs(self) -> tuple[IntArray, IntArray]:
        """(row, param) of everything that acts, with repetitions."""
        found = [(plan.row, plan.param) for plan in self.effects.values()]
        if self.shape is not None:
            found.append((self.shape.group_row, self.shape.group_param))
        rows = [_integers(row) for row, _ in found]
        params = [_integers(param) for _, param in found]
        sources = _integers(self.factors.row)
        row, slot = np.nonzero((sources > 0) & (sources <= len(self.column)))
        return np.concatenate([*rows, row]), np.concatenate([*params, sources[row, slot] - 1])


def _integers(index: Index | FloatArray) -> IntArray:
    return np.asarray(index.values if isinstance(index, Index) else index).astype(int)


def find_groups(structure: Structure, rows: Rows, acting: Acting, n_dense: int) -> GroupPlan | None:
    """The groups of a large model, None for others."""
    n_bins = rows.tiling.n_tiles * rows.tiling.width
    matrix_free = n_dense > MATRIX_FREE
    if n_bins * n_dense <= LARGE and not matrix_free:
        return None
    of_row = np.repeat(np.arange(len(structure.channels)), [c.n_rows for c in structure.channels])
    of_tile = np.repeat(np.arange(len(structure.channels)), rows.tiling.tiles)
    row, param = acting.pairs()
    column = acting.column[param]
    usable = (column < n_dense) & ~np.isin(column, acting.automatic)
    pairs = np.unique(of_row[row[usable]] * n_dense + column[usable])
    lists = members(pairs // n_dense, len(structure.channels))
    found = np.append(pairs % n_dense, n_dense)[lists]
    size = found.shape[1] + len(acting.automatic)
    if size > _FEWER * n_dense or len(found) * size**2 > max(n_dense**2, _MOST):
        of_row, of_tile = np.zeros_like(of_row), np.zeros_like(of_tile)
        found = np.setdiff1d(np.arange(n_dense), acting.automatic)[None]
    found = np.concatenate([found, np.tile(acting.automatic, (len(found), 1))], axis=1)
    automatic = len(found) * found.shape[1] ** 2 > _MOST or len(acting.automatic) > _AUTOMATIC
    blocks = np.zeros(0, dtype=int) if acting.shape is None else _integers(acting.shape.row_tile)
    return GroupPlan(
        members=plan_index(found),
        of_row=plan_index(of_row),
        of_tile=plan_index(of_tile),
        rows=plan_index(members(of_row, len(found))),
        shape_blocks=plan_index(members(rows.tile[blocks], rows.tiling.n_tiles)),
        matrix_free=matrix_free,
        automatic=matrix_free and automatic,
    )

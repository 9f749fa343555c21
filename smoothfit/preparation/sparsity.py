"""Pass 6, of models whose rows have a parameter or two of their own: what acts where, as lists.

A hundred backgrounds with an uncertainty each have Jacobians and curvatures of rows that are nearly diagonal.
Products of matrices are then mostly zeros; lists of what is not are shorter.
"""

from __future__ import annotations

import numpy as np

from ..prepared import FewPlan
from .groups import Acting
from .stacking import Rows, members, plan_index

__all__ = ["find_few"]

_MOST_OF_ROW = 4
"""Parameters of a row."""
_MOST_OF_PARAMETER = 2
"""Rows that a parameter acts on in one tile."""
_FROM = 16
"""Dense parameters, or rows, below which products of matrices cost nothing."""


def find_few(acting: Acting, rows: Rows, n_rows: int, n_dense: int) -> FewPlan | None:
    """The lists, None where products of matrices are cheaper."""
    if acting.shape is not None or min(n_dense, n_rows) < _FROM:
        return None
    row, param = acting.pairs()
    column = acting.column[param]
    usable = (column < n_dense) & ~np.isin(column, acting.automatic)
    pairs = np.unique(np.stack([row[usable], column[usable]]), axis=1)
    if pairs.shape[1] == 0 or np.bincount(pairs[0]).max() > _MOST_OF_ROW:
        return None
    # Every pair in every tile of its row.
    of_row = members(rows.row, n_rows)[pairs[0]]
    pair, at = np.nonzero(of_row < len(rows.row))
    row_tile = of_row[pair, at]
    place = pairs[1][pair] * rows.tiling.n_tiles + rows.tile[row_tile]
    if np.bincount(place).max() > _MOST_OF_PARAMETER:
        return None
    row_tiles = np.append(row_tile, len(rows.row))[members(place, n_dense * rows.tiling.n_tiles)]
    columns = np.append(pairs[1], n_dense)[members(pairs[0], n_rows)]
    return FewPlan(
        column=plan_index(columns), row_tile=plan_index(row_tiles.reshape(n_dense, rows.tiling.n_tiles, -1))
    )

"""Pass 5: effects and templates, stacked into tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from .._pytree import Index
from .._types import FloatArray, IntArray
from ..build.declarations import AddFn, Scale, ScaleFn, Shape, Systematic
from ..build.lowering import entries
from ..effects import row_effects
from ..effects.shape import FORMS, NORMALISED
from ..prepared import AdditivePlan, AlignedPlan, FactorPlan, RowPlan, ShapePlan
from ..tiling import Tiling
from .collection import Contribution, Structure
from .functions import TracedFunctions, classify
from .locality import LocalVariable
from .parameters import Parameters

__all__ = [
    "Factors",
    "Rows",
    "Shapes",
    "inverse",
    "members",
    "plan_index",
    "stack_effects",
    "stack_factors",
    "stack_nominal",
]

_SMALL, _LARGE = 2**18, 2**22
_FILLING = 8
"""Shape templates are laid out side by side if that takes at most this many times their own size, and
less than the larger number of entries; or less than the smaller one, whatever it is filled with."""
_FULL = 0.6
"""Side by side with fewer places than this filled they are arranged twice, close together each time."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Where rows are stored: row tiles in the order of the tiles."""

    tiling: Tiling
    row: IntArray
    tile: IntArray
    at: dict[int, IntArray]
    """row -> its row tiles, one a tile of its channel."""

    @classmethod
    def of(cls, structure: Structure, tiling: Tiling) -> Rows:
        """Number the row tiles."""
        rows: list[int] = []
        tiles: list[int] = []
        at: dict[int, list[int]] = {}
        for index, channel in enumerate(structure.channels):
            members = [row for c in channel.contributions for row in c.rows]
            first = tiling.first_tile(index)
            for tile in range(first, first + tiling.tiles[index]):
                for row in members:
                    at.setdefault(row, []).append(len(rows))
                    rows.append(row)
                    tiles.append(tile)
        return cls(tiling, np.array(rows), np.array(tiles), {r: np.array(t) for r, t in at.items()})

    @property
    def n(self) -> int:
        """The number of row tiles."""
        return len(self.row)

    def plan(self, n_rows: int) -> RowPlan:
        """Their plan."""
        slots = members(self.tile, self.tiling.n_tiles)
        place = np.empty(self.n, dtype=int)
        filled = np.flatnonzero(slots.ravel() < self.n)
        place[slots.ravel()[filled]] = filled
        return RowPlan(
            row=plan_index(self.row),
            tile=plan_index(self.tile),
            slots=plan_index(slots),
            place=plan_index(place),
            n_rows=n_rows,
        )

    def templates(self, contribution: Contribution, values: Any) -> Iterator[tuple[int, Any]]:
        """(row tile, values of that tile) of a (sub-process, bin) array."""
        cut = self.tiling.cut(values)
        for row, tiles in zip(contribution.rows, cut, strict=True):
            yield from zip(self.at[row].tolist(), tiles, strict=True)

    def locations(self, contribution: Contribution) -> IntArray:
        """(sub-process, tile): the row tiles of a contribution."""
        return np.array([self.at[row] for row in contribution.rows])


def plan_index(values: IntArray | list[int]) -> Index:
    """Integers of a plan, as they are kept among its leaves."""
    return Index(np.asarray(values, dtype=np.float64))


def members(target: IntArray, size: int) -> IntArray:
    """(size, place): which entries have each target, padded with the number of entries.

    Examples
    --------
    >>> members(np.array([1, 0, 1]), 2).tolist()
    [[1, 3], [0, 2]]
    """
    counts = np.bincount(target, minlength=size)
    found = np.full((size, int(counts.max())), len(target))
    order = np.argsort(target, kind="stable")
    first = np.concatenate([[0], np.cumsum(counts)])
    found[target[order], np.arange(len(target)) - first[target[order]]] = order
    return found


def inverse(to_flat: IntArray, tiling: Tiling) -> IntArray:
    """(tile, width): which entry stands at each place, the number of entries where none does."""
    places = np.full(tiling.n_tiles * tiling.width, len(to_flat))
    places[to_flat] = np.arange(len(to_flat))
    return places.reshape(tiling.n_tiles, tiling.width)


def stack_nominal(structure: Structure, rows: Rows) -> FloatArray:
    """(row tile, width): the yields."""
    nominal = np.zeros((rows.n, rows.tiling.width))
    for contribution in structure.contributions:
        nominal[rows.locations(contribution)] = rows.tiling.cut(contribution.contrib.yields)
    return nominal


Kappas: TypeAlias = dict[tuple[str, str, int], list[tuple[str, IntArray]]]
"""(process, channel, id of the variable) -> kinds of its log-normals, and their entries there."""


def stack_effects(structure: Structure, parameters: Parameters) -> tuple[row_effects.Stack, Kappas]:
    """The row effects of all kinds, and where the log-normals among them are."""
    stack = row_effects.Stack()
    where: Kappas = {}
    for contribution in structure.contributions:
        contrib = contribution.contrib
        for effect in contribution.effects:
            if not isinstance(effect, Systematic):
                continue
            found = entries(contribution.what, contrib, effect)
            assert found is not None
            rows = [contribution.rows[sub] for sub in effect.region.rows(contrib.n_sub)]
            positions = stack.add(found, rows, int(parameters.of(effect.variable)[0]))
            if found.kind.numbers == ("down", "up"):
                key = (contribution.process.name, contrib.channel, id(effect.variable))
                where.setdefault(key, []).append((found.kind.name, positions))
    return stack, where


def _pushed_together(block: IntArray, none: int) -> IntArray:
    """(tile, slot, place) with the holes, which have the number ``none``, last, and as few as can be."""
    most = int((block < none).sum(axis=2).max())
    return np.sort(block, axis=2)[:, :, :most]


@dataclass
class Shapes:
    """Blocks and groups of the shape changes, as they are met."""

    row_tile: list[int] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    up: list[FloatArray] = field(default_factory=list)
    down: list[FloatArray] = field(default_factory=list)
    group_row: list[int] = field(default_factory=list)
    group_param: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)
    where: dict[tuple[str, str, int], list[int]] = field(default_factory=dict)
    """(process, channel, id of the variable) -> its blocks, before sorting."""

    @classmethod
    def of(cls, structure: Structure, parameters: Parameters, rows: Rows) -> Shapes:
        """Collect the shape changes of all contributions."""
        shapes = cls()
        for contribution in structure.contributions:
            for effect in contribution.effects:
                if isinstance(effect, Shape):
                    shapes._add(contribution, effect, int(parameters.of(effect.variable)[0]), rows)
        return shapes

    def _add(self, contribution: Contribution, effect: Shape, param: int, rows: Rows) -> None:
        key = (contribution.process.name, contribution.contrib.channel, id(effect.variable))
        blocks = self.where.setdefault(key, [])
        up, down = rows.tiling.cut(effect.up), rows.tiling.cut(effect.down)
        for sub, row in enumerate(contribution.rows):
            group = len(self.group_row)
            self.group_row.append(row)
            self.group_param.append(param)
            self.kind.append(effect.kind)
            self.scale.append(effect.scale)
            for tile, row_tile in enumerate(rows.at[row].tolist()):
                blocks.append(len(self.row_tile))
                self.row_tile.append(row_tile)
                self.group.append(group)
                self.up.append(up[sub, tile])
                self.down.append(down[sub, tile])

    @property
    def by_autodiff(self) -> set[int]:
        """Parameters of morphed logarithms, whose changes do not add."""
        found = zip(self.group_param, self.kind, strict=True)
        return {param for param, kind in found if kind == "shapeN"}

    def _rows_of(self, rows: Rows, kind: str) -> IntArray:
        """(row tile,): 1 on rows with a change of this kind."""
        members = {row for row, found in zip(self.group_row, self.kind, strict=True) if found == kind}
        return np.array([row in members for row in rows.row.tolist()], dtype=int)

    def _aligned(
        self, rows: Rows, order: IntArray, n_params: int, coefficients: FloatArray
    ) -> AlignedPlan | None:
        """The blocks side by side; None where that would be mostly empty, or two share a place."""
        row_tile = np.array(self.row_tile)[order]
        param = np.array(self.group_param)[np.array(self.group)[order]]
        slots = members(rows.tile, rows.tiling.n_tiles)
        n_tiles, n_slots = slots.shape
        tile, row_slot = (
            rows.tile[row_tile],
            np.argwhere(slots[rows.tile] == np.arange(rows.n)[:, None])[:, 1],
        )
        acts = np.zeros((n_tiles, n_params), dtype=bool)
        acts[tile, param] = True
        widest = int(acts.sum(axis=1).max())
        size = n_tiles * n_slots * widest * rows.tiling.width
        if size > max(_SMALL, min(_FILLING * len(order) * rows.tiling.width, _LARGE)):
            return None
        slot = np.where(acts, np.cumsum(acts, axis=1) - 1, widest)
        at = (tile, row_slot[row_tile], slot[tile, param])
        block = np.full((n_tiles, n_slots, widest), len(order))
        block[at] = np.arange(len(order))
        if np.count_nonzero(block < len(order)) < len(order):
            return None
        first = block.min(axis=1)
        known = np.concatenate(
            [coefficients[np.array(self.group)[order]], np.zeros((1, coefficients.shape[1]))]
        )
        same = (known[block] == known[first][:, None]).all(axis=-1) | (block == len(order))
        # One arrangement for sums over rows and over nuisances, if it has few holes.
        shared = bool(same.all()) and len(order) > _FULL * block.size
        by_row = block if shared else _pushed_together(block, len(order))
        place = np.argsort(by_row, axis=None, kind="stable")[: len(order)]
        return AlignedPlan(
            by_row=plan_index(by_row),
            place=plan_index(place),
            by_nuisance=None
            if shared
            else plan_index(_pushed_together(np.swapaxes(block, 1, 2), len(order))),
            slot=plan_index(slot),
            first=plan_index(first),
        )

    def stack(self, rows: Rows, n_params: int) -> tuple[ShapePlan, FloatArray, FloatArray, IntArray]:
        """(plan, up, down, position of each block before sorting)."""
        order = np.argsort(self.row_tile, kind="stable")
        group_row, scale = np.array(self.group_row), np.array(self.scale)
        smallest = np.ones(int(rows.row.max()) + 1)
        np.minimum.at(smallest, group_row, scale)
        normalised = [kind in NORMALISED for kind in self.kind]
        density = self._rows_of(rows, "density")
        floored = self._rows_of(rows, "shape") | self._rows_of(rows, "floored") | density
        logarithmic = self._rows_of(rows, "shapeN")
        form = np.array([FORMS.index(kind if kind in FORMS else "smooth") for kind in self.kind])
        plan = ShapePlan(
            row_tile=plan_index(np.array(self.row_tile)[order]),
            group=plan_index(np.array(self.group)[order]),
            group_row=plan_index(group_row),
            group_param=plan_index(self.group_param),
            normalised=plan_index(np.array(normalised, dtype=int)),
            form=plan_index(form),
            floored=plan_index(floored),
            density=plan_index(density),
            logarithmic=plan_index(logarithmic),
            scale=scale,
            joint=smallest[group_row],
            aligned=self._aligned(
                rows, order, n_params, np.stack([scale, smallest[group_row], form], axis=1)
            ),
            any_normalised=any(normalised),
            any_floored=bool(floored.any()),
            any_density=bool(density.any()),
            any_logarithmic=bool(logarithmic.any()),
            all_smooth=not form.any(),
        )
        sorted_position = np.empty(len(order), dtype=int)
        sorted_position[order] = np.arange(len(order))
        return plan, np.array(self.up)[order], np.array(self.down)[order], sorted_position


def _padded(lists: list[list[int]]) -> IntArray:
    """Lists of source positions as one array, padded with that of the constant 1."""
    widest = max((len(found) for found in lists), default=0)
    return np.array([f + [0] * (widest - len(f)) for f in lists], dtype=int).reshape(len(lists), widest)


@dataclass(frozen=True, eq=False)
class Factors:
    """The factor plan, and which parameters need automatic differentiation."""

    plan: FactorPlan
    additive: AdditivePlan | None
    by_autodiff: set[int]


def stack_factors(
    structure: Structure,
    parameters: Parameters,
    functions: TracedFunctions,
    rows: Rows,
    local: list[LocalVariable],
    univariate: Sequence[int],
) -> Factors:
    """List the factors of each row and of each row tile; local ones are left to the engine.

    ``univariate`` are the rows of the effects that are plain factors.
    """
    results = 1 + parameters.n + len(univariate)
    local_ids = {id(found.variable) for found in local}
    of_row: list[list[int]] = [[] for _ in range(structure.n_rows)]
    of_row_tile: list[list[int]] = [[] for _ in range(rows.n)]
    tiles: dict[bytes, int] = {np.zeros(rows.tiling.width, dtype=np.int64).tobytes(): 0}
    by_autodiff: set[int] = set()
    added: list[tuple[int, IntArray]] = []
    for entry, row in enumerate(univariate):
        of_row[row].append(1 + parameters.n + entry)

    def multiply_bins(contribution: Contribution, sources: IntArray) -> None:
        for row_tile, tile in rows.templates(contribution, sources):
            key = np.asarray(tile, dtype=np.int64).tobytes()
            of_row_tile[row_tile].append(tiles.setdefault(key, len(tiles)))

    for contribution in structure.contributions:
        shape = (contribution.contrib.n_sub, contribution.contrib.n_bins)
        for effect in contribution.effects:
            if isinstance(effect, Scale) and id(effect.variable) not in local_ids:
                sources = 1 + parameters.of(effect.variable)
                if effect.axis == "bin":
                    by_autodiff.update((sources - 1).tolist())
                    multiply_bins(contribution, np.broadcast_to(sources, shape))
                else:
                    acting = effect.region.rows(shape[0])
                    for sub, source in zip(acting, np.broadcast_to(sources, len(acting)), strict=True):
                        of_row[contribution.rows[sub]].append(int(source))
            elif isinstance(effect, ScaleFn):
                traced, offset = functions.found[id(effect)]
                by_autodiff.update(int(i) for at in traced.arguments for i in at)
                out = traced.program.out_shape
                places = results + offset + np.arange(int(np.prod(out, dtype=int))).reshape(out)
                over = classify(out, effect.axis, contribution)
                if isinstance(effect, AddFn):
                    # Positions count from 1 here: padding is cut from 0.
                    per_bin = places if over == "bin" else places.reshape(-1, 1)
                    added += rows.templates(contribution, np.broadcast_to(1 + per_bin, shape))
                elif over == "bin":
                    multiply_bins(contribution, np.broadcast_to(places, shape))
                else:
                    per_row = np.broadcast_to(places.reshape(-1), shape[0])
                    for row, source in zip(contribution.rows, per_row, strict=True):
                        of_row[row].append(int(source))
    tile_sources = np.array([np.frombuffer(key, dtype=np.int64) for key in tiles])
    plan = FactorPlan(
        row=plan_index(_padded(of_row)),
        tiles=plan_index(tile_sources),
        row_tile=plan_index(_padded(of_row_tile)),
    )
    return Factors(plan, _additive(added), by_autodiff)


def _additive(added: list[tuple[int, IntArray]]) -> AdditivePlan | None:
    if not added:
        return None
    tiles = np.array([tile for _, tile in added])
    return AdditivePlan(
        row_tile=plan_index([row_tile for row_tile, _ in added]),
        source=plan_index(np.maximum(tiles - 1, 0)),
        present=(tiles > 0).astype(float),
    )

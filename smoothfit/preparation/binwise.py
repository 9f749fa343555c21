"""Pass 5, the bins' own: Monte Carlo statistics and local parameters.

Bin parameters are numbered bin by bin. Those in closed form go to the :class:`LitePlan`, all others share
the slots of the :class:`LocalPlan` with the local variables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..montecarlo import Treatment
from ..prepared import BinPlan, LitePlan, LocalPlan, VariancePlan
from .collection import Channel, Contribution, Structure
from .locality import LocalVariable
from .parameters import Parameters
from .stacking import Rows, members, plan_index
from .treatments import Treatments

__all__ = ["BinWise", "bin_parameter_name", "stack_binwise"]


def bin_parameter_name(channel: str, number: int, sub_proc: str | None = None) -> str:
    """Name of the parameter of a channel's bin, or of one sub-process in it.

    Examples
    --------
    >>> bin_parameter_name("SR", 0), bin_parameter_name("SR", 0, "sig")
    ('mcstat_SR_bin0', 'mcstat_SR_bin0_sig')
    """
    return f"mcstat_{channel}_bin{number}" + ("" if sub_proc is None else f"_{sub_proc}")


@dataclass(frozen=True, eq=False)
class BinWise:
    """Everything about the bins' own parameters."""

    variance: VariancePlan | None
    sumw2: FloatArray | None
    sumw2_at: dict[tuple[str, str], IntArray]
    """(process, channel) -> (sub-process, tile) positions in sumw2, or (sub-process, sub-process, tile)."""
    bins: BinPlan | None
    lite: LitePlan | None
    local: LocalPlan | None
    names: tuple[str, ...]
    """(bin parameter,)"""
    at_bin: IntArray
    """(bin parameter,): the flat bin that it belongs to."""
    centre: FloatArray
    counting: BoolArray


class _Variances(NamedTuple):
    plan: VariancePlan | None
    sumw2: FloatArray | None
    at: dict[tuple[str, str], IntArray]
    of_row_tile: dict[int, int]
    """Row tile -> its own variance."""


def _variances(structure: Structure, rows: Rows) -> _Variances:
    """All variances and covariances that a mode uses, cut into tiles."""
    first: list[int] = []
    second: list[int] = []
    values: list[FloatArray] = []
    at: dict[tuple[str, str], IntArray] = {}
    own: dict[int, int] = {}
    users = [
        c
        for channel in structure.channels
        if channel.mc_stat.mode != "none" and not channel.masked
        for c in channel.contributions
        if c.contrib.sumw2 is not None
    ]
    # The variances first, in the order of the row tiles, so that sums over tiles stay sorted.
    variances = [v for c in users for v in rows.templates(c, c.contrib.sumw2)]
    for row_tile, template in sorted(variances, key=lambda found: found[0]):
        own[row_tile] = len(values)
        first.append(row_tile)
        second.append(row_tile)
        values.append(template)
    for c in users:
        places = rows.locations(c)
        diagonal = np.vectorize(own.__getitem__)(places)
        key = (c.process.name, c.contrib.channel)
        at[key] = diagonal
        if c.contrib.covariance is None:
            continue
        where = np.empty((c.contrib.n_sub, c.contrib.n_sub, places.shape[1]), dtype=int)
        for k in range(c.contrib.n_sub):
            where[k, k] = diagonal[k]
            for other in range(k + 1, c.contrib.n_sub):
                tiles = rows.tiling.cut(c.contrib.covariance[k, other][None])[0]
                for tile, template in enumerate(tiles):
                    where[k, other, tile] = where[other, k, tile] = len(values)
                    first.append(int(places[k, tile]))
                    second.append(int(places[other, tile]))
                    values.append(template)
        at[key] = where
    if not values:
        return _Variances(None, None, {}, {})
    plan = VariancePlan(
        first=plan_index(first),
        second=plan_index(second),
        members=plan_index(members(rows.tile[first], rows.tiling.n_tiles)),
        own=plan_index([own.get(row_tile, len(values)) for row_tile in range(rows.n)]),
        covariances=first != second,
    )
    return _Variances(plan, np.array(values), at, own)


@dataclass
class _Parts:
    """Local parameters as they are met, channel by channel."""

    position: list[tuple[IntArray, IntArray, IntArray]] = field(default_factory=list)
    """(slots, places in the flattened tiles, positions of parameters or -1 - those of bin parameters)"""
    multiplied: list[tuple[int, int, FloatArray]] = field(default_factory=list)
    shifted: list[tuple[int, int, FloatArray]] = field(default_factory=list)
    """(row tile, slot, bins covered)"""


def stack_binwise(
    structure: Structure,
    parameters: Parameters,
    rows: Rows,
    treatments: Treatments,
    local: list[LocalVariable],
) -> BinWise:
    """Number the bin parameters and lay out everything that is eliminated."""
    tiling = rows.tiling
    variances = _variances(structure, rows)
    to_flat = tiling.to_flat()
    numbering = _Numbering()
    parts = _Parts()
    first_bin = np.concatenate([[0], np.cumsum(tiling.sizes)])
    lite_place: list[IntArray] = []
    lite_number: list[IntArray] = []
    total = np.zeros(tiling.n_tiles * tiling.width)
    for index, channel in enumerate(structure.channels):
        treatment = treatments.of_channel[index]
        places = to_flat[first_bin[index] : first_bin[index + 1]]
        if channel.mc_stat.options.scaling == "total":
            total[places] = 1.0
        found = numbering.add(channel, treatment, int(first_bin[index]))
        lite_place.append(places[treatment.lite])
        lite_number.append(found.of_bin[treatment.lite])
        used = _bin_parts(parts, channel, treatment, found, places, rows)
        _variable_parts(parts, [v for v in local if v.channel == index], used, places, parameters, rows)
    place, number = np.concatenate(lite_place), np.concatenate(lite_number)
    names, at_bin, centre, counting, slot = numbering.result()
    bins = lite = None
    if names:
        bins = BinPlan(
            centre=centre,
            counting=counting.astype(float),
            slot=plan_index(slot),
            n_slots=int(slot.max()) + 1,
            n=len(names),
        )
    if len(place):
        has = np.zeros(tiling.n_tiles * tiling.width)
        has[place] = 1.0
        at = np.full(len(has), len(names))
        at[place] = number
        shape = (tiling.n_tiles, tiling.width)
        lite = LitePlan(
            to_flat=plan_index(place),
            number=plan_index(number),
            from_flat=plan_index(at.reshape(shape)),
            has_parameter=has.reshape(shape),
            total=total.reshape(shape),
            any_process=bool(np.any((has > 0.0) & (total == 0.0))),
        )
    return BinWise(
        variance=variances.plan,
        sumw2=variances.sumw2,
        sumw2_at=variances.at,
        bins=bins,
        lite=lite,
        local=_stack_parts(parts, parameters.n, counting, treatments, structure, rows, variances),
        names=names,
        at_bin=at_bin,
        centre=centre,
        counting=counting,
    )


class _Found(NamedTuple):
    """Positions of a channel's bin parameters in their block."""

    of_bin: IntArray
    """(bin,): the lite or shared one."""
    of_row: IntArray
    """(row, bin)"""
    slot: IntArray
    """(row, bin)"""


@dataclass
class _Numbering:
    """The bin parameters of all channels, bin by bin."""

    names: list[str] = field(default_factory=list)
    at_bin: list[int] = field(default_factory=list)
    centre: list[float] = field(default_factory=list)
    counting: list[bool] = field(default_factory=list)
    slot: list[int] = field(default_factory=list)

    def _take(self, name: str, at_bin: int, slot: int, *, multiplies: bool) -> int:
        self.names.append(name)
        self.at_bin.append(at_bin)
        self.centre.append(1.0 if multiplies else 0.0)
        self.counting.append(multiplies)
        self.slot.append(slot)
        return len(self.names) - 1

    def add(self, channel: Channel, treatment: Treatment, first: int) -> _Found:
        """Number those of one channel."""
        own = treatment.multiplied | treatment.shifted
        labels = [sub for c in channel.contributions for sub in c.process.sub_procs]
        of_bin = np.zeros(channel.n_bins, dtype=int)
        of_row, slots = (np.zeros(own.shape, dtype=int) for _ in range(2))
        for b in np.flatnonzero(treatment.lite | treatment.shared | own.any(axis=0)).tolist():
            name = bin_parameter_name(channel.name, b)
            if treatment.lite[b] or treatment.shared[b]:
                of_bin[b] = self._take(name, first + b, 0, multiplies=bool(treatment.shared[b]))
                continue
            for slot, row in enumerate(np.flatnonzero(own[:, b]).tolist()):
                slots[row, b] = slot
                multiplies = bool(treatment.multiplied[row, b])
                name = bin_parameter_name(channel.name, b, labels[row])
                of_row[row, b] = self._take(name, first + b, slot, multiplies=multiplies)
        return _Found(of_bin, of_row, slots)

    def result(self) -> tuple[tuple[str, ...], IntArray, FloatArray, BoolArray, IntArray]:
        """(names, flat bins, centres, whether Poisson, slots)."""
        return (
            tuple(self.names),
            np.array(self.at_bin, dtype=int),
            np.array(self.centre, dtype=float),
            np.array(self.counting, dtype=bool),
            np.array(self.slot, dtype=int),
        )


def _bin_parts(
    parts: _Parts, channel: Channel, treatment: Treatment, found: _Found, places: IntArray, rows: Rows
) -> int:
    """Parts of the bin parameters that are not in closed form; the number of slots they use."""
    shared, slots = treatment.shared, 0
    if shared.any():
        none = np.zeros(int(shared.sum()), dtype=int)
        parts.position.append((none, places[shared], -1 - found.of_bin[shared]))
        slots = 1
    first = np.zeros(channel.n_bins, dtype=int)
    members = [(c, sub) for c in channel.contributions for sub in range(c.contrib.n_sub)]
    for index, (c, sub) in enumerate(members):
        if shared.any() and c.contrib.sumw2 is not None:
            _cover(parts.multiplied, c, sub, shared, first, rows)
        for kind, mask in ((parts.multiplied, treatment.multiplied), (parts.shifted, treatment.shifted)):
            own = mask[index]
            if own.any():
                _cover(kind, c, sub, own, found.slot[index], rows)
                at = found.slot[index, own]
                parts.position.append((at, places[own], -1 - found.of_row[index, own]))
                slots = max(slots, 1 + int(at.max()))
    return slots


def _cover(
    kind: list[tuple[int, int, FloatArray]],
    contribution: Contribution,
    sub: int,
    bins: BoolArray,
    slots: IntArray,
    rows: Rows,
) -> None:
    """The row tiles of one row in the slots of its bins."""
    row_tiles = rows.locations(contribution)[sub].tolist()
    for slot in sorted(set(slots[bins].tolist())):
        covered = (bins & (slots == slot)).astype(float)
        for row_tile, tile in zip(row_tiles, rows.tiling.cut(covered[None])[0], strict=True):
            if tile.any():
                kind.append((row_tile, slot, tile))


def _variable_parts(
    parts: _Parts,
    local: list[LocalVariable],
    used: int,
    places: IntArray,
    parameters: Parameters,
    rows: Rows,
) -> None:
    """Parts of a channel's local variables, in the slots behind those ``used`` by bin parameters."""
    full = rows.tiling.cut(np.ones((1, len(places))))[0]
    for slot, found in enumerate(local, used):
        parts.position.append((np.full(len(places), slot), places, parameters.of(found.variable)))
        for row in found.rows:
            for row_tile, tile in zip(rows.at[row].tolist(), full, strict=True):
                parts.multiplied.append((row_tile, slot, tile))


def _stack_parts(
    parts: _Parts,
    n_params: int,
    counting: BoolArray,
    treatments: Treatments,
    structure: Structure,
    rows: Rows,
    variances: _Variances,
) -> LocalPlan | None:
    if not parts.position:
        return None
    tiling = rows.tiling
    n_places, n_all = tiling.n_tiles * tiling.width, n_params + len(counting)
    slots, places, values = (np.concatenate(column) for column in zip(*parts.position, strict=True))
    is_bin = values < 0
    values = np.where(is_bin, n_params - 1 - values, values)
    n_slots = int(slots.max()) + 1
    to_flat = slots * n_places + places
    position = np.full(n_slots * n_places, n_all)
    position[to_flat] = values
    shape = (n_slots, tiling.n_tiles, tiling.width)

    def at_places(of_local: FloatArray | BoolArray) -> FloatArray:
        found = np.zeros(n_slots * n_places)
        found[to_flat] = of_local
        return found.reshape(shape)

    poisson = np.append(counting, False)[np.where(is_bin, values - n_params, len(counting))]
    rounded = np.concatenate(
        [np.full(n, t.rounded) for n, t in zip(tiling.sizes, treatments.of_channel, strict=True)]
    )
    rounded_place = np.zeros(n_places, dtype=bool)
    rounded_place[tiling.to_flat()] = rounded
    number = np.full(n_all, len(values))
    number[values] = np.arange(len(values))
    ordered = sorted(parts.multiplied, key=lambda part: part[:2]) + sorted(
        parts.shifted, key=lambda part: part[:2]
    )
    row_tile = np.array([part[0] for part in ordered])
    slot = np.array([part[1] for part in ordered])
    n_variances = 0 if variances.sumw2 is None else len(variances.sumw2)
    return LocalPlan(
        position=plan_index(position.reshape(shape)),
        present=at_places(np.ones(len(values))),
        centre=at_places(np.where(is_bin & ~poisson, 0.0, 1.0)),
        counting=at_places(poisson),
        rounded=at_places(poisson & rounded_place[places]),
        row_tile=plan_index(row_tile),
        slot=plan_index(slot),
        covers=np.array([part[2] for part in ordered]),
        variance=plan_index([variances.of_row_tile.get(t, n_variances) for t in row_tile.tolist()]),
        members=plan_index(members(slot * tiling.n_tiles + rows.tile[row_tile], n_slots * tiling.n_tiles)),
        to_flat=plan_index(to_flat),
        at=plan_index(values),
        number=plan_index(number),
        n_slots=n_slots,
        n_multiplied=len(parts.multiplied),
    )

"""What two models expect: yields at the start, and how parameters change them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .._types import FloatArray
from ..model import Model
from ..results import ShiftChange, YieldChange
from .likelihoods import shared_names

__all__ = ["common_channels", "shift_changes", "yield_changes"]

_STEP = 0.1
_BATCH = 128


def common_channels(first: Model, second: Model) -> list[str]:
    """Channels that both have, with as many bins."""
    sizes = {c.name: c.stop - c.start for c in second.layout.channels}
    return [c.name for c in first.layout.channels if sizes.get(c.name) == c.stop - c.start]


def _relative(first: FloatArray, second: FloatArray) -> FloatArray:
    """second/first - 1; infinite where something comes from nothing."""
    change: FloatArray = np.where(second > first, np.inf, np.where(second < first, -np.inf, 0.0))
    np.divide(second - first, np.abs(first), out=change, where=first != 0.0)
    return change


def yield_changes(first: Model, second: Model, tolerance: float) -> tuple[list[YieldChange], int]:
    """Contributions whose yields differ, and how many do not; each model at its own start."""
    found, n_equal = [], 0
    processes = [p for p in first.specification.processes if p.name in second.processes]
    others = {p.name: p for p in second.specification.processes}
    channels = common_channels(first, second)
    for process in processes:
        one, other = (m.split(m.pred({}, process=process.name)) for m in (first, second))
        for channel in channels:
            if channel not in process.contribs or channel not in others[process.name].contribs:
                continue
            change = _relative(one[channel], other[channel])
            worst = int(np.argmax(np.abs(change)))
            if np.abs(change[worst]) <= tolerance:
                n_equal += 1
                continue
            sums = float(one[channel].sum()), float(other[channel].sum())
            found.append(YieldChange(process.name, channel, *sums, float(change[worst]), worst))
    return found, n_equal


def shift_changes(
    first: Model, second: Model, tolerance: float, largest_set: int
) -> tuple[list[ShiftChange], int]:
    """Parameters of both that change bins differently, and how many do not.

    Each is moved by one uncertainty of the first model, up and down from its start.
    """
    moves = list(_moves(first, second, largest_set))
    channels = common_channels(first, second)
    if not moves or not channels:
        return [], 0
    relative = [_relative_shifts(model, moves, channels) for model in (first, second)]
    places = [(c, b) for c in channels for b in range(len(first.split(first.pred({}))[c]))]
    found: dict[str, ShiftChange] = {}
    names = dict.fromkeys(name for name, _ in moves)
    for (name, value), one, other in zip(moves, *relative, strict=True):
        apart = np.abs(one - other)
        worst = int(np.argmax(apart))
        known = found.get(name)
        if apart[worst] > tolerance and (known is None or apart[worst] > known.largest):
            found[name] = ShiftChange(name, float(one[worst]), float(other[worst]), *places[worst], value)
    return list(found.values()), len(names) - len(found)


def _moves(first: Model, second: Model, largest_set: int) -> Iterator[tuple[str, float]]:
    """(parameter, value) of what is moved; members of large sets are left where they are."""
    layout = first.layout
    shared = set(shared_names(first.layout, second.layout))
    for variable in layout.variables:
        if len(variable.indices) > largest_set:
            continue
        for i, name in zip(variable.indices, variable.sub_names, strict=True):
            if name in shared:
                start, width = float(layout.start[i]), float(layout.widths[i])
                step = width if np.isfinite(width) else _STEP * max(abs(start), 1.0)
                yield name, float(min(start + step, layout.upper[i]))
                yield name, float(max(start - step, layout.lower[i]))


def _relative_shifts(model: Model, moves: Sequence[tuple[str, float]], channels: Sequence[str]) -> FloatArray:
    """(move, bin of the channels): relative changes; 0 where nothing is expected at the start."""
    layout = model.layout
    bins = np.concatenate(
        [np.arange(layout.n_bins)[c.bins] for n in channels for c in layout.channels if c.name == n]
    )
    start = np.asarray(model.pred(layout.start))[bins]
    safe = np.where(start != 0.0, start, 1.0)
    at = {name: i for i, name in enumerate(layout.parameters)}
    parts = []
    for begin in range(0, len(moves), _BATCH):
        chosen = moves[begin : begin + _BATCH]
        # Batches of one size are one program.
        values = np.tile(layout.start, (min(_BATCH, len(moves)), 1))
        for k, (name, value) in enumerate(chosen):
            values[k, at[name]] = value
        found = np.asarray(model.batch_pred(values))[: len(chosen), bins]
        parts.append(np.where(start != 0.0, (found - start) / safe, 0.0))
    return np.concatenate(parts)

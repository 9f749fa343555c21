"""Checks of parameters, each moved by one sigma: without effect, doing the same as others, on a limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..build.declarations import variables_of
from ..inference import compiled
from ..results import Finding
from .kinds import KINDS
from .subject import Subject

__all__ = ["Shifts", "at_bounds", "effects", "pairs"]

_STEP = 0.1
"""Free parameters move by this, relative to their start where that is above 1."""
_BATCH = 256


def at_bounds(subject: Subject) -> Iterator[Finding]:
    """Start values on a limit."""
    layout = subject.context.layout
    held = np.asarray(subject.context.prepared.plan.constant) > 0
    on = ((layout.start == layout.lower) | (layout.start == layout.upper)) & ~held
    for i in np.flatnonzero(on):
        yield KINDS["start-at-bound"].at(layout.names[i], layout.start[i])


@dataclass(frozen=True, eq=False)
class Shifts:
    """What the expectation does when one parameter after the other is moved."""

    subject: Subject

    @cached_property
    def moved(self) -> IntArray:
        """Positions of the parameters that are moved: not those held, nor members of large sets."""
        layout, plan = self.subject.context.layout, self.subject.context.prepared.plan
        largest = self.subject.thresholds.largest_set
        small = [i for v in layout.variables if len(v.indices) <= largest for i in v.indices]
        held = np.asarray(plan.constant) > 0
        return np.array([i for i in small if not held[i]], dtype=int)

    @cached_property
    def counted(self) -> BoolArray:
        """(bin,): those of the likelihood."""
        counted = np.zeros(self.subject.context.layout.n_bins, dtype=bool)
        for channel in self.subject.channels:
            counted[channel.bins] = True
        return counted

    def steps(self) -> tuple[FloatArray, FloatArray]:
        """(moved,) each: values above and below the start, inside the limits."""
        layout = self.subject.context.layout
        start, widths = layout.start[self.moved], layout.widths[self.moved]
        step = np.where(np.isfinite(widths), widths, _STEP * np.maximum(np.abs(start), 1.0))
        lower, upper = layout.lower[self.moved], layout.upper[self.moved]
        return np.minimum(start + step, upper), np.maximum(start - step, lower)

    def __iter__(self) -> Iterator[tuple[int, FloatArray, FloatArray]]:
        """(position, change upwards, change downwards), (bin,) each."""
        above, below = self.steps()
        n = len(self.moved)
        for first in range(0, n, _BATCH):
            chosen = np.arange(first, min(first + _BATCH, n))
            values = np.tile(self.subject.start, (2 * len(chosen), 1))
            values[np.arange(len(chosen)), self.moved[chosen]] = above[chosen]
            values[len(chosen) + np.arange(len(chosen)), self.moved[chosen]] = below[chosen]
            found = np.asarray(compiled.batch_expected(self.subject.context.prepared, values))
            change = (found - self.subject.expected)[:, self.counted]
            for k, i in enumerate(chosen):
                yield int(self.moved[i]), change[k], change[len(chosen) + k]

    @cached_property
    def sizes(self) -> tuple[FloatArray, FloatArray | None]:
        """(moved,) largest relative changes; (moved, bin) half differences over root of the expectation.

        The second is None where it would be too large.
        """
        scale = np.abs(self.subject.expected[self.counted])
        safe = np.where(scale > 0.0, scale, 1.0)
        keep = len(self.moved) * len(scale) <= self.subject.thresholds.largest_shifts
        largest, directions = [], []
        for _, up, down in self:
            largest.append(float(np.max(np.maximum(np.abs(up), np.abs(down)) / safe, initial=0.0)))
            if keep:
                directions.append(0.5 * (up - down) / np.sqrt(safe))
        return np.array(largest), np.array(directions) if keep else None

    @cached_property
    def in_terms(self) -> set[str]:
        """Variables that users' terms depend on."""
        layout, terms = self.subject.context.layout, self.subject.specification.terms
        names: set[str] = set()
        for term in terms:
            if term.variables is not None:
                names |= {v.name for v in term.variables}
            else:
                seen = set(term.order or layout.parameters)
                names |= {v.name for v in layout.variables if seen & set(v.sub_names)}
        return names


def effects(shifts: Shifts) -> Iterator[Finding]:
    """Parameters that change nothing."""
    subject = shifts.subject
    layout = subject.context.layout
    owner = {i: v.name for v in layout.variables for i in v.indices}
    scaled = _events(subject)
    for i, largest in zip(shifts.moved, shifts.sizes[0], strict=True):
        if largest > subject.thresholds.negligible or owner[i] in shifts.in_terms:
            continue
        if scaled.get(owner[i], 0.0) == 0.0:
            yield KINDS["nuisance-on-no-process"].at(layout.names[i], 0.0)
        else:
            yield KINDS["no-effect"].at(layout.names[i], largest)


def _events(subject: Subject) -> dict[str, float]:
    """Variable -> events of what it acts on."""
    found: dict[str, float] = {}
    for row in subject.rows:
        for effect in row.effects:
            for variable in variables_of(effect) if row.acts(effect) else ():
                found[variable.name] = found.get(variable.name, 0.0) + float(np.abs(row.yields).sum())
    return found


def pairs(shifts: Shifts) -> Iterator[Finding]:
    """Sets of parameters whose shifts are all along one direction."""
    directions = shifts.sizes[1]
    if directions is None or len(directions) == 0:
        return
    size = np.sqrt(np.sum(directions**2, axis=1))
    acting = np.flatnonzero(shifts.sizes[0] > shifts.subject.thresholds.negligible)
    acting = acting[size[acting] > 0.0]
    unit = directions[acting] / size[acting, None]
    cosine = np.abs(unit @ unit.T)
    layout = shifts.subject.context.layout
    owner = {i: v for v in layout.variables for i in v.indices}
    for members in _clusters(cosine > shifts.subject.thresholds.collinear):
        positions = shifts.moved[acting[members]]
        free = [layout.names[i] for i in positions if owner[i].constraint is None]
        bare = [i for i in positions if owner[i].constraint is None and owner[i].name not in shifts.in_terms]
        smallest = float(cosine[np.ix_(members, members)].min())
        severity = "error" if len(bare) > 1 else None
        where = _listed([*free, *(layout.names[i] for i in positions if layout.names[i] not in free)])
        yield KINDS["collinear"].at(where, smallest, severity=severity)


def _clusters(same: BoolArray) -> Iterator[IntArray]:
    """Sets of two and more that are connected."""
    left = set(range(len(same)))
    while left:
        found, new = set(), {left.pop()}
        while new:
            found |= new
            new = set(np.flatnonzero(same[sorted(new)].any(axis=0)).tolist()) - found
        left -= found
        if len(found) > 1:
            yield np.array(sorted(found))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f", ... ({len(names)} in all)" if len(names) > 4 else "")

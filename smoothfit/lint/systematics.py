"""Checks of uncertainties one by one: identical, one-sided, null, too large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._types import FloatArray
from ..build import Shape, Systematic
from ..effects import LnN
from ..results import Finding
from .kinds import KINDS
from .subject import Row, Subject

__all__ = ["Change", "changes", "sizes", "unconstrained"]


class Change(NamedTuple):
    """What a nuisance, either way, does to a row."""

    where: str
    row: Row
    up: FloatArray
    down: FloatArray
    """(bin,): yields at 1/scale sigmas."""
    is_shape: bool
    scale: float = 1.0


def changes(subject: Subject) -> Iterator[Change]:
    """Templates and log-normals of every row that expects something."""
    for row in subject.rows:
        if not np.any(row.yields):
            continue
        for effect in row.effects:
            if isinstance(effect, Shape):
                where = f"{effect.variable.name} on {row.where}"
                yield Change(where, row, effect.up[row.sub], effect.down[row.sub], True, effect.scale)
            elif isinstance(effect, Systematic) and isinstance(effect.effect, LnN) and row.acts(effect):
                where = f"{effect.variable.name} on {row.where}"
                yield Change(where, row, *_scaled(row, effect), False)


def _scaled(row: Row, effect: Systematic) -> tuple[FloatArray, FloatArray]:
    """Yields at +1 and -1 of a log-normal, which may act on some bins."""
    assert isinstance(effect.effect, LnN)
    at = list(effect.region.rows(row.contrib.n_sub)).index(row.sub)
    bins = slice(None) if effect.region.bins is None else list(effect.region.bins)
    sides = []
    for kappa in (effect.effect.up, effect.effect.down):
        yields = np.array(row.yields)
        yields[bins] *= kappa[0] if len(kappa) == 1 else kappa[at]
        sides.append(yields)
    return sides[0], sides[1]


def sizes(subject: Subject) -> Iterator[Finding]:
    """How much the two sides change, and whether they do so in opposite directions."""
    limits = subject.thresholds
    totals = {c.name: np.abs(subject.expected[c.bins]) for c in subject.channels}
    for change in changes(subject):
        u, v = (change.scale * (side - change.row.yields) for side in (change.up, change.down))
        scale = float(np.abs(change.row.yields).sum())
        size = float(max(np.abs(u).sum(), np.abs(v).sum())) / scale
        if size <= limits.negligible:
            yield KINDS["null-effect"].at(change.where, size)
            continue
        if size > limits.small:
            yield from _sides(change, u, v, size, limits.one_sided)
        yield from _bins(change, u, v, totals[change.row.contrib.channel], subject)
        yield from _normalisation(change, limits.huge_normalisation)


def _sides(change: Change, u: FloatArray, v: FloatArray, size: float, limit: float) -> Iterator[Finding]:
    if np.abs(u - v).sum() <= 1e-9 * np.abs(u).sum():
        yield KINDS["identical-templates"].at(change.where, size)
        return
    if change.is_shape:
        asymmetry = float(np.abs(u + v).sum() / (np.abs(u).sum() + np.abs(v).sum()))
    else:
        # Of a log-normal 1/kappa is the opposite of kappa.
        nominal = change.row.yields.sum()
        factors = [side.sum() / nominal if nominal != 0.0 else 0.0 for side in (change.up, change.down)]
        if min(factors) <= 0.0:
            return
        a, b = map(np.log, factors)
        asymmetry = float(abs(a + b) / max(abs(a) + abs(b), np.finfo(float).tiny))
    if asymmetry > limit:
        yield KINDS["one-sided"].at(change.where, asymmetry)


def _bins(
    change: Change, u: FloatArray, v: FloatArray, total: FloatArray, subject: Subject
) -> Iterator[Finding]:
    """A shape that more than doubles a bin, or takes more than all of it, where that matters."""
    if not change.is_shape:
        return
    nominal = np.abs(change.row.yields)
    largest = np.maximum(np.abs(u), np.abs(v))
    beyond = (largest > subject.thresholds.large_shift * nominal) & (
        largest > subject.thresholds.matters * total
    )
    if np.any(beyond):
        # Relative to nothing it is infinite.
        relative = np.where(beyond, np.inf, 0.0)
        np.divide(largest, nominal, out=relative, where=beyond & (nominal > 0.0))
        worst = int(np.argmax(relative))
        yield KINDS["large-shift"].at(f"{change.where}, bin {worst}", relative[worst])


def _normalisation(change: Change, limit: float) -> Iterator[Finding]:
    nominal = change.row.yields.sum()
    if nominal <= 0.0:
        return
    factors = [side.sum() / nominal for side in (change.up, change.down)]
    positive = [max(f, 1.0 / f) ** change.scale for f in factors if f > 0.0]
    worst = float("inf") if len(positive) < 2 else max(positive)
    if worst > limit:
        yield KINDS["huge-normalisation"].at(change.where, worst)


def unconstrained(subject: Subject) -> Iterator[Finding]:
    """Parameters of log-normals and shapes that nothing constrains, and how many templates each moves."""
    layout = subject.context.layout
    terms = {v.name for term in subject.specification.terms for v in term.variables or ()}
    held = np.asarray(subject.context.prepared.plan.constant) > 0
    free = {
        v.name for v in layout.variables if v.constraint is None and not held[list(v.indices)].all()
    } - terms
    found: dict[str, int] = {}
    for row in subject.rows:
        for effect in row.effects:
            if isinstance(effect, Systematic):
                if not (isinstance(effect.effect, LnN) and row.acts(effect)):
                    continue
            elif not isinstance(effect, Shape):
                continue
            name = effect.variable.name
            if name in free:
                found[name] = found.get(name, 0) + 1
    for name, count in found.items():
        yield KINDS["free-systematic"].at(name, count)

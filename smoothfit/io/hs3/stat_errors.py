"""Factors a bin of a channel: whose they are, and which of them a staterror is equal to.

A staterror has no numbers: its constraint follows from the errors of the samples that have it. Errors in
proportion to the yields lead back to any constraint around 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...build import Variable
from ...build.declarations import Declaration, Scale, ScaleFn
from ...constraints import Gaussian, Poisson
from ..rows import Components, ModelChannel, Row, Stacked

__all__ = ["Parts", "StatErrors", "by_bin", "poisson_tau", "stat_errors"]

_ROUNDING = 1e-14
Parts = list[tuple[Variable, int]]
"""The (variable, component) of each bin."""


@dataclass(frozen=True)
class StatErrors:
    """A staterror: its parameters, its constraint, and the errors of rows that lead to it."""

    label: str
    names: tuple[str, ...]
    kind: str
    errors: dict[str, list[float]]


def by_bin(row: Row, effect: Declaration, channel: ModelChannel) -> Parts | None:
    """The (variable, component) of each bin, of a factor a bin."""
    if isinstance(effect, Scale):
        variable = effect.variable
        lone = variable.size == 1 and not variable.is_scalar and channel.n_bins == 1
        if row.component(effect) is None or lone:
            return [(variable, k) for k in range(variable.size)]
    elif isinstance(effect, ScaleFn) and isinstance(effect.fn, Components):
        return [(effect.variables[0], k) for k in range(effect.fn.first, effect.fn.end)]
    elif isinstance(effect, ScaleFn) and isinstance(effect.fn, Stacked):
        return [(variable, 0) for variable in effect.variables]
    return None


def stat_errors(channel: ModelChannel, correlated: set[str]) -> StatErrors | None:
    """The first set of factors that a staterror is equal to: HistFactory has one a channel."""
    rows: dict[tuple[str, ...], list[Row]] = {}
    parts_of: dict[tuple[str, ...], Parts] = {}
    for row in channel.rows:
        for effect in row.effects:
            parts = by_bin(row, effect, channel)
            if parts is not None:
                names = tuple(variable.sub_names[k] for variable, k in parts)
                rows.setdefault(names, []).append(row)
                parts_of[names] = parts
    for names, carrying in rows.items():
        found = _as_stat_errors(names, parts_of[names], carrying)
        if found is not None and not set(names) & correlated:
            return found
    return None


def _as_stat_errors(names: tuple[str, ...], parts: Parts, rows: Sequence[Row]) -> StatErrors | None:
    """Errors in proportion to the yields that give the constraints back; None where none do."""
    yields = np.array([row.yields for row in rows])
    total = yields.sum(axis=0)
    kinds = {type(variable.constraint) for variable, _ in parts}
    if kinds == {Gaussian}:
        numbers = np.array([_mean_and_width(variable, k) for variable, k in parts])
    elif kinds == {Poisson} and len(rows) > 1:
        numbers = np.array([_count_and_width(variable, k) for variable, k in parts])
    else:
        return None
    held = np.array([variable.fixed[k] for variable, k in parts])
    empty = held & (numbers[:, 1] == 1.0)
    widths = np.where(empty, 0.0, numbers[:, 1])
    starts = np.array([variable.value[k] for variable, k in parts])
    if (
        np.any(numbers[:, 0] != 1.0)
        or np.any((widths > 0.0) & (total <= 0.0))
        or np.any(starts[empty] != 1.0)
    ):
        return None
    squared = np.sqrt(np.square(yields).sum(axis=0))
    scale = np.where(widths > 0.0, widths * total / np.where(squared > 0.0, squared, 1.0), 0.0)
    errors = np.abs(yields) * scale
    if not _gives_back(errors, total, widths):
        return None
    kind = "Gauss" if kinds == {Gaussian} else "Poisson"
    by_row = {row.name: own.tolist() for row, own in zip(rows, errors, strict=True)}
    return StatErrors(parts[0][0].name, names, kind, by_row)


def _gives_back(errors: FloatArray, total: FloatArray, widths: FloatArray) -> bool:
    found = np.sqrt(np.square(errors).sum(axis=0)) / np.where(total > 0.0, total, 1.0)
    return bool(np.allclose(found, widths, rtol=_ROUNDING, atol=0.0))


def _mean_and_width(variable: Variable, k: int) -> tuple[float, float]:
    constraint = variable.constraint
    assert isinstance(constraint, Gaussian)
    return _component(constraint.mean, k), _component(constraint.width, k)


def _count_and_width(variable: Variable, k: int) -> tuple[float, float]:
    """(count / tau, relative width)"""
    constraint = variable.constraint
    assert isinstance(constraint, Poisson)
    tau = _component(constraint.tau, k)
    return _component(constraint.count, k) / tau, 1.0 / float(np.sqrt(tau))


def poisson_tau(variable: Variable, k: int) -> float | None:
    """tau of a component, None where its constraint is another one."""
    return _component(variable.constraint.tau, k) if isinstance(variable.constraint, Poisson) else None


def _component(numbers: Any, k: int) -> float:
    array = np.atleast_1d(np.asarray(numbers, dtype=np.float64))
    return float(array[k if array.size > 1 else 0])

"""Row effects of every kind at once: how they are stacked (numpy) and how they act (JAX)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .._pytree import Index
from .._types import Array, FloatArray, IntArray
from ..prepared import EffectPlan
from .effect import Entries
from .registry import KINDS
from .terms import RowTerms

__all__ = ["Stack", "derive", "log_terms", "plain_terms"]


@dataclass
class Stack:
    """Entries of each kind, as they are met."""

    rows: dict[str, list[int]] = field(default_factory=dict)
    params: dict[str, list[int]] = field(default_factory=dict)
    numbers: dict[str, list[tuple[FloatArray, ...]]] = field(default_factory=dict)

    def add(self, entries: Entries, rows: Sequence[int], param: int) -> IntArray:
        """Remember an effect of one parameter on these rows; return the positions of its entries."""
        name = entries.kind.name
        found = self.rows.setdefault(name, [])
        first = len(found)
        found.extend(rows)
        self.params.setdefault(name, []).extend([param] * len(rows))
        self.numbers.setdefault(name, []).append(entries.numbers)
        return np.arange(first, len(found))

    def stack(self) -> tuple[dict[str, EffectPlan], dict[str, tuple[FloatArray, ...]]]:
        """(plan, numbers) by kind."""
        names = sorted(self.rows)
        plans = {
            name: EffectPlan(
                row=Index(np.array(self.rows[name], dtype=float)),
                param=Index(np.array(self.params[name], dtype=float)),
            )
            for name in names
        }
        numbers = {
            name: tuple(np.concatenate(column) for column in zip(*self.numbers[name], strict=True))
            for name in names
        }
        return plans, numbers

    @property
    def plain_rows(self) -> list[int]:
        """The rows of all entries that are plain factors, in the order of :func:`plain_terms`."""
        return [row for name in sorted(self.rows) if not KINDS[name].on_log for row in self.rows[name]]


def derive(numbers: dict[str, tuple[Array, ...]]) -> dict[str, tuple[Array, ...]]:
    """What follows from the numbers of every entry."""
    return {name: KINDS[name].derive(*columns) for name, columns in numbers.items()}


def _terms(
    plan: dict[str, EffectPlan], derived: dict[str, tuple[Array, ...]], p: Array, on_log: bool
) -> list[RowTerms]:
    return [
        RowTerms(entry.row, entry.param, *KINDS[name].derivatives(p[entry.param], *derived[name]))
        for name, entry in sorted(plan.items())
        if KINDS[name].on_log is on_log
    ]


def log_terms(plan: dict[str, EffectPlan], derived: dict[str, tuple[Array, ...]], p: Array) -> list[RowTerms]:
    """The terms of log(row factor) at parameters ``p``; the plan is resolved."""
    return _terms(plan, derived, p, True)


def plain_terms(
    plan: dict[str, EffectPlan], derived: dict[str, tuple[Array, ...]], p: Array
) -> list[RowTerms]:
    """The plain factors of rows at parameters ``p``."""
    return _terms(plan, derived, p, False)

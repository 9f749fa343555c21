"""Sources of uncertainty, and groups of them: data, constraints, simulation statistics, users' terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._pytree import resolve
from .._types import BoolArray, FloatArray, IntArray
from ..build import Variable
from ..errors import InvalidTypeError, InvalidValueError, UnknownNameError
from ..layout import Layout
from ..prepared import Prepared
from .context import Context

__all__ = [
    "DATA",
    "MC_STAT",
    "USER_TERMS",
    "CorrelatedSet",
    "Sources",
    "constrained_params",
    "correlated_sets",
    "members_of",
    "sources_of",
]

DATA, MC_STAT, USER_TERMS = "data", "mc_stat", "user_terms"
"""Names of the sources that are no nuisance."""


@dataclass(frozen=True)
class Sources:
    """Rows of a breakdown: each source belongs to exactly one."""

    names: tuple[str, ...]
    params: IntArray
    """(param + bin param,): the row of each parameter, -1 if it has no constraint or is held; a free
    parameter only has one if a group names it."""
    data: int
    user: int
    """The rows of the data and of the user's terms; -1 if there are none of these."""

    def mask(self, row: int) -> BoolArray:
        """(param + bin param,): the parameters of a row."""
        return np.asarray(self.params == row)


def constrained_params(layout: Layout) -> BoolArray:
    """(param,): which have a constraint."""
    return np.array([v.constraint is not None for v in layout.variables for _ in v.indices], dtype=bool)


class CorrelatedSet(NamedTuple):
    """Parameters whose constraints are one."""

    positions: IntArray
    correlation: FloatArray


def correlated_sets(prepared: Prepared) -> list[CorrelatedSet]:
    """Sets of parameters whose constraints are correlated, directly or through others."""
    if prepared.templates.correlation is None:
        return []
    members = np.asarray(resolve(prepared.plan.constraint.correlated))
    correlation = np.asarray(prepared.templates.correlation)
    linked = correlation != 0.0
    left, sets = set(range(len(members))), []
    while left:
        reached, new = set(), {min(left)}
        while new:
            reached |= new
            new = {int(j) for i in new for j in np.flatnonzero(linked[i])} - reached
        left -= reached
        if len(reached) > 1:
            at = sorted(reached)
            sets.append(CorrelatedSet(members[at], correlation[np.ix_(at, at)]))
    return sets


def members_of(context: Context, given: Any, what: str) -> tuple[IntArray, set[str]]:
    """Positions in (parameters, bin parameters) and special sources that a group's entries name.

    An entry is a Variable, the name of a variable, component, bin parameter or variable's group, a regular
    expression, or one of "data", "mc_stat" and "user_terms".
    """
    layout = context.layout
    entries = [given] if isinstance(given, str | Variable) else given
    if not isinstance(entries, Sequence):
        raise InvalidTypeError(f"{what}: expected a list of names, got {type(given).__name__}.")
    groups = {v.group for v in layout.variables}
    found: list[int] = []
    special: set[str] = set()
    for entry in entries:
        if isinstance(entry, str) and entry in (DATA, USER_TERMS):
            special.add(entry)
        elif isinstance(entry, str) and entry == MC_STAT:
            found += range(layout.n_params, layout.n_params + layout.n_bin_params)
        elif isinstance(entry, str) and entry in groups:
            found += [i for v in layout.variables if v.group == entry for i in v.indices]
        else:
            try:
                found += layout.positions(entry, patterns=True)
            except UnknownNameError as error:
                raise UnknownNameError(f"{what}: {error}") from error
    return np.unique(np.array(found, dtype=int)), special


def _singles(layout: Layout, prepared: Prepared, fixed: BoolArray) -> list[tuple[str, IntArray]]:
    """Every constrained nuisance, or correlated set of them; the bins of Monte Carlo statistics together."""
    names = layout.parameters
    joined = {int(i): one.positions for one in correlated_sets(prepared) for i in one.positions}
    constrained = constrained_params(layout)
    listed: list[tuple[str, IntArray]] = []
    for i in np.flatnonzero(constrained & ~fixed[: layout.n_params]):
        members = joined.get(int(i), np.array([i]))
        members = members[~fixed[members]]
        if i == members[0]:
            listed.append((", ".join(names[j] for j in members), members))
    bins = layout.n_params + np.flatnonzero(~fixed[layout.n_params :])
    return [*listed, *([(MC_STAT, bins)] if len(bins) else [])]


def sources_of(context: Context, groups: Mapping[str, Any] | None, fixed: BoolArray, call: str) -> Sources:
    """The rows: the groups, then the data, and every source that is in no group.

    Raises
    ------
    InvalidValueError
        If two groups share a source, or a part of a correlated set is in another group than the rest.
    UnknownNameError, InvalidTypeError
        For names that the model does not have, and for what is no dict.
    """
    layout, prepared = context.layout, context.prepared
    if groups is not None and not isinstance(groups, Mapping):
        raise InvalidTypeError(
            f"{call}: groups must be a dict {{label: names}}, got {type(groups).__name__}."
        )
    has_terms = len(prepared.plan.constraint.terms) > 0
    rows = np.full(len(fixed), -1)
    special: dict[str, int] = {}
    labels: list[str] = []
    for label, given in (groups or {}).items():
        members, named = members_of(context, given, f"{call}: group '{label}'")
        for name in named & special.keys():
            raise _shared(call, label, labels[special[name]], name)
        for i in members[rows[members] >= 0]:
            raise _shared(call, label, labels[rows[i]], layout.names[i])
        rows[members] = len(labels)
        special |= dict.fromkeys(named, len(labels))
        labels.append(str(label))
    for together in correlated_sets(prepared):
        free = together.positions[~fixed[together.positions]]
        if len(set(rows[free])) > 1:
            names = ", ".join(layout.parameters[i] for i in free)
            raise InvalidValueError(
                f"{call}: the nuisances {names} are correlated, one source; put all of them in one group, or "
                "none."
            )
    if DATA not in special:
        special[DATA] = len(labels)
        labels.append(DATA)
    for name, members in _singles(layout, prepared, fixed):
        rest = members[rows[members] < 0]
        if len(rest):
            rows[rest] = len(labels)
            labels.append(name)
    if has_terms and USER_TERMS not in special:
        special[USER_TERMS] = len(labels)
        labels.append(USER_TERMS)
    rows[fixed] = -1
    _check_labels(labels, call)
    return Sources(tuple(labels), rows, special[DATA], special.get(USER_TERMS, -1) if has_terms else -1)


def _shared(call: str, label: str, other: str, name: str) -> InvalidValueError:
    return InvalidValueError(
        f"{call}: '{name}' is in the groups '{other}' and '{label}'; a source belongs to one, else it "
        "counts twice."
    )


def _check_labels(labels: list[str], call: str) -> None:
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise InvalidValueError(
            f"{call}: two rows would be called '{repeated[0]}'; give the group another label."
        )

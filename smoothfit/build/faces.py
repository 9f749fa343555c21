"""What builders show of themselves: a line that could be typed, tables where there is more."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import plural
from .._types import BoolArray, FloatArray
from ..constraints import Constraint
from ..render import Cell, Face, Measured, Named, Rounded, Table
from .declarations import Declaration, Scale, Shape, Systematic, effect_label, variables_of

if TYPE_CHECKING:
    from .contribution import ChannelContrib
    from .process import Process
    from .variable import Variable

__all__ = [
    "contribution_face",
    "listed",
    "process_face",
    "tally",
    "typed",
    "typed_constraint",
    "variable_face",
]

_MOST_ROWS = 40
_MOST_NAMES = 6
_LONGEST = 40
_LONGEST_LIST = 60


def listed(names: Iterable[str], most: int = _MOST_NAMES, *, none: str = "none") -> str:
    """Names one after the other, and how many there are more.

    Examples
    --------
    >>> listed(["a", "b"]), listed("abcdefgh", 3), listed([])
    ('a, b', 'a, b, c and 5 more', 'none')
    """
    found = list(names)
    while most > 1 and sum(map(len, found[:most])) > _LONGEST_LIST:
        most -= 1
    shown = ", ".join(found[:most])
    return f"{shown} and {len(found) - most} more" if len(found) > most else shown or none


def typed(values: FloatArray | BoolArray) -> str:
    """Numbers or flags as one types them: one if all are equal, a list else, shortened when long.

    Examples
    --------
    >>> typed(np.array([1.0, 1.0])), typed(np.array([0.0, np.inf])), typed(np.array([True, False]))
    ('1.0', '[0.0, None]', '[True, False]')
    """
    entries = [_entry(value) for value in np.asarray(values).tolist()]
    if len(set(entries)) == 1:
        return entries[0]
    if len(entries) <= _MOST_NAMES:
        return f"[{', '.join(entries)}]"
    return f"[{', '.join(entries[:3])}, ..., {entries[-1]}]"


def _entry(value: Any) -> str:
    return "None" if isinstance(value, float) and not np.isfinite(value) else repr(value)


def typed_constraint(constraint: Constraint, value: FloatArray) -> str:
    """A constraint as one types it for a variable of that value; what follows from the value is left out.

    Examples
    --------
    >>> from smoothfit.constraints import Gaussian
    >>> typed_constraint(Gaussian(np.array([1.0]), np.array([0.1])), np.array([1.0]))
    'Gaussian(width=0.1)'
    """
    parts = []
    for field in dataclasses.fields(constraint):  # type: ignore[arg-type]
        given = getattr(constraint, field.name)
        if callable(given):
            parts.append(getattr(given, "__qualname__", type(given).__name__))
        elif given is not None and not _follows(field, given, value):
            parts.append(f"{field.name}={typed(np.atleast_1d(np.asarray(given)))}")
    return f"{type(constraint).__name__}({', '.join(parts)})"


def _follows(field: Any, given: Any, value: FloatArray) -> bool:
    """Whether a number is what is filled in if it is left out."""
    if field.name in ("mean", "glob"):
        return bool(np.array_equal(np.broadcast_to(given, value.shape), value))
    default = field.default
    return isinstance(default, int | float) and bool(np.all(np.asarray(given) == default))


def tally(effects: Sequence[Declaration]) -> str:
    """Effects one by one, or counted by kind where there are many.

    Examples
    --------
    >>> from smoothfit.build import ChannelContrib, Variable
    >>> sig = ChannelContrib("SR", 1.0).scale_by(Variable("mu", 1.0))
    >>> tally(sig.effects), tally(sig.effects * 7)
    ('scale_by mu', '7 scale_by')
    """
    labels = [effect_label(effect) for effect in effects]
    if len(labels) <= _MOST_NAMES:
        return ", ".join(labels)
    counts: dict[str, int] = {}
    for label in labels:
        kind = label.partition(" ")[0]
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{number} {kind}" for kind, number in counts.items())


# -- variables ---------------------------------------------------------------------------------------------


def variable_face(variable: Variable) -> Face:
    """A row a component."""
    about = {"label": variable.label, "unit": variable.unit, "group": variable.group}
    told = [f"{name}: {text}" for name, text in about.items() if text]
    constraint = variable.constraint
    kind = "free" if constraint is None else f"constraint {typed_constraint(constraint, variable.value)}"
    lines = (f"{type(variable).__name__} '{variable.name}': {kind}", *told)
    prefit = None if constraint is None else constraint.prefit()
    rows: list[list[Cell]] = []
    for i, name in enumerate(variable.sub_names[:_MOST_ROWS]):
        ends = (Rounded(end) if np.isfinite(end) else None for end in (variable.lower[i], variable.upper[i]))
        rows.append([name, Rounded(variable.value[i]), *ends, _prefit(prefit, i)])
        rows[-1].append("fixed" if variable.fixed[i] else "")
    columns = ("component", "start", "lower", "upper", "before a fit", "remark")
    table = Table("", columns, rows, _cut(variable.size)).without_empty()
    return Face(lines, (table,))


def _prefit(prefit: Any, i: int) -> Cell:
    if prefit is None:
        return None
    centre, below, above = (np.broadcast_to(x, (i + 1,))[i] if np.ndim(x) == 0 else x[i] for x in prefit)
    if not np.isfinite(centre):
        return None
    return Measured(centre, above) if below == above else Measured(centre, above, below)


def _cut(rows: int) -> str:
    return f"... and {rows - _MOST_ROWS} more" if rows > _MOST_ROWS else ""


# -- processes and contributions ---------------------------------------------------------------------------


def process_face(process: Process) -> Face:
    """Contributions, and what acts on them."""
    about = ["signal" if process.signal else "", f"label {process.label}" if process.label else ""]
    if process.is_array:
        about.append(f"{plural(process.n_sub, 'sub-process')}: {listed(process.sub_procs)}")
    told = "; ".join(part for part in about if part)
    line = f"Process '{process.name}'{f': {told}' if told else ''}"
    contribs = process.contribs
    if not contribs:
        return Face((line, "no contributions yet: call add_contrib"), ())
    rows = [row for c in contribs.values() for row in _contribution_rows(c, process.sub_procs)]
    tables = [_contributions(rows, several=process.is_array)]
    acting: dict[str, Sequence[Declaration]] = {"all channels": process.effects}
    acting |= {name: contrib.effects for name, contrib in contribs.items()}
    tables += _effects(acting, process.sub_procs)
    return Face((line,), tuple(tables))


def contribution_face(contrib: ChannelContrib) -> Face:
    """Its yields, and what acts on them."""
    owner = "" if contrib.process is None else f" of process '{contrib.process.name}'"
    names = () if contrib.process is None else contrib.process.sub_procs
    rows = _contribution_rows(contrib, names)
    tables = [_contributions(rows, several=contrib.is_array), *_effects({"": contrib.effects}, names)]
    return Face((f"Contribution to channel '{contrib.channel}'{owner}",), tuple(tables))


def _contribution_rows(contrib: ChannelContrib, names: Sequence[str]) -> list[list[Cell]]:
    sumw2 = contrib.sumw2
    rows: list[list[Cell]] = []
    for i in range(contrib.n_sub):
        events = float(contrib.yields[i].sum())
        error = None if sumw2 is None else float(np.sqrt(sumw2[i].sum()))
        shown = Rounded(events) if error is None else Measured(events, error)
        rows.append([contrib.channel, names[i] if i < len(names) else f"row {i}", contrib.n_bins, shown])
    return rows


def _contributions(rows: Sequence[Sequence[Cell]], *, several: bool) -> Table:
    columns = ("channel", "sub-process", "bins", "events")
    shown = [row if several else [row[0], None, *row[2:]] for row in rows[:_MOST_ROWS]]
    return Table("Contributions", columns, shown, _cut(len(rows))).without_empty()


def _effects(acting: Mapping[str, Sequence[Declaration]], names: Sequence[str]) -> list[Table]:
    """One row an effect; those that are alike in several channels are one."""
    where: dict[tuple[str, str, str], list[str]] = {}
    labels: dict[str, str | None] = {}
    for place, effects in acting.items():
        for effect in effects:
            variables = variables_of(effect)
            name = ", ".join(variable.name for variable in variables)
            labels[name] = variables[0].label if len(variables) == 1 else None
            row = (name, effect_label(effect).partition(" ")[0], _size(effect))
            where.setdefault(row, []).append(_place(place, effect, names))
    if not where:
        return []
    rows = [
        (Named(name, labels[name]), kind, size, listed(filter(None, dict.fromkeys(places)), 3, none=""))
        for (name, kind, size), places in where.items()
    ]
    columns = ("variable", "effect", "size", "where")
    return [Table("Effects", columns, rows[:_MOST_ROWS], _cut(len(rows))).without_empty()]


def _size(effect: Declaration) -> str:
    if isinstance(effect, Systematic):
        text = repr(effect.effect)
    elif isinstance(effect, Shape):
        text = "templates" if effect.scale == 1.0 else f"templates, scale {effect.scale:g}"
    elif isinstance(effect, Scale):
        text = "" if effect.axis in (None, "all") else f"along the axis '{effect.axis}'"
    else:
        # Where a function was defined says little, and takes much room.
        text = effect.label.rpartition("<locals>.")[2]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _place(channel: str, effect: Declaration, names: Sequence[str]) -> str:
    """The channel, and which bins and sub-processes of it."""
    region = getattr(effect, "region", None)
    within = []
    if region is not None and region.bins is not None:
        within.append(f"bins {_bins(region.bins)}")
    if region is not None and region.sub_procs is not None:
        given = region.sub_procs if isinstance(region.sub_procs, list | tuple) else [region.sub_procs]
        within.append(listed([names[s] if s in range(len(names)) else str(s) for s in given], 3))
    return ": ".join(part for part in (channel, ", ".join(within)) if part)


def _bins(bins: Any) -> str:
    """Positions, a slice or flags."""
    if isinstance(bins, slice):
        return ":".join("" if end is None else str(end) for end in (bins.start, bins.stop))
    chosen = np.atleast_1d(bins)
    return listed(map(str, np.flatnonzero(chosen) if chosen.dtype == bool else chosen), 4)

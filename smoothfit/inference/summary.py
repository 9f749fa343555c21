"""Tables of what is in a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .._checks import plural
from ..build import Variable
from ..build.declarations import effect_label, variables_of
from ..build.faces import listed
from ..layout import Layout
from ..preparation import Specification
from ..render import Cell, Face, Named, Rounded, Table
from ..results import ModelSummary

__all__ = ["model_face", "summarize"]


def _yields_table(specification: Specification, names: Sequence[str]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    bins: dict[str, int] = {}
    totals = dict.fromkeys(names, 0.0)
    for process in specification.processes:
        cells: list[Cell] = []
        for name in names:
            contrib = process.contribs.get(name)
            amount = 0.0 if contrib is None else float(contrib.yields.sum())
            totals[name] += amount
            bins |= {} if contrib is None else {name: contrib.n_bins}
            cells.append(None if contrib is None else Rounded(amount))
        rows.append((Named(process.name, process.label), *cells))
    rows.append(("total", *(Rounded(totals[name]) for name in names)))
    rows.append(("bins", *(bins[name] for name in names)))
    return Table("Nominal yields", ("process", *names), rows)


def _range(values: np.ndarray) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    return f"{low:.4g}" if low == high else f"{low:.4g} .. {high:.4g}"


def _parameters_table(layout: Layout, specification: Specification) -> Table:
    used: dict[str, tuple[set[str], set[str]]] = {}
    for process in specification.processes:
        for name, contrib in process.contribs.items():
            for effect in process.resolved_effects(contrib):
                for variable in variables_of(effect):
                    seen = used.setdefault(variable.name, (set(), set()))
                    seen[0].add(process.name)
                    seen[1].add(name)
    rows = []
    for info in layout.variables:
        at = list(info.indices)
        lower, upper = float(layout.lower[at].min()), float(layout.upper[at].max())
        processes, channels = used.get(info.name, (set(), set()))
        rows.append(
            (
                Named(info.name, info.label),
                len(at),
                info.constraint or "free",
                _range(layout.start[at]),
                f"[{lower:.4g}, {upper:.4g}]",
                "" if info.constraint is None else _range(layout.widths[at]),
                f"{len(processes)} x {len(channels)}",
            )
        )
    columns = ("parameter", "size", "kind", "start", "bounds", "width", "processes x channels")
    return Table("Parameters", columns, rows)


def _effects_table(specification: Specification) -> Table:
    found: Counter[str] = Counter()
    for process in specification.processes:
        for contrib in process.contribs.values():
            declared = (*process.effects, *contrib.effects)
            found.update(effect_label(effect).split()[0] for effect in declared)
            found["sumw2"] += contrib.sumw2 is not None
    rows = [(kind, number) for kind, number in sorted(found.items()) if number]
    return Table("Effects", ("kind", "uses (process in channel)"), rows)


def _mc_stat_tables(layout: Layout) -> tuple[Table, ...]:
    """Bin parameters of each channel, and what has none; no table for a model without variances."""
    rows = [
        (info.channel, info.mode, kind, number)
        for info in layout.mc_stat
        for kind, number in info.counts.items()
    ]
    if not rows:
        return ()
    return (Table("Monte Carlo statistics", ("channel", "mode", "parameters", "number"), rows),)


def summarize(layout: Layout, specification: Specification) -> ModelSummary:
    """Yields, parameters and effects of a prepared model."""
    sizes = {
        "process": len(layout.processes),
        "channel": len(layout.channels),
        "bin": layout.n_bins,
        "parameter": layout.n_params,
        "bin parameter": layout.n_bin_params,
    }
    title = ", ".join(plural(number, noun) for noun, number in sizes.items())
    tables = (
        _yields_table(specification, [channel.name for channel in layout.channels]),
        _parameters_table(layout, specification),
        _effects_table(specification),
        *_mc_stat_tables(layout),
    )
    return ModelSummary(title, tables)


_MOST_CHANNELS = 12


def model_face(layout: Layout | None, specification: Specification, state: str) -> Face:
    """What a model says of itself, prepared (with a layout) or not: yields, and parameters by kind."""
    processes = specification.processes
    channels = list(dict.fromkeys(name for process in processes for name in process.contribs))
    counted = [plural(len(processes), "process"), plural(len(channels), "channel")]
    if layout is not None:
        counted.append(plural(layout.n_bins, "bin"))
    lines = [f"Model: {', '.join(counted)}; {state}"]
    if not processes:
        return Face(tuple(lines), ())
    yields = _yields_table(specification, channels[:_MOST_CHANNELS]).first(40)
    if len(channels) > _MOST_CHANNELS:
        more = f"... and {len(channels) - _MOST_CHANNELS} more channels: .summary() has all"
        yields = replace(yields, note=f"{more}; {yields.note}" if yields.note else more)
    rows = _kinds(specification.variables())
    if layout is not None and layout.n_bin_params:
        rows.append(("bin parameter", layout.n_bin_params, listed(layout.bin_parameters)))
    tables = [yields, *([Table("Parameters", ("kind", "number", "names"), rows)] if rows else [])]
    if specification.masked:
        lines.append(f"Masked channels: {listed(specification.masked)}")
    return Face(tuple(lines), tuple(tables))


def _kinds(variables: Sequence[Variable]) -> list[tuple[Cell, ...]]:
    """(kind, components, names) of variables: free ones, then by constraint; held ones apart."""
    names: dict[str, list[str]] = {}
    numbers: Counter[str] = Counter()
    for variable in variables:
        kind = "free" if variable.constraint is None else f"{type(variable.constraint).__name__} constraint"
        kind = "free nuisance" if variable.nuisance and variable.constraint is None else kind
        kind = f"fixed, {kind}" if variable.fixed.all() else kind
        names.setdefault(kind, []).append(variable.name)
        numbers[kind] += variable.size
    order = sorted(names, key=lambda kind: (kind.startswith("fixed"), kind != "free", kind))
    return [(kind, numbers[kind], listed(names[kind])) for kind in order]

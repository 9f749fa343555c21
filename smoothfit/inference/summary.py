"""Tables of what is in a model."""

from __future__ import annotations

from collections import Counter

import numpy as np

from .._checks import plural
from ..build.declarations import effect_label, variables_of
from ..layout import Layout
from ..preparation import Specification
from ..render import Table
from ..results import ModelSummary

__all__ = ["summarize"]


def _yields_table(layout: Layout, specification: Specification) -> Table:
    names = [channel.name for channel in layout.channels]
    rows = []
    totals = dict.fromkeys(names, 0.0)
    for process in specification.processes:
        cells = []
        for name in names:
            contrib = process.contribs.get(name)
            amount = 0.0 if contrib is None else float(contrib.yields.sum())
            totals[name] += amount
            cells.append("" if contrib is None else f"{amount:.6g}")
        rows.append((process.name, *cells))
    rows.append(("total", *(f"{totals[name]:.6g}" for name in names)))
    rows.append(("bins", *(str(c.stop - c.start) for c in layout.channels)))
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
                info.name,
                str(len(at)),
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
    rows = [(kind, str(number)) for kind, number in sorted(found.items()) if number]
    return Table("Effects", ("kind", "uses (process in channel)"), rows)


def _mc_stat_tables(layout: Layout) -> tuple[Table, ...]:
    """Bin parameters of each channel, and what has none; no table for a model without variances."""
    rows = [
        (info.channel, info.mode, kind, str(number))
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
        _yields_table(layout, specification),
        _parameters_table(layout, specification),
        _effects_table(specification),
        *_mc_stat_tables(layout),
    )
    return ModelSummary(title, tables)

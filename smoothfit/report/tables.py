"""Tables of a report, by columns: what the page shows, sorts, searches and saves as CSV.

Every number is in the page once; the script fills the tables and writes the files from the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._types import FloatArray
from ..layout import ChannelInfo
from ..render import Table
from ..render.table import is_number
from ..results import BLINDED, Findings, FitResult, Impacts, Pulls, Scan, Yields

__all__ = [
    "Column",
    "Shown",
    "bins_table",
    "channel_table",
    "findings_table",
    "impacts_table",
    "parameters_table",
    "pulls_table",
    "scan_table",
    "shown_table",
]


@dataclass(frozen=True)
class Column:
    """How a column is shown: what of the data, and how it is sorted."""

    key: str
    """Its name among the data, and in the CSV."""
    title: str
    kind: str = "text"
    """"text", "number", "value" (with an error), "pull" or "impact" (drawn), "mark"."""
    of: tuple[str, ...] = ()
    """Other data that it is made from: the error; the errors to both sides; the shifts up and down."""
    size: bool = False
    """Whether it is sorted by size, without the sign."""
    digits: int = 4


@dataclass(frozen=True)
class Shown:
    """A table of the page."""

    title: str
    columns: Sequence[Column]
    data: Mapping[str, Any]
    """Name -> (row,): all there is, also what is not shown."""
    sort: str = ""
    """The column that it is sorted by at first, the largest on top; as given, if empty."""
    note: str = ""
    choices: Sequence[str] = field(default_factory=tuple)
    """One of these stands for "*" in the keys of columns: parameters of interest."""

    def to_dict(self) -> dict[str, Any]:
        """As the script reads it."""
        columns = [{**vars(column), "of": list(column.of)} for column in self.columns]
        about = {"title": self.title, "sort": self.sort, "note": self.note, "choices": list(self.choices)}
        return {**about, "columns": columns, "data": dict(self.data)}


def parameters_table(fit: FitResult) -> Shown:
    """What is known of the parameters beside the fit; the script takes their values from the fit itself."""
    layout, n_bins = fit.layout, fit.layout.n_bin_params
    kinds, labels, groups = {}, {}, {}
    for v in layout.variables:
        for i in v.indices:
            kinds[i], groups[i] = v.constraint or "free", v.group
            labels[i] = v.label if v.is_scalar else None
    order = range(layout.n_params)
    data = {
        "name": layout.names,
        "kind": [kinds[i] for i in order] + ["bin"] * n_bins,
        "start": [*layout.start, *layout.bin_centre],
        "pre-fit error": [*layout.widths, *layout.bin_widths],
        "group": [groups[i] for i in order] + [None] * n_bins,
        "label": [labels[i] for i in order] + [None] * n_bins,
    }
    columns = [
        Column("name", "Parameter"),
        Column("value", "Fit", "value", ("error",)),
        Column("kind", "Constraint"),
        Column("start", "Start", "number"),
        Column("pre-fit error", "Pre-fit error", "number"),
        Column("note", "Remark", "mark"),
    ]
    # Also that something has a remark is one, if it is hidden.
    limited = (fit.at_limit[i] and not fit.is_blinded(i) for i in order)
    if not (np.any(fit.fixed) or any(limited)):
        columns.pop()
    if any(data["group"]):
        columns.insert(3, Column("group", "Group"))
    if not fit.success:
        columns[1] = Column("value", "Where the fit ended", "number")
    return Shown("Parameters", columns, data)


def pulls_table(pulls: Pulls) -> Shown:
    """Pulls with their errors, drawn and as numbers."""
    up = pulls.error if pulls.error_up is None else pulls.error_up
    down = pulls.error if pulls.error_down is None else pulls.error_down
    data: dict[str, Any] = {
        "name": pulls.names,
        "label": pulls.labels,
        "group": pulls.groups,
        "pull": pulls.pull,
        "error": pulls.error,
    }
    sides: tuple[str, ...] = ("error", "error")
    if pulls.error_up is not None:
        data |= {"error_up": up, "error_down": down}
        data |= {"status_up": pulls.status_up, "status_down": pulls.status_down}
        sides = ("error_up", "error_down")
    columns = [
        Column("name", "Nuisance"),
        Column("pull", "Pull, drawn", "pull", sides, size=True),
        Column("pull", "Pull", "value", ("error",)),
        Column("error", "Post-fit / pre-fit error", "number"),
    ]
    if any(pulls.groups):
        columns.insert(1, Column("group", "Group"))
    return Shown("Pulls", columns, data, sort="pull")


def impacts_table(impacts: Impacts) -> Shown:
    """Shifts of every quantity; "*" stands for the one that is chosen."""
    data: dict[str, Any] = {
        "name": impacts.names,
        "label": impacts.nuisance_labels,
        "pull": impacts.pull,
        "error_up": impacts.error_up,
        "error_down": impacts.error_down,
        "bound_up": impacts.bound_up,
        "bound_down": impacts.bound_down,
        "status_up": impacts.status_up,
        "status_down": impacts.status_down,
        "status": [_status(*both) for both in zip(impacts.status_up, impacts.status_down, strict=True)],
    }
    for q, poi in enumerate(impacts.pois):
        data[f"{poi} up"], data[f"{poi} down"] = impacts.up[:, q], impacts.down[:, q]
        data[f"{poi} impact"] = impacts.size(poi)
    columns = [
        Column("name", "Nuisance"),
        Column("pull", "Pull, drawn", "pull", ("error_up", "error_down"), size=True),
        Column("* impact", "Impact, drawn", "impact", ("* up", "* down")),
        Column("* up", "Up", "number", size=True),
        Column("* down", "Down", "number", size=True),
        Column("status", "Remark", "mark"),
    ]
    if all(state == "" for state in data["status"]):
        columns.pop()
    return Shown("Impacts", columns, data, sort="* impact", choices=impacts.pois)


def _status(up: str, down: str) -> str:
    words = {"up": up, "down": down}
    return ", ".join(f"{side}: {state}" for side, state in words.items() if state != "converged")


def findings_table(findings: Findings) -> Shown:
    """What was found in the model, the worst first."""
    names = ("severity", "kind", "where", "figure", "measure", "about", "advice")
    data = {name: [getattr(one, name) for one in findings] for name in names}
    kinds = {"severity": "mark", "figure": "number"}
    columns = [Column(name, name.capitalize(), kinds.get(name, "text")) for name in names]
    return Shown("Findings", columns, data)


def scan_table(scan: Scan) -> Shown:
    """Points of a scan of one parameter."""
    name = scan.names[0]
    key = f"parameter {name}" if name in ("delta_nll", "status") else name
    data: dict[str, Any] = {key: scan.points, "delta_nll": scan.delta_nll, "status": scan.status}
    columns = [Column(key, name, "number"), Column("delta_nll", "NLL - best", "number")]
    if not np.all(scan.success):
        columns.append(Column("status", "Status", "number"))
    return Shown(f"Scan of {name}", columns, data)


def channel_table(number: int, channel: ChannelInfo, prefit: Yields, postfit: Yields | None) -> Shown:
    """Events of every process in a channel, before and after the fit."""
    records = {"pre-fit": prefit} | ({} if postfit is None else {"post-fit": postfit})
    names = [process.name for process in prefit.processes]
    observed = prefit.data(channel)
    data: dict[str, Any] = {"process": [*names, "total", *(() if prefit.obs is None else ("data",))]}
    columns = [Column("process", "Process")]
    for when, record in records.items():
        sums = [record.per_process[name][channel.bins].sum() for name in names]
        sums.append(record.total[channel.bins].sum())
        of = record.process_channel_error or {}
        errors = [of[name][number] if name in of else np.nan for name in names]
        errors.append(np.nan if record.channel_error is None else record.channel_error[number])
        if prefit.obs is not None:
            sums.append(BLINDED if observed is None else observed.sum())
            errors.append(np.nan)
        data |= {when: sums, f"{when} error": errors}
        columns.append(Column(when, when.capitalize(), "value", (f"{when} error",)))
    return Shown(f"Events in {channel.name}", columns, data)


def bins_table(prefit: Yields, postfit: Yields | None, pack: Any) -> Shown:
    """Every bin, for the CSV: edges, data, total and processes with errors; ``pack`` is for large columns."""
    sizes = [channel.stop - channel.start for channel in prefit.channels]
    data: dict[str, Any] = {
        "channel": [c.name for c, size in zip(prefit.channels, sizes, strict=True) for _ in range(size)],
        "bin": [i for size in sizes for i in range(size)],
    }
    edges = [_edges(channel) for channel in prefit.channels]
    if any(np.any(np.isfinite(of)) for of in edges):
        data["low"], data["high"] = (
            np.concatenate([e[0] for e in edges]),
            np.concatenate([e[1] for e in edges]),
        )
    if prefit.obs is not None:
        observed = [prefit.data(channel) for channel in prefit.channels]
        shown = [np.full(n, np.nan) if x is None else x for x, n in zip(observed, sizes, strict=True)]
        data["data"] = np.concatenate(shown)
    for when, record in (("pre-fit", prefit), ("post-fit", postfit)):
        if record is not None:
            data |= {f"{when} total": pack(record.total), f"{when} total error": pack(record.total_error)}
            for name, values in record.per_process.items():
                # A process may be called "total".
                data[f"{when} process {name}"] = pack(values)
                if record.process_error is not None:
                    data[f"{when} process {name} error"] = pack(record.process_error[name])
    return Shown("Bins", [], data)


def _edges(channel: ChannelInfo) -> FloatArray:
    """(2, bin): from where to where, NaN where that is not known."""
    count = channel.stop - channel.start
    if channel.edges is None or len(channel.edges) != count + 1:
        return np.full((2, count), np.nan)
    return np.stack([channel.edges[:-1], channel.edges[1:]])


def shown_table(table: Table) -> Shown:
    """A table of a record as it is printed: columns of numbers are sorted as numbers."""
    rows = list(table.rows)
    keys = [
        name if name and table.columns.index(name) == i else f"{name} ({i + 1})"
        for i, name in enumerate(table.columns)
    ]
    columns, data = [], {}
    for i, (key, name) in enumerate(zip(keys, table.columns, strict=True)):
        cells = [row[i] for row in rows]
        numeric = any(is_number(c) for c in cells) and all(c in (None, "") or is_number(c) for c in cells)
        columns.append(
            Column(key, name or ("Remark" if i else "Entry"), "number" if numeric else "text", digits=7)
        )
        data[key] = [float(c) if numeric and c not in (None, "") else c for c in cells]  # type: ignore[arg-type]
    return Shown(table.title, columns, data, note=table.note)

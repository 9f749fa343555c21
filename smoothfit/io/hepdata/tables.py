"""Records as tables of HEPData: independent and dependent variables, with uncertainties and units."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import InvalidTypeError, InvalidValueError
from ...layout import ChannelInfo
from ...results import Breakdown, Estimates, FitResult, Impacts, Scan, UnfoldingResult, Yields

__all__ = ["DataTable", "tables_of"]

Entry = dict[str, Any]

UNKNOWN = "-"
"""What stands for a number that is not known."""


@dataclass(frozen=True)
class DataTable:
    """A table, and what is said of it."""

    name: str
    description: str
    independent: Sequence[Entry]
    dependent: Sequence[Entry]

    def content(self) -> dict[str, Any]:
        """The data file."""
        return {
            "independent_variables": list(self.independent),
            "dependent_variables": list(self.dependent),
        }


def tables_of(name: str, record: Any) -> list[DataTable]:
    """The tables of a record; ``name`` begins their names.

    Raises
    ------
    InvalidTypeError
        For a record that has no tables here.
    InvalidValueError
        For one with blinded values.
    """
    for cls, make in _MAKERS.items():
        if type(record) is cls:
            return make(name, record)
    known = ", ".join(cls.__name__ for cls in _MAKERS)
    raise InvalidTypeError(f"to_hepdata: '{name}': tables are made of {known}, got {type(record).__name__}.")


# -- columns ---------------------------------------------------------------------------------------


def _header(name: str, unit: str | None = None) -> dict[str, str]:
    return {"name": name, "units": unit} if unit else {"name": name}


def _number(value: Any) -> Any:
    return float(value) if np.isfinite(value) else UNKNOWN


def _texts(header: str, values: Iterable[str]) -> Entry:
    return {"header": _header(header), "values": [{"value": value} for value in values]}


def _numbers(header: str, values: FloatArray, unit: str | None = None) -> Entry:
    """A column of numbers alone."""
    return {"header": _header(header, unit), "values": [{"value": _number(v)} for v in values]}


def _with_errors(
    header: str,
    values: FloatArray,
    errors: FloatArray | tuple[FloatArray, FloatArray] | None,
    *,
    label: str,
    unit: str | None = None,
) -> Entry:
    """A column with errors, one array or (minus, plus) distances; an error that is not known is left out."""
    found = []
    for i, value in enumerate(values):
        entry: Entry = {"value": _number(value)}
        if isinstance(errors, tuple):
            minus, plus = (float(side[i]) for side in errors)
            if np.isfinite(minus) and np.isfinite(plus):
                # HEPData has the sign with the number, and no minus zero.
                entry["errors"] = [{"asymerror": {"minus": 0.0 - minus, "plus": 0.0 + plus}, "label": label}]
        elif errors is not None and np.isfinite(errors[i]):
            entry["errors"] = [{"symerror": float(errors[i]), "label": label}]
        found.append(entry)
    return {"header": _header(header, unit), "values": found}


def _qualified(column: Entry, **qualifiers: str) -> Entry:
    return {**column, "qualifiers": [{"name": key, "value": value} for key, value in qualifiers.items()]}


def _matrix(
    name: str, description: str, labels: Sequence[str], matrix: FloatArray, *, of: str, column: str
) -> DataTable:
    """A matrix, pair by pair."""
    n = len(labels)
    rows = [labels[i] for i in range(n) for _ in range(n)]
    columns = [labels[j] for _ in range(n) for j in range(n)]
    independent = [_texts(f"{of} (row)", rows), _texts(f"{of} (column)", columns)]
    return DataTable(name, description, independent, [_numbers(column, matrix.ravel())])


def _refuse_hidden(name: str, hidden: Any) -> None:
    if np.any(hidden):
        raise InvalidValueError(f"to_hepdata: '{name}' has blinded values; unblind() and ask again.")


# -- records ---------------------------------------------------------------------------------------


def _of_fit(name: str, fit: FitResult) -> list[DataTable]:
    layout, n = fit.layout, fit.layout.n_params
    _refuse_hidden(name, [fit.is_blinded(i) for i in range(len(fit.names))])
    units = {i: v.unit for v in layout.variables for i in v.indices}
    shown = [f"{text} [{units[i]}]" if units.get(i) else text for i, text in enumerate(fit.names)]
    value = _with_errors("Value", fit.x, np.where(fit.fixed, np.nan, fit.errors), label="total")
    values = DataTable(
        name,
        f"Best-fit parameters with their uncertainties from the covariance; -log L = {fit.fun:.10g}. Those "
        "without uncertainty were held, or theirs is not known.",
        [_texts("Parameter", shown)],
        [value],
    )
    if fit.chosen is not None or not np.all(np.isfinite(fit.hess_inv)):
        return [values]
    free = np.flatnonzero(~fit.fixed[:n])
    correlation = fit.correlation[np.ix_(free, free)]
    labels = [fit.names[i] for i in free]
    matrix = _matrix(
        f"{name}: correlation",
        "Correlation matrix of the parameters.",
        labels,
        correlation,
        of="Parameter",
        column="Correlation",
    )
    return [values, matrix]


def _of_impacts(name: str, impacts: Impacts) -> list[DataTable]:
    _refuse_hidden(name, impacts.hidden)
    tables = []
    for q, poi in enumerate(impacts.pois):
        at = impacts.order(poi)
        pull = _with_errors(
            "Pull", impacts.pull[at], (impacts.error_down[at], impacts.error_up[at]), label="post-fit"
        )
        up = _qualified(_numbers(f"Impact on {poi}", impacts.up[at, q]), nuisance="up")
        down = _qualified(_numbers(f"Impact on {poi}", impacts.down[at, q]), nuisance="down")
        tables.append(
            DataTable(
                name if len(impacts.pois) == 1 else f"{name}: {poi}",
                f"Shifts of {poi} with each nuisance moved ({impacts.kind}), the largest first, and pulls.",
                [_texts("Nuisance", [impacts.names[i] for i in at])],
                [up, down, pull],
            )
        )
    return tables


def _of_breakdown(name: str, breakdown: Breakdown) -> list[DataTable]:
    _refuse_hidden(name, breakdown.hidden)
    sources = [_texts("Source", [*breakdown.sources, "total"])]
    total = np.sqrt(breakdown.variance)
    columns = [
        _numbers(f"Uncertainty of {poi}", np.append(breakdown.errors[:, q], total[q]))
        for q, poi in enumerate(breakdown.pois)
    ]
    return [DataTable(name, "Uncertainties by source; negative ones reduce the variance.", sources, columns)]


def _of_estimates(name: str, found: Estimates) -> list[DataTable]:
    _refuse_hidden(name, found.hidden)
    value = _with_errors("Value", found.values, found.errors, label="total")
    return [
        DataTable(name, "Quantities with their uncertainties.", [_texts("Quantity", found.names)], [value]),
        _matrix(
            f"{name}: covariance",
            "Covariance matrix of the quantities.",
            found.names,
            found.covariance,
            of="Quantity",
            column="Covariance",
        ),
    ]


def _of_scan(name: str, scan: Scan) -> list[DataTable]:
    _refuse_hidden(name, scan.hidden)
    independent = [_numbers(text, scan.coordinates[:, i]) for i, text in enumerate(scan.names)]
    column = _numbers("-Delta log L", scan.delta_nll)
    return [
        DataTable(name, "Rise of the negative logarithm of the profile likelihood.", independent, [column])
    ]


def _bins(channel: ChannelInfo) -> Entry:
    """The bins of a channel: by edges, or by number."""
    size = channel.stop - channel.start
    if channel.edges is None or not np.all(np.isfinite(channel.edges)):
        return _texts(channel.label or "Bin", [str(i) for i in range(1, size + 1)])
    edges = [float(edge) for edge in channel.edges]
    values = [{"low": low, "high": high} for low, high in itertools.pairwise(edges)]
    return {"header": _header(channel.label or channel.name, channel.unit), "values": values}


def _of_yields(name: str, found: Yields) -> list[DataTable]:
    _refuse_hidden(name, [c.name in found.blinded or found.is_hidden(c) for c in found.channels])
    return [_of_channel(name, found, channel) for channel in found.channels]


def _of_channel(name: str, found: Yields, channel: ChannelInfo) -> DataTable:
    at = channel.bins
    columns = []
    if found.obs is not None:
        columns.append(_qualified(_numbers("Data", found.obs[at]), channel=channel.name))
    total = found.total[at]
    errors: Any = found.total_error[at]
    if found.total_interval is not None:
        errors = total - found.total_interval[0, at], found.total_interval[1, at] - total
    columns.append(_qualified(_with_errors("Total", total, errors, label="total"), channel=channel.name))
    for process in found.processes:
        value = found.per_process[process.name][at]
        error = None if found.process_error is None else found.process_error[process.name][at]
        column = _with_errors(process.label or process.name, value, error, label="total")
        columns.append(_qualified(column, channel=channel.name))
    title = f"{name}: {channel.name}" if len(found.channels) > 1 else name
    return DataTable(title, f"Events in channel {channel.name}: {found.title}.", [_bins(channel)], columns)


def _of_unfolding(name: str, found: UnfoldingResult) -> list[DataTable]:
    _refuse_hidden(name, found.hidden)
    column = _with_errors("Unfolded", found.x, found.errors, label="total", unit=found.unit)
    bare = np.sqrt(np.diagonal(found.unregularised_covariance))
    without = _with_errors(
        "Unfolded, no regularisation", found.unregularised, bare, label="total", unit=found.unit
    )
    values = DataTable(
        name,
        f"Unfolded spectrum ({found.operator}, tau = {found.tau:.6g}), the expectation, and what "
        "regularisation moves it by.",
        [_texts("Truth bin", found.names)],
        [column, without, _numbers("Nominal", found.nominal), _numbers("Bias", found.bias)],
    )
    matrix = _matrix(
        f"{name}: covariance",
        "Covariance matrix of the unfolded spectrum.",
        found.names,
        found.covariance,
        of="Truth bin",
        column="Covariance",
    )
    return [values, matrix]


_MAKERS: dict[type, Callable[[str, Any], list[DataTable]]] = {
    Breakdown: _of_breakdown,
    Estimates: _of_estimates,
    FitResult: _of_fit,
    Impacts: _of_impacts,
    Scan: _of_scan,
    UnfoldingResult: _of_unfolding,
    Yields: _of_yields,
}

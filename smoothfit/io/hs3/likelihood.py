"""Which distributions of an HS3 file meet which data: channels with counts, and constraints.

Products are taken apart. A Poisson distribution is a channel of one bin, unless its mean is a parameter
(times a number) that a point, an inline number or a constant constrains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import FileFormatError
from ..json_fields import count, describe, read_numbers
from .channels import Binned, counting, read_axes, read_channel
from .constraints import as_rate, check_kind
from .entries import Document, Entry, unsupported
from .functions import Functions
from .mixtures import MIXTURES, read_mixture

__all__ = ["Collected", "collect"]

_MAX_DEPTH = 40
_BINNED = ("histfactory_dist", *MIXTURES)


@dataclass
class _Observed:
    """Data for a distribution: counts of bins, values of observables by name, or one value."""

    where: str
    counts: FloatArray | None = None
    by_name: dict[str, float] = field(default_factory=dict)
    single: float | None = None
    auxiliary: bool = False
    """Whether they are a point or a number, as auxiliary measurements have."""


@dataclass
class Collected:
    """Channels with their counts, and distributions that constrain, with values of their observables."""

    channels: list[tuple[Binned, FloatArray]] = field(default_factory=list)
    constraints: list[tuple[Entry, dict[str, float]]] = field(default_factory=list)


def collect(document: Document, likelihood: Entry, functions: Functions) -> Collected:
    """Take a likelihood apart.

    Raises
    ------
    FileFormatError
        For unbinned data, and distributions that are no part of a binned likelihood.
    """
    found = Collected()
    names = likelihood.texts("distributions")
    data = likelihood.items("data")
    if len(names) != len(data):
        raise FileFormatError(
            f"{likelihood.path}: {count(len(names), 'distribution')} and {len(data)} data; give each its own."
        )
    for name, (path, given) in zip(names, data, strict=True):
        observed = _observed(document, given, path)
        _pair(document, functions, leaves(document, name, likelihood.at("distributions")), observed, found)
    if likelihood.get("aux_distributions") is not None:
        for name in likelihood.texts("aux_distributions"):
            for leaf in leaves(document, name, likelihood.at("aux_distributions")):
                _auxiliary(functions, leaf, found)
    if not found.channels:
        raise unsupported(likelihood.path, "a likelihood without a binned channel.")
    return found


def leaves(document: Document, name: str, by: str) -> list[Entry]:
    """The distributions that a product consists of, each once, or the distribution itself."""
    found: list[Entry] = []
    _collect_leaves(document, name, by, found, done=set(), above=())
    return found


def _collect_leaves(
    document: Document, name: str, by: str, found: list[Entry], *, done: set[str], above: tuple[str, ...]
) -> None:
    if name in above or len(above) > _MAX_DEPTH:
        raise FileFormatError(f"{by}: products are nested deeper than {_MAX_DEPTH}, or in a circle.")
    if name in done:
        return
    done.add(name)
    entry = document.use("distributions", name, by)
    if entry.text("type") != "product_dist":
        found.append(entry)
        return
    entry.get("x")
    if entry.get("normalization") is not None:
        raise unsupported(entry.at("normalization"), "factors that are normalised by themselves.")
    for factor in entry.texts("factors"):
        _collect_leaves(document, factor, entry.at("factors"), found, done=done, above=(*above, name))


def _pair(
    document: Document,
    functions: Functions,
    parts: Sequence[Entry],
    observed: _Observed,
    found: Collected,
) -> None:
    binned = [leaf for leaf in parts if leaf.text("type") in _BINNED]
    if len(binned) > 1:
        raise unsupported(binned[1].path, "a product of two channels with one data set; give each its own.")
    for leaf in binned:
        if observed.counts is None:
            raise unsupported(
                observed.where, f"data of '{leaf.text('name')}' that are not binned; give type 'binned'."
            )
        if leaf.text("type") in MIXTURES:
            channel = read_mixture(document, functions, leaf)
        else:
            channel = read_channel(leaf)
        _check_counts(channel.n_bins, observed, leaf)
        found.channels.append((channel, observed.counts))
    others = [leaf for leaf in parts if leaf not in binned]
    for leaf in others:
        values = dict(observed.by_name)
        name = leaf.get("x")
        if len(parts) == 1 and isinstance(name, str) and observed.single is not None:
            values[name] = observed.single
        _other(functions, leaf, values, observed, found)


def _check_counts(n_bins: int, observed: _Observed, leaf: Entry) -> None:
    assert observed.counts is not None
    if len(observed.counts) != n_bins:
        raise FileFormatError(
            f"{observed.where}: {count(len(observed.counts), 'number')} for the channel "
            f"'{leaf.text('name')}' of {count(n_bins, 'bin')}; give one a bin."
        )
    if np.any(observed.counts < 0.0):
        raise FileFormatError(f"{observed.where}: a count is negative; give them from 0 on.")


def _other(
    functions: Functions, leaf: Entry, values: dict[str, float], observed: _Observed, found: Collected
) -> None:
    """A Poisson term as a channel of one bin, anything else as a constraint."""
    check_kind(leaf)
    if leaf.text("type") == "poisson_dist":
        name = leaf.get("x")
        rate = as_rate(functions, leaf.require("mean"), leaf.at("mean"))
        if rate is None or (isinstance(name, str) and name in values and not observed.auxiliary):
            _count(functions, leaf, values, observed.where, found)
            return
    found.constraints.append((leaf, values))


def _auxiliary(functions: Functions, leaf: Entry, found: Collected) -> None:
    """A distribution whose observed value is a constant of the file."""
    if leaf.text("type") in _BINNED:
        raise unsupported(leaf.path, "a channel among the auxiliary distributions, where it has no data.")
    _other(functions, leaf, {}, _Observed(leaf.path, auxiliary=True), found)


def _count(functions: Functions, leaf: Entry, values: dict[str, float], where: str, found: Collected) -> None:
    leaf.get("integer")
    given = leaf.require("x")
    value = values.get(given) if isinstance(given, str) else None
    if value is None:
        value = functions.constant(given, leaf.at("x"))
    if value is None:
        raise FileFormatError(
            f"{where}: it has no value of {describe(given)}, which '{leaf.text('name')}' needs."
        )
    if value < 0.0:
        raise FileFormatError(f"{where}: the count {value:g} of '{leaf.text('name')}' is negative.")
    terms = functions.terms(leaf.require("mean"), leaf.at("mean"))
    if not terms:
        raise FileFormatError(f"{leaf.at('mean')}: a sum of nothing is no expectation.")
    channel = counting(leaf.text("name"), leaf.path, [functions.evaluated(term) for term in terms])
    found.channels.append((channel, np.array([value])))


# -- data ----------------------------------------------------------------------------------------


def _observed(document: Document, given: Any, path: str) -> _Observed:
    if not isinstance(given, str):
        value = float(read_numbers(path, [given])[0])
        return _Observed(path, single=value, auxiliary=True)
    entry = document.use("data", given, path)
    kind = entry.text("type")
    if kind == "binned":
        return _binned(entry)
    if kind == "point":
        value = entry.number("value")
        entry.get("uncertainty")
        names = _names(entry)
        return _Observed(entry.path, by_name=dict.fromkeys(names, value), single=value, auxiliary=True)
    if kind == "unbinned":
        return _unbinned(entry)
    raise unsupported(
        entry.path, f"data of type '{kind}'; supported are binned, point and a single unbinned entry."
    )


def _binned(entry: Entry) -> _Observed:
    counts = entry.numbers("contents")
    _, names = read_axes(entry, len(counts))
    if entry.get("uncertainty") is not None:
        raise unsupported(entry.at("uncertainty"), "counts with uncertainties of their own.")
    by_name = {names[0]: float(counts[0])} if len(names) == 1 and len(counts) == 1 else {}
    return _Observed(entry.path, counts=counts, by_name=by_name)


def _unbinned(entry: Entry) -> _Observed:
    """One entry is values of observables; several are unbinned data."""
    names, rows = _names(entry), entry.items("entries")
    if len(rows) != 1 or entry.get("weights") is not None:
        raise unsupported(entry.path, f"unbinned data ('{entry.text('name')}'); bin them, as type 'binned'.")
    values = read_numbers(rows[0][0], rows[0][1], size=len(names))
    by_name = {name: float(value) for name, value in zip(names, values, strict=True)}
    return _Observed(entry.path, by_name=by_name)


def _names(entry: Entry) -> list[str]:
    """The observables of data that are not binned; their ranges are of no use here."""
    axes = entry.entries("axes")
    for axis in axes:
        for key in ("min", "max", "value"):
            axis.get(key)
    return [axis.text("name") for axis in axes]

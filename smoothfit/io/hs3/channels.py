"""Channels of an HS3 file: histfactory_dist, with samples and modifiers, into checked records."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import FileFormatError
from ..json_fields import count, describe
from .entries import Entry, unsupported
from .functions import Factor, Term
from .interpolations import read_interpolation

__all__ = ["BY_BIN", "Binned", "Modifier", "Sample", "axis_label", "counting", "read_axes", "read_channel"]

BY_BIN = ("shapefactor", "shapesys", "staterror")
_KINDS = (*BY_BIN, "custom", "histosys", "normfactor", "normsys")


@dataclass(frozen=True)
class Modifier:
    """A modifier of a sample; ``low`` and ``high`` of a normsys are numbers, of a histosys (bin,)."""

    entry: Entry
    kind: str
    name: str
    parameters: tuple[str, ...]
    """The parameter, or one a bin."""
    interpolation: str = ""
    low: Any = None
    high: Any = None
    values: FloatArray | None = None
    """The uncertainties of shapesys, and of staterror where it has its own."""


@dataclass(frozen=True)
class Sample:
    """Yields with what modifies them."""

    path: str
    name: str
    contents: FloatArray
    errors: FloatArray | None = None
    modifiers: tuple[Modifier, ...] = ()
    factors: tuple[Factor, ...] = ()
    """What scales the yields of a rate that is a function."""


@dataclass(frozen=True)
class Binned:
    """A channel: its axis, and samples."""

    name: str
    path: str
    samples: tuple[Sample, ...]
    edges: FloatArray | None = None
    axis: str | None = None
    stat_constraint: str = "Poisson"
    stat_threshold: float = 0.0

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.samples[0].contents)


def read_axes(entry: Entry, n_bins: int) -> tuple[FloatArray | None, tuple[str, ...]]:
    """(edges of a single axis, names of all axes), after a check that they have so many bins.

    Raises
    ------
    FileFormatError
        For axes that are none, or have another number of bins.
    """
    edges: FloatArray | None = None
    names, total = [], 1
    axes = entry.entries("axes")
    for axis in axes:
        names.append(axis.text("name"))
        given = axis.get("edges", axis.get("bounds"))
        if given is not None:
            own = axis.numbers("edges" if "edges" in axis else "bounds")
            if len(own) < 2 or np.any(np.diff(own) <= 0.0):
                raise FileFormatError(f"{axis.path}: edges must be two or more, and increase.")
            axis.get("min"), axis.get("max")
            size, edges = len(own) - 1, own
        elif axis.get("nbins") is not None:
            number = axis.number("nbins")
            low, high = axis.number("min"), axis.number("max")
            if number != math.floor(number) or number < 1 or low >= high:
                raise FileFormatError(
                    f"{axis.path}: nbins must be a whole number from 1 on, and min below max."
                )
            size = int(number)
            # Not before the number is known to be that of the contents: a file may say anything.
            edges = np.linspace(low, high, size + 1) if size == n_bins else None
        else:
            raise unsupported(axis.path, "an axis without nbins or edges, which binned data have.")
        total *= size
    if axes and total != n_bins:
        raise FileFormatError(
            f"{entry.at('axes')}: they have {count(total, 'bin')}, the contents {n_bins}; correct one."
        )
    return edges if len(axes) == 1 else None, tuple(names)


def axis_label(names: tuple[str, ...]) -> str | None:
    """What a picture may call the axis: its name, unless that is one that tools make up of the channel's."""
    return names[0] if len(names) == 1 and not names[0].startswith("obs_") else None


def read_channel(entry: Entry) -> Binned:
    """A histfactory_dist.

    Raises
    ------
    FileFormatError
        For what is none, and kinds of modifiers that are not known.
    """
    name = entry.text("name")
    default = entry.get("default_interpolation")
    samples = tuple(
        _read_sample(sample, index, name, default) for index, sample in enumerate(entry.entries("samples"))
    )
    if not samples:
        raise FileFormatError(f"{entry.path}: the channel '{name}' has no samples; give at least one.")
    for sample in samples:
        if len(sample.contents) != len(samples[0].contents):
            raise FileFormatError(
                f"{sample.path}: '{sample.name}' has {count(len(sample.contents), 'bin')}, "
                f"'{samples[0].name}' has {len(samples[0].contents)}; the samples of a channel need as many."
            )
        if [other.name for other in samples].count(sample.name) > 1:
            raise FileFormatError(f"{sample.path}: the name '{sample.name}' is given twice; rename one.")
    edges, observables = read_axes(entry, len(samples[0].contents))
    constraint, threshold = _stat_options(entry)
    return Binned(name, entry.path, samples, edges, axis_label(observables), constraint, threshold)


def _stat_options(entry: Entry) -> tuple[str, float]:
    """ROOT's options of all staterrors of a channel."""
    if entry.get("staterror") is None:
        return "", 0.0
    options = entry.entry("staterror")
    constraint = options.get("constraint_type", options.get("constraint", ""))
    if not isinstance(constraint, str):
        raise FileFormatError(f"{options.path}: the constraint must be a name, got {describe(constraint)}.")
    threshold = options.number("relThreshold") if "relThreshold" in options else 0.0
    return constraint, threshold


def _read_sample(entry: Entry, index: int, channel: str, default: Any) -> Sample:
    name = entry.text("name") if "name" in entry else f"sample_{index}"
    data = entry.entry("data")
    contents = data.numbers("contents")
    errors = None if data.get("errors") is None else data.numbers("errors", size=len(contents))
    if errors is not None and np.any(errors < 0.0):
        raise FileFormatError(f"{data.at('errors')}: an error is negative; give them from 0 on.")
    modifiers = tuple(
        _read_modifier(modifier, channel, len(contents), default) for modifier in entry.entries("modifiers")
    )
    return Sample(entry.path, name, contents, errors, modifiers)


def _read_modifier(entry: Entry, channel: str, n_bins: int, default: Any) -> Modifier:
    kind = entry.text("type")
    if kind not in _KINDS:
        raise unsupported(entry.path, f"a modifier of type '{kind}'; supported are {', '.join(_KINDS)}.")
    name = entry.text("name") if "name" in entry else ""
    parameters = _parameters(entry, kind, name, channel, n_bins)
    name = name or (parameters[0] if len(parameters) == 1 else f"{kind}_{channel}")
    if kind in ("normsys", "histosys"):
        interpolation = read_interpolation(entry, kind, default)
        low, high = _sides(entry, kind, n_bins)
        return Modifier(entry, kind, name, parameters, interpolation, low, high)
    return Modifier(entry, kind, name, parameters, values=_values(entry, kind, n_bins))


def _parameters(entry: Entry, kind: str, name: str, channel: str, n_bins: int) -> tuple[str, ...]:
    """The parameters of a modifier, by ROOT's rules where the file does not name them."""
    if kind in BY_BIN:
        if "parameters" in entry:
            names = tuple(entry.texts("parameters"))
            if len(names) != n_bins or len(set(names)) != n_bins:
                raise FileFormatError(
                    f"{entry.at('parameters')}: {count(len(names), 'name')} for {count(n_bins, 'bin')}; give "
                    "each bin its own."
                )
            return names
        own = f"stat_{channel.removeprefix('model_')}" if kind == "staterror" else name
        if not own:
            raise FileFormatError(f"{entry.path}: it has neither a name nor parameters; add them.")
        return tuple(f"gamma_{own}_bin_{b}" for b in range(n_bins))
    if kind == "custom":
        return (entry.text("name"),)
    if "parameter" in entry:
        return (entry.text("parameter"),)
    if not name:
        raise FileFormatError(f"{entry.path}: it has neither a name nor a parameter; add one.")
    return (name if kind == "normfactor" else f"alpha_{name}",)


def _sides(entry: Entry, kind: str, n_bins: int) -> tuple[Any, Any]:
    data = entry.entry("data")
    if kind == "histosys":
        down, up = (data.entry(side).numbers("contents", size=n_bins) for side in ("lo", "hi"))
        return down, up
    low, high = (data.number(side) for side in ("lo", "hi"))
    for side, value in (("lo", low), ("hi", high)):
        if value <= 0.0:
            raise FileFormatError(
                f"{data.at(side)} is {value:g}, it must be positive (a ratio of yields at one sigma)."
            )
    return low, high


def _values(entry: Entry, kind: str, n_bins: int) -> FloatArray | None:
    key = {"shapesys": "vals", "staterror": "uncertainties"}.get(kind)
    if key is None or entry.get("data") is None:
        return None
    data = entry.entry("data")
    return data.numbers(key, size=n_bins) if key in data else None


def counting(name: str, path: str, terms: list[Term]) -> Binned:
    """A channel of one bin whose expected events are a sum of products."""
    samples: dict[str, Sample] = {}
    for index, term in enumerate(terms):
        own = term.name if term.name not in samples else f"{term.name}_{index}"
        samples[own] = Sample(path, own, np.array([term.number]), factors=term.factors)
    return Binned(name, path, tuple(samples.values()))

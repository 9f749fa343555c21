"""The structure of a pyhf workspace, checked by hand into frozen records.

Every message names channel, sample and modifier, what was given, what is expected and the cure.
The rules are those of pyhf's JSON schema 1.0.0, plus those that pyhf checks later or not at all
(lengths, finite numbers, names given twice).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import FileFormatError
from ..json_fields import (
    count,
    describe,
    listed,
    read_each,
    read_list,
    read_name,
    read_number,
    read_numbers,
    read_object,
)

__all__ = [
    "MODIFIERS",
    "Channel",
    "Measurement",
    "Modifier",
    "ParameterConfig",
    "Sample",
    "Workspace",
    "read_workspace",
]

MODIFIERS = ("histosys", "lumi", "normfactor", "normsys", "shapefactor", "shapesys", "staterror")


@dataclass(frozen=True)
class Modifier:
    """A modifier of a sample; ``low`` and ``high`` of a normsys have shape (), else arrays are (bin,)."""

    name: str
    kind: str
    low: FloatArray | None = None
    high: FloatArray | None = None
    uncertainty: FloatArray | None = None


@dataclass(frozen=True)
class Sample:
    """Nominal yields, shape (bin,), with what modifies them."""

    name: str
    data: FloatArray
    modifiers: tuple[Modifier, ...]


@dataclass(frozen=True)
class Channel:
    """A channel with its samples and observed counts, shape (bin,)."""

    name: str
    samples: tuple[Sample, ...]
    observed: FloatArray


@dataclass(frozen=True)
class ParameterConfig:
    """What a measurement says about a parameter; None where it says nothing. Bounds: (component, 2)."""

    name: str
    inits: FloatArray | None = None
    bounds: FloatArray | None = None
    auxdata: FloatArray | None = None
    sigmas: FloatArray | None = None
    factors: FloatArray | None = None
    fixed: bool | None = None


@dataclass(frozen=True)
class Measurement:
    """A measurement: its parameter of interest (None for none) and parameter configurations."""

    name: str
    poi: str | None
    parameters: Mapping[str, ParameterConfig]


@dataclass(frozen=True)
class Workspace:
    """A whole workspace."""

    channels: tuple[Channel, ...]
    measurements: tuple[Measurement, ...]
    observed_only: tuple[str, ...] = ()
    """Observations of channels that the model does not have."""


def read_workspace(document: Any) -> Workspace:
    """The records of a workspace.

    Raises
    ------
    FileFormatError
        For anything that is not a pyhf workspace with observations.
    """
    _refuse_other_formats(document)
    fields = read_object(
        "workspace", document, required=("channels",), optional=("measurements", "observations", "version")
    )
    version = fields.get("version", "1.0.0")
    if version != "1.0.0":
        raise FileFormatError(f"workspace: version {version!r} is not known; version '1.0.0' is read.")
    observed = _read_observations(fields)
    channels = tuple(read_each(fields["channels"], "channel", lambda c, w: _read_channel(c, w, observed)))
    measurements = read_each(fields.get("measurements", ()), "measurement", _read_measurement, empty=True)
    names = {channel.name for channel in channels}
    others = tuple(name for name in observed if name not in names)
    return Workspace(channels=channels, measurements=tuple(measurements), observed_only=others)


def _refuse_other_formats(document: Any) -> None:
    if not isinstance(document, Mapping):
        raise FileFormatError(
            f"workspace: an object with channels is expected at the top, got {describe(document)}; "
            "give a pyhf workspace."
        )
    if "patches" in document:
        raise FileFormatError(
            "this is a patch set, not a workspace; read the background-only workspace with patch=..."
        )
    if "distributions" in document and "channels" not in document:
        raise FileFormatError("this is an HS3 file, not a pyhf workspace; use read_hs3.")
    if "channels" in document and "observations" not in document:
        raise FileFormatError(
            "workspace: 'observations' is missing (this is a model without data); add one entry a channel, "
            "{'name': channel, 'data': counts}."
        )


def _read_observations(fields: Mapping[str, Any]) -> dict[str, FloatArray]:
    """Counts by channel. Those of channels that the model does not have are let through, as in pyhf."""

    def read(given: Any, what: str) -> tuple[str, FloatArray]:
        entry = read_object(what, given, required=("name", "data"))
        counts = read_numbers(f"{what}: data", entry["data"])
        if np.any(counts < 0.0):
            raise FileFormatError(
                f"{what}: data has {counts.min():g}, a negative count; give counts from 0 on."
            )
        return entry["name"], counts

    return dict(read_each(fields["observations"], "observation", read))


def _read_channel(given: Any, what: str, observed: Mapping[str, FloatArray]) -> Channel:
    fields = read_object(what, given, required=("name", "samples"))
    samples = tuple(read_each(fields["samples"], "sample", _read_sample, within=what))
    n_bins = len(samples[0].data)
    for sample in samples:
        if len(sample.data) != n_bins:
            raise FileFormatError(
                f"{what}: sample '{samples[0].name}' has {count(n_bins, 'bin')}, sample '{sample.name}' has "
                f"{len(sample.data)}; the samples of a channel need as many."
            )
    name = fields["name"]
    if name not in observed:
        raise FileFormatError(
            f"{what}: it has no observation (there are some for {listed(observed)}); "
            "add {'name': '" + name + "', 'data': counts} to 'observations'."
        )
    if len(observed[name]) != n_bins:
        raise FileFormatError(
            f"{what}: its observation has {count(len(observed[name]), 'number')}, its samples have "
            f"{count(n_bins, 'bin')}; give one count a bin."
        )
    return Channel(name=name, samples=samples, observed=observed[name])


def _read_sample(given: Any, what: str) -> Sample:
    fields = read_object(what, given, required=("name", "data", "modifiers"))
    data = read_numbers(f"{what}: data", fields["data"])
    modifiers = [
        _read_modifier(modifier, what, index, n_bins=len(data))
        for index, modifier in enumerate(read_list(f"{what}: modifiers", fields["modifiers"], empty=True))
    ]
    for index, modifier in enumerate(modifiers):
        if any(other.name == modifier.name and other.kind == modifier.kind for other in modifiers[:index]):
            raise FileFormatError(
                f"{what}: the {modifier.kind} '{modifier.name}' is given twice; keep one, or rename one."
            )
    return Sample(name=fields["name"], data=data, modifiers=tuple(modifiers))


def _read_modifier(given: Any, sample: str, index: int, *, n_bins: int) -> Modifier:
    fields = read_object(f"{sample}, modifier {index}", given, required=("name", "type"), optional=("data",))
    name = read_name(f"{sample}, modifier {index}: name", fields["name"])
    kind = fields["type"]
    if kind not in MODIFIERS:
        raise FileFormatError(
            f"{sample}, modifier '{name}': type {kind!r} is not known; pyhf has {', '.join(MODIFIERS)}."
        )
    what = f"{sample}, {kind} '{name}'"
    data = fields.get("data")
    if kind in ("lumi", "normfactor", "shapefactor"):
        if data is not None:
            raise FileFormatError(f"{what}: data must be null, got {describe(data)}; remove it.")
        return Modifier(name, kind)
    if kind == "normsys":
        low, high = (np.asarray(value) for value in _factors(what, data))
        return Modifier(name, kind, low=low, high=high)
    if kind == "histosys":
        sides = read_object(f"{what}: data", data, required=("lo_data", "hi_data"))
        low, high = (
            read_numbers(f"{what}: {side}", sides[side], size=n_bins) for side in ("lo_data", "hi_data")
        )
        return Modifier(name, kind, low=low, high=high)
    return Modifier(name, kind, uncertainty=read_numbers(f"{what}: data", data, size=n_bins))


def _factors(what: str, data: Any) -> tuple[float, float]:
    """lo and hi of a normsys, which are interpolated by their logarithms."""
    fields = read_object(f"{what}: data", data, required=("lo", "hi"))
    low, high = (read_number(f"{what}: {side}", fields[side]) for side in ("lo", "hi"))
    for side, value in (("lo", low), ("hi", high)):
        if value <= 0.0:
            raise FileFormatError(
                f"{what}: {side} is {value:g}, it must be positive (a ratio of yields at one sigma); "
                "use a histosys if the yields vanish."
            )
    return low, high


def _read_measurement(given: Any, what: str) -> Measurement:
    config = read_object(what, given, required=("name", "config"))["config"]
    fields = read_object(f"{what}: config", config, required=("poi",), optional=("parameters",))
    if not isinstance(fields["poi"], str):
        raise FileFormatError(f"{what}: poi must be a string ('' for none), got {describe(fields['poi'])}.")
    parameters = fields.get("parameters", ())
    configs = read_each(parameters, "parameter", _read_config, within=what, empty=True)
    return Measurement(
        name=given["name"], poi=fields["poi"] or None, parameters={config.name: config for config in configs}
    )


def _read_config(given: Any, what: str) -> ParameterConfig:
    arrays = ("inits", "auxdata", "sigmas", "factors")
    fields = read_object(what, given, required=("name",), optional=(*arrays, "bounds", "fixed"))
    bounds = fields.get("bounds")
    if bounds is not None:
        bounds = np.array([read_numbers(f"{what}: bounds", pair, size=2) for pair in read_list(what, bounds)])
    fixed = fields.get("fixed")
    if fixed is not None and not isinstance(fixed, bool):
        raise FileFormatError(f"{what}: fixed must be true or false, got {describe(fixed)}.")
    read = {key: read_numbers(f"{what}: {key}", fields[key]) for key in arrays if key in fields}
    return ParameterConfig(name=fields["name"], bounds=bounds, fixed=fixed, **read)

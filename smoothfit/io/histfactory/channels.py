"""A channel's XML file as a channel of a pyhf workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import FileFormatError
from ...results import Note
from ..xml_files import Element
from .sources import Sources, Template

__all__ = ["Channels", "read_channel"]

_SAMPLE = ("StatError", "HistoSys", "OverallSys", "ShapeSys", "NormFactor", "ShapeFactor")


@dataclass
class Channels:
    """What the channels' files say, as a pyhf workspace has it."""

    by_theory: bool = False
    """What a sample is that does not say whether it is normalised by theory."""
    channels: list[dict[str, Any]] = field(default_factory=list)
    observations: list[dict[str, Any]] = field(default_factory=list)
    factors: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Configurations of the normalisation factors."""
    has_lumi: bool = False
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class _Sample:
    """A sample, while its modifiers are read."""

    channel: str
    file: str
    path: str
    nominal: Template
    sources: Sources
    found: Channels

    def template(self, element: Element, file: str, path: str, name: str) -> FloatArray:
        """Contents of a histogram that an element names; file and path of the sample are the default."""
        contents, _ = self.sources.template(
            element.attributes.get(file) or self.file,
            element.attributes.get(path) or self.path,
            element.required(name),
            element.what,
        )
        if contents.shape != self.nominal[0].shape:
            raise FileFormatError(
                f"{element.what}: {name} '{element.required(name)}' has {contents.size} bins, the sample has "
                f"{self.nominal[0].size}."
            )
        return contents

    def note(self, element: Element, what: str, why: str) -> None:
        self.found.notes.append(Note(f"channel '{self.channel}', line {element.line}", what, why))


def read_channel(root: Element, sources: Sources, found: Channels) -> None:
    """Add what a file says to what is there.

    Raises
    ------
    InputFileError, FileFormatError
        With the line, for what is no channel, or has no data.
    """
    if root.tag != "Channel":
        raise FileFormatError(f"line {root.line}: <{root.tag}> is no channel; <Channel> is expected.")
    root.check(("Name", "InputFile", "HistoPath", "HistoName"), ("Data", "StatErrorConfig", "Sample"))
    name = root.required("Name")
    if any(channel["name"] == name for channel in found.channels):
        raise FileFormatError(f"{root.what}: another file has a channel of this name; names must differ.")
    if "HistoName" in root.attributes:
        found.notes.append(Note(f"channel '{name}', line {root.line}", "HistoName", "channels have none"))
    samples = [_read_sample(sample, root, sources, found) for sample in root.all("Sample")]
    if not samples:
        raise FileFormatError(f"{root.what} has no <Sample>; add one.")
    found.channels.append({"name": name, "samples": samples})
    found.observations.append({"name": name, "data": _read_data(root, sources, found)})
    _note_stat_errors(root, found)


def _read_data(root: Element, sources: Sources, found: Channels) -> list[float]:
    given = root.all("Data")
    if not given:
        raise FileFormatError(
            f"unsupported: {root.what} has no <Data>, for which HistFactory takes the expectation; add it."
        )
    for data in given:
        data.check(("InputFile", "HistoPath", "HistoName", "Name"))
    for other in given[1:]:
        where = f"channel '{root.required('Name')}', line {other.line}"
        found.notes.append(
            Note(where, f"Data '{other.attributes.get('HistoName')}'", "the first are the data")
        )
    first = given[0]
    contents, _ = sources.template(
        first.attributes.get("InputFile") or root.attributes.get("InputFile", ""),
        first.attributes.get("HistoPath") or root.attributes.get("HistoPath", ""),
        first.required("HistoName"),
        first.what,
    )
    observed: list[float] = contents.tolist()
    return observed


def _note_stat_errors(root: Element, found: Channels) -> None:
    """Where HistFactory's parameters of Monte Carlo statistics are others than pyhf's."""
    name = root.required("Name")
    configs = root.all("StatErrorConfig")
    for config in configs:
        config.check(("RelErrorThreshold", "ConstraintType"))
    active = [e for s in root.all("Sample") for e in s.all("StatError") if e.flag("Activate", False)]
    config = configs[-1] if configs else Element("StatErrorConfig", root.line)
    where = f"channel '{name}', line {config.line}"
    kind, threshold = (
        config.attributes.get("ConstraintType", "Poisson"),
        config.number("RelErrorThreshold", 0.05),
    )
    if kind not in ("Poisson", "Pois", "Gaussian", "Gauss"):
        raise FileFormatError(f"{config.what}: ConstraintType '{kind}' is neither Poisson nor Gaussian.")
    if active and kind.startswith("Pois"):
        found.notes.append(Note(where, "Poisson constraint of StatError", "Gaussian, as pyhf reads it"))
    if active and threshold > 0.0:
        why = "all bins have one, as pyhf reads it; HistFactory leaves out smaller relative errors"
        found.notes.append(Note(where, f"RelErrorThreshold {threshold:g}", why))
    if configs and not active:
        found.notes.append(Note(where, "StatErrorConfig", "no sample of the channel has an active StatError"))


def _read_sample(element: Element, root: Element, sources: Sources, found: Channels) -> dict[str, Any]:
    element.check(("Name", "InputFile", "HistoName", "HistoPath", "NormalizeByTheory"), _SAMPLE)
    channel, name = root.required("Name"), element.required("Name")
    file = element.attributes.get("InputFile") or root.attributes.get("InputFile", "")
    path = element.attributes.get("HistoPath") or root.attributes.get("HistoPath", "")
    nominal = sources.template(file, path, element.required("HistoName"), element.what)
    sample = _Sample(channel, file, path, nominal, sources, found)
    modifiers = []
    if element.flag("NormalizeByTheory", found.by_theory):
        found.has_lumi = True
        modifiers.append({"name": "lumi", "type": "lumi", "data": None})
    if "NormalizeByTheory" not in element.attributes:
        other = "pyhf reads False" if found.by_theory else "HistFactory reads True"
        why = f"read as {found.by_theory}, normalize_by_theory=...; {other}"
        sample.note(element, f"sample '{name}' has no NormalizeByTheory", why)
    for child in element.children:
        modifier = _READERS[child.tag](child, sample)
        if modifier is not None:
            modifiers.append(modifier)
    return {"name": name, "data": nominal[0].tolist(), "modifiers": modifiers}


# -- modifiers -----------------------------------------------------------------------------------

_Modifier = dict[str, Any] | None


def _overall(element: Element, sample: _Sample) -> _Modifier:
    element.check(("Name", "High", "Low"))
    data = {"lo": element.number("Low"), "hi": element.number("High")}
    return {"name": element.required("Name"), "type": "normsys", "data": data}


def _factor(element: Element, sample: _Sample) -> _Modifier:
    element.check(("Name", "Val", "High", "Low", "Const"))
    name = element.required("Name")
    low, high = element.number("Low"), element.number("High")
    if not low < high:
        raise FileFormatError(f"{element.what}: Low {low:g} is not below High {high:g}; correct them.")
    config: dict[str, Any] = {"name": name, "bounds": [[low, high]], "inits": [element.number("Val")]}
    if element.flag("Const", False):
        config["fixed"] = True
    known = sample.found.factors.setdefault(name, config)
    if known != config:
        raise FileFormatError(
            f"{element.what}: another sample has it with other numbers; give it the same everywhere."
        )
    return {"name": name, "type": "normfactor", "data": None}


def _histo(element: Element, sample: _Sample) -> _Modifier:
    sides = [f"Histo{what}{side}" for side in ("Low", "High") for what in ("File", "Path", "Name")]
    element.check(("Name", "InputFile", *sides))
    if "InputFile" in element.attributes:
        sample.note(element, "InputFile of a HistoSys", "HistoFileLow and HistoFileHigh are its files")
    low, high = (
        sample.template(element, f"HistoFile{s}", f"HistoPath{s}", f"HistoName{s}") for s in ("Low", "High")
    )
    data = {"lo_data": low.tolist(), "hi_data": high.tolist()}
    return {"name": element.required("Name"), "type": "histosys", "data": data}


def _stat_error(element: Element, sample: _Sample) -> _Modifier:
    element.check(("Activate", "HistoName", "InputFile", "HistoPath"))
    element.required("Activate")
    if not element.flag("Activate", False):
        sample.note(element, "StatError", "it is not active")
        return None
    contents, variances = sample.nominal
    if element.attributes.get("HistoName"):
        # Relative errors, of which the sample's contents make absolute ones.
        errors = contents * sample.template(element, "InputFile", "HistoPath", "HistoName")
    else:
        errors = np.sqrt(variances)
    return {"name": f"staterror_{sample.channel}", "type": "staterror", "data": errors.tolist()}


def _shape_sys(element: Element, sample: _Sample) -> _Modifier:
    element.check(("Name", "HistoName", "HistoPath", "InputFile", "ConstraintType"))
    kind = element.attributes.get("ConstraintType", "Gaussian")
    if kind not in ("Poisson", "Pois", "Gaussian", "Gauss"):
        raise FileFormatError(f"{element.what}: ConstraintType '{kind}' is neither Poisson nor Gaussian.")
    if kind.startswith("Gauss"):
        given = "" if "ConstraintType" in element.attributes else ", HistFactory's default,"
        sample.note(element, f"{element.what.partition(': ')[2]}: Gaussian constraint{given}", _AS_PYHF)
    relative = sample.template(element, "InputFile", "HistoPath", "HistoName")
    data = (sample.nominal[0] * relative).tolist()
    return {"name": element.required("Name"), "type": "shapesys", "data": data}


_AS_PYHF = "Poisson, as pyhf reads it"


def _shape_factor(element: Element, sample: _Sample) -> _Modifier:
    element.check(("Name", "Const", "HistoName", "HistoPath", "InputFile"))
    if element.flag("Const", False):
        raise FileFormatError(f"unsupported: {element.what}: a ShapeFactor that is constant.")
    if "HistoName" in element.attributes:
        sample.note(element, "HistoName of a ShapeFactor", "where it starts: at 1 here")
    return {"name": element.required("Name"), "type": "shapefactor", "data": None}


_READERS: Mapping[str, Callable[[Element, _Sample], _Modifier]] = {
    "OverallSys": _overall,
    "NormFactor": _factor,
    "HistoSys": _histo,
    "StatError": _stat_error,
    "ShapeSys": _shape_sys,
    "ShapeFactor": _shape_factor,
}

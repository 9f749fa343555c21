"""A measurement of the top-level file as one of a pyhf workspace."""

from __future__ import annotations

from typing import Any

from ...errors import FileFormatError, UnknownNameError
from ...results import Note
from ..xml_files import Element
from .channels import Channels

__all__ = ["choose_measurement", "read_measurement"]

_LUMI_RANGE = 5.0
"""Widths of the luminosity to either side, as pyhf has it."""


def choose_measurement(top: Element, wanted: str | int | None) -> Element:
    """The measurement asked for, the first by default.

    Raises
    ------
    FileFormatError
        If there is none, or there are two of one name.
    UnknownNameError
        For one that is not there.
    """
    found = top.all("Measurement")
    if not found:
        raise FileFormatError("there is no <Measurement>; add one.")
    names = [element.required("Name") for element in found]
    if len(set(names)) < len(names):
        raise FileFormatError("two measurements have one name; names must differ.")
    if wanted is None:
        return found[0]
    if isinstance(wanted, str) and wanted in names:
        return found[names.index(wanted)]
    if isinstance(wanted, int) and 0 <= wanted < len(found):
        return found[wanted]
    listed = ", ".join(f"'{name}'" for name in names)
    raise UnknownNameError(f"there is no measurement {wanted!r}; the file has {listed}.")


def read_measurement(element: Element, found: Channels) -> dict[str, Any]:
    """The measurement with what it says about parameters; notes go to ``found``.

    Raises
    ------
    FileFormatError
        With the line, for what it may not say, and constraints of other kinds.
    """
    element.check(
        ("Name", "Lumi", "LumiRelErr", "BinLow", "BinHigh", "Mode", "ExportOnly"),
        ("POI", "ParamSetting", "ConstraintTerm", "Asimov"),
    )
    for term in element.all("ConstraintTerm"):
        raise FileFormatError(
            f"unsupported: {term.what}: a constraint of type '{term.attributes.get('Type', '')}'; "
            "take another measurement, or remove it."
        )
    _note_what_is_left_out(element, found)
    configs = {name: dict(config) for name, config in found.factors.items()}
    if found.has_lumi:
        configs["lumi"] = _lumi(element)
    for setting in element.all("ParamSetting"):
        _apply(setting, configs)
    config = {"poi": _poi(element, found), "parameters": list(configs.values())}
    return {"name": element.required("Name"), "config": config}


def _note_what_is_left_out(element: Element, found: Channels) -> None:
    where = f"line {element.line}"
    for name in ("BinLow", "BinHigh", "Mode", "ExportOnly"):
        if name in element.attributes:
            found.notes.append(Note(where, f"{name} of the measurement", "it does not change the model"))
    for asimov in element.all("Asimov"):
        found.notes.append(Note(f"line {asimov.line}", "Asimov", "model.asimov makes such data"))


def _lumi(element: Element) -> dict[str, Any]:
    lumi = element.number("Lumi", 1.0)
    width = lumi * element.number("LumiRelErr", 0.1)
    if not (lumi > 0.0 and width > 0.0):
        raise FileFormatError(f"{element.what}: Lumi and LumiRelErr must be positive.")
    bounds = [[lumi - _LUMI_RANGE * width, lumi + _LUMI_RANGE * width]]
    return {"name": "lumi", "auxdata": [lumi], "bounds": bounds, "inits": [lumi], "sigmas": [width]}


def _poi(element: Element, found: Channels) -> str:
    given = element.all("POI")
    names = [name for poi in given for name in poi.text.split()]
    if not names:
        raise FileFormatError(f"{element.what} has no <POI>; add the name of a NormFactor.")
    for name in names[1:]:
        found.notes.append(Note(f"line {given[0].line}", f"POI '{name}'", f"'{names[0]}' is the first"))
    return names[0]


def _apply(setting: Element, configs: dict[str, dict[str, Any]]) -> None:
    """Take a value, or that it is constant, into the configurations of the parameters named."""
    setting.check(("Val", "Const"))
    changes: dict[str, Any] = {}
    if "Const" in setting.attributes:
        changes["fixed"] = setting.flag("Const", False)
    if "Val" in setting.attributes:
        changes["inits"] = [setting.number("Val")]
    for given in setting.text.split():
        if given.startswith("gamma_"):
            raise FileFormatError(
                f"unsupported: {setting.what}: '{given}' is a parameter of one bin; a set has one setting."
            )
        name = "lumi" if given == "Lumi" else given.removeprefix("alpha_")
        configs.setdefault(name, {"name": name}).update(changes)

"""What modifiers of an HS3 file say of the constraints of their parameters.

A modifier names a distribution (``constraint_name``, ``constraints``, ``constraint``), or a kind: "Gauss" is
of width 1 around the nominal value, and what is said of bins follows from uncertainties:

* staterror: the relative error of the sum of all samples of the channel that have it, sqrt(sum e^2) / sum n.
* shapesys: ``vals``, which are absolute uncertainties (pyhs3), or relative ones (ROOT): see ``read_hs3``.

Bins without uncertainty, or without yield, are held at 1, as in pyhf.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import FileFormatError
from ..json_fields import count, describe
from .channels import BY_BIN, Binned, Modifier, Sample
from .constraints import Constraints
from .entries import Document, Entry, unsupported
from .likelihood import leaves
from .parameters import IMPLICIT, Claim, Parameters

__all__ = ["claim_all"]

_GAUSS = ("gauss", "gaussian")


def claim_all(
    document: Document,
    parameters: Parameters,
    constraints: Constraints,
    channels: Sequence[Binned],
    *,
    relative: bool,
) -> None:
    """Claim what all modifiers say, those that say nothing last.

    Raises
    ------
    FileFormatError
        For constraints that are not known, or contradict each other.
    """
    silent = []
    for channel in channels:
        for sample in channel.samples:
            for modifier in sample.modifiers:
                if modifier.kind == "custom":
                    continue
                if modifier.kind in BY_BIN:
                    _claim_bins(document, parameters, constraints, channel, sample, modifier, relative)
                elif not _claim_one(document, parameters, constraints, modifier):
                    silent.append(modifier)
    for modifier in silent:
        claim = Claim("gaussian", 1.0, 0.0, modifier.entry.path)
        parameters.claim(modifier.parameters[0], IMPLICIT, claim)


def _named(document: Document, constraints: Constraints, name: Any, where: str) -> None:
    if not isinstance(name, str):
        raise FileFormatError(f"{where}: the name of a distribution is expected, got {describe(name)}.")
    for leaf in leaves(document, name, where):
        constraints.add(leaf, {})


def _check_claimed(parameters: Parameters, name: str, distribution: str, where: str) -> None:
    if parameters.claimed(name) is None:
        raise unsupported(where, f"the distribution '{distribution}', which does not constrain '{name}'.")


def _stated(document: Document, entry: Entry) -> tuple[bool, Any]:
    """(whether it names a distribution, the name or kind); None is no constraint, "" says nothing."""
    if entry.get("constraint_name") is not None:
        return True, entry.get("constraint_name")
    for key in ("constraint", "constraint_type"):
        if key in entry:
            given = entry.get(key)
            if isinstance(given, str) and document.has("distributions", given):
                return True, given
            if given is not None and not isinstance(given, str):
                raise FileFormatError(f"{entry.at(key)} must be a name or null, got {describe(given)}.")
            return False, given
    return False, ""


def _claim_one(
    document: Document, parameters: Parameters, constraints: Constraints, modifier: Modifier
) -> bool:
    """Claim what a normsys, histosys or normfactor says; False where it says nothing, but is a nuisance."""
    entry, name = modifier.entry, modifier.parameters[0]
    is_nuisance = modifier.kind != "normfactor"
    if not document.has("functions", name):
        parameters.start(name, 0.0 if is_nuisance else 1.0)
    named, given = _stated(document, entry)
    if named:
        _named(document, constraints, given, entry.path)
        _check_claimed(parameters, name, given, entry.path)
    elif given == "":
        return not is_nuisance or document.has("functions", name)
    elif given is not None and given.lower() == "const":
        parameters.hold(name)
    elif given is not None:
        if given.lower() not in _GAUSS:
            raise unsupported(
                entry.path, f"the constraint '{given}' of a {modifier.kind}; give Gauss, or a distribution."
            )
        value = 0.0 if is_nuisance else 1.0
        parameters.claim(name, "Gauss", Claim("gaussian", 1.0, value, entry.path))
    return True


def _claim_bins(
    document: Document,
    parameters: Parameters,
    constraints: Constraints,
    channel: Binned,
    sample: Sample,
    modifier: Modifier,
    relative: bool,
) -> None:
    entry, names = modifier.entry, modifier.parameters
    for name in names:
        parameters.start(name, 1.0)
    if entry.get("constraints") is not None:
        _claim_named(document, parameters, constraints, modifier)
        return
    named, given = _stated(document, entry)
    if named:
        raise unsupported(
            entry.path, f"one constraint for {count(len(names), 'bin')}; give a list, 'constraints'."
        )
    kind = _kind_of_bins(document, channel, modifier, given)
    if kind == "":
        return
    if kind == "const":
        for name in names:
            parameters.hold(name)
        return
    widths = _widths(document, channel, sample, modifier, relative)
    for name, width in zip(names, widths, strict=True):
        held = width[0] <= channel.stat_threshold if modifier.kind == "staterror" else width[0] == 0.0
        if held:
            parameters.hold(name)
        claim = _claim(kind, width, entry.path)
        parameters.claim(name, f"{kind} of {channel.name}, {modifier.kind}", claim)


def _claim_named(
    document: Document, parameters: Parameters, constraints: Constraints, modifier: Modifier
) -> None:
    """A distribution a bin, or null."""
    entry, names = modifier.entry, modifier.parameters
    listed = entry.items("constraints")
    if len(listed) != len(names):
        raise FileFormatError(
            f"{entry.at('constraints')}: {count(len(listed), 'name')} for {count(len(names), 'bin')}; "
            "give one a bin, or null."
        )
    for name, (path, given) in zip(names, listed, strict=True):
        if given is not None:
            _named(document, constraints, given, path)
            _check_claimed(parameters, name, given, path)
    _stated(document, entry)


def _claim(kind: str, width: tuple[float, float], where: str) -> Claim:
    """Of a relative width and its tau; without a width the constants of pyhf, N(1 | 1, 1) and Pois(1 | 1)."""
    if kind == "gauss":
        return Claim("gaussian", width[0] or 1.0, 1.0, where)
    tau = width[1] if width[0] else 1.0
    return Claim("poisson", tau, tau, where)


def _kind_of_bins(document: Document, channel: Binned, modifier: Modifier, given: Any) -> str:
    """ "gauss", "poisson", "const" or "" for none."""
    if given is None or (given == "" and modifier.kind == "shapefactor"):
        return ""
    if given == "" and modifier.kind == "staterror":
        given = channel.stat_constraint
    if given == "":
        document.note(modifier.entry.path, "no constraint", "Poisson is taken, HistFactory's default")
        given = "poisson"
    word = "gauss" if given.lower() in _GAUSS else given.lower()
    if word not in ("gauss", "poisson", "const"):
        raise unsupported(
            modifier.entry.path,
            f"the constraint '{given}' of a {modifier.kind}; give Gauss, Poisson or Const.",
        )
    return word


def _widths(
    document: Document, channel: Binned, sample: Sample, modifier: Modifier, relative: bool
) -> list[tuple[float, float]]:
    """(relative width, tau) a bin; (0, 1) where there is none."""
    if modifier.kind == "staterror":
        return _stat_widths(channel, modifier)
    if modifier.values is None:
        if modifier.kind == "shapefactor":
            return [(1.0, 1.0)] * channel.n_bins
        raise FileFormatError(
            f"{modifier.entry.path}: 'data' with 'vals' is missing, or 'constraints'; add one."
        )
    document.note(
        modifier.entry.at("data/vals"),
        f"vals of '{modifier.name}'",
        f"taken as {'relative' if relative else 'absolute'} uncertainties; shapesys= says otherwise",
    )
    if relative:
        return _pairs(np.maximum(modifier.values, 0.0))
    used = (sample.contents > 0.0) & (modifier.values > 0.0)
    return _pairs(np.where(used, modifier.values, 0.0), np.where(used, sample.contents, 1.0))


def _pairs(errors: FloatArray, nominal: FloatArray | float = 1.0) -> list[tuple[float, float]]:
    """(relative width, tau) of errors and yields; what is not finite is refused with the constraint."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        tau = np.where(errors > 0.0, np.square(nominal) / np.square(errors), 1.0)
        return list(zip((errors / nominal).tolist(), tau.tolist(), strict=True))


def _stat_widths(channel: Binned, modifier: Modifier) -> list[tuple[float, float]]:
    """Of all samples of the channel that have this staterror."""
    nominal, errors = [], []
    for sample in channel.samples:
        for other in sample.modifiers:
            if other.kind == "staterror" and other.parameters == modifier.parameters:
                nominal.append(sample.contents)
                errors.append(_errors(sample, other))
    total = np.sum(nominal, axis=0)
    filled = total > 0.0
    widths = np.zeros(channel.n_bins)
    with np.errstate(over="ignore"):
        relative = [error[filled] / total[filled] for error in errors]
        widths[filled] = np.sqrt(np.sum(np.square(relative), axis=0))
    return _pairs(widths)


def _errors(sample: Sample, modifier: Modifier) -> FloatArray:
    if modifier.values is not None:
        return modifier.values
    if sample.errors is None:
        raise FileFormatError(
            f"{sample.path}/data: 'errors' is missing, which the staterror of '{sample.name}' needs; add it."
        )
    return sample.errors

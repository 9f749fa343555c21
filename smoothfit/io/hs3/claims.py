"""What modifiers of an HS3 file say of the constraints of their parameters.

A modifier names a distribution (``constraint_name``, ``constraints``, ``constraint``), or a kind: "Gauss" is
of width 1 around the nominal value, and what is said of bins follows from uncertainties:

* staterror: the relative error of the sum of all samples of the channel that have it, sqrt(sum e^2) / sum n.
* shapesys: ``vals``, which are absolute uncertainties (pyhs3), or relative ones (ROOT): see ``read_hs3``.

Bins without uncertainty, or without yield, are held at 1, as in pyhf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    claimer = _Claimer(document, parameters, constraints, relative)
    silent = []
    for channel in channels:
        for sample in channel.samples:
            for modifier in sample.modifiers:
                if modifier.kind in BY_BIN:
                    claimer.claim_bins(channel, sample, modifier)
                elif modifier.kind != "custom" and not claimer.claim_one(modifier):
                    silent.append(modifier)
    for modifier in silent:
        claim = Claim("gaussian", 1.0, 0.0, modifier.entry.path)
        parameters.claim(modifier.parameters[0], IMPLICIT, claim)


@dataclass(frozen=True)
class _Claimer:
    document: Document
    parameters: Parameters
    constraints: Constraints
    relative: bool
    """Whether vals of shapesys are relative."""

    def claim_one(self, modifier: Modifier) -> bool:
        """Claim what a normsys, histosys or normfactor says; False where it says nothing, but is a
        nuisance."""
        entry, name = modifier.entry, modifier.parameters[0]
        is_nuisance = modifier.kind != "normfactor"
        is_function = self.document.has("functions", name)
        if not is_function:
            self.parameters.start(name, 0.0 if is_nuisance else 1.0)
        named, given = self._stated(entry)
        if named:
            self._claim_named(name, given, entry.path)
        elif given == "":
            return not is_nuisance or is_function
        elif given is not None and given.lower() == "const":
            self.parameters.hold(name)
        elif given is not None:
            if given.lower() not in _GAUSS:
                raise unsupported(
                    entry.path,
                    f"the constraint '{given}' of a {modifier.kind}; give Gauss, or a distribution.",
                )
            value = 0.0 if is_nuisance else 1.0
            self.parameters.claim(name, "Gauss", Claim("gaussian", 1.0, value, entry.path))
        return True

    def claim_bins(self, channel: Binned, sample: Sample, modifier: Modifier) -> None:
        """Claim what a factor a bin says."""
        for name in modifier.parameters:
            self.parameters.start(name, 1.0)
        if modifier.entry.get("constraints") is not None:
            self._claim_each(modifier)
            return
        named, given = self._stated(modifier.entry)
        if named:
            raise unsupported(modifier.entry.path, "one constraint for all bins; give a list, 'constraints'.")
        kind = self._kind_of_bins(channel, modifier, given)
        if kind == "const":
            for name in modifier.parameters:
                self.parameters.hold(name)
        elif kind:
            self._claim_widths(channel, modifier, kind, self._widths(channel, sample, modifier))

    def _claim_widths(
        self, channel: Binned, modifier: Modifier, kind: str, widths: Sequence[tuple[float, float]]
    ) -> None:
        for name, width in zip(modifier.parameters, widths, strict=True):
            below = modifier.kind == "staterror" and width[0] < channel.stat_threshold
            if width[0] == 0.0 or below:
                self.parameters.hold(name)
            claim = _claim(kind, width, modifier.entry.path)
            self.parameters.claim(name, f"{kind} of {channel.name}, {modifier.kind}", claim)

    def _claim_each(self, modifier: Modifier) -> None:
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
                self._claim_named(name, given, path)
        self._stated(entry)

    def _claim_named(self, parameter: str, name: Any, where: str) -> None:
        """By a distribution, which must be about the parameter."""
        if not isinstance(name, str):
            raise FileFormatError(f"{where}: the name of a distribution is expected, got {describe(name)}.")
        for leaf in leaves(self.document, name, where):
            self.constraints.add(leaf, {})
        if self.parameters.claimed(parameter) is None:
            raise unsupported(where, f"the distribution '{name}', which does not constrain '{parameter}'.")

    def _stated(self, entry: Entry) -> tuple[bool, Any]:
        """(whether it names a distribution, the name or kind); None is no constraint, "" says nothing."""
        if entry.get("constraint_name") is not None:
            return True, entry.get("constraint_name")
        for key in ("constraint", "constraint_type"):
            if key in entry:
                given = entry.get(key)
                if isinstance(given, str) and self.document.has("distributions", given):
                    return True, given
                if given is not None and not isinstance(given, str):
                    raise FileFormatError(f"{entry.at(key)} must be a name or null, got {describe(given)}.")
                return False, given
        return False, ""

    def _kind_of_bins(self, channel: Binned, modifier: Modifier, given: Any) -> str:
        """ "gauss", "poisson", "const" or "" for none."""
        if given is None or (given == "" and modifier.kind == "shapefactor"):
            return ""
        if given == "" and modifier.kind == "staterror":
            given = channel.stat_constraint
        if given == "":
            why = "Poisson is taken, HistFactory's default"
            self.document.note(modifier.entry.path, "no constraint", why)
            given = "poisson"
        word = "gauss" if given.lower() in _GAUSS else given.lower()
        if word not in ("gauss", "poisson", "const"):
            raise unsupported(
                modifier.entry.path,
                f"the constraint '{given}' of a {modifier.kind}; give Gauss, Poisson or Const.",
            )
        return word

    def _widths(self, channel: Binned, sample: Sample, modifier: Modifier) -> list[tuple[float, float]]:
        """(relative width, tau) a bin; (0, 1) where there is none."""
        if modifier.kind == "staterror":
            return _stat_widths(channel, modifier)
        if modifier.values is None:
            if modifier.kind == "shapefactor":
                return [(1.0, 1.0)] * channel.n_bins
            raise FileFormatError(
                f"{modifier.entry.path}: 'data' with 'vals' is missing, or 'constraints'; add one."
            )
        taken = "relative" if self.relative else "absolute"
        why = f"taken as {taken} uncertainties; shapesys= says otherwise"
        self.document.note(modifier.entry.at("data/vals"), f"vals of '{modifier.name}'", why)
        if self.relative:
            return _pairs(np.maximum(modifier.values, 0.0))
        used = (sample.contents > 0.0) & (modifier.values > 0.0)
        return _pairs(np.where(used, modifier.values, 0.0), np.where(used, sample.contents, 1.0))


def _claim(kind: str, width: tuple[float, float], where: str) -> Claim:
    """Of a relative width and its tau; without a width the constants of pyhf, N(1 | 1, 1) and Pois(1 | 1)."""
    if kind == "gauss":
        return Claim("gaussian", width[0] or 1.0, 1.0, where)
    tau = width[1] if width[0] else 1.0
    return Claim("poisson", tau, tau, where)


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

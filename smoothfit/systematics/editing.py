"""A model with other declarations: what is chosen is handed to an edit, all else is copied."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from .._checks import describe
from ..build import ChannelContrib, Process
from ..build.copying import copied_contrib, copied_process
from ..build.declarations import Declaration, Shape, Systematic, variables_of
from ..errors import InvalidTypeError, InvalidValueError, UnknownNameError
from ..model import Model
from ..preparation.specification import Correlation, Specification
from ..results import Note
from .changes import Change, Changes

__all__ = ["Edit", "Place", "Selection", "edited"]


@dataclass(frozen=True)
class Place:
    """Where a declaration acts: a contribution, or all of a process (``contrib`` is None)."""

    process: Process
    contrib: ChannelContrib | None

    @property
    def channel(self) -> str:
        """The channel, "" for all."""
        return "" if self.contrib is None else self.contrib.channel

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows."""
        return self.process.sub_procs

    @property
    def words(self) -> str:
        """For notes."""
        return f"'{self.process.name}'" + (f" in '{self.channel}'" if self.channel else "")

    @property
    def declared(self) -> tuple[Declaration, ...]:
        """Everything that acts there."""
        own = () if self.contrib is None else self.contrib.effects
        return (*self.process.effects, *own)


@dataclass
class Log:
    """Filled by edits."""

    changes: list[Change] = field(default_factory=list)
    left: list[Note] = field(default_factory=list)


Edit: TypeAlias = Callable[[Place, Any, Log], Declaration | None]
"""(place, shape or systematic, log) -> what takes its place: itself, another, or None for nothing."""


_Patterns: TypeAlias = tuple[re.Pattern[str], ...] | None


@dataclass(frozen=True)
class Selection:
    """Which declarations an edit is for: patterns of names, None for all."""

    nuisances: _Patterns = None
    processes: _Patterns = None
    channels: _Patterns = None

    @classmethod
    def read(cls, what: str, nuisances: Any, processes: Any, channels: Any) -> Selection:
        """From names or regular expressions, one or several, as they are given.

        Raises
        ------
        InvalidTypeError, InvalidValueError
            For what is neither.
        """
        given = {"nuisances": nuisances, "processes": processes, "channels": channels}
        return cls(**{name: _patterns(f"{what}: {name}", patterns) for name, patterns in given.items()})

    def check(self, what: str, model: Model) -> None:
        """Every pattern must match something.

        Raises
        ------
        InvalidTypeError, UnknownNameError
            For what is no model, and a pattern that matches nothing.
        """
        if not isinstance(model, Model):
            raise InvalidTypeError(f"{what}: a Model is expected first, got {describe(model)}.")
        processes = model.specification.processes
        declared = [
            d for p in processes for d in (*p.effects, *(e for c in p.contribs.values() for e in c.effects))
        ]
        known = {
            "nuisances": {v.name for d in declared for v in variables_of(d) if v.nuisance},
            "processes": {process.name for process in processes},
            "channels": {channel for process in processes for channel in process.contribs},
        }
        for name, names in known.items():
            for pattern in getattr(self, name) or ():
                if not any(pattern.fullmatch(other) for other in names):
                    listed = ", ".join(sorted(names)) or "none"
                    raise UnknownNameError(
                        f"{what}: {name}: '{pattern.pattern}' matches nothing; there are: {listed}."
                    )

    def has(self, place: Place, declaration: Declaration) -> bool:
        """Whether a declaration is chosen; one of all channels only where no channels are asked for."""
        if not isinstance(declaration, Shape | Systematic) or not declaration.variable.nuisance:
            return False
        if place.contrib is None and self.channels is not None:
            return False
        asked = (
            (self.nuisances, declaration.variable.name),
            (self.processes, place.process.name),
            (self.channels, place.channel),
        )
        return all(given is None or any(p.fullmatch(name) for p in given) for given, name in asked)


def _patterns(what: str, given: Any) -> _Patterns:
    if given is None:
        return None
    items: list[Any] = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if not all(isinstance(item, str) for item in items):
        raise InvalidTypeError(f"{what}: names or regular expressions are expected, got {describe(given)}.")
    try:
        return tuple(re.compile(item) for item in items)
    except re.error as error:
        raise InvalidValueError(f"{what}: {describe(given)} is no regular expression: {error}.") from error


def edited(title: str, model: Model, selection: Selection, edit: Edit) -> tuple[Model, Changes]:
    """A copy of the model, with the edit done to what is selected, and the record of it.

    Raises
    ------
    InvalidValueError
        If a nuisance that a term of the likelihood uses would act on nothing any more.
    """
    selection.check(title, model)
    log = Log()
    told = model.specification
    processes = [_edited_process(process, selection, edit, log) for process in told.processes]
    brought = {variable.name for variable in told.brought()}
    vanished = [name for name in _vanished(told.processes, processes) if name not in brought]
    _check_terms(title, told, vanished)
    correlations = [c for old in told.correlations if (c := _without(old, vanished)) is not None]
    copy = Model.from_specification(
        replace(
            told,
            processes=processes,
            correlations=correlations,
            terms=list(told.terms),
            mc_stat=list(told.mc_stat),
            descriptions=dict(told.descriptions),
        ),
        blinded=model.blinded,
    )
    copy.receipt = model.receipt
    if model.is_prepared:
        copy.prepare()
    return copy, Changes(title, tuple(log.changes), tuple(log.left), tuple(vanished))


def _edited_process(process: Process, selection: Selection, edit: Edit, log: Log) -> Process:
    def done(place: Place, declarations: Sequence[Declaration]) -> list[Declaration]:
        found = [edit(place, d, log) if selection.has(place, d) else d for d in declarations]
        return [declaration for declaration in found if declaration is not None]

    shared = done(Place(process, None), process.effects)
    contribs = [copied_contrib(c, done(Place(process, c), c.effects)) for c in process.contribs.values()]
    return copied_process(process, contribs, shared)


def _names(processes: Sequence[Process]) -> list[str]:
    declared = [
        d for p in processes for d in (*p.effects, *(e for c in p.contribs.values() for e in c.effects))
    ]
    return list(dict.fromkeys(v.name for d in declared for v in variables_of(d)))


def _vanished(before: Sequence[Process], after: Sequence[Process]) -> list[str]:
    still = set(_names(after))
    return [name for name in _names(before) if name not in still]


def _check_terms(title: str, told: Specification, vanished: Sequence[str]) -> None:
    for term in told.terms if vanished else ():
        used = vanished if term.variables is None else [v.name for v in term.variables if v.name in vanished]
        if used:
            raise InvalidValueError(
                f"{title}: the term '{term.label}' of the likelihood may use '{used[0]}', which would act on "
                "no process any more; leave it out by nuisances=[...]."
            )


def _without(correlation: Correlation, vanished: Sequence[str]) -> Correlation | None:
    """The correlation of those that are left: a Gaussian's marginal one, which is its part."""
    kept = [v for v in correlation.variables if v.name not in vanished]
    if len(kept) == len(correlation.variables):
        return correlation
    keep = np.array([v.name not in vanished for v in correlation.variables for _ in range(v.size)])
    if keep.sum() < 2:
        return None
    at = np.ix_(keep, keep)
    return Correlation(tuple(kept), correlation.matrix[at], correlation.stated[at])

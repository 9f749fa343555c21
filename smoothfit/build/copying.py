"""Copies of builders, with other declarations, names or variables: what combinations and edits are made of.

A copy is as good as a model's own builder: nothing that is done to it changes the original.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..effects.shape import NORMALISED
from ..errors import DuplicateNameError
from .arguments import check_integrals
from .contribution import ChannelContrib
from .declarations import Declaration, ScaleFn, Shape, Systematic, effect_label
from .process import Process
from .variable import Variable

__all__ = ["Source", "copied_contrib", "copied_process", "copied_variable", "merged"]


def copied_variable(variable: Variable, name: str, sub_names: Sequence[str]) -> Variable:
    """The same parameter under another name.

    Examples
    --------
    >>> copied_variable(Variable("mu", 1.0, lower_bound=0.0), "mu_2016", ["mu_2016"])
    Variable('mu_2016', 1.0, lower_bound=0.0)
    """
    other = copy.copy(variable)
    other._name, other._sub_names, other._sub_idxes = name, tuple(sub_names), None
    return other


def copied_contrib(contrib: ChannelContrib, effects: Iterable[Declaration]) -> ChannelContrib:
    """A contribution like this one that belongs to no process yet, on which these declarations act.

    Raises
    ------
    InvalidValueError
        For shapes whose kind needs other integrals than their templates have.

    Examples
    --------
    >>> contrib = ChannelContrib("SR", [50.0, 1.0]).add_lnN(Variable("lumi", 0.0, nuisance=True), 1.05)
    >>> copied_contrib(contrib, [])
    ChannelContrib('SR', 2 bins)
    """
    other = copy.copy(contrib)
    other._owner = contrib._owner if contrib._process is None else contrib._process.name
    other._process, other._effects = None, list(effects)
    for effect in other._effects:
        if isinstance(effect, Shape) and effect.kind in NORMALISED:
            what = f"{contrib._what}: {effect_label(effect)}"
            check_integrals(what, contrib._yields, effect.up, effect.down, is_array=contrib.is_array)
    return other


def copied_process(
    process: Process, contribs: Iterable[ChannelContrib], effects: Iterable[Declaration]
) -> Process:
    """A process like this one that belongs to no model, of these contributions; effects act on all of them.

    Examples
    --------
    >>> bkg = Process("bkg", [500.0, 400.0]).add_lnN(Variable("lumi", 0.0, nuisance=True), 1.25)
    >>> copied_process(bkg, [copied_contrib(bkg["main"], [])], [])
    Process('bkg', channels: main)
    """
    other = Process(process.name, sub_procs=process._given, signal=process.signal, label=process.label)
    other._effects = list(effects)
    for contrib in contribs:
        other.add_contrib(contrib)
    return other


@dataclass(frozen=True, eq=False)
class Source:
    """A process of one model, and what stands for its variables and channels in another."""

    process: Process
    variables: Mapping[int, Variable]
    """id of a variable -> the variable in its place."""
    channels: Mapping[str, str]
    done: dict[int, tuple[Declaration, Declaration]] = field(default_factory=dict)
    """Declarations that were copied, by id: a function that several contributions share stays one."""

    def effects(self, contrib: ChannelContrib) -> list[Declaration]:
        """All that acts on a contribution, with the other variables."""
        return [self._effect(effect) for effect in self.process.acting(contrib)]

    def _effect(self, effect: Declaration) -> Declaration:
        # The original is kept with its copy, so that its id is not given to another one.
        if id(effect) not in self.done:
            self.done[id(effect)] = (effect, self._copied(effect))
        return self.done[id(effect)][1]

    def _copied(self, effect: Declaration) -> Declaration:
        if isinstance(effect, ScaleFn):
            return replace(effect, variables=tuple(self.variables[id(v)] for v in effect.variables))
        return replace(effect, variable=self.variables[id(effect.variable)])


def merged(name: str, sources: Sequence[Source]) -> Process:
    """One process of the contributions of several; what acts on one of these acts on its own ones only.

    They must agree in their sub-processes, and have no channel in common.

    Raises
    ------
    DuplicateNameError, InvalidValueError
        Where an effect cannot act through the variable in place of its own, or acts twice through one.

    Examples
    --------
    >>> parts = [Process("bkg", [500.0], channel=channel) for channel in ("SR", "CR")]
    >>> merged("bkg", [Source(part, {}, {c: c for c in part.contribs}) for part in parts])
    Process('bkg', channels: SR, CR)
    """
    first = sources[0].process
    label = next((s.process.label for s in sources if s.process.label is not None), None)
    process = Process(name, sub_procs=first._given, signal=first.signal, label=label)
    for source in sources:
        for contrib in source.process.contribs.values():
            process.add_contrib(_copied_contrib(contrib, source, name))
    return process


def _copied_contrib(contrib: ChannelContrib, source: Source, owner: str) -> ChannelContrib:
    other = copied_contrib(contrib, [])
    other._channel, other._owner = source.channels[contrib.channel], owner
    for effect in source.effects(contrib):
        if isinstance(effect, Systematic):
            effect.effect.check_variable(other._what, effect.variable)
        _check_once(other, effect)
        other._effects.append(effect)
    return other


def _check_once(contrib: ChannelContrib, effect: Declaration) -> None:
    contrib._check_new(contrib._what, effect, contrib._effects)
    if isinstance(effect, Shape):
        for other in contrib._effects:
            if isinstance(other, Shape) and other.variable is effect.variable:
                raise DuplicateNameError(
                    f"{contrib._what}: two shapes of '{effect.variable.name}' act there now; "
                    "keep the names of their variables apart."
                )

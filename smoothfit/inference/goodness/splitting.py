"""A model in which every group of channels has a parameter of its own, in place of one for all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._types import FloatArray, IntArray
from ...build import ChannelContrib, Process, Variable
from ...build.copying import Source, copied_contrib, copied_process, copied_variable, merged
from ...build.declarations import variables_of
from ...errors import InvalidTypeError, InvalidValueError, UnknownNameError
from ...layout import Layout
from ...preparation import Specification, prepare
from ..context import Context
from ..ensembles import Toys
from .statistics import counted_bins

__all__ = ["Split", "split_model"]

_CALL = "channel_compatibility"


@dataclass(frozen=True, eq=False)
class Split:
    """The model with a parameter a group, and where the things of the other model are in it."""

    context: Context
    groups: Mapping[str, tuple[str, ...]]
    """Group -> channels on which the parameter acts."""
    pois: IntArray
    """(group,): positions of the groups' parameters."""
    values: IntArray
    """(param + bin param,): positions in the model with one parameter for all."""
    bins: IntArray
    """(bin,)"""
    globs: IntArray
    """(global observable,)"""

    def toys(self, toys: Toys) -> Toys:
        """Toys of the other model."""
        return replace(toys, counts=toys.counts[:, self.bins], globs=toys.globs[:, self.globs])

    def starts(self, x: FloatArray) -> FloatArray:
        """(..., param) from values (..., param + bin param) of the other model: the same expectation."""
        return x[..., self.values[: self.context.layout.n_params]]


def split_model(context: Context, told: Specification, poi: Any, groups: Any) -> Split:
    """The model with the parameter split; the builders stay as they are.

    Raises
    ------
    InvalidValueError, InvalidTypeError, UnknownNameError
        Where the parameter cannot be split, and for groups that do not fit the channels.
    """
    variable = _variable(context.layout, told, poi)
    _check_terms(told, variable)
    acting = _acting_channels(told, variable)
    chosen = _groups(context, groups, acting, variable.name)
    own = {name: _own(variable, name, context.layout) for name in chosen}
    of_channel = {channel: name for name, channels in chosen.items() for channel in channels}
    # In masked channels it does not matter which; there must be no further parameter.
    first = next(iter(chosen))
    by_channel = {channel: own[of_channel.get(channel, first)] for channel in acting}
    processes = [_split_process(process, variable, by_channel, told) for process in told.processes]
    prepared, layout = prepare(replace(told, processes=processes, poi=None))
    joint = context.layout
    same_as = {sub: variable.name for one in own.values() for sub in one.sub_names}
    return Split(
        context=Context(prepared, layout, context.blinded),
        groups={name: tuple(c for c in channels if c in acting) for name, channels in chosen.items()},
        pois=np.array([layout.positions(one.name)[0] for one in own.values()]),
        values=np.array([joint.positions(same_as.get(name, name))[0] for name in layout.names]),
        bins=np.concatenate([_bins_of(joint, channel.name) for channel in layout.channels]),
        globs=_globs_of(joint, layout),
    )


def _bins_of(layout: Layout, channel: str) -> IntArray:
    found = next(c for c in layout.channels if c.name == channel)
    return np.arange(found.start, found.stop)


def _globs_of(joint: Layout, layout: Layout) -> IntArray:
    """Where the global observables of one layout are among those of the other."""

    def names(of: Layout) -> list[str]:
        return [*(of.parameters[i] for i in of.constrained), *of.bin_parameters]

    at = {name: i for i, name in enumerate(names(joint))}
    return np.array([at[name] for name in names(layout)], dtype=int)


def _declared(told: Specification) -> Iterator[tuple[str, Variable]]:
    """(channel, variable) of everything that acts anywhere."""
    for process in told.processes:
        for contrib in process.contribs.values():
            for effect in process.acting(contrib):
                for variable in variables_of(effect):
                    yield contrib.channel, variable


def _variable(layout: Layout, told: Specification, poi: Any) -> Variable:
    """The variable to split: a free scalar.

    Raises
    ------
    InvalidTypeError, InvalidValueError, UnknownNameError
        For anything else.
    """
    if poi is None:
        raise InvalidValueError(
            f"{_CALL}: the model has no parameter of interest; name one, {_CALL}(obs, poi='mu')."
        )
    (position, *others) = layout.positions(poi)
    owner = next((v for v in layout.variables if position in v.indices), None)
    name = layout._name_of(poi)
    if owner is None or others or not owner.is_scalar:
        raise InvalidTypeError(
            f"{_CALL}: '{name}' is no scalar variable; one of an array, or of a bin, cannot be split by "
            "channel: use a Variable of its own."
        )
    if owner.constraint is not None:
        raise InvalidValueError(
            f"{_CALL}: '{name}' has a constraint, which would count once a group; only free parameters can "
            "be split."
        )
    acting = [v for _, v in _declared(told) if v.name == owner.name]
    if not acting:
        raise InvalidValueError(
            f"{_CALL}: no process depends on '{name}', a parameter of a likelihood alone; name one that "
            "channels depend on."
        )
    return acting[0]


def _check_terms(told: Specification, variable: Variable) -> None:
    for term in told.terms:
        if term.variables is None or any(v.name == variable.name for v in term.variables):
            how = "may use" if term.variables is None else "uses"
            raise InvalidValueError(
                f"{_CALL}: the term '{term.label}' of the likelihood {how} '{variable.name}', and would not "
                "know which of its parts to take; leave the term out, or write it as a function of other "
                "Variables: add_constraint(fn, *variables)."
            )


def _acting_channels(told: Specification, variable: Variable) -> set[str]:
    """Channels that depend on the variable, masked ones too."""
    return {channel for channel, other in _declared(told) if other is variable}


def _groups(context: Context, given: Any, acting: set[str], poi: str) -> dict[str, tuple[str, ...]]:
    """{group: channels}, those that are in no group given being one each."""
    counted = counted_bins(context)
    known = [c.name for c in context.layout.channels if counted[c.bins].any()]
    rest = [name for name in known if name in acting]
    found: dict[str, tuple[str, ...]] = {}
    if given is not None and not isinstance(given, Mapping):
        raise InvalidTypeError(
            f"{_CALL}: groups must be a dict {{group: channels}}, got {type(given).__name__}."
        )
    for group, patterns in (given or {}).items():
        members = _matching(str(group), patterns, known)
        twice = next((c for c in members for other in found.values() if c in other), None)
        if twice is not None:
            raise InvalidValueError(f"{_CALL}: channel '{twice}' is in two groups; it can be in one.")
        if not acting & set(members):
            raise InvalidValueError(
                f"{_CALL}: '{poi}' acts on no channel of group '{group}' ({', '.join(members)}); leave the "
                "group out."
            )
        found[str(group)] = members
        rest = [name for name in rest if name not in members]
    alone = {name: (name,) for name in rest}
    if set(alone) & set(found):
        name = min(set(alone) & set(found))
        raise InvalidValueError(
            f"{_CALL}: group '{name}' has the name of a channel that is not in it; name it otherwise."
        )
    found |= alone
    if len(found) < 2:
        raise InvalidValueError(
            f"{_CALL}: '{poi}' acts on {len(found)} group of channels; there is nothing to compare it with."
        )
    return found


def _matching(group: str, patterns: Any, known: Sequence[str]) -> tuple[str, ...]:
    """The channels that names or regular expressions stand for."""
    wanted = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(wanted, Sequence) or not all(isinstance(one, str) for one in wanted):
        raise InvalidTypeError(
            f"{_CALL}: group '{group}': channels are given by name or regular expression, got {patterns!r}."
        )
    found: list[str] = []
    for one in wanted:
        try:
            members = [name for name in known if name == one or re.fullmatch(one, name)]
        except re.error as error:
            raise InvalidValueError(
                f"{_CALL}: group '{group}': '{one}' is no regular expression: {error}."
            ) from error
        if not members:
            raise UnknownNameError(
                f"{_CALL}: group '{group}': no channel of the likelihood matches '{one}'; they are: "
                f"{', '.join(known)}."
            )
        found += [name for name in members if name not in found]
    return tuple(found)


def _own(variable: Variable, group: str, layout: Layout) -> Variable:
    """The group's variable, under a name that the model does not have."""
    name = f"{variable.name} [{group}]"
    taken = {*layout.names, *(v.name for v in layout.variables)}
    while name in taken:
        name += "'"
    return copied_variable(variable, name, [name])


def _split_process(
    process: Process, variable: Variable, by_channel: Mapping[str, Variable], told: Specification
) -> Process:
    """A process on each contribution of which the variable of its channel acts."""
    others = {id(one): one for _, one in _declared(told)}
    # What several contributions of a group share stays one declaration: a function is traced once.
    done: dict[int, dict[int, Any]] = {}
    sources = []
    for contrib in process.contribs.values():
        own = by_channel.get(contrib.channel, variable)
        variables = {**others, id(variable): own}
        part = copied_process(process, [_alone(contrib)], process.effects)
        sources.append(
            Source(part, variables, {contrib.channel: contrib.channel}, done.setdefault(id(own), {}))
        )
    return merged(process.name, sources)


def _alone(contrib: ChannelContrib) -> ChannelContrib:
    return copied_contrib(contrib, contrib.effects)

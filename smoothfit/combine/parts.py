"""A model that takes part in a combination: what it was told, its arrays, and the names that it gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .._checks import check_name, describe
from .._types import FloatArray
from ..build import Variable
from ..errors import (
    DuplicateNameError,
    InvalidTypeError,
    InvalidValueError,
    StaleModelError,
    UnknownNameError,
)
from ..inference import inputs
from ..layout import Layout
from ..model import Model
from ..preparation import Specification, prepare
from ..preparation.binwise import bin_parameter_name
from ..prepared import Prepared

__all__ = ["Names", "Part", "read_parts"]

_KINDS = ("processes", "channels", "likelihoods")


@dataclass(frozen=True)
class Names:
    """Old name -> new name, of what is renamed."""

    variables: Mapping[str, str]
    """Of variables and of their components."""
    processes: Mapping[str, str]
    channels: Mapping[str, str]
    likelihoods: Mapping[str, str]

    def of_variable(self, variable: Variable) -> tuple[str, tuple[str, ...]]:
        """(name, names of the components); those that are made of the name follow it."""
        name = self.variables.get(variable.name, variable.name)
        plain, follow = (variable._default_sub_names(of) for of in (variable.name, name))
        return name, tuple(
            self.variables.get(sub, new if sub == old else sub)
            for sub, old, new in zip(variable.sub_names, plain, follow, strict=True)
        )

    def process(self, name: str) -> str:
        """The new name of a process."""
        return self.processes.get(name, name)

    def channel(self, name: str) -> str:
        """The new name of a channel."""
        return self.channels.get(name, name)

    def likelihood(self, name: str) -> str:
        """The new name of a likelihood of another program."""
        return self.likelihoods.get(name, name)


@dataclass(frozen=True, eq=False)
class Part:
    """A model of a combination."""

    what: str
    """How messages name it."""
    model: Model
    prepared: Prepared
    layout: Layout
    names: Names
    obs: Mapping[str, FloatArray] | None
    """{channel, by its new name: counts}, where data were given."""

    @property
    def specification(self) -> Specification:
        """What the model was told."""
        return self.model.specification

    @cached_property
    def variables(self) -> list[Variable]:
        """The variables in use, in the order met."""
        return self.specification.variables()

    @cached_property
    def components(self) -> dict[str, str]:
        """Component of a variable -> its new name."""
        return {
            old: new
            for variable in self.variables
            for old, new in zip(variable.sub_names, self.names.of_variable(variable)[1], strict=True)
        }

    @cached_property
    def channels(self) -> dict[str, str]:
        """Channel -> its new name, in the order of the bins."""
        return {channel.name: self.names.channel(channel.name) for channel in self.layout.channels}

    @cached_property
    def sub_procs(self) -> dict[str, str]:
        """Sub-process -> its new name."""
        found = {}
        for process in self.specification.processes:
            name = self.names.process(process.name)
            for i, old in enumerate(process.sub_procs):
                default = f"{process.name}[{i}]" if process.is_array else process.name
                found[old] = (f"{name}[{i}]" if process.is_array else name) if old == default else old
        return found

    @cached_property
    def bin_parameters(self) -> dict[str, str]:
        """Bin parameter -> its new name."""
        found = {}
        for name, at in zip(self.layout.bin_parameters, self.layout.bin_parameter_bins, strict=True):
            channel = next(c for c in self.layout.channels if c.start <= at < c.stop)
            number = at - channel.start
            suffix = name[len(bin_parameter_name(channel.name, number)) + 1 :]
            sub_proc = self.sub_procs[suffix] if suffix else None
            found[name] = bin_parameter_name(self.names.channel(channel.name), number, sub_proc)
        return found


def read_parts(given: Sequence[Any], rename: Any) -> list[Part]:
    """The models, with or without data, and what is renamed in each.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        For fewer than two models, or what is no model and no (model, obs) as readers return it.
    UnknownNameError, DuplicateNameError
        For rules that rename what is not there, or to what is there already.
    """
    if len(given) < 2:
        raise InvalidValueError(f"combine: two models or more are needed, got {len(given)}.")
    pairs = [one if isinstance(one, tuple) and len(one) == 2 else (one, None) for one in given]
    for i, (model, _) in enumerate(pairs):
        if not isinstance(model, Model):
            raise InvalidTypeError(
                f"combine: model {i + 1} is {describe(model)}; give a Model, or (model, obs) as readers "
                "return it."
            )
    rules = _rules(rename, len(pairs))
    if len({obs is None for _, obs in pairs}) > 1:
        raise InvalidTypeError(
            "combine: some models come with data, others without; give all as (model, obs), or none."
        )
    return [
        _part(i, model, obs, rule) for i, ((model, obs), rule) in enumerate(zip(pairs, rules, strict=True))
    ]


def _rules(rename: Any, n: int) -> list[Mapping[str, Any]]:
    if rename is None:
        return [{}] * n
    if isinstance(rename, Mapping | str) or not isinstance(rename, Sequence) or len(rename) != n:
        raise InvalidTypeError(
            f"combine: rename must be a list of {n} dicts {{old: new}} (or None), one a model, "
            f"got {describe(rename)}."
        )
    for rule in rename:
        if rule is not None and not isinstance(rule, Mapping):
            raise InvalidTypeError(f"combine: rename: expected a dict {{old: new}}, got {describe(rule)}.")
    return [rule or {} for rule in rename]


def _part(number: int, model: Model, obs: Any, rule: Mapping[str, Any]) -> Part:
    source = "" if model.receipt is None else f" ({model.receipt.source})"
    what = f"model {number + 1}{source}"
    try:
        prepared, layout = model.prepared, model.layout
    except StaleModelError:
        # As it is now; the model itself stays as it was.
        prepared, layout = prepare(model.specification)
    names = _names(what, rule, model.specification, layout)
    counts = None
    if obs is not None:
        of_channel = layout.split(inputs.counts(layout, obs, f"combine: data of {what}"))
        counts = {names.channel(name): part for name, part in of_channel.items()}
    return Part(what, model, prepared, layout, names, counts)


def _names(what: str, rule: Mapping[str, Any], specification: Specification, layout: Layout) -> Names:
    grouped: dict[str, Mapping[Any, Any]] = {kind: {} for kind in _KINDS}
    variables = {}
    for key, value in rule.items():
        if isinstance(value, Mapping):
            if key not in _KINDS:
                raise UnknownNameError(
                    f"combine: rename of {what}: '{key}' is no kind of names; give "
                    '{"processes": {old: new}}, {"channels": {old: new}}, {"likelihoods": {old: new}}, or '
                    "variables without a heading."
                )
            grouped[key] = value
        else:
            variables[getattr(key, "name", key)] = value
    used = specification.variables()
    known = {
        "variable": [name for v in used for name in dict.fromkeys((v.name, *v.sub_names))],
        "process": [p.name for p in specification.processes],
        "channel": [c.name for c in layout.channels],
        "likelihood": list(layout.likelihoods),
    }
    rules = {
        "variable": variables,
        "process": grouped["processes"],
        "channel": grouped["channels"],
        "likelihood": grouped["likelihoods"],
    }
    for noun, mapping in rules.items():
        _check_rule(f"combine: rename of {what}", noun, mapping, known[noun])
    return Names(rules["variable"], rules["process"], rules["channel"], rules["likelihood"])


def _check_rule(what: str, noun: str, rule: Mapping[Any, Any], known: Sequence[str]) -> None:
    for old, new in rule.items():
        if old not in known:
            shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
            raise UnknownNameError(f"{what}: there is no {noun} {old!r}; there are: {shown or 'none'}.")
        check_name(f"{what}: {noun} '{old}'", new)
    after = [rule.get(name, name) for name in known]
    twice = next((name for name in after if after.count(name) > 1), None)
    if twice is not None:
        raise DuplicateNameError(
            f"{what}: two {noun}s would be '{twice}'; choose other names"
            + (", or make them one with correlate=[(a, b, 1.0)]." if noun == "variable" else ".")
        )

"""From the records of an HS3 file to a model, through the public builders."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ..._types import FloatArray
from ...build import ChannelContrib, Process, Variable
from ...model import Model
from ..rows import Stacked
from .channels import BY_BIN, Binned, Modifier, Sample
from .constraints import Correlated
from .entries import unsupported
from .functions import Factor, Functions, LogNormalFactor
from .parameters import Parameters

__all__ = ["build_model", "factors_of", "names_used"]


def factors_of(functions: Functions, modifier: Modifier) -> tuple[Factor, ...]:
    """What a normfactor or custom modifier multiplies by: a parameter, or what a function consists of."""
    term = functions.product(modifier.parameters[0], modifier.entry.path)
    if term.number == 1.0 and term.factors:
        return term.factors
    raise unsupported(
        modifier.entry.path, f"'{modifier.parameters[0]}', a function with a number as a factor."
    )


def names_used(functions: Functions, channels: Sequence[Binned]) -> set[str]:
    """The parameters that expectations depend on."""
    return _used_alone(functions, channels) | {name for names in _sets(channels) for name in names}


def _used_alone(functions: Functions, channels: Sequence[Binned]) -> set[str]:
    """Parameters that are used by themselves, not as one of a factor a bin."""
    used: set[str] = set()
    for sample in (sample for channel in channels for sample in channel.samples):
        factors = list(sample.factors)
        for modifier in sample.modifiers:
            if modifier.kind in ("normfactor", "custom"):
                factors += factors_of(functions, modifier)
            elif modifier.kind not in BY_BIN:
                used.update(modifier.parameters)
        used.update(name for factor in factors for name in _names(factor))
    return used


def _sets(channels: Sequence[Binned]) -> dict[tuple[str, ...], list[str]]:
    """Parameters that are used together, one a bin; what the set may be called, the best first."""
    found: dict[tuple[str, ...], list[str]] = {}
    for channel in channels:
        for modifier in (modifier for sample in channel.samples for modifier in sample.modifiers):
            if modifier.kind in BY_BIN:
                found.setdefault(modifier.parameters, [modifier.name, f"{modifier.name}_{channel.name}"])
    return found


def _names(factor: Factor) -> Sequence[str]:
    if isinstance(factor, str):
        return (factor,)
    return (factor.parameter,) if isinstance(factor, LogNormalFactor) else factor.names


class _Builder:
    def __init__(
        self,
        parameters: Parameters,
        functions: Functions,
        channels: Sequence[Binned],
        correlated: Sequence[Correlated],
        poi: str | None,
    ) -> None:
        self._parameters, self._functions, self._poi = parameters, functions, poi
        self._variables: dict[str, Variable] = {}
        alone = {name for entry in correlated for name in entry.names}
        self._arrays = self._make_arrays(_sets(channels), alone | _used_alone(functions, channels))

    def _make_arrays(
        self, sets: Mapping[tuple[str, ...], Sequence[str]], alone: set[str]
    ) -> dict[tuple[str, ...], Variable]:
        """A variable for each set of parameters that are used together only."""
        uses = Counter(name for names in sets for name in names)
        taken = alone | set(uses)
        found = {}
        for names, labels in sets.items():
            if any(name in alone or uses[name] > 1 for name in names):
                continue
            label = next(n for n in _labels(labels) if n not in taken or names == (n,))
            variable = self._parameters.array(label, names)
            if variable is not None:
                found[names] = variable
                taken.add(label)
        return found

    def variable(self, name: str) -> Variable:
        """The variable of a parameter of its own."""
        if name not in self._variables:
            self._variables[name] = self._parameters.variable(name)
        return self._variables[name]

    def processes(self, channels: Sequence[Binned]) -> list[Process]:
        """Samples of one name are one process; those that the parameter of interest scales are signal."""
        signals = {
            sample.name
            for channel in channels
            for sample in channel.samples
            if any(self._scales(modifier) for modifier in sample.modifiers) or self._poi in sample.factors
        }
        found: dict[str, Process] = {}
        for channel in channels:
            for sample in channel.samples:
                if sample.name not in found:
                    found[sample.name] = Process(sample.name, signal=sample.name in signals)
                found[sample.name].add_contrib(self._contribution(channel, sample))
        return list(found.values())

    def _scales(self, modifier: Modifier) -> bool:
        return modifier.kind == "normfactor" and modifier.parameters == (self._poi,)

    def _contribution(self, channel: Binned, sample: Sample) -> ChannelContrib:
        contrib = ChannelContrib(channel.name, sample.contents)
        for factor in sample.factors:
            self._scale(contrib, factor)
        for modifier in sample.modifiers:
            self._modify(contrib, modifier)
        return contrib

    def _modify(self, contrib: ChannelContrib, modifier: Modifier) -> None:
        if modifier.kind in BY_BIN:
            self._scale_bins(contrib, modifier.parameters)
        elif modifier.kind in ("normfactor", "custom"):
            for factor in factors_of(self._functions, modifier):
                self._scale(contrib, factor)
        elif modifier.kind == "normsys":
            variable = self.variable(modifier.parameters[0])
            sides = modifier.low, modifier.high
            contrib.add_lnN(variable, sides, interpolation=modifier.interpolation)
        else:
            variable = self.variable(modifier.parameters[0])
            contrib.add_shape(variable, modifier.high, modifier.low, kind=modifier.interpolation)

    def _scale_bins(self, contrib: ChannelContrib, names: tuple[str, ...]) -> None:
        if names in self._arrays:
            contrib.scale_by(self._arrays[names], axis="bin")
        else:
            contrib.scale_by_fn(Stacked(), *(self.variable(name) for name in names), axis="bin")

    def _scale(self, contrib: ChannelContrib, factor: Factor) -> None:
        if isinstance(factor, str):
            contrib.scale_by(self.variable(factor))
        elif isinstance(factor, LogNormalFactor):
            sides = factor.down, factor.up
            contrib.add_lnN(self.variable(factor.parameter), sides, interpolation=factor.interpolation)
        else:
            contrib.scale_by_fn(factor, *(self.variable(name) for name in factor.names))

    def known(self) -> set[str]:
        """The names of all parameters of the model."""
        return {n for v in (*self._variables.values(), *self._arrays.values()) for n in v.sub_names}


def _labels(wanted: Sequence[str]) -> Iterator[str]:
    yield from wanted
    yield from (f"{wanted[-1]}_{k}" for k in itertools.count(1))


def build_model(
    parameters: Parameters,
    functions: Functions,
    channels: Sequence[tuple[Binned, FloatArray]],
    correlated: Sequence[Correlated],
    poi: str | None,
) -> tuple[Model, FloatArray, set[str]]:
    """The model, prepared, the observed counts, and the names of its parameters.

    Raises
    ------
    FileFormatError
        For parameters without a value, and functions without parameters.
    """
    binned = [channel for channel, _ in channels]
    builder = _Builder(parameters, functions, binned, correlated, poi)
    model = Model()
    for process in builder.processes(binned):
        model.add_proc(process)
    for entry in correlated:
        model.correlate_nuisances([builder.variable(name) for name in entry.names], entry.matrix)
    for channel in binned:
        if channel.edges is not None:
            model.describe_channel(channel.name, edges=channel.edges, label=channel.axis)
    known = builder.known()
    model.poi = poi if poi in known else None
    model.prepare()
    obs = model.data_from_dict({channel.name: counts for channel, counts in channels})
    return model, obs, known

"""What two models were told differently: channels, processes, parameters, effects, settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .._checks import plural
from ..build import ChannelContrib, Declaration, Process, Scale, ScaleFn, Shape, Systematic, Variable
from ..build.comparison import differences
from ..build.declarations import AddFn, variables_of
from ..effects import LnN
from ..model import Model
from ..results import Changed

__all__ = ["structure_changes"]

NOTHING = "-"


def structure_changes(first: Model, second: Model) -> list[Changed]:
    """All that is not numbers of yields."""
    return [
        *_channels(first, second),
        *_processes(first, second),
        *_variables(first, second),
        *_effects(first, second),
        *_settings(first, second),
    ]


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:3]) + (f", ... ({len(found)} in all)" if len(found) > 3 else "")


def _only(what: str, first: Iterable[str], second: Iterable[str]) -> Iterator[Changed]:
    """Names that one side has."""
    one, other = dict.fromkeys(first), dict.fromkeys(second)
    left = [name for name in one if name not in other]
    right = [name for name in other if name not in one]
    if left or right:
        yield Changed(f"{what} of one only", "", _listed(left) or NOTHING, _listed(right) or NOTHING)


def _channels(first: Model, second: Model) -> Iterator[Changed]:
    yield from _only("channels", first.channels, second.channels)
    sizes = {c.name: c.stop - c.start for c in second.layout.channels}
    for channel in first.layout.channels:
        size = channel.stop - channel.start
        if channel.name in sizes and sizes[channel.name] != size:
            texts = plural(size, "bin"), plural(sizes[channel.name], "bin")
            yield Changed("channel", channel.name, *texts)


def _by_name(model: Model) -> dict[str, Process]:
    return {process.name: process for process in model.specification.processes}


def _processes(first: Model, second: Model) -> Iterator[Changed]:
    yield from _only("processes", first.processes, second.processes)
    others = _by_name(second)
    for name, process in _by_name(first).items():
        other = others.get(name)
        if other is None:
            continue
        for what, a, b in (
            ("signal", process.signal, other.signal),
            ("sub-processes", _sub_procs(process), _sub_procs(other)),
        ):
            if a != b:
                yield Changed("process", name, f"{what}: {a}", f"{what}: {b}")
        yield from (
            Changed("process: channels of one only", name, c.first, c.second)
            for c in _only("", process.contribs, other.contribs)
        )


def _sub_procs(process: Process) -> str:
    return _listed(process.sub_procs) if process.is_array else "none"


def _variables(first: Model, second: Model) -> Iterator[Changed]:
    one, other = _in_use(first), _in_use(second)
    yield from _only("parameters", one, other)
    # A change that many have (bounds of all nuisances, say) is one line.
    found: dict[tuple[str, str, str], list[str]] = {}
    for name in one:
        if name in other:
            for d in differences(one[name], other[name]):
                found.setdefault((d.field, d.first, d.second), []).append(name)
    for (field, a, b), names in found.items():
        yield Changed(f"parameter: {field}", _listed(names), a, b)


def _in_use(model: Model) -> dict[str, Variable]:
    return {variable.name: variable for variable in model.specification.variables()}


# -- effects ---------------------------------------------------------------------------------------


def _kind(effect: Declaration) -> str:
    if isinstance(effect, Scale):
        return "factor"
    if isinstance(effect, ScaleFn):
        return "added function" if isinstance(effect, AddFn) else "function"
    if isinstance(effect, Shape):
        return f"shape ({effect.kind})" + (f" at {1.0 / effect.scale:g} sigma" if effect.scale != 1.0 else "")
    interpolation = effect.effect.interpolation if isinstance(effect.effect, LnN) else "combine"
    return effect.effect.label + ("" if interpolation == "combine" else f" ({interpolation})")


def _acting(process: Process, contrib: ChannelContrib) -> dict[str, list[Declaration]]:
    found: dict[str, list[Declaration]] = {}
    for effect in (*process.effects, *contrib.effects):
        for variable in variables_of(effect):
            found.setdefault(variable.name, []).append(effect)
    return found


def _effects(first: Model, second: Model) -> Iterator[Changed]:
    """Kinds that differ, many places as one line; and numbers that do, a line a parameter."""
    kinds: dict[tuple[str, str], list[str]] = {}
    numbers: dict[str, tuple[float, str]] = {}
    for process, contrib, other_process, other in _pairs(first, second):
        one, two = _acting(process, contrib), _acting(other_process, other)
        for name in dict.fromkeys((*one, *two)):
            a, b = (" + ".join(sorted(map(_kind, of.get(name, ())))) or NOTHING for of in (one, two))
            where = f"{name} on {process.name} in {contrib.channel}"
            if a != b:
                kinds.setdefault((a, b), []).append(where)
                continue
            size = _largest(one[name], two[name], contrib)
            if size > 0.0 and size > numbers.get(name, (0.0, ""))[0]:
                numbers[name] = (size, where)
    for (a, b), places in kinds.items():
        count = "" if len(places) == 1 else f" and {len(places) - 1} more"
        yield Changed("effects", places[0] + count, a, b)
    by_size = sorted(numbers.items(), key=lambda item: -item[1][0])
    for name, (size, where) in by_size[:_MOST]:
        yield Changed("numbers of effects", where, name, f"{size:.3g} of the nominal yield, at most")
    if len(by_size) > _MOST:
        left = [name for name, _ in by_size[_MOST:]]
        yield Changed("numbers of effects", _listed(left), "", f"less than {by_size[_MOST - 1][1][0]:.3g}")


_MOST = 8
"""Parameters that are listed one by one."""


def _pairs(first: Model, second: Model) -> Iterator[tuple[Process, ChannelContrib, Process, ChannelContrib]]:
    others = _by_name(second)
    for name, process in _by_name(first).items():
        for channel, contrib in process.contribs.items():
            if name in others and channel in others[name].contribs:
                yield process, contrib, others[name], others[name].contribs[channel]


def _largest(one: list[Declaration], two: list[Declaration], contrib: ChannelContrib) -> float:
    """The largest difference of numbers of the same effects, relative to the nominal yield."""
    largest = 0.0
    for a, b in zip(sorted(one, key=_kind), sorted(two, key=_kind), strict=True):
        if isinstance(a, Shape) and isinstance(b, Shape):
            if a.up.shape == b.up.shape:
                scale = np.where(contrib.yields != 0.0, np.abs(contrib.yields), np.inf)
                apart = max(float(np.max(np.abs(x - y) / scale)) for x, y in ((a.up, b.up), (a.down, b.down)))
                largest = max(largest, apart)
        elif isinstance(a, Systematic) and isinstance(b, Systematic):
            largest = max(largest, _apart(a.effect, b.effect))
    return largest


def _apart(a: Any, b: Any) -> float:
    """Of two effects of one kind, from their factors at one sigma."""
    if repr(a) == repr(b):
        return 0.0
    if isinstance(a, LnN) and isinstance(b, LnN) and a.up.shape == b.up.shape:
        return float(max(np.max(np.abs(a.up - b.up)), np.max(np.abs(a.down - b.down))))
    return 1.0


# -- settings --------------------------------------------------------------------------------------


def _settings(first: Model, second: Model) -> Iterator[Changed]:
    one, other = first.specification, second.specification
    stats = [
        {info.channel: _mc_stat(info.mode, info.counts) for info in m.layout.mc_stat} for m in (first, second)
    ]
    for channel in first.channels:
        a, b = (found.get(channel, NOTHING) for found in stats)
        if a != b and channel in second.channels:
            yield Changed("Monte Carlo statistics", channel, a, b)
    for what, a, b in (
        ("parameter of interest", first.poi or "", second.poi or ""),
        ("masked channels", _listed(sorted(one.masked)), _listed(sorted(other.masked))),
        ("data term", _data_term(one.data_term.gaussian), _data_term(other.data_term.gaussian)),
        ("user terms", str(len(one.terms)), str(len(other.terms))),
    ):
        if a != b:
            yield Changed(what, "", a or "none", b or "none")
    yield from _only("likelihoods", first.layout.likelihoods, second.layout.likelihoods)
    yield from _correlations(first, second)


def _mc_stat(mode: str, counts: Mapping[str, int]) -> str:
    found = ", ".join(f"{number} {kind}" for kind, number in counts.items())
    # Without variances a mode is nothing.
    return f"{mode}: {found}" if found else "no parameters"


def _data_term(gaussian: bool) -> str:
    return "Gaussian" if gaussian else "Poisson"


def _correlations(first: Model, second: Model) -> Iterator[Changed]:
    one, other = (_rhos(model) for model in (first, second))
    for pair in dict.fromkeys((*one, *other)):
        a, b = one.get(pair, 0.0), other.get(pair, 0.0)
        if a != b:
            yield Changed("correlation", f"{pair[0]}, {pair[1]}", f"{a:g}", f"{b:g}")


def _rhos(model: Model) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for one in model.specification.correlations:
        names = [name for variable in one.variables for name in variable.sub_names]
        for i, j in zip(*np.nonzero(np.triu(one.stated, 1)), strict=True):
            first, second = sorted((names[i], names[j]))
            found[first, second] = float(one.matrix[i, j])
    return {pair: rho for pair, rho in found.items() if rho != 0.0}

"""From a card and its templates to a model, through the public builders.

What a line means is in FORMULAS of the documentation: a process has ``rate`` events in the shape of its
template; in a channel with autoMCStats the template's own, whose errors then count.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..._types import FloatArray
from ...build import ChannelContrib, Process, Variable
from ...effects import GmM, GmN, LnU, TrG
from ...errors import FileFormatError
from ...model import Model
from ..formula import Formula
from ..root_histograms import Histogram
from .card import Card, Column, RateFormula, Systematic, Value
from .parameters import make_variables
from .signals import Signals
from .templates import DATA, Templates

__all__ = ["build_model"]

_SAME_RATE = 0.01
_SAME_DATA = 0.005


def build_model(card: Card, templates: Templates, signals: Signals) -> tuple[Model, FloatArray]:
    """The model, prepared, and the observed counts.

    Raises
    ------
    FileFormatError
        For templates that are missing or do not fit, and what a card may not say.
    """
    variables = make_variables(card, signals.variables)
    observed = {channel: _observed(card, templates, channel) for channel in card.channels}
    builder = _Builder(card, templates, signals, variables, {c: len(o.counts) for c, o in observed.items()})
    model = Model()
    for process in builder.processes():
        model.add_proc(process)
    for channel, data in observed.items():
        if data.edges is not None:
            model.describe_channel(channel, edges=data.edges)
    _mc_stat(card, model, {channel for channel, data in observed.items() if data.edges is not None})
    _penalties(card, model, variables)
    model.poi = next(iter(signals.variables), None)
    model.prepare()
    _note_unused(card, model, variables)
    return model, np.asarray(model.data_from_dict({c: data.counts for c, data in observed.items()}))


def _note_unused(card: Card, model: Model, variables: Iterable[str]) -> None:
    """Parameters that the model does not have, as nothing that it has depends on them."""
    known = {variable.name for variable in model.layout.variables}
    noted = {(line, what) for line, what, _ in card.ignored}
    declared = [
        *((one.name, one.line, "param") for one in card.parameters.values()),
        *((one.name, one.line, "extArg") for one in card.external.values()),
        *((one.name, one.line, "rateParam") for one in card.rate_parameters.values()),
        *((one.name, one.line, one.kind) for one in card.systematics),
    ]
    for name in variables:
        if name not in known:
            found = ((line, f"{name} {kind}") for other, line, kind in declared if other == name)
            line, what = next(found, (0, name))
            if (line, what) not in noted:
                card.ignored.append((line, what, "nothing depends on it"))


class _Data(NamedTuple):
    counts: FloatArray
    edges: FloatArray | None


def _observed(card: Card, templates: Templates, channel: str) -> _Data:
    if not card.observed:
        raise FileFormatError("there is no line 'observation'; give the observed events of each bin, or -1.")
    given = card.observed[channel]
    found = templates.nominal(channel, DATA)
    if found is None:
        if given < 0:
            raise FileFormatError(f"observation of '{channel}' is -1, but it has no template of the data.")
        return _Data(np.array([given]), None)
    total = float(found.values.sum())
    if given >= 0 and abs(total - given) > max(_SAME_DATA * given, 0.01 if given == 0 else 0.0):
        raise FileFormatError(
            f"observation of '{channel}' is {given:g}, its template of the data has {total:g}; correct one, "
            "or write -1."
        )
    if np.any(found.values < 0):
        raise FileFormatError(f"the data of '{channel}' have a bin with {found.values.min():g} events.")
    return _Data(found.values, found.edges)


class _Builder:
    def __init__(
        self,
        card: Card,
        templates: Templates,
        signals: Signals,
        variables: Mapping[str, Variable],
        n_bins: Mapping[str, int],
    ) -> None:
        self._card, self._templates, self._signals = card, templates, signals
        self._variables, self._n_bins = variables, n_bins
        self._formulas = _resolve(card, variables)
        self._by_column: dict[Column, list[Systematic]] = {}
        for systematic in card.systematics:
            for column in systematic.values:
                self._by_column.setdefault(column, []).append(systematic)

    def processes(self) -> list[Process]:
        """The processes, with all that acts on them."""
        found: dict[str, Process] = {}
        for column in self._card.columns():
            scale = self._signals.of_column.get(column, 1.0)
            if scale == 0.0:
                continue
            contrib = self._contribution(column)
            if contrib is None:
                continue
            if column.process not in found:
                found[column.process] = Process(column.process, signal=self._card.signal[column.process])
            found[column.process].add_contrib(contrib)
            if isinstance(scale, Variable):
                contrib.scale_by(scale)
            for name in self._card.rate_factors.get(column, ()):
                self._scale_by_rate(contrib, name)
            try:
                self._systematics(contrib, column)
            except FileFormatError:
                raise
            except ValueError as error:
                raise FileFormatError(str(error)) from error
        return list(found.values())

    def _contribution(self, column: Column) -> ChannelContrib | None:
        card, rate = self._card, self._card.rates[column]
        template = self._templates.nominal(*column)
        where = f"process '{column.process}' in channel '{column.channel}'"
        if template is None:
            if rate < 0:
                raise FileFormatError(
                    f"{where}: the rate is {rate:g}, and there is no template; give a rate."
                )
            shared = np.full(self._n_bins[column.channel], rate)
            if len(shared) > 1:
                raise FileFormatError(f"{where} has no template, but the data of the channel have.")
            return ChannelContrib(column.channel, shared)
        self._check_bins(column, template, where)
        total = float(template.values.sum())
        if total == 0.0 and rate in (-1.0, 0.0):
            card.ignored.append((0, where, "its template is empty, the rate -1"))
            return None
        if total <= 0.0:
            raise FileFormatError(f"{where}: the template has {total:g} events, the rate is {rate:g}.")
        if rate != -1.0 and abs(total - rate) > _SAME_RATE * max(1.0, rate):
            raise FileFormatError(
                f"{where}: the rate is {rate:g}, the template has {total:g} events; correct one, or write -1."
            )
        if template.outside:
            card.ignored.append((0, where, f"under- and overflow hold {template.outside:g} events"))
        if column.channel in card.mc_stat:
            return ChannelContrib(column.channel, template.values, sumw2=template.variances)
        return ChannelContrib(column.channel, template.values * (1.0 if rate == -1.0 else rate / total))

    def _check_bins(self, column: Column, template: Histogram, where: str) -> None:
        if len(template.values) != self._n_bins[column.channel]:
            raise FileFormatError(
                f"{where}: the template has {len(template.values)} bins, the data of the channel "
                f"{self._n_bins[column.channel]}; give them the same."
            )

    def _scale_by_rate(self, contrib: ChannelContrib, name: str) -> None:
        if name in self._formulas:
            formula, arguments = self._formulas[name]
            contrib.scale_by_fn(formula, *arguments)
        else:
            contrib.scale_by(self._variables[name])

    def _systematics(self, contrib: ChannelContrib, column: Column) -> None:
        ratios: dict[str, Value] = {}
        shapes: dict[str, list[Systematic]] = {}
        morphing = ""
        for systematic in self._by_column.get(column, ()):
            value, kind = systematic.values[column], systematic.kind
            if kind.startswith("shape"):
                kind = self._shape_kind(systematic, column)
            if kind == "lnN":
                name = systematic.name
                ratios[name] = _product(ratios[name], value) if name in ratios else value
            elif kind in _EFFECTS:
                _EFFECTS[kind](contrib, self._variables[systematic.name], systematic, value)
            else:
                if morphing not in ("", kind):
                    raise FileFormatError(
                        f"line {systematic.line}: '{systematic.name}' asks for {kind} of process "
                        f"'{column.process}' in '{column.channel}', another one for {morphing}; use one."
                    )
                morphing = kind
                shapes.setdefault(systematic.name, []).append(systematic)
        for systematics in shapes.values():
            self._add_shape(contrib, column, systematics, morphing)
        for name, ratio in ratios.items():
            contrib.add_lnN(self._variables[name], ratio)

    def _shape_kind(self, systematic: Systematic, column: Column) -> str:
        """lnN, shape or shapeN."""
        kind = systematic.kind
        if kind.endswith("?"):
            kind = kind.removesuffix("?")
            own = systematic.templates.get(column, systematic.name)
            if not self._templates.is_varied(column.channel, column.process, own):
                return "lnN"
        kind = kind.removesuffix("U")
        if kind in ("shape", "shape2"):
            return "shape"
        if kind in ("shapeN", "shapeN2"):
            return "shapeN"
        if kind == "shape*" and column.channel in self._card.mc_stat:
            return "shape"
        raise FileFormatError(
            f"line {systematic.line}: unsupported: '{systematic.kind}' of '{systematic.name}'; supported are "
            "shape, shapeN, shapeU and shape?."
        )

    def _add_shape(
        self, contrib: ChannelContrib, column: Column, systematics: Sequence[Systematic], kind: str
    ) -> None:
        """One shape; lines of one name act one after the other, as in Combine, and are one."""
        first = systematics[0]
        where = f"line {first.line}: {first.kind} '{first.name}' of '{column.process}' in '{column.channel}'"
        scales = {systematic.values[column] for systematic in systematics}
        scale = scales.pop()
        if scales or isinstance(scale, tuple):
            raise FileFormatError(f"{where} has two values; it has templates, give one.")
        stat = self._card.mc_stat.get(column.channel)
        whole = stat is not None and stat.mode == 2
        if whole and kind != "shape":
            raise FileFormatError(f"{where}: unsupported: {kind} with hist-mode 2 of autoMCStats.")
        up, down = (self._varied(contrib, column, systematics, side, where, whole) for side in ("Up", "Down"))
        if kind == "shape":
            # Without autoMCStats Combine morphs densities.
            kind = "density" if stat is None else "floored" if whole else "shape"
        contrib.add_shape(self._variables[first.name], up, down, kind=kind, scale=float(scale))

    def _varied(
        self,
        contrib: ChannelContrib,
        column: Column,
        systematics: Sequence[Systematic],
        side: str,
        where: str,
        whole: bool,
    ) -> FloatArray:
        """The template of one side, as many events as the contribution has to the nominal one's."""
        nominal = np.asarray(contrib.yields, dtype=float).reshape(-1)
        change, ratio = np.zeros_like(nominal), 1.0
        for systematic in systematics:
            name = systematic.templates.get(column, systematic.name)
            template = self._templates.varied(*column, name, side)
            self._check_bins(column, template, where)
            plain = self._templates.nominal(*column)
            assert plain is not None
            values = template.values * (float(nominal.sum()) / float(plain.values.sum()))
            if whole:
                change += values - nominal
                continue
            if values.sum() <= 0.0:
                raise FileFormatError(f"{where}: the template {side} has {values.sum():g} events.")
            size = float(values.sum() / nominal.sum())
            # A line of its own is left as it is, to the last digit.
            if len(systematics) == 1:
                return values
            change, ratio = change + values / size - nominal, ratio * size
        return (nominal + change) * ratio


def _product(a: Value, b: Value) -> Value:
    """Two log-normals of one parameter are one: their logarithms add."""
    if isinstance(a, tuple) or isinstance(b, tuple):
        first, second = (v if isinstance(v, tuple) else (1.0 / v, v) for v in (a, b))
        return first[0] * second[0], first[1] * second[1]
    return a * b


def _number(systematic: Systematic, value: Value) -> float:
    if isinstance(value, tuple):
        raise FileFormatError(
            f"line {systematic.line}: unsupported: two values of {systematic.kind} '{systematic.name}'."
        )
    return value


def _add_lnu(contrib: ChannelContrib, variable: Variable, systematic: Systematic, value: Value) -> None:
    contrib.add_effect(LnU(_number(systematic, value)), variable)


def _add_trg(contrib: ChannelContrib, variable: Variable, systematic: Systematic, value: Value) -> None:
    contrib.add_effect(TrG(_number(systematic, value)), variable)


def _add_gmm(contrib: ChannelContrib, variable: Variable, systematic: Systematic, value: Value) -> None:
    contrib.add_effect(GmM(_number(systematic, value)), variable)


def _add_gmn(contrib: ChannelContrib, variable: Variable, systematic: Systematic, value: Value) -> None:
    alpha, count = _number(systematic, value), systematic.arguments[0]
    if contrib.sumw2 is not None:
        # With autoMCStats the template is the yield at the observed count.
        alpha = float(contrib.yields.sum()) / max(count, 1.0)
    contrib.add_effect(GmN(count, alpha), variable)


def _add_unif(contrib: ChannelContrib, variable: Variable, systematic: Systematic, value: Value) -> None:
    contrib.scale_by_fn(Formula(f"1+({_number(systematic, value)!r})*@0", [variable.name]), variable)


_EFFECTS: Mapping[str, Callable[[ChannelContrib, Variable, Systematic, Value], None]] = {
    "lnU": _add_lnu,
    "trG": _add_trg,
    "gmM": _add_gmm,
    "gmN": _add_gmn,
    "unif": _add_unif,
}


def _resolve(
    card: Card, variables: Mapping[str, Variable]
) -> dict[str, tuple[Callable[..., object], tuple[Variable, ...]]]:
    """Formulas of rates as functions of variables; a formula may use others."""
    found: dict[str, tuple[Callable[..., object], tuple[Variable, ...]]] = {}
    waiting = {p.name: p for p in card.rate_parameters.values() if isinstance(p, RateFormula)}
    while waiting:
        ready = [p for p in waiting.values() if all(a in variables or a in found for a in p.arguments)]
        if not ready:
            first = next(iter(waiting.values()))
            unknown = [
                a for a in first.arguments if a not in variables and a not in waiting and a not in found
            ]
            why = f"there is no '{unknown[0]}'" if unknown else "it is a formula of itself"
            raise FileFormatError(f"line {first.line}: rateParam '{first.name}': {why}.")
        for parameter in ready:
            found[parameter.name] = _composed(parameter, variables, found)
            del waiting[parameter.name]
    return found


def _composed(
    parameter: RateFormula,
    variables: Mapping[str, Variable],
    known: Mapping[str, tuple[Callable[..., object], tuple[Variable, ...]]],
) -> tuple[Callable[..., object], tuple[Variable, ...]]:
    try:
        formula = Formula(parameter.formula, parameter.arguments)
    except FileFormatError as error:
        raise FileFormatError(f"line {parameter.line}: rateParam '{parameter.name}': {error}") from error
    if len(set(parameter.arguments) - set(known)) == len(parameter.arguments):
        # As it is, so that a writer of files knows it for a formula.
        return formula, tuple(variables[argument] for argument in parameter.arguments)
    used: list[Variable] = []
    parts: list[tuple[Callable[..., object], list[int]]] = []
    for argument in parameter.arguments:
        if argument in known:
            inner, of_inner = known[argument]
        else:
            inner, of_inner = _itself, (variables[argument],)
        for variable in of_inner:
            if variable not in used:
                used.append(variable)
        parts.append((inner, [used.index(variable) for variable in of_inner]))

    def value(*values: object) -> object:
        return formula(*(inner(*(values[i] for i in at)) for inner, at in parts))

    return value, tuple(used)


def _itself(value: object) -> object:
    return value


def _mc_stat(card: Card, model: Model, with_templates: Container[str]) -> None:
    model.set_mc_stat("none")
    for channel, stat in card.mc_stat.items():
        if channel not in with_templates:
            card.ignored.append((stat.line, f"autoMCStats of '{channel}'", "it has no templates"))
        elif stat.threshold >= 0.0:
            model.set_mc_stat(
                "threshold", threshold=stat.threshold, include_signal=stat.include_signal, channels=[channel]
            )


def _penalties(card: Card, model: Model, variables: Mapping[str, Variable]) -> None:
    every = tuple(variables)
    for penalty in card.penalties:
        what = f"line {penalty.line}: constr '{penalty.name}'"
        unknown = [name for name in penalty.arguments or () if name not in variables]
        if unknown:
            raise FileFormatError(f"{what}: there is no '{unknown[0]}'.")
        try:
            formula, width = (
                Formula(penalty.formula, penalty.arguments or every),
                Formula(penalty.width, every),
            )
        except FileFormatError as error:
            raise FileFormatError(f"{what}: {error}") from error
        names = tuple(
            dict.fromkeys((*formula.names, *width.used))
            if penalty.arguments
            else dict.fromkeys((*formula.used, *width.used))
        )
        model.add_constraint(_gaussian(formula, width, names), *(variables[name] for name in names))


def _gaussian(formula: Formula, width: Formula, names: tuple[str, ...]) -> Callable[..., object]:
    def of(function: Formula, values: tuple[object, ...]) -> object:
        known = dict(zip(names, values, strict=True))
        # What a formula does not use may be anything.
        return function(*(known.get(name, 0.0) for name in function.names))

    def term(*values: object) -> object:
        return -0.5 * (of(formula, values) / of(width, values)) ** 2  # type: ignore[operator]

    return term

"""The variables of a card: one a name, with the constraint and the range that Combine gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...build import Variable
from ...constraints import AsymmetricGaussian, Gamma, Gaussian, NoConstraint, Poisson, Uniform
from ...effects import GmM
from ...errors import FileFormatError
from .card import Card, Parameter, RateParameter, Systematic

__all__ = ["make_variables"]

_SHAPE_RANGE, _RANGE = 4.0, 7.0


def make_variables(card: Card, pois: Mapping[str, Variable]) -> dict[str, Variable]:
    """The variables by name: parameters of interest, those of rates, then nuisances by line.

    Raises
    ------
    FileFormatError
        For a name that is two different things.
    """
    found = dict(pois)
    group_of: dict[str, str] = {}
    for group, members in card.groups.items():
        for name in members:
            group_of.setdefault(name, group)

    def add(name: str, line: int, value: float, nofloat: bool = False, **options: Any) -> None:
        if name in found:
            raise FileFormatError(f"line {line}: '{name}' is something else, too; names must differ.")
        fixed = nofloat or name in card.frozen
        found[name] = Variable(name, value, fixed=fixed, group=group_of.get(name), **options)

    for rate in card.rate_parameters.values():
        if isinstance(rate, RateParameter) and rate.name not in card.parameters:
            add(rate.name, rate.line, rate.value, **_free(rate.bounds))
    for external in card.external.values():
        if external.name not in card.parameters and external.name not in found:
            add(external.name, external.line, external.value, external.constant, **_free(external.bounds))
    for parameter in card.parameters.values():
        add(parameter.name, parameter.line, parameter.mean, parameter.nofloat, **_gaussian(parameter))
    by_name: dict[str, list[Systematic]] = {}
    for systematic in card.systematics:
        if systematic.name not in card.parameters:
            by_name.setdefault(systematic.name, []).append(systematic)
    for name, systematics in by_name.items():
        first = systematics[0]
        families = {_family(s.kind) for s in systematics}
        if len(families) > 1:
            kinds = " and ".join(f"{s.kind} (line {s.line})" for s in systematics[:3])
            raise FileFormatError(f"'{name}' is {kinds}, which are different constraints; names must differ.")
        value, options = _FAMILIES[_family(first.kind)](systematics)
        add(name, first.line, value, any(s.nofloat for s in systematics), **options)
    return found


def _free(bounds: tuple[float, float] | None) -> dict[str, Any]:
    low, high = bounds or (None, None)
    return {"constraint": NoConstraint(), "lower_bound": low, "upper_bound": high}


def _gaussian(parameter: Parameter) -> dict[str, Any]:
    mean, down, up = parameter.mean, parameter.down, parameter.up
    constraint = Gaussian(mean, down) if down == up else AsymmetricGaussian(mean, down, up)
    low, high = parameter.bounds or (mean - 4.0 * down, mean + 4.0 * up)
    return {"constraint": constraint, "lower_bound": low, "upper_bound": high}


def _family(kind: str) -> str:
    """Systematics of one family may share a variable."""
    if kind in ("lnU", "shapeU"):
        return "uniform"
    if kind == "lnN" or kind.startswith("shape"):
        return "gaussian"
    return kind


_Made = tuple[float, dict[str, Any]]


def _unit(systematics: list[Systematic]) -> _Made:
    # Of a name used twice the first line decides, as in Combine.
    size = _SHAPE_RANGE if systematics[0].kind == "shape" else _RANGE
    return 0.0, {"nuisance": True, "lower_bound": -size, "upper_bound": size}


def _uniform(systematics: list[Systematic]) -> _Made:
    return 0.0, {"constraint": Uniform(-1.0, 1.0)}


def _truncated(systematics: list[Systematic]) -> _Made:
    low, high = -_RANGE, _RANGE
    for systematic in systematics:
        for width in systematic.values.values():
            assert not isinstance(width, tuple)
            low = max(low, -1.0 / width) if width > 0 else low
            high = min(high, -1.0 / width) if width < 0 else high
    return 0.0, {"nuisance": True, "lower_bound": low, "upper_bound": high}


def _sideband(systematics: list[Systematic]) -> _Made:
    counts = {systematic.arguments[0] for systematic in systematics}
    if len(counts) > 1:
        raise FileFormatError(f"gmN '{systematics[0].name}': counts {sorted(counts)}; give it one.")
    count = counts.pop()
    return count + 1.0, {"constraint": Poisson(tau=1.0, count=count), "lower_bound": 0.0}


def _factor(systematics: list[Systematic]) -> _Made:
    widths = {value for systematic in systematics for value in systematic.values.values()}
    if len(widths) > 1:
        raise FileFormatError(
            f"line {systematics[0].line}: gmM '{systematics[0].name}' has widths "
            f"{sorted(map(str, widths))}; give it one."
        )
    width = widths.pop()
    low, high = GmM(width).bounds
    return 1.0, {"constraint": Gamma(width), "lower_bound": low, "upper_bound": high}


def _range(systematics: list[Systematic]) -> _Made:
    ranges = {systematic.arguments for systematic in systematics}
    if len(ranges) > 1:
        raise FileFormatError(f"unif '{systematics[0].name}' has ranges {sorted(ranges)}; give it one.")
    low, high = ranges.pop()
    return 0.5 * (low + high), {"constraint": Uniform(low, high)}


_FAMILIES: Mapping[str, Callable[[list[Systematic]], _Made]] = {
    "gaussian": _unit,
    "uniform": _uniform,
    "trG": _truncated,
    "gmN": _sideband,
    "gmM": _factor,
    "unif": _range,
}

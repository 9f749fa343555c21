"""From what acts on a row of a model to the modifiers of an HS3 sample.

What histfactory_dist has no modifier for, but a formula can say (Combine's asymmetric log-normal, linear
effects, formulas of other files), is a modifier of type "custom", ROOT's name for a function that multiplies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...build import Variable
from ...build.declarations import AddFn, Declaration, Scale, Shape, Systematic
from ...build.lowering import entries
from ...errors import NotExpressibleError
from ..formula import Formula
from ..rows import ModelChannel, Row, named_effect
from .constrained import Sections, is_unit
from .formulas import affine_text, combine_text, numbered, talk_text, with_names
from .interpolations import NORMSYS, SHAPES
from .stat_errors import Parts, StatErrors, by_bin, poisson_tau, stat_errors

__all__ = ["Samples", "standard_parameters"]


@dataclass
class Samples:
    """Writes the samples of channels; what they need beside them goes into ``sections``."""

    sections: Sections
    standard: set[str]
    """Parameters of a normsys or histosys that "Gauss" constrains."""
    correlated: set[str]
    wanted: dict[str, tuple[Variable, int]] = field(default_factory=dict)
    """Parameters whose constraints are terms of the likelihood by themselves, if they have any."""
    named: set[str] = field(default_factory=set)
    """Parameters of shapesys, which has its constraints."""

    def of_channel(self, channel: ModelChannel) -> list[dict[str, Any]]:
        """The samples of a channel.

        Raises
        ------
        NotExpressibleError
            For an effect that HS3 has no words for.
        """
        stat = stat_errors(channel, self.correlated)
        samples = []
        for row in channel.rows:
            modifiers = [self._modifier(row, effect, channel, stat) for effect in row.effects]
            data: dict[str, Any] = {"contents": row.yields.tolist()}
            if stat is not None and row.name in stat.errors:
                data["errors"] = stat.errors[row.name]
            samples.append({"name": row.name, "data": data, "modifiers": modifiers})
        return samples

    def _modifier(
        self, row: Row, effect: Declaration, channel: ModelChannel, stat: StatErrors | None
    ) -> dict[str, Any]:
        parts = by_bin(row, effect, channel)
        if parts is not None:
            names = tuple(variable.sub_names[k] for variable, k in parts)
            if stat is not None and names == stat.names:
                return {
                    "name": stat.label,
                    "type": "staterror",
                    "parameters": list(names),
                    "constraint": stat.kind,
                }
            return self._of_bins(row, parts)
        if isinstance(effect, Scale):
            component = row.component(effect)
            assert component is not None
            name = effect.variable.sub_names[component]
            modifier = {"name": name, "type": "normfactor", "parameter": name}
            return {**modifier, **self._constraint(effect.variable, component)}
        if isinstance(effect, Systematic):
            return self._systematic(row, effect)
        if isinstance(effect, Shape):
            return self._shape(row, effect)
        if isinstance(effect.fn, Formula) and not isinstance(effect, AddFn):
            return self._custom(row, effect.variables, effect.fn.text, effect.fn.names)
        raise NotExpressibleError(
            f"{row.what}: {named_effect(effect)}: HS3 has formulas, not functions of Python; use an effect, "
            "or a Formula of smoothfit.io.formula."
        )

    # -- constraints -----------------------------------------------------------------------------

    def _constraint(self, variable: Variable, k: int, *, is_nuisance: bool = False) -> dict[str, Any]:
        """How a modifier says what constrains its parameter."""
        name = variable.sub_names[k]
        if name in self.standard:
            return {"constraint": "Gauss"} if is_nuisance else {}
        if variable.constraint is None or name in self.correlated:
            return {"constraint": None} if is_nuisance else {}
        self.wanted[name] = variable, k
        return {"constraint_name": self.sections.constraint(variable, k)} if is_nuisance else {}

    def auxiliary(self) -> list[str]:
        """Names of the constraints that are terms of the likelihood by themselves."""
        alone = [
            self.sections.constraint(variable, k)
            for name, (variable, k) in self.wanted.items()
            if variable.constraint is not None and name not in self.named | self.standard | self.correlated
        ]
        return [*self.sections.auxiliary, *alone]

    # -- effects ---------------------------------------------------------------------------------

    def _systematic(self, row: Row, effect: Systematic) -> dict[str, Any]:
        found = entries(row.what, row.contrib, effect)
        at = row.position(effect.region)
        kind = "" if found is None else found.kind.name
        numbers = () if found is None else tuple(float(number[at]) for number in found.numbers)
        if kind in ("lnN_code1", "lnN_code4", "lnN_code4_signed"):
            interpolation = kind.removeprefix("lnN_").removesuffix("_signed")
            return self._normsys(effect.variable, numbers, interpolation)
        if kind == "lnN_combine":
            low, high = numbers
            if low == 1.0 / high:
                return self._normsys(effect.variable, numbers, "code1")
            text = combine_text(float(np.log(low)), float(np.log(high)))
        elif kind == "lnN_talk":
            text = talk_text(*numbers)
        elif kind == "affine":
            text = affine_text(*numbers)
        else:
            raise NotExpressibleError(
                f"{row.what}: {named_effect(effect)}: HS3 has no such function; use add_lnN, or Linear."
            )
        return self._custom(row, (effect.variable,), text, (effect.variable.sub_names[0],))

    def _normsys(self, variable: Variable, sides: Sequence[float], interpolation: str) -> dict[str, Any]:
        name = variable.sub_names[0]
        return {
            "name": name,
            "type": "normsys",
            "parameter": name,
            "data": {"hi": sides[1], "lo": sides[0]},
            "interpolation": _interpolation(NORMSYS[interpolation]),
            **self._constraint(variable, 0, is_nuisance=True),
        }

    def _shape(self, row: Row, shape: Shape) -> dict[str, Any]:
        if shape.kind not in SHAPES or shape.scale != 1.0:
            given = f"kind '{shape.kind}'" if shape.kind not in SHAPES else f"scale {shape.scale:g}"
            raise NotExpressibleError(
                f"{row.what}: add_shape '{shape.variable.name}' of {given}: HS3 interpolates templates at "
                f"+-1 as they are; use one of the kinds {', '.join(SHAPES)}, and templates at one sigma."
            )
        name = shape.variable.sub_names[0]
        down, up = row.templates(shape)
        return {
            "name": name,
            "type": "histosys",
            "parameter": name,
            "data": {"hi": {"contents": up.tolist()}, "lo": {"contents": down.tolist()}},
            "interpolation": _interpolation(SHAPES[shape.kind]),
            **self._constraint(shape.variable, 0, is_nuisance=True),
        }

    def _custom(
        self, row: Row, variables: Sequence[Variable], text: str, names: Sequence[str]
    ) -> dict[str, Any]:
        own = [variable.sub_names[0] for variable in variables]
        self.wanted |= {name: (variable, 0) for name, variable in zip(own, variables, strict=True)}
        expression = with_names(numbered(text, names), own, row.what)
        label = self.sections.formula(expression, f"{'_'.join(own)}_factor")
        return {"name": label, "type": "custom"}

    # -- factors a bin ---------------------------------------------------------------------------

    def _of_bins(self, row: Row, parts: Parts) -> dict[str, Any]:
        names = [variable.sub_names[k] for variable, k in parts]
        modifier: dict[str, Any] = {"name": parts[0][0].name, "type": "shapefactor", "parameters": names}
        taus = [poisson_tau(variable, k) for variable, k in parts]
        known = np.array([tau for tau in taus if tau is not None])
        if len(known) < len(taus) or set(names) & self.correlated:
            self.wanted |= dict(zip(names, parts, strict=True))
            return modifier
        # Tools differ in what vals are; the distributions leave no doubt to those that read them.
        errors = np.where(row.yields > 0.0, row.yields, 0.0) / np.sqrt(known)
        self.named |= set(names)
        modifier |= {"type": "shapesys", "constraint": "Poisson", "data": {"vals": errors.tolist()}}
        modifier["constraints"] = [self.sections.constraint(variable, k) for variable, k in parts]
        return modifier


def _interpolation(form: tuple[str, str, str | None]) -> dict[str, Any]:
    return {"type": form[0], "in": form[1], "out": form[2]}


def standard_parameters(channels: Sequence[ModelChannel], correlated: set[str]) -> set[str]:
    """Parameters that a normsys or histosys uses, and "Gauss" constrains."""
    found = set()
    for channel in channels:
        for row in channel.rows:
            for effect in row.effects:
                if isinstance(effect, Shape) or (isinstance(effect, Systematic) and _is_normsys(row, effect)):
                    name = effect.variable.sub_names[0]
                    if is_unit(effect.variable.constraint) and name not in correlated:
                        found.add(name)
    return found


def _is_normsys(row: Row, effect: Systematic) -> bool:
    found = entries(row.what, row.contrib, effect)
    if found is None or not found.kind.name.startswith("lnN_"):
        return False
    at = row.position(effect.region)
    down, up = (float(numbers[at]) for numbers in found.numbers)
    return found.kind.name != "lnN_talk" and (found.kind.name != "lnN_combine" or down == 1.0 / up)

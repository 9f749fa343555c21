"""From what acts on a row to pyhf's modifiers, where they are equal.

========================================  =======================================================
in the model                              modifier
========================================  =======================================================
``scale_by``, a free variable             normfactor; shapefactor for one component a bin
``scale_by``, Gaussian, named "lumi"      lumi
``scale_by``, a bin's own, Poisson        shapesys, one row only
``scale_by``, a bin's own, Gaussian       staterror, with ``sigmas`` where errors cannot say it
``add_lnN(interpolation="code4")``        normsys
``add_shape(kind="raw")``                 histosys
========================================  =======================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...build import Variable
from ...build.declarations import (
    Declaration,
    Scale,
    ScaleFn,
    Shape,
    Systematic,
)
from ...constraints import Gaussian, Poisson
from ...effects import LnN
from ...errors import NotExpressibleError
from ..rows import Components, ModelChannel, Row, named_effect

__all__ = ["Use", "uncertainties", "uses_of"]


@dataclass(frozen=True, eq=False)
class Use:
    """A modifier of a row."""

    row: Row
    kind: str
    name: str
    variable: Variable
    component: int | None = None
    """The component that it is; None for all of them."""
    first: int = 0
    """The component that is the first bin's, of a factor a bin."""
    data: Any = None

    @property
    def what(self) -> str:
        """For messages."""
        return f"{self.row.what}: {self.kind} '{self.name}'"


def uses_of(channel: ModelChannel) -> list[Use]:
    """The modifiers of a channel's rows, those of shapesys and staterror without their data.

    Raises
    ------
    NotExpressibleError
        For an effect that no modifier is equal to.
    """
    return [_use(row, effect, channel) for row in channel.rows for effect in row.effects]


def _use(row: Row, effect: Declaration, channel: ModelChannel) -> Use:
    if isinstance(effect, Scale):
        return _scale(row, effect, channel)
    if isinstance(effect, ScaleFn) and isinstance(effect.fn, Components):
        return _factor_a_bin(row, effect.variables[0], effect.fn.first)
    if isinstance(effect, Systematic) and isinstance(effect.effect, LnN):
        return _normsys(row, effect, effect.effect)
    if isinstance(effect, Shape):
        return _histosys(row, effect)
    cure = "scale_by, add_lnN of interpolation 'code4' and add_shape of kind 'raw' have one"
    raise NotExpressibleError(f"{row.what}: {named_effect(effect)}: pyhf has no such modifier; {cure}.")


def _scale(row: Row, scale: Scale, channel: ModelChannel) -> Use:
    variable, component = scale.variable, row.component(scale)
    if component is None or (variable.size == 1 and not variable.is_scalar and channel.n_bins == 1):
        return _factor_a_bin(row, variable, 0)
    name = variable.sub_names[component]
    if variable.constraint is None and not variable.nuisance:
        return Use(row, "normfactor", name, variable, component)
    if name == "lumi" and isinstance(variable.constraint, Gaussian):
        return Use(row, "lumi", name, variable, component)
    kind = "none" if variable.constraint is None else type(variable.constraint).__name__
    raise NotExpressibleError(
        f"{row.what}: scale_by '{name}', whose constraint is {kind}: pyhf constrains a factor on all "
        "bins only as its luminosity, Gaussian and named 'lumi'; use add_lnN of interpolation 'code4'."
    )


def _factor_a_bin(row: Row, variable: Variable, first: int) -> Use:
    constraint = variable.constraint
    if constraint is None and not variable.nuisance:
        kind = "shapefactor"
    elif isinstance(constraint, Poisson):
        kind = "shapesys"
    elif isinstance(constraint, Gaussian):
        kind = "staterror"
    else:
        raise NotExpressibleError(
            f"{row.what}: scale_by '{variable.name}', a factor a bin whose constraint is "
            f"{type(constraint).__name__}: pyhf has Poisson (shapesys), Gaussian (staterror) and none; "
            "use one."
        )
    return Use(row, kind, variable.name, variable, first=first)


def _normsys(row: Row, systematic: Systematic, effect: LnN) -> Use:
    variable, at = systematic.variable, row.position(systematic.region)
    _check_nuisance(row, "add_lnN", variable)
    low, high = (float(side[at if len(side) > 1 else 0]) for side in (effect.down, effect.up))
    if effect.interpolation != "code4" and (low, high) != (1.0, 1.0):
        raise NotExpressibleError(
            f"{row.what}: add_lnN '{variable.name}' of interpolation '{effect.interpolation}': a file "
            "for pyhf is read with 'code4', which differs between -1 and +1 for symmetric ones, too; use "
            "interpolation='code4'."
        )
    return Use(row, "normsys", variable.name, variable, 0, data={"hi": high, "lo": low})


def _histosys(row: Row, shape: Shape) -> Use:
    variable = shape.variable
    _check_nuisance(row, "add_shape", variable)
    if shape.kind != "raw" or shape.scale != 1.0:
        given = f"kind '{shape.kind}'" if shape.kind != "raw" else f"scale {shape.scale:g}"
        raise NotExpressibleError(
            f"{row.what}: add_shape '{variable.name}' of {given}: pyhf morphs the templates at +-1 as they "
            "are ('code4p'); use kind='raw' and templates at one sigma."
        )
    down, up = row.templates(shape)
    data = {"hi_data": up.tolist(), "lo_data": down.tolist()}
    return Use(row, "histosys", variable.name, variable, 0, data=data)


def _check_nuisance(row: Row, call: str, variable: Variable) -> None:
    constraint = variable.constraint
    if not isinstance(constraint, Gaussian) or np.any(np.asarray(constraint.width) != 1.0):
        have = "none" if constraint is None else type(constraint).__name__
        if isinstance(constraint, Gaussian):
            have = f"Gaussian of width {float(np.max(constraint.width)):g}"
        raise NotExpressibleError(
            f"{row.what}: {call} '{variable.name}', whose constraint is {have}: pyhf's are Gaussian of width "
            "1; use nuisance=True, and effects at one sigma."
        )


# -- uncertainties that lead to a constraint -----------------------------------------------------


def uncertainties(uses: Sequence[Use]) -> list[list[float]]:
    """What shapesys or staterror data lead to the constraint of a variable, row by row of one channel.

    Where none do (a bin without yield), 0: the measurement has to say it.
    """
    yields = np.array([use.row.yields for use in uses])
    first, n_bins = uses[0].first, yields.shape[1]
    variable = uses[0].variable
    part = slice(first, first + n_bins)
    fixed = variable.fixed[part]
    if isinstance(variable.constraint, Poisson):
        tau = np.broadcast_to(np.asarray(variable.constraint.tau, dtype=np.float64), variable.size)[part]
        empty = (yields[0] <= 0.0) | (fixed & (tau == 1.0))
        return [[0.0 if empty[b] else _of_tau(yields[0][b], tau[b]) for b in range(n_bins)]]
    assert isinstance(variable.constraint, Gaussian)
    width = np.broadcast_to(np.asarray(variable.constraint.width, dtype=np.float64), variable.size)[part]
    total = yields.sum(axis=0)
    empty = (total <= 0.0) | (fixed & (width == 1.0))
    return np.transpose([_shared(yields[:, b], width[b], bool(empty[b])) for b in range(n_bins)]).tolist()


def _of_tau(nominal: float, tau: float) -> float:
    return _shortest(float(nominal / np.sqrt(tau)), lambda sigma: nominal**2 / sigma**2 == tau)


def _shared(yields: FloatArray, width: float, empty: bool) -> list[float]:
    """The same relative error for each row, which add in quadrature to ``width`` of the total."""
    if empty:
        return [0.0] * len(yields)
    total = yields.sum()
    if len(yields) == 1:
        return [_shortest(float(total * width), lambda sigma: np.sqrt(np.square(sigma / total)) == width)]
    errors = np.abs(yields) * (width * total / np.sqrt(np.square(yields).sum()))
    return [float(error) for error in errors]


def _shortest(near: float, fits: Callable[[float], bool]) -> float:
    """The number of fewest digits, or the nearest, that gives exactly what it should."""
    beside = [near, *(float(np.nextafter(near, way)) for way in (0.0, np.inf))]
    for candidate in (*(float(f"{near:.{digits}g}") for digits in range(1, 18)), *beside):
        if candidate > 0.0 and fits(candidate):
            return candidate
    return near

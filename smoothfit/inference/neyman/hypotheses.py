"""Signals that are looked for one by one: along a parameter of the model, or with templates of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._checks import describe
from ..._types import FloatArray
from ...errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from ...prepared import Prepared
from .. import compiled, inputs, member_inputs
from ..batching import Held, hold
from ..context import Context

__all__ = ["Hypothesis", "check_background", "hypotheses_along", "hypotheses_of"]

_SAME = 1e-9
"""By how much, relative to the largest, expectations without signal may differ."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One signal."""

    position: float
    context: Context
    free: Held
    """What is held in the fit with signal."""


def hypotheses_along(context: Context, along: Any, free: Held, call: str) -> tuple[str, list[Hypothesis]]:
    """(name of the parameter, hypotheses) from {parameter: positions}.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        Naming the call.
    """
    if not isinstance(along, Mapping) or len(along) != 1:
        raise InvalidTypeError(f"{call}: along must be {{parameter: positions}}, got {describe(along)}.")
    ((key, given),) = along.items()
    layout = context.layout
    at = layout.positions(key)
    if len(at) != 1:
        raise InvalidValueError(f"{call}: along '{layout._name_of(key)}' has {len(at)} components; name one.")
    name = layout.names[at[0]]
    positions = inputs.numbers(given, f"{call}: positions of '{name}'")
    if positions.ndim != 1 or not len(positions):
        raise ShapeMismatchError(
            f"{call}: positions of '{name}' have shape {positions.shape}; give (position,) values."
        )
    lower, upper = (bound[at[0]] for bound in layout.bounds)
    outside = positions[(positions < lower) | (positions > upper)]
    if len(outside):
        raise InvalidValueError(
            f"{call}: '{name}' = {outside[0]:g} is outside its bounds [{lower:g}, {upper:g}]."
        )
    return name, [Hypothesis(float(x), context, hold(free, at, [x])) for x in np.unique(positions)]


def hypotheses_of(context: Context, given: Any, free: Held, call: str) -> list[Hypothesis]:
    """Hypotheses from {position: prepared model with other templates}, ascending.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        Naming the call.
    """
    if not isinstance(given, Mapping) or not given:
        raise InvalidTypeError(
            f"{call}: hypotheses must be {{position: model.replaced(...)}}, got {describe(given)}."
        )
    positions = inputs.numbers(list(given), f"{call}: positions")
    prepared = list(given.values())
    for one in prepared:
        if not isinstance(one, Prepared):
            raise InvalidTypeError(
                f"{call}: each hypothesis must be prepared, as from model.replaced(...), got {describe(one)}."
            )
    models = member_inputs.prepared(context, prepared)
    assert models is not None
    found = [
        Hypothesis(float(x), replace(context, prepared=one), free)
        for x, one in zip(positions, models, strict=True)
    ]
    return sorted(found, key=lambda one: one.position)


def check_background(hypotheses: list[Hypothesis], background: FloatArray, name: str, call: str) -> None:
    """All hypotheses are one where there is no signal.

    Parameters
    ----------
    background
        (param + bin param,): a point without signal.

    Raises
    ------
    InvalidValueError
        Naming the first position where they are not.
    """
    first = None
    for one in hypotheses:
        at = background.copy()
        held = one.free.mask
        at[held] = one.free.values[held]
        expected = np.asarray(compiled.expected(one.context.prepared, at))
        first = expected if first is None else first
        if np.max(np.abs(expected - first)) > _SAME * np.max(np.abs(first)):
            raise InvalidValueError(
                f"{call}: at position {one.position:g} the expectation with {name} = 0 is not that of the "
                "first; hypotheses may differ in the signal only."
            )

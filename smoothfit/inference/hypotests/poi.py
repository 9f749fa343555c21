"""The parameter of interest of a test, and the values of it that can be tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..._types import BoolArray
from ...errors import InvalidTypeError, InvalidValueError
from .. import inputs
from ..context import Context
from .statistics import Statistic

__all__ = ["Poi", "check_fraction", "check_value", "poi_of"]


class Poi(NamedTuple):
    """A parameter of interest."""

    name: str
    position: int
    lower: float
    upper: float


def poi_of(context: Context, given: Any, fixed: Mapping[Any, Any] | BoolArray | None, call: str) -> Poi:
    """The parameter of a Variable or a name.

    Parameters
    ----------
    fixed
        What is held, {variable: value} or a mask over all parameters: the POI must not be.

    Raises
    ------
    UnknownNameError, InvalidValueError, InvalidTypeError
        If there is no such parameter, if it is an array, belongs to a bin, or is held constant.
    """
    layout = context.layout
    if given is None:
        raise InvalidTypeError(f"{call}: name a parameter of interest, got None.")
    at = layout.positions(given)
    if len(at) != 1:
        listed = ", ".join(layout.names[i] for i in at[:6])
        raise InvalidValueError(
            f"{call}: '{layout._name_of(given)}' has {len(at)} components; one of {listed}."
        )
    position = at[0]
    name = layout.names[position]
    if position >= layout.n_params:
        raise InvalidValueError(f"{call}: '{name}' is a bin parameter; a parameter of interest is none.")
    mask = fixed if isinstance(fixed, np.ndarray) else inputs.fixed(layout, context.prepared, fixed)[1]
    if mask[position]:
        raise InvalidValueError(
            f"{call}: '{name}' is held constant; leave it out of fixed, or fit with it free."
        )
    return Poi(name, position, float(layout.lower[position]), float(layout.upper[position]))


def check_value(poi: Poi, value: Any, statistic: Statistic, call: str) -> float:
    """A value of the POI that can be tested.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If it is no number, outside the bounds, or not what the statistic is for.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise InvalidTypeError(f"{call}: the value of '{poi.name}' must be a number, got {value!r}.")
    if not poi.lower <= value <= poi.upper:
        raise InvalidValueError(
            f"{call}: '{poi.name}' = {value:g} is outside its bounds [{poi.lower:g}, {poi.upper:g}]; test a "
            "value inside, or give the Variable others."
        )
    if statistic.not_negative and value < 0.0:
        raise InvalidValueError(
            f"{call}: {statistic.name} is for values from 0, got '{poi.name}' = {value:g}; for negative ones "
            "give statistic='q' or 't'."
        )
    if not statistic.tested and value != 0.0:
        raise InvalidValueError(
            f"{call}: {statistic.name} tests '{poi.name}' = 0, got {value:g}; for other values give another "
            "statistic."
        )
    return float(value)


def check_fraction(what: str, given: Any) -> float:
    """A number between 0 and 1, both excluded.

    Raises
    ------
    InvalidValueError
        For anything else.
    """
    is_number = isinstance(given, int | float | np.number) and not isinstance(given, bool)
    if not is_number or not 0.0 < given < 1.0:
        raise InvalidValueError(f"{what} must be between 0 and 1, got {given!r}.")
    return float(given)

"""Variables of one name in two models: whether they are the same parameter, and what differs."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from .._types import FloatArray
from ..constraints import Constraint
from .declarations import function_label
from .variable import Variable

__all__ = ["Difference", "constraint_text", "differences", "numbers_text"]

_SHOWN = 4


class Difference(NamedTuple):
    """A field of two variables that differs, in words."""

    field: str
    first: str
    second: str


def numbers_text(values: FloatArray) -> str:
    """Numbers, one for all that are equal, the first few of many.

    Examples
    --------
    >>> numbers_text(np.array([1.0, 1.0])), numbers_text(np.array([0.0, 0.5]))
    ('1', '0, 0.5')
    """
    flat = np.ravel(values)
    if len(flat) and np.all(flat == flat[0]):
        return f"{flat[0]:.10g}"
    return ", ".join(f"{x:.10g}" for x in flat[:_SHOWN]) + (", ..." if len(flat) > _SHOWN else "")


def constraint_text(constraint: Constraint | None) -> str:
    """A constraint with its numbers.

    Examples
    --------
    >>> constraint_text(Variable("theta", 0.0, nuisance=True).constraint), constraint_text(None)
    ('Gaussian(mean=0, width=1)', 'none')
    """
    if constraint is None:
        return "none"
    parts = []
    for name, value in _fields(constraint).items():
        if value is not None:
            text = function_label(value) if callable(value) else numbers_text(np.asarray(value))
            parts.append(f"{name}={text}")
    return f"{type(constraint).__name__}({', '.join(parts)})"


def _fields(constraint: Constraint) -> dict[str, Any]:
    if not dataclasses.is_dataclass(constraint):
        return {}
    return {field.name: getattr(constraint, field.name) for field in dataclasses.fields(constraint)}


def _equal(first: Any, second: Any) -> bool:
    if first is None or second is None or callable(first) or callable(second):
        return first is second or (callable(first) and bool(first == second))
    return np.array_equal(np.asarray(first), np.asarray(second))


def _same_constraint(first: Constraint | None, second: Constraint | None) -> bool:
    if type(first) is not type(second):
        return False
    if first is None or second is None:
        return True
    one, other = _fields(first), _fields(second)
    return all(_equal(one[name], other[name]) for name in one)


def _kind(variable: Variable) -> str:
    size = "a number" if variable.is_scalar else f"an array of {variable.size}"
    return f"{'nuisance' if variable.nuisance else 'free'}, {size}"


def _bounds(variable: Variable) -> str:
    return f"[{numbers_text(variable.lower)}] to [{numbers_text(variable.upper)}]"


def differences(first: Variable, second: Variable) -> list[Difference]:
    """What of two variables a likelihood or a fit can tell apart; nothing of one and the same parameter.

    Labels and units are for pictures, and may differ. Numbers must agree exactly.

    Examples
    --------
    >>> differences(Variable("mu", 1.0), Variable("mu", 1.0, lower_bound=0.0))
    [Difference(field='bounds', first='[-inf] to [inf]', second='[0] to [inf]')]
    """
    if first is second:
        return []
    found = []
    if _kind(first) != _kind(second):
        found.append(Difference("kind", _kind(first), _kind(second)))
    if first.sub_names != second.sub_names:
        names = [
            ", ".join(v.sub_names[:_SHOWN]) + (", ..." if v.size > _SHOWN else "") for v in (first, second)
        ]
        found.append(Difference("sub_names", *names))
    if not np.array_equal(first.value, second.value):
        found.append(Difference("start value", numbers_text(first.value), numbers_text(second.value)))
    if not (np.array_equal(first.lower, second.lower) and np.array_equal(first.upper, second.upper)):
        found.append(Difference("bounds", _bounds(first), _bounds(second)))
    if not _same_constraint(first.constraint, second.constraint):
        texts = constraint_text(first.constraint), constraint_text(second.constraint)
        found.append(Difference("constraint", *texts))
    if not np.array_equal(first.fixed, second.fixed):
        found.append(Difference("fixed", str(first.fixed.tolist()), str(second.fixed.tolist())))
    if first.group != second.group:
        found.append(Difference("group", str(first.group), str(second.group)))
    return found

"""What systematics are given as: kappas, axes of scale factors, functions; shared by the builders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from .._checks import check_choice, describe, plural
from .._types import FloatArray
from ..effects import Effect, LnN
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
from .declarations import AddFn, Scale, ScaleFn, Systematic, function_label
from .selection import Region
from .trees import of_trees
from .variable import Variable, check_variable

__all__ = [
    "AXES",
    "SHAPE_KINDS",
    "by_channel",
    "check_channel",
    "check_integrals",
    "read_add_fn",
    "read_lnn",
    "read_nuisance",
    "read_scale",
    "read_scale_fn",
    "read_systematic",
    "resolve_axis",
]

AXES = (None, "process", "bin")
SHAPE_KINDS = ("shape", "raw", "floored", "density", "shapeN", "linear", "quadratic")
UNMIXED = ("shapeN", "density")
"""Kinds of shape that act on all changes of a row together."""


def read_nuisance(what: str, variable: Any) -> Variable:
    """A Variable of one component, as an uncertainty needs."""
    checked = check_variable(what, variable)
    if checked.size != 1:
        raise ShapeMismatchError(
            f"{what} needs a variable of one component, '{checked.name}' has {checked.size}; "
            "declare one variable an uncertainty."
        )
    return checked


def read_systematic(what: str, effect: Any, variable: Any, region: Region) -> Systematic:
    """An effect with its variable, which must be one that it can act through."""
    if isinstance(effect, type) and issubclass(effect, Effect):
        raise InvalidTypeError(
            f"{what} needs an effect, got the class {effect.__name__}; call it with numbers."
        )
    if callable(effect) and not isinstance(effect, Effect):
        raise InvalidTypeError(
            f"{what} needs an effect such as LnN(1.05), got {describe(effect)}; "
            "functions and what modifiers make of them go to scale_by_fn."
        )
    if not isinstance(effect, Effect):
        raise InvalidTypeError(
            f"{what} needs an effect such as LnN(1.05) first, then the variable, got {describe(effect)}."
        )
    variable = read_nuisance(what, variable)
    effect.check_variable(what, variable)
    return Systematic(variable=variable, effect=effect, region=region)


def read_lnn(what: str, variable: Any, kappa: Any, interpolation: Any, region: Region) -> Systematic:
    """A log-normal from kappa (symmetric) or (down, up), each a number or one a sub-process.

    Examples
    --------
    >>> lumi = Variable("lumi", 0.0, nuisance=True)
    >>> lnn = read_lnn("add_lnN", lumi, (0.5, 2.0), "combine", Region()).effect
    >>> float(lnn.down[0]), float(lnn.up[0])
    (0.5, 2.0)
    """
    variable = read_nuisance(what, variable)
    return read_systematic(what, LnN._given(what, kappa, interpolation), variable, region)


def _read_fn(what: str, fn: Any, variables: tuple[Any, ...], axis: Any) -> dict[str, Any]:
    if not callable(fn):
        raise InvalidTypeError(
            f"{what} needs a function first, then the variables, got {describe(fn)}; "
            f"write {what.split(': ')[-1]}(fn, mu)."
        )
    label = function_label(fn)
    if not variables:
        raise InvalidValueError(
            f"{what}: '{label}' was given no variable; give those it takes after the function."
        )
    checked = tuple(check_variable(f"{what}: '{label}'", variable) for variable in variables)
    axis = check_choice(f"{what}: axis", axis, AXES)
    return {"fn": of_trees(fn, checked), "variables": checked, "axis": axis, "label": label}


def read_scale_fn(what: str, fn: Any, variables: tuple[Any, ...], axis: Any, region: Region) -> ScaleFn:
    """A callable with the variables it takes; it is traced when the model is prepared."""
    return ScaleFn(**_read_fn(what, fn, variables, axis), region=region)


def read_add_fn(what: str, fn: Any, variables: tuple[Any, ...], axis: Any, region: Region) -> AddFn:
    """As :func:`read_scale_fn`, of a function whose result is added."""
    return AddFn(**_read_fn(what, fn, variables, axis), region=region)


def resolve_axis(
    what: str, variable: Variable, axis: str | None, *, n_sub: int, n_bins: int, is_array: bool
) -> str:
    """The axis that a scale factor runs over: "all", "process" or "bin".

    One component scales everything. Several scale the sub-processes of an array process if there
    are as many, else the bins; ``axis`` asks for one of the two.

    Examples
    --------
    >>> mu = Variable("mu", [1.0, 1.0])
    >>> resolve_axis("scale_by", mu, None, n_sub=2, n_bins=2, is_array=True)
    'process'
    >>> resolve_axis("scale_by", mu, "bin", n_sub=2, n_bins=2, is_array=True)
    'bin'
    """
    if variable.size == 1:
        return "all"
    if is_array and axis != "bin" and variable.size == n_sub:
        return "process"
    if axis != "process" and variable.size == n_bins:
        return "bin"
    fits = {
        "process": plural(n_sub, "sub-process"),
        "bin": plural(n_bins, "bin"),
        None: f"{plural(n_sub, 'sub-process')} and {plural(n_bins, 'bin')}"
        if is_array
        else plural(n_bins, "bin"),
    }[axis]
    wanted = {
        "process": "sub-process",
        "bin": "bin",
        None: "sub-process or one a bin" if is_array else "bin",
    }[axis]
    plain = " (it is a plain process)" if axis == "process" and not is_array else ""
    raise ShapeMismatchError(
        f"{what}: variable '{variable.name}' has {plural(variable.size, 'component')}, "
        f"the contribution has {fits}{plain}; give one component, or one a {wanted}."
    )


def read_scale(what: str, variable: Any, axis: Any, region: Region) -> Scale:
    """A scale factor with its axis as asked for; :func:`resolve_axis` says what that means."""
    variable = check_variable(what, variable)
    axis = check_choice(f"{what}: axis", axis, AXES)
    return Scale(variable=variable, axis="all" if variable.size == 1 else axis, region=region)


def check_integrals(
    what: str, yields: FloatArray, up: FloatArray, down: FloatArray, *, is_array: bool
) -> None:
    """Shapes of kind "shape" and "shapeN" are divided by their integrals, which must be positive.

    A sub-process that is empty throughout has no shape to morph, and is let through.
    """
    empty = (yields.sum(axis=1) == 0.0) & np.all(up == 0.0, axis=1) & np.all(down == 0.0, axis=1)
    for field, rows in (("yields", yields), ("up", up), ("down", down)):
        sums = rows.sum(axis=1)
        for index in np.flatnonzero((sums <= 0.0) & ~empty):
            where = f" in sub-process {index}" if is_array else ""
            raise InvalidValueError(
                f"{what}: {field} sum to {sums[index]:g}{where}, this kind needs positive integrals; "
                "use kind='raw'."
            )


def check_channel(what: str, channel: Any, channels: Collection[str]) -> None:
    """One of the channels that a process contributes to, else UnknownNameError listing them."""
    if not isinstance(channel, str) or channel not in channels:
        listed = ", ".join(repr(name) for name in channels) or "none"
        raise UnknownNameError(
            f"{what}: there is no contribution to channel {describe(channel)}; the process has: {listed}."
        )


def by_channel(
    what: str, given: Any, channel: str | Collection[str] | None, channels: Collection[str]
) -> dict[str, Any]:
    """What a process was given for its channels: for the only one, for ``channel`` (or several), or a dict.

    Examples
    --------
    >>> by_channel("up", [1.0, 2.0], None, ["SR"])
    {'SR': [1.0, 2.0]}
    >>> by_channel("bins", [0], ["ee", "mm"], ["ee", "em", "mm"])
    {'ee': [0], 'mm': [0]}
    """
    if isinstance(given, Mapping):
        if channel is not None:
            raise InvalidValueError(
                f"{what} is a dict, and channel={channel!r} is given; give one of the two."
            )
        if not given:
            raise InvalidValueError(f"{what} is an empty dict; give one array a channel.")
        for name in given:
            check_channel(what, name, channels)
        return dict(given)
    if channel is not None:
        names = list(channel) if isinstance(channel, list | tuple) else [channel]
        if not names:
            raise InvalidValueError(f"{what}: channel is empty; name at least one, or leave it out for all.")
        for name in names:
            check_channel(what, name, channels)
        return dict.fromkeys(names, given)
    if not channels:
        raise InvalidValueError(f"{what}: the process has no contribution yet; call add_contrib first.")
    if len(channels) > 1:
        listed = ", ".join(repr(name) for name in channels)
        raise InvalidValueError(f"{what}: the process contributes to {listed}; give channel=..., or a dict.")
    return {next(iter(channels)): given}

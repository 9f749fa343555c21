"""Checks of what a model is told besides its processes, at the call that tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..build import Process, Variable
from ..build.declarations import function_label
from ..build.trees import of_trees
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from ..montecarlo import MODES, Options
from .specification import ChannelDescription, DataTerm, McStat, UserTerm

__all__ = ["channel_description", "data_term", "masked", "mc_stat", "user_term"]


def user_term(fn: Any, variables: Sequence[Any]) -> UserTerm:
    """A further term of the log-likelihood."""
    if not callable(fn):
        raise InvalidTypeError(f"add_constraint: expected a function, got {type(fn).__name__}.")
    for variable in variables:
        if not isinstance(variable, Variable):
            raise InvalidTypeError(
                f"add_constraint: expected Variables after the function, got {type(variable).__name__}."
            )
    return UserTerm(of_trees(fn, variables), tuple(variables) or None, function_label(fn))


def mc_stat(
    mode: Any, scaling: Any, threshold: Any, channels: Any, constraint: Any, include_signal: Any
) -> McStat:
    """Treatment of Monte Carlo statistics."""
    for what, given, known in (
        ("mode", mode, tuple(MODES)),
        ("scaling", scaling, ("process", "total")),
        ("constraint", constraint, ("poisson", "gaussian")),
    ):
        if given not in known:
            listed = ", ".join(repr(name) for name in known)
            raise InvalidValueError(f"set_mc_stat: {what} {given!r} is not known; use one of {listed}.")
    if threshold is not None and mode not in ("threshold", "full"):
        raise InvalidValueError(
            f"set_mc_stat: mode {mode!r} takes no threshold, got {threshold!r}; leave it out, or use "
            "mode='threshold' (effective events) or mode='full' (content)."
        )
    number = isinstance(threshold, int | float | np.number) and not isinstance(threshold, bool)
    if threshold is not None and not (number and np.isfinite(threshold)):
        raise InvalidValueError(f"set_mc_stat: threshold must be a finite number, got {threshold!r}.")
    if mode == "threshold" and threshold is None:
        raise InvalidValueError(
            "set_mc_stat: mode 'threshold' needs threshold=..., the effective events above which a bin has "
            "one parameter for all processes; 10 is common, a negative one switches bin parameters off."
        )
    if mode in ("full", "lite-gamma") and scaling != "process":
        raise InvalidValueError(
            f"set_mc_stat: scaling {scaling!r} does not go with mode {mode!r}, whose parameters multiply the "
            "processes; leave scaling out."
        )
    if not isinstance(include_signal, bool):
        raise InvalidTypeError(f"set_mc_stat: include_signal must be True or False, got {include_signal!r}.")
    if isinstance(channels, str):
        channels = (channels,)
    if channels is not None and not all(isinstance(c, str) for c in channels):
        raise InvalidTypeError("set_mc_stat: channels must be names.")
    options = Options(scaling, None if threshold is None else float(threshold), constraint, include_signal)
    return McStat(mode, options, None if channels is None else tuple(channels))


def masked(names: Sequence[Any]) -> tuple[str, ...]:
    """Names of channels."""
    for name in names:
        if not isinstance(name, str):
            raise InvalidTypeError(
                f"mask_channels: got {name!r}; give names, as in mask_channels('SR', 'CR')."
            )
    return tuple(dict.fromkeys(names))


def data_term(kind: Any, variances: Any) -> DataTerm:
    """The data's probability."""
    if kind not in ("poisson", "gaussian"):
        raise InvalidValueError(f"set_data_term: {kind!r} is not known; use 'poisson' or 'gaussian'.")
    if kind == "poisson" and variances is not None:
        raise InvalidValueError("set_data_term: a Poisson term takes no variances; leave them out.")
    given = variances.items() if isinstance(variances, Mapping) else [(None, variances)]
    checked = {}
    for channel, numbers in given if variances is not None else ():
        where = "variances" if channel is None else f"variances of channel '{channel}'"
        try:
            array = np.atleast_1d(np.array(numbers, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise InvalidTypeError(f"set_data_term: {where} must be numbers.") from error
        if array.ndim != 1 or not np.all(np.isfinite(array)) or np.any(array <= 0.0):
            raise InvalidValueError(f"set_data_term: {where} must be one positive number a bin.")
        checked[channel] = array
    return DataTerm(kind == "gaussian", checked.get(None, checked or None))


def channel_description(
    name: Any, edges: Any, label: Any, unit: Any, processes: Sequence[Process]
) -> ChannelDescription:
    """Edges, label and unit of a channel."""
    if not isinstance(name, str) or not name:
        raise InvalidTypeError(f"describe_channel: the channel must be a name, got {name!r}.")
    for what, text in (("label", label), ("unit", unit)):
        if text is not None and not isinstance(text, str):
            raise InvalidTypeError(f"describe_channel('{name}'): {what} must be text, got {text!r}.")
    if edges is None:
        return ChannelDescription(None, label, unit)
    try:
        array = np.array(edges, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"describe_channel('{name}'): edges must be numbers.") from error
    if array.ndim != 1 or not np.all(np.isfinite(array)) or np.any(np.diff(array) <= 0.0):
        raise InvalidValueError(f"describe_channel('{name}'): edges must be finite and increasing.")
    for process in processes:
        contrib = process.contribs.get(name)
        if contrib is not None and len(array) != contrib.n_bins + 1:
            raise ShapeMismatchError(
                f"describe_channel('{name}'): {len(array)} edges for {contrib.n_bins} bins, expected "
                f"{contrib.n_bins + 1}."
            )
    return ChannelDescription(array, label, unit)

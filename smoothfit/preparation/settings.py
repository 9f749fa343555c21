"""Checks of what a model is told besides its processes, at the call that tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..build import Process, Variable
from ..build.declarations import function_label
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from .specification import ChannelDescription, McStat, UserTerm

__all__ = ["channel_description", "mc_stat", "user_term"]


def user_term(fn: Any, variables: Sequence[Any]) -> UserTerm:
    """A further term of the log-likelihood."""
    if not callable(fn):
        raise InvalidTypeError(f"add_constraint: expected a function, got {type(fn).__name__}.")
    for variable in variables:
        if not isinstance(variable, Variable):
            raise InvalidTypeError(
                f"add_constraint: expected Variables after the function, got {type(variable).__name__}."
            )
    return UserTerm(fn, tuple(variables) or None, function_label(fn))


def mc_stat(mode: Any, scaling: Any, threshold: Any, channels: Any) -> McStat:
    """Treatment of Monte Carlo statistics."""
    if mode not in ("lite", "none"):
        raise InvalidValueError(f"set_mc_stat: mode {mode!r} is not known; use 'lite' or 'none'.")
    if scaling not in ("process", "total"):
        raise InvalidValueError(f"set_mc_stat: scaling {scaling!r} is not known; use 'process' or 'total'.")
    if threshold is not None:
        raise InvalidValueError(f"set_mc_stat: mode {mode!r} takes no threshold, got {threshold!r}.")
    if isinstance(channels, str):
        channels = (channels,)
    if channels is not None and not all(isinstance(c, str) for c in channels):
        raise InvalidTypeError("set_mc_stat: channels must be names.")
    return McStat(mode, scaling, None if channels is None else tuple(channels))


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

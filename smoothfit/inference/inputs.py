"""What users hand in, checked and turned into flat arrays in the model's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._checks import describe
from .._types import FloatArray
from ..build.histograms import HistogramData, as_histogram, as_template, same_axes
from ..errors import (
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    UnknownNameError,
)
from ..layout import ChannelInfo, Layout
from ..prepared import Data, Fixed, Prepared
from ..results import FitResult

__all__ = ["counts", "data", "fixed", "globs", "numbers", "values"]


def _numbers(given: Any, what: str) -> FloatArray:
    try:
        array = np.asarray(given)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"{what}: expected numbers, got {type(given).__name__}.") from error
    if array.dtype.kind not in "iuf" or array.dtype == bool:
        got = f"an array of {array.dtype}" if isinstance(given, np.ndarray) else describe(given)
        raise InvalidTypeError(f"{what}: expected real numbers, got {got}.")
    return array.astype(np.float64)


def _finite(array: FloatArray, what: str) -> FloatArray:
    if not np.all(np.isfinite(array)):
        at = np.argwhere(~np.isfinite(array))[0].tolist()
        raise InvalidValueError(f"{what} must be finite; entry {at} is {array[tuple(at)]}.")
    return array


def numbers(given: Any, what: str) -> FloatArray:
    """Finite real numbers of any shape, as float64."""
    return _finite(_numbers(given, what), what)


def values(layout: Layout, given: Any, what: str = "values", *, batch: bool = False) -> FloatArray:
    """(..., param + bin parameter) from an array with or without bin parameters, a dict, or a fit."""
    n, n_bins = layout.n_params, layout.n_bin_params
    if isinstance(given, FitResult) and not batch:
        if given.layout.names != layout.names:
            raise InvalidValueError(
                f"{what}: the fit was made with another model; give its values as a dict."
            )
        return given.x.copy()
    if isinstance(given, Mapping):
        vector = np.concatenate([layout.start, layout.bin_centre])
        layout.assign(vector, given, what=what)
        return vector
    array = numbers(given, what)
    wanted = 2 if batch else 1
    if array.ndim != wanted or array.shape[-1] not in (n, n + n_bins):
        both = f"{n} parameters" + (f" (or {n + n_bins} with the bin parameters)" if n_bins else "")
        expected = f"(toy, {n})" if batch else f"({n},)"
        raise ShapeMismatchError(
            f"{what}: shape {array.shape}, the model has {both}; expected {expected}: "
            "values_from_dict() makes such a vector."
        )
    if array.shape[-1] == n:
        centre = np.broadcast_to(layout.bin_centre, (*array.shape[:-1], n_bins))
        array = np.concatenate([array, centre], axis=-1)
    return array


def counts(layout: Layout, given: Any, what: str = "obs") -> FloatArray:
    """(bin,) observed counts from an array or {channel: array or histogram}."""
    if isinstance(given, Mapping):
        given = _from_channels(layout, given, what)
    if isinstance(given, tuple) and any(isinstance(part, np.ndarray) for part in given):
        raise InvalidTypeError(
            f"{what}: got a tuple of arrays, expected the counts; of asimov() they are the first part: "
            "obs, globs = model.asimov(values), then fit(obs, globs=globs)."
        )
    array = numbers(given, what)
    if array.shape != (layout.n_bins,):
        raise ShapeMismatchError(
            f"{what}: shape {array.shape}, the model has {layout.n_bins} bins; expected ({layout.n_bins},), "
            "or a dict {channel: counts}."
        )
    if np.any(array < 0.0) and not layout.gaussian_data:
        bad = int(np.argmin(array))
        raise InvalidValueError(f"{what} must not be negative; bin {bad} has {array[bad]:g}.")
    return array


def _from_channels(layout: Layout, given: Mapping[Any, Any], what: str) -> FloatArray:
    names = [channel.name for channel in layout.channels]
    unknown = [key for key in given if key not in names]
    if unknown:
        raise UnknownNameError(
            f"{what}: no channel is named '{unknown[0]}'; the channels are: {', '.join(names)}."
        )
    missing = [name for name in names if name not in given]
    if missing:
        raise UnknownNameError(f"{what}: channel '{missing[0]}' is missing; give all of: {', '.join(names)}.")
    parts = []
    for channel in layout.channels:
        of_channel = f"{what} of channel '{channel.name}'"
        histogram = as_histogram(given[channel.name], of_channel)
        if histogram is None:
            part = np.atleast_1d(_numbers(given[channel.name], of_channel))
        else:
            part = _from_histogram(channel, histogram, of_channel)
        if part.shape != (channel.stop - channel.start,):
            raise ShapeMismatchError(
                f"{of_channel}: shape {part.shape}, expected ({channel.stop - channel.start},)."
            )
        parts.append(part)
    return np.concatenate(parts)


def _from_histogram(channel: ChannelInfo, histogram: HistogramData, what: str) -> FloatArray:
    """The contents of a histogram whose bins are those of the channel, where these are known."""
    template = as_template(histogram)
    if template.values.ndim == 1 and not same_axes(template.axes, channel.axes):
        raise ShapeMismatchError(
            f"{what}: a histogram of another binning than the templates of the channel; rebin it, or give "
            "h.values()."
        )
    return _numbers(template.values, what)


def globs(layout: Layout, given: Any) -> FloatArray:
    """(global observable,): parameters' then bins', from None, an array, or a dict by parameter."""
    default = layout.globs
    if given is None:
        return default.copy()
    n_globs = len(layout.constrained)
    if isinstance(given, Mapping):
        everywhere = np.full(layout.n_params + layout.n_bin_params, np.nan)
        written = layout.assign(everywhere, given, what="globs")
        constrained = set(layout.constrained.tolist())
        for position in written:
            if position < layout.n_params and position not in constrained:
                raise UnknownNameError(
                    f"globs: '{layout.names[position]}' has no constraint, or one without a global "
                    "observable; leave it out."
                )
        full = np.concatenate([everywhere[layout.constrained], everywhere[layout.n_params :]])
        return _legal(layout, np.where(np.isfinite(full), full, default))
    array = numbers(given, "globs")
    if array.ndim != 1 or len(array) not in (n_globs, len(default)):
        raise ShapeMismatchError(
            f"globs: shape {array.shape}, the model has {n_globs} global observables of parameters"
            + (f" and {layout.n_bin_params} of bins." if layout.n_bin_params else ".")
        )
    if len(array) == n_globs:
        array = np.concatenate([array, default[n_globs:]])
    return _legal(layout, array)


def _legal(layout: Layout, full: FloatArray) -> FloatArray:
    """Global observables that their constraints can have."""
    below = np.flatnonzero(full[: len(layout.constrained)] < layout.smallest_globs)
    if len(below):
        name, smallest = layout.names[layout.constrained[below[0]]], layout.smallest_globs[below[0]]
        condition = f"at least {smallest:g}" if smallest in (0.0, 1.0) else "positive"
        raise InvalidValueError(
            f"globs: that of '{name}' is {full[below[0]]:g}; its constraint needs one that is {condition}."
        )
    return full


def data(layout: Layout, obs: FloatArray, full_globs: FloatArray) -> Data:
    """Checked data; numpy, as the compiled functions take them to the device themselves."""
    n_globs = len(layout.constrained)
    return Data(counts=obs, globs=full_globs[:n_globs], bin_globs=full_globs[n_globs:])


def fixed(layout: Layout, prepared: Prepared, given: Any) -> tuple[Fixed, np.ndarray]:
    """What is held, from {variable, name or pattern: value}, and its mask over all parameters."""
    n = layout.n_params
    constant = np.asarray(prepared.plan.constant) > 0
    mask = np.concatenate([constant, np.zeros(layout.n_bin_params, dtype=bool)])
    vector = np.concatenate([layout.start, layout.bin_centre])
    lower, upper = layout.bounds
    if given is not None:
        written = layout.assign(vector, given, what="fixed", patterns=True)
        mask[written] = True
        for position in written:
            if not lower[position] <= vector[position] <= upper[position]:
                raise InvalidValueError(
                    f"fixed: '{layout.names[position]}' = {vector[position]:g} is outside its bounds "
                    f"[{lower[position]:g}, {upper[position]:g}]."
                )
    held = Fixed(
        mask=mask[:n].astype(float),
        values=vector[:n],
        bin_mask=mask[n:].astype(float),
        bin_values=vector[n:],
    )
    return held, mask

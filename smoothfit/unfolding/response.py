"""A response matrix as an array process: one sub-process a truth bin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .._checks import as_floats, check_finite, check_flag, plural
from .._types import FloatArray
from ..build import ChannelContrib, Process
from ..build.histograms import as_histogram
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError

__all__ = ["response_process"]

_ABOVE_ONE = 1e-9
"""Relative excess over 1 that an efficiency may have from rounding."""


class _Response(NamedTuple):
    """Events or probabilities (reco bin, truth bin) of one channel, with their variances."""

    values: FloatArray
    variances: FloatArray | None


def _flow_bins(axis: Any) -> tuple[bool, bool]:
    """Whether an axis has underflow and overflow: boost_histogram says so, ROOT always has both."""
    traits = getattr(axis, "traits", None)
    return bool(getattr(traits, "underflow", True)), bool(getattr(traits, "overflow", True))


def _with_truth_flow(histogram: Any, what: str) -> _Response:
    """Contents with the flow bins of the last axis, without those of the first."""
    values = as_floats(what, histogram.values(flow=True))
    variances = histogram.variances(flow=True)
    below, above = _flow_bins(histogram.axes[0])
    keep = slice(int(below), values.shape[0] - int(above))
    return _Response(values[keep], None if variances is None else as_floats(what, variances)[keep])


def _read_matrix(what: str, given: Any, flow: bool) -> _Response:
    found = as_histogram(given, what)
    if found is None:
        if flow:
            raise InvalidTypeError(
                f"{what} is an array: truth_flow is for histograms; give an array with columns of its own "
                "for underflow and overflow."
            )
        response = _Response(as_floats(what, given), None)
    elif found.values.ndim == 2 and flow:
        response = _with_truth_flow(given, what)
    else:
        response = _Response(found.values, found.variances)
    if response.values.ndim != 2 or response.values.size == 0:
        raise ShapeMismatchError(
            f"{what} has shape {response.values.shape}; give a matrix (reco bin, truth bin)."
        )
    check_finite(what, response.values)
    if np.any(response.values < 0.0):
        row, column = np.unravel_index(int(np.argmin(response.values)), response.values.shape)
        raise InvalidValueError(
            f"{what} must not be negative, got {response.values[row, column]:g} for reco bin {row}, truth "
            f"bin {column}; merge bins, or set such entries to 0 knowingly."
        )
    return response


def _read_truth(what: str, truth: Any, n_truth: int, n_reco: int, flow: bool) -> FloatArray:
    histogram = as_histogram(truth, what)
    if histogram is None:
        spectrum = as_floats(what, truth)
    else:
        spectrum = as_floats(what, truth.values(flow=True)) if flow else histogram.values
    spectrum = check_finite(what, spectrum).ravel()
    if len(spectrum) != n_truth:
        swapped = " Its axes look swapped: transpose it." if len(spectrum) == n_reco else ""
        raise ShapeMismatchError(
            f"{what} has {plural(len(spectrum), 'bin')}, the response {plural(n_truth, 'truth bin')}; the "
            f"response is (reco bin, truth bin).{swapped}"
        )
    if np.any(spectrum <= 0.0):
        at = int(np.argmin(spectrum))
        raise InvalidValueError(f"{what} has {spectrum[at]:g} events in bin {at}; merge empty truth bins.")
    return spectrum


def _check_efficiencies(what: str, efficiencies: FloatArray) -> None:
    """Of a truth bin, over all channels: above 0 and at most 1."""
    if np.any(efficiencies > 1.0 + _ABOVE_ONE):
        at = int(np.argmax(efficiencies))
        raise InvalidValueError(
            f"{what}: the efficiency of truth bin {at} is {efficiencies[at]:.6g}, above 1: more is "
            "reconstructed than there is in the truth; check normalisation and axes, (reco bin, truth bin)."
        )


def response_process(
    name: str,
    response: Any,
    truth: Any = None,
    *,
    channel: str = "main",
    probabilities: bool = False,
    efficiencies: Any = None,
    variances: Any = None,
    truth_flow: bool = False,
    sub_procs: Any = None,
    signal: bool = True,
    label: str | None = None,
) -> Process:
    """A response matrix as an array process, one sub-process a truth bin: scale it by mu, and unfold.

    Parameters
    ----------
    response
        (reco bin, truth bin): events, or probabilities to be reconstructed in a bin; an array or a histogram
        of two axes (hist, boost_histogram, uproot). Of several channels {channel: matrix}.
    truth
        (truth bin,): the nominal truth spectrum in events, before any selection; array or histogram. Needed
        for probabilities; with events it is used to check efficiencies.
    channel
        The channel of a response that is not a dict.
    probabilities
        Whether ``response`` has probabilities.
    efficiencies
        (truth bin,): factors of probabilities, where these are of reconstructed events only, so that the
        sum over reco bins (of all channels) is 1.
    variances
        Variances of the events, as ``response``: Monte Carlo statistics. By default those of histograms.
    truth_flow
        Whether underflow and overflow of the truth axis of a histogram are truth bins (the first
        and the last): they migrate into the reco bins as others do. Those of the reco axis are left out.
    sub_procs
        Names of the truth bins.
    signal, label
        As of :class:`~smoothfit.Process`.

    Returns
    -------
    Process
        Its yields are (truth bin, reco bin), in events at mu = 1. Reconstructed events without truth
        (fakes) are no part of a response: add them as a process of their own.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For negative entries, efficiencies above 1, truth bins without reconstructed events, or shapes that
        do not fit (axes swapped).

    Examples
    --------
    >>> from smoothfit import Variable
    >>> sig = response_process("sig", [[0.6, 0.1], [0.2, 0.5]], [1000.0, 400.0], probabilities=True)
    >>> sig.scale_by(Variable("mu", [1.0, 1.0]))["main"].yields
    array([[600., 200.],
           [ 40., 200.]])
    """
    what = f"response_process '{name}'"
    probabilities = check_flag(f"{what}: probabilities", probabilities)
    flow = check_flag(f"{what}: truth_flow", truth_flow)
    given = dict(response) if isinstance(response, Mapping) else {channel: response}
    if not given:
        raise InvalidValueError(f"{what}: response is an empty dict; give one matrix a channel.")
    matrices = {key: _read_matrix(f"{what}: response of '{key}'", m, flow) for key, m in given.items()}
    first = next(iter(matrices))
    n_truth = matrices[first].values.shape[1]
    for key, matrix in matrices.items():
        if matrix.values.shape[1] != n_truth:
            raise ShapeMismatchError(
                f"{what}: response of '{key}' has {matrix.values.shape[1]} truth bins, that of '{first}' "
                f"{n_truth}; all channels have the same truth bins."
            )
    n_reco = sum(matrix.values.shape[0] for matrix in matrices.values())
    spectrum = None if truth is None else _read_truth(f"{what}: truth", truth, n_truth, n_reco, flow)
    factors = _factors(what, probabilities, spectrum, efficiencies, n_truth)
    total = np.sum([matrix.values.sum(axis=0) for matrix in matrices.values()], axis=0)
    if np.any(total <= 0.0):
        at = int(np.argmin(total))
        raise InvalidValueError(
            f"{what}: truth bin {at} contributes to no reco bin, so nothing is known of it; merge bins."
        )
    if probabilities:
        _check_efficiencies(what, total)
    elif spectrum is not None:
        _check_efficiencies(what, total / spectrum)
    process = Process(name, sub_procs=_names(name, n_truth, sub_procs), signal=signal, label=label)
    spreads = _variances(what, variances, matrices, given, channel)
    for key, matrix in matrices.items():
        spread = spreads[key]
        rows = (matrix.values * factors).T
        sumw2 = None if spread is None else (spread * factors**2).T
        process.add_contrib(ChannelContrib(key, rows, sumw2=sumw2))
    return process


def _factors(
    what: str, probabilities: bool, truth: FloatArray | None, efficiencies: Any, n_truth: int
) -> FloatArray:
    """(truth bin,): what turns the response into events."""
    if not probabilities:
        if efficiencies is not None:
            raise InvalidValueError(
                f"{what}: efficiencies are for probabilities=True; events contain them already."
            )
        return np.ones(n_truth)
    if truth is None:
        raise InvalidValueError(f"{what}: probabilities need the truth spectrum; give truth=.")
    if efficiencies is None:
        return truth
    factors = check_finite(f"{what}: efficiencies", as_floats(f"{what}: efficiencies", efficiencies))
    if factors.shape != (n_truth,):
        raise ShapeMismatchError(
            f"{what}: efficiencies have shape {factors.shape}, expected ({n_truth},), one a truth bin."
        )
    if np.any(factors <= 0.0):
        at = int(np.argmin(factors))
        raise InvalidValueError(
            f"{what}: the efficiency of truth bin {at} is {factors[at]:g}; merge such bins."
        )
    _check_efficiencies(what, factors)
    return truth * factors


def _names(name: str, n_truth: int, sub_procs: Any) -> Any:
    return tuple(f"{name}[{i}]" for i in range(n_truth)) if sub_procs is None else sub_procs


def _variances(
    what: str, given: Any, matrices: Mapping[str, _Response], responses: Mapping[str, Any], channel: str
) -> dict[str, FloatArray | None]:
    """{channel: (reco bin, truth bin)}: those given, else those of histograms."""
    if given is None:
        return {key: matrix.variances for key, matrix in matrices.items()}
    by_channel = dict(given) if isinstance(given, Mapping) else {channel: given}
    if by_channel.keys() != responses.keys():
        raise ShapeMismatchError(
            f"{what}: variances are of the channels {', '.join(by_channel)}, the response of "
            f"{', '.join(responses)}; give one matrix a channel."
        )
    found: dict[str, FloatArray | None] = {}
    for key, entry in by_channel.items():
        of_channel = f"{what}: variances of '{key}'"
        values = check_finite(of_channel, as_floats(of_channel, entry))
        if values.shape != matrices[key].values.shape:
            raise ShapeMismatchError(
                f"{of_channel} have shape {values.shape}, the response {matrices[key].values.shape}."
            )
        if np.any(values < 0.0):
            raise InvalidValueError(f"{of_channel} must not be negative, got {values.min():g}.")
        found[key] = values
    return found

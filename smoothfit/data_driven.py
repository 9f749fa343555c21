"""Backgrounds taken from data: ABCD, rates from control regions, free shapes.

Each helper makes variables and processes out of the builders, and nothing that could not be written with
them; what it returns is added to a model as any process is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from ._types import Array, ArrayLike, FloatArray
from .build import ChannelContrib, Process, Variable
from .build.arguments import check_channel
from .build.checks import as_floats, check_finite, check_name, describe, plural
from .errors import (
    DuplicateNameError,
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    UnknownNameError,
)

__all__ = ["Abcd", "FreeShape", "abcd", "free_shape", "rate_parameter"]

_REGIONS = ("A", "B", "C", "D")


@dataclass(frozen=True, eq=False)
class Abcd:
    """A background in four regions, from :func:`abcd`."""

    process: Process
    """To be added to the model; it contributes to all four channels."""
    yields: Mapping[str, Variable]
    """{"B", "C", "D": Variable of its (bin,) yields in events}"""
    non_closure: Variable | None
    """The nuisance of the non-closure, if there is one."""
    counts: Mapping[str, FloatArray]
    """{"B", "C", "D": (bin,) counts}"""
    kappa: FloatArray | None = None

    def estimate(self) -> tuple[FloatArray, FloatArray]:
        """B C / D of the counts, (bin,), and its error by propagation, with the non-closure.

        (error / estimate)^2 = 1/B + 1/C + 1/D + log(kappa)^2. It knows nothing of a signal in B, C and
        D, which the fit does.
        """
        b, c, d = (self.counts[region] for region in "BCD")
        variance = b * c * (b + c) / d**2 + (b * c) ** 2 / d**3
        if self.kappa is not None:
            variance = variance + (b * c / d * np.log(self.kappa)) ** 2
        return b * c / d, np.sqrt(variance)


def abcd(
    name: str,
    counts: Mapping[str, ArrayLike],
    *,
    channels: Mapping[str, str] | None = None,
    non_closure: ArrayLike | None = None,
    label: str | None = None,
) -> Abcd:
    """A background that factorises in two observables: A = B C / D, bin by bin.

    Its yields in B, C and D float freely, one parameter a bin and region, and predict A. Where the
    two observables are not quite independent, a log-normal factor on A says how much.

    Parameters
    ----------
    name
        Of the process.
    counts
        {"B": (bin,), "C": (bin,), "D": (bin,)}: counts in data, less what other processes contribute. Fits
        start there; the model itself compares with data only.
    channels
        {"A": name of the channel, ...}; the regions' letters by default.
    non_closure
        kappa: 1.1 allows 10% in all bins together; (bin,) values have one nuisance a bin.
    label
        For pictures.

    Raises
    ------
    UnknownNameError, ShapeMismatchError, InvalidValueError, InvalidTypeError
        For a region that is missing or unknown, regions of different binnings, negative counts, bins of D
        without events, kappas that are not positive.

    Notes
    -----
    Yields are bounded by 0, in D by a millionth of the count.

    Examples
    --------
    >>> from smoothfit import Model
    >>> multijet = abcd("multijet", {"B": [40.0], "C": [50.0], "D": [100.0]})
    >>> mu = Variable("mu", 1.0)
    >>> sig = Process("sig", [10.0], channel="A", signal=True).scale_by(mu)
    >>> model = Model().add_proc(sig).add_proc(multijet.process).prepare()
    >>> best_fit = model.fit({"A": [32.0], "B": [40.0], "C": [50.0], "D": [100.0]})
    >>> round(best_fit[mu].value, 6), multijet.estimate()[0]
    (1.2, array([20.]))
    """
    check_name("abcd", name)
    what = f"abcd '{name}'"
    found = _counts(what, counts)
    names = _channels(what, channels)
    n_bins = len(found["D"])
    variables = {
        region: Variable(
            f"{name}_{region}",
            np.maximum(found[region], 1e-3 * max(float(found[region].max()), 1.0)),
            lower_bound=1e-6 * found[region] if region == "D" else 0.0,
        )
        for region in "BCD"
    }
    process = Process(name, label=label)
    for region, variable in variables.items():
        contrib = ChannelContrib(names[region], np.ones(n_bins)).scale_by(variable, axis="bin")
        process.add_contrib(contrib)
    predicted = ChannelContrib(names["A"], np.ones(n_bins))
    predicted.scale_by_fn(_transfer, *(variables[region] for region in "BCD"), axis="bin")
    kappa, nuisance = _non_closure(what, name, non_closure, n_bins)
    if nuisance is not None and kappa is not None:
        if nuisance.is_scalar:
            predicted.add_lnN(nuisance, float(kappa[0]))
        else:
            logs = np.log(kappa)
            predicted.scale_by_fn(lambda theta: jnp.exp(theta * logs), nuisance, axis="bin")
    process.add_contrib(predicted)
    return Abcd(process, variables, nuisance, found, kappa)


def _transfer(b: Array, c: Array, d: Array) -> Array:
    return b * c / d


def _counts(what: str, counts: Any) -> dict[str, FloatArray]:
    if not isinstance(counts, Mapping):
        raise InvalidTypeError(f"{what}: counts must be a dict by region, got {describe(counts)}.")
    for region in counts:
        if region not in ("B", "C", "D"):
            raise UnknownNameError(f"{what}: no region of counts is named {region!r}; they are: B, C, D.")
    found = {}
    for region in "BCD":
        if region not in counts:
            raise UnknownNameError(f"{what}: counts lack region {region}; give B, C and D.")
        where = f"{what}: counts in {region}"
        array = np.atleast_1d(check_finite(where, as_floats(where, counts[region])))
        if array.ndim != 1:
            raise ShapeMismatchError(f"{where} have shape {array.shape}, expected (bin,).")
        if np.any(array < 0.0):
            raise InvalidValueError(f"{where} must not be negative, got {array.min():g}; merge bins.")
        found[region] = array
    sizes = {region: len(array) for region, array in found.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{region} has {plural(size, 'bin')}" for region, size in sizes.items())
        raise ShapeMismatchError(f"{what}: the regions need one binning; {listed}.")
    empty = np.flatnonzero(found["D"] == 0.0)
    if len(empty):
        raise InvalidValueError(
            f"{what}: region D has no events in bin {empty[0]}, so that B C / D is undefined; merge bins."
        )
    return found


def _channels(what: str, channels: Mapping[str, str] | None) -> dict[str, str]:
    given = {} if channels is None else dict(channels)
    for region in given:
        if region not in _REGIONS:
            raise UnknownNameError(f"{what}: no region is named {region!r}; they are: A, B, C, D.")
    names = {region: check_name(f"{what}: channels", given.get(region, region)) for region in _REGIONS}
    if len(set(names.values())) < len(names):
        raise DuplicateNameError(f"{what}: the regions need four different channels, got {names}.")
    return names


def _non_closure(
    what: str, name: str, non_closure: ArrayLike | None, n_bins: int
) -> tuple[FloatArray | None, Variable | None]:
    """kappa of each bin, and its nuisance: of one component, or of one a bin."""
    if non_closure is None:
        return None, None
    where = f"{what}: non_closure"
    kappa = check_finite(where, as_floats(where, non_closure))
    if kappa.ndim > 1 or (kappa.ndim == 1 and len(kappa) != n_bins):
        raise ShapeMismatchError(
            f"{where} has shape {kappa.shape}, there are {plural(n_bins, 'bin')}; "
            "give one number, or one a bin."
        )
    if np.any(kappa <= 0.0):
        raise InvalidValueError(f"{where} must be positive, got {kappa.min():g}; 1.1 allows 10%.")
    start = 0.0 if kappa.ndim == 0 else np.zeros(n_bins)
    return np.broadcast_to(kappa, (n_bins,)), Variable(f"{name}_non_closure", start, nuisance=True)


def _processes(what: str, processes: Any) -> list[Process]:
    given = [processes] if isinstance(processes, Process) else processes
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidTypeError(f"{what} needs a Process or a list of them, got {describe(processes)}.")
    found = list(given)
    for process in found:
        if not isinstance(process, Process):
            raise InvalidTypeError(f"{what} needs a Process or a list of them, got {describe(process)}.")
        if not process.contribs:
            raise InvalidValueError(
                f"{what}: process '{process.name}' has no contribution yet; add them first."
            )
    if not found:
        raise InvalidValueError(f"{what}: the list of processes is empty.")
    return found


def rate_parameter(
    processes: Process | Sequence[Process],
    name: str,
    *,
    value: float = 1.0,
    lower_bound: float | None = 0.0,
    upper_bound: float | None = None,
    channels: Sequence[str] | None = None,
    label: str | None = None,
) -> Variable:
    """A free normalisation that several processes and channels share, so that control regions fix it.

    Parameters
    ----------
    processes
        What it multiplies; contributions must have been added.
    name, value, lower_bound, upper_bound, label
        Of the Variable.
    channels
        Where it acts; everywhere by default, also in channels added later.

    Raises
    ------
    InvalidTypeError, InvalidValueError, UnknownNameError
        For anything that is no process, a process without contributions, a channel that none of them
        contributes to.

    Examples
    --------
    >>> from smoothfit import Model
    >>> top = Process("top", [20.0], channel="SR").add_contrib(ChannelContrib("CR", [200.0]))
    >>> rate = rate_parameter(top, "rate_top")
    >>> sig = Process("sig", [10.0], channel="SR").scale_by(Variable("mu", 1.0))
    >>> best_fit = Model().add_proc(sig).add_proc(top).prepare().fit({"SR": [34.0], "CR": [220.0]})
    >>> round(best_fit[rate].value, 6), round(best_fit["mu"].value, 6)
    (1.1, 1.2)
    """
    what = f"rate_parameter '{name}'"
    found = _processes(what, processes)
    where = _where(what, found, channels)
    variable = Variable(name, value, lower_bound=lower_bound, upper_bound=upper_bound, label=label)
    if where is None:
        for process in found:
            process.scale_by(variable)
    else:
        for contrib in where:
            contrib.scale_by(variable)
    return variable


def _where(
    what: str, processes: list[Process], channels: Sequence[str] | None
) -> list[ChannelContrib] | None:
    """The contributions to these channels; None for all channels."""
    if channels is None:
        return None
    if isinstance(channels, str) or not isinstance(channels, Iterable):
        raise InvalidTypeError(f"{what}: channels must be a list of names, got {describe(channels)}.")
    known = dict.fromkeys(channel for process in processes for channel in process.contribs)
    for channel in channels:
        check_channel(f"{what}: no process", channel, known)
    return [p.contribs[channel] for p in processes for channel in channels if channel in p.contribs]


@dataclass(frozen=True, eq=False)
class FreeShape:
    """A shape that floats bin by bin, from :func:`free_shape`."""

    variable: Variable
    """(bin,) factors of the templates."""
    smoothness: float | None = None

    def penalty(self, factors: Array) -> Array:
        """The term of the log-likelihood that prefers smooth factors: add_constraint(penalty, variable).

        -1/2 sum over bins of ((x_(j-1) - 2 x_j + x_(j+1)) / smoothness)^2; 0 without smoothness.
        """
        if self.smoothness is None:
            return 0.0 * jnp.sum(factors)
        bends = jnp.diff(factors, n=2) / self.smoothness
        return -0.5 * jnp.sum(bends**2)


def free_shape(
    processes: Process | Sequence[Process],
    name: str,
    *,
    smoothness: float | None = None,
    channels: Sequence[str] | None = None,
    upper_bound: float | None = None,
    label: str | None = None,
) -> FreeShape:
    """Let the shape of processes float: one free factor a bin, shared by all channels and processes.

    With a control region of the same binning, the data there fix the shape, and templates only say
    how yields in the signal region compare. Where nothing fixes it, ``smoothness`` regularises.

    Parameters
    ----------
    processes
        What it multiplies, in channels of one binning.
    name, label
        Of the Variable, whose components start at 1 and are bounded by 0.
    smoothness
        How much the factor of a bin may differ from the mean of its neighbours', times two: the width of
        a Gaussian on second differences. The penalty is a term of its own, to be added to the model:
        ``model.add_constraint(shape.penalty, shape.variable)``. It counts as information: it narrows
        errors, and biases.
    channels
        Where it acts; everywhere by default.
    upper_bound
        Of the factors.

    Raises
    ------
    ShapeMismatchError, InvalidValueError, InvalidTypeError, UnknownNameError
        For channels of different binnings, a smoothness that is not positive or has fewer than three
        bins to act on, and as :func:`rate_parameter`.

    Examples
    --------
    >>> from smoothfit import Model
    >>> fakes = Process("fakes", [10.0, 20.0], channel="SR")
    >>> _ = fakes.add_contrib(ChannelContrib("CR", [100.0, 200.0]))
    >>> shape = free_shape(fakes, "fakes_shape")
    >>> best_fit = Model().add_proc(fakes).prepare().fit({"SR": [11.0, 16.0], "CR": [110.0, 160.0]})
    >>> best_fit[shape.variable].value.round(6).tolist()
    [1.1, 0.8]
    """
    what = f"free_shape '{name}'"
    found = _processes(what, processes)
    where = _where(what, found, channels)
    acted_on = [c for p in found for c in p.contribs.values()] if where is None else where
    sizes = {contrib.channel: contrib.n_bins for contrib in acted_on}
    if len(set(sizes.values())) != 1:
        listed = ", ".join(f"'{channel}' has {plural(size, 'bin')}" for channel, size in sizes.items())
        raise ShapeMismatchError(f"{what}: the channels need one binning; {listed}.")
    n_bins = acted_on[0].n_bins
    if smoothness is not None:
        width = check_finite(f"{what}: smoothness", as_floats(f"{what}: smoothness", smoothness))
        if width.ndim != 0 or width <= 0.0:
            raise InvalidValueError(
                f"{what}: smoothness must be one positive number, got {describe(smoothness)}."
            )
        if n_bins < 3:
            raise InvalidValueError(
                f"{what}: smoothness needs at least 3 bins to act on, there are {plural(n_bins, 'bin')}."
            )
    variable = Variable(name, np.ones(n_bins), lower_bound=0.0, upper_bound=upper_bound, label=label)
    for target in found if where is None else where:
        target.scale_by(variable, axis="bin")
    return FreeShape(variable, None if smoothness is None else float(smoothness))

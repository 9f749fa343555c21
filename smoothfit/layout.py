"""Names of a prepared model: which parameter, bin, row or global observable stands where.

The arrays of :mod:`smoothfit.prepared` know no names; a Layout knows nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ._checks import describe, did_you_mean
from ._types import Array, ArrayLike, BoolArray, FloatArray, IntArray
from .constraints import Prefit
from .errors import InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError

__all__ = [
    "AxisInfo",
    "ChannelInfo",
    "Layout",
    "LikelihoodInfo",
    "McStatInfo",
    "ProcessInfo",
    "RowInfo",
    "VariableInfo",
]


@dataclass(frozen=True)
class VariableInfo:
    """A variable and where its components stand in the vector of values."""

    name: str
    indices: tuple[int, ...]
    sub_names: tuple[str, ...]
    is_scalar: bool
    nuisance: bool
    label: str | None = None
    unit: str | None = None
    group: str | None = None
    constraint: str | None = None
    """The kind of its constraint, None if it is free."""


@dataclass(frozen=True, eq=False)
class AxisInfo:
    """An axis of the histograms that a channel was given."""

    size: int
    """The number of its bins, without under- and overflow."""
    edges: FloatArray | None = None
    label: str | None = None
    names: tuple[str, ...] | None = None
    """Of its bins, where they are categories."""


@dataclass(frozen=True)
class ChannelInfo:
    """A channel and where its bins stand in flat arrays."""

    name: str
    start: int
    stop: int
    edges: FloatArray | None = None
    """(bin + 1,), None where they are not known, or the bins have several axes."""
    label: str | None = None
    unit: str | None = None
    axes: tuple[AxisInfo, ...] = ()
    """Those of its histograms, if any; of several, the bins of the last one are next to each other."""

    @property
    def bins(self) -> slice:
        """The channel's bins in a flat (bin,) array."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class McStatInfo:
    """How Monte Carlo statistics are treated in a channel."""

    channel: str
    mode: str
    counts: Mapping[str, int]
    """Kind of parameter, or why there is none -> how many."""


@dataclass(frozen=True)
class ProcessInfo:
    """A process with its sub-processes."""

    name: str
    sub_procs: tuple[str, ...]
    is_array: bool
    signal: bool
    label: str | None = None


@dataclass(frozen=True)
class RowInfo:
    """A row of the prepared arrays: one sub-process in one channel."""

    process: str
    sub_proc: int
    channel: str
    row_tiles: tuple[int, ...]
    """Its row tiles, one a tile of the channel."""


@dataclass(frozen=True, eq=False)
class LikelihoodInfo:
    """A likelihood of another program, and where its data stand."""

    name: str
    variables: tuple[str, ...]
    """Those that it depends on."""
    term: int
    """Its place among users' terms."""
    first: int
    """The first array of its data among what the term holds."""
    arrays: tuple[tuple[tuple[int, ...], str], ...]
    """(shape, dtype) of each array."""
    structure: Any
    """The pytree that the data are."""


@dataclass(frozen=True)
class Layout:
    """Names, slices and sizes of a prepared model."""

    variables: tuple[VariableInfo, ...]
    channels: tuple[ChannelInfo, ...]
    processes: tuple[ProcessInfo, ...]
    rows: tuple[RowInfo, ...]
    bin_parameters: tuple[str, ...]
    bin_parameter_bins: tuple[int, ...]
    """(bin parameter,): the flat bin that it belongs to."""
    bin_centre: FloatArray
    """(bin parameter,): the values that leave the yields as they are, 0 or 1."""
    bin_widths: FloatArray
    """(bin parameter,): pre-fit uncertainties."""
    bin_counting: BoolArray
    """(bin parameter,): whether the constraint is a Poisson one."""
    start: FloatArray
    lower: FloatArray
    upper: FloatArray
    constrained: IntArray
    """(global observable,): the constrained parameters."""
    globs: FloatArray
    """Default global observables, parameters' then bins'."""
    smallest_globs: FloatArray
    """(global observable,) of parameters: what they cannot be below."""
    prefit: Prefit
    """Most likely values and uncertainties of the constraints alone, (param,), NaN for free parameters."""
    mc_stat: tuple[McStatInfo, ...] = ()
    locators: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    """Where the templates of each (process, channel) stand, for ``Model.replaced``."""
    likelihoods: Mapping[str, LikelihoodInfo] = field(default_factory=dict)
    """Likelihoods of other programs by name."""
    poi: str | None = None
    gaussian_data: bool = False
    """Whether the data term is Gaussian."""
    owners: Mapping[int, str] = field(default_factory=dict)
    """id of each Variable object -> its name here, so that a Variable of another model is noticed."""

    def __repr__(self) -> str:
        sizes = {
            "parameters": self.n_params,
            "bin parameters": self.n_bin_params,
            "processes": len(self.processes),
            "channels": len(self.channels),
            "bins": self.n_bins,
        }
        return f"Layout({', '.join(f'{name}: {number}' for name, number in sizes.items())})"

    @property
    def bin_tau(self) -> FloatArray:
        """(bin parameter,): auxiliary counts of Poisson constraints, 0 for unit Gaussians."""
        return np.where(self.bin_counting, self.globs[len(self.constrained) :], 0.0)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of all components, in the order of the values."""
        return tuple(name for variable in self.variables for name in variable.sub_names)

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """Name of a parameter -> its label, text or LaTeX; of an array it would name all components alike."""
        return {v.name: v.label for v in self.variables if v.label and v.is_scalar}

    @property
    def n_params(self) -> int:
        """The number of parameters (without bin parameters)."""
        return len(self.start)

    @property
    def n_bin_params(self) -> int:
        """The number of bin parameters."""
        return len(self.bin_parameters)

    @property
    def n_bins(self) -> int:
        """The number of bins of all channels."""
        return self.channels[-1].stop if self.channels else 0

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """(param + bin param,) each: the smallest and the largest allowed values."""
        lower = np.concatenate([self.lower, np.where(self.bin_counting, 0.0, -np.inf)])
        return lower, np.concatenate([self.upper, np.full(self.n_bin_params, np.inf)])

    @cached_property
    def widths(self) -> FloatArray:
        """(param,): pre-fit uncertainties, the mean of both sides; NaN for free parameters."""
        widths: FloatArray = 0.5 * (self.prefit.below + self.prefit.above)
        return widths

    @cached_property
    def counting(self) -> BoolArray:
        """(param,): whether the global observable is a count, of a Poisson constraint."""
        return np.array([v.constraint == "Poisson" for v in self.variables for _ in v.indices], dtype=bool)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Parameters, then bin parameters."""
        return self.parameters + self.bin_parameters

    @cached_property
    def _places(self) -> dict[str, tuple[int, ...]]:
        """Name of a variable, a component or a bin parameter -> positions; a variable's comes first."""
        places = {name: (i,) for i, name in enumerate(self.names)}
        return places | {v.name: v.indices for v in self.variables}

    def variable(self, key: Any) -> VariableInfo | None:
        """The variable of that name or object, None if the key is no variable's."""
        name = self._name_of(key)
        return next((v for v in self.variables if v.name == name), None)

    def _name_of(self, key: Any) -> str:
        if isinstance(key, str):
            return key
        name = getattr(key, "name", None)
        if not isinstance(name, str) or not hasattr(key, "sub_names"):
            raise InvalidTypeError(
                f"A parameter is given by a Variable or a name, got {type(key).__name__}: {key!r}."
            )
        if self.owners and id(key) not in self.owners:
            raise UnknownNameError(
                f"Variable '{name}' is not used in this model; {self._known()}. Scale a process by it, "
                "or use the Variable object that the model was built with."
            )
        return self.owners.get(id(key), name)

    def is_blinded(self, position: int, blinded: frozenset[str]) -> bool:
        """Whether what stands there in (parameters, bin parameters) is hidden by these names.

        A parameter is hidden by its name or its variable's, a bin parameter also by its channel's.
        """
        if not blinded:
            return False
        if position >= self.n_params:
            at_bin = self.bin_parameter_bins[position - self.n_params]
            channel = next((c.name for c in self.channels if c.start <= at_bin < c.stop), "")
            return bool(blinded & {self.names[position], channel})
        owner = next((v.name for v in self.variables if position in v.indices), "")
        return bool(blinded & {self.names[position], owner})

    def _unknown(self, name: str) -> str:
        """What to say of a name that nothing has."""
        close = did_you_mean(name, [*(v.name for v in self.variables), *self.names])
        return f"No parameter is named '{name}'{close or f'; {self._known()}.'}"

    def _known(self) -> str:
        known = [v.name for v in self.variables]
        shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        return f"its variables are: {shown}" if known else "it has no variables"

    def positions(self, key: Any, *, patterns: bool = False) -> list[int]:
        """Positions in (parameters, bin parameters) of a Variable, name, sub-name or pattern.

        Raises
        ------
        UnknownNameError
            If nothing has that name (or matches that regular expression, where allowed).
        """
        name = self._name_of(key)
        if name in self._places:
            return list(self._places[name])
        if patterns:
            try:
                expression = re.compile(name)
            except re.error as error:
                raise UnknownNameError(self._unknown(name)) from error
            matching = [
                i
                for v in self.variables
                for i, sub in zip(v.indices, v.sub_names, strict=True)
                if expression.fullmatch(sub) or expression.fullmatch(v.name)
            ]
            matching += [
                self.n_params + i for i, n in enumerate(self.bin_parameters) if expression.fullmatch(n)
            ]
            if matching:
                return sorted(matching)
        raise UnknownNameError(self._unknown(name))

    def assign(
        self, target: FloatArray, assignments: Mapping[Any, ArrayLike], *, what: str, patterns: bool = False
    ) -> list[int]:
        """Write {key: value} into a (parameters, bin parameters) vector; return what was written."""
        if not isinstance(assignments, Mapping):
            raise InvalidTypeError(
                f"{what}: expected a dict {{variable: value}}, got {describe(assignments)}."
            )
        written: list[int] = []
        for key, given in assignments.items():
            at = self.positions(key, patterns=patterns)
            name = self._name_of(key)
            try:
                value = np.asarray(given, dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise InvalidValueError(
                    f"{what}: the value of '{name}' is not a number: {describe(given)}."
                ) from error
            if value.ndim > 1 or value.size not in (1, len(at)):
                raise ShapeMismatchError(
                    f"{what}: '{name}' has {len(at)} components, got {value.size} values; "
                    "give one a component, or one for all."
                )
            if not np.all(np.isfinite(value)):
                raise InvalidValueError(f"{what}: the value of '{name}' must be finite, got {given!r}.")
            target[at] = value
            written += at
        return written

    def split(self, array: Array | ArrayLike) -> dict[str, FloatArray]:
        """{channel: the part of a (..., bin) array}."""
        values = np.asarray(array)
        if values.ndim == 0 or values.shape[-1] != self.n_bins:
            raise ShapeMismatchError(
                f"split: the last axis has {values.shape[-1] if values.ndim else 0} entries, the model has "
                f"{self.n_bins} bins."
            )
        return {channel.name: values[..., channel.bins] for channel in self.channels}

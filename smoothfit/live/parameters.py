"""Parameters as a live model shows them: in groups, found by a word, each with the range of its slider."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..layout import Layout, VariableInfo

__all__ = ["Group", "Parameter", "Parameters", "slider_range"]

_NUISANCE_SIGMAS, _FREE_SIGMAS = 3.0, 5.0
_WIDEST = 1e4
"""Bounds that are further apart than so many times the start value are a guard, not a range."""


@dataclass(frozen=True)
class Parameter:
    """A component of a variable, or a bin parameter."""

    position: int
    """In (parameters, bin parameters)."""
    name: str
    words: str
    """What a search looks at, in lower case."""
    group: str
    unit: str | None
    start: float
    centre: float
    """Most likely before a fit: that of the constraint, or the start value."""
    below: float
    above: float
    """Pre-fit uncertainties; NaN of free parameters."""
    lower: float
    upper: float
    constant: bool
    """Whether fits hold it by default."""

    @property
    def has_prefit(self) -> bool:
        """Whether it has uncertainties before a fit."""
        return bool(np.isfinite(self.below) and np.isfinite(self.above) and self.below + self.above > 0.0)


@dataclass(frozen=True)
class Group:
    """Parameters under one heading."""

    title: str
    members: tuple[Parameter, ...]
    unfolded: bool = False
    """Whether it is shown from the start."""


class Parameters:
    """All parameters of a model, in groups: free ones, nuisances by group, arrays, bin parameters.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu, jes = Variable("mu", 1.0), Variable("jes", 0.0, nuisance=True, group="Jets")
    >>> model = Model().add_proc(Process("sig", [9.0]).scale_by(mu).add_lnN(jes, 1.1)).prepare()
    >>> found = Parameters(model.layout, [])
    >>> [(group.title, [p.name for p in group.members]) for group in found.groups]
    [('Parameters of interest', ['mu']), ('Jets', ['jes'])]
    >>> [p.name for p in found.matching("JET")]
    ['jes']
    """

    def __init__(self, layout: Layout, constant: Iterable[int], poi: str | None = None) -> None:
        self._layout, self._constant = layout, frozenset(int(i) for i in constant)
        self.all: tuple[Parameter, ...] = (*self._of_variables(), *self._of_bins())
        """In the order of the values, bin parameters last."""
        self.poi = poi

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """In the order in which they are shown."""
        titles: dict[str, list[Parameter]] = {_POIS: []}
        last: dict[str, list[Parameter]] = {}
        for parameter in self.all:
            place = last if parameter.group in self._arrays or parameter.group == _BINS else titles
            place.setdefault(parameter.group, []).append(parameter)
        # The parameter of interest first.
        titles[_POIS].sort(key=lambda p: (p.name != self.poi, p.position))
        found = [
            Group(title, tuple(members), title == _POIS)
            for title, members in (titles | last).items()
            if members
        ]
        if found and not found[0].unfolded:
            found[0] = Group(found[0].title, found[0].members, True)
        return tuple(found)

    def matching(self, text: str) -> tuple[Parameter, ...]:
        """Those whose name, label, variable or group has all words of a text, in any case."""
        words = text.lower().split()
        return tuple(p for p in self.all if all(word in p.words for word in words))

    @cached_property
    def _arrays(self) -> frozenset[str]:
        """Titles of variables that are an array of nuisances in no group."""
        return frozenset(v.name for v in self._layout.variables if _is_own_group(v))

    def _of_variables(self) -> Iterable[Parameter]:
        layout = self._layout
        found: dict[int, Parameter] = {}
        for variable in layout.variables:
            title = _title(variable)
            for at, name in zip(variable.indices, variable.sub_names, strict=True):
                centre, below, above = (float(column[at]) for column in layout.prefit)
                found[at] = Parameter(
                    position=at,
                    name=name,
                    words=_words(name, variable.name, variable.label, title),
                    group=title,
                    unit=variable.unit,
                    start=float(layout.start[at]),
                    centre=centre if np.isfinite(centre) else float(layout.start[at]),
                    below=below,
                    above=above,
                    lower=float(layout.lower[at]),
                    upper=float(layout.upper[at]),
                    constant=at in self._constant,
                )
        return (found[at] for at in sorted(found))

    def _of_bins(self) -> Iterable[Parameter]:
        layout = self._layout
        lower, upper = layout.bounds
        for i, name in enumerate(layout.bin_parameters):
            at, width = layout.n_params + i, float(layout.bin_widths[i])
            centre = float(layout.bin_centre[i])
            words = _words(name, _BINS)
            yield Parameter(
                at, name, words, _BINS, None, centre, centre, width, width, lower[at], upper[at], False
            )


_POIS, _BINS = "Parameters of interest", "Monte Carlo statistics"


def _is_own_group(variable: VariableInfo) -> bool:
    return variable.nuisance and not variable.is_scalar and not variable.group


def _title(variable: VariableInfo) -> str:
    if variable.group:
        return variable.group
    if not variable.nuisance:
        return _POIS
    return variable.name if _is_own_group(variable) else f"Nuisances ({variable.constraint or 'free'})"


def _words(*texts: str | None) -> str:
    return " ".join(text for text in texts if text).lower()


def slider_range(
    parameter: Parameter, value: float, best: float | None = None, error: float | None = None
) -> tuple[float, float]:
    """Where a slider goes from and to: it has the value, and the fit where there is one, inside.

    Three pre-fit uncertainties of a nuisance, and three post-fit ones around the fit. Of a free parameter
    five post-fit errors; before a fit its bounds, if these are a range; else twice the start value around it.
    Never beyond the bounds.

    Examples
    --------
    >>> mu = Parameter(0, "mu", "mu", "", None, 1.0, 1.0, np.nan, np.nan, 0.0, np.inf, False)
    >>> slider_range(mu, 1.0), slider_range(mu, 4.0), slider_range(mu, 1.0, 1.5, 0.5)
    ((0.0, 3.0), (0.0, 4.0), (0.0, 4.0))
    """
    ends: list[float] = [value]
    if parameter.has_prefit:
        ends.append(parameter.centre - _NUISANCE_SIGMAS * parameter.below)
        ends.append(parameter.centre + _NUISANCE_SIGMAS * parameter.above)
    fitted = best is not None and error is not None and np.isfinite(error) and error > 0.0
    if fitted:
        sigmas = _NUISANCE_SIGMAS if parameter.has_prefit else _FREE_SIGMAS
        ends += [best - sigmas * error, best + sigmas * error]  # type: ignore[operator]
        if not parameter.has_prefit:
            ends.append(parameter.start)
    elif not parameter.has_prefit:
        ends += _guess(parameter)
    low, high = max(min(ends), parameter.lower), min(max(ends), parameter.upper)
    # A constant parameter with equal bounds: a slider needs room.
    return (low, high) if high > low else (low - 1.0, low + 1.0)


def _guess(parameter: Parameter) -> list[float]:
    lower, upper = parameter.lower, parameter.upper
    scale = max(abs(parameter.start), 1e-3 if parameter.start else 1.0)
    if np.isfinite(lower) and np.isfinite(upper) and upper - lower <= _WIDEST * scale:
        return [lower, upper]
    return [parameter.start - 2.0 * scale, parameter.start + 2.0 * scale]

"""The NLL of one data set along a parameter of interest, minimised over everything else.

Every fit is kept, and starts on the line through its neighbours: a search needs few steps a fit. All fits
are those of ``model.fit``: one compiled program, with retries where one fails.

Where the NLL has several minima, their depths cross along the parameter, and a fit that starts beside one
stays with it. The profile is the lowest of all. Once two are met, every value is fitted from the fits on both
sides, too, and a lower minimum is carried on from value to value as far as it is the lower one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..._types import FloatArray
from ...results import Attempt, FitResult
from ..context import Context
from ..fitting import fit_prepared_data
from .determined import determined_fit
from .poi import Poi

__all__ = ["LOWER", "Fitted", "Profile"]

LOWER = 1e-6
"""NLL by which a fit must be lower than the best one to be another minimum, and not imprecise."""
_SAME = 1e-9
"""Relative difference of NLLs that are equal."""


class Fitted(NamedTuple):
    """The fit with the POI held at a value."""

    nll: float
    """NaN if it did not converge."""
    result: FitResult
    looked: bool
    """Whether other minima were looked for."""


class Profile:
    """The profiled NLL of one data set.

    Parameters
    ----------
    free
        The fit with the POI free.
    held
        {name: value} of what stays held.
    what
        The data in a word, for messages.
    """

    def __init__(
        self, context: Context, poi: Poi, free: FitResult, held: Mapping[str, float], what: str
    ) -> None:
        self.context, self.poi, self.free, self.held, self.what = context, poi, free, held, what
        self.points: dict[float, Fitted] = {}
        self.replaced = False
        """Whether a lower minimum was met on the way, and became the free fit."""
        self.several = False
        """Whether fits at one value have ended in different minima."""

    @property
    def best(self) -> float:
        """The POI where the NLL is lowest; NaN if that fit did not converge."""
        return float(self.free.x[self.poi.position]) if self.free.success else np.nan

    @property
    def lowest(self) -> float:
        """The lowest NLL; NaN if that fit did not converge."""
        return float(self.free.fun) if self.free.success else np.nan

    @cached_property
    def is_flat(self) -> bool:
        """Whether the likelihood is the same wherever the POI is held."""
        poi, start = self.poi, float(self.context.layout.start[self.poi.position])
        every = {start, 0.0, 1.0, 2.0 * start, poi.lower, poi.upper}
        found = np.array(
            [self.at(v).nll for v in sorted(every) if np.isfinite(v) and poi.lower <= v <= poi.upper]
        )
        return len(found) > 1 and bool(np.ptp(found) <= _SAME * (1.0 + abs(found[0])))

    @property
    def error(self) -> float:
        """Of the POI, from the covariance; NaN where there is none."""
        sigma = float(self.free.errors[self.poi.position])
        return sigma if np.isfinite(sigma) and sigma > 0.0 else np.nan

    def at(self, value: float, *, look: bool = False) -> Fitted:
        """The fit with the POI held at ``value``; with ``look``, other minima are looked for.

        Where it is lower than the free fit, that is done again from there.
        """
        known = self.points.get(value)
        if known is not None and (known.looked or not look):
            return known
        if known is None:
            self._keep(value, self._fit_at(value, self._start(value), look), look)
        else:
            self._offer(value, self._fit_at(value, known.result.x, look=True))
        if look or self.several:
            for start in self._neighbours(value):
                self._offer(value, self._another_at(value, start))
        self.points[value] = self.points[value]._replace(looked=look)
        if self.several:
            self._carry_on(value)
        found = self.points[value].result
        if found.success and not found.fun >= self.lowest - LOWER:
            self._begin_again(found)
        return self.points[value]

    def _keep(self, value: float, found: FitResult, look: bool = False) -> None:
        self.points[value] = Fitted(found.fun if found.success else np.nan, found, look)

    def _offer(self, value: float, found: FitResult) -> bool:
        """Keep another fit at a value if it is a lower minimum, or the first that converged."""
        known = self.points[value]
        if not found.success or found.fun >= known.nll - LOWER:
            # Higher by more than fits are imprecise: there are two minima, too.
            self.several |= found.success and bool(found.fun > known.nll + LOWER)
            return False
        self.several |= known.result.success
        self._keep(value, found, known.looked)
        return True

    def _neighbours(self, value: float) -> list[FloatArray]:
        """Where the nearest fits on both sides, and the free one, are."""
        good = {at: point.result for at, point in self.points.items() if np.isfinite(point.nll)}
        below, above = [at for at in good if at < value], [at for at in good if at > value]
        near = ([max(below)] if below else []) + ([min(above)] if above else [])
        return [*(good[at].x for at in near), *([self.free.x] if self.free.success else [])]

    def _carry_on(self, value: float) -> None:
        """Start the fits at neighbouring values from this one, and on, as far as it is the lower minimum."""
        every = sorted(self.points)
        for order in (every[every.index(value) + 1 :], every[: every.index(value)][::-1]):
            x = self.points[value].result.x
            for at in order:
                if not self._offer(at, self._another_at(at, x)):
                    break
                x = self.points[at].result.x

    def nll_at(self, value: float) -> float:
        """The NLL there; NaN if the fit did not converge."""
        return self.at(value).nll

    def _fit_at(self, value: float, start: FloatArray, look: bool = False) -> FitResult:
        """A fit with the POI held, from values (param,) or (param + bin param,)."""
        return self._fit({self.poi.name: value}, start, look)

    def _another_at(self, value: float, start: FloatArray) -> FitResult:
        """The same, without retries: if it fails it is not the lowest."""
        free, begin = self.free, start[: self.context.layout.n_params]
        held = {**self.held, self.poi.name: value}
        return fit_prepared_data(self.context, free.obs, free.globs, held, begin, "newton", strict=False)

    def _fit(self, held: dict[str, float], start: FloatArray, look: bool) -> FitResult:
        free, begin = self.free, start[: self.context.layout.n_params]
        return determined_fit(self.context, free.obs, free.globs, {**self.held, **held}, begin, look)

    def _begin_again(self, lower: FitResult) -> None:
        found = self._fit({}, lower.x, True)
        if found.success and not found.fun >= self.lowest - LOWER:
            # A free fit that failed is no minimum that was missed.
            self.replaced |= self.free.success
            self.free = found

    def _start(self, value: float) -> FloatArray:
        """(param,): on the line through the nearest fits on both sides, or the two nearest."""
        n = self.context.layout.n_params
        known = {at: point.result.x[:n] for at, point in self.points.items() if np.isfinite(point.nll)}
        if self.free.success:
            known[self.best] = self.free.x[:n]
        if not known:
            return np.asarray(self.free.x[:n])
        near = sorted(known, key=lambda at: abs(at - value))
        other = next(
            (at for at in near if (at - value) * (near[0] - value) < 0.0), near[min(1, len(near) - 1)]
        )
        if other == near[0]:
            return known[other]
        weight = np.clip((value - near[0]) / (other - near[0]), -1.0, 2.0)
        line = known[near[0]] + weight * (known[other] - known[near[0]])
        return np.clip(line, self.context.layout.lower, self.context.layout.upper)

    def attempts(self, values: list[float]) -> tuple[Attempt, ...]:
        """How the free fit ended, and those at these values, in words."""
        every = [(f"{self.what}: {self.poi.name} free", self.free)]
        every += [(f"{self.what}: {self.poi.name} = {at:g}", self.points[at].result) for at in values]
        return tuple(Attempt(what, r.fitter, int(r.status), r.fun, r.edm, r.steps) for what, r in every)

    def at_limits(self, values: list[float]) -> list[str]:
        """Names of the nuisances that the free fit, or one at these values, put on a limit of theirs."""
        n = self.context.layout.n_params
        fits = [self.free, *(self.points[at].result for at in values)]
        moved = [fit.at_limit & ~fit.fixed[:n] for fit in fits if fit.success]
        anywhere = np.any(np.array(moved, dtype=bool).reshape(-1, n), axis=0)
        return [self.free.names[i] for i in np.flatnonzero(anywhere) if i != self.poi.position]

"""Distributions of a test statistic by toys, at any tested value of the POI."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._types import BoolArray, FloatArray
from ...errors import FitError, InvalidValueError
from ...results import ToyCounts
from ..batching import Held, hold
from ..ensembles import (
    Columns,
    Ensemble,
    FitCounts,
    Precision,
    Toys,
    block_size,
    blocks,
    fit_toys,
    fresh_seed,
    kept,
)
from .profiles import LOWER, Profile
from .statistics import Nlls, Statistic
from .toy_tails import Tails, band_tails, observed_tails

__all__ = ["NUISANCES", "ToyOptions", "ToyPoint", "ToyTests"]

NUISANCES = ("fitted", "prefit")
_KINDS = ("frequentist", "bayesian")
_TESTED, _OTHER = 20, 21
"""Purposes of draws: toys of both hypotheses are independent."""


@dataclass(frozen=True)
class ToyOptions:
    """How toys of tests are made.

    Parameters
    ----------
    precision
        How many, of either hypothesis.
    seed
        Of all of them.
    kind
        "frequentist" or "bayesian"; see :class:`~smoothfit.inference.ensembles.Ensemble`.
    nuisances
        Where they are drawn: "fitted" to the data with the POI held at the hypothesis, or "prefit".
    """

    precision: Precision
    seed: int
    kind: str = "frequentist"
    nuisances: str = "fitted"

    @classmethod
    def of(
        cls,
        call: str,
        *,
        toys: Any = 1000,
        seed: int | None = None,
        toy_kind: str = "frequentist",
        nuisances: str = "fitted",
        mc_error: Any = None,
        most_toys: Any = None,
    ) -> ToyOptions:
        """Checked options of a call.

        Raises
        ------
        InvalidValueError
            Naming the call and what can be given.
        """
        if toy_kind not in _KINDS:
            more = " A bootstrap draws around the data, of no hypothesis." if toy_kind == "bootstrap" else ""
            raise InvalidValueError(
                f"{call}: toy_kind must be one of {', '.join(_KINDS)}, got {toy_kind!r}.{more}"
            )
        if nuisances not in NUISANCES:
            raise InvalidValueError(
                f"{call}: nuisances must be one of {', '.join(NUISANCES)}, got {nuisances!r}."
            )
        precision = Precision.of(toys, mc_error, most_toys, call=call)
        return cls(precision, fresh_seed(seed), toy_kind, nuisances)


class ToyTests:
    """Tests of one data set by toys: fits to the data are kept, and toys are, for each tested value.

    Parameters
    ----------
    data
        The fits to the data.
    alternative
        The value of the POI of the other hypothesis.
    """

    def __init__(self, data: Profile, statistic: Statistic, alternative: float, options: ToyOptions) -> None:
        self.data, self.statistic, self.alternative, self.options = data, statistic, alternative, options
        self.context, self.poi = data.context, data.poi
        self.counts = FitCounts()
        self.size = block_size(self.context)
        self._held = Held(data.free.fixed, data.free.x)
        self._points: dict[float, ToyPoint] = {}
        self._free_of_other: dict[tuple[int, int], tuple[FloatArray, FloatArray]] = {}

    @property
    def hidden(self) -> bool:
        """Whether the POI is blinded."""
        return self.context.layout.is_blinded(self.poi.position, self.context.blinded)

    def at(self, value: float) -> ToyPoint:
        """The toys of a tested value, none at first."""
        if value not in self._points:
            self._points[value] = ToyPoint(self, value)
        return self._points[value]

    def observed(self, value: float) -> float:
        """The observed statistic; NaN if a fit failed."""
        if not self.statistic.fits_nuisances:
            obs, globs = self.data.free.obs[None, :], self.data.free.globs[None, :]
            data = Toys(obs, globs, 0)
            return float(self._measure(data, value, self.hypothesis(value), FitCounts())[0])
        best, lowest = self.data.best, self.data.lowest
        at_tested = at_null = np.nan
        if self.statistic.needs_tested(best, value):
            at_tested = self.data.at(value, look=True).nll
        if self.statistic.needs_null(best):
            at_null = self.data.at(0.0, look=True).nll
        # The fits above may have met a lower minimum.
        best, lowest = self.data.best, self.data.lowest
        return float(self.statistic(Nlls(value, best, at_tested, lowest, at_null)))

    def hypothesis(self, value: float) -> FloatArray:
        """(param + bin param,): where toys of a value of the POI are drawn.

        Raises
        ------
        FitError
            If the fit to the data with the POI held there does not converge.
        """
        layout = self.context.layout
        if self.options.nuisances == "prefit":
            vector = np.concatenate([layout.start, layout.bin_centre])
            vector[self._held.mask] = self._held.values[self._held.mask]
            vector[self.poi.position] = value
            return vector
        found = self.data.at(value, look=True).result
        if not found.success:
            raise FitError(
                f"toys: the fit to the data with {self.poi.name} = {value:g} did not converge, so that there "
                f"is nowhere to draw them ({found.message}); nuisances='prefit' needs no such fit.",
                found,
            )
        return found.x

    def ensemble(self, value: float, purpose: int) -> Ensemble:
        """The toys of a value of the POI."""
        options, globs = self.options, self.data.free.globs
        return Ensemble(
            self.context,
            self.hypothesis(value),
            options.seed,
            kind=options.kind,
            purpose=purpose,
            globs=globs,
        )

    def block(self, value: float, ensemble: Ensemble, first: int, n: int, *, of_other: bool) -> FloatArray:
        """(toy,): the statistic of toys first, ..., first + n - 1; NaN where a fit failed for good."""

        def make(counts: FitCounts) -> Columns:
            drawn = ensemble.draw(first, n)
            found = {"statistic": self._measure(drawn, value, ensemble.values, counts, of_other=of_other)}
            if shared:
                # Later values go on with what was met here, a lower minimum, say.
                found["best"], found["lowest"] = self._free_of_other[first, n]
            return found

        shared = of_other and self.statistic.free
        free = self.data.free
        columns = kept(
            "hypothesis test",
            ensemble,
            first,
            n,
            self.counts,
            make,
            statistic=self.statistic.name,
            poi=self.poi.position,
            tested=value,
            data=free.obs,
            data_globs=free.globs,
            best_fit=free.x,
            held=self._held.mask,
        )
        if shared:
            self._free_of_other[first, n] = columns["best"], columns["lowest"]
        return columns["statistic"]

    def _measure(
        self, toys: Toys, value: float, start: FloatArray, counts: FitCounts, *, of_other: bool = False
    ) -> FloatArray:
        """(toy,): the statistic of toys that are drawn at ``start``."""
        n = len(toys)
        best, lowest = np.full((2, n), np.nan)
        if self.statistic.free:
            best, lowest = self._free(toys, start, counts, of_other)
        # Comparisons with NaN are false: a toy without a free fit needs no others.
        tested = np.broadcast_to(self.statistic.needs_tested(best, value), n)
        null = np.broadcast_to(self.statistic.needs_null(best), n)
        if self.statistic.free:
            tested, null = tested & np.isfinite(best), null & np.isfinite(best)
        at_tested = self._held_at(toys, tested, value, best, lowest, counts)
        at_null = self._held_at(toys, null, 0.0, best, lowest, counts)
        return self.statistic(Nlls(value, best, at_tested, lowest, at_null))

    def _free(
        self, toys: Toys, start: FloatArray, counts: FitCounts, of_other: bool
    ) -> tuple[FloatArray, FloatArray]:
        """(toy,) best values and lowest NLLs; those of the other hypothesis serve all tested values."""
        key = (toys.first, len(toys))
        if of_other and key in self._free_of_other:
            return self._free_of_other[key]
        n = self.context.layout.n_params
        found = fit_toys(self.context, toys, fixed=self._held, start=start[:n], counts=counts)
        best = np.where(found.at_minimum, found.x[:, self.poi.position], np.nan)
        both = best, np.where(found.at_minimum, found.nll, np.nan)
        if of_other:
            self._free_of_other[key] = both
        return both

    def _held_at(
        self,
        toys: Toys,
        which: BoolArray,
        value: float,
        best: FloatArray,
        lowest: FloatArray,
        counts: FitCounts,
    ) -> FloatArray:
        """(toy,): the NLL with the POI held, of those toys; NaN of others, and of failures.

        Where it is below the lowest, the free fit found another minimum: it starts again from there, and
        ``best`` and ``lowest`` are changed.
        """
        found = np.full(len(toys), np.nan)
        rows = np.flatnonzero(which)
        if not len(rows):
            return found
        held, start = self._hypothesis_to_fit(value)
        fitted = fit_toys(self.context, toys.take(rows), fixed=held, start=start, counts=counts)
        found[rows] = np.where(fitted.at_minimum, fitted.nll, np.nan)
        below = np.flatnonzero(found[rows] < lowest[rows] - LOWER)
        if len(below):
            n, again = self.context.layout.n_params, toys.take(rows[below])
            start = fitted.x[below, :n]
            free = fit_toys(self.context, again, fixed=self._held, start=start, counts=counts)
            better = free.at_minimum & (free.nll < lowest[rows[below]])
            at = rows[below][better]
            best[at], lowest[at] = free.x[better, self.poi.position], free.nll[better]
        return found

    def _hypothesis_to_fit(self, value: float) -> tuple[Held, FloatArray]:
        """What is held when a toy is fitted with the POI at a value, and where that begins."""
        layout = self.context.layout
        held = hold(self._held, [self.poi.position], [value])
        if self.statistic.fits_nuisances:
            near = self.data.at(value).result.x[: layout.n_params]
            return held, near if np.all(np.isfinite(near)) else layout.start
        # Every parameter stays where it is before any fit.
        vector = np.concatenate([layout.start, layout.bin_centre])
        vector[held.mask] = held.values[held.mask]
        return Held(np.ones(len(vector), dtype=bool), vector), vector[: layout.n_params]

    def summary(self) -> ToyCounts:
        """What toys there are, and how their fits went."""
        options, counts, points = self.options, self.counts, self._points.values()
        # Those of the other hypothesis serve all tested values.
        made = sum(len(p.tested) for p in points) + max((len(p.other) for p in points), default=0)
        return counts.of_toys(options.kind, options.seed, made, options.nuisances)


class ToyPoint:
    """Toys of both hypotheses of one tested value."""

    def __init__(self, tests: ToyTests, value: float) -> None:
        self.tests, self.value = tests, value
        self.q = tests.observed(value)
        self.tested = np.zeros(0)
        """(toy,): the statistic of toys of the tested value."""
        self.other = np.zeros(0)
        """(toy,): that of toys of the other hypothesis."""

    def __len__(self) -> int:
        return len(self.tested)

    def extend(
        self,
        precision: Precision,
        answer: Callable[[ToyPoint], tuple[float, float]],
        show: str,
        *,
        with_other: bool = True,
    ) -> ToyPoint:
        """Make toys until there are enough of them.

        Parameters
        ----------
        answer
            The answer so far, and its Monte Carlo error.
        show
            Its name, for the display of progress.
        with_other
            Whether the other hypothesis is looked at, too.
        """
        tests, name = self.tests, f"toys, {self.tests.poi.name} = {self.value:.4g}"
        ensembles = {"tested": tests.ensemble(self.value, _TESTED)}
        if with_other:
            ensembles["other"] = tests.ensemble(tests.alternative, _OTHER)

        def work(first: int, n: int) -> tuple[float, float]:
            for which, ensemble in ensembles.items():
                found = tests.block(self.value, ensemble, first, n, of_other=which == "other")
                setattr(self, which, np.append(getattr(self, which), found))
            return answer(self)

        if not precision.enough(len(self), answer(self)[1] if len(self) else np.inf):
            # Nothing of a blinded POI is shown.
            show = "" if tests.hidden else show
            blocks(precision, work, size=tests.size, what=name, show=show, first=len(self))
        return self

    def observed_tails(self) -> Tails:
        """Of the observed statistic."""
        return observed_tails(self.tested, self.other, self.q)

    def band_tails(self, n_sigma: float) -> Tails:
        """Of data of the other hypothesis that are ``n_sigma`` errors too high in the POI."""
        return band_tails(self.tested, self.other, n_sigma)

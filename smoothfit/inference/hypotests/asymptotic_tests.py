"""A test of one data set at any value of the POI: its statistic, and how far the other hypothesis is."""

from __future__ import annotations

import numpy as np

from ...results import Attempt, FitResult
from .. import draws
from ..context import Context
from ..fitting import held_values
from .asymptotics import LogTails, tails
from .determined import determined_fit
from .poi import Poi
from .profiles import Profile
from .statistics import STATISTICS, Nlls, Statistic

__all__ = ["AsymptoticTest"]


class AsymptoticTest:
    """Fits to the data and to Asimov data, done when they are asked for and kept.

    The Asimov data are the expectation of the other hypothesis: the POI at ``alternative``, the nuisances
    where the observed data put them then, the global observables where the constraints are centred there.

    Parameters
    ----------
    free
        The fit of the data with the POI free.
    alternative
        The value of the POI of the other hypothesis: 0 for exclusions.
    """

    def __init__(
        self, context: Context, poi: Poi, free: FitResult, statistic: Statistic, alternative: float
    ) -> None:
        self.context, self.poi, self.statistic, self.alternative = context, poi, statistic, alternative
        self.data = Profile(context, poi, free, held_values(free), "data")
        self._asimov: Profile | None = None
        self._has_asimov = False
        self._used: dict[str, set[float]] = {"data": set(), "Asimov data": set()}

    @property
    def asimov(self) -> Profile | None:
        """The Asimov data; None if the fit that they are made from failed."""
        if not self._has_asimov:
            self._has_asimov = True
            null = self._fit(self.data, self.alternative)
            if null.success:
                self._asimov = self._profile_of_asimov(null)
        return self._asimov

    def _profile_of_asimov(self, null: FitResult) -> Profile:
        counts, globs = draws.asimov(self.context, null.x)
        # Their best fit is where they were made, or near.
        held, start = self.data.held, null.x[: self.context.layout.n_params]
        free = determined_fit(self.context, counts, globs, held, start)
        return Profile(self.context, self.poi, free, held, "Asimov data")

    def _fit(self, profile: Profile, value: float) -> FitResult:
        """A fit on which everything depends: other minima are looked for."""
        self._used[profile.what].add(value)
        return profile.at(value, look=True).result

    def _nlls(self, profile: Profile, value: float, statistic: Statistic, look: bool) -> Nlls:
        free, at_tested, at_null = None, np.nan, np.nan
        # Again if one of the fits was lower than the free one, which then is another.
        while free is not profile.free:
            free = profile.free
            if statistic.needs_null(profile.best):
                self._fit(profile, 0.0)
                at_null = profile.nll_at(0.0)
            if statistic.needs_tested(profile.best, value):
                at_tested = profile.at(value, look=look).nll
        if np.isfinite(at_tested) and look:
            self._used[profile.what].add(value)
        return Nlls(value, profile.best, at_tested, profile.lowest, at_null)

    def statistic_at(self, value: float, *, look: bool = True) -> float:
        """The observed statistic; NaN if a fit failed."""
        return float(self.statistic(self._nlls(self.data, value, self.statistic, look)))

    def distance_at(self, value: float, *, look: bool = True) -> float:
        """From the tested value to the other hypothesis, in errors, signed; NaN if a fit failed."""
        if self.asimov is None:
            return float("nan")
        if not self.statistic.tested:
            q = float(self.statistic(self._nlls(self.asimov, value, self.statistic, look)))
            return float(np.sqrt(q))
        two_sided = STATISTICS["ttilde" if self.statistic.not_negative else "t"]
        q = float(two_sided(self._nlls(self.asimov, value, two_sided, look)))
        return float(np.copysign(np.sqrt(q), value - self.alternative))

    def tails_at(self, value: float, *, look: bool = True) -> LogTails:
        """The observed tails; NaN if a fit failed."""
        q = self.statistic_at(value, look=look)
        return tails(self.statistic.name, q, self.distance_at(value, look=look))

    def attempts(self) -> tuple[Attempt, ...]:
        """How the fits that count ended: all whose values were asked for."""
        profiles = [self.data] + ([] if self._asimov is None else [self._asimov])
        return tuple(a for p in profiles for a in p.attempts(sorted(self._used[p.what] & set(p.points))))

    def at_limits(self) -> list[str]:
        """Names of nuisances that a fit put on a limit of theirs."""
        profiles = [self.data] + ([] if self._asimov is None else [self._asimov])
        found = [name for p in profiles for name in p.at_limits(sorted(self._used[p.what] & set(p.points)))]
        return list(dict.fromkeys(found))

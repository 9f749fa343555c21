"""Upper limits: where an inverted test just excludes, found as the root of a curve of tests."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import AsymptoticWarning
from ...progress import track
from ...results import FitResult, Limit
from ..context import Context
from .asymptotic_tests import AsymptoticTest
from .asymptotics import band_distance, expected_tails
from .beginning import Request, begin, conclusions, failure
from .curves import Curves, Root
from .methods import check_statistic, toys_asked_for
from .poi import check_fraction
from .ranges import check_bands, check_points, check_rule, more_points, search_range, widened
from .roots import Ending
from .statistics import STATISTICS
from .toy_limits import limit_by_toys
from .toy_tests import ToyTests

__all__ = ["upper_limit"]

_STATISTICS = ("qtilde", "q", "t", "ttilde")
_NEXT_TO = 1e-6
"""Distance from the first value, in standard deviations, that is none."""


def upper_limit(
    context: Context,
    poi: Any,
    obs: Any,
    *,
    cl: float = 0.95,
    method: str = "asymptotic",
    statistic: str = "qtilde",
    rule: str = "cls",
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    best_fit: FitResult | None = None,
    range: tuple[float, float] | None = None,
    quantiles: Sequence[float] | None = None,
    points: Any = (),
    strict: bool = True,
    **toy_options: Any,
) -> Limit:
    """The upper limit on a parameter of interest (POI), observed and expected without a signal.

    All other parameters are fitted, other POIs too, unless they are ``fixed``.

    Parameters
    ----------
    poi
        A scalar Variable or the name of a component.
    obs
        (bin,) counts in events, or {channel: counts or histogram}.
    cl
        Confidence level.
    method
        "asymptotic", or "toys", with ``toys=``, ``seed=``, ``toy_kind=``, ``nuisances=``, ``mc_error=``.
    statistic
        "qtilde" for what is not negative, "q" for what may be; "t" and "ttilde", two-sided, for the upper end
        of the interval that :func:`two_sided_limit` gives.
    rule
        "cls" compares CLs with 1 - cl, "clsb" CLs+b, the p-value.
    globs
        Global observables (parameters', then bins'), or a dict by parameter; the model's by default.
    fixed
        {variable, name or regular expression: value} to hold constant.
    best_fit
        The fit of these data with the POI free, if it is there already; its globs and held parameters count.
    range
        (low, high) between which to look for limits; the POI's bounds, from 0 for "qtilde" and "ttilde". One
        that goes beyond the bounds replaces them, in fits too.
    quantiles
        Of the expected limits, such as (0.025, 0.16, 0.5, 0.84, 0.975), Combine's bands; by default those at
        -2, -1, 0, 1 and 2 standard deviations.
    points
        Values of the POI to test beside those on the way, or how many between the lowest possible and beyond
        the highest limit: for a picture.
    strict
        Whether to raise if a fit does not converge on which everything depends; else all is NaN.

    Returns
    -------
    Limit
        A limit outside the range is NaN, with a status: never the end of the range.

    Raises
    ------
    InvalidValueError, InvalidTypeError, UnknownNameError, ShapeMismatchError
        For input that does not fit the model, and options that do not exist.
    FitError
        If a fit did not converge; its ``.result`` holds it.

    Warns
    -----
    AsymptoticWarning
        If a nuisance sits at a limit in a fit, or CLs rises again beyond a limit.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> limit = model.upper_limit(mu, [51.0, 42.0])
    >>> round(limit.observed, 4), limit.expected.round(4)
    (1.1939, array([0.5624, 0.765 , 1.0831, 1.5486, 2.1442]))
    """
    toys = toys_asked_for("upper_limit", method, toy_options)
    chosen = check_statistic("upper_limit", statistic, _STATISTICS, toys)
    alpha, rule = 1.0 - check_fraction("upper_limit: cl", cl), check_rule("upper_limit", rule)
    n_sigma = check_bands("upper_limit", quantiles)
    request = Request(context, "upper_limit", obs, globs, fixed, best_fit)
    about = request.poi(poi)
    ends = search_range("upper_limit", about, range, chosen)
    request = request._replace(context=widened(context, about, ends))
    about = request.poi(poi)
    extra = check_points("upper_limit", points, ends)
    test = begin(request, about, chosen if chosen.asymptotic else STATISTICS["qtilde"], 0.0)
    problem = failure(test, test.alternative, "upper_limit", strict)
    if problem:
        return _without(test, problem, 1.0 - alpha, rule, n_sigma)
    search = _LimitSearch(Curves(test, rule, alpha), ends, alpha, n_sigma)
    search.run(extra if toys is None else np.zeros(0))
    if toys is None:
        return search.record(1.0 - alpha)
    with warnings.catch_warnings():
        # What formulae are not made for does not matter to toys.
        warnings.simplefilter("ignore", AsymptoticWarning)
        guess = search.record(1.0 - alpha)
    values = more_points(extra, ends, np.append(guess.expected, guess.observed))
    return limit_by_toys(ToyTests(test.data, chosen, 0.0, toys), guess, ends=ends, extra=values)


class _LimitSearch:
    """The searches for one observed limit and several expected ones, which share their fits."""

    def __init__(self, curves: Curves, ends: tuple[float, float], alpha: float, n_sigma: FloatArray) -> None:
        self.curves, self.ends, self.n_sigma = curves, ends, n_sigma
        name = curves.test.statistic.name
        self.goals = [band_distance(name, curves.rule, alpha, float(n)) for n in n_sigma]
        self.observed = Root(np.nan, "", np.nan)
        self.expected: list[Root] = []

    def run(self, points: FloatArray | int) -> None:
        """Find all limits, the expected ones first: they say how wide the curve is."""
        with track(1 + len(self.goals), "limits") as advance:
            for goal in self.goals:
                self.expected.append(self._expected(goal))
                advance(1)
            self.observed = self._observed()
            advance(1)
        found = np.array([root.value for root in (self.observed, *self.expected)])
        for value in more_points(points, self.ends, found):
            self.curves.observed_height(value)
            self.curves.distance(value)

    @property
    def _width(self) -> float:
        """A value of the POI that is about one standard deviation, as far as is known."""
        test = self.curves.test
        for root, goal in zip(self.expected, self.goals, strict=False):
            if np.isfinite(root.value) and goal > 0.0 and root.value > test.alternative:
                return (root.value - test.alternative) / goal
        known = (np.nan if test.asimov is None else test.asimov.error, test.data.error)
        return next((sigma for sigma in known if np.isfinite(sigma)), 1.0)

    def _expected(self, goal: float) -> Root:
        if not np.isfinite(goal):
            return Root(np.nan, Ending.ABOVE.value, self.ends[0])
        curves, at = self.curves, self.curves.test.alternative

        def height(value: float, look: bool) -> float:
            return curves.distance(value, look) - goal

        return self._found(height, at, at + goal * self._width, curves.expected)

    def _observed(self) -> Root:
        curves, test = self.curves, self.curves.test
        at = max(test.alternative, test.data.best)
        return self._found(curves.observed_height, at, at + curves.goal * self._width, curves.observed)

    def _found(
        self, height: Callable[[float, bool], float], at: float, guess: float, known: set[float]
    ) -> Root:
        """From where the curve is low, upwards; downwards if all from there on is excluded."""
        low, high = self.ends
        first = float(np.clip(at, low, high))
        if height(first, False) > 0.0 and first > low:
            below = self.curves.find(lambda v, look: -height(v, look), first, 2.0 * first - guess, low, known)
            return below if below.status != Ending.BELOW.value else below._replace(status=Ending.ABOVE.value)
        found = self.curves.find(height, first, guess, high, known)
        if first == low and found.value - low <= _NEXT_TO * self._width:
            # The p-value falls at once: all but the first value are excluded.
            return Root(np.nan, Ending.ABOVE.value, low)
        return found

    def record(self, cl: float) -> Limit:
        """The result."""
        curves, test = self.curves, self.curves.test
        every = sorted(curves.observed | curves.expected)
        name = test.statistic.name
        p = np.array([np.exp(curves.log_p(v)) if v in curves.observed else np.nan for v in every])
        distances = np.array([[test.distance_at(v, look=False)] for v in every])
        return Limit(
            poi=test.poi.name,
            cl=cl,
            observed=self.observed.value,
            expected=np.array([root.value for root in self.expected]),
            n_sigma=self.n_sigma,
            status=self.observed.status,
            expected_status=tuple(root.status for root in self.expected),
            rule=curves.rule,
            statistic=name,
            method="asymptotic",
            best=test.data.best,
            points=np.array(every),
            p_values=p,
            expected_p_values=np.exp(expected_tails(name, distances, self.n_sigma).of(curves.rule)),
            messages=conclusions(test, doubts=self._doubts(every, p, 1.0 - cl)),
            fits=test.attempts(),
            layout=test.context.layout,
            blinded=test.context.blinded,
        )

    def _doubts(self, values: list[float], p: FloatArray, alpha: float) -> tuple[str, ...]:
        beyond = np.array(values) > self.observed.value
        if np.any(p[beyond] > 1.001 * alpha):
            return ("The p-value rises again above the limit: there is more than one crossing.",)
        return ()


def _without(test: AsymptoticTest, problem: str, cl: float, rule: str, n_sigma: FloatArray) -> Limit:
    """The record of a limit that cannot be looked for."""
    status = "no effect" if test.data.is_flat else Ending.NOT_FOUND.value
    none = np.full(len(n_sigma), np.nan)
    return Limit(
        poi=test.poi.name,
        cl=cl,
        observed=np.nan,
        expected=none,
        n_sigma=n_sigma,
        status=status,
        expected_status=(status,) * len(n_sigma),
        rule=rule,
        statistic=test.statistic.name,
        method="asymptotic",
        best=test.data.best,
        points=np.zeros(0),
        p_values=np.zeros(0),
        expected_p_values=np.zeros((0, len(n_sigma))),
        messages=conclusions(test, problem),
        fits=test.attempts(),
        layout=test.context.layout,
        blinded=test.context.blinded,
    )

"""Two-sided limits: all values of a parameter of interest that a test does not exclude."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InvalidValueError
from ...results import FitResult, Interval
from ..context import Context
from .asymptotic_tests import AsymptoticTest
from .beginning import Request, begin, conclusions, failure
from .curves import Curves, Root
from .methods import check_statistic, toys_asked_for
from .poi import check_fraction
from .ranges import check_points, check_rule, more_points, search_range, widened
from .roots import Ending

__all__ = ["two_sided_limit"]

_STATISTICS = ("t", "ttilde")


def two_sided_limit(
    context: Context,
    poi: Any,
    obs: Any,
    *,
    cl: float = 0.95,
    method: str = "asymptotic",
    statistic: str = "t",
    rule: str = "clsb",
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    best_fit: FitResult | None = None,
    range: tuple[float, float] | None = None,
    points: Any = (),
    strict: bool = True,
    **toy_options: Any,
) -> Interval:
    """The values of a parameter of interest (POI) that a two-sided test does not exclude.

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
        "asymptotic"; by toys such intervals are those of :func:`~smoothfit.model.Model.feldman_cousins`.
    statistic
        "t", or "ttilde" for what is not negative.
    rule
        "clsb" compares the p-value with 1 - cl, "cls" CLs.
    globs, fixed, best_fit, strict
        As for :func:`hypotest`.
    range
        (low, high) between which to look; the POI's bounds, from 0 for "ttilde". One that goes beyond the
        bounds replaces them, in fits too.
    points
        Values of the POI to test beside those on the way, or how many: for a picture.

    Returns
    -------
    Interval
        An end at a bound, or at an end of the range, has the status "at limit".

    Raises
    ------
    InvalidValueError, InvalidTypeError, UnknownNameError, ShapeMismatchError
        For input that does not fit the model, and options that do not exist.
    FitError
        If a fit did not converge; its ``.result`` holds it.

    Warns
    -----
    AsymptoticWarning
        If a nuisance sits at a limit in a fit.

    Notes
    -----
    With "t" these are the bounds of ``minos_bounds(cl=cl)``, found by another way.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> found = model.two_sided_limit(mu, [71.0, 48.0], cl=0.9)
    >>> round(found.lower, 3), round(found.upper, 3)
    (0.71, 2.677)
    """
    if toys_asked_for("two_sided_limit", method, toy_options) is not None:
        raise InvalidValueError(
            "two_sided_limit: intervals by toys are those of Feldman and Cousins: model.feldman_cousins()."
        )
    alpha, rule = 1.0 - check_fraction("two_sided_limit: cl", cl), check_rule("two_sided_limit", rule)
    chosen = check_statistic("two_sided_limit", statistic, _STATISTICS)
    request = Request(context, "two_sided_limit", obs, globs, fixed, best_fit)
    about = request.poi(poi)
    ends = search_range("two_sided_limit", about, range, chosen)
    request = request._replace(context=widened(context, about, ends))
    about = request.poi(poi)
    extra = check_points("two_sided_limit", points, ends)
    test = begin(request, about, chosen, 0.0)
    problem = failure(test, test.alternative, "two_sided_limit", strict)
    curves = Curves(test, rule, alpha)
    if problem:
        status = "no effect" if test.data.is_flat else Ending.NOT_FOUND.value
        none = Root(np.nan, status, np.nan)
        return _record(curves, none, none, 1.0 - alpha, problem)
    lower, upper = (_end(curves, ends, side) for side in (0, 1))
    for value in more_points(extra, ends, np.array([lower.value, upper.value])):
        curves.observed_height(value)
    return _record(curves, lower, upper, 1.0 - alpha)


def _end(curves: Curves, ends: tuple[float, float], side: int) -> Root:
    """One end of the interval, looked for from the best fit."""
    data = curves.test.data
    first = float(np.clip(data.best, *ends))
    width = data.error if np.isfinite(data.error) else 1.0
    guess = first + (1.0 if side else -1.0) * curves.goal * width
    if first == ends[side]:
        return (
            _at_limit(first) if curves.observed_height(first) <= 0.0 else Root(np.nan, "all excluded", first)
        )
    found = curves.find(curves.observed_height, first, guess, ends[side], curves.observed)
    reached = found.status == Ending.BELOW.value and np.isfinite(ends[side])
    return _at_limit(ends[side]) if reached else found


def _at_limit(value: float) -> Root:
    return Root(value, "at limit", value)


def _record(curves: Curves, lower: Root, upper: Root, cl: float, problem: str = "") -> Interval:
    test: AsymptoticTest = curves.test
    every = sorted(curves.observed)
    return Interval(
        poi=test.poi.name,
        cl=cl,
        lower=lower.value,
        upper=upper.value,
        status_lower=lower.status,
        status_upper=upper.status,
        rule=curves.rule,
        statistic=test.statistic.name,
        method="asymptotic",
        best=test.data.best,
        points=np.array(every),
        p_values=np.array([np.exp(curves.log_p(value)) for value in every]),
        messages=conclusions(test, problem),
        fits=test.attempts(),
        layout=test.context.layout,
        blinded=test.context.blinded,
    )

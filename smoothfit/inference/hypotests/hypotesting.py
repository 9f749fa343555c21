"""The test of one value of a parameter of interest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InvalidTypeError, InvalidValueError
from ...results import FitResult, HypotestResult
from ..context import Context
from .asymptotic_tests import AsymptoticTest
from .asymptotics import expected_tails, tails
from .beginning import Request, begin, conclusions, failure, tested_failure
from .methods import check_statistic, toys_asked_for
from .poi import Poi, check_value
from .ranges import SIGMAS
from .statistics import Statistic
from .toy_hypotest import hypotest_by_toys

__all__ = ["hypotest"]

_STATISTICS = ("qtilde", "q", "t", "ttilde", "q0")


def hypotest(
    context: Context,
    poi: Any,
    value: float,
    obs: Any,
    *,
    statistic: str = "qtilde",
    method: str = "asymptotic",
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    best_fit: FitResult | None = None,
    alternative: float | None = None,
    strict: bool = True,
    **toy_options: Any,
) -> HypotestResult:
    """Test a value of a parameter of interest (POI): CLs, CLs+b, CLb, and what to expect of them.

    All other parameters are fitted, other POIs too, unless they are ``fixed``.

    Parameters
    ----------
    poi
        A scalar Variable or the name of a component.
    value
        The tested value; 0 for ``q0``.
    obs
        (bin,) counts in events, or {channel: counts or histogram}.
    statistic
        "qtilde" for limits on what is not negative, "q" for what may be; "t" and "ttilde", two-sided; "q0"
        for discoveries; "lep" and "tevatron", by toys only.
    method
        "asymptotic", or "toys", with ``toys=``, ``seed=``, ``toy_kind=``, ``nuisances=``, ``mc_error=``.
    globs
        Global observables (parameters', then bins'), or a dict by parameter; the model's by default.
    fixed
        {variable, name or regular expression: value} to hold constant.
    best_fit
        The fit of these data with the POI free, if it is there already; its globs and held parameters count.
    alternative
        The POI of the other hypothesis: 0 by default, 1 for ``q0``.
    strict
        Whether to raise if a fit does not converge; else what depends on it is NaN, and ``messages`` say why.

    Raises
    ------
    InvalidValueError, InvalidTypeError, UnknownNameError, ShapeMismatchError
        For input that does not fit the model, and values that cannot be tested.
    FitError
        If a fit did not converge; its ``.result`` holds it.

    Warns
    -----
    AsymptoticWarning
        If a nuisance sits at a limit in a fit: the formulae are not made for that.

    Notes
    -----
    The other hypothesis is known by its Asimov data: the expectation at ``alternative`` and the nuisances
    that the observed data have then, with global observables at these. G. Cowan, K. Cranmer, E. Gross,
    O. Vitells, arXiv:1007.1727.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> result = model.hypotest(mu, 1.0, [51.0, 42.0])
    >>> round(result.cls, 4), result.expected.round(4)
    (0.1003, array([0.0029, 0.0152, 0.0689, 0.2454, 0.5852]))
    """
    toys = toys_asked_for("hypotest", method, toy_options)
    chosen = check_statistic("hypotest", statistic, _STATISTICS, toys)
    request = Request(context, "hypotest", obs, globs, fixed, best_fit)
    about = request.poi(poi)
    tested = check_value(about, value, chosen, "hypotest")
    test = begin(request, about, chosen, _alternative(about, chosen, alternative, tested))
    if toys is not None:
        return hypotest_by_toys(test, tested, toys, strict=strict)
    return _result(test, tested, failure(test, test.alternative, "hypotest", strict), strict)


def _alternative(poi: Poi, statistic: Statistic, given: Any, tested: float) -> float:
    """The POI of the other hypothesis."""
    other = (0.0 if statistic.tested else 1.0) if given is None else given
    if isinstance(other, bool) or not isinstance(other, int | float | np.number):
        raise InvalidTypeError(f"hypotest: alternative must be a number, got {given!r}.")
    if statistic.not_negative and other != 0.0:
        raise InvalidValueError(
            f"hypotest: the formulae of {statistic.name} are for an alternative of 0, got {other:g}; give "
            "statistic='q' or 't'."
        )
    if not statistic.tested and other <= 0.0:
        raise InvalidValueError(
            f"hypotest: {statistic.name} looks for '{poi.name}' above 0; alternative must be, got {other:g}."
        )
    if statistic.name == "q" and other > tested:
        raise InvalidValueError(
            f"hypotest: q is for an alternative below the tested value, {tested:g}, got {other:g}; give "
            "statistic='t'."
        )
    return float(other)


def _result(test: AsymptoticTest, tested: float, problem: str, strict: bool) -> HypotestResult:
    q = distance = np.nan
    if not problem:
        q, distance = test.statistic_at(tested), test.distance_at(tested)
        problem = tested_failure(test, tested, "hypotest", strict)
    name = test.statistic.name
    observed, expected = tails(name, q, distance), expected_tails(name, distance, SIGMAS)
    return HypotestResult(
        poi=test.poi.name,
        value=tested,
        statistic=name,
        method="asymptotic",
        q=q,
        q_asimov=distance**2,
        clsb=float(np.exp(observed.clsb)),
        clb=float(np.exp(observed.clb)),
        cls=float(np.exp(observed.cls)),
        expected_clsb=np.exp(expected.clsb),
        expected_clb=np.exp(expected.clb) + 0.0 * distance,
        n_sigma=SIGMAS.copy(),
        best=test.data.best,
        alternative=test.alternative,
        fits=test.attempts(),
        messages=conclusions(test, problem),
        layout=test.context.layout,
        blinded=test.context.blinded,
    )

"""The significance of a signal, observed and expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..._checks import check_flag
from ..._spaces import log_below
from ...errors import InvalidTypeError, InvalidValueError
from ...results import FitResult, Significance
from ..context import Context
from .asymptotic_tests import AsymptoticTest
from .beginning import Request, begin, conclusions, failure
from .methods import toys_asked_for
from .poi import Poi, check_value
from .ranges import SIGMAS
from .statistics import STATISTICS
from .toy_hypotest import significance_by_toys

__all__ = ["significance"]


def significance(
    context: Context,
    poi: Any,
    obs: Any,
    *,
    method: str = "asymptotic",
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    best_fit: FitResult | None = None,
    expected_signal: float | None = None,
    uncapped: bool = False,
    strict: bool = True,
    **toy_options: Any,
) -> Significance:
    """How significant a signal is: Z, and the p-value Phi(-Z) of the background alone.

    All other parameters are fitted, other POIs too, unless they are ``fixed``.

    Parameters
    ----------
    poi
        A scalar Variable or the name of a component; 0 is no signal.
    obs
        (bin,) counts in events, or {channel: counts or histogram}.
    method
        "asymptotic", or "toys", with ``toys=``, ``seed=``, ``toy_kind=``, ``nuisances=``, ``mc_error=``.
    globs, fixed, best_fit, strict
        As for :func:`hypotest`.
    expected_signal
        The POI for which to give the expected significance; 1 if that is within its bounds.
    uncapped
        Whether a deficit has a negative significance instead of 0; the POI may be negative then.

    Raises
    ------
    InvalidValueError, InvalidTypeError, UnknownNameError, ShapeMismatchError
        For input that does not fit the model.
    FitError
        If a fit did not converge; its ``.result`` holds it.

    Warns
    -----
    AsymptoticWarning
        If a nuisance sits at a limit in a fit.

    Notes
    -----
    Z = sqrt(q0); expected ones from Asimov data with the signal, the nuisances being those that the observed
    data have with it. G. Cowan, K. Cranmer, E. Gross, O. Vitells, arXiv:1007.1727.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> found = model.significance(mu, [71.0, 48.0])
    >>> round(found.observed, 3), found.expected.round(3)
    (3.034, array([0.   , 0.879, 1.879, 2.879, 3.879]))
    """
    toys = toys_asked_for("significance", method, toy_options)
    request = Request(context, "significance", obs, globs, fixed, best_fit)
    about = request.poi(poi)
    statistic = STATISTICS["q0"]
    check_value(about, 0.0, statistic, "significance")
    signal = _expected_signal(about, expected_signal)
    test = begin(request, about, statistic, 0.0 if signal is None else signal)
    problem = failure(test, 0.0, "significance", strict)
    found = _record(test, signal, check_flag("significance: uncapped", uncapped), problem)
    return found if toys is None else significance_by_toys(test, toys, found)


def _expected_signal(poi: Poi, given: Any) -> float | None:
    """The POI of the expected signal; None if the usual one is outside the bounds."""
    if given is None:
        return 1.0 if poi.lower <= 1.0 <= poi.upper else None
    if isinstance(given, bool) or not isinstance(given, int | float | np.number):
        raise InvalidTypeError(f"significance: expected_signal must be a number, got {given!r}.")
    if not 0.0 < given <= poi.upper:
        raise InvalidValueError(
            f"significance: expected_signal must be above 0 and within the bounds of '{poi.name}', up to "
            f"{poi.upper:g}, got {given:g}."
        )
    return float(given)


def _record(test: AsymptoticTest, signal: float | None, uncapped: bool, problem: str) -> Significance:
    q0, z, p, distance = (np.nan,) * 4
    if not problem:
        q0 = test.statistic_at(0.0)
        rise = 2.0 * (test.data.nll_at(0.0) - test.data.lowest)
        z = -np.sqrt(max(rise, 0.0)) if uncapped and test.data.best < 0.0 else np.sqrt(q0)
        p = float(np.exp(log_below(-z)))
        distance = np.nan if signal is None else test.distance_at(0.0)
        if signal is None:
            problem = f"There is no expected significance: '{test.poi.name}' = 1 is outside its bounds."
        elif not np.isfinite(distance):
            problem = f"There is no expected significance: a fit with '{test.poi.name}' = {signal:g} failed."
    expected = distance + SIGMAS
    return Significance(
        poi=test.poi.name,
        observed=float(z),
        p_value=p,
        q0=q0,
        expected=expected if uncapped else np.maximum(expected, 0.0),
        n_sigma=SIGMAS.copy(),
        expected_signal=np.nan if signal is None else signal,
        uncapped=uncapped,
        method="asymptotic",
        best=test.data.best,
        messages=conclusions(test, problem),
        fits=test.attempts(),
        layout=test.context.layout,
        blinded=test.context.blinded,
    )

"""How every test begins: the fit with the POI free; and what to say of the fits when it ends."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...errors import AsymptoticWarning, FitError, InvalidValueError
from ...results import FitResult
from .. import inputs
from ..context import Context, check_made_with
from ..fitting import fit_prepared_data
from ..scans import check_converged
from .asymptotic_tests import AsymptoticTest
from .poi import Poi, poi_of
from .statistics import Statistic

__all__ = ["Request", "begin", "conclusions", "failure", "tested_failure"]


class Request(NamedTuple):
    """Which data a test is about, and what is known or held."""

    context: Context
    call: str
    """The name of the function that asks, for messages."""
    obs: Any
    globs: Any
    fixed: Mapping[Any, Any] | None
    best_fit: FitResult | None

    def poi(self, given: Any) -> Poi:
        """The POI, which must not be held.

        Raises
        ------
        UnknownNameError, InvalidValueError, InvalidTypeError
            If it is no parameter, or held.
        """
        held = self.fixed if self.best_fit is None else getattr(self.best_fit, "fixed", None)
        return poi_of(self.context, given, held, self.call)


def begin(request: Request, poi: Poi, statistic: Statistic, alternative: float) -> AsymptoticTest:
    """The fit with the POI free, and a test to be asked.

    Raises
    ------
    InvalidValueError, InvalidTypeError, UnknownNameError, ShapeMismatchError
        For data that do not fit the model, or a ``best_fit`` that does not fit these.
    """
    context, call, best_fit = request.context, request.call, request.best_fit
    if not poi.lower <= alternative <= poi.upper:
        raise InvalidValueError(
            f"{call}: the other hypothesis is '{poi.name}' = {alternative:g}, outside its bounds "
            f"[{poi.lower:g}, {poi.upper:g}]; give the Variable bounds that allow it."
        )
    if best_fit is None:
        layout = context.layout
        counts, observables = inputs.counts(layout, request.obs), inputs.globs(layout, request.globs)
        problem = counts, observables, request.fixed, layout.start
        best_fit = fit_prepared_data(context, *problem, strict=False, look=True)
    else:
        check_made_with(context, best_fit, request.obs, call)
        check_converged(best_fit, call)
        if request.globs is not None or request.fixed is not None:
            raise InvalidValueError(
                f"{call}: globs and fixed are those of best_fit; leave them out, or leave out best_fit."
            )
    return AsymptoticTest(context, poi, best_fit, statistic, alternative)


def failure(test: AsymptoticTest, needed: float, call: str, strict: bool) -> str:
    """Why there can be no answer; "" if the fits converged that every answer needs.

    Parameters
    ----------
    needed
        The value of the POI at which a fit to the data is needed, beside the one with the POI free.

    Raises
    ------
    FitError
        If one of them did not, unless the POI has no effect, or a flagged result is wanted.
    """
    name = test.poi.name
    if not test.data.free.success and test.data.is_flat:
        return f"The likelihood is the same for all values of '{name}': it has no effect."
    held = test.data.at(needed, look=True).result
    for what, fit in (("", test.data.free), (f" with '{name}' = {needed:g}", held)):
        if not fit.success:
            message = f"The fit of the data{what} did not converge: {fit.message}"
            if strict:
                raise FitError(f"{call}: {message}", fit)
            return message
    return ""


def tested_failure(test: AsymptoticTest, value: float, call: str, strict: bool) -> str:
    """Why there is no answer for a tested value; "" if its fits converged.

    Raises
    ------
    FitError
        If one did not, unless a flagged result is wanted.
    """
    profiles = [("the data", test.data)] + ([] if test.asimov is None else [("the Asimov data", test.asimov)])
    for what, profile in profiles:
        known = profile.points.get(value)
        if known is not None and not np.isfinite(known.nll):
            held = f"with '{test.poi.name}' = {value:g}"
            message = f"The fit of {what} {held} did not converge: {known.result.message}"
            if strict:
                raise FitError(f"{call}: {message}", known.result)
            return message
    return ""


def conclusions(test: AsymptoticTest, problem: str = "", doubts: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What to know of a result: a problem, and doubts, which are also said in warnings."""
    said = list(doubts)
    limited = test.at_limits()
    if limited:
        names = ", ".join(f"'{name}'" for name in limited[:6]) + (", ..." if len(limited) > 6 else "")
        are = "sits at a limit" if len(limited) == 1 else "sit at limits"
        said.append(f"{names} {are} in a fit: asymptotic formulae are not made for that; use toys.")
    for message in said:
        warnings.warn(message, AsymptoticWarning, stacklevel=5)
    if test.data.replaced:
        said.append("A lower minimum than the first was met on the way, and is the best fit here.")
    return (problem, *said) if problem else tuple(said)

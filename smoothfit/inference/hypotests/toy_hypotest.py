"""Tests of one value of a parameter of interest, and significances, by toys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..._spaces import significance_of
from ...results import HypotestResult, Significance
from ..ensembles import Counted
from .asymptotic_tests import AsymptoticTest
from .beginning import failure
from .ranges import SIGMAS
from .statistics import Statistic
from .toy_tails import Tails
from .toy_tests import ToyOptions, ToyPoint, ToyTests

__all__ = ["hypotest_by_toys", "significance_by_toys"]

_NONE = Tails(Counted(np.nan, np.nan), Counted(np.nan, np.nan))


def _tests(test: AsymptoticTest, options: ToyOptions) -> ToyTests:
    return ToyTests(test.data, test.statistic, test.alternative, options)


def _answer_of(statistic: Statistic, tails: Tails) -> Counted:
    """What a test is about: CLs, or the p-value where no limit is meant."""
    return tails.cls if statistic.tested and statistic.one_sided else tails.clsb


def hypotest_by_toys(
    test: AsymptoticTest, tested: float, options: ToyOptions, *, strict: bool = True
) -> HypotestResult:
    """The test of a value by toys of both hypotheses.

    The Monte Carlo error that can be asked for is that of CLs, or of CLs+b of statistics that are not for
    limits. Tails are k/N: of the toys, those with a statistic not below the observed one.

    Raises
    ------
    FitError
        If a fit of the data does not converge on which all depends; else, if not ``strict``, all is NaN.
    """
    problem = failure(test, test.alternative, "hypotest", strict)
    tests = _tests(test, options)
    observed, bands, point = _NONE, [_NONE] * len(SIGMAS), None
    if not problem:

        def answer(so_far: ToyPoint) -> tuple[float, float]:
            return _answer_of(test.statistic, so_far.observed_tails())

        point = tests.at(tested).extend(options.precision, answer, "CLs")
        observed, bands = point.observed_tails(), [point.band_tails(n) for n in SIGMAS]
    messages = (problem,) if problem else _messages(tests, options, observed)
    found = _answer_of(test.statistic, observed)
    return HypotestResult(
        poi=test.poi.name,
        value=tested,
        statistic=test.statistic.name,
        method="toys",
        q=np.nan if point is None else point.q,
        q_asimov=np.nan,
        clsb=observed.clsb.value,
        clb=observed.clb.value,
        cls=observed.cls.value,
        expected_clsb=np.array([band.clsb.value for band in bands]),
        expected_clb=np.array([band.clb.value for band in bands]),
        n_sigma=SIGMAS.copy(),
        best=test.data.best,
        alternative=test.alternative,
        fits=test.attempts(),
        messages=messages,
        layout=test.context.layout,
        blinded=test.context.blinded,
        toys_null=None if point is None else point.tested,
        toys_alt=None if point is None else point.other,
        mc_error=found.error,
        clsb_error=observed.clsb.error,
        clb_error=observed.clb.error,
        cls_error=observed.cls.error,
        toys=tests.summary(),
    )


def _messages(tests: ToyTests, options: ToyOptions, observed: Tails) -> tuple[str, ...]:
    said = [f"{tests.summary()}. Tails are k/N."]
    error = _answer_of(tests.statistic, observed).error
    if options.precision.error is not None and not error <= options.precision.error:
        said.append(
            f"The Monte Carlo error is {error:.2g}, above the {options.precision.error:g} that was asked "
            f"for, after the most toys allowed, {options.precision.limit} of either hypothesis."
        )
    if tests.data.replaced:
        said.append("A lower minimum than the first was met on the way, and is the best fit here.")
    return tuple(said)


def significance_by_toys(test: AsymptoticTest, options: ToyOptions, asymptotic: Significance) -> Significance:
    """The significance by toys without a signal: p = (k + 1)/(N + 1), which is above 0 also if k is 0.

    Parameters
    ----------
    asymptotic
        The same by formulae: for what does not depend on toys.
    """
    if not asymptotic.success:
        return replace(asymptotic, method="toys", expected=asymptotic.expected * np.nan)
    tests = _tests(test, options)

    def answer(so_far: ToyPoint) -> tuple[float, float]:
        return so_far.observed_tails().clsb

    point = tests.at(0.0).extend(options.precision, answer, "p")
    found = point.observed_tails().clsb
    valid = point.tested[np.isfinite(point.tested)]
    observed = _with_itself(found.value, len(valid))
    expected = [_with_itself(point.band_tails(n).clsb.value, len(valid)) for n in asymptotic.n_sigma[::-1]]
    said = [f"{tests.summary()}. The p-value is (k + 1)/(N + 1)."]
    if found.value == 0.0:
        said.append(f"No toy is as signal-like as the data: the significance is above {_z(observed):.3g}.")
    return replace(
        asymptotic,
        observed=_z(observed),
        p_value=observed,
        q0=point.q,
        expected=np.array([_z(p) for p in expected]),
        method="toys",
        messages=tuple(said),
        toys=point.tested,
        mc_error=found.error,
        toy_counts=tests.summary(),
    )


def _with_itself(tail: float, n: int) -> float:
    """(k + 1)/(N + 1) of k/N: the data are one more draw."""
    return (tail * n + 1.0) / (n + 1.0)


def _z(p: float) -> float:
    return float(significance_of(np.log(p))) if p < 1.0 else 0.0

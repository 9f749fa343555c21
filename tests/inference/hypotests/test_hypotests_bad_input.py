"""What tests and limits say of input that they cannot use."""

from __future__ import annotations

import re

import numpy as np
import pytest
from closed_forms import gaussian, sideband

from smoothfit.errors import (
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    UnknownNameError,
)
from smoothfit.model import Model, Process, Variable

OBS = [14.0, 25.0]
ASK = {
    "hypotest": lambda model, poi, obs, **options: model.hypotest(poi, 1.0, obs, **options),
    "upper_limit": lambda model, poi, obs, **options: model.upper_limit(poi, obs, **options),
    "two_sided_limit": lambda model, poi, obs, **options: model.two_sided_limit(poi, obs, **options),
    "significance": lambda model, poi, obs, **options: model.significance(poi, obs, **options),
}


@pytest.fixture(scope="module")
def model():
    return sideband()


@pytest.fixture(params=ASK)
def ask(request, model):
    def call(poi="mu", obs=OBS, **options):
        return ASK[request.param](options.pop("model", model), poi, obs, **options)

    return call


def test_parameters_of_interest(ask):
    with pytest.raises(UnknownNameError, match="No parameter is named 'nu'; its variables are: mu, b"):
        ask("nu")
    with pytest.raises(InvalidTypeError, match="got float"):
        ask(3.0)
    with pytest.raises(InvalidTypeError, match="name a parameter of interest, got None"):
        ask(None)
    with pytest.raises(UnknownNameError, match="'mu' is not used in this model"):
        ask(Variable("mu", 1.0))
    with pytest.raises(InvalidValueError, match="'mu' is held constant; leave it out of fixed"):
        ask(fixed={"mu": 1.0})


def test_arrays_and_bin_parameters(ask):
    scale = Variable("scale", np.ones(2))
    several = Model().add_proc(Process("sig", [5.0, 4.0], sumw2=[2.0, 2.0]).scale_by(scale)).prepare()
    with pytest.raises(InvalidValueError, match=r"'scale' has 2 components; one of scale\[0\], scale\[1\]"):
        ask(scale, model=several)
    name = several.layout.bin_parameters[0]
    with pytest.raises(InvalidValueError, match=f"'{re.escape(name)}' is a bin parameter"):
        ask(name, model=several)


def test_data(ask):
    with pytest.raises(ShapeMismatchError, match=r"obs: shape \(3,\), the model has 2 bins"):
        ask(obs=[1.0, 2.0, 3.0])
    with pytest.raises(InvalidValueError, match="must not be negative"):
        ask(obs=[-1.0, 2.0])
    with pytest.raises(InvalidValueError, match="must be finite"):
        ask(obs=[np.nan, 2.0])


def test_best_fits(ask, model):
    best_fit = model.fit(OBS)
    with pytest.raises(InvalidValueError, match="made with other data than obs"):
        ask(obs=[15.0, 25.0], best_fit=best_fit)
    with pytest.raises(InvalidTypeError, match="best_fit must be a FitResult, got float"):
        ask(best_fit=1.5)
    with pytest.raises(InvalidValueError, match="globs and fixed are those of best_fit"):
        ask(best_fit=best_fit, fixed={"b": 1.0})
    with pytest.raises(InvalidValueError, match="'mu' is held constant"):
        ask(best_fit=model.fit(OBS, fixed={"mu": 1.0}))
    with pytest.raises(InvalidValueError, match="made with another model"):
        ask(best_fit=gaussian().fit([40.0]))


def test_methods(ask):
    with pytest.raises(InvalidValueError, match="method must be 'asymptotic' or 'toys', got 'bayes'"):
        ask(method="bayes")
    with pytest.raises(InvalidValueError, match="'toys' is for method='toys'"):
        ask(toys=100)
    with pytest.raises(InvalidTypeError, match="no option is named 'levle'"):
        ask(levle=0.9)


def test_fractions(model):
    for cl in (0.0, 1.0, 95, -0.1, np.nan, "0.95", True, None):
        for call in (model.upper_limit, model.two_sided_limit):
            with pytest.raises(InvalidValueError, match="cl must be between 0 and 1"):
                call("mu", OBS, cl=cl)
    with pytest.raises(InvalidValueError, match=r"quantiles must be between 0 and 1, got 1\.5"):
        model.upper_limit("mu", OBS, quantiles=[0.5, 1.5])
    for quantiles in (0.5, [], "0.5"):
        with pytest.raises(InvalidTypeError, match="quantiles must be a list of numbers"):
            model.upper_limit("mu", OBS, quantiles=quantiles)


@pytest.mark.parametrize("statistic", ["CLs", "", None, 3])
def test_statistics(model, statistic):
    with pytest.raises(InvalidValueError, match="statistic must be one of qtilde, q, t, ttilde, q0"):
        model.hypotest("mu", 1.0, OBS, statistic=statistic)
    with pytest.raises(InvalidValueError, match="statistic must be one of t, ttilde, got"):
        model.two_sided_limit("mu", OBS, statistic=statistic)


def test_statistics_for_something_else(model):
    with pytest.raises(InvalidValueError, match="statistic must be one of qtilde, q, t, ttilde, got 'q0'"):
        model.upper_limit("mu", OBS, statistic="q0")
    for name in ("lep", "tevatron"):
        with pytest.raises(InvalidValueError, match=f"{name} has no asymptotic formula; give method='toys'"):
            model.upper_limit("mu", OBS, statistic=name)
    with pytest.raises(InvalidValueError, match="q0 tests 'mu' = 0, got 1"):
        model.hypotest("mu", 1.0, OBS, statistic="q0")
    with pytest.raises(InvalidValueError, match="rule must be one of cls, clsb, got 'pcl'"):
        model.upper_limit("mu", OBS, rule="pcl")


def test_tested_values(model):
    for value in (-0.1, 101.0, np.nan, np.inf):
        with pytest.raises(InvalidValueError, match=r"is outside its bounds \[0, 100\]"):
            model.hypotest("mu", value, OBS)
    for value in ("1", None, True, [1.0]):
        with pytest.raises(InvalidTypeError, match="the value of 'mu' must be a number"):
            model.hypotest("mu", value, OBS)
    with pytest.raises(InvalidValueError, match="qtilde is for values from 0, got 'mu' = -1"):
        gaussian().hypotest("mu", -1.0, [40.0])


def test_alternatives(model):
    with pytest.raises(InvalidValueError, match="qtilde are for an alternative of 0, got 1"):
        model.hypotest("mu", 1.0, OBS, alternative=1.0)
    with pytest.raises(InvalidTypeError, match="alternative must be a number, got 'SM'"):
        model.hypotest("mu", 1.0, OBS, statistic="t", alternative="SM")
    with pytest.raises(InvalidValueError, match="q0 looks for 'mu' above 0"):
        model.hypotest("mu", 0.0, OBS, statistic="q0", alternative=0.0)
    with pytest.raises(InvalidValueError, match="q is for an alternative below the tested value"):
        model.hypotest("mu", 1.0, OBS, statistic="q", alternative=2.0)
    with pytest.raises(InvalidValueError, match=r"the other hypothesis is 'mu' = 200, outside its bounds"):
        model.hypotest("mu", 0.0, OBS, statistic="q0", alternative=200.0)


def test_bounds_without_0():
    mu = Variable("mu", 1.0, lower_bound=0.1, upper_bound=5.0)
    model = Model().add_proc(Process("sig", [9.0]).scale_by(mu)).add_proc(Process("bkg", [9.0])).prepare()
    with pytest.raises(
        InvalidValueError, match=r"the other hypothesis is 'mu' = 0, outside its bounds \[0.1, 5\]"
    ):
        model.upper_limit(mu, [12.0])
    with pytest.raises(InvalidValueError, match="'mu' = 0 is outside its bounds"):
        model.significance(mu, [12.0])


def test_ranges(model):
    for given in ((5.0, 5.0), (6.0, 5.0)):
        with pytest.raises(InvalidValueError, match=r"an interval \(low, high\), got"):
            model.upper_limit("mu", OBS, range=given)
    with pytest.raises(InvalidValueError, match="qtilde is for values from 0, the range begins at -1"):
        model.upper_limit("mu", OBS, range=(-1.0, 5.0))
    for given in (5.0, (1.0,), (1.0, 2.0, 3.0), "0,1"):
        with pytest.raises(InvalidTypeError, match=r"range must be \(low, high\)"):
            model.two_sided_limit("mu", OBS, range=given)
    with pytest.raises(InvalidValueError, match="qtilde is for values from 0, the range begins at -1"):
        gaussian().upper_limit("mu", [40.0], range=(-1.0, 4.0))


def test_points(model):
    with pytest.raises(InvalidValueError, match="the point 200 is outside the range"):
        model.upper_limit("mu", OBS, points=[1.0, 200.0])
    with pytest.raises(InvalidValueError, match="points must be 0 or more, got -2"):
        model.upper_limit("mu", OBS, points=-2)
    with pytest.raises(InvalidTypeError, match="points must be values, or how many, got True"):
        model.upper_limit("mu", OBS, points=True)
    with pytest.raises(InvalidTypeError, match="points must be values, or how many, got 'many'"):
        model.upper_limit("mu", OBS, points="many")


def test_signals(model):
    for signal in (0.0, -1.0, 200.0, np.nan):
        with pytest.raises(InvalidValueError, match="expected_signal must be above 0 and within the bounds"):
            model.significance("mu", OBS, expected_signal=signal)
    with pytest.raises(InvalidTypeError, match="expected_signal must be a number, got 'SM'"):
        model.significance("mu", OBS, expected_signal="SM")
    with pytest.raises(InvalidTypeError, match="uncapped"):
        model.significance("mu", OBS, uncapped="yes")

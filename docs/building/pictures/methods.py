"""One picture a method: what it finds, in a small search, drawn by `smoothfit.plot`."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .registry import picture

__all__: list[str] = []


@cache
def _search() -> tuple[Any, Any, Any]:
    """(model, mu, data): a narrow signal on a falling background, with three nuisances."""
    from smoothfit import Model, Process, Variable

    x = np.linspace(0.0, 1.0, 12)
    background = 180.0 * np.exp(-2.2 * x)
    signal = 36.0 * np.exp(-0.5 * ((x - 0.5) / 0.1) ** 2)
    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0, label=r"\mu")
    lumi, norm, slope = (Variable(name, 0.0, nuisance=True) for name in ("lumi", "norm", "slope"))
    sig = (
        Process("signal", signal, channel="SR", sumw2=signal / 20, signal=True)
        .scale_by(mu)
        .add_lnN(lumi, 1.02)
    )
    bkg = Process("background", background, channel="SR", sumw2=background / 8).add_lnN(lumi, 1.02)
    bkg = bkg.add_lnN(norm, 1.1)
    bkg = bkg.add_shape(slope, background * (1.0 + 0.1 * (x - 0.4)), background * (1.0 - 0.1 * (x - 0.4)))
    model = Model().add_proc(sig).add_proc(bkg)
    model = model.describe_channel("SR", np.linspace(100.0, 160.0, 13), "mass", "GeV").prepare()
    obs = np.random.default_rng(11).poisson(model.pred({mu: 0.8, slope: 0.5}))
    return model, mu, obs.astype(float)


@cache
def _fit() -> Any:
    model, _, obs = _search()
    return model.fit(obs)


@picture(
    alt="Data points over stacked signal and background in 12 bins of mass, before and after the fit, "
    "with their uncertainty bands and ratios.",
    caption="plot.overview of a small search: before the fit, after it, and the pulls.",
)
def overview() -> Any:
    from smoothfit import plot

    model, _, obs = _search()
    best_fit = _fit()
    return plot.overview(model.yields({}, obs=obs), model.yields(best_fit), model.pulls(best_fit))


@picture(
    alt="CLs against mu: the observed curve, the median expected one and the green and yellow bands at "
    "one and two standard deviations; the limits are where they cross 0.05.",
    caption="plot.limit: CLs along mu with the bands of what is expected without a signal.",
)
def limits() -> Any:
    from smoothfit import plot

    model, mu, obs = _search()
    return plot.limit(model.upper_limit(mu, obs, points=20))


@picture(
    alt="Expected limits at eight masses with bands at one and two standard deviations, and the observed "
    "limits, which rise above the bands at 130.",
    caption="plot.limit of a list: one limit a mass.",
)
def brazil() -> Any:
    from smoothfit import Model, Process, Variable, plot

    masses = np.linspace(110.0, 150.0, 8)
    centres = np.linspace(102.5, 157.5, 12)
    model, _, obs = _search()
    background = model.pred({"mu": 0.0})
    found = []
    for mass in masses:
        mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=20.0)
        peak = 36.0 * np.exp(-0.5 * ((centres - mass) / 5.0) ** 2)
        norm = Variable("norm", 0.0, nuisance=True)
        sig = Process("sig", peak, signal=True).scale_by(mu)
        at_mass = Model().add_proc(sig).add_proc(Process("bkg", background).add_lnN(norm, 1.1)).prepare()
        found.append(at_mass.upper_limit(mu, obs))
    return plot.limit(found, at=masses, label="mass [GeV]")


@picture(
    alt="The density of the test statistic q0 under the background and under a signal of 1, with the "
    "observed value; what lies beyond it is the p-value.",
    caption="plot.hypotest by toys: the statistic under both hypotheses, the observed value, the formulae.",
)
def hypotest() -> Any:
    from smoothfit import plot

    model, mu, obs = _search()
    return plot.hypotest(model.hypotest(mu, 1.1, obs, method="toys", toys=2000, seed=1))


@picture(
    alt="A histogram of the saturated test statistic of toys, the chi-square density for comparison, and "
    "the observed value well within.",
    caption="plot.gof: the data among 500 toys.",
)
def goodness_of_fit() -> Any:
    from smoothfit import plot

    model, _, obs = _search()
    return plot.gof(model.goodness_of_fit(obs, toys=500, seed=1))


@picture(
    alt="Twice the NLL difference along mu: a parabola-like curve with all nuisances fitted, a narrower "
    "one with nuisances held, and lines at 1 and 4.",
    caption="plot.scan: all nuisances fitted, and held.",
)
def scans() -> Any:
    from smoothfit import plot

    model, mu, obs = _search()
    points = np.linspace(0.0, 2.0, 41)
    fitted = model.scan(mu, points, _fit(), obs)
    held = model.scan(mu, points, _fit(), obs, stat_only=True)
    return plot.scan(fitted, held, labels=["all", "statistics alone"])


@picture(
    alt="Closed curves of mu and norm at 68 and 95 percent around the best fit, slanted.",
    caption="plot.contour: two parameters at 68% and 95%, everything else fitted.",
)
def contours() -> Any:
    from smoothfit import plot

    model, mu, obs = _search()
    return plot.contour(model.contour(mu, "slope", _fit(), obs, cl=[0.68, 0.95], points=48))


@picture(
    alt="Nuisances in the order of their impact on mu, each with its pull and constraint on the left and "
    "with the shifts of mu for both signs on the right.",
    caption="plot.impacts: pulls beside the shifts of mu.",
)
def impacts() -> Any:
    from smoothfit import plot

    model, mu, obs = _search()
    return plot.impacts(model.impacts(mu, _fit(), obs), n=10)


@picture(
    alt="Bars with the part that each group of uncertainties has in the variance of mu.",
    caption="plot.breakdown: whose the variance of mu is.",
)
def breakdown() -> Any:
    from smoothfit import plot

    model, mu, obs = _search()
    return plot.breakdown(model.breakdown(mu, _fit(), obs))


@picture(
    alt="Coverage of Minos intervals and of CLs limits at four true values of mu with their errors, "
    "beside the levels they are meant for.",
    caption="plot.coverage: how often intervals hold the truth, by toys.",
)
def coverage() -> Any:
    from smoothfit import plot

    model, mu, _ = _search()
    values = [0.2, 0.5, 1.0, 2.0]
    return plot.coverage(model.coverage(mu, values, method="minos", toys=400, seed=1))


@picture(
    alt="Best fits and pulls of mu in 500 toys, each with its histogram, mean and width.",
    caption="plot.toys: what fits of toys find.",
)
def toys() -> Any:
    from smoothfit import plot
    from smoothfit.campaign import fit_toys

    model, mu, _ = _search()
    return plot.toys(fit_toys(model, values={mu: 1.0}, toys=500, seed=1), parameters=["mu"])

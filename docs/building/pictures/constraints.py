"""What is known before a fit: constraints, Monte Carlo statistics, correlations, changed templates."""

from __future__ import annotations

from typing import Any

import numpy as np

from .registry import BLUE, GREEN, GREY, ORANGE, canvas, picture

__all__: list[str] = []


def _term(constraint: Any, points: Any) -> Any:
    """-log C at points, from the likelihood of a model without data."""
    from smoothfit import Model, Process, Variable

    variable = Variable("a", 1.0, constraint=constraint)
    model = Model().add_proc(Process("p", [1.0]).scale_by(variable)).prepare()
    return np.array([model.nll([v], [0.0]) - v for v in points])


@picture(
    alt="Curves of minus the logarithm of six constraints with the most likely value at or near 1: "
    "Gaussian, asymmetric Gaussian, log-normal, Poisson, gamma and uniform, each less its minimum.",
    caption="-log C of each kind, less its minimum. Dotted: 1/2, one standard deviation of a Gaussian.",
)
def constraints() -> Any:
    from smoothfit.constraints import AsymmetricGaussian, Gamma, Gaussian, LogNormal, Poisson, Uniform

    shown = {
        "Gaussian(width=0.3)": (Gaussian(width=0.3), BLUE, "-"),
        "AsymmetricGaussian(0.2, 0.4)": (AsymmetricGaussian(0.2, 0.4), "#9049a8", "-"),
        "LogNormal(1.35)": (LogNormal(1.35), GREEN, "-"),
        "Poisson(tau=11)": (Poisson(tau=11.0), ORANGE, "--"),
        "Gamma(0.3)": (Gamma(0.3), "#b3872a", "--"),
        "Uniform(0.5, 1.5)": (Uniform(0.5, 1.5), GREY, "-"),
    }
    figure, axes = canvas(height=3.8)
    for label, (constraint, colour, style) in shown.items():
        points = np.linspace(0.5, 1.5, 50) if "Uniform" in label else np.linspace(0.25, 2.2, 120)
        term = _term(constraint, points)
        axes.plot(points, term - term.min(), style, color=colour, label=label)
    axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set(xlabel=r"$\alpha$", ylabel=r"$-\log C$, less its minimum", ylim=(-0.1, 4.0))
    axes.legend(frameon=False, fontsize=8)
    return figure


@picture(
    alt="A bin of 100 expected events with Monte Carlo errors of 3, 10 and 20: the expectation after "
    "minimising over the bin's parameter against the observed count, between the simulation and the "
    "data; beside it the parameter.",
    caption="One bin, 100 events expected with Monte Carlo errors of 3, 10 and 20: the fitted expectation "
    "goes part of the way to the data, and its parameter says how far.",
)
def montecarlo() -> Any:
    from smoothfit import Model, Process

    figure, (left, right) = canvas(2, width=7.6)
    counts = np.linspace(60.0, 140.0, 17)
    for scale, colour in ((3.0, GREEN), (10.0, BLUE), (20.0, ORANGE)):
        model = Model().add_proc(Process("bkg", [100.0], sumw2=[scale**2])).prepare()
        fits = [model.fit([count]) for count in counts]
        left.plot(counts, [model.pred(fit.x)[0] for fit in fits], color=colour, label=f"error {scale:g}")
        right.plot(counts, [fit.x[-1] for fit in fits], color=colour)
    left.plot(counts, counts, color=GREY, linewidth=0.8, linestyle="--")
    left.axhline(100.0, color=GREY, linewidth=0.8)
    left.set(xlabel="observed events", ylabel="fitted expectation")
    left.legend(frameon=False)
    right.axhline(0.0, color=GREY, linewidth=0.8)
    right.set(xlabel="observed events", ylabel="mcstat parameter x")
    return figure


@picture(
    alt="Draws of two nuisances before the fit, for correlations of 0, 0.6 and -0.9: a round cloud and "
    "two slanted ones.",
    caption="Draws before the fit of two nuisances with `correlate_nuisances(a, b, rho)`.".replace("`", ""),
)
def correlations() -> Any:
    from smoothfit import Model, Process, Variable

    figure, panels = canvas(3, width=7.6, height=2.7, sharex=True, sharey=True)
    for axes, rho in zip(panels, (0.0, 0.6, -0.9), strict=True):
        a, b = Variable("a", 0.0, nuisance=True), Variable("b", 0.0, nuisance=True)
        process = Process("p", [100.0, 80.0]).add_lnN(a, 1.1).add_lnN(b, 1.2)
        model = Model().add_proc(process).correlate_nuisances(a, b, rho).prepare()
        drawn = model.sample_prior(1500, seed=1)
        axes.plot(drawn[:, 0], drawn[:, 1], ".", color=BLUE, markersize=1.5, alpha=0.5)
        axes.set(title=f"rho = {rho:g}", xlabel="a", xlim=(-3.6, 3.6), ylim=(-3.6, 3.6), aspect="equal")
    panels[0].set_ylabel("b")
    return figure


@picture(
    alt="A noisy ratio of an up template to the nominal one in 30 bins, and the two smoothed ones, which "
    "follow its trend without the jumps.",
    caption="The ratio up/nominal of templates of few events, and what is left of it by lowess and 353QH.",
)
def smoothing() -> Any:
    from smoothfit.systematics import lowess, smooth_353qh

    rng = np.random.default_rng(5)
    x = np.linspace(0.0, 1.0, 30)
    nominal = 400.0 * np.exp(-1.2 * x)
    true = 1.0 + 0.12 * (x - 0.4)
    up = nominal * true + rng.normal(0.0, 1.0, 30) * 0.35 * np.sqrt(nominal)
    ratio = up / nominal
    figure, axes = canvas()
    axes.stairs(ratio, np.arange(31), color=GREY, label="templates", baseline=None)
    axes.plot(np.arange(30) + 0.5, true, color="black", linewidth=1, linestyle=":", label="truth")
    axes.plot(np.arange(30) + 0.5, lowess(np.arange(30.0), ratio), color=BLUE, label="lowess")
    axes.plot(np.arange(30) + 0.5, smooth_353qh(ratio), color=ORANGE, label="353QH")
    axes.set(xlabel="bin", ylabel="up / nominal")
    axes.legend(frameon=False)
    return figure

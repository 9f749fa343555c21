"""Every effect: its factor against the variable, and what it makes of what is known about that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .registry import BLUE, GREEN, GREY, ORANGE, canvas, picture

__all__: list[str] = []

_THETA = np.linspace(-3.0, 3.0, 301)
_SIGMAS = ((2.0, 0.10), (1.0, 0.22))


def _at(effect: Callable[..., Any], theta: Any) -> Any:
    return np.array([float(effect(float(t))) for t in np.asarray(theta).ravel()])


def _factor(axes: Any, effect: Callable[..., Any], label: str, colour: str = BLUE, **options: Any) -> None:
    theta = options.pop("theta", _THETA)
    axes.plot(theta, _at(effect, theta), color=colour, label=label, **options)


def _frame(axes: Any, x: str = r"nuisance parameter $\theta$", y: str = "factor on the yield") -> None:
    axes.axhline(1.0, color=GREY, linewidth=0.8)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    for n, alpha in _SIGMAS:
        axes.axvspan(-n, n, color=GREY, alpha=alpha, linewidth=0)
    axes.set(xlabel=x, ylabel=y)


def _distribution(axes: Any, samples: Any, bins: Any, colour: str = ORANGE) -> None:
    """What the factor is likely to be, before any data."""
    axes.hist(samples, bins=bins, density=True, color=colour, alpha=0.75)
    axes.axvline(1.0, color=GREY, linewidth=0.8)
    axes.set(xlabel="factor on the yield", ylabel="density before the fit", yticks=[])


def _normal(n: int = 40000) -> Any:
    return np.random.default_rng(1).normal(size=n)


@picture(
    alt="Left: the factor of a log-normal against theta, for kappa 1.2 a rising exponential, for the pair"
    " 0.9, 1.3 steeper above zero than below. Right: the density of the factor, leaning to the right "
    "and never below zero.",
    caption="A log-normal is positive however far theta goes. Grey: one and two standard deviations before "
    "the fit.",
)
def lnN() -> Any:
    from smoothfit.effects import LnN

    figure, (left, right) = canvas(2, width=7.6)
    _frame(left)
    _factor(left, LnN(1.2), "LnN(1.2)")
    _factor(left, LnN((0.9, 1.3)), "LnN((0.9, 1.3))", ORANGE)
    left.legend(frameon=False)
    wide = LnN(1.5)
    grid = np.linspace(-4.0, 4.0, 201)
    _distribution(right, np.interp(_normal(), grid, _at(wide, grid)), np.linspace(0.0, 3.0, 61))
    right.set_title("LnN(1.5)", fontsize=10)
    return figure


@picture(
    alt="Four interpolations of the pair 0.9 and 1.3 between theta -1.5 and 1.5, and their slopes: code1 "
    "has a jump of its slope at zero, the others are smooth; all meet at -1, 0 and 1.",
    caption="All interpolations meet at theta = -1, 0 and 1; between these they differ by percents. code1's "
    "slope jumps at 0.",
)
def lnN_interpolations() -> Any:
    from smoothfit.effects import LnN

    figure, (left, right) = canvas(2, width=7.6)
    theta = np.linspace(-1.5, 1.5, 301)
    colours = {"combine": BLUE, "talk": GREEN, "code1": ORANGE, "code4": "#9049a8"}
    for name, colour in colours.items():
        effect = LnN((0.9, 1.3), interpolation=name)
        values = _at(effect, theta)
        style = "--" if name == "talk" else "-"
        left.plot(theta, values, style, color=colour, label=name)
        right.plot(theta[1:], np.diff(np.log(values)) / np.diff(theta), style, color=colour)
    left.axvline(0.0, color=GREY, linewidth=0.8)
    left.plot([-1, 0, 1], [0.9, 1.0, 1.3], "o", color="black", markersize=4)
    left.set(xlabel=r"$\theta$", ylabel="factor on the yield")
    right.set(xlabel=r"$\theta$", ylabel="slope of the log of the factor")
    left.legend(frameon=False)
    return figure


@picture(
    alt="Left: kappa to the theta from -1 to 1, where the range ends. Right: the density of the factor "
    "between one half and two, falling as one over the factor.",
    caption="Every theta in [-1, 1] is as good as any other: between the ends nothing is preferred.",
)
def lnU() -> Any:
    from smoothfit.effects import LnU

    figure, (left, right) = canvas(2, width=7.6)
    theta = np.linspace(-1.0, 1.0, 101)
    left.axvspan(-1.0, 1.0, color=GREY, alpha=0.22, linewidth=0)
    _factor(left, LnU(2.0), "LnU(2)", theta=theta)
    left.set(xlabel=r"$\theta$, uniform on [-1, 1]", ylabel="factor on the yield", xlim=(-1.5, 1.5))
    left.legend(frameon=False)
    uniform = np.random.default_rng(1).uniform(-1.0, 1.0, 40000)
    _distribution(right, np.interp(uniform, theta, _at(LnU(2.0), theta)), np.linspace(0.3, 2.2, 61))
    return figure


@picture(
    alt="A straight line and a log-normal of the same width 0.3: equal near zero; below theta of -3.3 the"
    " line is negative, the log-normal is not.",
    caption="The linear factor beside the log-normal of the same width: the same near 0, and negative below "
    "-1/width.",
)
def linear() -> Any:
    from smoothfit.effects import Linear, LnN

    figure, axes = canvas()
    theta = np.linspace(-5.0, 5.0, 201)
    _frame(axes)
    _factor(axes, Linear(0.3), "Linear(0.3)", theta=theta)
    _factor(axes, LnN(1.3), "LnN(1.3)", ORANGE, theta=theta, linestyle="--")
    axes.axhspan(-0.8, 0.0, color="#c0392b", alpha=0.12, linewidth=0)
    axes.text(4.9, -0.45, "negative yield", ha="right", va="center", color="#c0392b")
    axes.set(ylim=(-0.8, 4.0), xlim=(-5, 5))
    axes.legend(frameon=False)
    return figure


@picture(
    alt="The factor 1 + 0.5 theta between theta -2, where it vanishes and the range ends, and 7; beside "
    "it the density of the factor, a Gaussian cut at zero.",
    caption="The variable's bounds end where the yield would become negative.",
)
def trG() -> Any:
    from smoothfit.effects import TrG

    figure, (left, right) = canvas(2, width=7.6)
    effect = TrG(0.5)
    lower, upper = effect.bounds
    _frame(left)
    _factor(left, effect, "TrG(0.5)", theta=np.linspace(lower, 3.0, 201))
    left.plot([lower], [0.0], "o", color=BLUE)
    left.annotate(
        "the range ends", (lower, 0.0), (-0.4, 0.12), arrowprops={"arrowstyle": "->", "color": GREY}
    )
    left.legend(frameon=False)
    drawn = _normal()
    drawn = drawn[(drawn > lower) & (drawn < upper)]
    _distribution(right, 1.0 + 0.5 * drawn, np.linspace(-0.5, 3.0, 71))
    return figure


@picture(
    alt="Left: the likelihood of the expected number of events in a control sample with 8 counted events,"
    " a skewed curve with its maximum at 8. Right: the yield in the signal region, a straight line "
    "through the origin.",
    caption="8 events in the control sample, each of which stands for 0.25 events here.",
)
def gmN() -> Any:
    from scipy.stats import poisson

    from smoothfit import Model, Process, Variable
    from smoothfit.constraints import Poisson
    from smoothfit.effects import GmN

    figure, (left, right) = canvas(2, width=7.6)
    nu = np.linspace(0.0, 22.0, 201)
    left.fill_between(nu, poisson.pmf(8, nu), color=ORANGE, alpha=0.75, linewidth=0)
    left.axvline(8.0, color=GREY, linewidth=0.8)
    left.set(xlabel=r"control sample's $\nu$", ylabel=r"Pois(8 | $\nu$)", ylim=(0.0, None))
    control = Variable("control", 9.0, constraint=Poisson(tau=1.0, count=8), lower_bound=0.0)
    model = Model().add_proc(Process("bkg", [2.0]).add_effect(GmN(8, 0.25), control)).prepare()
    right.plot(nu, np.asarray(model.batch_pred(nu[:, None]))[:, 0], color=BLUE)
    right.plot([8.0], [2.0], "o", color=BLUE)
    right.set(xlabel=r"control sample's $\nu$", ylabel="yield here, in events", ylim=(0.0, None))
    return figure


@picture(
    alt="Gamma densities of mean 1 and widths 0.1, 0.3 and 0.6: the wider, the further its maximum is "
    "below 1, all vanishing at zero.",
    caption="The factor is the variable itself: positive, of mean 1, most likely at 1 - sigma squared.",
)
def gmM() -> Any:
    from smoothfit import Model, Process, Variable
    from smoothfit.constraints import Gamma

    figure, axes = canvas()
    x = np.linspace(0.02, 3.0, 200)
    for sigma, colour in ((0.1, BLUE), (0.3, GREEN), (0.6, ORANGE)):
        variable = Variable("x", 1.0, constraint=Gamma(sigma), lower_bound=0.0)
        model = Model().add_proc(Process("p", [1.0]).scale_by(variable)).prepare()
        # The Poisson term of the one bin taken off: what is left is the constraint.
        term = np.array([model.nll([v], [0.0]) - v for v in x])
        axes.plot(x, np.exp(-term), color=colour, label=rf"GmM({sigma})")
        axes.axvline(1.0 - sigma**2, color=colour, linewidth=0.8, linestyle=":")
    axes.set(xlabel="x, the factor on the yield", ylabel="density", ylim=(0.0, None), xlim=(0.0, 3.0))
    axes.legend(frameon=False)
    return figure


@picture(
    alt="The factors that 0, 3 and 20 counted events give, against theta: steep and bent for few events, "
    "nearly straight for 20, all positive and 1 at theta 0.",
    caption="Few counted events say less, and are asymmetric: the factor follows the limits on their rate.",
)
def poisson() -> Any:
    from smoothfit.effects import Poisson

    figure, axes = canvas()
    _frame(axes)
    for events, colour in ((0, ORANGE), (3, GREEN), (20, BLUE)):
        _factor(axes, Poisson(events), f"Poisson({events})", colour)
    axes.set(ylim=(0.0, 4.0))
    axes.legend(frameon=False)
    return figure


@picture(
    alt="Left: the factor that makes an exponential density of median 1 of a unit Gaussian, flat below "
    "and steep above. Right: the density of the factor, an exponential.",
    caption="A Gaussian theta becomes any density: here an exponential of median 1.",
)
def quantile() -> Any:
    import jax.numpy as jnp

    from smoothfit.effects import Quantile

    log2 = float(np.log(2.0))
    effect = Quantile(
        cdf=lambda x: -jnp.expm1(-x * log2), sf=lambda x: jnp.exp(-x * log2), support=(0.0, jnp.inf)
    )
    figure, (left, right) = canvas(2, width=7.6)
    theta = np.linspace(-3.0, 3.0, 61)
    factors = _at(effect, theta)
    _frame(left)
    left.plot(theta, factors, color=BLUE)
    samples = np.interp(_normal(), theta, factors)
    _distribution(right, samples[samples < 6.0], np.linspace(0.0, 6.0, 61))
    grid = np.linspace(0.0, 6.0, 100)
    right.plot(grid, log2 * np.exp(-log2 * grid), color="black", linewidth=1, label="exponential")
    right.legend(frameon=False)
    return figure


def _shape_model(kind: str) -> tuple[Any, Any]:
    from smoothfit import Model, Process, Variable

    jes = Variable("jes", 0.0, nuisance=True)
    nominal = np.array([30.0, 70.0, 100.0, 80.0, 45.0, 20.0])
    up = np.array([22.0, 58.0, 98.0, 95.0, 62.0, 31.0])
    down = np.array([36.0, 80.0, 103.0, 70.0, 36.0, 15.0])
    process = Process("bkg", nominal).add_shape(jes, up, down, kind=kind)
    return Model().add_proc(process).prepare(), nominal


@picture(
    alt="Left: a histogram of six bins with its templates for jes up and down and morphed ones between "
    "them, which move to the right with theta. Right: the yield of the last bin less straight lines "
    "through the templates, against theta, for five kinds of morphing: all zero at -1, 0 and 1.",
    caption="Templates at -1, 0 and 1 (thick) and what is made of them between and beyond; right: the last "
    "bin by kind, less straight lines.",
)
def shape() -> Any:
    figure, (left, right) = canvas(2, width=7.6)
    model, nominal = _shape_model("shape")
    edges = np.arange(len(nominal) + 1)
    from matplotlib import colormaps

    colours = colormaps["coolwarm"]
    for theta in np.linspace(-2.0, 2.0, 9):
        thick = theta in (-1.0, 0.0, 1.0)
        left.stairs(
            model.pred([theta]), edges, color=colours(0.5 + theta / 4.0), linewidth=2.0 if thick else 0.8
        )
    left.set(xlabel="bin", ylabel="events", ylim=(0.0, None))
    theta = np.linspace(-1.6, 1.6, 161)
    straight = np.interp(theta, [-2, -1, 0, 1, 2], [10.0, 15.0, 20.0, 31.0, 42.0])
    styles = {"shape": (BLUE, "-"), "raw": (GREEN, "--"), "shapeN": ("#b3872a", "-"), "linear": (ORANGE, "-")}
    for kind, (colour, style) in {**styles, "quadratic": ("#9049a8", ":")}.items():
        model, _ = _shape_model(kind)
        found = np.asarray(model.batch_pred(theta[:, None]))[:, -1]
        right.plot(theta, found - straight, style, color=colour, label=kind)
    right.plot([-1, 0, 1], [0, 0, 0], "o", color="black", markersize=4)
    right.set(xlabel=r"$\theta$", ylabel="last bin, less straight lines", ylim=(-0.9, 0.9))
    right.legend(frameon=False)
    return figure


@picture(
    alt="A flat background of 20 bins tilted by an exponential function of the bin, for tilts of -0.4 to "
    "0.4.",
    caption="Any function of parameters: here exp(t x), x from -1 to 1 along the bins.",
)
def functions() -> Any:
    import jax.numpy as jnp
    from matplotlib import colormaps

    from smoothfit import Model, Process, Variable

    x = np.linspace(-1.0, 1.0, 20)
    tilt = Variable("tilt", 0.0)
    process = Process("bkg", np.full(20, 100.0)).scale_by_fn(lambda t: jnp.exp(t * x), tilt)
    model = Model().add_proc(process).prepare()
    figure, axes = canvas()
    for value in np.linspace(-0.4, 0.4, 9):
        axes.stairs(model.pred({tilt: value}), np.arange(21), color=colormaps["coolwarm"](0.5 + value))
    axes.set(xlabel="bin", ylabel="events", ylim=(50.0, None))
    return figure

"""Pictures of methods with a model of their own: constructions, unfolding, EFT, ABCD, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .registry import BLUE, GREY, ORANGE, canvas, picture

__all__: list[str] = []


@picture(
    alt="Data over stacked signal, ttbar and wjets in four bins, before and after the fit, and the pulls "
    "of three nuisances.",
    caption="The picture that these lines make.",
)
def getting_started() -> Any:
    from smoothfit import Model, plot

    histograms = {
        "data": [61.0, 58.0, 47.0, 22.0],
        "signal": [2.0, 9.0, 12.0, 4.0],
        "ttbar": [40.0, 32.0, 21.0, 10.0],
        "ttbar_jesUp": [42.0, 34.0, 23.0, 11.5],
        "ttbar_jesDown": [38.5, 30.0, 19.5, 9.0],
        "wjets": [20.0, 14.0, 8.0, 4.0],
    }
    naming, lnN = "{process}_{systematic}{Up|Down}", {"lumi": 1.02, "wjets_norm": {"wjets": 1.2}}
    model, obs = Model.from_histograms(histograms, naming, data="data", signals=["signal"], lnN=lnN)
    best_fit = model.fit(obs)
    return plot.overview(model.yields({}, obs), model.yields(best_fit), model.pulls(best_fit))


@picture(
    alt="p-values by toys along mu with their errors, the level of 10 percent, and the accepted interval "
    "between the crossings.",
    caption="plot.feldman_cousins of three events on a background of one: p-values by toys along mu.",
)
def feldman_cousins() -> Any:
    from smoothfit import Model, Process, Variable, plot

    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=12.0)
    model = Model().add_proc(Process("sig", [1.0], signal=True).scale_by(mu)).add_proc(Process("bkg", [1.0]))
    found = model.prepare().feldman_cousins(mu, np.linspace(0.0, 10.0, 21), [3.0], cl=0.9, toys=1000, seed=1)
    return plot.feldman_cousins(found)


@picture(
    alt="A confidence belt: for each mu the accepted counts, as a staircase widening upwards.",
    caption="plot.belt: which counts each mu accepts, exactly.",
)
def belt() -> Any:
    from smoothfit import plot
    from smoothfit.inference.neyman.exact import poisson_belt

    return plot.belt(poisson_belt(np.linspace(0.0, 12.0, 121), 3.0, 0.9), observed=6)


@picture(
    alt="An unfolded spectrum of eight bins: points with errors on the truth, their correlations, the "
    "L-curve and the criterion that chose tau.",
    caption="plot.unfolding: the spectrum, its bias, correlations, and the choice of tau.",
)
def unfolding() -> Any:
    from smoothfit import Model, Process, Variable, plot
    from smoothfit.unfolding import Regularisation, response_process, unfold

    edges = np.linspace(0.0, 8.0, 9)
    truth = 1500.0 * np.exp(-0.3 * (edges[1:] - 0.5))
    reco = np.linspace(0.25, 7.75, 16)
    migrations = np.exp(-0.5 * ((reco[:, None] - (edges[1:] - 0.5)) / 0.9) ** 2)
    response = 0.8 * migrations / migrations.sum(axis=0)
    mu = Variable("mu", np.ones(8), label="x")
    sig = response_process("sig", response, truth, probabilities=True).scale_by(mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", np.full(16, 20.0))).prepare()
    obs = np.random.default_rng(1).poisson(model.pred({mu: np.linspace(0.9, 1.15, 8)}))
    penalty = Regularisation("curvature", truth, edges=edges, of="mu")
    return plot.unfolding(unfold(model, mu, obs, penalty))


@picture(
    alt="The expected events of three bins against a Wilson coefficient, parabolas through the yields at "
    "the three basis points.",
    caption="Yields at the basis points (dots), and everywhere else by morphing.",
)
def eft() -> Any:
    from smoothfit import Model, Process, Variable
    from smoothfit.eft import Dim6EFTMorphing

    c = Variable("ctG", [0.0])
    basis = np.array([[0.0], [1.0], [-1.0]])
    linear, quadratic = np.array([12.0, 20.0, 8.0]), np.array([4.0, 8.0, 14.0])
    templates = [np.array([100.0, 60.0, 20.0]) + linear * k[0] + quadratic * k[0] ** 2 for k in basis]
    model = Model().add_proc(Process("ttH", templates).scale_by_fn(Dim6EFTMorphing(c, basis), c)).prepare()
    points = np.linspace(-3.0, 3.0, 121)
    yields = np.asarray(model.batch_pred(points[:, None]))
    figure, axes = canvas()
    for j, colour in enumerate((BLUE, "#2a8f6d", ORANGE)):
        axes.plot(points, yields[:, j], color=colour, label=f"bin {j + 1}")
        axes.plot(basis[:, 0], [t[j] for t in templates], "o", color=colour)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set(xlabel="Wilson coefficient", ylabel="events", ylim=(0.0, None))
    axes.legend(frameon=False)
    return figure


@picture(
    alt="Left: events in the plane of two independent observables, cut into the four regions A, B, C and "
    "D. Right: the prediction of A, B C / D, with its error for several sizes of the non-closure.",
    caption="Four regions of two observables, and what B C / D says of A as the non-closure grows.",
)
def abcd() -> Any:
    from smoothfit.data_driven import abcd as make

    rng = np.random.default_rng(3)
    x, y = rng.exponential(0.45, 900), rng.exponential(0.45, 900)
    figure, (left, right) = canvas(2, width=7.6)
    left.plot(x, y, ".", color=GREY, markersize=2)
    left.axvline(0.6, color=BLUE)
    left.axhline(0.6, color=BLUE)
    regions = {"A": (x > 0.6) & (y > 0.6), "B": (x > 0.6) & (y < 0.6), "C": (x < 0.6) & (y > 0.6)}
    regions["D"] = (x < 0.6) & (y < 0.6)
    for name, (at, to) in {"A": (1.5, 1.5), "B": (1.5, 0.1), "C": (0.1, 1.5), "D": (0.1, 0.1)}.items():
        left.text(at, to, f"{name}: {regions[name].sum()}", color=BLUE, backgroundcolor="white")
    left.set(xlabel="x", ylabel="y", xlim=(0, 2.2), ylim=(0, 2.2))
    counts = {name: [float(regions[name].sum())] for name in "BCD"}
    closures = np.linspace(1.0, 1.5, 11)
    found = [
        make("multijet", counts, channels={"A": "SR"}, **({} if k == 1.0 else {"non_closure": k})).estimate()
        for k in closures
    ]
    right.errorbar(closures, [f[0][0] for f in found], [f[1][0] for f in found], fmt="o", color=BLUE)
    right.axhline(regions["A"].sum(), color=ORANGE, label="counted in A")
    right.set(xlabel="non_closure", ylabel="B C / D", ylim=(0.0, None))
    right.legend(frameon=False, loc="lower left")
    return figure


@picture(
    alt="How much of an event at x is in the middle of three bins, for four bandwidths: a box with "
    "rounder and rounder shoulders.",
    caption="How much of an event is in the middle bin, by kde_histogram: the hard bin, and bandwidths that "
    "let go.",
)
def soft_histogram() -> Any:
    from smoothfit.differentiable import kde_histogram

    figure, axes = canvas()
    x = np.linspace(0.0, 1.0, 201)
    for h, colour in ((0.002, GREY), (0.02, BLUE), (0.05, "#2a8f6d"), (0.1, ORANGE)):
        part = [float(kde_histogram([at], [0.0, 0.35, 0.65, 1.0], bandwidth=h).yields[1]) for at in x]
        axes.plot(x, part, color=colour, label=f"bandwidth {h:g}")
    axes.set(xlabel="x of the event", ylabel="part in the middle bin")
    axes.legend(frameon=False)
    return figure


@picture(
    alt="The fitted signal strength against the signal expected in a bin, as points of whole fits, "
    "with short straight lines of the slopes that differentiation through the fit gives: tangents of "
    "the curve.",
    caption="Fits with another template (points), and what jax.grad through one fit says of them (lines).",
)
def gradients() -> Any:
    import jax
    import jax.numpy as jnp

    from smoothfit import Model, Process, Variable, functional

    mu, norm = Variable("mu", 1.0), Variable("norm", 0.0, nuisance=True)
    bkg = Process("bkg", [50.0, 40.0]).add_lnN(norm, 1.1)
    model = Model().add_proc(Process("sig", [4.0, 12.0]).scale_by(mu)).add_proc(bkg).prepare()
    obs = jnp.array([54.0, 51.0])

    def fitted(second: Any) -> Any:
        prepared = model.replaced("sig", "main", yields=jnp.array([4.0, second]))
        return functional.fit(prepared, obs).values[0]

    call = jax.jit(jax.value_and_grad(fitted))
    figure, axes = canvas()
    for at in np.linspace(2.0, 20.0, 19):
        value, slope = (float(part) for part in call(at))
        axes.plot([at - 0.8, at + 0.8], [value - 0.8 * slope, value + 0.8 * slope], color=ORANGE)
        axes.plot([at], [value], "o", color=BLUE, markersize=4)
    axes.set(xlabel="signal expected in the second bin", ylabel="fitted mu")
    return figure

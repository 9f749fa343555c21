"""Models with everything that can be told to one, for tests that save them."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from smoothfit import ChannelContrib, Model, Process, Variable, effects, modifiers
from smoothfit.constraints import (
    AsymmetricGaussian,
    Gamma,
    Gaussian,
    LogDensity,
    LogNormal,
    NoConstraint,
    Poisson,
    Uniform,
)
from smoothfit.eft import Dim6EFTMorphing, from_quadratic
from smoothfit.unfolding import Regularisation

NOMINAL = np.array([60.0, 45.0, 30.0])


def nuisance(name, **options):
    return Variable(name, 0.0, nuisance=True, **options)


def functions():
    """Users' functions: lambdas that captured arrays, of scalars and arrays of one, restricted, combined."""
    tilt = np.array([-1.0, 0.0, 1.0])
    order = np.array([2, 0, 1])
    mu, slope, extra = (Variable(name, 1.0) for name in ("mu", "slope", "extra"))
    parts = Variable("parts", [1.0, 1.1, 0.9], sub_names=["low", "mid", "high"])
    alone, theta = Variable("alone", [0.5]), nuisance("theta")
    density = LogDensity(lambda x, g: -jnp.log1p((x - g) ** 2 / 0.04), glob=1.0)
    cauchy = Variable("cauchy", 1.0, constraint=density, lower_bound=0.05)
    bell = Variable("bell", 1.0, constraint=LogDensity(lambda x: -((x - 1.0) ** 2), width=0.7))
    sig = Process("sig", NOMINAL / 4, signal=True).scale_by_fn(lambda m: m**2, mu)
    # Only arrays of one have an index: prepare() tries that second.
    sig.scale_by_fn(lambda s: 1.0 + 0.1 * (s[0] - 1.0) * tilt, slope)
    bkg = Process("bkg", NOMINAL).scale_by_fn(lambda p: jnp.exp(0.1 * (p - 1.0))[order], parts)
    bkg.scale_by_fn(modifiers.clip(modifiers.compose(lambda x: 1.0 + 0.05 * x, jnp.cosh), 0.1, 9.0), alone)
    bkg.add_by_fn(lambda x: 2.0 * x * tilt**2, extra, bins=slice(1, None))
    logit = lambda p: jnp.log(p / (1.0 - p))  # noqa: E731
    bkg.add_effect(
        effects.Quantile(lambda p: 1.0 + 0.1 * logit(p), isf=lambda q: 1.0 - 0.1 * logit(q)), theta
    )
    bkg.scale_by(cauchy).scale_by(bell)
    model = Model().add_proc(sig).add_proc(bkg)
    model.add_constraint(lambda p: -0.5 * jnp.sum(((p - 1.0) / 0.1) ** 2), parts)
    model.add_constraint(lambda values, data, globs: -0.01 * jnp.sum(values**2) - 1e-6 * jnp.sum(data))
    return model.prepare()


def everything():
    """Every effect, every constraint, regions, an array process, shapes, correlations, descriptions."""
    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=5.0, label=r"$\mu$", unit="pb", group="poi")
    nus = {name: nuisance(name, group="theory") for name in ("a", "b", "c", "d", "e", "f", "g")}
    sigs = Process(
        "sigs", [NOMINAL / 5, NOMINAL[::-1] / 6], sub_procs=["ggH", "VBF"], channel="SR", label="H"
    )
    sigs.scale_by(mu).add_effect(effects.LnN((0.9, 1.2), interpolation="code4"), nus["a"], sub_procs="VBF")
    sigs.add_effect(effects.Linear([0.1, -0.05]), nus["b"]).add_effect(effects.Poisson(9.0), nus["c"])
    bkg = Process("bkg", NOMINAL, channel="SR", sumw2=NOMINAL / 10)
    bkg.add_contrib(ChannelContrib("CR", [100.0, 80.0]))
    bkg.add_lnN(nus["a"], 1.1, interpolation="talk").add_lnN(nus["b"], (0.8, 1.1), bins={"SR": [0, 2]})
    bkg.add_effect(effects.LnU(1.3), Variable("u", 0.0, constraint=Uniform(-1.0, 1.0)))
    bkg.add_effect(effects.TrG(0.1), nuisance("t", lower_bound=-7.0, upper_bound=7.0))
    bkg.add_effect(effects.GmM(0.2), Variable("m", 1.0, constraint=Gamma(0.2), lower_bound=0.01))
    bkg.add_effect(effects.Linear(0.04), nus["d"])
    bkg.add_lnN(nus["e"], 1.07, channel="CR")
    bkg.add_shape(nus["f"], NOMINAL * 1.1, NOMINAL * 0.95, kind="shape", scale=0.5, channel="SR")
    bkg.add_shape(nus["g"], NOMINAL + 1, NOMINAL - 2, kind="floored", channel="SR")
    rest = Process("rest", [8.0], channel="CR2").add_effect(
        effects.GmN(4, 2.0), Variable("n", 4.0, constraint=Poisson(tau=1.0, count=4.0), lower_bound=0.0)
    )
    others = {
        "gauss": Gaussian(mean=1.1, width=0.2),
        "asym": AsymmetricGaussian(width_down=0.2, width_up=0.3, mean=1.0),
        "logn": LogNormal(kappa=1.2),
        "free": NoConstraint(),
        "pois": Poisson(tau=25.0, count=16.0),
    }
    for name, constraint in others.items():
        rest.scale_by(Variable(name, 1.0, constraint=constraint, lower_bound=0.05, nuisance=name == "free"))
    rest.scale_by(Variable("held", 1.0, fixed=True))
    model = Model().add_proc(sigs).add_proc(bkg).add_proc(rest)
    model.correlate_nuisances(nus["a"], nus["b"], 0.3)
    model.correlate_nuisances([nus["c"], nus["d"]], [[1.0, -0.4], [-0.4, 1.0]])
    model.describe_channel("SR", edges=[0.0, 10.0, 20.0, 50.0], label="m", unit="GeV").mask_channels("CR2")
    model.set_mc_stat("lite", scaling="total").set_mc_stat("threshold", threshold=5.0, channels=["SR"])
    model.poi = "mu"
    return model.prepare()


def morphed():
    """EFT morphing, a quadratic, a regularisation, a histogram's edges."""
    c, mu = Variable("c", [0.1]), Variable("mu_truth", [1.0, 1.0, 1.0])
    rows = NOMINAL * np.array([[1.0], [1.3], [0.9]])
    eft = (
        Process("eft")
        .add_contrib(ChannelContrib("SR", rows))
        .scale_by_fn(Dim6EFTMorphing(c, [[0.0], [1.0], [-1.0]]), c)
    )
    ratio = from_quadratic([1.0, 1.0, 1.0], {"c": [0.2, 0.4, 0.1]}, {("c", "c"): [0.05, 0.1, 0.2]})
    other = Process("other", NOMINAL, channel="SR").scale_by_fn(ratio, c).scale_by(mu, axis="bin")
    model = Model().add_proc(eft).add_proc(other)
    model.add_constraint(Regularisation("curvature", NOMINAL, edges=[0.0, 1.0, 2.0, 4.0]).term(0.02), mu)
    model.set_data_term("gaussian", {"SR": [90.0, 80.0, 70.0]})
    return model.prepare()


ZOO = {"functions": functions, "everything": everything, "morphed": morphed}

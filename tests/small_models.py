"""Small models with every feature of the library, for tests that compare two ways to one number.

``make(name, seed)`` builds a prepared model, data and global observables; another seed gives other
numbers in the same structure, with functions and builders made anew.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from smoothfit.constraints import Gaussian, Poisson
from smoothfit.eft import Dim6EFTMorphing
from smoothfit.model import ChannelContrib, Model, Process, Variable


class Small(NamedTuple):
    """A prepared model with data (bin,) and global observables (parameters', then bins')."""

    model: Model
    obs: np.ndarray
    globs: np.ndarray


def nuisance(name):
    return Variable(name, 0.0, nuisance=True)


def _templates(rng, yields, size=0.1):
    """(up, down), different from each other and from the nominal integral."""
    yields = np.asarray(yields)
    up = yields * (1.0 + size * rng.uniform(0.2, 1.0, yields.shape))
    down = yields * (1.0 - size * rng.uniform(0.2, 1.0, yields.shape))
    return up, down


def _finish(model, rng, seed):
    model.prepare()
    obs = rng.poisson(model.pred({})).astype(float)
    layout = model.layout
    shift = np.random.default_rng(seed + 1).normal(0.0, 0.3, len(layout.globs))
    # Auxiliary counts move by a fraction of themselves, the others by parts of their width.
    constrained = layout.constrained
    widths = np.concatenate([layout.widths[constrained], layout.bin_widths])
    counting = np.concatenate([layout.counting[constrained], layout.bin_counting])
    globs = layout.globs * np.where(counting, 1.0 + 0.2 * shift, 1.0) + np.where(
        counting, 0.0, widths * shift
    )
    return Small(model, obs, globs)


def counting(rng):
    """Signal and background in two bins."""
    mu = Variable("mu", 1.0, lower_bound=0.0)
    sig = Process("sig", rng.uniform(50, 60, 2)).scale_by(mu)
    return Model().add_proc(sig).add_proc(Process("bkg", rng.uniform(200, 300, 2)))


def effects(rng):
    """Log-normals of all interpolations, shapes of both kinds with scales other than 1."""
    mu, r = Variable("mu", 1.0), Variable("r", 1.0)
    jes, jer, raw = (nuisance(n) for n in ("jes", "jer", "raw"))
    a, b, c, d = (
        rng.uniform(60, 90, 4),
        rng.uniform(100, 200, 4),
        rng.uniform(40, 60, 2),
        rng.uniform(90, 150, 2),
    )
    a *= np.array([0.3, 1.0, 2.0, 0.5])
    sig = Process("sig", a, channel="A").add_contrib(ChannelContrib("B", c)).scale_by(mu).scale_by(r)
    bkg = Process("bkg", b, channel="A").add_contrib(ChannelContrib("B", d))
    for kind in ("combine", "talk", "code1", "code4"):
        theta = nuisance(f"lnN_{kind}")
        up, down = rng.uniform(1.1, 1.3), rng.uniform(0.85, 0.95)
        # An asymmetric code1 has a kink at 0, where a fit may end without a derivative.
        bkg["A"].add_lnN(theta, up if kind == "code1" else (down, up), interpolation=kind)
        sig.add_lnN(theta, rng.uniform(1.02, 1.05), interpolation=kind)
    sig["A"].add_shape(jes, *_templates(rng, a)).add_lnN(jes, 1.03)
    bkg["A"].add_shape(jes, *_templates(rng, b), scale=0.5)
    bkg["A"].add_shape(jer, *_templates(rng, b))
    bkg["A"].add_shape(raw, *_templates(rng, b), kind="raw", scale=0.7)
    sig["A"].add_shape(raw, *_templates(rng, a), kind="raw")
    bkg["B"].add_shape(jer, *_templates(rng, d), kind="raw").scale_by(r)
    return Model().add_proc(sig).add_proc(bkg)


def arrays(rng):
    """Array processes and variables, scale factors along bins, functions of rows and of bins."""
    mu = Variable("mu", [1.0, 1.0], sub_names=["mu_1", "mu_2"])
    tilt = Variable("tilt", [1.0, 0.1])
    slope = Variable("slope", 0.1, constraint=Gaussian(width=0.1))
    bins = Variable("bins", [1.0, 1.0, 1.0], lower_bound=0.0)
    theta = nuisance("theta")
    yields = rng.uniform(40, 60, (2, 3)) * np.array([[2.0, 1.0, 0.1], [0.1, 1.0, 2.0]])
    sigs = Process("sigs", yields, sub_procs=["sig_1", "sig_2"]).scale_by(mu)
    sigs.add_lnN(theta, ([0.9, 0.95], [1.2, 1.1]))
    bkg = Process("bkg", rng.uniform(80, 120, 3))
    x = jnp.arange(3.0) * rng.uniform(0.9, 1.1)
    bkg.scale_by_fn(lambda s: jnp.exp(-s * x), slope)
    side = rng.uniform(300, 400, 3)
    bkg.add_contrib(ChannelContrib("side", side).scale_by(bins, axis="bin"))
    bkg["main"].scale_by(bins, axis="bin")
    sigs["main"].scale_by_fn(lambda m, t: (t[0] + t[1] * m**2 / (1.0 + m**2))[:, None], mu, tilt)
    sigs["main"].add_shape(theta, *_templates(rng, sigs["main"].yields))
    model = Model().add_proc(sigs).add_proc(bkg)
    return model.add_constraint(lambda t: -0.5 * jnp.sum((t - jnp.array([1.0, 0.1])) ** 2) / 0.01, tilt)


def lite_process(rng):
    """Errors that follow each process, morphing, correlated nuisances and terms of the user."""
    mu, scale = Variable("mu", [1.0, 1.0], sub_names=["mu_1", "mu_2"]), Variable("scale", 1.0)
    bins = Variable("bins", [1.0, 1.0, 1.0])
    c = Variable("c", [0.2], lower_bound=-3.0, upper_bound=3.0)
    jes, a, b = nuisance("jes"), nuisance("a"), nuisance("b")
    lumi = Variable("lumi", 1.0, constraint=Gaussian(mean=1.0, width=0.05))
    aux = Variable("aux", 1.0, constraint=Poisson(tau=30.0), lower_bound=0.01)
    signal = rng.uniform(30, 50, (2, 3)) * np.array([[2.0, 1.0, 0.1], [0.1, 1.0, 2.0]])
    sigs = Process("sigs", signal, sumw2=rng.uniform(3, 30, (2, 3)), channel="A").scale_by(mu).add_lnN(a, 1.1)
    yields = rng.uniform(50, 90, 3)
    bkg = Process("bkg", yields, channel="A", sumw2=rng.uniform(10, 60, 3)).add_lnN(b, (0.9, 1.2))
    bkg["A"].add_shape(jes, *_templates(rng, yields)).scale_by(aux)
    sigs["A"].scale_by_fn(lambda s: jnp.stack([s, s**2, 1.0 / s]), scale, axis="bin")
    bkg["A"].scale_by_fn(lambda s: jnp.stack([s**2, s, s]), scale, axis="bin")
    # A bin without errors, one with those of a single process, and a channel that constrains `bins`.
    bkg.add_contrib(ChannelContrib("B", rng.uniform(90, 130, 3), [0.0, 5.0, 9.0]).scale_by(bins, axis="bin"))
    bkg.add_contrib(ChannelContrib("C", rng.uniform(90, 130, 3)).scale_by(bins, axis="bin").scale_by(lumi))
    basis = np.array([[0.0], [1.0], [-1.0]])
    standard, linear, square = rng.uniform(50, 60, 3), rng.uniform(5, 15, 3), rng.uniform(10, 20, 3)
    morphed = np.array([standard + k * linear + k**2 * square for k in basis[:, 0]])
    # Templates of three separate samples: a covariance that is diagonal.
    independent = np.einsum("kb,km->kmb", morphed * 0.2, np.eye(3))
    eft = Process("eft", morphed, sumw2=independent, channel="C").scale_by_fn(Dim6EFTMorphing(c, basis), c)
    model = Model().add_proc(sigs).add_proc(bkg).add_proc(eft).correlate_nuisances(a, b, 0.5)
    model.correlate_nuisances([b, jes, lumi], [[1, 0.2, 0], [0.2, 1, -0.3], [0, -0.3, 1]])
    model.add_constraint(lambda m: -0.1 * jnp.sum((m - 1.0) ** 2), mu)
    return model.add_constraint(lambda x, d, g: -0.01 * (x[0] - x[1]) ** 2 - 1e-6 * jnp.sum(d) * g[0] * x[0])


def lite_total(rng):
    """Errors relative to the total, and a bin-local parameter beside them."""
    mu, bins = Variable("mu", 1.0), Variable("bins", [1.0, 1.0, 1.0])
    jes, lumi = nuisance("jes"), nuisance("lumi")
    a, b = rng.uniform(30, 50, 3), rng.uniform(50, 90, 3)
    sig = Process("sig", a, sumw2=rng.uniform(3, 30, 3), channel="A").scale_by(mu).add_lnN(lumi, 1.04)
    bkg = Process("bkg", b, channel="A", sumw2=rng.uniform(10, 60, 3)).add_lnN(lumi, (0.95, 1.06))
    bkg.add_shape(jes, *_templates(rng, b))
    own = Variable("own", [1.0, 1.0, 1.0], constraint=Gaussian(mean=1.0, width=[0.05, 0.1, 0.2]))
    bkg["A"].scale_by(own, axis="bin")
    bkg.add_contrib(ChannelContrib("B", rng.uniform(90, 130, 3), [0.0, 5.0, 9.0]).scale_by(bins, axis="bin"))
    bkg.add_contrib(ChannelContrib("C", rng.uniform(90, 130, 3)).scale_by(bins, axis="bin"))
    return Model().add_proc(sig).add_proc(bkg).set_mc_stat("lite", scaling="total")


def locals_(rng):
    """Bin-local parameters with Gaussian, Poisson and no constraint, some with limits."""
    mu, theta = Variable("mu", 1.0), nuisance("theta")
    sig, bkg, other = Process("sig"), Process("bkg"), Process("other")
    for channel in "ABC":
        sig.add_contrib(ChannelContrib(channel, rng.uniform(30, 50, 3)))
        bkg.add_contrib(
            ChannelContrib(channel, rng.uniform(80, 150, 3)).add_lnN(theta, rng.uniform(1.05, 1.1))
        )
    yields = rng.uniform(50, 80, 3)
    other.add_contrib(ChannelContrib("A", yields).add_shape(theta, *_templates(rng, yields)))
    staterror = Variable("gauss", [1.0] * 3, constraint=Gaussian(width=[0.02, 0.1, 0.3]), lower_bound=0.0)
    shapesys = Variable("poisson", [1.0] * 3, constraint=Poisson(tau=[10.0, 40.0, 200.0]), lower_bound=1e-10)
    shapefactor = Variable("free", [1.0] * 3, lower_bound=0.0, upper_bound=10.0)
    for process in (bkg, other):
        process["A"].scale_by(staterror, axis="bin")
    bkg["B"].scale_by(shapesys, axis="bin")
    bkg["C"].scale_by(shapefactor, axis="bin")
    sig.scale_by(mu).add_lnN(nuisance("lumi"), 1.02)
    return Model().add_proc(sig).add_proc(bkg).add_proc(other)


def widths(rng):
    """Channels of different numbers of bins, one of a single bin."""
    mu, theta = Variable("mu", 1.0), nuisance("theta")
    sig, bkg = Process("sig"), Process("bkg")
    for channel, n in (("A", 7), ("B", 1), ("C", 3)):
        yields = rng.uniform(60, 90, n)
        sig.add_contrib(ChannelContrib(channel, rng.uniform(20, 40, n), rng.uniform(1, 5, n)))
        contrib = ChannelContrib(channel, yields, rng.uniform(3, 30, n))
        bkg.add_contrib(contrib.add_shape(theta, *_templates(rng, yields)))
    return Model().add_proc(sig.scale_by(mu)).add_proc(bkg)


def _three_processes(rng, channels="AB"):
    """Signal, background with a shape and a log-normal, and another; variances of all but `other` in B."""
    mu, theta = Variable("mu", 1.0), nuisance("theta")
    sig, bkg, other = Process("sig", signal=True), Process("bkg"), Process("other")
    for channel in channels:
        a, b, c = rng.uniform(8, 15, 3), rng.uniform(30, 60, 3), rng.uniform(10, 20, 3)
        sig.add_contrib(ChannelContrib(channel, a, a * rng.uniform(0.1, 0.4, 3)))
        bkg.add_contrib(ChannelContrib(channel, b, b * rng.uniform(0.3, 2.0, 3)))
        bkg[channel].add_lnN(theta, rng.uniform(1.05, 1.1))
        bkg[channel].add_shape(nuisance(f"shape_{channel}"), *_templates(rng, b), kind="raw")
        sumw2 = None if channel == "B" else c * rng.uniform(0.5, 3.0, 3)
        other.add_contrib(ChannelContrib(channel, c, sumw2))
    other.add_lnN(theta, 0.9)
    sig.scale_by(mu).add_lnN(nuisance("lumi"), 1.02)
    return Model().add_proc(sig).add_proc(bkg).add_proc(other), (sig, bkg, other)


def lite_gamma(rng):
    """One Poisson-constrained factor a bin, on the processes with variances."""
    model, (_, _, other) = _three_processes(rng)
    own = Variable("own", [1.0] * 3, constraint=Gaussian(width=[0.05, 0.1, 0.2]))
    other["B"].scale_by(own, axis="bin")
    return model.set_mc_stat("lite-gamma")


def full(rng):
    """One parameter a process and bin: Poisson in A, Gaussian in B, a user function and a local one."""
    model, (_, bkg, other) = _three_processes(rng)
    tilt = Variable("tilt", 0.1, constraint=Gaussian(width=0.1))
    bkg["A"].scale_by_fn(lambda s: jnp.exp(s * jnp.arange(3.0)), tilt)
    own = Variable("own", [1.0] * 3, constraint=Poisson(tau=[20.0, 40.0, 90.0]), lower_bound=1e-9)
    other["B"].scale_by(own, axis="bin")
    model.set_mc_stat("full", channels=["A"])
    return model.set_mc_stat("full", constraint="gaussian", channels=["B"])


def threshold(rng):
    """Combine's rule: bins of all three kinds, a negative yield and one without error."""
    mu, theta = Variable("mu", 1.0), nuisance("theta")
    bkg = Process("bkg", [120.0, 9.0, 4.0, 6.0], sumw2=[40.0, 9.0, 8.0, 0.0]).add_lnN(theta, 1.1)
    rare = Process("rare", [5.0, 3.0, 1.0, -0.2], sumw2=[2.0, 1.5, 2.0, 0.1]).add_lnN(theta, 0.95)
    sig = Process("sig", rng.uniform(4, 8, 4), sumw2=[0.5, 0.6, 0.4, 0.3], signal=True).scale_by(mu)
    free = Process("free", rng.uniform(20, 40, 4), channel="side")
    free.scale_by(Variable("norm", [1.0] * 4, lower_bound=0.0), axis="bin")
    model = Model().add_proc(sig).add_proc(bkg).add_proc(rare).add_proc(free)
    return model.set_mc_stat("threshold", threshold=10)


def slots(rng):
    """Several local variables in one bin."""
    model, (sig, bkg, other) = _three_processes(rng)
    for process, constraint in (
        (sig, Gaussian(width=[0.05, 0.1, 0.2])),
        (bkg, Poisson(tau=[20.0, 40.0, 90.0])),
        (other, Gaussian(width=0.15)),
    ):
        own = Variable(f"own_{process.name}", [1.0] * 3, constraint=constraint, lower_bound=1e-9)
        process["A"].scale_by(own, axis="bin")
    return model.set_mc_stat("none")


def gaussian_data(rng):
    """A Gaussian data term, with lite parameters in one channel and local ones in the other."""
    model, (_, bkg, other) = _three_processes(rng)
    for process in (bkg, other):
        own = Variable(f"own_{process.name}", [1.0] * 3, constraint=Gaussian(width=[0.05, 0.1, 0.2]))
        process["B"].scale_by(own, axis="bin")
    model.set_mc_stat("none", channels=["B"])
    return model.set_data_term("gaussian", {"A": [60.0, 80.0, 70.0], "B": [50.0, 40.0, 90.0]})


def covariance(rng):
    """Templates that share events: Monte Carlo covariances carried through a morphed sum."""
    c, mu = Variable("c", [0.3], lower_bound=-3.0, upper_bound=3.0), Variable("mu", 1.0)
    points = np.array([[0.0], [1.0], [-1.0]])
    a, b, q = rng.uniform(0.5, 1.5, (3, 400)) * np.array([[0.1], [0.02], [0.05]])
    weights = a + points * b + points**2 * q
    bins = rng.integers(0, 3, 400)
    templates = np.array([[w[bins == k].sum() for k in range(3)] for w in weights])
    sumw2 = np.array([[[np.sum((v * w)[bins == k]) for k in range(3)] for w in weights] for v in weights])
    eft = Process("eft", templates, sumw2=sumw2).scale_by_fn(Dim6EFTMorphing(c, points), c)
    rows = rng.uniform(10, 20, (2, 3))
    root = rng.normal(size=(3, 2, 2))
    shared = np.moveaxis(root @ np.swapaxes(root, 1, 2) + 0.2 * np.eye(2), 0, -1)
    pair = Process("pair", rows, sumw2=shared).scale_by(mu)
    pair.add_lnN(nuisance("theta"), ([0.9, 1.1], [1.2, 0.95]))
    bkg = Process("bkg", rng.uniform(20, 40, 3), sumw2=rng.uniform(1, 4, 3))
    return Model().add_proc(eft).add_proc(pair).add_proc(bkg)


MODELS = {
    "lite_gamma": lite_gamma,
    "full": full,
    "threshold": threshold,
    "slots": slots,
    "gaussian_data": gaussian_data,
    "covariance": covariance,
    "counting": counting,
    "effects": effects,
    "arrays": arrays,
    "lite_process": lite_process,
    "lite_total": lite_total,
    "locals": locals_,
    "widths": widths,
}


ELIMINATING = [
    "lite_process",
    "lite_total",
    "locals",
    "lite_gamma",
    "full",
    "threshold",
    "slots",
    "gaussian_data",
    "covariance",
]
"""Those in which parameters of bins are minimised over."""


def make(name, seed=0):
    """The model of that name with numbers of that seed."""
    rng = np.random.default_rng([seed, 7])
    return _finish(MODELS[name](rng), rng, seed)


_MADE = {}


def cached(name):
    """The model of that name with seed 0; do not change it."""
    if name not in _MADE:
        _MADE[name] = make(name)
    return _MADE[name]


_FITTED = {}


def fitted(name):
    """(the model of that name, its fit), made once."""
    if name not in _FITTED:
        small = cached(name)
        _FITTED[name] = small.model.fit(small.obs, globs=small.globs)
    return cached(name), _FITTED[name]


def random_values(small, rng, size=0.3):
    """Parameters (and bin parameters) near the start values, inside their bounds."""
    layout = small.model.layout
    scale = np.where(np.isfinite(layout.widths), layout.widths, 0.3)
    values = layout.start + size * scale * rng.normal(size=layout.n_params)
    values = np.clip(values, layout.lower + 1e-3, layout.upper - 1e-3)
    bins = layout.bin_centre + size * layout.bin_widths * rng.normal(size=layout.n_bin_params)
    return np.concatenate([values, np.where(layout.bin_counting, np.maximum(bins, 1e-3), bins)])


def slow_but_for(quick, names):
    """Names, those that are not quick marked as slow."""
    return [n if n in quick else pytest.param(n, marks=pytest.mark.slow) for n in names]

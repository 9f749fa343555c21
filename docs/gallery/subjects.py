"""The models of the gallery: a toy of two bins, and two of real size."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smoothfit import Model, Process, Variable
from smoothfit.campaign import fit_toys
from smoothfit.eft import Dim6EFTMorphing
from smoothfit.inference.neyman import exact
from smoothfit.unfolding import Regularisation, response_process, unfold

from .crowds import recipes

__all__ = ["SUBJECTS", "Missing", "Subject", "make"]

_SHARED = Path(__file__).resolve().parents[3] / "shared"
_SBOTTOM = _SHARED / "data" / "converter-ridolfi" / "test" / "big_model" / "bottom-squarks.json"
_WORKLOADS = _SHARED / "workloads" / "models.py"


class Missing(Exception):
    """A subject cannot be made here; the message says why."""


class Subject:
    """A name, and records that are made when they are first asked for."""

    def __init__(self, title: str, made_by: Mapping[str, Callable[[Subject], Any]]) -> None:
        self.title = title
        self.recipes = dict(made_by)
        self.made: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.recipes

    def __getitem__(self, name: str) -> Any:
        if name not in self.made:
            self.made[name] = self.recipes[name](self)
        return self.made[name]


def _common(model: Model, obs: Any, poi: str, pair: tuple[str, str], **options: Any) -> dict[str, Any]:
    """The recipes that every model has."""
    toys = options.get("toys", 400)
    masses = np.linspace(200.0, 800.0, 7)

    def best_fit(s: Subject) -> Any:
        return s["fit"]

    def at_masses(s: Subject) -> Any:
        # No signal of another mass is there: fewer and fewer of the events beyond the background.
        background = model.pred({poi: 0.0})
        beyond = np.asarray(obs) - background
        return masses, [
            model.upper_limit(poi, np.round(background + beyond * 200.0 / mass)) for mass in masses
        ]

    def tested(s: Subject) -> Any:
        value, error = s["fit"][poi]
        high = model.layout.upper[model.layout.positions(poi)[0]]
        at = round(min(value + 1.5 * error, 0.9 * high), 1)
        return model.hypotest(poi, at, obs, method="toys", toys=toys, seed=1)

    return {
        "model": lambda s: model,
        "fit": lambda s: model.fit(obs),
        "prefit": lambda s: model.yields({}, obs, title="pre-fit"),
        "postfit": lambda s: model.yields(best_fit(s), title="post-fit"),
        "pulls": lambda s: model.pulls(best_fit(s)),
        "minos_pulls": lambda s: model.pulls(best_fit(s), minos=True),
        "impacts": lambda s: model.impacts(
            options.get("pois", list(pair)), best_fit(s), groups=options.get("groups")
        ),
        "breakdown": lambda s: model.breakdown(list(pair), best_fit(s)),
        "scan": lambda s: model.scan(poi, 31, best_fit(s)),
        "stat_scan": lambda s: model.scan(poi, 31, best_fit(s), stat_only=True),
        "plane": lambda s: model.scan(pair, 17, best_fit(s)),
        "contour": lambda s: model.contour(*pair, best_fit(s), cl=(0.68, 0.95), points=32),
        "limit": lambda s: model.upper_limit(poi, obs, points=25),
        "mass_scan": at_masses,
        "hypotest": tested,
        "gof": lambda s: model.goodness_of_fit(obs, toys=toys, seed=1, fixed=options.get("held")),
        "toys": lambda s: fit_toys(model, values=best_fit(s).x, toys=toys, seed=1),
        "variations": lambda s: [model.variations(name) for name in options["shapes"]],
    }


# -- the toy -----------------------------------------------------------------------------------------


def _two_bins() -> tuple[Model, np.ndarray]:
    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0, label=r"\mu")
    norm = Variable("norm_tt", 1.0, lower_bound=0.0, label=r"k_{t\bar{t}}")
    lumi = Variable("lumi", 0.0, nuisance=True, label="luminosity", group="experiment")
    jes = Variable("jes", 0.0, nuisance=True, label="jet energy scale", group="experiment")
    scale = Variable("scale", 0.0, nuisance=True, label=r"\mu_\mathrm{R}, \mu_\mathrm{F}", group="theory")
    sig = Process("sig", [12.0, 40.0], sumw2=[0.3, 1.0], signal=True, label="Signal").scale_by(mu)
    ttbar = Process("ttbar", [420.0, 110.0], sumw2=[30.0, 9.0], label=r"t\bar{t}").scale_by(norm)
    vjets = Process("vjets", [90.0, 75.0], sumw2=[40.0, 35.0], label="V+jets")
    for process in (sig, ttbar, vjets):
        process.add_lnN(lumi, 1.02)
    sig.add_shape(jes, [13.0, 42.0], [11.2, 37.0])
    ttbar.add_shape(jes, [440.0, 122.0], [402.0, 101.0])
    vjets.add_shape(jes, [95.0, 81.0], [86.0, 70.0])
    ttbar.add_shape(scale, [448.0, 109.0], [396.0, 112.0])
    vjets.add_lnN(Variable("norm_v", 0.0, nuisance=True, label="V+jets norm.", group="theory"), 1.2)
    model = Model().add_proc(sig).add_proc(ttbar).add_proc(vjets)
    model.describe_channel("main", edges=[50.0, 150.0, 300.0], label=r"p_\mathrm{T}", unit="GeV")
    return model.prepare(), np.array([541.0, 251.0])


def _two_truth_bins() -> Any:
    mu = Variable("x", np.ones(2), label=r"p_\mathrm{T}", unit="GeV")
    truth = np.array([700.0, 300.0])
    response = [[0.3, 0.1], [0.35, 0.2], [0.15, 0.35], [0.05, 0.25]]
    sig = response_process("sig", response, truth, probabilities=True).scale_by(mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", [30.0, 20.0, 15.0, 10.0])).prepare()
    taus = np.geomspace(0.1, 300.0, 25)
    penalty = Regularisation("size", truth, edges=[50.0, 150.0, 300.0], of="mu", bias="truth")
    return unfold(model, mu, [270.0, 280.0, 225.0, 150.0], penalty, tau="min-global-correlation", taus=taus)


def _operator(*, linear: bool) -> tuple[Model, np.ndarray]:
    """One coefficient of two bins, with its square or without."""
    c = Variable("c", 0.0, label=r"c_{tG}", unit=r"\mathrm{TeV}^{-2}")
    lumi = Variable("lumi", 0.0, nuisance=True)
    standard, first, second = np.array([400.0, 60.0]), np.array([12.0, 6.0]), np.array([1.5, 4.0])
    points = [0.0, 2.0] if linear else [0.0, 2.0, -2.0]
    templates = [standard + p * first + (0.0 if linear else p**2) * second for p in points]
    morphing = Dim6EFTMorphing(c, [[p] for p in points], linear_only=linear)
    sig = Process("tt", templates).scale_by_fn(morphing, c).add_lnN(lumi, 1.05)
    model = Model().add_proc(sig).add_proc(Process("bkg", [100.0, 30.0])).prepare()
    return model, np.array([512.0, 97.0])


def _operator_scans(s: Subject) -> Any:
    """(quadratic, its statistical part, linear)."""
    grid = np.linspace(-6.0, 4.0, 81)
    (full, obs), (linear, _) = _operator(linear=False), _operator(linear=True)
    best = full.fit(obs)
    return (
        full.scan("c", grid, best),
        full.scan("c", grid, best, stat_only=True),
        linear.scan("c", grid, linear.fit(obs)),
    )


def _counting(s: Subject) -> Any:
    mu = Variable("mu", 1.0, lower_bound=0.0, label=r"\mu")
    return Model().add_proc(Process("sig", [1.0]).scale_by(mu)).add_proc(Process("bkg", [3.0])).prepare()


def _plane_of_toys(s: Subject) -> Any:
    mu, nu = (Variable(name, 1.0, lower_bound=0.0, label=rf"\{name}") for name in ("mu", "nu"))
    model = Model().add_proc(Process("sig", [10.0, 2.0]).scale_by(mu))
    model = model.add_proc(Process("bkg", [5.0, 20.0]).scale_by(nu)).prepare()
    axes = (np.linspace(0.05, 2.4, 9), np.linspace(0.5, 2.0, 9))
    return model.feldman_cousins((mu, nu), axes, [14.0, 25.0], cl=0.68, toys=200, seed=1)


def toy() -> Subject:
    """Two bins, one channel, three processes: quick, and with everything that can be drawn."""
    model, obs = _two_bins()
    groups = {"experiment": ["lumi", "jes"], "theory": ["scale", "norm_v"]}
    # Two free parameters describe two bins always.
    held = {"mu": 1.0, "norm_tt": 1.0}
    made = _common(model, obs, "mu", ("mu", "norm_tt"), shapes=["jes", "scale"], groups=groups, held=held)
    points = np.linspace(0.0, 12.0, 25)
    counting = {"cl": 0.9, "seed": 1}
    return Subject(
        "Two bins",
        made
        | {
            "contours": lambda s: model.contours(["mu", "norm_tt", "jes"], s["fit"], cl=(0.68, 0.95)),
            "unfolding": lambda s: _two_truth_bins(),
            "eft": _operator_scans,
            "counting": _counting,
            "feldman_cousins": lambda s: s["counting"].feldman_cousins(
                "mu", points, [6.0], toys=300, **counting
            ),
            "plane_of_toys": _plane_of_toys,
            "belt": lambda s: exact.poisson_belt(np.linspace(0.0, 12.0, 61), 3.0, 0.9),
            "coverage": lambda s: [
                s["counting"].coverage("mu", [0.5, 1.0, 2.0, 4.0, 6.0], method=method, toys=300, **counting)
                for method in ("minos", "hessian")
            ],
            "discovery": lambda s: model.hypotest("mu", 0.0, obs, statistic="q0"),
        },
    )


# -- of real size --------------------------------------------------------------------------------------


def w3() -> Subject:
    """Six parameters of interest, 192 bins in four channels, 63 nuisances."""
    if not _WORKLOADS.is_file():
        raise Missing(f"the workloads are not at {_WORKLOADS.parent.name}/")
    spec = importlib.util.spec_from_file_location("workload_models", _WORKLOADS)
    assert spec is not None
    assert spec.loader is not None
    workloads = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(workloads)
    from benchmarks.workloads import build

    workload = workloads.get("W3")
    model = build(workload).prepare()
    obs = workloads.data(workload, "poisson")
    pois = [f"mu{i}" for i in range(6)]
    groups = {"log-normal": ["lnN.*"], "shapes": ["shape.*"], "simulation": ["mcstat.*"]}
    options: dict[str, Any] = {"pois": pois, "groups": groups, "toys": 60}
    made = _common(model, obs, "mu0", ("mu0", "mu1"), shapes=[f"shape{i}" for i in range(3)], **options)
    return Subject(
        "W3: 6 parameters of interest, 192 bins, 63 nuisances",
        made
        | {
            "contours": lambda s: model.contours(pois[:4], s["fit"], cl=(0.68, 0.95), points=24),
            "breakdown": lambda s: model.breakdown(pois, s["fit"]),
        },
    )


def sbottom() -> Subject:
    """A search for bottom squarks, as published: three channels of six bins, 66 parameters."""
    if not _SBOTTOM.is_file():
        raise Missing("the published workspace is not there")
    from smoothfit import read_pyhf

    model, obs = read_pyhf(_SBOTTOM)
    free = [name for name in model.pois if name != model.poi]
    pair = (free[0], "mu_SIG")
    shapes = [v.name for v in model.layout.variables if v.constraint == "Gaussian" and v.is_scalar][:3]
    groups = {"jets": ["JET_.*"], "leptons": ["EL_.*", "MUON_.*", "EG_.*"], "b-tagging": ["FT_.*"]}
    made = _common(model, obs, "mu_SIG", pair, shapes=shapes, toys=100, groups=groups, pois=free)
    return Subject(
        "Bottom squarks, region C",
        made
        | {
            "compatibility": lambda s: model.channel_compatibility(obs, poi=free[0], toys=100, seed=1),
        },
    )


def few() -> Subject:
    """Five entries of everything."""
    return Subject("Five of everything", recipes(5))


def many() -> Subject:
    """Three hundred entries of everything."""
    return Subject("Three hundred of everything", recipes(300))


SUBJECTS: dict[str, Callable[[], Subject]] = {
    "toy": toy,
    "w3": w3,
    "sbottom": sbottom,
    "few": few,
    "many": many,
}


def make(name: str) -> Subject:
    """The subject of that name.

    Raises
    ------
    Missing
        If what it is made of is not there.
    """
    return SUBJECTS[name]()

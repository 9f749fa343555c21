"""Workspaces that we write, against pyhf itself, and models that pyhf has no words for."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pyhf
import pytest
from files_of_tests import shared_path
from pyhf_twin import Twin
from test_pyhf import CASES
from test_pyhf_agreement import LARGE

from smoothfit import ChannelContrib, Model, Process, Variable, read_datacard, read_pyhf, write_pyhf
from smoothfit.constraints import Gaussian, LogNormal, Poisson
from smoothfit.effects import Linear
from smoothfit.errors import (
    InvalidTypeError,
    InvalidValueError,
    NotExpressibleError,
    OutputFileError,
    ShapeMismatchError,
)

DATA = shared_path("data")


def is_workspace(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    keys = ("channels", "observations", "measurements")
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in keys)


FOUND = sorted(str(path.relative_to(DATA)) for path in DATA.rglob("*.json") if is_workspace(path))
PUBLISHED = [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in FOUND]


def read(source):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*parameter of interest.*")
        return read_pyhf(source)


def same_to_pyhf(model, obs, n=10):
    """The largest difference of our NLL and pyhf's of what we write, less that at the start."""
    workspace = write_pyhf(model, obs)
    twin = Twin(workspace)
    points = [twin.init, *twin.points(n)]
    values = [model.values_from_dict(by_component(model, twin, point)) for point in points]
    ours = np.array([2.0 * float(model.nll(value, obs)) for value in values])
    theirs = np.array([twin.their_twice_nll(point) for point in points])
    scale = np.maximum(np.abs(theirs), 1.0)
    return np.max(np.abs((ours - ours[0]) - (theirs - theirs[0])) / scale)


def by_component(model, twin, point):
    """pyhf's parameters by the names of our components."""
    ours = {}
    for name in twin.config.par_order:
        variable = model.layout.variable(name)
        part = point[twin.config.par_slice(name)]
        names = [name] if variable is None else [model.layout.names[i] for i in model.layout.positions(name)]
        ours.update(zip(names, map(float, part), strict=True))
    return ours


def check_round_trip(source):
    model, obs = read(source)
    workspace = write_pyhf(model, obs)
    pyhf.schema.validate(workspace, "workspace.json")
    again, obs_again = read(workspace)
    order = [model.parameters.index(name) for name in again.parameters]
    assert sorted(order) == list(range(len(model.parameters)))
    bins = np.concatenate([np.asarray(model.split(np.arange(model.n_bins))[c]) for c in again.channels])
    np.testing.assert_array_equal(obs_again, obs[bins.astype(int)])
    for array in ("start", "lower", "upper"):
        np.testing.assert_array_equal(getattr(again.layout, array), getattr(model.layout, array)[order])
    assert again.poi == model.poi
    twin, theirs = Twin(source), Twin(workspace)
    np.testing.assert_array_equal(
        [theirs.fixed[theirs.config.par_names.index(name)] for name in twin.config.par_names], twin.fixed
    )
    for point in [twin.init, *twin.points(10)]:
        values = twin.values(point)
        before = float(model.nll(values, obs))
        scale = max(abs(before), 1.0)
        assert abs(float(again.nll(values[order], obs_again)) - before) < 1e-10 * scale
        of_written = 0.5 * theirs.their_twice_nll(theirs.parameters(values[order]))
        assert abs(of_written - 0.5 * twin.their_twice_nll(point)) < 1e-10 * scale


@pytest.mark.parametrize("name", CASES)
def test_every_modifier_comes_back(name):
    check_round_trip(CASES[name])


def test_none_is_dropped():
    assert len(FOUND) >= 24 or not DATA.is_dir()


@pytest.mark.reference
@pytest.mark.agreement
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_workspaces_come_back(name):
    check_round_trip(DATA / name)


def test_uncertainties_are_written_as_they_were():
    one = CASES["shapesys"]["channels"][0]["samples"][1]["modifiers"][0]
    written = write_pyhf(*read_pyhf(CASES["shapesys"]))["channels"][0]["samples"][1]["modifiers"][0]
    assert written == one
    written = write_pyhf(*read_pyhf(CASES["staterror"]))["channels"][0]["samples"][1]["modifiers"][0]
    assert written == CASES["staterror"]["channels"][0]["samples"][1]["modifiers"][0]


def test_what_is_as_by_default_is_not_written():
    config = write_pyhf(*read_pyhf(CASES["normsys"]))["measurements"][0]["config"]
    assert config == {"poi": "mu", "parameters": []}


# -- models that were built by hand --------------------------------------------------------------


def bounded(name, value=0.0, **options):
    return Variable(name, value, lower_bound=value - 5.0, upper_bound=value + 5.0, **options)


def by_hand():
    mu = Variable("mu", [1.0, 2.0], lower_bound=0.0, upper_bound=10.0, sub_names=["mu_a", "mu_b"])
    jes, norm = bounded("jes", nuisance=True), bounded("norm", nuisance=True)
    lumi = Variable("lumi", 1.0, constraint=Gaussian(width=0.02), lower_bound=0.9, upper_bound=1.1)
    rates = Variable(
        "rates", [1.0, 1.0], lower_bound=0.1, upper_bound=4.0, constraint=Poisson(tau=[30.0, 9.0])
    )
    free = Variable("free", [1.0, 1.0], lower_bound=0.1, upper_bound=4.0)
    signals = Process("sig", sub_procs=["a", "b"])
    signals.add_contrib(ChannelContrib("SR", [[5.0, 2.0], [1.0, 4.0]]))
    signals.scale_by(mu).scale_by(lumi)
    signals.add_lnN(norm, ([0.9, 0.8], [1.1, 1.3]), interpolation="code4")
    background = Process("bkg")
    background.add_contrib(ChannelContrib("SR", [50.0, 20.0]))
    background.add_contrib(ChannelContrib("CR", [300.0, 20.0]).scale_by(free, axis="bin"))
    background["SR"].scale_by(rates, axis="bin")
    background["SR"].add_shape(jes, [52.0, 22.0], [47.0, 19.0], kind="raw")
    return Model().add_proc(signals).add_proc(background).prepare(), np.array([57.0, 28.0, 310.0, 18.0])


def test_a_model_built_by_hand():
    model, obs = by_hand()
    model.poi = "mu_a"
    assert same_to_pyhf(model, obs) < 1e-12
    assert write_pyhf(model, obs)["measurements"][0]["config"]["poi"] == "mu_a"


def with_statistics(**options):
    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    norm = bounded("norm", nuisance=True)
    model = Model().add_proc(Process("sig", [5.0, 3.0, 0.0], channel="SR").scale_by(mu))
    top = Process("top", [50.0, 20.0, 4.0], channel="SR", sumw2=[9.0, 4.0, 0.0])
    model.add_proc(top.add_lnN(norm, (0.9, 1.2), interpolation="code4"))
    return model.set_mc_stat(**options).prepare(), np.array([57.0, 20.0, 5.0])


STATISTICS = [
    {"mode": "lite", "scaling": "total"},
    {"mode": "lite-gamma"},
    {"mode": "full"},
    {"mode": "none"},
]


def explicit_points(model, options, n=5):
    """Our values with those of bin parameters; the same by names; gammas of (bin, process or "")."""
    random = np.random.default_rng(7)
    delta = np.sqrt([9.0, 4.0]) / [55.0, 23.0]
    for _ in range(n):
        values = np.asarray(model.layout.start)[: len(model.parameters)]
        values = values + 0.2 * random.standard_normal(len(values))
        pulls = 1.0 + 0.1 * random.standard_normal(len(model.bin_parameters))
        gammas = {}
        for pull, name in zip(pulls, model.bin_parameters, strict=True):
            _, _, where = name.rpartition("_bin")
            index, _, label = where.partition("_")
            lite = options["mode"] == "lite"
            gammas[int(index), label] = 1.0 + delta[int(index)] * pull if lite else pull
        yield np.concatenate([values, pulls]), dict(zip(model.parameters, values, strict=True)), gammas


def largest_spread(model, obs, again, obs_again, options, name_of):
    """Of the differences of two NLLs: parameters of bins may have other densities, up to a constant."""
    found = [
        float(again.nll({**by_name, **{name_of(*at): gamma for at, gamma in gammas.items()}}, obs_again))
        - float(model.nll(values, obs))
        for values, by_name, gammas in explicit_points(model, options)
    ]
    return np.ptp(found)


@pytest.mark.parametrize("options", STATISTICS, ids=str)
def test_monte_carlo_statistics(options):
    model, obs = with_statistics(**options)
    again, obs_again = read_pyhf(write_pyhf(model, obs))

    def name_of(index, label):
        return f"mcstat_SR_{label}[{index}]" if label else f"mcstat_SR[{index}]"

    assert largest_spread(model, obs, again, obs_again, options, name_of) < 1e-10


def test_a_counting_card_without_systematics(tmp_path):
    path = tmp_path / "card.txt"
    path.write_text(
        "bin SR\nobservation 6\nbin SR SR\nprocess sig bkg\nprocess 0 1\nrate 1.0 5.5\n"
        "k rateParam SR bkg 1 [0,4]\n"
    )
    assert same_to_pyhf(*read_datacard(path)) < 1e-12


def test_a_bound_that_is_not_there():
    model = Model().add_proc(Process("p", [5.0]).scale_by(Variable("mu", 1.0))).prepare()
    config = write_pyhf(model, [5.0])["measurements"][0]["config"]["parameters"]
    assert config == [{"name": "mu", "bounds": [[-1e5, 1e5]]}]
    config = write_pyhf(model, [5.0], unbounded=30.0)["measurements"][0]["config"]["parameters"]
    assert config == [{"name": "mu", "bounds": [[-30.0, 30.0]]}]


# -- what pyhf has no words for ------------------------------------------------------------------

THETA = bounded("theta", nuisance=True)
WIDE = Variable("wide", 0.0, constraint=Gaussian(width=2.0))
LOG = Variable("log", 1.0, constraint=LogNormal(kappa=1.1))
PAIR = Variable("pair", [1.0, 1.0], lower_bound=0.1)
HALF = Variable("half", [1.0, 1.0], fixed=[True, False])


def one(change):
    process = Process("bkg", [50.0, 20.0], channel="SR")
    change(process)
    return Model().add_proc(process).add_proc(Process("sig", [5.0, 2.0], channel="SR")).prepare()


def model_with(change):
    model = one(lambda p: p.add_lnN(THETA, (0.9, 1.1), interpolation="code4"))
    change(model)
    return model.prepare()


UNIT = Gaussian(mean=0.0, width=1.0)
REFUSED = {
    "lnN of Combine": (one, lambda p: p.add_lnN(THETA, 1.1), ["'bkg'", "'SR'", "'theta'", "code4"]),
    "lnN without constraint": (
        one,
        lambda p: p.add_lnN(WIDE, (0.9, 1.1), interpolation="code4"),
        ["'wide'", "Gaussian of width 2", "nuisance=True"],
    ),
    "linear": (one, lambda p: p.add_effect(Linear(0.1), THETA), ["'bkg'", "linear theta", "add_lnN"]),
    "some bins": (
        one,
        lambda p: p.add_lnN(THETA, 1.1, interpolation="code4", bins=[0]),
        ["'bkg'", "lnN theta", "no such modifier"],
    ),
    "a function": (one, lambda p: p.scale_by_fn(lambda t: t**2, THETA), ["'bkg'", "scale_by_fn theta"]),
    "shape of Combine": (
        one,
        lambda p: p.add_shape(THETA, [51.0, 22.0], [49.0, 19.0]),
        ["'theta'", "kind 'shape'", "kind='raw'"],
    ),
    "shape at two sigma": (
        one,
        lambda p: p.add_shape(THETA, [51.0, 22.0], [49.0, 19.0], kind="raw", scale=0.5),
        ["'theta'", "scale 0.5", "one sigma"],
    ),
    "a constrained factor": (one, lambda p: p.scale_by(LOG), ["'log'", "LogNormal", "'lumi'"]),
    "some fixed": (
        lambda change: _with_poi(one(lambda p: p.scale_by(HALF, axis="bin")), None),
        None,
        ["'half'", "fixed", "all or none"],
    ),
    "a term": (
        model_with,
        lambda m: m.add_constraint(lambda t: -0.1 * t**2, THETA),
        ["add_constraint", "lambda", "constraints"],
    ),
    "Gaussian data": (model_with, lambda m: m.set_data_term("gaussian"), ["set_data_term", "Poisson"]),
    "correlations": (
        lambda change: (
            one(
                lambda p: p.add_lnN(THETA, 1.1, interpolation="code4").add_lnN(
                    OTHER, 1.1, interpolation="code4"
                )
            )
            .correlate_nuisances(THETA, OTHER, 0.5)
            .prepare()
        ),
        None,
        ["correlate_nuisances", "'theta'", "'other'"],
    ),
    "poi of several": (
        lambda change: _with_poi(one(lambda p: p.scale_by(PAIR, axis="bin")), "pair[0]"),
        None,
        ["parameter of interest", "'pair[0]'"],
    ),
}
OTHER = bounded("other", nuisance=True)


def _with_poi(model, name):
    model.poi = name
    return model


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_place_and_cure(name):
    make, change, words = REFUSED[name]
    with pytest.raises(NotExpressibleError) as caught:
        write_pyhf(make(change), [55.0, 21.0])
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "lite"}, ["'SR'", "scaling='total'"]),
        ({"mode": "full", "constraint": "gaussian"}, ["'SR'", "constraint='poisson'"]),
    ],
    ids=["lite", "full"],
)
def test_monte_carlo_statistics_that_pyhf_has_not(options, words):
    with pytest.raises(NotExpressibleError) as caught:
        write_pyhf(*with_statistics(**options))
    for word in words:
        assert word in str(caught.value)


def test_a_poisson_factor_on_two_processes():
    gamma = Variable("gamma", [1.0, 1.0], lower_bound=0.1, constraint=Poisson(tau=[9.0, 4.0]))
    model = Model()
    for name in ("w", "z"):
        model.add_proc(Process(name, [5.0, 3.0], channel="SR").scale_by(gamma, axis="bin"))
    with pytest.raises(NotExpressibleError, match=r"'z'.*shapesys 'gamma'.*'w'.*one sample"):
        write_pyhf(model.prepare(), [9.0, 7.0])


def test_a_gaussian_factor_shared_by_channels():
    gamma = Variable("gamma", [1.0, 1.0], lower_bound=0.1, constraint=Gaussian(width=0.1))
    process = (
        Process("w").add_contrib(ChannelContrib("A", [5.0, 3.0])).add_contrib(ChannelContrib("B", [7.0, 4.0]))
    )
    model = Model().add_proc(process.scale_by(gamma, axis="bin")).prepare()
    with pytest.raises(NotExpressibleError, match=r"'gamma'.*2 components.*it has 4"):
        write_pyhf(model, [9.0, 7.0, 7.0, 4.0])


# -- arguments and files -------------------------------------------------------------------------


def test_wrong_arguments():
    model, obs = by_hand()
    with pytest.raises(InvalidTypeError, match="Model"):
        write_pyhf("model", obs)
    with pytest.raises(ShapeMismatchError, match=r"\(3,\).*\(4,\)"):
        write_pyhf(model, obs[:3])
    with pytest.raises(InvalidValueError, match="negative"):
        write_pyhf(model, -obs)
    with pytest.raises(InvalidValueError, match="numbers"):
        write_pyhf(model, ["a", "b", "c", "d"])
    with pytest.raises(InvalidValueError, match="unbounded"):
        write_pyhf(model, obs, unbounded=np.inf)


def test_files_are_written_whole_or_not_at_all(tmp_path):
    model, obs = by_hand()
    path = tmp_path / "workspace.json"
    workspace = write_pyhf(model, obs, path)
    assert json.loads(path.read_text()) == workspace
    before = path.read_bytes()
    with pytest.raises(NotExpressibleError):
        write_pyhf(one(lambda p: p.add_lnN(THETA, 1.1)), [55.0, 21.0], path)
    assert path.read_bytes() == before
    with pytest.raises(OutputFileError):
        write_pyhf(model, obs, tmp_path / "nowhere" / "workspace.json")

"""HS3 files that we write: the model comes back, number by number."""

from __future__ import annotations

import json

import numpy as np
import pytest
from files_of_tests import shared_path
from pyhf_twin import Twin
from test_pyhf import CASES
from test_pyhf_writing import (
    PUBLISHED,
    STATISTICS,
    bounded,
    by_hand,
    largest_spread,
    read,
    same_to_pyhf,
    with_statistics,
)

from smoothfit import Model, Process, Variable, read_datacard, read_hs3, write_hs3
from smoothfit.build.declarations import variables_of
from smoothfit.constraints import AsymmetricGaussian, Gamma, Gaussian, LogNormal, Poisson, Uniform
from smoothfit.effects import GmM, GmN, Linear, LnU, TrG
from smoothfit.effects import Poisson as Counted
from smoothfit.errors import InvalidTypeError, NotExpressibleError, OutputFileError, ShapeMismatchError

DATA = shared_path("data")


def same(model, obs, points, *, constant=False):
    """Write, read and compare at points given by names; returns the model that was read."""
    content = json.loads(json.dumps(write_hs3(model, obs)))
    again, obs_again = read_hs3(content)
    assert again.receipt.ignored == []
    assert set(again.parameters) == set(model.parameters)
    assert component(again) == component(model)
    for channel, counts in model.split(obs).items():
        np.testing.assert_array_equal(again.split(obs_again)[channel], counts)
    order = [model.parameters.index(name) for name in again.parameters]
    for array in ("start", "lower", "upper"):
        np.testing.assert_array_equal(getattr(again.layout, array), getattr(model.layout, array)[order])
    np.testing.assert_array_equal(fixed(again), fixed(model)[order])
    differences = []
    for point in points:
        before = float(model.nll(point, obs))
        difference = float(again.nll(point[order], obs_again)) - before
        differences.append(difference if constant else difference / max(abs(before), 1.0))
    offset = differences[0] if constant else 0.0
    assert np.max(np.abs(np.array(differences) - offset)) < 1e-10
    return again


def component(model):
    """The parameter of interest, by the name of its component."""
    return model.poi and model.layout.names[model.layout.positions(model.poi)[0]]


def fixed(model):
    """Whether each parameter is held, in the model's order."""
    processes = model.specification.processes
    effects = [e for p in processes for c in p.contribs.values() for e in p.resolved_effects(c)]
    variables = [variable for effect in effects for variable in variables_of(effect)]
    held = {name: bool(flag) for v in variables for name, flag in zip(v.sub_names, v.fixed, strict=True)}
    return np.array([held[name] for name in model.parameters])


def around(model, n=10, seed=3):
    random = np.random.default_rng(seed)
    start = np.asarray(model.layout.start)[: len(model.parameters)]
    return [start, *(start + 0.2 * random.standard_normal((n, len(start))))]


@pytest.mark.parametrize("name", CASES)
def test_every_modifier_of_pyhf(name):
    model, obs = read(CASES[name])
    twin = Twin(CASES[name])
    same(model, obs, [twin.values(point) for point in [twin.init, *twin.points(10)]])


@pytest.mark.reference
@pytest.mark.agreement
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_workspaces(name):
    model, obs = read(DATA / name)
    twin = Twin(DATA / name)
    same(model, obs, [twin.values(point) for point in [twin.init, *twin.points(10)]])


# -- models that were built by hand --------------------------------------------------------------


def test_a_model_built_by_hand():
    model, obs = by_hand()
    again = same(model, obs, around(model))
    assert again.poi == "mu_a"


def acting(model, obs=(57.0, 22.0), *, constant=False):
    model = model.describe_channel("SR", edges=[0.0, 1.0, 5.0]).prepare()
    return same(model, np.asarray(obs), around(model), constant=constant)


def with_effect(change):
    process = Process("bkg", [50.0, 20.0], channel="SR")
    change(process)
    mu = Variable("mu", 1.0, lower_bound=0.0)
    return Model().add_proc(process).add_proc(Process("sig", [5.0, 2.0], channel="SR").scale_by(mu))


THETA = bounded("theta", nuisance=True)
FREE = Variable("free", 1.2, lower_bound=0.1)
UNIFORM = Variable("uniform", 0.1, constraint=Uniform(-1.0, 1.0))
NU = Variable("nu", 11.0, lower_bound=0.0, constraint=Poisson(tau=1.0, count=10.0))
GAMMA = Variable("gamma", 1.0, lower_bound=0.1, constraint=Gamma(0.3))
LOG = Variable("log_n", 1.1, lower_bound=0.1, constraint=LogNormal(kappa=1.3, mean=1.05))
WIDE = Variable("wide", 0.3, constraint=Gaussian(mean=0.2, width=0.7))
UP, DOWN = [53.0, 22.0], [49.0, 17.0]
EFFECTS = {
    "lnN": lambda p: p.add_lnN(THETA, 1.2),
    "asymmetric lnN": lambda p: p.add_lnN(THETA, (0.9, 1.3)),
    "one-sided lnN": lambda p: p.add_lnN(THETA, (1.0, 1.3)),
    "lnN of the talk": lambda p: p.add_lnN(THETA, (0.9, 1.3), interpolation="talk"),
    "lnN code1": lambda p: p.add_lnN(THETA, (0.9, 1.3), interpolation="code1"),
    "lnN code4": lambda p: p.add_lnN(THETA, (0.9, 1.3), interpolation="code4"),
    "lnN of another width": lambda p: p.add_lnN(WIDE, 1.2),
    "lnU": lambda p: p.add_effect(LnU(2.0), UNIFORM),
    "linear": lambda p: p.add_effect(Linear(0.2), THETA),
    "trG": lambda p: p.add_effect(TrG(0.2), THETA),
    "gmN": lambda p: p.add_effect(GmN(10, 7.0), NU),
    "raw": lambda p: p.add_shape(THETA, UP, DOWN, kind="raw"),
    "linear shape": lambda p: p.add_shape(THETA, UP, DOWN, kind="linear"),
    "quadratic shape": lambda p: p.add_shape(THETA, UP, DOWN, kind="quadratic"),
    "log-normal factor": lambda p: p.scale_by(LOG),
    "Gaussian factor": lambda p: p.scale_by(WIDE).add_lnN(WIDE, 1.1, interpolation="code4"),
    "free factor": lambda p: p.scale_by(FREE),
    "lnN and linear of one": lambda p: p.add_lnN(THETA, 1.2).add_effect(Linear(0.1), THETA),
    "linear alone of a wide one": lambda p: p.add_effect(Linear(0.1), WIDE),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_effects(name):
    acting(with_effect(EFFECTS[name]))


def test_a_gamma_density_comes_back_up_to_a_constant():
    again = acting(with_effect(lambda p: p.add_effect(GmM(0.3), GAMMA)), constant=True)
    assert again.nuisances == ("gamma",)


def test_correlated_nuisances():
    other = Variable("other", 0.1, constraint=Gaussian(mean=0.2, width=1.5))
    model = with_effect(lambda p: p.add_lnN(THETA, 1.2).add_lnN(other, (0.9, 1.1), interpolation="code4"))
    acting(model.correlate_nuisances(THETA, other, -0.6))


def test_rows_of_an_array_process():
    theta = bounded("theta", nuisance=True)
    process = Process("sig", [[5.0, 3.0], [1.0, 4.0], [2.0, 2.0]], sub_procs=["a", "b", "c"], channel="SR")
    process.add_lnN(theta, ([0.9, 0.8], [1.1, 1.3]), sub_procs=["a", "c"])
    process.scale_by(Variable("mu", [1.0, 2.0, 0.5], lower_bound=0.0, sub_names=["mu_a", "mu_b", "mu_c"]))
    acting(Model().add_proc(process), (9.0, 8.0))


@pytest.mark.parametrize("options", STATISTICS, ids=str)
def test_monte_carlo_statistics(options):
    model, obs = with_statistics(**options)
    again, obs_again = read_hs3(write_hs3(model, obs))

    def name_of(index, label):
        return f"mcstat_SR_bin{index}_{label}" if label else f"mcstat_SR_bin{index}"

    assert largest_spread(model, obs, again, obs_again, options, name_of) < 1e-10


# -- what HS3 has no words for -------------------------------------------------------------------

REFUSED = {
    "shape of Combine": (
        lambda p: p.add_shape(THETA, UP, DOWN),
        ["'bkg'", "'SR'", "'theta'", "kind 'shape'", "raw"],
    ),
    "shape at two sigma": (
        lambda p: p.add_shape(THETA, UP, DOWN, kind="raw", scale=0.5),
        ["'theta'", "scale 0.5", "one sigma"],
    ),
    "a function": (
        lambda p: p.scale_by_fn(lambda t: 1 + t**2, THETA),
        ["'bkg'", "scale_by_fn theta", "lambda"],
    ),
    "events added": (lambda p: p.add_by_fn(lambda t: t**2, THETA), ["'bkg'", "add_by_fn theta"]),
    "some bins": (lambda p: p.add_lnN(THETA, 1.1, bins=[0]), ["'bkg'", "lnN theta"]),
    "a count": (lambda p: p.add_effect(Counted(25), THETA), ["'bkg'", "poisson theta", "add_lnN"]),
    "two widths": (
        lambda p: p.scale_by(Variable("k", 1.0, constraint=AsymmetricGaussian(0.1, 0.2))),
        ["'k'", "AsymmetricGaussian", "Gaussian"],
    ),
    "a density in part of its range": (
        lambda p: p.scale_by(Variable("k", 1.0, upper_bound=1.5, constraint=Uniform(0.0, 2.0))),
        ["'k'", "bounds", "range"],
    ),
    "a name that is none in a formula": (
        lambda p: p.add_lnN(Variable("a-b", 0.0, nuisance=True), (0.9, 1.3)),
        ["'a-b'", "rename"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_place_and_cure(name):
    change, words = REFUSED[name]
    with pytest.raises(NotExpressibleError) as caught:
        write_hs3(with_effect(change).prepare(), [55.0, 21.0])
    for word in words:
        assert word in str(caught.value)


def test_settings_that_hs3_has_not():
    def model():
        return with_effect(lambda p: p.add_lnN(THETA, 1.1))

    with pytest.raises(NotExpressibleError, match=r"add_constraint.*constraints"):
        write_hs3(model().add_constraint(lambda t: -(t**2), THETA).prepare(), COUNTS)
    with pytest.raises(NotExpressibleError, match=r"set_data_term.*Poisson"):
        write_hs3(model().set_data_term("gaussian").prepare(), COUNTS)
    with pytest.raises(NotExpressibleError, match=r"'SR'.*scaling='total'"):
        write_hs3(*with_statistics(mode="lite"))
    with pytest.raises(InvalidTypeError, match="Model"):
        write_hs3(3, COUNTS)
    with pytest.raises(ShapeMismatchError, match="one count a bin"):
        write_hs3(model().prepare(), [1.0])


COUNTS = [55.0, 21.0]


def test_files_are_written_whole_or_not_at_all(tmp_path):
    model, path = with_effect(lambda p: p.add_lnN(THETA, 1.1)).prepare(), tmp_path / "file.json"
    content = write_hs3(model, COUNTS, path, name="mine")
    assert json.loads(path.read_text()) == content
    assert [analysis["name"] for analysis in content["analyses"]] == ["mine"]
    before = path.read_bytes()
    with pytest.raises(NotExpressibleError):
        write_hs3(with_effect(REFUSED["a function"][0]).prepare(), COUNTS, path)
    assert path.read_bytes() == before
    with pytest.raises(OutputFileError):
        write_hs3(model, COUNTS, tmp_path / "nowhere" / "file.json")


# -- from one format to the other ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["everything", "staterror over two channels", "shapesys with empty bins"])
def test_pyhf_reads_what_was_an_hs3_file(name):
    """pyhf -> HS3 -> pyhf: the likelihood of the last by pyhf itself, up to a constant."""
    assert same_to_pyhf(*read_hs3(write_hs3(*read(CASES[name])))) < 1e-10


CARD = """
imax 2
bin A B
observation 6 12
bin A A B B
process sig bkg sig bkg
process 0 1 0 1
rate 2.0 5.5 1.0 11
lumi lnN 1.1 1.1 1.1 1.1
norm lnN - 0.8/1.3 - 1.2
u lnU - 2.0 - 2
ctl gmN 11 - 0.5 - 1.0
t trG 0.1 -0.2 - -
p param 1 0.1
x extArg 3 [1,5]
q rateParam * bkg 1 [0,3]
s rateParam A sig (@0+1)^2*exp(-@1) p,x
"""


def test_a_counting_card(tmp_path):
    path = tmp_path / "card.txt"
    path.write_text(CARD)
    model, obs = read_datacard(path)
    assert same(model, obs, around(model)).poi == "r"


@pytest.mark.reference
@pytest.mark.parametrize(
    "name",
    [
        "combine-benchmarks/data/benchmarks/simple-counting/counting-B5p5-Obs6-Syst30B.txt",
        "combine-benchmarks/data/benchmarks/asymm/counting-B5p5-Obs20-Syst1040B.txt",
        "combine-tutorials/data/tutorials/counting/realistic-multi-channel.txt",
    ],
)
def test_published_counting_cards(name):
    model, obs = read_datacard(DATA / name)
    same(model, obs, around(model))

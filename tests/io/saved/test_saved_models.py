"""Models saved and loaded: here, and in a process that has none of their source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_models
from zoo import NOMINAL, ZOO

import smoothfit
from smoothfit import ChannelContrib, Model, Process, Variable, functional
from smoothfit.errors import InvalidTypeError, MorphingWarning, ShapeMismatchError, StaleModelError
from smoothfit.io.opening import read_model
from smoothfit.io.saved import model_hash, read_saved, save
from smoothfit.preparation.correlations import combine

ROOT = Path(__file__).resolve().parents[3]
FITTED = ("functions", "morphed")

CHILD = """
import json, sys
import jax
import numpy as np
from smoothfit import functional
from smoothfit.io.saved import read_saved

found = {}
for name, (path, points) in json.load(open(sys.argv[1])).items():
    model, obs = read_saved(path)
    value = lambda x: functional.nll(model.prepared, x, obs)
    both = jax.jit(lambda x: (value(x), jax.grad(value)(x), jax.hessian(value)(x)))
    found[name] = [[np.asarray(part).tolist() for part in both(np.array(x))] for x in points]
    if name in sys.argv[3:]:
        best_fit = model.fit(obs, strict=False)
        found[name].append([best_fit.x.tolist(), best_fit.fun])
json.dump(found, open(sys.argv[2], "w"))
"""


def made(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MorphingWarning)
        return ZOO[name]()


def points_of(model, n=2):
    """Random points inside the bounds, bin parameters included."""
    layout, rng = model.layout, np.random.default_rng(5)
    start = np.concatenate([layout.start, layout.bin_centre])
    lower, upper = layout.bounds
    return [np.clip(start + 0.1 * rng.normal(size=len(start)), lower + 1e-3, upper - 1e-3) for _ in range(n)]


def data_of(model):
    return np.round(np.asarray(model.pred({}))) + 1.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("saved")


class Made(dict):
    """name -> what is made of it when it is first asked for."""

    def __init__(self, make):
        self.make = make

    def __missing__(self, name):
        self[name] = self.make(name)
        return self[name]


@pytest.fixture(scope="module")
def saved(folder):
    """(model, data, path) of every model."""

    def save_one(name):
        model = made(name)
        found = model, data_of(model), folder / f"{name}.smoothfit"
        save(model, found[2], found[1])
        return found

    return Made(save_one)


@pytest.fixture(scope="module")
def elsewhere(saved, folder):
    """What a process finds that has the file and the library, and nothing of the model's source."""

    def ask(name):
        model, _, path = saved[name]
        jobs = {name: (str(path), [x.tolist() for x in points_of(model)])}
        (folder / "jobs.json").write_text(json.dumps(jobs))
        subprocess.run(
            [sys.executable, "-W", "error", "-c", CHILD, "jobs.json", "answers.json", *FITTED],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            timeout=600,
        )
        return json.loads((folder / "answers.json").read_text())[name]

    return Made(ask)


# The largest take a minute to compile.
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in ("everything", "functions") else n for n in ZOO]
)
def test_likelihood_and_derivatives_are_the_same_in_another_process(saved, elsewhere, name):
    model, obs, _ = saved[name]

    def value(x):
        return functional.nll(model.prepared, x, obs)

    both = jax.jit(lambda x: (value(x), jax.grad(value)(x), jax.hessian(value)(x)))
    at_points = elsewhere[name][: len(points_of(model))]
    for point, theirs in zip(points_of(model), at_points, strict=True):
        for ours, found in zip(both(point), theirs, strict=True):
            scale = max(1.0, float(np.max(np.abs(ours))))
            np.testing.assert_allclose(found, ours, rtol=0.0, atol=1e-12 * scale)


@pytest.mark.parametrize("name", [pytest.param("functions", marks=pytest.mark.slow), "morphed"])
def test_the_fit_is_the_same_in_another_process(saved, elsewhere, name):
    model, obs, _ = saved[name]
    x, fun = elsewhere[name][-1]
    best_fit = model.fit(obs)
    assert fun == pytest.approx(best_fit.fun, rel=1e-12)
    np.testing.assert_allclose(x, best_fit.x, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "functions" else n for n in ZOO]
)
def test_a_loaded_model_is_told_the_same_and_saved_to_the_same_bytes(saved, tmp_path, name):
    model, obs, path = saved[name]
    again, found = read_saved(path)
    np.testing.assert_array_equal(found, obs)
    assert (again.parameters, again.bin_parameters, again.poi) == (
        model.parameters,
        model.bin_parameters,
        model.poi,
    )
    assert repr(again.summary()) == repr(model.summary())
    assert model_hash(again) == model_hash(model)
    assert json.loads(_document(path))["hash"] == model_hash(model)
    save(again, tmp_path / "again.smoothfit", found)
    assert (tmp_path / "again.smoothfit").read_bytes() == path.read_bytes()


def _document(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.json")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n == "lite_process" else n for n in small_models.MODELS],
)
def test_every_small_model(tmp_path, name):
    small = small_models.make(name, 3)
    save(small.model, tmp_path / "m.smoothfit", small.obs)
    again, obs = read_saved(tmp_path / "m.smoothfit")
    assert model_hash(again) == model_hash(small.model)
    # Arrays that are equal have equal likelihoods; functions became programs.
    (ours, theirs) = (jax.tree.flatten(m.prepared) for m in (small.model, again))
    if ours[1] == theirs[1]:
        for a, b in zip(ours[0], theirs[0], strict=True):
            np.testing.assert_array_equal(a, b)
        return
    for point in points_of(small.model, 1):
        ours = float(small.model.nll(point, small.obs, small.globs))
        assert float(again.nll(point, obs, small.globs)) == pytest.approx(ours, rel=1e-12)


def test_everything_that_is_shown_comes_back(saved):
    again, _ = read_saved(saved["everything"][2])
    ours, theirs = saved["everything"][0].layout, again.layout
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        assert a == b
    for a, b in zip(ours.channels, theirs.channels, strict=True):
        assert (a.name, a.label, a.unit) == (b.name, b.label, b.unit)
        np.testing.assert_array_equal(
            a.edges if a.edges is not None else [], b.edges if b.edges is not None else []
        )
    assert ours.processes == theirs.processes
    assert ours.mc_stat == theirs.mc_stat
    ours, theirs = (combine(m.specification.correlations)[1] for m in (saved["everything"][0], again))
    np.testing.assert_array_equal(ours, theirs)
    assert again.specification.masked == ("CR2",)


@pytest.fixture(scope="module")
def pair(folder):
    """A model of one lambda that captured an array, as it was and as it was loaded, and data."""
    mu, nu, weights = Variable("mu", 1.0), Variable("nu", 1.0), np.array([1.0, 1.5])
    sig = Process("sig", [20.0, 10.0]).scale_by_fn(lambda m: m**2 * weights, mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", [100.0, 150.0]).scale_by(nu)).prepare()
    save(model, folder / "pair.smoothfit")
    return model, smoothfit.load(folder / "pair.smoothfit"), np.array([118.0, 170.0])


@pytest.mark.slow
def test_what_is_asked_of_a_loaded_model_is_the_same(pair):
    *models, obs = pair
    toys = np.stack([obs, obs + 2.0, obs + 5.0])
    found = []
    for model in models:
        best_fit = model.fit(obs)
        bounds = model.minos_bounds("mu", best_fit, obs)[:2]
        scanned = model.scan("mu", [0.9, 1.1], best_fit, obs).delta_nll
        shifts = model.impacts("mu", best_fit, nuisances="nu", bounds="hesse").up
        moved = jax.jit(jax.grad(lambda n, model=model: functional.fit(model.prepared, n).values[0]))(obs)
        found.append([bounds, scanned, model.batch_fit(toys).x, shifts, moved])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-8, atol=1e-9)


def test_captured_arrays_stay_arrays_to_differentiate_by(pair):
    *models, obs = pair
    found = []
    for model in models:
        gradient = jax.jit(jax.grad(lambda p: functional.nll(p, jnp.array([1.1, 1.0]), obs)))(model.prepared)
        found.append([np.asarray(leaf) for leaf in jax.tree.leaves(gradient.templates.captured)])
    (ours,), (theirs,) = found
    # d NLL / d weight = (1 - n / nu) S mu^2, with nu = S mu^2 w + B.
    expected = np.array([20.0, 10.0]) * 1.1**2 * np.array([1.0, 1.5]) + np.array([100.0, 150.0])
    np.testing.assert_allclose(ours, (1.0 - obs / expected) * np.array([20.0, 10.0]) * 1.1**2, rtol=1e-12)
    np.testing.assert_allclose(theirs, ours, rtol=1e-12)


def test_a_variable_that_is_shared_stays_one(tmp_path):
    shared = Variable("shared", 1.0)
    model = (
        Model().add_proc(Process("a", [10.0]).scale_by(shared)).add_proc(Process("b", [5.0]).scale_by(shared))
    )
    save(model.prepare(), tmp_path / "m.smoothfit")
    processes = smoothfit.load(tmp_path / "m.smoothfit").specification.processes
    assert processes[0].effects[0].variable is processes[1].effects[0].variable


def test_edges_of_a_histogram_come_back(tmp_path):
    hist = pytest.importorskip("hist")
    h = hist.Hist.new.Var([0.0, 1.0, 3.0], name="x", label="mass").Weight()
    h.fill([0.5, 2.0, 2.5], weight=[2.0, 3.0, 4.0])
    model = Model().add_proc(Process("p").add_contrib(ChannelContrib("SR", h)).scale_by(Variable("mu", 1.0)))
    save(model.prepare(), tmp_path / "m.smoothfit")
    (process,) = smoothfit.load(tmp_path / "m.smoothfit").specification.processes
    np.testing.assert_array_equal(process["SR"].edges, [0.0, 1.0, 3.0])
    assert process["SR"].axis_label == "mass"
    np.testing.assert_array_equal(process["SR"].sumw2, [[4.0, 25.0]])


def test_a_regularisation_by_positions_stays_right_when_a_process_is_added(tmp_path):
    first = Variable("first", [1.0, 2.0])
    model = Model().add_proc(Process("p", [10.0, 20.0]).scale_by(first, axis="bin"))
    model.add_constraint(lambda values, data, globs: -((values[0] - values[1]) ** 2)).prepare()
    save(model, tmp_path / "m.smoothfit")
    again = smoothfit.load(tmp_path / "m.smoothfit")
    assert float(again.nll([1.0, 3.0], [10.0, 60.0]) - model.nll([1.0, 3.0], [10.0, 60.0])) == 0.0
    assert again.specification.terms[0].order == ("first[0]", "first[1]")


def test_the_hash_is_of_what_enters_the_likelihood():
    def model(value=1.0, label=None, yields=(10.0, 20.0), factor=2.0):
        mu = Variable("mu", value, label=label)
        return Model().add_proc(Process("p", list(yields)).scale_by_fn(lambda m: factor * m, mu)).prepare()

    first = model_hash(model())
    assert model_hash(model()) == model_hash(model(label="x")) == first
    assert len({first, model_hash(model(value=2.0)), model_hash(model(yields=(10.0, 21.0)))}) == 3
    assert model_hash(model(factor=3.0)) != first


def test_a_model_that_is_blinded_stays_so(tmp_path):
    model = Model().add_proc(Process("p", [10.0]).scale_by(Variable("mu", 1.0))).prepare().blind(pois="mu")
    save(model, tmp_path / "m.smoothfit", [12.0])
    again, obs = read_saved(tmp_path / "m.smoothfit")
    assert "blinded" in repr(again.fit(obs))


def test_the_receipt_of_what_a_model_was_read_from_comes_back(tmp_path):
    card = tmp_path / "card.txt"
    card.write_text(
        "imax 1\njmax 1\nkmax *\nbin SR\nobservation 14\nbin SR SR\nprocess sig bkg\nprocess 0 1\nrate 3 10\n"
        "lumi lnN 1.02 1.02\nexp group = lumi\n"
    )
    model, obs = read_model(card)
    save(model, tmp_path / "m.smoothfit", obs)
    again, found = read_model(tmp_path / "m.smoothfit")
    assert again.receipt.to_dict() == model.receipt.to_dict()
    assert again.poi == "r"
    np.testing.assert_array_equal(found, obs)


def test_what_cannot_be_saved_is_said(tmp_path):
    path = tmp_path / "m.smoothfit"
    model = Model().add_proc(Process("p", NOMINAL).scale_by(Variable("mu", 1.0)))
    with pytest.raises(StaleModelError, match="not prepared"):
        save(model, path)
    model.prepare()
    with pytest.raises(ShapeMismatchError, match="3 bins"):
        save(model, path, [1.0, 2.0])
    with pytest.raises(InvalidTypeError, match="a Model is expected, got int"):
        save(3, path)
    with pytest.raises(ValueError, match="functions must be one of"):
        save(model, path, functions="pickle")

    class Own(smoothfit.effects.Linear):
        pass

    model.add_proc(Process("q", NOMINAL).add_effect(Own(0.1), Variable("t", 0.0, nuisance=True))).prepare()
    with pytest.raises(InvalidTypeError, match="effect Own, which is no class of the library"):
        save(model, path)
    assert list(tmp_path.iterdir()) == []

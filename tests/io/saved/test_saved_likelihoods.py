"""Likelihoods of other programs in files: programs with their data, imports, structures of data."""

from __future__ import annotations

import functools
import json
import sys
import types
import zipfile
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import smoothfit
from smoothfit import Model, Process, Variable, functional
from smoothfit.constraints import Gaussian
from smoothfit.errors import FileFormatError, UserFunctionError
from smoothfit.io import model_hash
from smoothfit.io.saved.container import pack
from smoothfit.io.saved.trees import read_structure, structure_told

RNG = np.random.default_rng(9)
DATA = {"x": (RNG.normal(1.2, 0.5, 12), None), "kind": RNG.integers(0, 2, 12), "used": RNG.random(12) < 0.8}
OBS = [112.0, 95.0]


class Events(NamedTuple):
    """A container that no file can name."""

    x: np.ndarray
    w: np.ndarray


def weighted(values, data):
    """Two kinds of events around two values, some of which are left out."""
    shift = jnp.where(data["kind"] == 1, values[1], 0.0)
    pull = (data["x"][0] - values[0] - shift) / 0.5
    return 0.5 * jnp.sum(jnp.where(data["used"], pull**2, 0.0))


def model_of(likelihood=weighted, data=DATA):
    """mu is shared, extra the likelihood's alone."""
    mu, extra = Variable("mu", 1.0), Variable("extra", 0.1, constraint=Gaussian(0.0, 0.3))
    model = Model().add_proc(Process("p", [100.0, 90.0]).scale_by(mu))
    return model.add_likelihood(likelihood, [mu, extra], data, name="events").prepare()


def saved(model, tmp_path, **options):
    path = tmp_path / "model.smoothfit"
    smoothfit.save(model, path, OBS, **options)
    return path


@pytest.fixture
def module():
    """A module that functions can be imported from."""
    found = types.ModuleType("smoothfit_test_likelihoods")
    sys.modules[found.__name__] = found
    yield found
    del sys.modules[found.__name__]


def test_a_loaded_likelihood_is_the_same_with_its_data(tmp_path):
    model = model_of()
    path = saved(model, tmp_path)
    again = smoothfit.load(path)
    assert again.parameters == ("mu", "extra")
    x = np.array([1.1, 0.2])
    assert again.nll(x, OBS) == pytest.approx(model.nll(x, OBS), abs=1e-12)
    one, other = model.fit(OBS), again.fit(OBS)
    np.testing.assert_allclose(other.x, one.x, rtol=1e-10)
    np.testing.assert_allclose(other.hess_inv, one.hess_inv, rtol=1e-9)
    assert model_hash(again) == model_hash(model)
    second = tmp_path / "second.smoothfit"
    smoothfit.save(again, second, OBS)
    assert second.read_bytes() == path.read_bytes()
    fresh = {**DATA, "x": (DATA["x"][0] + 0.1, None)}
    fitted = [functional.fit(m.replaced(likelihoods={"events": fresh}), OBS).values for m in (model, again)]
    np.testing.assert_allclose(*fitted, rtol=1e-10)
    assert np.max(np.abs(fitted[0] - one.x)) > 0.005


@pytest.mark.slow
def test_a_fit_of_a_loaded_one_can_be_differentiated_by_its_data(tmp_path):
    model = model_of()
    again = smoothfit.load(saved(model, tmp_path))

    def fitted(m, x):
        data = {**DATA, "x": (x, None)}
        return functional.fit(m.replaced(likelihoods={"events": data}), OBS).values[0]

    slopes = [jax.grad(fitted, argnums=1)(m, jnp.asarray(DATA["x"][0])) for m in (model, again)]
    np.testing.assert_allclose(*slopes, rtol=1e-8)
    assert np.all((np.abs(slopes[0]) > 0.0) == DATA["used"])


def test_the_hash_knows_data_variables_and_name():
    first = model_hash(model_of())
    assert model_hash(model_of()) == first
    assert model_hash(model_of(data={**DATA, "x": (DATA["x"][0] + 1e-9, None)})) != first
    assert model_hash(model_of(lambda values, data: weighted(values[::-1], data))) != first
    mu, extra = Variable("mu", 1.0), Variable("extra", 0.1, constraint=Gaussian(0.0, 0.3))
    renamed = Model().add_proc(Process("p", [100.0, 90.0]).scale_by(mu))
    renamed.add_likelihood(weighted, [mu, extra], DATA, name="others").prepare()
    assert model_hash(renamed) != first


def test_data_in_other_containers_become_a_tuple(tmp_path):
    data = Events(np.array([1.0, 1.4]), np.array([2.0, 0.5]))
    model = model_of(lambda v, d: jnp.sum(d.w * (d.x - v[0] - v[1]) ** 2), data)
    again = smoothfit.load(saved(model, tmp_path))
    assert model_hash(again) == model_hash(model)
    new = (np.array([1.1, 1.3]), data.w)
    x = np.array([1.1, 0.2])
    values = [
        float(functional.nll(m.replaced(likelihoods={"events": d}), x, OBS))
        for m, d in ((model, Events(*new)), (again, new))
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-12)


def test_likelihoods_by_import(tmp_path, module):
    weighted.__module__, module.weighted = module.__name__, weighted
    try:
        model = model_of()
        path = saved(model, tmp_path, functions="import")
        with pytest.raises(FileFormatError, match="allow_imports"):
            smoothfit.load(path)
        again = smoothfit.load(path, allow_imports=[module.__name__])
    finally:
        weighted.__module__ = __name__
    np.testing.assert_array_equal(again.fit(OBS).x, model.fit(OBS).x)
    assert model_hash(again) == model_hash(model)
    assert again.layout.likelihoods["events"].structure == model.layout.likelihoods["events"].structure


def test_a_host_likelihood_is_saved_by_import_alone(tmp_path, module):
    @functools.partial(smoothfit.host_likelihood, n_parameters=2)
    def at_home(x):
        return 20.0 * (x[0] - 1.05) ** 2 + (x[1] - 0.1) ** 2

    assert isinstance(at_home, smoothfit.host.HostLikelihood)
    model = model_of(at_home, None)
    with pytest.raises(UserFunctionError, match=r"functions='import'.*without callbacks"):
        saved(model, tmp_path)
    with pytest.raises(UserFunctionError, match="cannot be found by import"):
        saved(model, tmp_path, functions="import")
    at_home.__module__, at_home.__qualname__ = module.__name__, "at_home"
    module.at_home = at_home
    model = model_of(at_home, None)
    again = smoothfit.load(saved(model, tmp_path, functions="import"), allow_imports=[module.__name__])
    np.testing.assert_allclose(again.fit(OBS).x, model.fit(OBS).x, rtol=1e-12)
    assert model_hash(again) == model_hash(model)


@pytest.mark.parametrize(
    "tree",
    [None, 1.0, [1.0, (2.0, None)], {"b": {}, "a": [[], 1.0], "": 2.0}, (), {"deep": [[[[1.0]]]]}],
    ids=str,
)
def test_structures_are_told_and_read(tree):
    structure = jax.tree.structure(tree)
    words = json.loads(json.dumps(structure_told(structure)))
    assert read_structure("data", words, structure.num_leaves) == structure


def deep(levels):
    words = "array"
    for _ in range(levels):
        words = [words]
    return words


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["array"], "1 arrays, but 2"),
        ({"set": []}, "'set' is not a key"),
        ({"dict": [], "tuple": []}, "one of 'dict' and 'tuple'"),
        ({}, "one of 'dict' and 'tuple'"),
        ({"dict": [["a"]]}, "pairs of a key"),
        ({"dict": [[1, "array"]]}, "pairs of a key"),
        ({"tuple": 3}, "a list is expected"),
        ("arrays", "an object"),
        (3, "an object"),
        (deep(60), "deeper than 50"),
    ],
    ids=str,
)
def test_structures_that_are_none_are_refused(words, message):
    with pytest.raises(FileFormatError, match=message):
        read_structure("data", words, 2)


def damaged(path, change):
    """The file with another document."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(members["model.json"])
    change(document["model"]["terms"][0])
    members["model.json"] = json.dumps(document).encode()
    path.write_bytes(pack(members))
    return path


BAD = {
    "no name": (lambda t: t["likelihood"].pop("name"), "'name' is missing"),
    "an empty name": (lambda t: t["likelihood"].update(name=" "), "non-empty string"),
    "data outside": (lambda t: t["likelihood"]["data"][0].__setitem__(1, 10**6), "outside of the arrays"),
    "data of no dtype": (lambda t: t["likelihood"]["data"][0].__setitem__(0, "object"), "a reference"),
    "data of another shape": (lambda t: t["likelihood"]["data"][1].__setitem__(2, [3]), "of shape"),
    "a list of nothing": (lambda t: t["likelihood"].update(data=3), "a list is expected"),
    "fewer arrays": (lambda t: t["likelihood"].update(data=t["likelihood"]["data"][:1]), "arrays, but 1"),
    "another structure": (lambda t: t["likelihood"]["shown"].update(structure={"x": 1}), "not a key"),
    "another key": (lambda t: t["likelihood"].update(extra=1), "'extra' is not a key"),
    "no variables": (lambda t: t.update(variables=None), "a list is expected"),
    "other variables": (lambda t: t.update(variables=[0]), "shape"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_bad_files_are_refused_with_words(case, tmp_path):
    change, message = BAD[case]
    with pytest.raises(FileFormatError, match=message):
        smoothfit.load(damaged(saved(model_of(), tmp_path), change))

"""Each modifier and each part of a measurement, against pyhf on small workspaces."""

from __future__ import annotations

import copy
import json

import numpy as np
import pyhf
import pytest
from files_of_tests import shared_path
from pyhf_twin import Twin

from smoothfit.constraints import Gaussian, Poisson
from smoothfit.io import read_pyhf
from smoothfit.io.pyhf.parameters import collect_uses, make_variables
from smoothfit.io.pyhf.schema import read_workspace

MU = {"name": "mu", "type": "normfactor", "data": None}
LUMI = {"name": "lumi", "type": "lumi", "data": None}
LUMI_CONFIG = {
    "name": "lumi",
    "auxdata": [1.02],
    "sigmas": [0.017],
    "inits": [1.0],
    "bounds": [[0.5, 1.5]],
}


def modifier(kind, name, data=None):
    return {"name": name, "type": kind, "data": data}


def sample(name, data, *modifiers):
    return {"name": name, "data": data, "modifiers": list(modifiers)}


def workspace(channels, obs, *, parameters=(), poi="mu"):
    """``channels`` and ``obs`` by name, in the order of the file."""
    return {
        "channels": [{"name": name, "samples": samples} for name, samples in channels.items()],
        "observations": [{"name": name, "data": data} for name, data in obs.items()],
        "measurements": [{"name": "m", "config": {"poi": poi, "parameters": list(parameters)}}],
        "version": "1.0.0",
    }


def one_channel(*background_modifiers, data=(50.0, 60.0, 8.0), **options):
    samples = [sample("sig", [5.0, 9.0, 4.0], MU), sample("bkg", list(data), *background_modifiers)]
    return workspace({"SR": samples}, {"SR": [53.0, 71.0, 9.0]}, **options)


def variables(document):
    """The Variables that the first measurement gives, by name."""
    read = read_workspace(document)
    return make_variables(collect_uses(read.channels), read.measurements[0].parameters)


JES_NORM = modifier("normsys", "jes", {"lo": 0.92, "hi": 1.15})
JES_SHAPE = modifier("histosys", "jes", {"lo_data": [45.0, 61.0, 7.0], "hi_data": [58.0, 57.0, 9.5]})
STAT = modifier("staterror", "stat", [3.0, 4.0, 1.5])

CASES = {
    "normfactor": one_channel(),
    "normfactor configured": one_channel(
        parameters=[{"name": "mu", "inits": [0.7], "bounds": [[-3.0, 4.0]]}],
    ),
    "normsys": one_channel(JES_NORM),
    "normsys auxdata": one_channel(JES_NORM, parameters=[{"name": "jes", "auxdata": [0.4]}]),
    "normsys that is negative inside": one_channel(
        modifier("normsys", "jes", {"lo": 0.01, "hi": 40.0}), data=(1.0, 2.0, 0.5)
    ),
    "histosys": one_channel(JES_SHAPE),
    "normsys and histosys of one name": one_channel(JES_NORM, JES_SHAPE),
    "lumi": one_channel(LUMI, parameters=[LUMI_CONFIG]),
    "shapefactor": one_channel(modifier("shapefactor", "free")),
    "shapesys": one_channel(modifier("shapesys", "unc", [5.0, 7.0, 2.5])),
    "shapesys with empty bins": one_channel(
        modifier("shapesys", "unc", [5.0, 0.0, 2.5]),
        data=(50.0, 60.0, 0.0),
    ),
    "shapesys configured": one_channel(
        modifier("shapesys", "unc", [5.0, 7.0, 2.5]),
        parameters=[{"name": "unc", "auxdata": [90.0, 80.0, 9.5], "factors": [100.0, 70.0, 10.0]}],
    ),
    "staterror": one_channel(STAT),
    "staterror without uncertainty": one_channel(modifier("staterror", "stat", [3.0, 0.0, 1.5])),
    "staterror configured": one_channel(
        STAT,
        parameters=[
            {
                "name": "stat",
                "inits": [1.0, 1.1, 0.9],
                "bounds": [[0.5, 2.0], [0.5, 2.0], [0.1, 3.0]],
                "auxdata": [1.0, 1.05, 0.95],
                "sigmas": [0.1, 0.2, 0.3],
            }
        ],
    ),
    "staterror freed": one_channel(
        modifier("staterror", "stat", [3.0, 0.0, 1.5]),
        parameters=[{"name": "stat", "fixed": False}],
    ),
    "fixed": one_channel(JES_NORM, parameters=[{"name": "jes", "fixed": True, "inits": [0.5]}]),
    "staterror of two samples": workspace(
        {
            "SR": [
                sample("sig", [5.0, 9.0], MU),
                sample("ttbar", [30.0, 0.0], modifier("staterror", "stat", [2.0, 1.0])),
                sample("wjets", [10.0, 0.0], modifier("staterror", "stat", [1.0, 0.0])),
                sample("data-driven", [4.0, 7.0]),
            ]
        },
        {"SR": [50.0, 14.0]},
    ),
    "staterror over two channels": workspace(
        {
            "b": [sample("sig", [5.0, 9.0], MU), sample("bkg", [30.0, 20.0], STAT | {"data": [2.0, 1.0]})],
            "a": [sample("bkg", [80.0, 10.0, 3.0], STAT)],
        },
        {"b": [38.0, 25.0], "a": [83.0, 12.0, 2.0]},
    ),
    "shapefactor over two channels": workspace(
        {
            "SR": [sample("sig", [5.0, 9.0], MU), sample("qcd", [30.0, 20.0], modifier("shapefactor", "f"))],
            "CR": [sample("qcd", [80.0, 10.0], modifier("shapefactor", "f"))],
        },
        {"SR": [38.0, 25.0], "CR": [83.0, 12.0]},
    ),
    "channels of different samples, not by name": workspace(
        {
            "z": [sample("top", [30.0], JES_NORM)],
            "y": [sample("sig", [3.0, 2.0], MU), sample("w", [8.0, 9.0], LUMI)],
            "x": [sample("top", [12.0, 4.0, 1.0], STAT, JES_SHAPE)],
        },
        {"x": [10.0, 3.0, 2.0], "y": [14.0, 11.0], "z": [33.0]},
        parameters=[LUMI_CONFIG],
    ),
    "one bin": workspace(
        {"SR": [sample("sig", [5.0], MU), sample("bkg", [50.0], modifier("staterror", "stat", [3.0]))]},
        {"SR": [57.0]},
    ),
    "everything": workspace(
        {
            "SR": [
                sample("sig", [5.0, 9.0, 4.0], MU, LUMI),
                sample("bkg", [50.0, 60.0, 8.0], LUMI, STAT, JES_NORM, JES_SHAPE),
                sample("fake", [7.0, 3.0, 2.0], modifier("shapesys", "fakes", [2.0, 1.0, 0.0]), STAT),
            ],
            "CR": [
                sample("bkg", [500.0, 80.0], LUMI, JES_NORM, modifier("normfactor", "k")),
                sample("qcd", [1.0, 1.0], modifier("shapefactor", "qcd")),
            ],
        },
        {"SR": [70.0, 70.0, 14.0], "CR": [510.0, 77.0]},
        parameters=[LUMI_CONFIG],
    ),
}


@pytest.fixture(scope="module")
def twins():
    made = {}

    def make(name):
        if name not in made:
            made[name] = Twin(CASES[name])
        return made[name]

    return make


@pytest.mark.parametrize("name", CASES)
def test_likelihood_is_that_of_pyhf(twins, name):
    assert twins(name).largest_difference(8) < 1e-9


@pytest.mark.parametrize("name", CASES)
def test_starts_bounds_and_fixed_are_those_of_pyhf(twins, name):
    twin = twins(name)
    ours = variables(CASES[name])
    assert set(ours) == set(twin.config.par_order)
    assert set(twin.ours.parameters) == set(twin.config.par_names)
    np.testing.assert_array_equal(twin.ours.layout.start, twin.values(twin.init))
    np.testing.assert_array_equal(twin.ours.layout.lower, twin.values(twin.bounds[:, 0]))
    np.testing.assert_array_equal(twin.ours.layout.upper, twin.values(twin.bounds[:, 1]))
    for parameter in twin.config.par_order:
        variable, part = ours[parameter], twin.config.par_slice(parameter)
        assert variable.is_scalar == twin.config.param_set(parameter).is_scalar
        np.testing.assert_array_equal(variable.fixed, twin.fixed[part])
        assert list(variable.sub_names) == [n for n in twin.config.par_names if n.split("[")[0] == parameter]


@pytest.mark.parametrize("name", CASES)
def test_observations_by_channel(twins, name):
    twin = twins(name)
    given = {entry["name"]: entry["data"] for entry in CASES[name]["observations"]}
    assert {channel: list(data) for channel, data in twin.ours.split(twin.obs).items()} == given


# In one channel a free factor a bin and mu do the same: no covariance, and the fit says so.
DEGENERATE = {"shapefactor"}


@pytest.mark.slow
@pytest.mark.agreement
@pytest.mark.parametrize("name", CASES)
def test_best_fit_is_at_least_as_low_as_that_of_pyhf(twins, name):
    twin = twins(name)
    fit = twin.ours.fit(twin.obs, strict=False)
    assert fit.success == (name not in DEGENERATE), fit.message
    best = twin.parameters(fit.x[: len(twin.init)])
    np.testing.assert_array_equal(best[twin.fixed], twin.init[twin.fixed])
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(maxiter=10000))
    with np.errstate(all="ignore"):
        theirs = twin.their_twice_nll(np.asarray(pyhf.infer.mle.fit(twin.data, twin.theirs)))
    assert 2.0 * fit.fun <= theirs + 1e-8
    assert 2.0 * fit.fun == pytest.approx(twin.their_twice_nll(best), abs=1e-9)


def test_constraints_that_measurements_and_uncertainties_give():
    found = variables(CASES["everything"])
    assert isinstance(found["fakes"].constraint, Poisson)
    np.testing.assert_allclose(found["fakes"].constraint.tau, [12.25, 9.0, 1.0])
    np.testing.assert_array_equal(found["fakes"].fixed, [False, False, True])
    assert isinstance(found["stat"].constraint, Gaussian)
    # sqrt(3^2 + 3^2) / (50 + 7): both samples carry the name.
    np.testing.assert_allclose(found["stat"].constraint.width[0], np.sqrt(18.0) / 57.0)
    np.testing.assert_array_equal(found["lumi"].constraint.mean, [1.02])
    assert found["k"].constraint is None
    assert found["qcd"].size == 2


def test_a_set_of_one_is_an_array(twins):
    stat = variables(CASES["one bin"])["stat"]
    assert "stat[0]" in twins("one bin").ours.parameters
    assert stat.sub_names == ("stat[0]",)
    assert not stat.is_scalar


def test_signal_is_what_the_poi_scales(twins):
    assert {process.name: process.signal for process in twins("everything").ours.layout.processes} == {
        "sig": True,
        "bkg": False,
        "fake": False,
        "qcd": False,
    }


def test_poi(twins):
    assert twins("lumi").ours.poi == "mu"
    poiless = CASES["normsys"] | {"measurements": [{"name": "m", "config": {"poi": "", "parameters": []}}]}
    assert read_pyhf(poiless)[0].poi is None
    without = {key: value for key, value in CASES["normsys"].items() if key != "measurements"}
    assert read_pyhf(without)[0].poi is None


def test_a_poi_that_the_model_does_not_have_is_none_with_a_warning():
    background = copy.deepcopy(CASES["normsys"])
    del background["channels"][0]["samples"][0]
    with pytest.warns(UserWarning, match=r"'mu'.*no parameter.*patch"):
        model, obs = read_pyhf(background)
    assert model.poi is None
    np.testing.assert_array_equal(obs, [53.0, 71.0, 9.0])


def test_measurements_by_name_and_position():
    two = copy.deepcopy(CASES["normsys"])
    other = {"name": "other", "config": {"poi": "jes", "parameters": [{"name": "mu", "inits": [3.0]}]}}
    two["measurements"].append(other)
    assert read_pyhf(two)[0].poi == "mu"
    for chosen in ("other", 1):
        model, _ = read_pyhf(two, chosen)
        assert model.poi == "jes"
        assert model.layout.start[model.index("mu")] == 3.0
    assert Twin(two, measurement="other").largest_difference(3) < 1e-9
    receipt = read_pyhf(two)[0].receipt
    assert [(note.what, note.why) for note in receipt.ignored] == [
        ("'other'", "'m' is the one that was chosen")
    ]


def test_a_configuration_of_what_the_model_does_not_have_is_let_through():
    background = one_channel(parameters=[{"name": "mu_Sig", "fixed": True}, LUMI_CONFIG])
    model = read_pyhf(background)[0]
    assert model.parameters == ("mu",)
    assert [note.what for note in model.receipt.ignored] == ["parameter 'mu_Sig'", "parameter 'lumi'"]
    assert model.receipt.read == {"channels": 1, "samples": 2, "normfactor modifiers": 1}


def test_other_observations_are_let_through():
    wider = copy.deepcopy(CASES["normsys"])
    wider["observations"].append({"name": "VR", "data": [3.0]})
    model, obs = read_pyhf(wider)
    np.testing.assert_array_equal(obs, [53.0, 71.0, 9.0])
    assert [note.what for note in model.receipt.ignored] == ["'VR'"]


def test_a_file_gives_what_its_dict_gives(tmp_path):
    path = tmp_path / "workspace.json"
    path.write_text("\ufeff" + json.dumps(CASES["everything"]), encoding="utf-8")
    (a, obs_a), (b, obs_b) = read_pyhf(str(path)), read_pyhf(CASES["everything"])
    np.testing.assert_array_equal(obs_a, obs_b)
    assert a.parameters == b.parameters
    assert a.nll(a.layout.start, obs_a) == b.nll(b.layout.start, obs_b)


PATCH = [
    {"op": "test", "path": "/channels/0/name", "value": "SR"},
    {"op": "replace", "path": "/channels/0/samples/1/modifiers/0/data/hi", "value": 1.3},
    {"op": "add", "path": "/channels/0/samples/-", "value": sample("new", [1.0, 2.0, 3.0])},
    {"op": "copy", "from": "/channels/0/samples/2", "path": "/channels/0/samples/0"},
    {"op": "replace", "path": "/channels/0/samples/0/name", "value": "newer"},
    {"op": "move", "from": "/channels/0/samples/0", "path": "/channels/0/samples/2"},
    {"op": "add", "path": "/measurements/0/config/a~1b~0c", "value": 1},
    {"op": "remove", "path": "/measurements/0/config/a~1b~0c"},
    {"op": "add", "path": "/channels/0/samples/3/modifiers/0", "value": MU},
]


def test_patches_of_every_operation():
    before = copy.deepcopy(CASES["normsys"])
    twin = Twin(CASES["normsys"], patch=PATCH)
    assert twin.largest_difference(3) < 1e-9
    assert list(twin.ours.processes) == ["sig", "bkg", "newer", "new"]
    assert CASES["normsys"] == before


def test_every_form_of_a_patch(tmp_path):
    entry = {"metadata": {"name": "point", "values": [1]}, "patch": PATCH}
    patch_set = {"patches": [entry, {"metadata": {"name": "other", "values": [2]}, "patch": []}]}
    path = tmp_path / "patches.json"
    path.write_text(json.dumps(patch_set), encoding="utf-8")
    single = tmp_path / "patch.json"
    single.write_text(json.dumps(PATCH), encoding="utf-8")
    forms = (PATCH, entry, {"patches": [entry]}, (patch_set, "point"), (str(path), "point"), single)
    names = [list(read_pyhf(CASES["normsys"], patch=form)[0].processes) for form in forms]
    assert names == [["sig", "bkg", "newer", "new"]] * len(forms)


@pytest.mark.reference
def test_published_patch_sets():
    folder = shared_path("data", "pyhf-repo", "tests", "test_patchset")
    patch_set = json.loads((folder / "example_patchset.json").read_text())
    twin = Twin(folder / "example_bkgonly.json", patch=patch_set["patches"][0]["patch"])
    assert twin.largest_difference(3) < 1e-9
    model, _ = read_pyhf(folder / "example_bkgonly.json", patch=folder / "example_patchset.json")
    start = twin.values(twin.init)
    assert model.nll(start, twin.obs) == twin.ours.nll(start, twin.obs)


@pytest.mark.reference
def test_a_signal_patched_into_a_background_only_workspace():
    folder = shared_path("data", "pyhf_inference_tools", "analyses", "1Lbb", "likelihoods")
    patch_set = json.loads((folder / "simplified_patchset.json").read_text())
    entry = patch_set["patches"][3]
    twin = Twin(folder / "simplified_BkgOnly.json", patch=entry["patch"])
    assert twin.ours.poi == "mu_Sig"
    assert twin.largest_difference(10) < 1e-9

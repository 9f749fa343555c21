"""Results saved and loaded: what they show, what they know, and whose they are."""

from __future__ import annotations

import copy
import json
import random

import numpy as np
import pytest

import smoothfit
from smoothfit import Model, Process, Variable, load_result, results, save_result
from smoothfit.errors import (
    FileFormatError,
    InputFileError,
    InvalidTypeError,
    InvalidValueError,
    SmoothfitError,
)
from smoothfit.io.saved import model_hash
from smoothfit.io.saved_results import RECORDS
from smoothfit.results import Record
from smoothfit.unfolding import Regularisation, response_process, unfold

OBS = np.array([58.0, 47.0, 33.0])


def made(label=None, kappa=1.1):
    mu, nu = Variable("mu", 1.0, label=label), Variable("nu", 1.0)
    theta = Variable("theta", 0.0, nuisance=True)
    sig = Process("sig", [10.0, 5.0, 1.0]).scale_by(mu).add_lnN(theta, kappa)
    bkg = Process("bkg", [50.0, 40.0, 30.0], sumw2=[5.0, 4.0, 3.0]).scale_by(nu)
    model = Model().add_proc(sig).add_proc(bkg).describe_channel("main", edges=[0.0, 1.0, 2.0, 4.0])
    return model.prepare()


@pytest.fixture(scope="module")
def model():
    return made()


@pytest.fixture(scope="module")
def best_fit(model):
    return model.fit(OBS)


@pytest.fixture(scope="module")
def records(model, best_fit):
    """One record of each kind that a model answers with."""
    found = [
        best_fit,
        model.fit(OBS, fixed={"nu": 1.0}),
        model.impacts("mu", best_fit, groups={"theory": "theta"}),
        model.scan("mu", [0.5, 1.0], best_fit),
        model.pulls(best_fit, minos=True),
        model.yields(best_fit),
        model.minos_bounds("mu", best_fit, OBS),
        model.breakdown(["mu"], best_fit),
        model.batch_fit(np.stack([OBS, OBS + 1.0])),
        model.contours(["mu", "nu"], best_fit, points=6),
        model.contour("mu", "nu", best_fit, points=6),
        model.derived(["mu"], best_fit),
        model.goodness_of_fit(OBS, toys=3, seed=1),
        model.chi2(best_fit),
        model.feldman_cousins("mu", [0.5, 1.0, 3.0], OBS, toys=2, seed=1),
        model.coverage("mu", [0.5, 1.0], toys=2, seed=1),
        model.global_significance("mu", OBS, hypotheses={1.0: model.prepared}, toys=2, seed=1),
        model.hypotest("mu", 2.0, OBS),
        model.upper_limit("mu", OBS),
        model.two_sided_limit("mu", OBS),
        model.significance("mu", OBS),
    ]
    starts = model.fit(OBS, starts=2, seed=1)
    return [*found, *([starts.minima] if starts.minima is not None else []), starts]


def test_every_record_of_results_is_known():
    every = {cls for cls in vars(results).values() if isinstance(cls, type) and issubclass(cls, Record)}
    # What a file holds already, what is said of files and models and printed only, and the base class.
    said = {
        results.ConfidenceBelt,
        results.Findings,
        results.Difference,
        results.NllDifference,
        results.ModelStats,
        results.ModelSummary,
        results.ToyFits,
        results.Variations,
    }
    assert every - set(RECORDS.values()) == {Record, results.Receipt, *said}


def test_a_loaded_record_shows_the_same(model, records, tmp_path):
    seen = set()
    for record in records:
        path = tmp_path / "result.json"
        save_result(record, path, model)
        for again in (load_result(path), load_result(path, model)):
            assert type(again) is type(record)
            assert repr(again) == repr(record)
            assert again.to_json() == record.to_json()
            assert again.origin.model_hash == model_hash(model)
            assert set(again.origin.written_by) == {"smoothfit", "jax", "numpy"}
        seen.add(type(record).__name__)
    assert seen >= {"FitResult", "Impacts", "Scan", "Pulls", "Yields", "MinosBounds", "Breakdown"}
    assert seen >= {"BatchFitResult", "Contour", "Contours", "Estimates", "Minima"}
    assert seen >= {"HypotestResult", "Limit", "Interval", "Significance"}
    assert seen >= {"GoodnessOfFit", "Chi2Test", "Coverage", "FeldmanCousins", "GlobalSignificance"}


def test_a_compatibility_of_channels_comes_back(tmp_path):
    mu, model = Variable("mu", 1.0), Model()
    for name in ("A", "B"):
        sig = Process(f"sig_{name}", [10.0], channel=name).scale_by(mu)
        model.add_proc(sig).add_proc(Process(f"bkg_{name}", [50.0], channel=name))
    found = model.prepare().channel_compatibility([62.0, 55.0], toys=3, seed=1, minos=True)
    save_result(found, tmp_path / "r.json", model)
    again = load_result(tmp_path / "r.json", model)
    assert repr(again) == repr(found)
    assert again.to_json() == found.to_json()


def test_an_unfolded_spectrum_comes_back(tmp_path):
    mu = Variable("truth", np.ones(2))
    sig = response_process("sig", [[0.7, 0.2], [0.2, 0.6], [0.1, 0.1]], [50.0, 40.0], probabilities=True)
    model = Model().add_proc(sig.scale_by(mu)).prepare()
    regularisation = Regularisation("size", [50.0, 40.0])
    found = unfold(model, mu, [45.0, 40.0, 9.0], regularisation, tau=0.01)
    save_result(found, tmp_path / "r.json", model)
    again = load_result(tmp_path / "r.json")
    assert repr(again) == repr(found)
    np.testing.assert_array_equal(again.sandwich_covariance, found.sandwich_covariance)


def test_a_loaded_fit_has_every_number(model, best_fit, tmp_path):
    save_result(best_fit, tmp_path / "fit.json", model)
    again = load_result(tmp_path / "fit.json")
    for name in (
        "x",
        "errors",
        "hess_inv",
        "correlation",
        "gradient",
        "obs",
        "globs",
        "fixed",
        "eigenvalues",
    ):
        np.testing.assert_array_equal(getattr(again, name), getattr(best_fit, name))
    assert again["mu"] == best_fit["mu"]
    assert (again.fun, again.status, again.success) == (best_fit.fun, best_fit.status, True)


def test_a_loaded_fit_is_the_best_fit_of_its_model(model, best_fit, tmp_path):
    save_result(best_fit, tmp_path / "fit.json", model)
    again = load_result(tmp_path / "fit.json", model)
    ours, theirs = (model.minos_bounds("mu", fit, OBS)[0] for fit in (best_fit, again))
    assert ours == theirs
    (variable,) = (model.specification.processes[0].effects[0].variable,)
    assert again[variable] == best_fit[variable]
    # A model that was saved and loaded is the same one.
    smoothfit.save(model, tmp_path / "m.smoothfit")
    loaded = smoothfit.load(tmp_path / "m.smoothfit")
    assert loaded.minos_bounds("mu", load_result(tmp_path / "fit.json", loaded), OBS)[0] == pytest.approx(
        ours
    )


def test_without_its_model_a_fit_is_only_looked_at(model, best_fit, tmp_path):
    save_result(best_fit, tmp_path / "fit.json", model)
    with pytest.raises(
        InvalidValueError, match=r"minos_bounds: best_fit was read .* load_result\(path, model\)"
    ):
        model.minos_bounds("mu", load_result(tmp_path / "fit.json"), OBS)


def test_another_model_is_refused(model, best_fit, tmp_path):
    path = tmp_path / "fit.json"
    save_result(best_fit, path, model)
    assert load_result(path, made(label="other label")).x.tolist() == best_fit.x.tolist()
    with pytest.raises(InvalidValueError, match=r"fit\.json: made with another model \(hash [0-9a-f]{12}\)"):
        load_result(path, made(kappa=1.2))
    other = Model().add_proc(Process("p", [5.0]).scale_by(Variable("mu", 1.0))).prepare()
    with pytest.raises(InvalidValueError, match="made with another model"):
        save_result(best_fit, path, other)
    with pytest.raises(InvalidTypeError, match="a Model is expected"):
        load_result(path, "model")


def test_what_is_no_result_is_refused(model, tmp_path):
    with pytest.raises(InvalidTypeError, match="ModelSummary is none of"):
        save_result(model.summary(), tmp_path / "r.json", model)
    with pytest.raises(InvalidTypeError, match="a Model is expected, got str"):
        save_result(model.fit(OBS), tmp_path / "r.json", "model")


def test_blinded_values_are_not_written_by_accident(tmp_path):
    blinded = made().blind(pois="mu")
    fit = blinded.fit(OBS)
    with pytest.raises(InvalidValueError, match="has blinded values"):
        save_result(fit, tmp_path / "r.json", blinded)
    assert list(tmp_path.iterdir()) == []
    save_result(fit, tmp_path / "r.json", blinded, with_hidden=True)
    assert "blinded" in repr(load_result(tmp_path / "r.json"))


# -- bad files -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(model, best_fit, tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "fit.json"
    save_result(best_fit, path, model)
    return json.loads(path.read_text())


def refused(document, tmp_path, words):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match=words) as caught:
        load_result(path)
    assert str(path) in str(caught.value)


def test_files_that_are_no_results(document, tmp_path):
    refused({}, tmp_path, "format: 'smoothfit result' is expected")
    refused({**document, "version": 2}, tmp_path, "version 2 of the format is newer")
    refused({**document, "record": "Receipt"}, tmp_path, "'Receipt' is none of")
    fields = document["fields"]
    refused({**document, "fields": {**fields, "x": "1"}}, tmp_path, r"FitResult\.x: an object")
    refused({**document, "fields": {**fields, "success": 1}}, tmp_path, r"success: bool is expected, got 1")
    longer = {"shape": [3], "values": [1.0]}
    refused({**document, "fields": {**fields, "x": longer}}, tmp_path, "has not 1 values")
    short = {"shape": [1], "values": [1.0]}
    refused({**document, "fields": {**fields, "x": short}}, tmp_path, "do not fit each other")
    with pytest.raises(InputFileError, match="cannot be read"):
        load_result(tmp_path / "nowhere.json")


def test_mutated_results_raise_only_typed_errors(document, tmp_path):
    rng, path, refusals = random.Random(4), tmp_path / "m.json", 0
    strange = [None, True, -1, 2**70, 1e300, "nan", "x", [], {}, [[1]], {"shape": [2**40], "values": []}]
    for _ in range(500):
        told = copy.deepcopy(document)
        places = []

        def walk(node, places=places):
            for key, entry in node.items() if isinstance(node, dict) else enumerate(node):
                places.append((node, key))
                if isinstance(entry, dict | list):
                    walk(entry)

        walk(told)
        node, key = rng.choice(places)
        node[key] = rng.choice(strange)
        path.write_text(json.dumps(told))
        try:
            load_result(path)
        except SmoothfitError:
            refusals += 1
    assert refusals > 300

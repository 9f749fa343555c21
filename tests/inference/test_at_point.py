"""Yields and NLL at one point: beside what the model says itself, and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import make

from smoothfit.inference import at_point
from smoothfit.inference.at_point import Observed
from smoothfit.model import Model, Process, Variable

MODELS = ("counting", "lite_process", "locals", "gaussian_data")


@pytest.mark.parametrize("name", MODELS)
def test_it_says_what_the_model_says(name):
    model, obs, globs = make(name, 3)
    observed = Observed(model._context(), obs, globs)
    layout = model.layout
    rng = np.random.default_rng(1)
    x = np.concatenate([layout.start, layout.bin_centre]) + 0.05 * rng.standard_normal(len(layout.names))
    found = observed(x)
    assert found.nll == pytest.approx(model.nll(x, obs, globs), rel=1e-12)
    np.testing.assert_allclose(found.processes[-1], model.pred(x), rtol=1e-12)
    for process, row in zip(layout.processes, found.processes[:-1], strict=True):
        np.testing.assert_allclose(row, model.pred(x, process=process.name), rtol=1e-12)


def test_parts_are_those_of_numpy():
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    sig = Process("sig", [5.0, 20.0], sumw2=[1.0, 4.0]).scale_by(mu)
    bkg = Process("bkg", [50.0, 40.0]).add_lnN(theta, 1.1)
    model = Model().add_proc(sig).add_proc(bkg).set_mc_stat("lite", scaling="total").prepare()
    obs, theta_glob = np.array([60.0, 75.0]), 0.3
    globs = np.array([theta_glob, 0.1, -0.2])
    x = np.array([1.5, 0.7, 0.4, -0.5])
    found = Observed(model._context(), obs, globs)(x)
    nu = model.pred(x)
    np.testing.assert_allclose(found.bins, 2.0 * (nu - obs + obs * np.log(obs / nu)), rtol=1e-12)
    pulls = np.array([0.7 - theta_glob, 0.4 - 0.1, -0.5 + 0.2])
    assert found.constraints == pytest.approx(np.sum(pulls**2), rel=1e-12)


def test_it_is_traced_once():
    model, obs, globs = make("counting", 0)
    observed = Observed(model._context(), obs, globs)
    observed(model.layout.start)
    before = at_point.count_traces()
    for value in np.linspace(0.0, 3.0, 7):
        observed({"mu": value})
    Observed(model._context(), 2.0 * obs, globs)(model.layout.start)
    assert at_point.count_traces() == before

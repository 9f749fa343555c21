"""Response matrices as processes: events, probabilities, histograms, channels."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.model import Model, Variable
from smoothfit.unfolding import response_process

# (reco bin, truth bin)
EVENTS = np.array([[30.0, 5.0], [10.0, 20.0], [2.0, 15.0]])
TRUTH = np.array([100.0, 50.0])


def test_events_and_probabilities_agree():
    by_events = response_process("sig", EVENTS, TRUTH)["main"].yields
    by_probability = response_process("sig", EVENTS / TRUTH, TRUTH, probabilities=True)["main"].yields
    efficiencies = EVENTS.sum(axis=0) / TRUTH
    migrations = EVENTS / EVENTS.sum(axis=0)
    split = response_process("sig", migrations, TRUTH, probabilities=True, efficiencies=efficiencies)
    np.testing.assert_allclose(by_events, EVENTS.T)
    np.testing.assert_allclose(by_probability, EVENTS.T, rtol=1e-14)
    np.testing.assert_allclose(split["main"].yields, EVENTS.T, rtol=1e-14)


def test_prediction_folds_the_truth():
    mu = Variable("mu", [1.0, 1.0], sub_names=["low", "high"])
    sig = response_process("sig", EVENTS, channel="SR", sub_procs=["low", "high"]).scale_by(mu)
    model = Model().add_proc(sig).prepare()
    np.testing.assert_allclose(model.pred({mu: [1.2, 0.5]}), EVENTS @ [1.2, 0.5])
    assert sig.sub_procs == ("low", "high")
    assert sig.signal


def test_several_channels():
    sig = response_process("sig", {"e": EVENTS, "m": 0.5 * EVENTS[:2]}, 2.0 * TRUTH)
    assert list(sig.contribs) == ["e", "m"]
    np.testing.assert_allclose(sig["m"].yields, 0.5 * EVENTS[:2].T)


def test_variances():
    sig = response_process("sig", EVENTS, variances=0.1 * EVENTS)
    np.testing.assert_allclose(sig["main"].sumw2, 0.1 * EVENTS.T)
    # Of a probability p = n/N the variance scales with N^2.
    scaled = response_process(
        "sig", EVENTS / TRUTH, TRUTH, probabilities=True, variances=0.1 * EVENTS / TRUTH**2
    )
    np.testing.assert_allclose(scaled["main"].sumw2, 0.1 * EVENTS.T, rtol=1e-14)


def histogram(package, **truth_axis):
    filled = package.Hist(
        package.axis.Regular(3, 0.0, 3.0), package.axis.Regular(2, 0.0, 2.0, **truth_axis), storage="weight"
    )
    flow = np.zeros(filled.axes.extent)
    # Every bin its own number, flow bins too.
    flow[...] = 1.0 + np.arange(flow.size).reshape(flow.shape)
    filled.view(flow=True).value, filled.view(flow=True).variance = flow, 2.0 * flow
    return filled, flow


def test_histogram_with_its_variances():
    filled, flow = histogram(pytest.importorskip("hist"))
    sig = response_process("sig", filled)
    np.testing.assert_allclose(sig["main"].yields, flow[1:-1, 1:-1].T)
    np.testing.assert_allclose(sig["main"].sumw2, 2.0 * flow[1:-1, 1:-1].T)


@pytest.mark.parametrize(("underflow", "overflow"), [(True, True), (False, True), (False, False)])
def test_truth_flow_bins_are_truth_bins(underflow, overflow):
    filled, flow = histogram(pytest.importorskip("hist"), underflow=underflow, overflow=overflow)
    sig = response_process("sig", filled, truth_flow=True)
    np.testing.assert_allclose(sig["main"].yields, flow[1:-1].T)
    assert sig.n_sub == 2 + underflow + overflow


def test_uproot_histogram(tmp_path):
    uproot = pytest.importorskip("uproot")
    filled, flow = histogram(pytest.importorskip("hist"))
    with uproot.recreate(tmp_path / "file.root") as file:
        file["response"] = filled
    with uproot.open(tmp_path / "file.root") as file:
        read = file["response"]
    np.testing.assert_allclose(response_process("sig", read)["main"].yields, flow[1:-1, 1:-1].T)
    with_flow = response_process("sig", read, truth_flow=True)
    np.testing.assert_allclose(with_flow["main"].yields, flow[1:-1].T)
    np.testing.assert_allclose(with_flow["main"].sumw2, 2.0 * flow[1:-1].T)

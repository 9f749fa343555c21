"""The picture of an unfolding: what its panels show, not their pixels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smoothfit import plot
from smoothfit.model import Model, Variable
from smoothfit.unfolding import Regularisation, response_process, unfold

pytest.importorskip("matplotlib")

EDGES = np.array([0.0, 1.0, 2.0, 4.0])
TRUTH = np.array([900.0, 800.0, 300.0])


@pytest.fixture(scope="module")
def record():
    mu = Variable("mu", np.ones(3), label=r"p_\mathrm{T}", unit="GeV")
    response = np.array([[0.6, 0.2, 0.0], [0.2, 0.5, 0.2], [0.0, 0.2, 0.4], [0.0, 0.0, 0.2]])
    sig = response_process("sig", response, TRUTH, probabilities=True).scale_by(mu)
    penalty = Regularisation("curvature", TRUTH, edges=EDGES)
    taus = np.geomspace(1e-4, 1.0, 8)
    model = Model().add_proc(sig).prepare()
    return unfold(model, mu, [700.0, 620.0, 310.0, 75.0], penalty, tau=0.01, taus=taus)


def panels(record):
    figure = plot.unfolding(record)
    figure.draw_without_rendering()
    return figure.axes


def points(axes):
    """The middles of all error bars of the axes."""
    return [container.lines[0].get_ydata() for container in axes.containers]


def test_spectrum_and_what_is_below(record):
    above, ratio, bias, correlation = panels(record)[:4]
    widths = np.diff(EDGES)
    free, unfolded = points(above)
    np.testing.assert_allclose(unfolded, record.x / widths)
    np.testing.assert_allclose(free, record.unregularised / widths)
    np.testing.assert_allclose(above.patches[0].get_data().values, TRUTH / widths)
    assert above.get_ylabel() == "events / GeV"
    assert bias.get_xlabel() == r"$p_\mathrm{T}$ [GeV]"
    np.testing.assert_allclose(points(ratio)[1], record.x / TRUTH)
    np.testing.assert_allclose(bias.patches[-1].get_data().values, record.bias / record.errors)
    np.testing.assert_allclose(correlation.images[0].get_array(), record.correlation)


def test_scan(record):
    axes = panels(record)
    lcurve, criteria = (
        next(a for a in axes if a.get_title(loc="left") == t) for t in ("L-curve", "criteria")
    )
    np.testing.assert_allclose(lcurve.lines[0].get_xdata(), record.scan.chi2)
    np.testing.assert_allclose(lcurve.lines[0].get_ydata(), record.scan.norm)
    assert criteria.get_xscale() == "log"
    assert len(panels(dataclasses.replace(record, scan=None))) == len(axes) - 2


def test_blinded(record):
    above, ratio, bias = panels(dataclasses.replace(record, hidden=True))[:3]
    assert points(above) == points(ratio) == []
    assert len(bias.patches) == 1
    assert "blinded" in [text.get_text() for text in above.texts]


def test_bins_without_edges_are_numbered(record):
    flow = np.array([False, False, True])
    above, _, bias = panels(dataclasses.replace(record, is_flow=flow, edges=(EDGES[:3],)))[:3]
    np.testing.assert_allclose(points(above)[1], record.x)
    assert [label.get_text() for label in bias.get_xticklabels()] == ["mu[0]", "mu[1]", "mu[2]"]

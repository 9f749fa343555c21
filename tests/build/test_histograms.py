"""Histograms of hist, boost_histogram and uproot as yields and templates."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.build import ChannelContrib, Process, Variable
from smoothfit.build.histograms import as_histogram, same_edges
from smoothfit.errors import InvalidTypeError, ShapeMismatchError

EDGES = [0.0, 1.0, 3.0]
FILL = [-1.0, 0.5, 0.5, 2.0, 9.0]  # one entry below and one above the axis
WEIGHT = [5.0, 2.0, 3.0, 4.0, 7.0]


def weighted(label="pt [GeV]", edges=EDGES):
    hist = pytest.importorskip("hist")
    h = hist.Hist(hist.axis.Variable(edges, label=label), storage=hist.storage.Weight())
    return h.fill(FILL, weight=WEIGHT)


def test_hist():
    contrib = ChannelContrib("SR", weighted())
    assert contrib.yields.tolist() == [[5.0, 4.0]]
    assert contrib.sumw2.tolist() == [[13.0, 16.0]]
    assert contrib.edges.tolist() == EDGES
    assert contrib.axis_label == "pt [GeV]"


def test_given_sumw2_comes_first():
    assert ChannelContrib("SR", weighted(), sumw2=[1.0, 2.0]).sumw2.tolist() == [[1.0, 2.0]]


def test_values_leave_the_rest_behind():
    contrib = ChannelContrib("SR", weighted().values())
    assert contrib.sumw2 is None
    assert contrib.edges is None


@pytest.mark.parametrize("label", ["", " "])
def test_no_label(label):
    assert ChannelContrib("SR", weighted(label=label)).axis_label is None


def test_boost_histogram():
    bh = pytest.importorskip("boost_histogram")
    h = bh.Histogram(bh.axis.Variable(EDGES), storage=bh.storage.Weight())
    h.fill(FILL, weight=WEIGHT)
    contrib = ChannelContrib("SR", h)
    assert contrib.yields.tolist() == [[5.0, 4.0]]
    assert contrib.sumw2.tolist() == [[13.0, 16.0]]
    assert contrib.edges.tolist() == EDGES
    assert contrib.axis_label is None


def test_unknown_variances_are_not_taken():
    bh = pytest.importorskip("boost_histogram")
    h = bh.Histogram(bh.axis.Variable(EDGES))  # plain sums of weights
    h.fill(FILL, weight=WEIGHT)
    assert ChannelContrib("SR", h).sumw2 is None
    counts = bh.Histogram(bh.axis.Variable(EDGES), storage=bh.storage.Int64())
    counts.fill(FILL)
    assert ChannelContrib("SR", counts).yields.tolist() == [[2.0, 1.0]]


def test_two_axes_are_sub_processes_and_bins():
    bh = pytest.importorskip("boost_histogram")
    h = bh.Histogram(
        bh.axis.StrCategory(["a", "b", "c"]), bh.axis.Variable(EDGES), storage=bh.storage.Weight()
    )
    h.fill(["a", "b", "b"], [0.5, 0.5, 2.0], weight=[1.0, 2.0, 3.0])
    process = Process("sigs", h)
    assert process.is_array
    assert process["main"].yields.tolist() == [[1.0, 0.0], [2.0, 3.0], [0.0, 0.0]]
    assert process["main"].sumw2.tolist() == [[1.0, 0.0], [4.0, 9.0], [0.0, 0.0]]
    assert process["main"].edges.tolist() == EDGES


def test_a_list_of_histograms_is_one_a_sub_process():
    contrib = ChannelContrib("SR", [weighted(), weighted()])
    assert contrib.is_array
    assert contrib.yields.tolist() == [[5.0, 4.0], [5.0, 4.0]]
    assert contrib.sumw2.tolist() == [[13.0, 16.0], [13.0, 16.0]]
    assert contrib.edges.tolist() == EDGES
    with pytest.raises(ShapeMismatchError, match="another binning"):
        ChannelContrib("SR", [weighted(), weighted(edges=[0.0, 2.0, 3.0])])


def test_three_axes_are_refused():
    bh = pytest.importorskip("boost_histogram")
    axis = bh.axis.Regular(2, 0.0, 1.0)
    with pytest.raises(ShapeMismatchError, match="3 axes"):
        ChannelContrib("SR", bh.Histogram(axis, axis, axis))


def test_profiles_are_refused():
    bh = pytest.importorskip("boost_histogram")
    profile = bh.Histogram(bh.axis.Regular(2, 0.0, 1.0), storage=bh.storage.Mean())
    with pytest.raises(InvalidTypeError, match="profile"):
        ChannelContrib("SR", profile)


def test_shape_templates():
    theta = Variable("theta", 0.0, nuisance=True)
    contrib = ChannelContrib("SR", weighted()).add_shape(theta, weighted(), [4.0, 4.0])
    assert contrib.effects[0].up.tolist() == [[5.0, 4.0]]
    other = Variable("other", 0.0, nuisance=True)
    with pytest.raises(ShapeMismatchError, match="another binning"):
        contrib.add_shape(other, weighted(), weighted(edges=[0.0, 2.0, 3.0]))
    # Nothing is known about the binning of an array.
    ChannelContrib("SR", [5.0, 4.0]).add_shape(other, weighted(), weighted(edges=[0.0, 2.0, 3.0]))


def test_variances_must_be_given_as_such():
    with pytest.raises(InvalidTypeError, match=r"variances\(\)"):
        ChannelContrib("SR", [5.0, 4.0]).register_sumw2(weighted())


def test_uproot_round_trip(tmp_path):
    uproot = pytest.importorskip("uproot")
    with uproot.recreate(tmp_path / "h.root") as file:
        file["weighted"] = weighted()
        file["plain"] = (np.array([4.0, 9.0]), np.array(EDGES))
    with uproot.open(tmp_path / "h.root") as file:
        contrib = ChannelContrib("SR", file["weighted"])
        plain = ChannelContrib("SR", file["plain"])
    assert contrib.yields.tolist() == [[5.0, 4.0]]
    assert contrib.sumw2.tolist() == [[13.0, 16.0]]
    assert contrib.edges.tolist() == EDGES
    assert contrib.axis_label == "pt [GeV]"
    # ROOT's convention: without a sum of squared weights the variance is the content.
    assert plain.sumw2.tolist() == [[4.0, 9.0]]
    assert plain.axis_label is None


@pytest.mark.parametrize("obj", [[1.0, 2.0], np.ones(2), 3.0, {"SR": 1}, "text", [], list])
def test_others_are_no_histograms(obj):
    assert as_histogram(obj, "yields") is None


def test_edges_are_compared_with_their_rounding():
    edges = np.array([100.0, 100.1, 170.3])
    assert same_edges(edges, edges.astype(np.float32).astype(np.float64))
    assert not same_edges(edges, edges + 0.01)
    assert not same_edges(edges, edges[:2])
    assert same_edges(np.array([-np.inf, 0.0, np.inf]), np.array([-np.inf, 0.0, np.inf]))

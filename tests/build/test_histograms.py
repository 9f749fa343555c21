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


def test_several_axes_are_unrolled():
    bh = pytest.importorskip("boost_histogram")
    h = bh.Histogram(
        bh.axis.Integer(2, 4), bh.axis.Variable(EDGES), bh.axis.Boolean(), storage=bh.storage.Weight()
    )
    h.fill([2, 3, 3, 9], [0.5, 2.0, 2.5, 0.5], [False, True, True, True], weight=[1.0, 2.0, 3.0, 4.0])
    contrib = ChannelContrib("SR", h)
    assert not contrib.is_array
    # Bin (i, j, k) is number 4 i + 2 j + k; the last entry is beyond the first axis.
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0], expected[1, 1, 1] = 1.0, 5.0
    assert contrib.yields.tolist() == [expected.ravel().tolist()]
    assert contrib.sumw2[0][[0, 7]].tolist() == [1.0, 13.0]
    assert [axis.size for axis in contrib.axes] == [2, 2, 2]
    assert contrib.axes[1].edges.tolist() == EDGES
    assert contrib.edges is None


def test_categories_before_several_axes():
    bh = pytest.importorskip("boost_histogram")
    axes = bh.axis.StrCategory(["b", "a"]), bh.axis.Variable(EDGES), bh.axis.Regular(3, 0.0, 3.0)
    h = bh.Histogram(*axes)
    h.fill(["a", "b"], [2.0, 0.5], [0.5, 1.5])
    process = Process("sigs", h)
    assert process.sub_procs == ("b", "a")
    assert process["main"].yields.tolist() == [[0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]]
    assert [axis.size for axis in process["main"].axes] == [2, 3]


def by_category(names, axis=None):
    bh = pytest.importorskip("boost_histogram")
    h = bh.Histogram(axis or bh.axis.StrCategory(names), bh.axis.Variable(EDGES))
    h[...] = [[1.0, 2.0], [3.0, 4.0]]
    return h


def test_categories_in_another_order_are_refused():
    theta = Variable("theta", 0.0, nuisance=True)
    process = Process("sigs", by_category(["a", "b"]))
    with pytest.raises(ShapeMismatchError, match="categories b, a, yields have a, b"):
        process.add_shape(theta, by_category(["a", "b"]), by_category(["b", "a"]))
    with pytest.raises(ShapeMismatchError, match=r"categories b, a.*sub-processes.*a, b"):
        process.add_contrib(ChannelContrib("CR", by_category(["b", "a"])))
    with pytest.raises(ShapeMismatchError, match="categories a, b"):
        Process("sigs", by_category(["a", "b"]), sub_procs=["b", "a"])
    named = Process("sigs", by_category(["a", "b"]), sub_procs=["ggH", "VBF"])
    assert named.sub_procs == ("ggH", "VBF")


def test_integer_categories_are_sub_processes():
    bh = pytest.importorskip("boost_histogram")
    process = Process("sigs", by_category(None, bh.axis.IntCategory([11, 13])))
    assert process.sub_procs == ("11", "13")
    assert process.add_lnN(Variable("x", 0.0, nuisance=True), 1.1, sub_procs="13").n_sub == 2


def test_categories_as_bins():
    bh = pytest.importorskip("boost_histogram")
    h = bh.Histogram(bh.axis.StrCategory(["ee", "mm"], growth=True))
    h.fill(["mm", "ee", "mm", "em"])
    contrib = ChannelContrib("SR", h)
    assert contrib.yields.tolist() == [[1.0, 2.0, 1.0]]
    assert contrib.axes[0].names == ("ee", "mm", "em")
    other = bh.Histogram(bh.axis.StrCategory(["mm", "ee", "em"]))
    with pytest.raises(ShapeMismatchError, match="another binning"):
        contrib.add_shape(Variable("theta", 0.0, nuisance=True), other, other)


@pytest.mark.parametrize("growth", [False, True])
def test_circular_and_growing_axes(growth):
    bh = pytest.importorskip("boost_histogram")
    axis = (
        bh.axis.Regular(4, 0.0, 2.0, growth=True) if growth else bh.axis.Regular(4, 0.0, 2.0, circular=True)
    )
    h = bh.Histogram(axis)
    h.fill([0.1, 2.2])
    contrib = ChannelContrib("SR", h)
    # 2.2 is a bin more, or once around.
    assert contrib.yields.tolist() == ([[1, 0, 0, 0, 1]] if growth else [[2, 0, 0, 0]])
    assert contrib.edges.tolist() == (np.arange(6) / 2 if growth else np.arange(5) / 2).tolist()
    same = bh.Histogram(bh.axis.Regular(4, 0.0, 2.0))
    theta = Variable("theta", 0.0, nuisance=True)
    if growth:
        with pytest.raises(ShapeMismatchError, match="5"):
            contrib.add_shape(theta, same, same)
    else:
        assert contrib.add_shape(theta, same.values() + 1.0, [1.0, 1.0, 1.0, 1.0]).effects


def test_contents_beyond_the_axes_are_known():
    bh = pytest.importorskip("boost_histogram")
    assert as_histogram(weighted(), "h").outside == 12.0
    above = bh.Histogram(bh.axis.Regular(2, 0.0, 1.0, underflow=False), bh.axis.Regular(2, 0.0, 1.0))
    above.fill([-1.0, 0.5, 2.0, 0.5], [0.5, 0.5, 0.5, -3.0])
    assert as_histogram(above, "h").outside == 2.0
    assert above.values().sum() == 1.0
    none = bh.Histogram(bh.axis.Regular(2, 0.0, 1.0, underflow=False, overflow=False))
    assert as_histogram(none.fill([0.5, 7.0]), "h").outside == 0.0


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


def test_variances_of_a_histogram():
    contrib = ChannelContrib("SR", [5.0, 4.0]).register_sumw2(weighted())
    assert contrib.sumw2.tolist() == [[13.0, 16.0]]
    assert ChannelContrib("SR", [5.0, 4.0], sumw2=weighted()).sumw2.tolist() == [[13.0, 16.0]]
    process = Process("sig", weighted()).register_sumw2({"main": weighted()})
    assert process["main"].sumw2.tolist() == [[13.0, 16.0]]
    with pytest.raises(ShapeMismatchError, match="another binning"):
        ChannelContrib("SR", weighted(), sumw2=weighted(edges=[0.0, 2.0, 3.0]))


def test_a_histogram_without_variances_has_none_to_give():
    bh = pytest.importorskip("boost_histogram")
    h = bh.Histogram(bh.axis.Variable(EDGES))
    h.fill(FILL, weight=WEIGHT)
    with pytest.raises(InvalidTypeError, match="does not know its variances"):
        ChannelContrib("SR", [5.0, 4.0]).register_sumw2(h)


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


@pytest.mark.parametrize(("kind", "dtype"), [("C", "i1"), ("S", "i2"), ("I", "i4"), ("F", "f4"), ("D", "f8")])
def test_every_type_of_a_root_histogram(tmp_path, kind, dtype):
    uproot = pytest.importorskip("uproot")
    made = uproot.writing.identify.to_TH1x(
        fName=None,
        fTitle="",
        data=np.array([7, 4, 9, 8], dtype=dtype),
        fEntries=28.0,
        fTsumw=13.0,
        fTsumw2=13.0,
        fTsumwx=0.0,
        fTsumwx2=0.0,
        fSumw2=np.array([7.0, 5.0, 11.0, 8.0]) if kind != "C" else np.array([]),
        fXaxis=uproot.writing.identify.to_TAxis("x", "pt [GeV]", 2, 0.0, 2.0, np.array([0.0, 0.5, 2.0])),
    )
    with uproot.recreate(tmp_path / "h.root") as file:
        file["h"] = made
    with uproot.open(tmp_path / "h.root") as file:
        assert file.classnames() == {"h;1": f"TH1{kind}"}
        contrib = ChannelContrib("SR", file["h"])
    assert contrib.yields.tolist() == [[4.0, 9.0]]
    assert contrib.sumw2.tolist() == ([[4.0, 9.0]] if kind == "C" else [[5.0, 11.0]])
    assert contrib.edges.tolist() == [0.0, 0.5, 2.0]
    assert contrib.axis_label == "pt [GeV]"


def test_root_histograms_of_two_axes_and_profiles(tmp_path):
    hist = pytest.importorskip("hist")
    uproot = pytest.importorskip("uproot")
    axes = hist.axis.Variable(EDGES, label="m"), hist.axis.Regular(3, 0.0, 3.0, label="pt")
    two = hist.Hist(*axes, storage=hist.storage.Weight()).fill([0.5, 2.0, 2.0], [0.5, 2.5, 8.0], weight=2.0)
    profile = hist.Hist(axes[0], storage=hist.storage.WeightedMean())
    profile.fill([0.5], sample=[3.0], weight=[1.0])
    with uproot.recreate(tmp_path / "h.root") as file:
        file["two"], file["profile"] = two, profile
    with uproot.open(tmp_path / "h.root") as file:
        contrib = ChannelContrib("SR", file["two"])
        assert as_histogram(file["two"], "h").outside == 2.0
        with pytest.raises(InvalidTypeError, match="profile histogram"):
            ChannelContrib("SR", file["profile"])
    assert contrib.yields.tolist() == two.values().reshape(1, -1).tolist()
    assert contrib.sumw2.tolist() == [[4.0, 0.0, 0.0, 0.0, 0.0, 4.0]]
    assert [axis.label for axis in contrib.axes] == ["m", "pt"]
    # Written and read, it is the same binning.
    contrib.add_shape(Variable("theta", 0.0, nuisance=True), two, two)


def test_weights_that_do_not_fit_the_grid():
    class Odd:
        kind = "COUNT"
        axes = (1, 2)

        def values(self):
            return np.ones(3)

    with pytest.raises(ShapeMismatchError, match="grid"):
        ChannelContrib("SR", Odd())


def test_axes_reach_the_layout_and_the_picture():
    hist = pytest.importorskip("hist")
    pytest.importorskip("matplotlib")
    from smoothfit import Model, plot

    mass = hist.Hist(hist.axis.Variable(EDGES, label="mass")).fill([0.5, 2.0])
    plane = hist.Hist(hist.axis.Regular(2, 0.0, 1.0, label="x"), hist.axis.Regular(3, 0.0, 1.0, label="y"))
    plane.fill([0.1, 0.9], [0.1, 0.9])
    kinds = hist.Hist(hist.axis.StrCategory(["ee", "mm"], label="lepton")).fill(["ee", "mm"])
    mu = Variable("mu", 1.0)
    process = Process("sig").scale_by(mu)
    for channel, h in (("mass", mass), ("plane", plane), ("kinds", kinds)):
        process.add_contrib(ChannelContrib(channel, h))
    model = Model().add_proc(process).prepare()
    infos = {channel.name: channel for channel in model.layout.channels}
    assert infos["mass"].edges.tolist() == EDGES
    assert infos["mass"].label == "mass"
    assert infos["plane"].edges is None
    assert infos["plane"].label == "x, y"
    assert [axis.size for axis in infos["plane"].axes] == [2, 3]
    assert infos["kinds"].axes[0].names == ("ee", "mm")
    obs = model.data_from_dict({"mass": mass, "plane": plane, "kinds": kinds})
    assert obs.tolist() == [1, 1, *plane.values().ravel(), 1, 1]
    with pytest.raises(ShapeMismatchError, match="another binning"):
        model.data_from_dict({"mass": mass, "plane": plane.project(1, 0), "kinds": kinds})
    record = model.yields(model.values_from_dict({}), obs)
    assert record.to_dict()["channels"]["plane"]["axes"][1]["label"] == "y"
    below = [axes for axes in plot.yields(record).axes if axes.get_xlabel()]
    assert [axes.get_xlabel() for axes in below] == ["mass", "Bin of x, y", "lepton"]
    assert [tick.get_text() for tick in below[2].get_xticklabels()] == ["ee", "mm"]


def test_histograms_of_one_channel_have_one_binning():
    from smoothfit import Model

    model = Model().add_proc(Process("sig", weighted()).scale_by(Variable("mu", 1.0)))
    model.add_proc(Process("array", [1.0, 2.0]))
    model.prepare()
    model.add_proc(Process("bkg", weighted(edges=[0.0, 2.0, 3.0])))
    with pytest.raises(ShapeMismatchError, match="'bkg' is a histogram of another binning than 'sig'"):
        model.prepare()

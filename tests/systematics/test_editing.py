"""Pruning, symmetrising and smoothing of models: numbers by hand, what stays as it was, and the record."""

from __future__ import annotations

import json

import numpy as np
import pytest

from smoothfit import ChannelContrib, Model, Process, Variable
from smoothfit.errors import InvalidTypeError, InvalidValueError, UnknownNameError
from smoothfit.systematics import lowess, prune, smooth, smooth_353qh, symmetrise

NOMINAL = np.array([100.0, 200.0, 300.0])


def nuisance(name):
    return Variable(name, 0.0, nuisance=True)


def one(up, down, kind="shape", scale=1.0, nominal=NOMINAL, **also):
    """A model of one background with a shape "jes", and a signal."""
    jes = nuisance("jes")
    bkg = Process("bkg", nominal, channel="SR").add_shape(jes, up, down, kind=kind, scale=scale)
    model = Model().add_proc(
        Process("sig", np.ones(len(nominal)), channel="SR").scale_by(Variable("mu", 1.0))
    )
    return model.add_proc(bkg).prepare()


def shape_of(model, process=1, channel="SR"):
    (found,) = model.specification.processes[process][channel].effects
    return found


def figures(changes):
    return [(change.what, change.figure, change.before, change.after) for change in changes.changes]


# -- pruning -------------------------------------------------------------------------------------

TILT = np.array([1.03, 1.0, 0.99])  # keeps the integral: 3 + 0 - 3 events


def test_what_is_large_stays():
    model = one(NOMINAL * 1.1 * TILT, NOMINAL / 1.1)
    pruned, changes = prune(model)
    assert changes.changes == ()
    assert shape_of(pruned) is shape_of(model)
    assert pruned is not model


def test_a_small_normalisation_is_dropped():
    model = one(NOMINAL * TILT * 1.004, NOMINAL / TILT)
    total = float((NOMINAL / TILT).sum() / 600.0)
    pruned, changes = prune(model)
    (found,) = figures(changes)
    assert found[:2] == ("normalisation dropped", "change of the integral")
    assert found[2:] == (pytest.approx(max(0.004, abs(total - 1.0)), rel=1e-9), 0.0)
    assert shape_of(pruned).up[0] == pytest.approx(NOMINAL * TILT, rel=1e-12)
    assert shape_of(pruned).down[0] == pytest.approx(NOMINAL / TILT / total, rel=1e-12)


@pytest.mark.parametrize("kind", ["shape", "shapeN"])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_small_shape_leaves_its_log_normal(kind, scale):
    tilt = 1.0 + 0.1 * (TILT - 1.0)
    model = one(NOMINAL * tilt * 1.2, NOMINAL / 1.1, kind, scale)
    pruned, changes = prune(model)
    assert figures(changes) == [
        ("shape dropped", "largest change of a bin", pytest.approx(0.003 * scale, rel=1e-9), 0.0)
    ]
    lnn = shape_of(pruned).effect
    assert lnn.up == pytest.approx([1.2**scale], rel=1e-12)
    assert lnn.down == pytest.approx([1.1**-scale], rel=1e-12)
    # The same as the shape would be without its form.
    bare = one(NOMINAL * 1.2, NOMINAL / 1.1, kind, scale)
    obs = np.array([90.0, 220.0, 310.0])
    for theta in (-1.7, -0.3, 0.2, 0.45, 2.0):
        at = {"jes": theta, "mu": 0.5}
        assert pruned.nll(at, obs) == pytest.approx(bare.nll(at, obs), abs=1e-12)


def test_templates_of_other_kinds_stay_templates():
    tilt = 1.0 + 0.1 * (TILT - 1.0)
    pruned, _ = prune(one(NOMINAL * tilt * 1.2, NOMINAL / 1.1, "raw"))
    assert shape_of(pruned).kind == "raw"
    assert shape_of(pruned).up[0] == pytest.approx(NOMINAL * 1.2, rel=1e-12)
    assert shape_of(pruned).down[0] == pytest.approx(NOMINAL / 1.1, rel=1e-12)


def test_both_small():
    tilt = 1.0 + 0.1 * (TILT - 1.0)
    pruned, changes = prune(one(NOMINAL * tilt * 1.002, NOMINAL))
    assert pruned.specification.processes[1]["SR"].effects == ()
    assert changes.vanished == ("jes",)
    assert pruned.parameters == ("mu",)
    ((what, figure, before, _),) = figures(changes)
    assert (what, figure) == ("dropped", "largest change of a bin")
    assert before == pytest.approx(0.003, rel=1e-9)


def test_thresholds():
    model = one(NOMINAL * TILT * 1.004, NOMINAL / TILT)
    assert prune(model, norm=0.0, shape=0.0)[1].changes == ()
    assert [c.what for c in prune(model, norm=0.0, shape=0.04)[1].changes] == ["shape dropped"]
    assert [c.what for c in prune(model, norm=0.05, shape=0.05)[1].changes] == ["dropped"]


def test_an_empty_bin_that_is_filled_is_no_small_change():
    nominal = np.array([0.0, 200.0, 300.0])
    model = one(np.array([0.1, 200.0, 299.9]), nominal, nominal=nominal)
    _, changes = prune(model)
    assert changes.changes == ()
    still = one(nominal * 1.001, nominal, nominal=nominal)
    assert prune(still)[1].vanished == ("jes",)


def test_rows_are_judged_apart():
    jes = nuisance("jes")
    nominal = np.array([NOMINAL, 2.0 * NOMINAL])
    up = np.array([NOMINAL * 1.2, 2.0 * NOMINAL * 1.001])
    process = Process("sigs", nominal, sub_procs=["a", "b"], channel="SR").add_shape(jes, up, nominal)
    model = Model().add_proc(process.scale_by(Variable("mu", [1.0, 1.0]))).prepare()
    pruned, changes = prune(model)
    assert [(change.process, change.what) for change in changes.changes] == [
        ("a", "shape dropped"),
        ("b", "dropped"),
    ]
    lnn = pruned.specification.processes[0]["SR"].effects[0].effect
    assert lnn.up == pytest.approx([1.2, 1.0])
    assert lnn.down == pytest.approx([1.0, 1.0])
    at = {"jes": 0.8}
    assert pruned.pred(at)[0] == pytest.approx(100.0 * 1.2**0.8 + 200.0, rel=1e-9)


def test_log_normals():
    small, large, rows = nuisance("small"), nuisance("large"), nuisance("rows")
    bkg = Process("bkg", NOMINAL, channel="SR").add_lnN(small, (0.998, 1.004)).add_lnN(large, 1.05)
    sigs = Process("sigs", [NOMINAL, NOMINAL], sub_procs=["a", "b"], channel="SR")
    sigs.add_lnN(rows, ([0.9, 0.999], [1.1, 1.001]))
    sigs["SR"].add_lnN(small, 1.002)
    model = Model().add_proc(sigs.scale_by(Variable("mu", 1.0))).add_proc(bkg).prepare()
    pruned, changes = prune(model)
    assert [(c.nuisance, c.process, c.channel, round(c.before, 12)) for c in changes.changes] == [
        ("rows", "b", "", 0.001),
        ("small", "sigs", "SR", 0.002),
        ("small", "bkg", "", 0.004),
    ]
    assert changes.vanished == ("small",)
    assert set(pruned.nuisances) == {"large", "rows"}
    assert pruned.pred({"rows": 1.0}, process="sigs") == pytest.approx(2.1 * NOMINAL)


def test_a_shape_beside_a_log_normal_of_its_nuisance_stays_a_shape():
    jes = nuisance("jes")
    bkg = Process("bkg", NOMINAL, channel="SR").add_lnN(jes, 1.1).add_shape(jes, NOMINAL * 1.2, NOMINAL)
    model = Model().add_proc(bkg.scale_by(Variable("mu", 1.0))).prepare()
    pruned, changes = prune(model)
    assert [change.what for change in changes.changes] == ["shape dropped"]
    at = {"jes": 0.7}
    assert pruned.pred(at) == pytest.approx(model.pred(at), rel=1e-12)


# -- symmetrising --------------------------------------------------------------------------------

UP, DOWN = np.array([110.0, 201.0, 290.0]), np.array([98.0, 190.0, 300.0])


@pytest.mark.parametrize(
    ("method", "half"),
    [
        ("average", [6.0, 5.5, -5.0]),
        ("up", [10.0, 1.0, -10.0]),
        ("down", [2.0, 10.0, 0.0]),
        ("larger", [10.0, 10.0, -10.0]),
    ],
)
def test_shapes_are_symmetrised(method, half):
    model = one(UP, DOWN)
    symmetric, changes = symmetrise(model, method=method)
    shape = shape_of(symmetric)
    assert shape.up[0] == pytest.approx(NOMINAL + half, abs=1e-12)
    assert shape.down[0] == pytest.approx(NOMINAL - half, abs=1e-12)
    ((what, _, before, after),) = figures(changes)
    # (110 + 98)/2 - 100 = 4, (201 + 190)/2 - 200 = -4.5, (290 + 300)/2 - 300 = -5.
    assert (what, before, after) == ("symmetrised", pytest.approx(0.04), pytest.approx(0.0, abs=1e-15))
    assert shape_of(model).up[0].tolist() == UP.tolist()
    assert symmetrise(symmetric, method=method)[1].changes == ()


@pytest.mark.parametrize(
    ("method", "kappa"),
    [("average", np.sqrt(1.2 / 0.9)), ("up", 1.2), ("down", 1.0 / 0.9), ("larger", 1.2)],
)
def test_log_normals_are_symmetrised(method, kappa):
    jes = nuisance("jes")
    process = Process("bkg", NOMINAL, channel="SR").add_lnN(jes, (0.9, 1.2)).scale_by(Variable("mu", 1.0))
    other = nuisance("other")
    model = Model().add_proc(process.add_lnN(other, 1.1)).prepare()
    symmetric, changes = symmetrise(model, method=method)
    assert symmetric.pred({"jes": 1.0})[0] == pytest.approx(100.0 * kappa)
    assert symmetric.pred({"jes": -1.0})[0] == pytest.approx(100.0 / kappa)
    ((_, _, before, after),) = figures(changes)
    assert (before, after) == (pytest.approx(0.5 * (1.2 * 0.9 - 1.0)), 0.0)


def test_templates_that_would_be_negative_are_refused():
    model = one(np.array([300.0, 500.0, 500.0]), NOMINAL)
    with pytest.raises(InvalidValueError, match="'SR' of 'bkg': shape jes: down sum to -100"):
        symmetrise(model, method="up")
    raw = one(np.array([300.0, 500.0, 500.0]), NOMINAL, "raw")
    assert shape_of(symmetrise(raw, method="up")[0]).down[0].tolist() == [-100.0, -100.0, 100.0]


# -- smoothing -----------------------------------------------------------------------------------

EDGES = np.array([0.0, 1.0, 2.0, 4.0, 8.0, 9.0, 10.0, 12.0])
SEVEN = np.array([50.0, 80.0, 70.0, 60.0, 40.0, 20.0, 10.0])
NOISY = SEVEN * np.array([1.05, 1.02, 1.09, 1.30, 1.01, 0.98, 1.04])


def with_edges(values):
    bh = pytest.importorskip("boost_histogram")
    h = bh.Histogram(bh.axis.Variable(EDGES))
    h[...] = values
    return h


@pytest.mark.parametrize("of", ["ratio", "difference"])
@pytest.mark.parametrize("method", ["lowess", "353QH"])
def test_templates_are_smoothed(method, of):
    model = one(NOISY, SEVEN, nominal=with_edges(SEVEN).values())
    jes = nuisance("jes")
    process = Process("bkg", with_edges(SEVEN), channel="SR").add_shape(jes, NOISY, SEVEN)
    model = Model().add_proc(process.scale_by(Variable("mu", 1.0))).prepare()
    effect = NOISY / SEVEN if of == "ratio" else NOISY - SEVEN
    centres = 0.5 * (EDGES[1:] + EDGES[:-1])
    found = lowess(centres, effect) if method == "lowess" else smooth_353qh(effect)
    expected = SEVEN * found if of == "ratio" else SEVEN + found
    smoothed, changes = smooth(model, method=method, of=of, keep_norm=False)
    assert shape_of(smoothed, 0).up[0] == pytest.approx(expected, rel=1e-12)
    assert shape_of(smoothed, 0).down[0].tolist() == SEVEN.tolist()
    kept, _ = smooth(model, method=method, of=of)
    assert shape_of(kept, 0).up.sum() == pytest.approx(NOISY.sum(), rel=1e-12)
    assert shape_of(kept, 0).up[0] == pytest.approx(expected * NOISY.sum() / expected.sum(), rel=1e-12)
    ((what, figure, before, after),) = figures(changes)
    assert (what, figure) == ("up smoothed", "largest step of up/nominal")
    assert before == pytest.approx(0.29)
    assert after == pytest.approx(np.abs(np.diff(expected / SEVEN)).max())
    assert after < before


def test_empty_bins_stay_and_the_rest_is_smoothed_without_them():
    nominal, up = SEVEN.copy(), NOISY.copy()
    nominal[3], up[3] = 0.0, 2.0
    smoothed, _ = smooth(one(up, nominal, nominal=nominal), keep_norm=False)
    filled = nominal > 0.0
    expected = lowess(np.flatnonzero(filled), up[filled] / nominal[filled])
    assert shape_of(smoothed).up[0][filled] == pytest.approx(expected * nominal[filled], rel=1e-12)
    assert shape_of(smoothed).up[0][3] == 2.0


def test_of_several_axes_each_row_is_smoothed_by_itself():
    bh = pytest.importorskip("boost_histogram")
    h = bh.Histogram(bh.axis.Regular(2, 0.0, 1.0), bh.axis.Variable(EDGES))
    h[...] = np.array([SEVEN, 2.0 * SEVEN])
    up = np.array([NOISY, 3.0 * NOISY[::-1]])
    jes = nuisance("jes")
    process = Process("bkg", h, channel="SR").add_shape(jes, up.ravel(), h)
    model = Model().add_proc(process.scale_by(Variable("mu", 1.0))).prepare()
    smoothed, _ = smooth(model, method="353QH", keep_norm=False)
    expected = [SEVEN * smooth_353qh(NOISY / SEVEN), 2.0 * SEVEN * smooth_353qh(up[1] / (2.0 * SEVEN))]
    assert shape_of(smoothed, 0).up[0] == pytest.approx(np.concatenate(expected), rel=1e-12)


def test_too_few_bins_are_left_and_said_so():
    model = one(np.array([110.0, 190.0]), np.array([90.0, 210.0]), nominal=np.array([100.0, 200.0]))
    smoothed, changes = smooth(model)
    assert changes.changes == ()
    assert [(note.where, note.what) for note in changes.left] == [
        ("'bkg' in 'SR'", "jes up"),
        ("'bkg' in 'SR'", "jes down"),
    ]
    assert "fewer than 3 bins" in repr(changes)
    assert shape_of(smoothed).up.tolist() == shape_of(model).up.tolist()


# -- all of them ---------------------------------------------------------------------------------


def big_model(jer_up=NOMINAL * 1.0001):
    """Two channels, an array process, correlations, a term, blinding and settings."""
    jes, jer, btag, lumi = (nuisance(name) for name in ("jes", "jer", "btag", "lumi"))
    mu = Variable("mu", 1.0, lower_bound=0.0)
    sig = Process("sig", signal=True).scale_by(mu)
    bkg = Process("bkg").add_lnN(lumi, 1.02)
    for channel in ("SR", "CR"):
        sig.add_contrib(ChannelContrib(channel, [3.0, 5.0, 9.0]))
        contrib = ChannelContrib(channel, NOMINAL, sumw2=NOMINAL)
        contrib.add_shape(jes, UP, DOWN).add_shape(jer, jer_up, NOMINAL).add_lnN(btag, 1.1)
        bkg.add_contrib(contrib)
    model = Model().add_proc(sig).add_proc(bkg)
    model.correlate_nuisances([jes, jer, btag], [[1.0, 0.5, 0.3], [0.5, 1.0, 0.2], [0.3, 0.2, 1.0]])
    model.set_mc_stat("lite", scaling="total").describe_channel("SR", label="mass", unit="GeV")
    model.add_constraint(lambda m: -0.1 * (m - 1.0) ** 2, mu)
    return model.prepare()


def test_the_model_given_stays_as_it_is():
    model = big_model()
    obs = model.pred({"mu": 1.0})
    at = {"mu": 1.3, "jes": 0.4, "btag": -0.3, "jer": 0.2}
    before = model.nll(at, obs)
    for edit in (prune, symmetrise, lambda given: smooth(given, method="353QH")):
        edited, changes = edit(model)
        assert changes.changes
        assert edited.layout is not model.layout
        assert edited.nll({k: v for k, v in at.items() if k in edited.parameters}, obs) != before
    assert model.nll(at, obs) == before


def test_nothing_selected_is_nothing_changed():
    model = big_model()
    obs = model.pred({"mu": 1.0})
    at = {"mu": 1.3, "jes": 0.4, "btag": -0.3, "jer": 0.2, "lumi": 0.1}
    copy, changes = prune(model, norm=0.0, shape=0.0)
    assert changes.changes == ()
    assert copy.nll(at, obs) == pytest.approx(model.nll(at, obs), abs=1e-12)
    assert copy.layout.channels[0].label == "mass"
    assert copy.poi == "mu"
    assert copy.parameters == model.parameters


def test_correlations_of_what_is_left():
    """A Gaussian profiled over one of its variables is the marginal one, up to a constant."""
    model = big_model(jer_up=NOMINAL)
    pruned, changes = prune(model, nuisances="jer")
    assert changes.vanished == ("jer",)
    (correlation,) = pruned.specification.correlations
    assert correlation.matrix.tolist() == [[1.0, 0.3], [0.3, 1.0]]
    obs = model.pred({"mu": 1.0})
    points = [
        {"mu": 1.2, "jes": 0.5, "btag": -0.8, "lumi": 0.1},
        {"mu": 0.7, "jes": -1.0, "btag": 0.3, "lumi": 0.0},
    ]
    given, ours = ([m.fit(obs, fixed=point).fun for point in points] for m in (model, pruned))
    assert given[0] - given[1] == pytest.approx(ours[0] - ours[1], abs=1e-8)


def test_correlations_with_one_left_are_none():
    pruned, changes = prune(big_model(), nuisances=["jer", "btag"], norm=0.2)
    assert set(changes.vanished) == {"jer", "btag"}
    assert pruned.specification.correlations == []


def test_selections():
    model = big_model()
    _, changes = symmetrise(model, nuisances="je.", channels=["SR"], processes="bkg")
    assert {(c.nuisance, c.channel) for c in changes.changes} == {("jes", "SR"), ("jer", "SR")}
    # What acts in all channels is not chosen by a channel.
    assert prune(model, norm=0.05, nuisances="lumi", channels="SR")[1].changes == ()
    assert [c.nuisance for c in prune(model, norm=0.05, nuisances="lumi")[1].changes] == ["lumi"]


def test_terms_keep_what_they_use():
    model = big_model()
    jer = next(
        v for v in (e.variable for e in model.specification.processes[1]["SR"].effects) if v.name == "jer"
    )
    model.add_constraint(lambda x: -(x**2), jer)
    model.prepare()
    with pytest.raises(InvalidValueError, match=r"may use 'jer'.*nuisances="):
        prune(model)
    assert prune(model, nuisances="jes")[1].vanished == ()
    model = big_model().add_constraint(lambda values, data, globs: 0.0 * values[0]).prepare()
    with pytest.raises(InvalidValueError, match="may use 'jer'"):
        prune(model)


def test_a_model_that_is_not_prepared_stays_so():
    jes = nuisance("jes")
    model = Model().add_proc(Process("bkg", NOMINAL).add_shape(jes, UP, DOWN))
    copy, _ = symmetrise(model)
    assert "not prepared" in repr(copy)
    blinded = big_model()
    blinded.blind(pois=["mu"])
    assert "blinded" in repr(prune(blinded)[0].fit(np.ones(6), strict=False))


def test_the_record():
    _, changes = prune(big_model())
    shown = repr(changes)
    assert shown.startswith("prune: 2 changes\nNo longer in the model: jer")
    content = json.loads(changes.to_json())
    assert content["changes"][0]["nuisance"] == "jer"
    assert content["vanished"] == ["jer"]
    assert changes._columns()["channel"] == ["SR", "CR"]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: prune(3), InvalidTypeError, "a Model is expected"),
        (lambda m: prune(m, norm=-1.0), InvalidValueError, "norm must be a number from 0 on"),
        (lambda m: prune(m, shape=[1.0]), InvalidValueError, "shape"),
        (lambda m: prune(m, norm=np.nan), InvalidValueError, "norm"),
        (lambda m: prune(m, nuisances="none"), UnknownNameError, "'none' matches nothing; there are: btag"),
        (lambda m: prune(m, nuisances="mu"), UnknownNameError, "'mu'"),
        (lambda m: prune(m, processes=3), InvalidTypeError, "processes: names"),
        (lambda m: prune(m, channels=["("]), InvalidValueError, "no regular expression"),
        (lambda m: symmetrise(m, method="both"), InvalidValueError, "method"),
        (lambda m: smooth(m, method="spline"), InvalidValueError, "method"),
        (lambda m: smooth(m, of="sum"), InvalidValueError, "of"),
        (lambda m: smooth(m, keep_norm=1), InvalidTypeError, "keep_norm"),
        (lambda m: smooth(m, span=2.0), InvalidValueError, "span"),
        (lambda m: smooth(m, method="353QH", times=0), InvalidValueError, "times"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call(big_model())

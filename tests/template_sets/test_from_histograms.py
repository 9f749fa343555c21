"""Models of sets of histograms: against pyhf, a datacard and cabinetry's workspace, and bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest

import smoothfit
from smoothfit import Model, Variable
from smoothfit.errors import (
    FileFormatError,
    InputFileError,
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    UnknownNameError,
)

USUAL = "{process}_{systematic}{Up|Down}"
EDGES = [0.0, 1.0, 3.0]
SET = {
    "sig": [5.0, 8.0],
    "tt": [50.0, 40.0],
    "tt_jesUp": [56.0, 42.0],
    "tt_jesDown": [45.0, 39.0],
    "W": [20.0, 30.0],
    "W_jesUp": [22.0, 31.0],
    "W_jesDown": [19.0, 28.0],
    "data_obs": [77.0, 75.0],
}


def changed(**changes):
    return {name: content for name, content in (SET | changes).items() if content is not None}


def test_against_pyhf():
    pyhf = pytest.importorskip("pyhf")
    model, obs = Model.from_histograms(
        SET, USUAL, signals=["sig"], lnN={"lumi": {"sig": (0.98, 1.03), "tt": (0.98, 1.03)}}, kind="raw"
    )
    lumi = {"name": "lumi", "type": "normsys", "data": {"hi": 1.03, "lo": 0.98}}

    def sample(name, *modifiers):
        found = list(modifiers)
        if f"{name}_jesUp" in SET:
            templates = {"hi_data": SET[f"{name}_jesUp"], "lo_data": SET[f"{name}_jesDown"]}
            found.append({"name": "jes", "type": "histosys", "data": templates})
        return {"name": name, "data": SET[name], "modifiers": found}

    samples = [
        sample("sig", lumi, {"name": "mu", "type": "normfactor", "data": None}),
        sample("tt", lumi),
        sample("W"),
    ]
    spec = {"channels": [{"name": "main", "samples": samples}]}
    # Combine's interpolation of lnN is none of pyhf's: compared where all have given values, at 0 and +-1.
    settings = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
    other = pyhf.Model(spec, poi_name="mu", modifier_settings=settings)
    data = [*obs, *other.config.auxdata]
    for mu, jes, strength in [(1.0, 0.0, 0.0), (0.3, 1.0, 1.0), (2.5, -1.0, 0.0), (1.2, 0.37, -1.0)]:
        at = {"mu": mu, "jes": jes, "lumi": strength}
        expected = -float(other.logpdf([at[name] for name in other.config.par_names], data)[0])
        assert model.nll(at, obs) == pytest.approx(expected, abs=1e-10)


def test_against_a_datacard(tmp_path):
    hist = pytest.importorskip("hist")
    uproot = pytest.importorskip("uproot")
    rng = np.random.default_rng(7)
    axis = hist.axis.Variable(EDGES, label="mass")
    with uproot.recreate(tmp_path / "shapes.root") as file:
        for name, content in SET.items():
            made = hist.Hist(axis, storage=hist.storage.Weight())
            made[...] = np.stack([content, np.array(content) * rng.uniform(0.2, 2.0, 2)], axis=-1)
            file[f"SR/{name}"] = made
    card = tmp_path / "card.txt"
    card.write_text(
        "imax 1\njmax 2\nkmax *\nshapes * * shapes.root $CHANNEL/$PROCESS $CHANNEL/$PROCESS_$SYSTEMATIC\n"
        "bin SR\nobservation -1\nbin SR SR SR\nprocess sig tt W\nprocess 0 1 2\nrate -1 -1 -1\n"
        "lumi lnN 1.02 0.97/1.04 -\njes shape - 1 1\nSR autoMCStats 0\n"
    )
    expected, of_card = smoothfit.read_datacard(card)
    model, obs = smoothfit.read_histograms(
        tmp_path / "shapes.root",
        "{channel}/{process}_{systematic}{Up|Down}",
        signals=["sig"],
        poi="r",
        lnN={"lumi": {"sig": 1.02, "tt": (0.97, 1.04)}},
        mc_stat={"mode": "threshold", "threshold": 0.0},
    )
    assert obs.tolist() == of_card.tolist() == SET["data_obs"]
    assert model.poi == expected.poi == "r"
    assert model.layout.channels[0].label == "mass"
    for _ in range(10):
        at = {"r": rng.uniform(0.0, 3.0), "lumi": rng.normal(), "jes": rng.normal()}
        assert model.nll(at, obs) == pytest.approx(expected.nll(at, of_card), abs=1e-9)
    assert model.receipt.read["varied histograms"] == 4
    assert model.receipt.source == str(tmp_path / "shapes.root")


@pytest.mark.reference
def test_the_set_of_a_tutorial(shared):
    pytest.importorskip("uproot")
    folder = shared / "data" / "cabinetry-tutorials"
    model, obs = smoothfit.read_histograms(
        folder / "inputs" / "histograms.root",
        "{channel}/{process}/{systematic}_{Up|Down}",
        nominal="{channel}/{process}/Nominal",
        data="Data",
        signals=["Signal"],
        poi="Signal_norm",
        lnN={"Luminosity": (0.95, 1.05)},
        symmetrise=["Modeling"],
    )
    built = json.loads((folder / "built" / "ws_config_histograms.json").read_text())
    (channel,) = built["channels"]
    assert obs == pytest.approx(built["observations"][0]["data"], rel=1e-12)
    processes = {process.name: process["SR"] for process in model.specification.processes}
    for sample in channel["samples"]:
        contrib = processes[sample["name"]]
        assert contrib.yields[0] == pytest.approx(sample["data"], rel=1e-12)
        kinds = {modifier["type"]: modifier for modifier in sample["modifiers"]}
        if "staterror" in kinds:
            assert np.sqrt(contrib.sumw2[0]) == pytest.approx(kinds["staterror"]["data"], rel=1e-12)
    # There a shape is normalised, and its integral a normsys: their product is the histogram.
    background = next(sample for sample in channel["samples"] if sample["name"] == "Background")
    of_name = {(m["name"], m["type"]): m["data"] for m in background["modifiers"]}
    shapes = {effect.variable.name: effect for effect in processes["Background"].effects}
    assert set(shapes) == {"Modeling", "WeightBasedModeling"}
    for name, shape in shapes.items():
        norm, histograms = of_name[name, "normsys"], of_name[name, "histosys"]
        assert shape.up[0] == pytest.approx(norm["hi"] * np.array(histograms["hi_data"]), rel=1e-9)
        assert shape.down.sum() == pytest.approx(norm["lo"] * np.sum(histograms["lo_data"]), rel=1e-9)
    nominal = processes["Background"].yields
    assert shapes["Modeling"].down.tolist() == (2.0 * nominal - shapes["Modeling"].up).tolist()
    assert [note.where for note in model.receipt.ignored] == ["variations"]


def test_signals():
    model, _ = Model.from_histograms(SET, USUAL, signals=["sig"])
    assert model.poi == "mu"
    assert model.specification.processes[0].signal
    bounds = model.layout.lower[model.index("mu")], model.layout.upper[model.index("mu")]
    assert bounds == (0.0, 20.0)
    r = Variable("r", 1.0, lower_bound=-5.0)
    k = Variable("k", 1.0)
    several, _ = Model.from_histograms(SET, USUAL, signals={"sig": r, "W": k})
    assert several.pois == ("r", "k")
    assert several.poi == "r"
    own, _ = Model.from_histograms(SET, USUAL, signals=["sig", "W"], poi=r)
    assert own.pois == ("r",)
    unscaled, _ = Model.from_histograms(SET, USUAL, signals=["sig"], poi=None)
    assert unscaled.poi is None
    assert unscaled.specification.processes[0].signal


def test_nested_dicts_and_channels():
    model, obs = Model.from_histograms({"SR": SET, "CR": SET}, "{channel}/" + USUAL, signals=["sig"])
    assert model.channels == ("SR", "CR")
    assert obs.tolist() == SET["data_obs"] * 2
    assert model.nuisances == ("jes",)
    one, _ = Model.from_histograms(SET, USUAL, channel="SR")
    assert one.channels == ("SR",)


def test_without_data():
    model, obs = Model.from_histograms(changed(data_obs=None), USUAL)
    assert obs is None
    assert model.receipt.read["processes"] == 3
    with pytest.raises(InvalidValueError, match="channel 'CR' has no data"):
        Model.from_histograms({"SR": SET, "CR": changed(data_obs=None)}, "{channel}/" + USUAL)
    with pytest.raises(InvalidValueError, match="data of channel 'CR', which has no process"):
        Model.from_histograms({"SR": SET, "CR": {"data_obs": [1.0]}}, "{channel}/" + USUAL)


def test_one_side():
    lone = changed(tt_jesDown=None)
    with pytest.raises(InvalidValueError, match=r"'tt_jesUp'.*symmetrise"):
        Model.from_histograms(lone, USUAL)
    with pytest.raises(UnknownNameError, match="'jer'"):
        Model.from_histograms(lone, USUAL, symmetrise=["jer"])
    for symmetrise in (True, ["jes"]):
        model, _ = Model.from_histograms(lone, USUAL, symmetrise=symmetrise)
        shape = model.specification.processes[1]["main"].effects[0]
        assert shape.down.tolist() == [[44.0, 38.0]]
        assert [note.what for note in model.receipt.ignored if note.where == "variations"] == [
            "'tt_jesUp' has no other side"
        ]
    down, _ = Model.from_histograms(changed(tt_jesUp=None), USUAL, symmetrise=True)
    assert down.specification.processes[1]["main"].effects[0].up.tolist() == [[55.0, 41.0]]
    with pytest.raises(ShapeMismatchError, match="'tt_jesUp'"):
        Model.from_histograms(lone | {"tt_jesUp": [1.0, 2.0, 3.0]}, USUAL, symmetrise=True)


def test_kinds():
    names = changed(tt_jerUp=[51.0, 41.0], tt_jerDown=[49.0, 39.0])
    model, _ = Model.from_histograms(names, USUAL, kind={"jer": "raw"})
    kinds = {e.variable.name: e.kind for e in model.specification.processes[1]["main"].effects}
    assert kinds == {"jes": "shape", "jer": "raw"}
    with pytest.raises(UnknownNameError, match="'lumi'"):
        Model.from_histograms(SET, USUAL, kind={"lumi": "raw"})
    with pytest.raises(InvalidValueError, match="kind"):
        Model.from_histograms(SET, USUAL, kind="odd")


def test_what_is_not_in_the_bins_is_noted():
    hist = pytest.importorskip("hist")

    def filled(values, outside, storage):
        made = hist.Hist(hist.axis.Variable(EDGES), storage=storage)
        return made.fill([0.5, 2.0, 9.0], weight=[*values, outside])

    names = {name: filled(content, 0.0, hist.storage.Weight()) for name, content in SET.items()}
    names["tt"] = filled(SET["tt"], 7.0, hist.storage.Weight())
    names["W"] = filled(SET["W"], 2.0, hist.storage.Double())
    model, _ = Model.from_histograms(names, USUAL, signals=["sig"])
    notes = {note.where: note for note in model.receipt.ignored}
    assert notes["under- and overflow"].what == "2 histograms, the most in 'tt'"
    assert notes["under- and overflow"].why.startswith("7 events")
    assert notes["variances"].what == "of 1 nominal histogram"
    assert "7 events" in repr(model.receipt)
    assert model.pred({"mu": 1.0}).tolist() == [75.0, 78.0]


def test_an_open_file(tmp_path):
    uproot = pytest.importorskip("uproot")
    with uproot.recreate(tmp_path / "h.root") as file:
        for name, content in SET.items():
            file[f"deep/{name}"] = np.array(content), np.array(EDGES)
        file["deep/events"] = {"x": np.arange(3)}
    with uproot.open(tmp_path / "h.root") as file:
        model, obs = Model.from_histograms(file["deep"], USUAL, signals=["sig"])
        whole, _ = Model.from_histograms(file, "deep/" + USUAL, signals=["sig"])
    assert obs.tolist() == SET["data_obs"]
    assert model.layout.channels[0].edges.tolist() == EDGES
    assert [note.what for note in model.receipt.ignored] == ["'events'"]
    assert whole.receipt.read == model.receipt.read
    read, again = smoothfit.read_histograms(tmp_path / "h.root", "deep/" + USUAL, signals=["sig"])
    at = {"mu": 0.7, "jes": 0.4}
    assert read.nll(at, again) == model.nll(at, obs)


@pytest.mark.parametrize(
    ("histograms", "options", "error", "words"),
    [
        (3, {}, InvalidTypeError, "a dict"),
        ("file.root", {}, InvalidTypeError, "read_histograms"),
        ({3: [1.0]}, {}, InvalidTypeError, "names must be text"),
        ({"a": {"b": [1.0]}, "a/b": [1.0]}, {}, InvalidValueError, "two histograms 'a/b'"),
        ({}, {}, InvalidValueError, "none of 0 histograms"),
        ({"data_obs": [1.0]}, {}, InvalidValueError, "none of 1 histogram"),
        (changed(sig="text"), {}, InvalidTypeError, "'sig'"),
        (changed(sig=[[1.0, 2.0]]), {}, InvalidTypeError, "'sig'"),
        (changed(sig=[1.0, np.nan]), {}, InvalidValueError, "finite"),
        (changed(sig=[1.0]), {}, ShapeMismatchError, "process 'sig' has 1 bin"),
        (changed(sig=[1.0], data_obs=None), {}, ShapeMismatchError, "bins must agree"),
        (changed(tt_jesUp=[1.0]), {}, ShapeMismatchError, "jes"),
        (changed(data_obs=[1.0]), {}, ShapeMismatchError, "'data_obs'"),
        (SET, {"signals": ["ggH"]}, UnknownNameError, "signals: there is no 'ggH'; there are: sig, tt, W"),
        (SET, {"signals": {"sig": 1.0}}, InvalidTypeError, "a Variable"),
        (SET, {"signals": ["sig"], "poi": 3}, InvalidTypeError, "poi"),
        (SET, {"lnN": [1.1]}, InvalidTypeError, "lnN"),
        (SET, {"lnN": {"x": {"Z": 1.1}}}, UnknownNameError, "'Z'"),
        (SET, {"lnN": {"x": -1.0}}, InvalidValueError, "kappa"),
        (SET, {"data": 3}, InvalidTypeError, "data"),
        (SET, {"kind": 3}, InvalidTypeError, "kind"),
        (SET, {"symmetrise": 3}, InvalidTypeError, "symmetrise"),
        (SET, {"mc_stat": "odd"}, InvalidValueError, "mode"),
    ],
)
def test_bad_input(histograms, options, error, words):
    with pytest.raises(error) as raised:
        Model.from_histograms(histograms, USUAL, **options)
    assert words in str(raised.value)


def test_endless_dicts():
    endless: dict = {}
    endless["a"] = endless
    with pytest.raises(InvalidValueError, match="deeper than 16"):
        Model.from_histograms(endless, USUAL)


def test_data_of_another_binning():
    hist = pytest.importorskip("hist")

    def filled(content, edges):
        return hist.Hist(hist.axis.Variable(edges)).fill([0.5, 2.5], weight=content)

    names = {name: filled(content, EDGES) for name, content in SET.items()}
    names["data_obs"] = filled(SET["data_obs"], [0.0, 2.0, 3.0])
    with pytest.raises(ShapeMismatchError, match="'data_obs' has another binning"):
        Model.from_histograms(names, USUAL)


def test_files_that_are_none(tmp_path):
    pytest.importorskip("uproot")
    with pytest.raises(InputFileError, match="no such file"):
        smoothfit.read_histograms(tmp_path / "none.root", USUAL)
    broken = tmp_path / "broken.root"
    broken.write_bytes(b"root" + bytes(60))
    with pytest.raises(FileFormatError, match=r"broken\.root"):
        smoothfit.read_histograms(broken, USUAL)
    with pytest.raises(InvalidTypeError, match="a path"):
        smoothfit.read_histograms(3, USUAL)


def test_truncated_files(tmp_path):
    """Cut anywhere, a file is read or refused by a typed error that names it."""
    uproot = pytest.importorskip("uproot")
    whole = tmp_path / "whole.root"
    with uproot.recreate(whole) as file:
        for name, content in SET.items():
            file[name] = np.array(content), np.array(EDGES)
    content = whole.read_bytes()
    rng = np.random.default_rng(3)
    cut = tmp_path / "cut.root"
    for size in rng.integers(0, len(content), 60):
        cut.write_bytes(content[:size])
        with pytest.raises(FileFormatError, match=r"cut\.root"):
            smoothfit.read_histograms(cut, USUAL)


def test_broken_files(tmp_path):
    """Bytes changed anywhere: read, or refused by a typed error that names the file."""
    uproot = pytest.importorskip("uproot")
    path = tmp_path / "broken.root"
    with uproot.recreate(path) as file:
        for name, content in SET.items():
            file[name] = np.array(content), np.array(EDGES)
    content = path.read_bytes()
    rng = np.random.default_rng(4)
    outcomes = []
    for _ in range(150):
        changed_content = bytearray(content)
        for at in rng.integers(0, len(content), rng.integers(1, 4)):
            changed_content[at] = rng.integers(256)
        path.write_bytes(changed_content)
        try:
            smoothfit.read_histograms(path, USUAL)
        except FileFormatError as error:
            outcomes.append("broken.root" in str(error))
        else:
            outcomes.append(None)
    assert False not in outcomes
    assert outcomes.count(True) > 20

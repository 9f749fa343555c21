"""HistFactory's XML against pyhf's own reading of it, its receipt, and what is refused."""

from __future__ import annotations

import copy
import json
import os
import warnings

import numpy as np
import pytest
from files_of_tests import shared_path
from xml_files_of import CONTROL, HISTOGRAMS, SIGNAL, TOP, write

import smoothfit
from smoothfit.errors import (
    FileFormatError,
    InputFileError,
    InvalidTypeError,
    SmoothfitError,
    UnknownNameError,
)
from smoothfit.io.opening import file_kind, read_model

pytest.importorskip("uproot")
pytest.importorskip("hist")
SETTINGS = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
VALIDATION = shared_path("data", "pyhf-repo", "validation")


def by_pyhf(path, folder):
    """The workspace that pyhf makes of the files."""
    readxml = pytest.importorskip("pyhf.readxml")
    readxml.clear_filecache()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return readxml.parse(path, folder)


def largest_difference(spec, model, obs, measurement=None, n=20):
    """Between our NLL and pyhf's, at the start and n random points."""
    import pyhf

    pyhf.set_backend("numpy")
    workspace = pyhf.Workspace(spec)
    other = workspace.model(measurement_name=measurement, modifier_settings=copy.deepcopy(SETTINGS))
    data = workspace.data(other)
    config = other.config
    observed = {channel["name"]: channel["data"] for channel in spec["observations"]}
    assert {name: part.tolist() for name, part in model.split(obs).items()} == observed
    assert model.poi == config.poi_name
    random = np.random.default_rng(5)
    start, bounds = np.array(config.suggested_init()), np.array(config.suggested_bounds())
    fixed = dict(zip(config.par_names, config.suggested_fixed(), strict=True))
    held = {n: bool(f) for v in ours(model) for n, f in zip(v.sub_names, v.fixed, strict=True)}
    assert sorted(fixed.values()) == sorted(held.values())
    differences = []
    for trial in range(n + 1):
        step = 0.0 if trial == 0 else 0.3 * random.random(len(start))
        point = start + step * (bounds[np.arange(len(start)), random.integers(0, 2, len(start))] - start)
        values = {
            name: point[config.par_slice(name)][0 if config.param_set(name).is_scalar else slice(None)]
            for name in config.par_order
        }
        expected = -float(other.logpdf(point, data)[0])
        assert np.isfinite(expected)
        got = float(model.nll(model.values_from_dict(values), obs))
        differences.append(abs(got - expected) / max(abs(expected), 1.0))
    return max(differences)


def ours(model):
    found = {}
    for process in model.specification.processes:
        for contrib in process.contribs.values():
            for effect in contrib.effects:
                for variable in getattr(effect, "variables", None) or (effect.variable,):
                    found[variable.name] = variable
    return found.values()


EXAMPLES = [
    "multibin_histfactory/config/example.xml",
    "multibin_histfactory_p0/config/example.xml",
    "multichan_coupledhistosys_histfactory/config/example.xml",
    "multichan_coupledoverall_histfactory/config/example.xml",
    "multichannel_histfactory/config/example.xml",
    "overallsys_histfactory/config/example.xml",
    "shared_nuispar_across_types/config/example.xml",
    "shared_nuispar_across_types/config/example_notshared.xml",
    "xmlimport_input/config/example.xml",
    "xmlimport_input/config/examples/example_ShapeSys.xml",
    "xmlimport_input2/config/example.xml",
    "xmlimport_input3/config/examples/example_ShapeSys.xml",
    "xmlimport_input4/config/example.xml",
]
OTHERS = [
    "xmlimport_input/config/examples/example_DataDriven.xml",
    "xmlimport_input/config/examples/example_Expression.xml",
    "xmlimport_input/config/examples/example_ShapeSys2D.xml",
]


@pytest.mark.reference
def test_these_are_all_examples():
    tops = {
        str(path.relative_to(VALIDATION))
        for path in VALIDATION.rglob("*.xml")
        if "<Combination" in path.read_text()
    }
    assert tops == {*EXAMPLES, *OTHERS}


@pytest.mark.reference
@pytest.mark.agreement
@pytest.mark.parametrize("name", EXAMPLES)
def test_against_pyhf(name):
    folder = VALIDATION / name.split("/")[0]
    model, obs = smoothfit.read_histfactory(VALIDATION / name, folder=folder)
    spec = by_pyhf(VALIDATION / name, folder)
    first = spec["measurements"][0]["name"]
    assert largest_difference(spec, model, obs, first) < 1e-10


@pytest.mark.reference
@pytest.mark.agreement
def test_single_precision_against_pyhf(monkeypatch):
    """pyhf takes the roots of a TH1F's contents in single precision; in double they are ours."""
    readxml = pytest.importorskip("pyhf.readxml")
    path, folder = VALIDATION / OTHERS[0], VALIDATION / "xmlimport_input"
    model, obs = smoothfit.read_histfactory(path, folder=folder)
    assert 1e-10 < largest_difference(by_pyhf(path, folder), model, obs) < 1e-7

    def extract_error(hist):
        return np.sqrt(np.asarray(hist.variances(), dtype=float)).tolist()

    monkeypatch.setattr(readxml, "extract_error", extract_error)
    assert largest_difference(by_pyhf(path, folder), model, obs) < 1e-10


@pytest.mark.reference
@pytest.mark.agreement
def test_two_axes_against_pyhf(monkeypatch):
    """pyhf fails there; it agrees once it is given the bins one after the other."""
    readxml = pytest.importorskip("pyhf.readxml")
    original = readxml.import_root_histogram

    def flat(*arguments, **options):
        contents, errors = original(*arguments, **options)
        return np.ravel(contents).tolist(), np.ravel(errors).tolist()

    name, folder = OTHERS[2], VALIDATION / "xmlimport_input"
    with pytest.raises(TypeError):
        by_pyhf(VALIDATION / name, folder)
    monkeypatch.setattr(readxml, "import_root_histogram", flat)
    model, obs = smoothfit.read_histfactory(VALIDATION / name, folder=folder)
    assert largest_difference(by_pyhf(VALIDATION / name, folder), model, obs) < 1e-10


@pytest.mark.reference
def test_functions_of_parameters_are_unsupported():
    with pytest.raises(FileFormatError, match=r"example_Expression\.xml: unsupported: line \d+: Function"):
        smoothfit.read_histfactory(VALIDATION / OTHERS[1], folder=VALIDATION / "xmlimport_input")


@pytest.mark.parametrize("measurement", [None, "floating", 1])
def test_a_configuration_of_our_own(tmp_path, monkeypatch, measurement):
    # pyhf would take the histogram of that name at the top of the file.
    monkeypatch.delitem(HISTOGRAMS, "bkg")
    top = write(tmp_path)
    model, obs = smoothfit.read_histfactory(top, measurement, folder=tmp_path)
    name = "main" if measurement is None else "floating"
    spec = by_pyhf(top, tmp_path)
    assert largest_difference(spec, model, obs, name) < 1e-10
    assert obs.tolist() == HISTOGRAMS["SR/data"] + HISTOGRAMS["CR/data"]
    start = model.values_to_dict(model.values_from_dict({}))
    assert start["lumi"] == (2.0 if measurement is None else 1.0)
    assert start["norm_bkg"] == (1.5 if measurement is None else 1.0)


def test_the_path_of_the_sample_is_that_of_its_variations(tmp_path):
    """As in HistFactory; pyhf looks for them at the top of the ROOT file."""
    shorter = SIGNAL.replace(' HistoPathHigh="SR"', "").replace(' HistoPathLow="SR"', "")
    model, obs = smoothfit.read_histfactory(write(tmp_path, signal=shorter), folder=tmp_path)
    whole, _ = smoothfit.read_histfactory(write(tmp_path), folder=tmp_path)
    at = {"jes": 0.7, "mu": 2.0}
    assert model.nll(at, obs) == whole.nll(at, obs)


def test_an_empty_path_is_the_top_of_the_file(tmp_path):
    top = SIGNAL.replace('HistoName="bkg" Norm', 'HistoPath="" HistoName="bkg" Norm')
    model, _ = smoothfit.read_histfactory(write(tmp_path, signal=top), "floating", folder=tmp_path)
    assert model.pred({"norm_bkg": 1.0}, process="bkg")[:2] == pytest.approx(HISTOGRAMS["bkg"])
    # With both, the path that is given counts; pyhf looks at the top of the file first.
    inner, _ = smoothfit.read_histfactory(write(tmp_path), "floating", folder=tmp_path)
    assert inner.pred({"norm_bkg": 1.0}, process="bkg")[:2] == pytest.approx(HISTOGRAMS["SR/bkg"])


def test_normalisation_by_theory(tmp_path):
    top = write(tmp_path)
    model, _ = smoothfit.read_histfactory(top, "floating", folder=tmp_path)
    other, _ = smoothfit.read_histfactory(top, "floating", folder=tmp_path, normalize_by_theory=True)
    up = {"lumi": 1.1}
    signal = np.array(HISTOGRAMS["SR/sig"])
    assert model.pred(up, process="sig")[:2] == pytest.approx(signal)
    assert other.pred(up, process="sig")[:2] == pytest.approx(1.1 * signal)
    notes = [note for note in other.receipt.ignored if "NormalizeByTheory" in note.what]
    assert len(notes) == 1
    assert "read as True" in notes[0].why
    assert "pyhf reads False" in notes[0].why


def test_the_receipt(tmp_path):
    receipt = smoothfit.read_histfactory(write(tmp_path), folder=tmp_path)[0].receipt
    assert receipt.kind == "HistFactory XML"
    assert receipt.read["channels"] == 2
    assert receipt.read["samples"] == 4
    assert receipt.read["histosys modifiers"] == 1
    assert receipt.files == {str(tmp_path / "data" / "h.root"): 9}
    noted = {(note.what, note.why.split(",")[0]) for note in receipt.ignored}
    assert noted == {
        ("Measurement 'floating'", "another measurement was chosen"),
        ("Measurement 'gamma'", "another measurement was chosen"),
        ("OutputFilePrefix of <Combination>", "it is about output"),
        ("ExportOnly of the measurement", "it does not change the model"),
        ("sample 'sig' has no NormalizeByTheory", "read as False"),
        ("Poisson constraint of StatError", "Gaussian"),
        ("RelErrorThreshold 0.05", "all bins have one"),
    }


def test_where_pyhf_reads_another_constraint(tmp_path):
    gaussian = SIGNAL.replace(' ConstraintType="Poisson"/>\n    <ShapeFactor', "/>\n    <ShapeFactor")
    receipt = smoothfit.read_histfactory(write(tmp_path, signal=gaussian), folder=tmp_path)[0].receipt
    found = [note for note in receipt.ignored if "ShapeSys" in note.what]
    assert [note.what for note in found] == ["ShapeSys 'shape': Gaussian constraint, HistFactory's default,"]


def test_paths_begin_at_the_folder(tmp_path):
    top = write(tmp_path)
    with pytest.raises(InputFileError) as error:
        smoothfit.read_histfactory(top)
    for words in ("line 4", "'./config/signal.xml'", f"folder='{tmp_path}'", "--folder"):
        assert words in str(error.value)
    with pytest.raises(InputFileError, match=r"check folder=\.\.\."):
        smoothfit.read_histfactory(top, folder=tmp_path / "data")


def test_paths_do_not_lead_out(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    top = write(inner)
    (inner / "data" / "h.root").rename(tmp_path / "h.root")
    for path in ("../h.root", "data/../../h.root", str(tmp_path / "h.root")):
        write_again = SIGNAL.replace("./data/h.root", path)
        (inner / "config" / "signal.xml").write_text(write_again.strip())
        (inner / "config" / "control.xml").write_text(CONTROL.replace("./data/h.root", path).strip())
        with pytest.raises(InputFileError, match="not beside or below"):
            smoothfit.read_histfactory(top, folder=inner)
        model, _ = smoothfit.read_histfactory(top, folder=inner, files_anywhere=True)
        assert model.channels == ("SR", "CR")
    # A link that leads out is no way around.
    (inner / "data" / "link.root").symlink_to(tmp_path / "h.root")
    (inner / "config" / "signal.xml").write_text(SIGNAL.replace("h.root", "link.root").strip())
    with pytest.raises(InputFileError, match="not beside or below"):
        smoothfit.read_histfactory(top, folder=inner)
    (inner / "config" / "top.xml").write_text(TOP.replace("./config/signal.xml", "../../etc/passwd").strip())
    with pytest.raises(InputFileError, match=r"line 4.*not beside or below"):
        smoothfit.read_histfactory(top, folder=inner)


def test_told_apart_by_content(tmp_path):
    top = write(tmp_path)
    assert file_kind(top) == "histfactory"
    model, obs = read_model(top, folder=str(tmp_path), measurement="floating")
    assert model.nll(model.values_from_dict({}), obs) > 0.0
    with pytest.raises(SmoothfitError, match="'patch' is no option of a histfactory file"):
        read_model(top, patch="x.json")
    with pytest.raises(SmoothfitError, match=r"a ROOT file; smoothfit\.read_histograms"):
        read_model(tmp_path / "data" / "h.root")
    with pytest.raises(FileFormatError, match="<Channel> is not the top"):
        read_model(tmp_path / "config" / "signal.xml")


def test_the_command(tmp_path, capsys):
    from smoothfit.cli import main

    top = write(tmp_path)
    assert main(["inspect", str(top), "--folder", str(tmp_path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["receipt"]["kind"] == "HistFactory XML"
    assert main(["inspect", str(top)]) == 2
    assert "--folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("top", "<POI>mu</POI>", "<POI> </POI>"), "has no <POI>"),
        (("top", 'Lumi="2."', 'Lumi="two"'), "Lumi must be a finite number"),
        (("top", 'Lumi="2."', 'Lumi="-2."'), "must be positive"),
        (("top", 'Const="True"', 'Const="yes"'), "True or False"),
        (("top", "Lumi alpha_xs", "gamma_stat_SR_bin_0"), "unsupported.*one bin"),
        (("top", "<Input>./config/signal.xml</Input>", "<Input></Input>"), "is empty"),
        (("top", "<Input>./config/control.xml</Input>", "<Input>config/signal.xml</Input>"), "of this name"),
        (("top", "OutputFilePrefix", "Prefix"), "'Prefix' is no attribute"),
        (("top", 'Name="floating"', 'Name="main"'), "two measurements"),
        (("top", "<POI>mu</POI>", "<POI>nu</POI>"), "nu"),
        (("signal", 'Name="SR"', 'Name=""'), "'Name' is missing"),
        (("signal", '<Data HistoName="data"/>', ""), "unsupported.*no <Data>"),
        (("signal", 'HistoName="data"', 'HistoName="none"'), "no 'SR/none' and no 'none'"),
        (("signal", 'HistoNameHigh="bkg_up"', ""), "'HistoNameHigh' is missing"),
        (
            ("signal", 'HistoPathHigh="SR" HistoNameHigh="bkg_up"', 'HistoNameHigh="CR/bkg"'),
            "has 3 bins, the sample has 2",
        ),
        (("signal", 'Low="0.9"', 'Low="nan"'), "Low must be a finite number"),
        (("signal", 'Low="0.9"', 'Low="-0.9"'), "xs"),
        (("signal", 'Low="0." High="10."', 'Low="10." High="0."'), "is not below High"),
        (("signal", 'Val="1" Low="0." High="5."', 'Val="2" Low="0." High="5."'), "other numbers"),
        (("signal", "<ShapeFactor", "<ShapeFunction"), "does not belong into <Sample>"),
        (("signal", 'Name="free"', 'Name="free" Const="True"'), "unsupported.*constant"),
        (("signal", "</Channel>", ""), "not valid XML at line"),
        (("signal", "<Channel", "<Chanel"), "not valid XML at line"),
        (("signal", 'ConstraintType="Poisson"/>', 'ConstraintType="Odd"/>'), "neither Poisson nor Gaussian"),
        (("signal", ' InputFile="./data/h.root"', ""), "no InputFile"),
        (("control", "<Channel", "<Combination"), "not valid XML|no channel"),
        (("control", "./data/h.root", "./config/top.xml"), "no ROOT file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, change, words):
    which, old, new = change
    texts = {"top": TOP, "signal": SIGNAL, "control": CONTROL}
    assert old in texts[which]
    texts[which] = texts[which].replace(old, new)
    with warnings.catch_warnings():
        # A parameter of interest that is none is read without one, and said so.
        warnings.simplefilter("error")
        with pytest.raises((FileFormatError, UserWarning), match=words):
            smoothfit.read_histfactory(write(tmp_path, **texts), folder=tmp_path)


def test_measurements_that_are_not_there(tmp_path):
    top = write(tmp_path)
    with pytest.raises(UnknownNameError, match="'main', 'floating', 'gamma'"):
        smoothfit.read_histfactory(top, "none", folder=tmp_path)
    with pytest.raises(InvalidTypeError, match="a name or a position"):
        smoothfit.read_histfactory(top, 1.5, folder=tmp_path)
    with pytest.raises(FileFormatError, match=r"unsupported: line \d+: <ConstraintTerm>.*'Gamma'"):
        smoothfit.read_histfactory(top, "gamma", folder=tmp_path)
    with pytest.raises(InvalidTypeError, match="a path"):
        smoothfit.read_histfactory({"a": 1})


def test_one_large_histogram_again_and_again(tmp_path, monkeypatch):
    from smoothfit.io.histfactory import sources

    monkeypatch.setattr(sources, "_MOST_NUMBERS", 20)
    with pytest.raises(FileFormatError, match="more than 20 bins"):
        smoothfit.read_histfactory(write(tmp_path), folder=tmp_path)


def test_mutated_files(tmp_path):
    """Bytes changed, cut or doubled: read, or refused by a typed error; nothing else."""
    top = write(tmp_path)
    paths = [tmp_path / "config" / f"{name}.xml" for name in ("top", "signal", "control")]
    whole = {path: path.read_bytes() for path in [*paths, tmp_path / "data" / "h.root"]}
    random = np.random.default_rng(11)
    refused = read = 0
    for _ in range(150):
        path = list(whole)[random.integers(4)]
        content = bytearray(whole[path])
        at, length = random.integers(len(content)), random.integers(1, 30)
        kind = random.integers(3)
        if kind == 0:
            content[at] = random.integers(256)
        elif kind == 1:
            del content[at : at + length]
        else:
            content[at:at] = content[at : at + length]
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                smoothfit.read_histfactory(top, folder=tmp_path)
            except SmoothfitError as error:
                refused += os.sep in str(error)
            else:
                read += 1
        path.write_bytes(whole[path])
    assert refused + read == 150
    assert refused > 50

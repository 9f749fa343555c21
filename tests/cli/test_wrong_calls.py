"""Wrong calls: one line that names the word, what was expected, and the cure."""

from __future__ import annotations

import json
import sys

import pytest
from cli.examples import write_files
from files_of_tests import workspace

from smoothfit.cli import commands_of, main, parser

FIT = "(see 'smoothfit fit --help')"


@pytest.fixture
def here(file, tmp_path, monkeypatch):
    """In the folder of the file, with files that are something else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.json").write_text("")
    (tmp_path / "noise.dat").write_bytes(bytes(range(128, 256)))
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "shapes.root").write_bytes(b"root" + bytes(100))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("fti workspace.json", "there is no command 'fti'; did you mean 'fit'?"),
        ("fly workspace.json", "there is no command 'fly'; there are: inspect, lint, diff, fit, "),
        (
            "workspace.json",
            "did you mean 'smoothfit fit workspace.json'?",
        ),
        ("help lmit", "there is no command 'lmit'; did you mean 'limit' or 'lint'?"),
        ("-v", "there is no option '-v'"),
        ("--quiet fit workspace.json", "write it behind: smoothfit COMMAND FILE --quiet"),
        ("fit", f"FILE is missing: smoothfit fit FILE [options] {FIT}"),
        ("scan workspace.json", "POI is missing: smoothfit scan FILE POI ... [options]"),
        ("plot workspace.json", "OUT is missing: smoothfit plot FILE OUT [options]"),
        ("diff workspace.json", "B is missing: smoothfit diff A B [options]"),
        ("fit workspace.json more.json", "'more.json' is one word too many: smoothfit fit FILE [options]"),
        # Options.
        ("fit workspace.json --plto x.png", "there is no option '--plto'; did you mean '--plot'"),
        ("fit --plto x.png workspace.json", "there is no option '--plto'; did you mean '--plot'"),
        ("fit workspace.json -plot x.png", "there is no option '-plot'; did you mean '--plot'?"),
        ("fit workspace.json --JSON", "there is no option '--JSON'; did you mean '--json'?"),
        ("fit workspace.json --frobnicate", f"there is no option '--frobnicate' {FIT}"),
        ("fit workspace.json --plot", "--plot: a value is missing: --plot OUT"),
        ("limit workspace.json --range 1", "--range: a value is missing: --range A B"),
        # An option in front of FILE takes it.
        ("fit --poi mu workspace.json", "--poi took 'workspace.json'; put it first: smoothfit fit workspace"),
        ("fit --json workspace.json", "--json took 'workspace.json'; put it first: smoothfit fit workspace"),
        ("fit --fix mu=1 workspace.json", "--fix took 'workspace.json'; put it first: smoothfit fit works"),
        # Choices and numbers.
        (
            "fit workspace.json --fitter newtno",
            "--fitter: there is no choice 'newtno'; did you mean 'ne",
        ),
        ("plot workspace.json a.png --what yeilds", "--what: there is no choice 'yeilds'; did you mean 'yi"),
        ("gof workspace.json --statistic KS", "--statistic: there is no choice 'KS'; did you mean 'ks'?"),
        ("fit workspace.json --fix mu 1", "--fix: expected NAME=VALUE with a number and without spaces"),
        (
            "limit workspace.json --cl 95",
            "expected a number between 0 and 1, got '95'; did you mean 0.95?",
        ),
        ("limit workspace.json --cl high", "--cl: expected a number, got 'high'"),
        ("scan workspace.json mu --points 1.5", "--points: expected a whole number, got '1.5'"),
        (
            "scan workspace.json mu --range 0,3",
            "expected a number, got '0,3'; separate numbers by spaces: 0 3",
        ),
        ("scan workspace.json mu --range 0 1 2", "--range: expected 2 numbers, from where to where"),
        ("scan workspace.json mu --range -1e-3 1", "'mu' = -0.001 is outside its bounds [0, 10]"),
        ("limit workspace.json --range -1 5 --statistic q", "outside the bounds of 'mu', [0, 10]"),
        ("toys workspace.json -n many", "-n/--toys: expected a number of toys, as 2000 or 1e5, got 'many'"),
        ("toys workspace.json -n 10.5", "-n/--toys: expected a number of toys, as 2000 or 1e5, got '10.5'"),
        ("gof workspace.json --toys -5", "--toys: expected a number of toys"),
        ("limit workspace.json --toys 100", "--toys is for tests by toys: add --method toys"),
        # Names in the file.
        ("fit workspace.json --poi mmu", "No parameter is named 'mmu'; did you mean 'mu'?"),
        ("fit workspace.json --fix MU=1", "No parameter is named 'MU'; did you mean 'mu'?"),
        ("scan workspace.json x", "No parameter is named 'x'; its variables are: mu, bkg_norm, mc_stat."),
        ("fit workspace.json --mass 125", "'--mass' is no option of a pyhf file, which takes --measurement"),
        # Files.
        ("fit worksapce.json", "No such file or directory; did you mean 'workspace.json'?"),
        ("fit nowhere.json", "nowhere.json: cannot be read: No such file or directory; check the path."),
        ("fit folder", "folder: cannot be read: Is a directory"),
        ("fit empty.json", "empty.json: the file is empty."),
        ("fit noise.dat", "noise.dat: not a text file"),
        ("fit table.csv", "table.csv: no pyhf workspace, no HS3 file (JSON), no datacard"),
        ("fit other.json", "other.json: workspace: 'channels' is missing"),
        (
            "fit shapes.root",
            "shapes.root: a ROOT file; smoothfit.read_histograms(path, naming, signals=...) and",
        ),
        ("fit workspace.json --json workspace.json", "is an input and would be overwritten"),
        ("fit workspace.json --plot workspace.json", "is an input and would be overwritten"),
        ("fit workspace.json --json folder", "it is a folder, not a file"),
        ("fit workspace.json --json nowhere/out.json", "there is no folder"),
        ("fit workspace.json --plot out.gif", "names no picture format: end it in one of"),
    ],
)
def test_one_line_with_the_cure(words, said, here, fails):
    assert said in fails(*words.split())


def test_an_empty_path_is_told_as_such(here, fails):
    assert "FILE: expected a path, got an empty one" in fails("fit", "")


def test_a_missing_package_names_its_extra(here, fails, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "--plot needs the package 'matplotlib': pip install 'smoothfit[plot]'" in fails(
        "fit", "workspace.json", "--plot", "out.png"
    )
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert "needs the package 'shtab': pip install 'smoothfit[completion]'" in fails("completion", "bash")


def test_without_arguments_there_is_short_help(capsys):
    assert main([]) == 0
    bare = capsys.readouterr().out
    assert main(["help"]) == 0
    assert capsys.readouterr().out == bare
    assert len(bare.splitlines()) < 45
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.strip() == bare.strip()


@pytest.mark.parametrize("name", commands_of(parser()))
def test_help_of_a_command(name, capsys):
    assert main(["help", name]) == 0
    shown = capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.strip() == shown.strip()
    assert shown.startswith(f"usage: smoothfit {name}")


def test_a_negative_number_with_an_exponent_is_a_number(here, capsys):
    content = workspace()
    for measurement in content["measurements"]:
        measurement["config"]["parameters"] = [{"name": "mu", "bounds": [[-5.0, 10.0]]}]
    (here / "signed.json").write_text(json.dumps(content))
    words = "scan signed.json mu --points 3 --range -1e-1 2 --json"
    assert main(words.split()) == 0
    assert "-0.1" in capsys.readouterr().out


# -- ROOT files --------------------------------------------------------------------------------------


def test_histograms_of_a_root_file(tmp_path, monkeypatch, capsys):
    pytest.importorskip("uproot")
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    naming = ["shapes.root", "--naming", "{process}_{systematic}{Up|Down}"]
    more = ["--signals", "sig", "--lnN", "lumi=1.02", "--mc-stat", "none", "--json"]
    assert main(["fit", *naming, *more]) == 0
    found = json.loads(capsys.readouterr().out)
    # The same by the reader in Python.
    from smoothfit import read_histograms

    model, obs = read_histograms(*naming[::2], signals=["sig"], lnN={"lumi": 1.02}, mc_stat="none")
    assert set(found["parameters"]) == set(model.parameters) == {"mu", "jes", "lumi"}
    assert found["parameters"]["mu"]["value"] == pytest.approx(model.fit(obs)["mu"].value, abs=1e-9)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--naming {process}_{systematic}{Up|Down} --signals sgi", "there is no 'sgi'; there are: sig, bkg"),
        ("--naming x_{process}_{systematic}{Up|Down}", "5 names cannot be read by 'x_{process}'"),
        ("--naming process", "naming: 'process' has no {process}; add it."),
        ("--signals sig", "a ROOT file; smoothfit.read_histograms(path, naming"),
        (
            "--naming {process}_{systematic}{Up|Down} --measurement m",
            "'--measurement' is no option of a",
        ),
        ("--naming {process}_{systematic}{Up|Down} --lnN a=1 a=2", "--lnN: 'a' is given twice"),
        ("--naming {process}_{systematic}{Up|Down} --data nothing", "there are no data in it"),
    ],
)
def test_wrong_calls_of_a_root_file(words, said, tmp_path, monkeypatch, fails):
    pytest.importorskip("uproot")
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    assert said in fails("fit", "shapes.root", *words.split())


def test_a_limit_without_a_signal_says_how_to_name_it(tmp_path, monkeypatch, fails):
    pytest.importorskip("uproot")
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    said = fails("limit", "shapes.root", "--naming", "{process}_{systematic}{Up|Down}")
    assert "no free parameter; of a ROOT file say with --signals" in said

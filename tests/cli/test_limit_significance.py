"""The commands of tests: limit and significance."""

from __future__ import annotations

import json

import pytest

from smoothfit import Model, Process, Variable, read_pyhf, save
from smoothfit.cli import main

PNG = b"\x89PNG"


@pytest.fixture
def answer(capsys):
    """The JSON that a command prints, which must succeed and say nothing else."""

    def run(*argv):
        assert main([*map(str, argv), "--json"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return json.loads(out)

    return run


def test_a_limit_is_that_of_the_model(file, answer):
    found = answer("limit", file)
    model, obs = read_pyhf(file)
    expected = model.upper_limit("mu", obs)
    assert found["observed"] == pytest.approx(expected.observed, rel=1e-9)
    assert found["expected"] == pytest.approx(expected.expected, rel=1e-9)
    assert found["status"] == "found"


def test_options_of_limits(file, answer):
    model, obs = read_pyhf(file)
    argv = ("--cl", "0.9", "--rule", "clsb", "--statistic", "q", "--range", "0", "8", "--fix", "bkg_norm=0.3")
    options = {"cl": 0.9, "rule": "clsb", "statistic": "q", "fixed": {"bkg_norm": 0.3}}
    expected = model.upper_limit("mu", obs, **options)
    assert answer("limit", file, *argv)["observed"] == pytest.approx(expected.observed, rel=1e-9)
    found = answer("limit", file, "--two-sided", "--cl", "0.68", "--poi", "bkg_norm")
    interval = model.two_sided_limit("bkg_norm", obs, cl=0.68)
    assert (found["lower"], found["upper"]) == pytest.approx((interval.lower, interval.upper), rel=1e-9)
    asimov = model.upper_limit("mu", model.pred(model.values_from_dict({})))
    assert answer("limit", file, "--asimov")["observed"] == pytest.approx(asimov.observed, rel=1e-9)


def test_a_limit_prints_a_table_and_a_picture(file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture, out = tmp_path / "limit.png", tmp_path / "limit.json"
    assert main(["limit", file, "--plot", str(picture), "--json", str(out)]) == 0
    printed, err = capsys.readouterr()
    assert err == ""
    assert printed.startswith("Upper limit on mu at 95% by CLs: qtilde, asymptotic")
    assert picture.read_bytes().startswith(PNG)
    assert len(json.loads(out.read_text())["points"]) >= 25


def test_a_limit_that_is_not_reached_ends_with_status_1(file, capsys):
    assert main(["limit", file, "--range", "0", "0.5"]) == 1
    out, err = capsys.readouterr()
    assert "not reached" in out
    assert err == "smoothfit: there is no limit on mu: not reached.\n"


def test_a_fit_that_fails_ends_with_status_1(flat, capsys):
    for command in ("limit", "significance"):
        assert main([command, flat]) == 1
        out, err = capsys.readouterr()
        assert "nan" in out
        assert err.startswith("smoothfit: there is no ")
        assert "did not converge" in err
        assert err.count("\n") == 1


def test_a_significance_is_that_of_the_model(file, answer):
    model, obs = read_pyhf(file)
    expected = model.significance("mu", obs, expected_signal=2.0)
    found = answer("significance", file, "--expected-signal", "2", "--uncapped")
    assert found["observed"] == pytest.approx(expected.observed, rel=1e-9)
    assert found["expected"][2] == pytest.approx(expected.expected[2], rel=1e-9)
    assert found["uncapped"] is True


def test_a_significance_prints_a_table_and_a_picture(file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "q0.png"
    assert main(["significance", file, "--plot", str(picture)]) == 0
    assert capsys.readouterr().out.startswith("Significance of mu against 0: ")
    assert picture.read_bytes().startswith(PNG)


def test_blinded_results_stay_hidden(file, capsys):
    model, obs = read_pyhf(file)
    limit, found = model.upper_limit("mu", obs), model.significance("mu", obs)
    for argv in (["limit"], ["limit", "--json"], ["significance"], ["significance", "--json"]):
        assert main([argv[0], file, "--blind", *argv[1:]]) == 0
        out = capsys.readouterr().out
        assert "blinded" in out
        for number in (limit.observed, limit.best, found.observed, found.p_value):
            assert f"{number:.4g}" not in out


def test_which_parameter(tmp_path, fails):
    a, b = Variable("a", 1.0), Variable("b", 1.0)
    model = Model().add_proc(Process("A", [9.0, 1.0]).scale_by(a))
    model = model.add_proc(Process("B", [1.0, 9.0]).scale_by(b)).prepare()
    model.poi = None
    path = tmp_path / "model.zip"
    save(model, path, obs=[11.0, 9.0])
    assert "names no parameter of interest: add --poi NAME; free parameters are: a, b" in fails("limit", path)
    assert main(["limit", str(path), "--poi", "b", "--range", "0", "20"]) == 0


def test_bad_arguments(file, fails):
    assert "No parameter is named 'nu'" in fails("limit", file, "--poi", "nu")
    assert "expected a number between 0 and 1, got '95'" in fails("limit", file, "--cl", "95")
    assert "there is no choice 'CLs'" in fails("limit", file, "--statistic", "CLs")
    assert "--toys is for tests by toys" in fails("limit", file, "--toys", "100")
    assert "'seed' is for method='toys'" in fails("significance", file, "--seed", "1")
    assert "lep has no asymptotic formula" in fails("limit", file, "--statistic", "lep")
    assert "range must be an interval" in fails("limit", file, "--range", "3", "2")
    assert "expected_signal must be above 0" in fails("significance", file, "--expected-signal", "-1")
    assert "no picture format" in fails("limit", file, "--plot", "limit.txt")

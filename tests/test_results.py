"""Records: access by name, tables, JSON, blinding."""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest

from smoothfit.constraints import Prefit
from smoothfit.errors import (
    InvalidValueError,
    MissingPackageError,
    OutputFileError,
    ShapeMismatchError,
    UnknownNameError,
)
from smoothfit.layout import ChannelInfo, Layout, ProcessInfo, VariableInfo
from smoothfit.results import (
    Direction,
    Estimate,
    FitResult,
    MinosBounds,
    ModelSummary,
    Pulls,
    Table,
    Yields,
    fit_message,
)
from smoothfit.status import Status

CHANNELS = (ChannelInfo("SR", 0, 2), ChannelInfo("CR", 2, 3, np.array([0.0, 50.0]), "mass", "GeV"))
PROCESSES = (ProcessInfo("sig", ("sig",), False, True), ProcessInfo("bkg", ("bkg",), False, False))


@pytest.fixture
def layout():
    """mu, an array variable of two, a nuisance; two bin parameters, one a channel."""
    fields = {field.name for field in dataclasses.fields(Layout)}
    given = {
        "variables": (
            VariableInfo("mu", (0,), ("mu",), True, False),
            VariableInfo("scale", (1, 2), ("scale_a", "scale_b"), False, False),
            VariableInfo("jes", (3,), ("jes",), True, True),
        ),
        "channels": CHANNELS,
        "processes": PROCESSES,
        "rows": (),
        "bin_parameters": ("bin_SR_1", "bin_CR_0"),
        "bin_parameter_bins": (1, 2),
        "bin_centre": np.zeros(2),
        "bin_widths": np.ones(2),
        "bin_counting": np.zeros(2, dtype=bool),
        "start": np.zeros(4),
        "lower": np.full(4, -np.inf),
        "upper": np.full(4, np.inf),
        "constrained": np.array([3]),
        "globs": np.zeros(3),
        "smallest_globs": np.full(1, -np.inf),
        "prefit": Prefit(np.array([np.nan, np.nan, np.nan, 0.0]), *np.array([[np.nan] * 3 + [1.0]] * 2)),
    }
    return Layout(**{name: value for name, value in given.items() if name in fields})


@pytest.fixture
def result(layout):
    covariance = np.array(
        [[0.25, 0.0, 0.02, 0.0], [0.0, 0.0, 0.0, 0.0], [0.02, 0.0, 0.04, 0.0], [0.0, 0.0, 0.0, 0.81]]
    )
    return FitResult(
        x=np.array([1.5, 1.0, 2.75, -0.3, 0.1, -0.2]),
        errors=np.array([0.5, 0.0, 0.2, 0.9, 0.95, 0.97]),
        fun=12.5,
        hess_inv=covariance,
        gradient=np.zeros(4),
        status=0,
        message="Converged in 5 steps, EDM 1e-18.",
        success=True,
        edm=1e-18,
        at_limit=np.array([False, False, True, False]),
        positive_definite=True,
        smallest_nu=3.0,
        steps=5,
        fitter="newton",
        obs=np.array([10.0, 12.0, 7.0]),
        globs=np.zeros(3),
        fixed=np.array([False, True, False, False, False, False]),
        layout=layout,
    )


@pytest.fixture
def yields():
    parts = {"sig": np.array([5.0, 1.0, 0.0]), "bkg": np.array([50.0, 40.0, 10.5])}
    return Yields(
        "pre-fit", CHANNELS, PROCESSES, parts, sum(parts.values()), np.ones(3), np.array([57.0, 38.0, 11.0])
    )


@pytest.fixture
def pulls():
    pull, error = np.array([0.5, -2.0, np.nan]), np.array([0.9, 0.5, np.nan])
    return Pulls(("jes", "lumi", "bad"), (None, r"\mathcal{L}", None), pull, error)


def test_estimates_by_name_and_sub_name(result):
    assert result["mu"] == Estimate(1.5, 0.5)
    assert result["scale_b"] == (2.75, 0.2)
    values, errors = result["scale"]
    assert values.tolist() == [1.0, 2.75]
    assert errors.tolist() == [0.0, 0.2]
    assert result["bin_CR_0"].value == -0.2
    with pytest.raises(UnknownNameError, match="nothing"):
        result["nothing"]


def test_correlation_is_zero_for_fixed_and_one_on_the_diagonal(result):
    expected = np.zeros((4, 4))
    expected[[0, 2, 3], [0, 2, 3]] = 1.0
    expected[0, 2] = expected[2, 0] = 0.02 / (0.5 * 0.2)
    np.testing.assert_allclose(result.correlation, expected)
    assert result.covariance is result.hess_inv
    assert result.bin_parameters.tolist() == [0.1, -0.2]


def test_correlation_without_a_covariance_is_nan(result):
    broken = dataclasses.replace(result, hess_inv=np.full((4, 4), np.nan))
    assert np.isnan(broken.correlation).all()
    negative = dataclasses.replace(result, hess_inv=-result.hess_inv)
    assert np.isnan(negative.correlation[0, 0])


def test_it_cannot_be_changed(result):
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.fun = 0.0


def test_the_table_of_a_fit(result):
    text = repr(result)
    assert text == str(result)
    lines = text.splitlines()
    assert lines[0].startswith("Converged in 5 steps")
    assert [line.split() for line in lines[5:9]] == [
        ["mu", "1.50", "±", "0.50"],
        ["scale_a", "1", "fixed"],
        ["scale_b", "2.75", "±", "0.20", "at", "limit"],
        ["jes", "-0.30", "±", "0.90"],
    ]
    assert "2 bin parameters" in lines[-1]
    assert "<td" in result._repr_html_()


def test_a_failed_fit_says_so_first(result):
    failed = dataclasses.replace(result, success=False, status=1, message="Not converged.")
    assert repr(failed).startswith("INVALID FIT (NOT_CONVERGED). Not converged.")
    assert failed.to_dict()["status_name"] == "NOT_CONVERGED"


def test_json_is_strict_and_complete(result, tmp_path):
    broken = dataclasses.replace(result, hess_inv=np.full((4, 4), np.nan), edm=np.inf)
    path = tmp_path / "out.json"
    text = broken.to_json(path)
    assert path.read_text() == text + "\n"

    def forbidden(constant):
        raise AssertionError(constant)

    content = json.loads(text, parse_constant=forbidden)
    assert content["covariance"][0] == [None] * 4
    assert content["edm"] is None
    assert content["obs"] == {"SR": [10.0, 12.0], "CR": [7.0]}
    assert content["parameters"]["mu"] == {"value": 1.5, "error": 0.5, "fixed": False, "at_limit": False}
    assert list(content["bin_parameters"]) == ["bin_SR_1", "bin_CR_0"]
    assert content["names"] == ["mu", "scale_a", "scale_b", "jes"]


def test_blinded_numbers_are_nowhere(result):
    hidden = dataclasses.replace(result, blinded=frozenset({"mu", "scale", "CR"}))
    for text in (repr(hidden), hidden._repr_html_(), hidden.to_json()):
        assert "blinded" in text
        assert "1.5" not in text
        assert "2.75" not in text
    content = hidden.to_dict()
    assert repr(hidden["mu"]) == repr(hidden["scale"]) == "Estimate(blinded)"
    assert hidden["mu"] == result["mu"]
    assert content["obs"] == {"SR": [10.0, 12.0], "CR": "blinded"}
    assert content["parameters"]["scale_b"]["at_limit"] == "blinded"
    assert content["smallest_nu"] == "blinded"
    assert content["parameters"]["jes"]["value"] == -0.3
    assert content["covariance"][3] == ["blinded"] * 3 + [0.81]
    assert content["bin_parameters"]["bin_CR_0"]["value"] == "blinded"
    assert content["bin_parameters"]["bin_SR_1"]["value"] == 0.1


@pytest.mark.parametrize("name", ["no/such/folder/out.json", "folder", ""])
def test_what_cannot_be_written_is_an_error_and_leaves_nothing(result, tmp_path, name):
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputFileError, match=r"cannot be written|empty"):
        result.to_json(tmp_path / name if name else "")
    assert sorted(tmp_path.rglob("*")) == before


def test_pandas_is_asked_for_by_name(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match="pandas"):
        result.to_pandas()


@pytest.mark.parametrize("record", ["result", "yields", "pulls"])
def test_pandas_frames(record, request):
    pytest.importorskip("pandas")
    frame = request.getfixturevalue(record).to_pandas()
    assert len(frame) == {"result": 6, "yields": 3, "pulls": 3}[record]


# -- messages --------------------------------------------------------------------------------------

FACTS = {"edm": 0.25, "smallest_nu": -0.5, "positive_definite": False, "steps": 100}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.CONVERGED, ["Converged in 100 steps", "EDM 0.25"]),
        (Status.NOT_CONVERGED, ["Not converged", "100 steps", "0.25", "not positive definite", "init="]),
        (Status.NOT_POSITIVE_DEFINITE, ["not positive definite", "no covariance"]),
        (Status.NOT_FINITE, ["not finite", "bound"]),
        (Status.ILLEGAL_EXPECTATION, ["negative", "-0.5 events"]),
        (Status.ON_KINK, ["on a kink", "in theta, which has no error"]),
    ],
)
def test_every_status_has_words(status, words):
    flat = [Direction(("a", "b"), np.array([0.6, -0.8]), 1e-13), Direction(("c",), np.ones(1), -0.1)]
    message = fit_message(status, at_limit_names=["mu"], flat_directions=flat, kinks=["theta"], **FACTS)
    assert all(word in message for word in words), message
    assert "mu sits at a limit" in message
    assert ("do not determine 0.6*a - 0.8*b:" in message) == (status != Status.CONVERGED)
    assert ("no minimum along c:" in message) == (status != Status.CONVERGED)
    assert "\n" not in message


def test_all_statuses_are_tested_above():
    assert len(Status) == 6


def test_a_long_list_of_names_is_cut():
    message = fit_message(0, at_limit_names=[f"p{i}" for i in range(10)], **FACTS)
    assert "p5 and 4 more sit at a limit" in message


def test_an_unknown_status_is_an_error():
    with pytest.raises(InvalidValueError, match="no fit status 99"):
        fit_message(99, **FACTS)


# -- the other records -----------------------------------------------------------------------------


def test_minos_bounds_unpack_into_four(result):
    bounds = MinosBounds(2.1, float("nan"), result, None, status_down="no crossing", name="mu", value=1.5)
    up, down, fit_up, fit_down = bounds
    assert (up, fit_up, fit_down, len(bounds)) == (2.1, result, None, 4)
    assert np.isnan(down)
    assert bounds[-2:] == (result, None)
    assert "1.50 +0.60 -nan" in repr(bounds)
    assert "no crossing" in repr(bounds)
    assert json.loads(bounds.to_json())["down"] is None
    hidden = dataclasses.replace(bounds, blinded=True)
    assert "2.1" not in repr(hidden)
    assert hidden.to_dict()["up"] == "blinded"
    assert hidden.to_dict()["status_down"] == "no crossing"
    at_limit = dataclasses.replace(hidden, status_down="at limit")
    assert "limit" not in repr(at_limit)
    assert "limit" not in at_limit.to_json()


def test_yields_by_channel(yields):
    rows = {line.split()[0]: line.split()[1:] for line in repr(yields).splitlines()[3:]}
    assert rows == {
        "sig": ["6", "0"],
        "bkg": ["90", "10.5"],
        "total": ["96", "10.5"],
        "data": ["95", "11"],
    }
    content = yields.to_dict()["channels"]["CR"]
    assert content["edges"] == [0.0, 50.0]
    assert content["processes"] == {"sig": [0.0], "bkg": [10.5]}
    with pytest.raises(UnknownNameError, match="SR, CR"):
        yields.channel("VR")


def test_yields_with_errors_of_the_sums_and_without_data(yields):
    shown = dataclasses.replace(yields, channel_error=np.array([4.0, 1.1]), obs=None)
    assert "96.0 ± 4.0" in repr(shown)
    assert "data" not in repr(shown)
    assert shown.to_dict()["channels"]["SR"]["obs"] is None


def test_blinded_channels_hide_their_data(yields):
    hidden = dataclasses.replace(yields, blinded=frozenset({"SR"}))
    assert hidden.data(CHANNELS[0]) is None
    assert repr(hidden).splitlines()[-1].split() == ["data", "blinded", "11"]
    assert "57" not in hidden.to_json()


def test_a_pull_by_name(pulls):
    assert pulls["lumi"] == (pulls.pull[1], pulls.error[1])
    with pytest.raises(UnknownNameError, match="no pull of 'mu'; there are: jes, lumi, bad"):
        pulls["mu"]
    with pytest.raises(TypeError):
        iter(pulls)


def test_the_largest_pulls_come_first_and_nan_last(pulls):
    assert pulls.largest().names == ("lumi", "jes", "bad")
    assert pulls.largest(1).labels == (r"\mathcal{L}",)
    assert pulls.to_dict()["pulls"]["jes"] == {"pull": 0.5, "error": 0.9, "label": None, "group": None}
    with pytest.raises(ShapeMismatchError, match="2 names"):
        Pulls(("a", "b"), (None,), np.zeros(2), np.zeros(2))


def test_no_pulls_at_all():
    empty = Pulls((), (), np.zeros(0), np.zeros(0))
    assert repr(empty).startswith("nuisance")
    assert len(empty.largest(3)) == 0


def test_summary(tmp_path):
    summary = ModelSummary("a model", [Table("Counts", ["what", "n"], [["bins", 3], ["parameters", 4]])])
    assert summary.tables[0].rows == (("bins", 3), ("parameters", 4))
    assert repr(summary).splitlines()[:3] == ["a model", "", "Counts"]
    assert json.loads(summary.to_json())["tables"][0]["rows"] == [["bins", 3], ["parameters", 4]]
    with pytest.raises(ShapeMismatchError, match="2 columns"):
        Table("Counts", ["what", "n"], [["bins"]])

"""What tables of results say: numbers against numpy, and errors that name the call that helps."""

from __future__ import annotations

import csv
import dataclasses
import io

import numpy as np
import pytest
from record_examples import failed_fit, fit, impacts, yields
from scipy import stats

from smoothfit import ChannelContrib, Model, Process, Variable
from smoothfit.errors import InvalidTypeError, InvalidValueError, UnknownNameError
from smoothfit.render import Measured, Rounded
from smoothfit.results import ChosenCovariance, MinosBounds
from smoothfit.results.yields import poisson_interval


def column(table, name):
    at = [getattr(c, "name", c) for c in table.columns].index(name)
    return [row[at] for row in table.rows]


def names(table):
    return [getattr(row[0], "name", row[0]) for row in table.rows]


# -- fits --------------------------------------------------------------------------------------------------


def test_parameters_by_name_variable_position_and_all():
    found = fit()
    assert names(found.table()) == list(found.layout.parameters)
    assert names(found.table(["jes", "mu"])) == ["jes", "mu"]
    assert names(found.table("gamma")) == ["gamma[0]", "gamma[1]"]
    assert names(found.table([2, "held"])) == ["theta_1", "held"]
    assert names(found.table(range(2))) == ["mu", "held"]
    with pytest.raises(UnknownNameError, match="No parameter is named 'nothing'"):
        found.table(["nothing"])


def test_values_errors_limits_and_remarks():
    found = fit()
    table = found.table()
    values = column(table, "value")
    for i, cell in enumerate(values):
        assert cell.value == found.x[i]
        assert isinstance(cell, Rounded) if found.fixed[i] else cell.error == found.errors[i]
    assert [c if c is None else c.value for c in column(table, "lower")] == [0.0, *[None] * 3, 1e-9, 1e-9]
    assert [c if c is None else c.value for c in column(table, "upper")] == [10.0, *[None] * 5]
    assert column(table, "remark") == ["at limit", "fixed", "", "", "", ""]


def test_columns_that_would_be_empty_are_left_out():
    assert [*fit().table(["theta_1", "jes"]).columns] == ["parameter", "value"]


def test_minos_errors_take_the_place_of_others():
    found = fit()
    bounds = MinosBounds(1.5, -0.25, None, None, name="jes", value=0.5, status_down="at limit")
    table = found.table(["jes", "theta_1"], minos=bounds)
    assert column(table, "value") == [Measured(0.5, 1.0, 0.75), Measured(-0.25, 0.9)]
    assert column(table, "remark") == ["down at limit", ""]
    heading, *rows = csv.reader(io.StringIO(table.to_csv()))
    assert heading == ["parameter", "value", "value error up", "value error down", "remark"]
    assert rows[0] == ["jes", "0.5", "1.0", "0.75", "down at limit"]
    assert rows[1] == ["theta_1", "-0.25", "0.9", "0.9", ""]


def test_minos_of_another_fit_and_what_is_none():
    other = MinosBounds(1.5, -0.25, None, None, name="jes", value=0.75)
    with pytest.raises(
        InvalidValueError, match=r"'jes' are not of this fit; make them with model.minos_bounds"
    ):
        fit().table(minos=[other])
    for wrong in ("jes", [1.0], 3):
        with pytest.raises(InvalidTypeError, match=r"results of model\.minos_bounds"):
            fit().table(minos=wrong)


def test_a_blinded_value_is_hidden_with_minos_too():
    hidden = dataclasses.replace(fit(), blinded=frozenset({"jes"}))
    bounds = MinosBounds(1.5, -0.25, None, None, name="jes", value=0.5, blinded=True)
    assert column(hidden.table("jes", minos=bounds), "value") == ["blinded"]


def test_correlations_against_numpy():
    found = fit()
    rng = np.random.default_rng(1)
    root = rng.normal(size=(6, 6))
    found = dataclasses.replace(found, hess_inv=root @ root.T)
    sigma = np.sqrt(np.diag(found.hess_inv))
    table = found.correlation_table(["jes", "mu", "gamma"])
    at = [3, 0, 4, 5]
    shown = np.array([[cell.value for cell in row[1:]] for row in table.rows])
    np.testing.assert_allclose(shown, (found.hess_inv / np.outer(sigma, sigma))[np.ix_(at, at)], rtol=1e-14)
    assert names(table) == list(table.columns[1:])
    assert column(found.correlation_table(), "mu")[0] == "1.000"


def test_correlations_that_are_not_known_say_what_helps():
    large = dataclasses.replace(
        fit(),
        hess_inv=np.broadcast_to(np.nan, (6, 6)),
        chosen=ChosenCovariance(np.array([0, 3]), np.array([[0.25, 0.1], [0.1, 1.0]])),
    )
    assert column(large.correlation_table(["mu", "jes"]), "jes")[0].value == pytest.approx(0.2)
    with pytest.raises(InvalidValueError, match=r"'theta_1' is not known; name it in fit\(errors_of="):
        large.correlation_table(["mu", "theta_1"])
    with pytest.raises(InvalidValueError, match="bin parameters have none"):
        fit().correlation_table(["mu", fit().layout.bin_parameters[0]])
    nan = dataclasses.replace(failed_fit(), hess_inv=np.full((6, 6), np.nan))
    with pytest.raises(InvalidValueError, match="the covariance is not known; this fit found no minimum"):
        nan.correlation_table()
    with pytest.raises(InvalidValueError, match=r"fit\(errors_of="):
        dataclasses.replace(nan, success=True).correlation_table()


def test_the_badge_says_how_good_a_fit_is():
    assert "valid fit, see below" in fit()._repr_html_()
    assert "invalid fit: NOT_CONVERGED" in failed_fit()._repr_html_()
    inside = dataclasses.replace(fit(), at_limit=np.zeros(6, dtype=bool))
    assert '<span class="badge good">valid fit</span>' in inside._repr_html_()
    # Whether what is hidden sits at its limit would tell its value.
    assert 'good">valid fit<' in dataclasses.replace(fit(), blinded=frozenset({"mu"}))._repr_html_()


# -- yields ------------------------------------------------------------------------------------------------


def test_sums_of_yields_before_and_after_a_fit():
    mu, norm = Variable("mu", 1.0), Variable("norm", 0.0, nuisance=True)
    sig = Process("sig", [5.0, 2.0], channel="A").scale_by(mu)
    bkg = Process("bkg", [50.0, 30.0], channel="A").add_lnN(norm, 1.1)
    sig.add_contrib(ChannelContrib("B", [1.0]))
    bkg.add_contrib(ChannelContrib("B", [9.0]))
    model = Model().add_proc(sig).add_proc(bkg).prepare()
    obs = np.array([57.0, 33.0, 10.0])
    before, after = model.yields({}, obs), model.yields({"mu": 2.0, "norm": 1.0}, obs, title="shifted")
    table = before.table(beside=after, data_errors=True)
    assert [*table.columns] == ["process", "A, pre-fit", "A, shifted", "B, pre-fit", "B, shifted"]
    assert names(table) == ["sig", "bkg", "total", "data"]
    expected = {"A, pre-fit": [7, 80, 87], "A, shifted": [14, 88, 102], "B, pre-fit": [1, 9, 10]}
    expected["B, shifted"] = [2, 9.9, 11.9]
    for name, sums in expected.items():
        np.testing.assert_allclose([cell.value for cell in column(table, name)[:3]], sums, rtol=1e-12)
    # The width of a log-normal, linearised: log(1.1) of the yield.
    assert column(table, "A, pre-fit")[1].error == pytest.approx(80 * np.log(1.1), rel=1e-9)
    data = column(table, "A, shifted")[3]
    assert data.value == 90.0
    # Garwood: quantiles of chi2.
    assert data.error == pytest.approx(stats.chi2.ppf(0.8413447460685429, 2 * 91) / 2 - 90, rel=1e-12)
    assert data.down == pytest.approx(90 - stats.chi2.ppf(0.15865525393145707, 2 * 90) / 2, rel=1e-12)


def test_an_empty_count_has_an_error_to_one_side():
    down, up = poisson_interval(0.0)
    assert down == 0.0
    assert up == pytest.approx(-np.log(0.15865525393145707), rel=1e-12)


def test_some_channels_and_what_does_not_fit():
    found = yields()
    assert [*found.table("CR_1").columns] == ["process", "CR_1"]
    assert column(found.table(["CR_1", "SR"]), "CR_1") == column(found.table(), "CR_1")
    with pytest.raises(UnknownNameError, match="no channel 'nothing'"):
        found.table("nothing")
    with pytest.raises(
        InvalidTypeError, match=r"beside are Yields, as model.yields\(best_fit\); got FitResult"
    ):
        found.table(beside=fit())
    other = dataclasses.replace(found, channels=found.channels[:1])
    with pytest.raises(InvalidValueError, match="beside has channels SR, expected SR, CR_1"):
        found.table(beside=other)


def test_blinded_data_are_hidden_side_by_side():
    hidden = dataclasses.replace(yields(), blinded=frozenset({"SR"}))
    table = hidden.table(beside=yields("other"), data_errors=True)
    assert column(table, "SR, post-fit")[-1] == "blinded"
    assert column(table, "CR_1, post-fit")[-1].value == 1003.0


# -- rankings ----------------------------------------------------------------------------------------------


def test_rankings_are_sorted_and_cut():
    found = impacts()
    table = found.table("mu", count=2)
    assert names(table) == ["jes_1", "lumi"]
    assert "1 more" in table.note
    assert names(found.table()) == ["jes_1", "lumi", "stuck"]
    sizes = [
        max(abs(cell.value) for cell in row[2:] if isinstance(cell, Rounded)) for row in found.table().rows
    ]
    assert sizes == sorted(sizes, reverse=True)
    heading, first, *_ = csv.reader(io.StringIO(found.table("mu").to_csv()))
    assert heading == ["nuisance", "pull", "pull error up", "pull error down", "up", "down", "down remark"]
    assert first == ["jes_1", "-0.5", "0.98", "0.97", "-0.25", "0.2", "at limit"]

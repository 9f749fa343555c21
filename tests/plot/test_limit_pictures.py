"""Pictures of limits and tests: what is drawn is what the records say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smoothfit import Model, Process, Variable, plot
from smoothfit.errors import InvalidTypeError, InvalidValueError, ShapeMismatchError

pytest.importorskip("matplotlib")

OBS = [51.0, 42.0]


def make():
    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0, label=r"\mu_{S}")
    model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    return model.add_proc(Process("bkg", [50.0, 40.0])).prepare()


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture(scope="module")
def limit(model):
    return model.upper_limit("mu", OBS, points=12)


@pytest.fixture(scope="module")
def tested(model):
    return model.hypotest("mu", 1.0, OBS)


def texts(figure):
    named = [t.get_text() for legend in figure.legends for t in legend.get_texts()]
    return [*(t.get_text() for t in figure.axes[0].texts), *named]


def test_curves(limit):
    figure = plot.limit(limit)
    axes = figure.axes[0]
    assert axes.get_xlabel() == r"$\mu_{S}$"
    assert f"observed: {limit.observed:.4g}" in texts(figure)
    assert f"expected: {limit.expected[2]:.4g}" in texts(figure)
    observed = next(line for line in axes.lines if str(line.get_label()).startswith("observed"))
    x, p = observed.get_data()
    # The curve goes through what was tested, and crosses the level where the limit is.
    points = limit.points[np.isfinite(limit.p_values)]
    at = np.interp(points, x, p)
    np.testing.assert_allclose(at, limit.p_values[np.isfinite(limit.p_values)], rtol=0.02)
    assert np.interp(0.05, p[::-1], x[::-1]) == pytest.approx(limit.observed, rel=1e-3)
    bands = [c.get_paths()[0].get_extents() for c in axes.collections]
    assert len(bands) == 2
    assert bands[0].y1 >= bands[1].y1


def test_a_limit_that_is_not_there(model):
    found = model.upper_limit("mu", OBS, range=(0.0, 0.5))
    assert "observed: not reached" in texts(plot.limit(found))


def test_other_quantiles_are_named_by_their_content(model):
    found = model.upper_limit("mu", OBS, quantiles=[0.1, 0.7])
    assert "expected 60%" in texts(plot.limit(found))


def test_intervals(model):
    found = model.two_sided_limit("mu", [71.0, 48.0], points=9)
    figure = plot.limit(found)
    assert f"observed: {found.lower:.4g} to {found.upper:.4g}" in texts(figure)


def test_limits_side_by_side(limit):
    other = dataclasses.replace(limit, observed=np.nan, status="not reached")
    figure = plot.limit([limit, other, limit], at=[130, 120, 140], label="mass [GeV]")
    axes = figure.axes[0]
    assert axes.get_xlabel() == "mass [GeV]"
    assert axes.get_ylabel() == r"95% upper limit on $\mu_{S}$"
    observed = next(line for line in axes.lines if line.get_label() == "observed")
    assert observed.get_xdata().tolist() == [120.0, 130.0, 140.0]
    np.testing.assert_array_equal(observed.get_ydata(), [np.nan, limit.observed, limit.observed])
    assert "1 without an observed limit" in texts(figure)
    extents = [c.get_paths()[0].get_extents() for c in axes.collections]
    assert extents[0].y0 == pytest.approx(limit.expected[0])
    assert extents[0].y1 == pytest.approx(limit.expected[-1])
    assert extents[1].y1 == pytest.approx(limit.expected[3])


def test_named_limits_side_by_side(limit):
    axes = plot.limit([limit, limit], at=["A", "B"]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "B"]
    assert axes.patches[0].get_x() == pytest.approx(limit.expected[0])
    assert axes.patches[0].get_width() == pytest.approx(limit.expected[-1] - limit.expected[0])
    observed = next(line for line in axes.lines if line.get_label() == "observed")
    np.testing.assert_array_equal(observed.get_data(), [[limit.observed] * 2, [0.0, 1.0]])
    assert len(plot.limit([limit]).axes) == 1


def test_a_test_and_its_formulae(tested):
    figure = plot.hypotest(tested)
    axes = figure.axes[0]
    assert axes.get_xlabel() == r"qtilde of $\mu_{S}$ = 1"
    assert f"observed: {tested.q:.4g}" in texts(figure)
    # What is drawn above the observed value is the p-value: probabilities a bin.
    for patch, p in zip(axes.patches, (tested.clsb, tested.clb), strict=True):
        values, edges, _ = patch.get_data()
        above = np.interp(tested.q, edges, np.append(np.cumsum(values[::-1])[::-1], 0.0))
        below_range = 1.0 - values.sum()
        assert above + below_range == pytest.approx(p, abs=2e-3)


def test_toys_are_drawn(tested):
    rng = np.random.default_rng(5)
    toys = {"toys_null": rng.chisquare(1, 500), "toys_alt": np.append(rng.chisquare(3, 499), np.nan)}
    figure = plot.hypotest(dataclasses.replace(tested, method="toys", **toys))
    assert "mu = 1, 500 toys" in texts(figure)
    assert "mu = 0, 499 toys" in texts(figure)
    drawn = figure.axes[0].patches[0].get_data()[0]
    assert drawn.sum() == pytest.approx(1.0)
    # Ratios may be negative, and have no formula.
    ratio = dataclasses.replace(tested, statistic="lep", q_asimov=np.nan, toys_null=rng.normal(-3.0, 1.0, 99))
    axes = plot.hypotest(ratio).axes[0]
    assert axes.get_xlim()[0] < -3.0
    assert len(axes.patches) == 1


def test_blinded_pictures_have_no_numbers():
    model = make().blind(pois="mu")
    limit, tested = model.upper_limit("mu", OBS), model.hypotest("mu", 1.0, OBS)
    for figure in (plot.limit(limit), plot.limit([limit]), plot.hypotest(tested)):
        assert texts(figure) == ["blinded"]
        assert not figure.axes[0].lines
        assert not len(figure.axes[0].get_yticks())


def test_what_cannot_be_drawn(limit, tested, model):
    with pytest.raises(InvalidTypeError, match=r"plot.limit draws a Limit record, got HypotestResult"):
        plot.limit(tested)
    with pytest.raises(InvalidTypeError, match=r"plot.hypotest draws a HypotestResult record, got Limit"):
        plot.hypotest(limit)
    with pytest.raises(InvalidTypeError, match="got int"):
        plot.limit([limit, 3])
    with pytest.raises(InvalidValueError, match="the list of limits is empty"):
        plot.limit([])
    with pytest.raises(InvalidValueError, match="at, label and theory are for a list"):
        plot.limit(limit, at=[1])
    with pytest.raises(ShapeMismatchError, match="1 limits, at has 2 entries"):
        plot.limit([limit], at=[1, 2])
    with pytest.raises(InvalidValueError, match="need one cl"):
        plot.limit([limit, model.upper_limit("mu", OBS, cl=0.9)])

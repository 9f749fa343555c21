"""Pictures of goodness of fit: what is drawn, and what must not be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smoothfit import plot
from smoothfit.errors import InvalidTypeError, UnknownNameError
from smoothfit.results import ChannelCompatibility, GoodnessOfFit, ToyCounts

pytest.importorskip("matplotlib")

TOYS = np.random.default_rng(1).chisquare(3, (400, 2))
TOYS[7] = np.nan


@pytest.fixture(scope="module")
def record():
    fits = ToyCounts("frequentist", 1, 400, 400, 1, {"NOT_CONVERGED": 1})
    total = TOYS.sum(axis=1)
    return GoodnessOfFit("saturated", 9.0, total, ("S_$R", "CR"), np.array([6.0, 2.5]), TOYS, 0.5, 6, fits)


def compatibility(**others):
    toys = np.random.default_rng(2).chisquare(1, 300)
    fits = ToyCounts("frequentist", 1, 300, 600)
    values, errors = np.array([0.8, 1.6]), np.array([0.3, 0.4])
    known = ChannelCompatibility(
        "mu", ("a", "b"), (("a",), ("b",)), values, errors, 1.1, 0.25, 2.5, 1, toys, fits, label=r"\mu"
    )
    return dataclasses.replace(known, **others)


def heights(axes, colour):
    return sum(
        p.get_height()
        for p in axes.patches
        if "#{:02x}{:02x}{:02x}".format(*(round(255 * c) for c in p.get_facecolor()[:3])) == colour
    )


def texts(figure):
    found = []
    for axes in figure.axes:
        legend = axes.get_legend()
        found += [t.get_text() for t in (legend.get_texts() if legend else [])]
        found += [t.get_text() for t in axes.texts] + [axes.get_title(loc="left"), axes.get_xlabel()]
    found += [t.get_text() for legend in figure.legends for t in legend.get_texts()]
    return " ".join(found)


def test_toys_and_their_tail_are_drawn(record):
    figure = plot.gof(record)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["", r"S_\$R", "CR"]
    total = TOYS.sum(axis=1)
    known = total[np.isfinite(total)]
    whole = figure.axes[0]
    # All toys but those beyond the end of the axis, and those in the tail.
    end = whole.get_xlim()[1]
    assert heights(whole, "#b9cfe4") == np.sum(known <= end) >= 0.99 * len(known)
    assert heights(whole, "#3f90da") == np.sum((known >= 9.0) & (known <= end))
    (curve, line) = whole.get_lines()
    assert line.get_xdata()[0] == 9.0
    width = whole.patches[0].get_width()
    # chi2 of six degrees of freedom: x^2 exp(-x/2)/16
    x, y = curve.get_data()
    np.testing.assert_allclose(y, len(known) * width * x**2 * np.exp(-x / 2.0) / 16.0, rtol=1e-9)
    shown = texts(figure)
    assert "399 toys (1 without a value)" in shown
    assert f"p = {record.p_value:.3f} ± {record.p_value_error:.3f}" in shown
    assert "data: 9" in shown


def test_channels_are_chosen(record):
    assert [axes.get_title(loc="left") for axes in plot.gof(record, channels=["CR"]).axes] == ["", "CR"]
    with pytest.raises(UnknownNameError, match=r"no channel 'X' in this test; there are: S_\$R, CR"):
        plot.gof(record, channels=["X"])


def test_without_toys_it_is_the_tail_of_chi2(record):
    asymptotic = dataclasses.replace(record, toys=np.zeros(0), channel_toys=np.zeros((0, 2)), fits=None)
    figure = plot.gof(asymptotic)
    assert len(figure.axes) == 1
    assert f"p = {asymptotic.p_value:.3g}" in texts(figure)
    (tail,) = figure.axes[0].collections
    assert tail.get_paths()[0].vertices[:, 0].min() == pytest.approx(9.0, abs=0.1)


def test_what_is_blinded_is_not_drawn(record):
    figure = plot.gof(dataclasses.replace(record, hidden=np.array([True, False])))
    whole, hidden, seen = figure.axes
    for axes in (whole, hidden):
        assert not axes.patches
        assert [t.get_text() for t in axes.texts] == ["blinded"]
    assert seen.patches
    figure = plot.gof(compatibility(hidden=np.array([True, True])))
    assert not figure.axes[0].lines
    assert "1.1" not in texts(figure)


def test_groups_of_channels_and_the_one_for_all():
    figure = plot.gof(compatibility())
    left, right = figure.axes
    assert [t.get_text() for t in left.get_yticklabels()] == ["a", "b"]
    assert left.get_xlabel() == r"$\mu$"
    points = [line.get_data() for line in left.get_lines() if line.get_marker() == "o"]
    assert [(float(x[0]), float(y[0])) for x, y in points] == [(0.8, 0.0), (1.6, 1.0)]
    assert "all: 1.10 +0.25 -0.25" in texts(figure)
    assert heights(right, "#3f90da") > 0
    bounds = np.array([[1.2, 2.1, 1.4], [0.5, 1.3, 0.9]])
    assert "all: 1.10 +0.30 -0.20" in texts(plot.gof(compatibility(bounds=bounds)))
    assert "all: 1.1 (held)" in texts(plot.gof(compatibility(joint_error=0.0)))


def test_other_records_are_refused(record):
    with pytest.raises(InvalidTypeError, match=r"got dict; give it model\.goodness_of_fit"):
        plot.gof({})
    with pytest.raises(InvalidTypeError, match="channels are those of a goodness of fit"):
        plot.gof(compatibility(), channels=["a"])

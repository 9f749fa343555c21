"""Pictures of impacts and of breakdowns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smoothfit import plot
from smoothfit.errors import InvalidTypeError, UnknownNameError
from smoothfit.results import Breakdown, Impacts, Pulls

UP = np.array([[0.1, 0.3], [-0.4, 0.1], [0.2, np.nan]])
DOWN = np.array([[-0.15, 0.2], [0.35, -0.1], [-0.2, -0.1]])


def make_impacts():
    ones = np.ones(3)
    return Impacts(
        kind="traditional",
        bounds="minos",
        pois=("mu", "norm"),
        labels=(r"\mu", None),
        values=np.array([1.0, 2.0]),
        errors=np.array([0.5, 0.25]),
        names=("lumi", "jes", "free"),
        nuisance_labels=(None, r"\mathrm{JES}", None),
        bound_up=ones,
        bound_down=-ones,
        up=UP,
        down=DOWN,
        status_up=("converged", "at limit", "not converged"),
        status_down=("converged",) * 3,
        pull=np.array([0.2, -0.5, np.nan]),
        error_up=np.array([0.9, 0.6, np.nan]),
        error_down=np.array([0.8, 0.7, np.nan]),
        hidden=np.array([False, False]),
    )


def make_breakdown():
    shares = np.array([[0.16], [0.1], [-0.01]])
    names = ("data", "lumi", "jes")
    return Breakdown(
        "hessian", ("mu",), (r"\mu",), np.ones(1), np.array([0.25]), names, shares, np.array([False])
    )


def draw(figure):
    figure.canvas.draw()
    return figure


def widths(axes):
    return sorted(patch.get_width() for patch in axes.patches if patch.get_height() < 0.9)


def test_bars_are_the_shifts_and_points_the_pulls():
    left, right = draw(plot.impacts(make_impacts())).axes
    labels = [text.get_text() for text in left.get_yticklabels()]
    assert labels == [r"$\mathrm{JES}$", "free", "lumi"]  # by the size of their impacts
    np.testing.assert_allclose(widths(right), sorted([*UP[:, 0], *DOWN[:, 0]]))
    np.testing.assert_allclose(left.containers[0].lines[0].get_xdata(), [-0.5, np.nan, 0.2])
    segments = left.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose(segments[0][:, 0], [-0.5 - 0.7, -0.5 + 0.6])
    assert "free" in [text.get_text() for text in left.texts]
    # The side that ended at a limit is an empty bar.
    empty = [patch for patch in right.patches if patch.get_facecolor()[3] == 0.0]
    assert [patch.get_width() for patch in empty] == [UP[1, 0]]


def test_a_side_that_failed_is_a_cross():
    right = draw(plot.impacts(make_impacts(), poi="norm")).axes[1]
    crosses = [line for line in right.lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert [line.get_ydata().tolist() for line in crosses] == [[2]]  # that of "free"
    assert len(widths(right)) == 5


def test_pages():
    figure = draw(plot.impacts(make_impacts(), n=2, page=2))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["lumi"]
    assert "page 2 of 2" in figure.legends[0].get_title().get_text()


def test_a_power_of_ten_does_not_stand_on_the_name_of_the_axis():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    record = dataclasses.replace(make_impacts(), up=1e-5 * UP, down=1e-5 * DOWN)
    figure = plot.impacts(record)
    FigureCanvasAgg(figure).draw()
    axis = figure.axes[1].xaxis
    power, name = axis.get_offset_text(), axis.label
    assert "10" in power.get_text()
    assert not power.get_window_extent().overlaps(name.get_window_extent())


def test_a_breakdown_is_in_percent():
    axes = draw(plot.breakdown(make_breakdown())).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["data", "lumi", "jes", "sum"]
    np.testing.assert_allclose([patch.get_width() for patch in axes.patches], [64.0, 40.0, -4.0, 100.0])
    few = draw(plot.breakdown(make_breakdown(), n=1)).axes[0]
    assert [text.get_text() for text in few.get_yticklabels()] == ["data", "2 others", "sum"]
    np.testing.assert_allclose([patch.get_width() for patch in few.patches], [64.0, 36.0, 100.0])


def test_blinded_quantities_are_not_drawn():
    hidden = dataclasses.replace(make_impacts(), hidden=np.array([True, False]))
    figure = draw(plot.impacts(hidden))
    assert widths(figure.axes[1]) == []
    assert "blinded" in figure.legends[0].get_title().get_text()
    assert "1.0" not in figure.legends[0].get_title().get_text()
    record = dataclasses.replace(make_breakdown(), hidden=np.array([True]))
    axes = draw(plot.breakdown(record)).axes[0]
    assert len(axes.patches) == 0
    assert "blinded" in axes.get_title(loc="left")


def test_asymmetric_pulls():
    up, down = np.array([0.5, np.nan]), np.array([0.7, 0.9])
    record = Pulls(("a", "b"), (None, None), np.zeros(2), np.ones(2), (), up, down, ("converged",) * 2,
                   ("converged", "not found"))  # fmt: skip
    segments = draw(plot.pulls(record)).axes[0].containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([segment[:, 0] for segment in segments], [[-0.7, 0.5], [-0.9, 0.0]])


@pytest.mark.parametrize("picture", [plot.impacts, plot.breakdown])
def test_a_picture_of_something_else(picture):
    with pytest.raises(InvalidTypeError, match=rf"plot\.{picture.__name__} draws"):
        picture(Pulls((), (), np.zeros(0), np.zeros(0)))


def test_a_quantity_that_is_not_there():
    for picture, record in ((plot.impacts, make_impacts()), (plot.breakdown, make_breakdown())):
        with pytest.raises(UnknownNameError, match="mu_7"):
            picture(record, poi="mu_7")

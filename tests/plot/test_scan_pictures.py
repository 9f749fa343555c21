"""Pictures of scans, contours and correlations: what is drawn, and what must not be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smoothfit import plot
from smoothfit.errors import InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
from smoothfit.model import Model, Process, Variable
from smoothfit.results import Contour, Contours, Scan

pytest.importorskip("matplotlib")

POINTS = np.linspace(-2.0, 4.0, 13)


@pytest.fixture(scope="module")
def fit():
    """a with a label and a unit, b held, c, and two nuisances."""
    a = Variable("a", 1.0, label=r"\alpha", unit="GeV")
    b, c = Variable("b", 1.0), Variable("c", 1.0)
    model = Model().add_proc(Process("p", [50.0, 10.0, 1.0]).scale_by(a).scale_by(b))
    model.add_proc(Process("q", [100.0, 400.0, 90.0]).scale_by(c).add_lnN(nuisance("lumi"), 1.1))
    model.add_proc(Process("r", [20.0, 30.0, 90.0]).add_lnN(nuisance("theta"), 1.05))
    return model.prepare().fit([171.0, 440.0, 185.0], fixed={"b": 1.0})


def nuisance(name):
    return Variable(name, 0.0, nuisance=True)


@pytest.fixture(scope="module")
def curve(fit):
    """A parabola around 1 of width 0.5, by hand."""
    rise = 0.5 * ((POINTS - 1.0) / 0.5) ** 2
    return make_scan(fit, ("a",), POINTS, rise, best=[1.0])


def make_scan(fit, names, points, rise, best, axes=None, **others):
    count = len(rise)
    return Scan(
        names=names,
        points=points,
        delta_nll=rise,
        status=np.where(np.isfinite(rise), 0, 1),
        edm=np.zeros(count),
        x=np.zeros((count, len(fit.x))),
        best=np.array(best),
        errors=np.ones(len(names)),
        layout=fit.layout,
        axes=axes,
        **others,
    )


@pytest.fixture(scope="module")
def grid(fit):
    """A paraboloid, by hand."""
    a, b = np.linspace(-2.0, 4.0, 13), np.linspace(-1.0, 3.0, 9)
    x, y = np.meshgrid(a, b, indexing="ij")
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    rise = 0.5 * np.sum((points - 1.0) ** 2, axis=1)
    return make_scan(fit, ("a", "c"), points, rise, [1.0, 1.0], axes=(a, b))


@pytest.fixture(scope="module")
def circle(fit):
    return make_contour(fit, ("a", "c"))


def make_contour(fit, names):
    angle = np.linspace(0.0, 2.0 * np.pi, 17)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = 1.0 + np.array([1.51, 2.45])[:, None, None] * unit
    return Contour(
        names=names,
        levels=(0.68, 0.95),
        points=points,
        status=np.zeros((2, 17), dtype=int),
        x=np.zeros((2, 17, len(fit.x))),
        best=np.ones(2),
        layout=fit.layout,
    )


def draw(figure):
    figure.draw_without_rendering()
    return figure


def legend(axes):
    return [text.get_text() for text in axes.figure.legends[0].get_texts()]


def texts(figure):
    """All that can be read in a figure, once drawn."""
    import matplotlib.text

    return " ".join(t.get_text() for t in draw(figure).findobj(matplotlib.text.Text) if t.get_visible())


def test_a_curve_is_twice_the_rise(curve):
    axes = draw(plot.scan(curve)).axes[0]
    line = axes.lines[0]
    np.testing.assert_array_equal(line.get_xdata(), POINTS)
    np.testing.assert_allclose(line.get_ydata(), ((POINTS - 1.0) / 0.5) ** 2)
    assert axes.get_xlabel() == r"$\alpha$ [GeV]"
    # One standard deviation and 95% of one parameter: 1 and 1.959964^2.
    heights = [line.get_ydata()[0] for line in axes.lines[1:3]]
    np.testing.assert_allclose(heights, [1.0, 3.841459], rtol=1e-6)
    assert legend(axes) == ["profiled: 1.00 +0.50 -0.50"]


def test_curves_in_one_picture(curve):
    held = dataclasses.replace(curve, delta_nll=2.0 * curve.delta_nll, stat_only=True)
    axes = draw(plot.scan(curve, held)).axes[0]
    assert [text.split(":")[0] for text in legend(axes)] == ["profiled", "nuisances held"]
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
    assert legend(draw(plot.scan(curve, held, labels=["data", "Asimov"])).axes[0])[1].startswith("Asimov")


def test_points_that_failed_are_marked_and_no_numbers(curve):
    rise = curve.delta_nll.copy()
    rise[[0, 5]] = np.nan
    broken = dataclasses.replace(curve, delta_nll=rise, status=np.where(np.isnan(rise), 3, 0))
    axes = draw(plot.scan(broken)).axes[0]
    assert np.isnan(axes.lines[0].get_ydata()[[0, 5]]).all()
    np.testing.assert_array_equal(axes.lines[1].get_xdata(), POINTS[[0, 5]])
    assert legend(axes)[-1] == "2 not converged"


def test_a_lower_minimum_is_in_the_picture(curve):
    lower = dataclasses.replace(curve, delta_nll=curve.delta_nll - 0.5 * (POINTS < -1.0) * 40.0)
    axes = draw(plot.scan(lower)).axes[0]
    assert axes.get_ylim()[0] < axes.lines[0].get_ydata().min() < 0.0
    assert legend(axes) == ["profiled"]


def test_a_map_has_both_contours_and_the_best_fit(grid):
    figure = draw(plot.scan(grid))
    axes = figure.axes[0]
    values = axes.collections[0].get_array()
    np.testing.assert_allclose(np.asarray(values).ravel(), 2.0 * grid.delta_nll.reshape(13, 9).T.ravel())
    levels = [c.levels[0] for c in axes.collections if hasattr(c, "levels")]
    np.testing.assert_allclose(levels, -2.0 * np.log([0.32, 0.05]))
    assert legend(axes) == ["68%", "95%", "best fit"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (r"$\alpha$ [GeV]", "c")


def test_a_map_of_descending_axes_is_the_same_picture(grid):
    turned = dataclasses.replace(
        grid,
        points=grid.points[::-1],
        delta_nll=grid.delta_nll[::-1],
        axes=tuple(axis[::-1] for axis in grid.axes),
    )
    first, second = (
        np.asarray(draw(plot.scan(one)).axes[0].collections[0].get_array()) for one in (grid, turned)
    )
    np.testing.assert_array_equal(first, second)


def test_a_map_of_listed_points_and_of_failures(grid):
    listed = dataclasses.replace(grid, axes=None)
    assert len(draw(plot.scan(listed)).axes[0].collections[0].get_offsets()) == len(grid)
    rise = grid.delta_nll.copy()
    rise[7] = np.nan
    broken = dataclasses.replace(grid, delta_nll=rise, status=np.where(np.isnan(rise), 1, 0))
    assert "1 not converged" in legend(draw(plot.scan(broken)).axes[0])


def test_a_contour_is_filled_closed_and_named(circle):
    axes = draw(plot.contour(circle)).axes[0]
    assert legend(axes) == ["68%", "95%", "best fit"]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), circle.points[0])
    assert len(axes.patches) == 2
    # The larger one lies below.
    sizes = [np.ptp(patch.get_xy()[:, 0]) for patch in axes.patches]
    assert sizes[0] > sizes[1]


def test_a_contour_with_points_on_a_bound_and_points_not_found(circle):
    points, status = circle.points.copy(), circle.status.copy()
    points[1, 3], status[1, 3] = np.nan, 2
    status[0, 5] = 1
    axes = draw(plot.contour(dataclasses.replace(circle, points=points, status=status))).axes[0]
    assert legend(axes) == ["68%", "95%", "on a bound", "best fit", "1 points not found"]
    assert len(axes.patches) == 1
    np.testing.assert_array_equal(axes.lines[2].get_xydata(), points[0, [5]])


def test_pairs_have_a_panel_each(fit):
    pairs = Contours(tuple(make_contour(fit, names) for names in (("a", "c"), ("a", "lumi"), ("c", "lumi"))))
    figure = draw(plot.contour(pairs))
    assert [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes] == [
        ("", "c"),
        (r"$\alpha$ [GeV]", "lumi"),
        ("c", ""),
    ]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["68%", "95%", "best fit"]


def test_correlations_of_all_free_parameters(fit):
    figure = draw(plot.correlation(fit))
    axes = figure.axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == [r"$\alpha$", "c", "lumi", "theta"]
    assert axes.get_title(loc="left") == "4 parameters; 1 held"
    at = [fit.names.index(name) for name in ("a", "c", "lumi", "theta")]
    np.testing.assert_array_equal(axes.images[0].get_array(), fit.correlation[np.ix_(at, at)])
    assert axes.images[0].get_clim() == (-1.0, 1.0)
    assert "-0.00" not in texts(figure)


def test_correlations_that_are_left_out_are_counted(fit):
    correlation = np.abs(np.triu(fit.correlation, 1))
    largest = np.unravel_index(np.argmax(correlation), correlation.shape)
    axes = plot.correlation(fit, 2).axes[0]
    assert axes.get_title(loc="left") == "2 parameters of 4 free ones; 1 held"
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert shown == [r"$\alpha$" if fit.names[i] == "a" else fit.names[i] for i in largest]
    axes = plot.correlation(fit, ["th.*", "c"]).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["theta", "c"]


def test_blinded_parameters_are_not_drawn(curve, grid, circle):
    hidden = frozenset({"a"})
    for figure in (
        plot.scan(dataclasses.replace(curve, blinded=hidden)),
        plot.scan(dataclasses.replace(grid, blinded=hidden)),
        plot.contour(dataclasses.replace(circle, blinded=hidden)),
    ):
        axes = figure.axes[0]
        assert "blinded" in texts(figure)
        assert len(axes.lines) + len(axes.collections) + len(axes.patches) == 0
        assert list(axes.get_xticks()) == list(axes.get_yticks()) == []


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s, g, f: plot.scan(f), InvalidTypeError, "plot.scan draws a Scan record, got FitResult"),
        (lambda s, g, f: plot.scan(s, f), InvalidTypeError, "plot.scan draws a Scan record"),
        (lambda s, g, f: plot.scan(s, g), InvalidValueError, "one parameter are drawn together"),
        (lambda s, g, f: plot.scan(g, g), InvalidValueError, "one map of two"),
        (lambda s, g, f: plot.scan(s, labels=["a", "b"]), ShapeMismatchError, "1 records, 2 labels"),
        (lambda s, g, f: plot.contour(s), InvalidTypeError, "Contour or Contours record, got Scan"),
        (lambda s, g, f: plot.correlation(s), InvalidTypeError, "plot.correlation draws a FitResult"),
        (lambda s, g, f: plot.correlation(f, "b"), InvalidValueError, "'b' was held"),
        (lambda s, g, f: plot.correlation(f, 0), InvalidValueError, "1 or more"),
        (lambda s, g, f: plot.correlation(f, 1.5), InvalidTypeError, "names or Variables"),
        (lambda s, g, f: plot.correlation(f, []), UnknownNameError, "names is empty"),
        (lambda s, g, f: plot.correlation(f, "nothing"), UnknownNameError, "nothing"),
    ],
)
def test_refused(call, error, words, curve, grid, fit):
    with pytest.raises(error, match=words):
        call(curve, grid, fit)

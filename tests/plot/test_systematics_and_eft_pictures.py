"""Pictures of systematic variations, of coefficients with several minima, and of L-curves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smoothfit import plot
from smoothfit.errors import (
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    UnknownNameError,
)
from smoothfit.layout import ChannelInfo, ProcessInfo
from smoothfit.model import Model, Process, Variable
from smoothfit.results import Scan, UnfoldingScan, Variations

pytest.importorskip("matplotlib")

NOMINAL = {"sig": np.array([10.0, 20.0, 5.0]), "bkg": np.array([100.0, 50.0, 0.0])}
UP = {"sig": NOMINAL["sig"] * 1.1, "bkg": NOMINAL["bkg"] + [10.0, -5.0, 1.0]}
DOWN = {"sig": NOMINAL["sig"] * 0.8, "bkg": NOMINAL["bkg"] - [8.0, -4.0, 0.0]}
ERROR = {"sig": np.array([1.0, 2.0, 0.5]), "bkg": np.array([3.0, np.nan, np.nan])}


def make_variations(**changes):
    channels = (ChannelInfo("SR", 0, 2, np.array([0.0, 1.0, 3.0]), "m", "GeV"), ChannelInfo("CR", 2, 3))
    processes = (
        ProcessInfo("sig", ("sig",), False, True, r"t\bar{t}"),
        ProcessInfo("bkg", ("bkg",), False, False),
    )
    record = Variations("jes", "JES", 1.0, -1.0, channels, processes, NOMINAL, UP, DOWN, ERROR)
    return dataclasses.replace(record, **changes)


def stairs(axes):
    return [patch.get_data().values for patch in axes.patches if hasattr(patch, "get_data")]


def test_up_and_down_over_the_nominal_template():
    figure = plot.systematics(make_variations(), process="bkg", channel="SR")
    figure.draw_without_rendering()
    above, below = figure.axes
    assert above.get_title(loc="left") == "bkg, SR"
    assert below.get_xlabel() == "m [GeV]"
    for drawn, side in zip(stairs(above), (NOMINAL, UP, DOWN), strict=True):
        np.testing.assert_allclose(drawn, side["bkg"][:2])
    np.testing.assert_allclose(stairs(below), [[10.0, -10.0], [-8.0, 8.0]])
    # The band is the error, where it is known: 100 +- 3, and in percent.
    for axes, top in ((above, 103.0), (below, 3.0)):
        band = axes.collections[0].get_paths()[0].vertices
        assert band[:, 1].max() == pytest.approx(top)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["MC error", "nominal", "up", "down"]
    assert figure.legends[0].get_title().get_text() == "JES: 1 (up), -1 (down)"


def test_all_that_is_moved_is_drawn_and_sums():
    record = make_variations()
    assert record.affected == (("sig", "SR"), ("sig", "CR"), ("bkg", "SR"), ("bkg", "CR"))
    assert len(plot.systematics(record).axes) == 8
    total = plot.systematics(record, process="total", channel="SR")
    np.testing.assert_allclose(stairs(total.axes[0])[1], (UP["sig"] + UP["bkg"])[:2])
    # Errors add in quadrature; of a process without variances nothing is added.
    band = total.axes[0].collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(110.0 + np.sqrt(10.0))
    still = make_variations(up=NOMINAL, down=NOMINAL)
    assert still.affected == ()
    with pytest.raises(InvalidValueError, match="jes moves nothing that was asked for"):
        plot.systematics(still)


def test_several_nuisances_are_named_and_paged():
    other = make_variations(name="btag", label=None)
    figure = plot.systematics([make_variations(), other], process="sig", channel="SR")
    assert [a.get_title(loc="left") for a in figure.axes[::2]] == [
        r"$t\bar{t}$, SR, JES",
        r"$t\bar{t}$, SR, btag",
    ]
    assert len(plot.pages(plot.systematics, [make_variations(), other], n=3)) == 3


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda r: plot.systematics(3),
            InvalidTypeError,
            "plot.systematics draws a Variations record, got int",
        ),
        (lambda r: plot.systematics(r, process="x"), UnknownNameError, "no process 'x'"),
        (lambda r: plot.systematics(r, channel="x"), UnknownNameError, "no channel 'x'"),
        (lambda r: plot.systematics(r, page=2), InvalidValueError, "page 2 of 1"),
    ],
)
def test_variations_that_cannot_be_drawn(call, error, words):
    with pytest.raises(error, match=words):
        call(make_variations())


# -- coefficients -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def layout():
    c, d = Variable("c", 0.0, label=r"c_{tG}"), Variable("d", 0.0)
    model = (
        Model()
        .add_proc(Process("p", [50.0, 10.0]).scale_by(c))
        .add_proc(Process("q", [5.0, 9.0]).scale_by(d))
    )
    return model.prepare().layout


def make_scan(layout, rise, points, best, **changes):
    record = Scan(
        names=("c",),
        points=points,
        delta_nll=rise,
        status=np.zeros(len(rise), dtype=int),
        edm=np.zeros(len(rise)),
        x=np.zeros((len(rise), 2)),
        best=np.array([best]),
        errors=np.ones(1),
        layout=layout,
    )
    return dataclasses.replace(record, **changes)


@pytest.fixture
def two_minima(layout):
    """2 delta NLL = 10 (c^2 - 1)^2 + (1 - c)/4: minima near -1 and at 1, a wall between them."""
    points = np.linspace(-2.0, 2.0, 201)
    return make_scan(layout, 0.5 * (10.0 * (points**2 - 1.0) ** 2 + 0.25 * (1.0 - points)), points, 1.0)


def test_both_minima_are_marked_and_both_pieces_listed(two_minima):
    figure = plot.eft(two_minima)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    marked = next(line for line in axes.lines if line.get_marker() == "v").get_xydata()
    assert marked[:, 0] == pytest.approx([-0.9937, 1.0], abs=0.011)
    assert marked[:, 1] == pytest.approx([0.4996, 0.0], abs=2e-3)
    # Where 10 (c^2 - 1)^2 + (1 - c)/4 = 3.841, by numpy.
    roots = np.roots([10.0, 0.0, -20.0, -0.25, 10.25 - 3.841459])
    ends = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
    text = figure.legends[0].get_texts()[0].get_text()
    assert text == f"profiled: {ends[0]:.3g} to {ends[1]:.3g} or {ends[2]:.3g} to {ends[3]:.3g} (95%)"
    assert axes.get_ylim() == (0.0, 12.0)
    sm = next(line for line in axes.lines if line.get_label() == "SM")
    assert sm.get_xdata()[0] == 0.0


def test_the_end_of_a_scan_is_no_limit(layout, two_minima):
    points = np.linspace(-2.0, 2.0, 41)
    flat = make_scan(layout, 0.5 * np.maximum(-points, 0.0) ** 2 * 9.0, points, 0.5)
    figure = plot.eft(two_minima, flat, labels=["quadratic", "linear"], cl=0.6826894921)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[1].startswith("linear: above -0.33")


def test_blinded_coefficients_are_hidden(two_minima):
    figure = plot.eft(dataclasses.replace(two_minima, blinded=frozenset({"c"})))
    assert not figure.axes[0].lines
    assert not figure.legends
    assert not figure.axes[0].patches


def test_points_of_the_standard_model(two_minima):
    for given in (1.0, [1.0], {"c": 1.0}):
        axes = plot.scan(two_minima, sm=given).axes[0]
        assert next(line for line in axes.lines if line.get_label() == "SM").get_xdata()[0] == 1.0
    with pytest.raises(ShapeMismatchError, match="sm has 2 values, there are 1 parameters: c"):
        plot.scan(two_minima, sm=[1.0, 2.0])
    with pytest.raises(InvalidTypeError, match="sm has no 'c'"):
        plot.eft(two_minima, sm={"d": 1.0})
    with pytest.raises(InvalidTypeError, match="sm must be numbers"):
        plot.eft(two_minima, sm="here")
    with pytest.raises(ShapeMismatchError, match="1 records, 2 labels"):
        plot.eft(two_minima, labels=["a", "b"])


# -- L-curves -------------------------------------------------------------------------------------------


def make_curve():
    tau = np.geomspace(1e-3, 1.0, 9)
    nothing = np.full(9, np.nan)
    return UnfoldingScan(
        tau,
        np.ones(9, dtype=bool),
        np.ones((9, 2)),
        np.ones((9, 2)),
        5.0 + tau**2,
        np.ones(9),
        1.0 / (0.1 + tau),
        np.exp(-(np.log(tau / 0.1) ** 2)),
        np.full(9, 0.5),
        np.full(9, 0.7),
        nothing,
        nothing,
    )


def test_an_lcurve_has_its_choice_marked():
    scan = make_curve()
    figure = plot.lcurve(scan, tau=scan.tau[4])
    figure.draw_without_rendering()
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[0].get_xdata(), scan.chi2)
    star = next(line for line in left.lines if line.get_marker() == "*")
    np.testing.assert_allclose(np.ravel(star.get_xydata()), [scan.chi2[4], scan.norm[4]])
    assert right.lines[-1].get_xdata()[0] == scan.tau[4]
    assert not any(line.get_marker() == "*" for line in plot.lcurve(scan).axes[0].lines)
    with pytest.raises(InvalidTypeError, match=r"plot\.lcurve draws a UnfoldingScan record, got int"):
        plot.lcurve(3)

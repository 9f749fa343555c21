"""Pictures of Neyman constructions: what is drawn, and what must not be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smoothfit import plot
from smoothfit.errors import InvalidTypeError
from smoothfit.inference.neyman import exact
from smoothfit.model import Model, Process, Variable
from smoothfit.results import FeldmanCousins, ToyCounts

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def model():
    """a with a label and a unit, b."""
    a, b = Variable("a", 1.0, label=r"\alpha", unit="GeV"), Variable("b", 1.0)
    model = Model().add_proc(Process("p", [50.0, 10.0]).scale_by(a))
    return model.add_proc(Process("q", [100.0, 400.0]).scale_by(b)).prepare()


def made(model, names, points, p, axes=None, **others):
    n = len(p)
    p = np.asarray(p, dtype=float)
    zeros = np.zeros(n)
    fields = {
        "cl": 0.9,
        "observed": zeros,
        "p_errors": np.full(n, 0.01),
        "critical": zeros,
        "critical_errors": zeros,
        "toys": np.full(n, 100),
        "failed_toys": np.zeros(n, dtype=int),
        "status": np.where(np.isfinite(p), 0, 1),
        "regions": np.zeros((0, 2)),
        "region_errors": np.zeros((0, 2)),
        "resolutions": np.zeros((0, 2)),
        "ends": (),
        "fits": ToyCounts("frequentist", 1, 0, 0),
        "nuisances": "fitted",
        "seed": 1,
        "best": np.ones(len(names)),
    }
    given = {"names": names, "points": points, "p_values": p, "axes": axes, "layout": model.layout}
    return FeldmanCousins(**(fields | given | others))


@pytest.fixture(scope="module")
def curve(model):
    """Two regions and a point that was lost, by hand."""
    regions = np.array([[0.5, 1.5], [2.5, 3.0]])
    return made(
        model,
        ("a",),
        np.array([0.0, 1.0, 2.0, 3.0, 4.0]),
        [0.0, 0.9, 0.05, 0.2, np.nan],
        regions=regions,
        region_errors=0.01 * np.ones((2, 2)),
        resolutions=np.ones((2, 2)),
        ends=(("crossing", "crossing"), ("crossing", "edge of points")),
    )


def drawn(axes, label):
    return next(line for line in axes.get_lines() if line.get_label() == label)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_p_values_with_every_region(curve):
    axes = plot.feldman_cousins(curve).axes[0]
    assert axes.get_xlabel() == r"$\alpha$ [GeV]"
    spans = [patch.get_extents().transformed(axes.transData.inverted()) for patch in axes.patches]
    assert [(span.x0, span.x1) for span in spans] == [pytest.approx(r) for r in curve.regions]
    assert drawn(axes, "1 not converged").get_xdata().tolist() == [4.0]
    assert drawn(axes, "best fit").get_xdata().tolist() == [1.0]
    assert "90%" in texts(axes)
    (bars,) = [c for c in axes.containers if c.get_label() == "toys"]
    assert bars.lines[0].get_ydata().tolist() == [0.0, 0.9, 0.05, 0.2]


def test_a_plane_has_its_border_and_doubtful_points(model):
    a, b = np.linspace(-1.0, 3.0, 9), np.linspace(-2.0, 4.0, 7)
    x, y = np.meshgrid(a, b, indexing="ij")
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    p = np.exp(-0.5 * np.sum((points - 1.0) ** 2, axis=1))
    grid = made(model, ("a", "b"), points, p, axes=(a, b))
    figure = plot.feldman_cousins(grid)
    axes = figure.axes[0]
    assert axes.get_ylabel() == "b"
    near = drawn(axes, "within two errors")
    assert len(near.get_xdata()) == int(grid.uncertain.sum())
    (line,) = [c for c in axes.collections if type(c).__name__.endswith("ContourSet")]
    border = np.concatenate([path.vertices for path in line.get_paths()])
    radius = np.hypot(*(border - 1.0).T)
    # Where exp(-r^2/2) is 0.1; linear between points.
    assert radius == pytest.approx(np.full(len(radius), np.sqrt(-2.0 * np.log(0.1))), abs=0.25)
    listed = dataclasses.replace(grid, axes=None, p_values=np.where(p > 0.9, np.nan, p))
    axes = plot.feldman_cousins(listed).axes[0]
    assert any(line.get_label().endswith("not converged") for line in axes.get_lines())


def test_a_blinded_parameter_stays_hidden(curve):
    axes = plot.feldman_cousins(dataclasses.replace(curve, blinded=frozenset({"a"}))).axes[0]
    assert texts(axes) == ["blinded"]
    assert not axes.get_lines()
    assert not axes.patches


def test_belts():
    axes = plot.belt(exact.poisson_belt(np.linspace(0.0, 10.0, 101), 3.0, 0.9), observed=6).axes[0]
    assert axes.get_ylabel() == "mu (90%)"
    interval = axes.get_lines()[-1]
    assert list(interval.get_xdata()) == [6, 6]
    assert interval.get_ydata() == pytest.approx([0.2, 8.4], abs=0.051)
    axes = plot.belt(exact.gaussian_belt([0.0, 0.5, 1.0], 0.9)).axes[0]
    assert np.isfinite(axes.get_xlim()).all()


def test_coverage_of_methods_side_by_side(model):
    records = [model.coverage("a", [0.5, 1.0], method=m, toys=100, seed=1) for m in ("minos", "hessian")]
    axes = plot.coverage(*records).axes[0]
    assert axes.get_xlabel() == r"true $\alpha$ [GeV]"
    labels = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert labels == ["minos, 68.27%", "hessian, 68.27%"]
    for container, record in zip(axes.containers, records, strict=True):
        assert container.lines[0].get_ydata().tolist() == record.coverage.tolist()


def test_other_records_are_refused(curve, model):
    for draw in (plot.feldman_cousins, plot.belt, plot.coverage):
        with pytest.raises(InvalidTypeError, match="got FitResult"):
            draw(model.fit([150.0, 410.0]))

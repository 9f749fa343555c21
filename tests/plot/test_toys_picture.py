"""The picture of fits of toys."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit import errors, plot
from smoothfit.campaign import fit_toys
from smoothfit.model import Model, Process, Variable

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def model():
    mu = Variable("mu", 1.0, lower_bound=0.0)
    nu = Variable("nu", 0.0, nuisance=True)
    return (
        Model()
        .add_proc(Process("s", [40.0, 10.0]).scale_by(mu))
        .add_proc(Process("b", [60.0, 80.0]).add_lnN(nu, 1.1))
        .prepare()
    )


def test_values_and_pulls_are_those_of_the_record(model):
    record = fit_toys(model, values={"mu": 1.0}, toys=500, seed=2)
    left, right = plot.toys(record).axes
    heights, edges = np.histogram(record.column("mu"), bins=50)
    outline = left.patches[0].get_path().vertices
    assert outline[:, 1].max() == heights.max()
    assert outline[:, 0].min() == pytest.approx(edges[0])
    assert left.lines[0].get_xdata()[0] == 1.0
    pulls = (record.column("mu") - 1.0) / record.column("mu error")
    assert f"width {np.std(pulls):.3g}" in right.texts[0].get_text()
    # The unit Gaussian has the area of the histogram.
    x, y = right.lines[0].get_data()
    assert np.trapezoid(y, x) == pytest.approx(500 * 8.0 / 50, rel=1e-3)
    assert len(plot.toys(record, ["mu", "nu"]).axes) == 4


def test_blinded_parameters_and_others(model):
    model.blind(pois="mu")
    try:
        hidden = fit_toys(model, values={}, toys=64, seed=2)
    finally:
        model.unblind()
    for axes in plot.toys(hidden).axes:
        assert [text.get_text() for text in axes.texts] == ["blinded"]
        assert not axes.patches
        assert not axes.lines
    without = fit_toys(model, values={}, toys=64, seed=2, errors=False)
    assert plot.toys(without).axes[1].texts[0].get_text() == "no pulls"
    with pytest.raises(errors.UnknownNameError, match="'rho' is not stored; there are: mu, nu"):
        plot.toys(without, ["rho"])
    with pytest.raises(errors.InvalidValueError, match="no parameter of interest"):
        plot.toys(fit_toys(model, values={}, toys=64, seed=2, parameters=["nu"]))
    with pytest.raises(errors.InvalidTypeError, match="ToyFits"):
        plot.toys("toys")

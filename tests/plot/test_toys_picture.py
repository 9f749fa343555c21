"""The picture of fits of toys."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit import errors, plot
from smoothfit.campaign import fit_toys
from smoothfit.model import Model, Process, Variable

pytest.importorskip("matplotlib")

OPTIONS = {"values": {"mu": 1.0}, "toys": 400, "seed": 2}


@pytest.fixture(scope="module")
def model():
    mu, nu = Variable("mu", 1.0, lower_bound=0.0), Variable("nu", 0.0, nuisance=True)
    built = Model().add_proc(Process("s", [40.0, 10.0]).scale_by(mu))
    return built.add_proc(Process("b", [60.0, 80.0]).add_lnN(nu, 1.1)).prepare()


def shown(axes):
    return " | ".join(text.get_text() for text in axes.get_legend().get_texts())


def test_values_and_pulls_are_those_of_the_record(model):
    record = fit_toys(model, **OPTIONS)
    left, right = plot.toys(record).axes
    mu = record.column("mu")
    assert left.lines[0].get_xdata()[0] == 1.0
    assert left.lines[1].get_xdata()[0] == pytest.approx(mu.mean(), rel=1e-12)
    edges = np.append([bar.get_x() for bar in left.patches], left.patches[-1].get_x() + bar_width(left))
    heights = [bar.get_height() for bar in left.patches]
    assert heights == np.histogram(mu, bins=edges)[0].tolist()
    pulls = (mu - 1.0) / record.column("mu error")
    assert f"width: {np.std(pulls, ddof=1):.3g}" in shown(right)
    # The curve has the area of all toys.
    assert np.trapezoid(right.lines[0].get_ydata(), right.lines[0].get_xdata()) == pytest.approx(
        400 * bar_width(right), rel=0.01
    )
    assert len(plot.toys(record, parameters=["mu", "nu"]).axes) == 4


def bar_width(axes):
    return axes.patches[0].get_width()


def test_blinded_parameters_show_nothing(model):
    model.blind(pois="mu")
    try:
        hidden = fit_toys(model, **OPTIONS)
    finally:
        model.unblind()
    for axes in plot.toys(hidden).axes:
        assert [text.get_text() for text in axes.texts] == ["blinded"]
        assert not axes.patches
        assert not axes.lines


def test_what_cannot_be_drawn_is_said(model):
    without = fit_toys(model, **OPTIONS, errors=False)
    assert plot.toys(without).axes[1].texts[0].get_text() == "no errors"
    with pytest.raises(errors.UnknownNameError, match="no parameter 'rho' was kept; there are: mu, nu"):
        plot.toys(without, parameters=["rho"])
    with pytest.raises(errors.InvalidValueError, match="no parameter of interest"):
        plot.toys(fit_toys(model, **OPTIONS, parameters=["nu"]))
    with pytest.raises(errors.InvalidTypeError, match="ToyFits"):
        plot.toys("toys")

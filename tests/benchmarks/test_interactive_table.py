"""Redraws of a live model: counted, and written as a table."""

from __future__ import annotations

import numpy as np
import pytest

import smoothfit
from benchmarks import interactive
from smoothfit import Model, Process, Variable

pytest.importorskip("matplotlib")
pytest.importorskip("ipywidgets")


def test_every_event_is_timed_and_nothing_is_traced_again():
    sig = Process("sig", [5.0, 20.0]).scale_by(Variable("mu", 1.0, lower_bound=0.0))
    model = Model().add_proc(sig).add_proc(Process("bkg", [50.0, 40.0])).prepare()
    live = smoothfit.interactive(model, [60.0, 75.0])
    redraws = live.view.redraws
    found = interactive.drag(live, events=12)
    # One of them is the place where the slider is.
    assert live.view.redraws - redraws == len(found.all) >= 10
    assert found.traces == 0
    assert all(milliseconds > 0.0 for milliseconds in found.all)
    assert found.size == len(live.view.picture.value)
    text = interactive.section(interactive.Opening(1.5, live), found)
    median = f"{np.median(found.all):.1f}"
    assert f"| redraw, all | {len(found.all)} events | {median} |" in text
    assert "Opening took 1.50 s" in text
    assert "nan" not in text

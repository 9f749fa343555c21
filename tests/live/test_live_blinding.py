"""What is blinded is neither shown nor in what a notebook keeps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from live_models import OBS, two_channels

import smoothfit

pytest.importorskip("matplotlib")


def shown_by(live):
    """All that widgets would send to a browser, and write into a file."""
    pytest.importorskip("ipywidgets")
    texts, todo, seen = [], [live.view.box], set()
    while todo:
        widget = todo.pop()
        if id(widget) in seen:
            continue
        seen.add(id(widget))
        state = widget.get_state()
        texts.append(json.dumps(state, default=str))
        todo += getattr(widget, "children", ())
    return " ".join(texts) + live._repr_mimebundle_()["text/plain"]


def digits(value):
    return f"{value:.4g}"


@pytest.fixture
def model():
    return two_channels().blind(pois="mu")


def test_sliders_do_not_go_to_a_blinded_fit(model):
    live = smoothfit.interactive(model, OBS)
    for section in live.view.sections:
        section.fold(True)
    before = live.range(model.index("mu"))
    found = live.fit()
    fitted, error = found["mu"]
    assert abs(fitted - 1.0) > 0.2
    assert live.values["mu"] == 1.0
    assert live.values["jes"] == found["jes"].value
    assert live.range(model.index("mu")) == before
    text = shown_by(live)
    for secret in (fitted, error, found.fun, live.standing().nll, live.standing().delta):
        assert digits(secret) not in text
    assert "blinded" in text
    assert digits(found["jes"].value)[:5] in text
    with pytest.raises(smoothfit.errors.InvalidValueError, match="no uncertainty"):
        live.shift("mu", 1.0)


def test_the_nll_would_tell(model):
    live = smoothfit.interactive(model, OBS)
    assert {value for _, value in live.standing().lines()} == {"blinded"}
    live.use_asimov()
    assert "blinded" not in str(live.standing())
    live.fit()
    assert live.standing().lines()[1] == ("2 ΔNLL to the fit", "0")
    assert live.fitted_text(model.index("mu")).startswith("1.0")


def test_data_of_a_blinded_channel_are_not_drawn():
    model = two_channels().blind(channels="SR")
    live = smoothfit.interactive(model, OBS)
    first = live.png()
    assert [len(p._points) for p in live._picture._panels] == [0, 2]
    # Whatever was observed there, the picture is the same.
    other = smoothfit.interactive(model, OBS * np.array([2.0, 0.5, 1.0]))
    assert other.png() == first
    assert dict(live.standing().lines())["SR"] == "blinded"
    assert dict(live.standing().lines())["CR"].endswith("(1 bin)")
    assert dict(live.standing().lines())["NLL"] == "blinded"
    live.use_asimov()
    live.png()
    assert [len(p._points) for p in live._picture._panels] == [2, 2]


def test_blinding_later_takes_values_back():
    model = two_channels()
    live = smoothfit.interactive(model, OBS)
    live.fit()
    live.store("mine")
    model.blind(pois="mu")
    assert live.values["mu"] == 1.0
    live.apply("mine")
    assert live.values["mu"] == 1.0
    assert live.values["jes"] != 0.0
    model.unblind()
    live.apply("post-fit")
    assert live.values["mu"] == live.result["mu"].value


def test_a_fit_that_was_blinded_stays_so():
    model = two_channels().blind(pois="mu")
    best_fit = model.fit(OBS)
    model.unblind()
    live = smoothfit.interactive(model, best_fit=best_fit)
    live.apply("post-fit")
    assert live.values["mu"] == 1.0
    assert live.fitted_text(model.index("mu")) == "blinded"


def test_without_widgets_it_is_blinded_too():
    model = two_channels().blind(channels="SR")
    live = smoothfit.interactive(model, OBS)
    assert live.yields().to_dict()["channels"]["SR"]["obs"] == "blinded"
    other = smoothfit.interactive(model, OBS * np.array([2.0, 0.5, 1.0]))
    assert live._still("why")["image/png"] == other._still("why")["image/png"]
    live.use_asimov()
    assert live.yields().to_dict()["channels"]["SR"]["obs"] != "blinded"

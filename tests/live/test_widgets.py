"""The widgets, driven as a browser would: a value set, a button clicked."""

from __future__ import annotations

import asyncio
import base64
import sys

import numpy as np
import pytest
from live_models import OBS, two_channels

import smoothfit
from smoothfit import Model, Process, Variable
from smoothfit.errors import MissingPackageError

pytest.importorskip("matplotlib")
pytest.importorskip("ipywidgets")

from smoothfit.live.rows import STEPS


@pytest.fixture
def live():
    return smoothfit.interactive(two_channels(), OBS)


def row(live, name):
    (parameter,) = [p for p in live.parameters.all if p.name == name]
    return live.view.rows.row(parameter)


def test_a_slider_moves_its_parameter_and_all_else(live):
    mu, before = row(live, "mu"), live.view.picture.value
    low, high = live.range(0)
    mu.slider.value = STEPS // 4
    assert live.values["mu"] == pytest.approx(low + 0.25 * (high - low))
    assert mu.number.value == pytest.approx(live.values["mu"], abs=1e-5)
    assert live.view.picture.value != before
    assert live.view.picture.value == live.png()
    assert f"{live.standing().nll:.8g}" in live.view.standing.value
    jes = row(live, "jes")
    live.view.sections[-2].fold(True)
    jes.slider.value = STEPS
    assert live.values["jes"] == 3.0
    assert "+3.00" in jes.note.value


def test_values_that_are_set_are_exact_whatever_steps_a_slider_has(live):
    mu = row(live, "mu")
    mu.number.value = 1.23456789
    assert live.values["mu"] == 1.23456789
    assert mu.number.value == 1.23456789
    live.fit()
    np.testing.assert_array_equal(live.x, live.result.x)
    # Shown, but not taken back from what is shown.
    for section in live.view.sections:
        section.fold(True)
    live.view.refresh()
    np.testing.assert_array_equal(live.x, live.result.x)


def test_a_range_does_not_follow_the_hand(live):
    mu = row(live, "mu")
    mu.number.value = 9.0
    assert mu.slider.value == STEPS
    mu.slider.value = STEPS // 2
    assert live.values["mu"] == pytest.approx(4.5)
    assert mu.slider.value == STEPS // 2
    mu.slider.value = STEPS // 2 + 1
    assert live.values["mu"] == pytest.approx(9.0 * (STEPS // 2 + 1) / STEPS)
    live.reset()
    assert mu.slider.value == pytest.approx(STEPS / 3.0, abs=1.0)


def test_buttons_of_a_parameter(live):
    jes, mu = row(live, "jes"), row(live, "mu")
    jes.up.click()
    assert live.values["jes"] == 1.0
    jes.down.click()
    assert live.values["jes"] == -1.0
    jes.back.click()
    assert live.values["jes"] == 0.0
    assert mu.up.disabled
    live.view.fit.click()
    assert not mu.up.disabled
    mu.up.click()
    assert live.values["mu"] == pytest.approx(sum(live.result["mu"]))


def test_fit_holds_what_is_not_ticked(live):
    mu, view = row(live, "mu"), live.view
    mu.number.value = 2.0
    mu.floats.value = False
    assert live.held == ("mu",)
    view.fit.click()
    assert live.values["mu"] == 2.0
    assert live.result.fixed[0]
    assert "Converged" in view.status.value
    assert "2 fixed" in mu.note.value
    mu.floats.value = True
    assert live.held == ()
    view.fit.click()
    assert mu.note.value.count("±") == 1
    assert "Converged" in view.status.value
    assert "1 before" in view.status.value


def test_presets(live):
    view = live.view
    assert view.postfit.disabled
    view.fit.click()
    fitted = live.x
    view.prefit.click()
    assert live.values["mu"] == 1.0
    view.postfit.click()
    np.testing.assert_array_equal(live.x, fitted)
    row(live, "mu").number.value = 2.0
    view.name.value = "two"
    view.store.click()
    view.prefit.click()
    view.presets.value = "two"
    assert live.values["mu"] == 2.0
    # It can be chosen again.
    view.prefit.click()
    view.presets.value = "two"
    assert live.values["mu"] == 2.0


def test_data_channels_and_axis(live):
    view = live.view
    view.data.value = "none"
    assert live.data == "none"
    assert view.fit.disabled
    view.asimov.click()
    assert (live.data, view.data.value) == ("Asimov", "Asimov")
    assert not view.fit.disabled
    view.channels.value = ("CR",)
    view.axis.value = "logarithmic"
    view.ghost.value = False
    assert (live.channels, live.log, live.ghost) == (("CR",), True, False)
    assert "<span>CR" in view.standing.value
    assert "<span>SR" not in view.standing.value
    live.show(channels=["SR", "CR", "SR"], log=None, ghost=True)
    assert (view.channels.value, view.axis.value, view.ghost.value) == (("SR", "CR"), "automatic", True)


def test_failures_are_messages(live):
    mu, view = row(live, "mu"), live.view
    mu.number.value = -1.0
    assert live.values["mu"] == 1.0
    assert mu.number.value == 1.0
    assert "outside its bounds [0, inf]" in view.status.value
    view.store.click()
    assert "preset needs a name" in view.status.value
    view.channels.value = ()
    assert "one channel at least" in view.status.value
    assert view.channels.value == ("SR", "CR")
    live._model.mask_channels("CR")
    mu.number.value = 2.0
    assert "mask_channels" in view.status.value
    assert "3 before" in view.status.value
    assert len(live.messages) == 4


def test_a_failure_in_a_fit_is_a_message(live, monkeypatch):
    def fit(*_, **__):
        raise ZeroDivisionError("<b>one over nothing</b>")

    monkeypatch.setattr(live._model, "fit", fit)
    live.view.fit.click()
    assert "ZeroDivisionError: &lt;b&gt;one over nothing" in live.view.status.value
    assert not live.view.fit.disabled


def test_search(live):
    view = live.view
    view.search.value = "ENERGY"
    assert [r.slider.tooltip for r in view.found.shown] == ["jes"]
    assert (view.found.box.layout.display, view._folders.layout.display) == ("flex", "none")
    row(live, "jes").number.value = 0.5
    assert live.values["jes"] == 0.5
    view.search.value = "nothing like it"
    assert view.found.shown == []
    view.search.value = ""
    assert (view.found.box.layout.display, view._folders.layout.display) == ("none", "flex")


def many(n):
    bkg = Process("bkg", [50.0, 40.0])
    for i in range(n):
        bkg.add_lnN(Variable(f"n{i:03}", 0.0, nuisance=True), 1.01)
    return Model().add_proc(bkg).prepare()


def test_of_many_nuisances_a_page_is_made():
    live = smoothfit.interactive(many(60), [50.0, 40.0])
    view = live.view
    (section,) = view.sections
    assert len(view.rows) == 8
    assert section.page.where.value == "1 to 8 of 60"
    assert section.page.before.disabled
    section.page.after.click()
    assert section.page.shown[0].slider.tooltip == "n008"
    assert len(view.rows) == 16
    for _ in range(20):
        section.page.after.click()
    assert section.page.where.value == "57 to 60 of 60"
    assert section.page.after.disabled
    view.search.value = "n031"
    assert [r.slider.tooltip for r in view.found.shown] == ["n031"]


def test_without_nuisances_and_without_parameters():
    model = Model().add_proc(Process("bkg", [50.0, 40.0])).prepare()
    live = smoothfit.interactive(model, [55.0, 41.0])
    assert live.view.sections == []
    live.view.fit.click()
    assert live.standing().nll == pytest.approx(model.nll([], [55.0, 41.0]))


def test_names_are_escaped():
    mu = Variable("<script>alert(1)</script>", 1.0, unit="<i>")
    sig = Process("<b>s</b>", [50.0]).scale_by(mu)
    live = smoothfit.interactive(Model().add_proc(sig).prepare(), [55.0])
    texts = [child.value for child in live.view.rows.row(live.parameters.all[0]).box.children[1:2]]
    assert "<script>" not in texts[0]
    assert "&lt;script&gt;" in texts[0]


def test_a_drag_is_drawn_once_it_has_come(live):
    mu, view = row(live, "mu"), live.view
    before = view.redraws

    async def drag():
        for value in range(100, 200):
            mu.slider.value = value
        assert view.redraws == before
        await asyncio.sleep(0.5)

    asyncio.run(drag())
    assert view.redraws == before + 1
    assert live.values["mu"] == pytest.approx(3.0 * 199 / STEPS)


def test_what_a_notebook_is_given(live):
    shown = live._repr_mimebundle_()
    assert shown["application/vnd.jupyter.widget-view+json"]["model_id"] == live.view.box.model_id
    assert base64.b64decode(shown["image/png"]) == live.png()
    assert shown["text/plain"] == "Live(5 parameters against data; 0 values moved)"


def test_without_ipywidgets_it_is_a_picture(live, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    monkeypatch.delitem(sys.modules, "smoothfit.live.view", raising=False)
    live.set({"mu": 2.0})
    shown = live._repr_mimebundle_()
    line = "pip install 'smoothfit[notebook]'"
    assert line in shown["text/plain"]
    assert shown["text/html"].count("smoothfit[notebook]") == 1
    assert base64.b64decode(shown["image/png"]).startswith(b"\x89PNG")
    with pytest.raises(MissingPackageError, match="ipywidgets"):
        _ = live.view


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match="notebook"):
        smoothfit.interactive(two_channels(), OBS)

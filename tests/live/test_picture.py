"""The picture of a live model: its pixels against yields, and against a picture that is drawn at once."""

from __future__ import annotations

import io

import numpy as np
import pytest
from live_models import OBS, two_channels

import smoothfit
from smoothfit import Model, Process, Variable
from smoothfit.live.png import encode

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")


def pixels(png):
    """(row, column, RGB), read by another library."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_png_is_read_as_it_was():
    rng = np.random.default_rng(0)
    given = rng.integers(0, 256, (13, 17, 4), dtype=np.uint8)
    np.testing.assert_array_equal(pixels(encode(given)), given[..., :3])


def height_of(live, channel, place):
    """The height of the coloured part above a place on the axis of a channel, in events, from the PNG."""
    seen = pixels(live.png())
    panel = next(p for p in live._picture._panels if p.channel.name == channel)
    axes, figure_height = panel.above, seen.shape[0]
    column, bottom = axes.transData.transform((place, 0.0))
    _, top = axes.transData.transform((place, 1.0))
    box = axes.get_window_extent()
    of_axes = seen[figure_height - int(box.y1) + 2 : figure_height - int(box.y0) - 2, round(column)]
    coloured = np.ptp(of_axes, axis=1) > 40
    return coloured.sum() / (top - bottom), 3.0 / (top - bottom)


@pytest.mark.parametrize("mu", [0.4, 1.0, 2.6])
def test_bars_are_as_high_as_the_yields(mu):
    strength = Variable("mu", 1.0, lower_bound=0.0)
    sig = Process("sig", [5.0, 20.0, 8.0]).scale_by(strength)
    model = Model().add_proc(sig).add_proc(Process("bkg", [50.0, 40.0, 60.0])).prepare()
    live = smoothfit.interactive(model)
    live.use("none")
    live.show(ghost=False)
    live.set({"mu": 1.0})
    live.png()
    live.set({"mu": mu})
    for i, expected in enumerate(model.pred({"mu": mu})):
        # Beside the middle of the bin, where a point of data would be.
        found, resolution = height_of(live, "main", i + 1.2)
        assert abs(found - expected) < resolution


def test_moved_pictures_are_those_drawn_at_once():
    live = smoothfit.interactive(two_channels(), OBS)
    first = live.png()
    for mu in (1.5, 2.0, 0.2):
        live.set({"mu": mu, "jes": mu - 1.0})
        moved = live.png()
        assert moved != first
        fresh = smoothfit.interactive(live._model, OBS)
        fresh.png()
        fresh.set(live.x)
        for panel, other in zip(live._picture._panels, fresh._picture._panels, strict=True):
            for axes, same in ((panel.above, other.above), (panel.below, other.below)):
                same.set_ylim(axes.get_ylim())
        # The same axes, so that only what moves is compared.
        fresh._picture._draw_background()
        np.testing.assert_array_equal(pixels(moved), pixels(fresh.png()))
    live.reset()
    live.png()
    assert live._picture.layouts == 1


def test_axes_are_drawn_anew_only_where_yields_leave_them():
    live = smoothfit.interactive(two_channels(), OBS)
    live.png()
    drawn = live._picture.backgrounds
    for mu in np.linspace(0.9, 1.1, 5):
        live.set({"mu": mu})
        live.png()
    assert live._picture.backgrounds == drawn
    live.set({"mu": 30.0})
    live.png()
    assert live._picture.backgrounds == drawn + 1
    assert live._picture.layouts == 1
    panel = live._picture._panels[0]
    assert panel.above.get_ylim()[1] > live.yields().total[:2].max()


def test_what_is_shown():
    live = smoothfit.interactive(two_channels(), OBS, channels=["CR"])
    live.png()
    picture = live._picture
    assert [p.channel.name for p in picture._panels] == ["CR"]
    live.show(channels=["SR", "CR"], log=True, ghost=False)
    live.png()
    assert [p.above.get_yscale() for p in picture._panels] == ["log", "log"]
    assert [len(p._ghosts) for p in picture._panels] == [0, 0]
    legend = [t.get_text() for t in picture._canvas.figure.legends[0].get_texts()]
    assert legend == ["Data", "sig", "bkg"]
    live.use_asimov()
    live.png()
    legend = [t.get_text() for t in picture._canvas.figure.legends[0].get_texts()]
    assert legend == ["Asimov data", "sig", "bkg"]
    live.use("none")
    live.show(ghost=True, channels="SR")
    live.png()
    legend = [t.get_text() for t in picture._canvas.figure.legends[0].get_texts()]
    assert legend == ["Total, pre-fit", "sig", "bkg"]
    # Nothing to tell apart: 2% to either side, and room.
    assert picture._panels[0].below.get_ylim() == pytest.approx((0.975, 1.025))


def test_points_are_data_over_the_expectation():
    live = smoothfit.interactive(two_channels(), OBS)
    live.set({"mu": 1.4})
    live.png()
    above, below = live._picture._panels[0]._points
    np.testing.assert_allclose(above.line.get_ydata(), OBS[:2])
    np.testing.assert_allclose(below.line.get_ydata(), OBS[:2] / live._model.pred(live.x)[:2])
    down, up = np.array(below.bars.get_segments())[:, :, 1].T
    # Garwood's interval of 60 events, R. Cousins et al.: 52.3 to 68.8.
    assert down[0] * live._model.pred(live.x)[0] == pytest.approx(52.28, abs=0.02)
    assert up[0] * live._model.pred(live.x)[0] == pytest.approx(68.80, abs=0.02)


def test_of_very_many_processes_the_smallest_are_one():
    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("sig", [0.1, 0.2], signal=True).scale_by(mu))
    for i in range(19):
        model.add_proc(Process(f"b{i:02}", [1.0 + i, 2.0]))
    live = smoothfit.interactive(model.prepare())
    live.set({"mu": 3.0})
    record = live._record(live.at_values().processes, "live")
    assert [p.name for p in record.processes] == ["sig", *(f"b{i:02}" for i in range(5, 19)), "5 others"]
    np.testing.assert_allclose(sum(record.per_process.values()), model.pred({"mu": 3.0}))
    np.testing.assert_allclose(record.per_process["5 others"], [15.0, 10.0])
    live.png()
    legend = [t.get_text() for t in live._picture._canvas.figure.legends[0].get_texts()]
    assert legend[2] == "sig"
    assert "5 others" in legend


def test_yields_that_are_zero_or_negative_are_drawn():
    mu = Variable("mu", 1.0)
    sig = Process("sig", [5.0, 20.0, 0.0]).scale_by(mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", [10.0, 10.0, 0.0])).prepare()
    for log in (False, True):
        live = smoothfit.interactive(model, [3.0, 0.0, 0.0], log=log)
        for value in (1.0, -1.0, -4.0, 0.0):
            live.set({"mu": value})
            assert live.png().startswith(b"\x89PNG")
    live.set({"mu": -4.0})
    assert live.standing().nll == model.nll({"mu": -4.0}, [3.0, 0.0, 0.0])


def test_no_global_state_of_matplotlib():
    import matplotlib
    from matplotlib import _pylab_helpers

    before = dict(matplotlib.rcParams)
    smoothfit.interactive(two_channels(), OBS).png()
    assert dict(matplotlib.rcParams) == before
    assert not _pylab_helpers.Gcf.figs

"""The style: what it takes from the user, what it leaves alone, and whether all eyes can read it."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from docs.gallery import crowds, pictures
from docs.gallery.subjects import Subject, make
from smoothfit import plot
from smoothfit.errors import InvalidTypeError, InvalidValueError, OutputFileError
from smoothfit.plot import _limits, _style
from smoothfit.results import Pulls

matplotlib = pytest.importorskip("matplotlib")

# From linear sRGB: what is seen without medium, or without long cones (Machado, Oliveira, Fernandes 2009).
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]
PLAIN = np.eye(3)
GREY = [[0.2126, 0.7152, 0.0722]] * 3
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour, seen=PLAIN):
    """CIE L*a*b* of a colour as it is seen."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = XYZ @ np.clip(np.asarray(seen) @ linear, 0.0, 1.0) / XYZ.sum(axis=1)
    f = [t ** (1.0 / 3.0) if t > 0.008856 else 7.787 * t + 16.0 / 116.0 for t in (x, y, z)]
    return np.array([116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])])


def distance(a, b, seen):
    return float(np.linalg.norm(lab(a, seen) - lab(b, seen)))


def test_the_measure_of_colours():
    np.testing.assert_allclose(lab("#ffffff"), [100.0, 0.0, 0.0], atol=0.02)
    np.testing.assert_allclose(lab("#ff0000"), [53.24, 80.09, 67.20], atol=0.05)
    # Red and green of one lightness are what deuteranopes confuse.
    assert distance("#b00000", "#5d7300", DEUTERANOPIA) < 0.35 * distance("#b00000", "#5d7300", np.eye(3))


@pytest.mark.parametrize("seen", [DEUTERANOPIA, PROTANOPIA], ids=["deuteranopia", "protanopia"])
def test_colours_that_stand_for_something_differ_for_the_colour_blind(seen):
    pairs = [(_style.UP, _style.DOWN), (_style.UP, _style.DOWN_LINE), _limits.BANDS[:2]]
    pairs += [(_style.LINES[i], _style.LINES[j]) for i in range(3) for j in range(i)]
    assert min(distance(*pair, seen) for pair in pairs) > 20.0
    # Of ten processes any two; alike ones are told apart by lines and their order.
    ten = _style.PALETTE
    assert min(distance(ten[i], ten[j], seen) for i in range(6) for j in range(i)) > 12.0


def test_what_is_up_and_what_is_down_differ_in_grey():
    for a, b in ((_style.UP, _style.DOWN), _limits.BANDS[:2], (_style.FILL, _style.DOWN_LINE)):
        assert abs(lab(a, GREY)[0] - lab(b, GREY)[0]) > 15.0


def make_pulls(count=5):
    return Pulls(tuple(f"n_{i}" for i in range(count)), (None,) * count, np.zeros(count), np.ones(count))


def test_settings_of_matplotlib_are_left_alone():
    before = dict(matplotlib.rcParams)
    plot.pulls(make_pulls()).draw_without_rendering()
    with pytest.raises(InvalidTypeError):
        plot.pulls(3)
    assert dict(matplotlib.rcParams) == before


def ticks_of(figure):
    figure.draw_without_rendering()
    tick = figure.axes[0].xaxis.get_major_ticks()[0]
    return tick._tickdir, tick.label1.get_fontsize(), tick.tick2line.get_visible()


def test_taste_is_the_users_and_sizes_are_ours():
    ours = ticks_of(plot.pulls(make_pulls()))
    assert ours == ("in", _style.TINY, True)
    with matplotlib.rc_context({"xtick.direction": "inout", "font.size": 26.0, "xtick.labelsize": 40.0}):
        assert ticks_of(plot.pulls(make_pulls())) == ("inout", _style.TINY, True)


def test_a_figure_keeps_its_style():
    figure = plot.pulls(make_pulls())
    with matplotlib.rc_context({"xtick.labelsize": 40.0, "xtick.direction": "out"}):
        assert ticks_of(figure) == ("in", _style.TINY, True)


def test_a_style_of_mplhep_changes_no_size():
    mplhep = pytest.importorskip("mplhep")
    plain = plot.pulls(make_pulls())
    with matplotlib.rc_context():
        matplotlib.rcParams.update({k: v for k, v in mplhep.style.CMS.items() if k in matplotlib.rcParams})
        styled = plot.pulls(make_pulls())
        figure = plot.labelled(styled, "CMS", "Preliminary", lumi=138, energy=13)
        figure.draw_without_rendering()
    assert styled.get_size_inches()[0] == plain.get_size_inches()[0]
    assert ticks_of(styled)[1] == _style.TINY
    family = styled.axes[0].xaxis.label.get_fontfamily()
    assert family == list(mplhep.style.CMS["font.family"]) or family == [mplhep.style.CMS["font.family"]]


def sized(name):
    subject = make(name)
    for picture in pictures.drawable(subject):
        # The correlations of 300 parameters are of a fit, which takes longer than the rest.
        if "fit" not in pictures.PICTURES[picture].needs and picture not in ("contours", "unfolding"):
            yield picture, pictures.PICTURES[picture].draw(subject)


def texts_of(figure):
    import matplotlib.text

    return [t for t in figure.findobj(matplotlib.text.Text) if t.get_visible() and t.get_text().strip()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["few", "many"])
def test_pictures_of_five_and_of_three_hundred_entries_fit_a_slide(name):
    for picture, figure in sized(name):
        width, height = figure.get_size_inches()
        assert width <= _style.SLIDE[0], picture
        assert height <= _style.SLIDE[1] + 1e-9, picture
        figure.draw_without_rendering()
        assert min(t.get_fontsize() for t in texts_of(figure)) >= _style.TINIEST, picture
        # Nothing is cut off: what is in a layout stays in the figure.
        box = figure.get_tightbbox().padded(-0.03)
        assert box.x0 >= -0.02, picture
        assert box.x1 <= width + 0.02, picture
        assert box.y0 >= -0.02, picture
        assert box.y1 <= height + 0.02, picture


@pytest.mark.slow
def test_names_of_three_hundred_pulls_do_not_overlap():
    figure = plot.pulls(make("many")["pulls"])
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
        assert all(a.y0 >= b.y1 - 1.5 for a, b in pairwise(boxes))
        assert min(box.x0 for box in boxes) >= 0.0


def test_pages():
    figures = plot.pages(plot.pulls, make_pulls(7), n=3)
    shown = [[t.get_text() for t in figure.axes[0].get_yticklabels()] for figure in figures]
    assert shown == [["n_0", "n_1", "n_2"], ["n_3", "n_4", "n_5"], ["n_6"]]
    assert figures[1].legends[0].get_title().get_text() == "page 2 of 3"
    assert len(plot.pages(plot.pulls, make_pulls(0))) == 1
    with pytest.raises(InvalidValueError, match="page 4 of 3: there is no such page"):
        plot.pulls(make_pulls(7), n=3, page=4)
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(InvalidValueError, match="page must be a whole number from 1 on"):
            plot.pulls(make_pulls(), page=wrong)


def test_pages_are_one_pdf(tmp_path):
    figures = plot.pages(plot.pulls, make_pulls(4), n=2)
    plot.save_figure(figures, tmp_path / "pulls.pdf")
    assert (tmp_path / "pulls.pdf").read_bytes().count(b"/Type /Page /") == 2
    with pytest.raises(OutputFileError, match=r"2 figures are pages of a \.pdf"):
        plot.save_figure(figures, tmp_path / "pulls.png")
    assert not (tmp_path / "pulls.png").exists()


def test_a_command_writes_all_pages_into_a_pdf(tmp_path):
    from types import SimpleNamespace

    from smoothfit.cli.outputs import write_outputs

    figure = plot.pulls(make_pulls(4), n=2)
    write_outputs(SimpleNamespace(json=None, plot=tmp_path / "pulls.pdf"), "", figure)
    assert (tmp_path / "pulls.pdf").read_bytes().count(b"/Type /Page /") == 2
    write_outputs(SimpleNamespace(json=None, plot=tmp_path / "pulls.png"), "", figure)
    assert (tmp_path / "pulls.png").stat().st_size > 1000
    assert plot.all_pages(plot.pulls(make_pulls(2)))[0].again is None


def test_the_experiments_name_is_above_all():
    figure = plot.pulls(make_pulls(), n=3)
    height = figure.get_size_inches()[1]
    assert plot.labelled(figure, "CMS", "Preliminary", lumi=138, energy="13.6 TeV") is figure
    figure.draw_without_rendering()
    assert figure.get_size_inches()[1] > height
    names = [text.get_text() for text in figure.texts]
    assert names == ["CMS", "Preliminary", "138 fb$^{-1}$ (13.6 TeV)"]
    lowest = min(text.get_window_extent().y0 for text in figure.texts)
    heading = figure.legends[0].get_title()
    below = [axes.get_window_extent().y1 for axes in figure.axes]
    # The heading begins with empty lines, in which the name stands.
    assert lowest > max(below)
    assert heading.get_text().strip() == "page 1 of 2"
    with pytest.raises(InvalidTypeError, match=r"a figure that smoothfit\.plot made, got Figure"):
        plot.labelled(matplotlib.figure.Figure(), "CMS")


def test_names_lose_their_middle():
    assert _style.shortened("short") == "short"
    long = "CMS_scale_j_absolute_13TeV_correlated_2018"
    assert len(_style.shortened(long, 20)) == 20
    assert _style.shortened(long, 20).endswith("_2018")
    assert _style.label_text(None, "a_{x}") == "a_{x}"
    assert _style.label_text("k_{tt}", "k") == "$k_{tt}$"


EVIL = (r"\frac{{1}}{{ {}", "${}_", "{}^_%&#", r"a\notacommand{}", r"$\alpha${}", "ünïcode ∑ {}")


def spoilt(monkeypatch, n):
    monkeypatch.setattr(crowds, "_NAMES", EVIL)
    monkeypatch.setattr(crowds, "_labels", lambda count: tuple(EVIL[i % 6].format(i) for i in range(count)))
    return Subject("spoilt", crowds.recipes(n))


@pytest.mark.parametrize("picture", ["pulls", "impacts_pois", "breakdown"])
def test_names_and_labels_that_cannot_be_set(monkeypatch, picture):
    figure = pictures.PICTURES[picture].draw(spoilt(monkeypatch, 6))
    figure.draw_without_rendering()
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    # Broken LaTeX falls back to the name; a dollar in a name is a dollar.
    assert any(text.startswith(r"\$1_") for text in shown) or picture == "pulls"
    assert len(shown) >= 6


@pytest.mark.slow
def test_no_name_breaks_a_picture(monkeypatch):
    subject = spoilt(monkeypatch, 6)
    record = subject["postfit"]
    renamed = [dataclasses.replace(c, label=EVIL[i], unit=EVIL[0]) for i, c in enumerate(record.channels)]
    processes = [dataclasses.replace(p, label=EVIL[i]) for i, p in enumerate(record.processes)]
    subject.made["postfit"] = dataclasses.replace(
        record, title=EVIL[0], channels=tuple(renamed), processes=tuple(processes)
    )
    subject.made["unfolding"] = dataclasses.replace(subject["unfolding"], label=EVIL[0], unit=EVIL[1])
    (variations,) = subject["variations"]
    subject.made["variations"] = [dataclasses.replace(variations, name=EVIL[1], label=EVIL[0])]
    for picture in pictures.drawable(subject):
        pictures.PICTURES[picture].draw(subject).draw_without_rendering()
    figure = plot.labelled(plot.pulls(make_pulls()), EVIL[1], EVIL[0], lumi=EVIL[0], energy=EVIL[1])
    figure.draw_without_rendering()

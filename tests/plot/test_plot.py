"""Pictures: their structure, not their pixels."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm, poisson

from smoothfit import plot
from smoothfit.errors import InvalidTypeError, MissingPackageError, OutputFileError, UnknownNameError
from smoothfit.layout import ChannelInfo, ProcessInfo
from smoothfit.plot._style import fill_of, label_text
from smoothfit.results import Pulls, Yields
from smoothfit.results.yields import poisson_interval

pytest.importorskip("matplotlib")

N_BINS = 4


def make_yields(n_channels=2, n_processes=3, title="pre-fit", scale=1.0):
    channels = [
        ChannelInfo("SR_1", 0, N_BINS, np.array([0.0, 1.0, 2.0, 4.0, 8.0]), r"m_{\ell\ell}", "GeV"),
        *(ChannelInfo(f"CR_{i}", i * N_BINS, (i + 1) * N_BINS) for i in range(1, n_channels)),
    ]
    processes = [ProcessInfo("sig", ("sig",), False, True, r"$t\bar{t}H$")]
    processes += [ProcessInfo(f"bkg_{i}", (f"bkg_{i}",), False, False) for i in range(1, n_processes)]
    shape = np.tile([40.0, 30.0, 20.0, 10.0], n_channels) * scale
    parts = {p.name: shape / (i + 1) for i, p in enumerate(processes)}
    total = sum(parts.values())
    return Yields(title, tuple(channels), tuple(processes), parts, total, 0.1 * total, np.round(total * 1.05))


def make_pulls(count=3):
    rng = np.random.default_rng(7)
    names = tuple(f"nuisance_{i}" for i in range(count))
    return Pulls(names, (r"\theta_0", *(None,) * (count - 1)), rng.normal(size=count), np.full(count, 0.8))


def draw(figure):
    """Run everything that matplotlib puts off until a figure is drawn."""
    figure.draw_without_rendering()
    return figure


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_yields_draws_stack_data_band_and_ratio():
    record = make_yields()
    figure = draw(plot.yields(record))
    assert len(figure.axes) == 4
    assert legend_of(figure) == ["Data", "Uncertainty", "$t\\bar{t}H$", "bkg_1", "bkg_2"]
    above, below = figure.axes[:2]
    assert above.get_title(loc="left") == "SR_1"
    assert below.get_xlabel() == "$m_{\\ell\\ell}$ [GeV]"
    assert figure.axes[3].get_xlabel() == "Bin"
    assert above.get_xlim() == (0.0, 8.0)
    top = above.patches[-1].get_data()
    np.testing.assert_allclose(top.values, record.total[:N_BINS])
    np.testing.assert_allclose(top.baseline, record.total[:N_BINS] - record.per_process["sig"][:N_BINS])
    points = above.containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(points, np.stack([[0.5, 1.5, 3.0, 6.0], record.obs[:N_BINS]], axis=1))
    ratios = below.containers[0].lines[0].get_ydata()
    np.testing.assert_allclose(ratios, record.obs[:N_BINS] / record.total[:N_BINS])
    assert above.collections[0].get_hatch()


def test_another_record_is_a_dashed_line():
    other = make_yields(title="pre-fit", scale=0.9)
    figure = plot.yields(make_yields(title="post-fit"), other=other)
    assert "Total, pre-fit" in legend_of(figure)
    line = figure.axes[0].patches[-1]
    np.testing.assert_allclose(line.get_data().values, other.total[:N_BINS])
    assert line.get_linestyle() not in ("-", "solid")


@pytest.mark.parametrize(("n_channels", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 2, 2), (4, 2, 2)])
def test_channels_wrap_to_two_columns(n_channels, rows, columns):
    figure = plot.yields(make_yields(n_channels))
    grid = figure.axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == (2 * rows, columns)
    assert len(figure.axes) == 2 * n_channels


def test_channels_are_chosen_by_name():
    figure = plot.yields(make_yields(3), channels=["CR_2"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["CR_2", ""]
    with pytest.raises(UnknownNameError, match="CR_7"):
        plot.yields(make_yields(3), channels=["CR_7"])


def test_the_axis_is_logarithmic_over_many_decades():
    record = make_yields(1)
    steep = np.array([1e5, 1e3, 10.0, 0.1])
    parts = dict.fromkeys(record.per_process, steep)
    record = dataclasses.replace(record, per_process=parts, total=3 * steep, total_error=steep, obs=3 * steep)
    assert draw(plot.yields(record)).axes[0].get_yscale() == "log"
    assert draw(plot.yields(record, log=False)).axes[0].get_yscale() == "linear"


def test_blinded_data_are_not_drawn():
    record = dataclasses.replace(make_yields(), blinded=frozenset({"SR_1"}))
    figure = plot.yields(record)
    assert figure.axes[0].containers == []
    assert len(figure.axes[2].containers) == 1


def test_what_a_blinded_parameter_moves_is_not_drawn():
    record = dataclasses.replace(
        make_yields(), hidden=np.array([[True, False], [False, False], [False, False]])
    )
    figure = draw(plot.yields(record, other=record))
    assert "$t\\bar{t}H$ (blinded)" in legend_of(figure)
    signal, total = record.per_process["sig"][:N_BINS], record.total[:N_BINS]
    background = total - signal
    for axes in figure.axes[:2]:
        drawn = [np.asarray(patch.get_data().values) for patch in axes.patches]
        drawn += [path.vertices[:, 1] for band in axes.collections for path in band.get_paths()]
        for values in drawn:
            assert not np.any(np.isclose(np.nan_to_num(values), total[0]))
    tops = [np.asarray(patch.get_data().values) for patch in figure.axes[0].patches]
    assert any(np.allclose(values, background) for values in tops)
    assert figure.axes[0].get_ylim()[1] > background.max()
    # Data beside what is left of the total would tell the rest.
    assert [len(axes.containers) for axes in figure.axes] == [0, 0, 1, 1]
    # The other channel is as it was.
    tops = [np.asarray(patch.get_data().values) for patch in figure.axes[2].patches]
    assert any(np.allclose(values, record.total[N_BINS:]) for values in tops)


def test_no_data_and_no_usable_errors():
    record = make_yields(1)
    record = dataclasses.replace(record, obs=None, total_error=np.full(N_BINS, np.nan))
    assert "Data" not in legend_of(draw(plot.yields(record)))


def test_empty_and_negative_bins():
    record = make_yields(1)
    total = np.array([0.0, -1.0, 5.0, 0.0])
    draw(plot.yields(dataclasses.replace(record, total=total, total_error=np.zeros(4), obs=np.zeros(4))))
    nothing = np.zeros(4)
    parts = dict.fromkeys(record.per_process, nothing)
    draw(plot.yields(dataclasses.replace(record, per_process=parts, total=nothing, total_error=nothing)))


def test_pulls_are_labelled_and_ordered():
    record = make_pulls()
    axes = draw(plot.pulls(record)).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["$\\theta_0$", "nuisance_1", "nuisance_2"]
    np.testing.assert_allclose(axes.containers[0].lines[0].get_xdata(), record.pull)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first is on top


def test_members_of_a_set_are_told_apart():
    record = Pulls(("a_1", "a_2"), ("a", "a"), np.zeros(2), np.ones(2))
    assert [text.get_text() for text in plot.pulls(record).axes[0].get_yticklabels()] == ["a_1", "a_2"]


def test_many_pulls_go_to_columns_and_the_largest_can_be_chosen():
    record = make_pulls(150)
    assert len(plot.pulls(record).axes) == 3
    figure = plot.pulls(record, largest=5)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == list(record.largest(5).names)


def test_names_of_61_pulls_do_not_overlap():
    figure = draw(plot.overview(make_yields(4, 8), make_yields(4, 8, "post-fit"), make_pulls(61)))
    boxes = [text.get_window_extent() for text in figure.axes[-1].get_yticklabels()]
    assert len(boxes) == 61
    assert all(upper.y0 >= lower.y1 - 1.0 for upper, lower in pairwise(boxes))
    assert min(box.x0 for box in boxes) > 0.0


def test_overview_has_both_fits_on_one_scale():
    figure = draw(plot.overview(make_yields(2), make_yields(2, title="post-fit", scale=1.5), make_pulls()))
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == ["SR_1  (pre-fit)", "SR_1  (post-fit)", "CR_1  (pre-fit)", "CR_1  (post-fit)", "Pulls"]
    assert figure.axes[0].get_ylim() == figure.axes[2].get_ylim()


def test_overview_leaves_out_what_is_not_there():
    none = Pulls((), (), np.zeros(0), np.zeros(0))
    assert len(draw(plot.overview(make_yields(2), None, none)).axes) == 4
    assert len(draw(plot.overview(make_yields(14))).axes) == 14
    assert "largest" in plot.overview(make_yields(1), None, make_pulls(90)).axes[-1].get_title(loc="left")


@pytest.mark.parametrize("label", [r"\frac{1", r"\notacommand", r"$\alpha"])
def test_labels_that_cannot_be_set_are_replaced_by_the_name(label):
    record = Pulls(("the_name",), (label,), np.zeros(1), np.ones(1))
    figure = draw(plot.pulls(record))
    assert figure.axes[0].get_yticklabels()[0].get_text() in ("the_name", label)
    assert label_text(r"\notacommand", "the_name") == "the_name"


def test_the_first_twenty_processes_look_different():
    assert len({fill_of(i) for i in range(20)}) == 20


@pytest.mark.parametrize("count", [1, 3, 50])
def test_intervals_of_counts_are_garwoods(count):
    # Its definition: 15.87% to see as many or more at the lower end, as few or fewer at the upper.
    down, up = poisson_interval(np.array([float(count)]))
    assert poisson.sf(count - 1, count - down[0]) == pytest.approx(norm.cdf(-1.0))
    assert poisson.cdf(count, count + up[0]) == pytest.approx(norm.cdf(-1.0))


@pytest.mark.parametrize("ending", ["png", "pdf", "svg", "jpg"])
def test_figures_are_saved(tmp_path, ending):
    path = tmp_path / f"picture.{ending}"
    plot.save_figure(plot.pulls(make_pulls()), path)
    assert path.stat().st_size > 1000
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["picture", "picture.txt", "missing/picture.png", ".png"])
def test_figures_that_cannot_be_saved(tmp_path, name):
    with pytest.raises(OutputFileError):
        plot.save_figure(plot.pulls(make_pulls()), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (
            lambda: plot.yields(make_pulls()),
            r"plot\.yields draws a Yields record, got Pulls; .*model\.yields",
        ),
        (lambda: plot.pulls(make_yields()), r"plot\.pulls draws a Pulls record, got Yields; .*model\.pulls"),
    ],
)
def test_a_picture_of_something_else(draw, words):
    with pytest.raises(InvalidTypeError, match=words):
        draw()


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackageError, match=r"smoothfit\[plot\]"):
        plot.pulls(make_pulls())


def test_no_pyplot_and_no_matplotlib_before_a_picture():
    code = (
        "import sys, smoothfit.plot; assert 'matplotlib' not in sys.modules\n"
        "import numpy as np; from smoothfit.results import Pulls\n"
        "smoothfit.plot.pulls(Pulls(('a',), (None,), np.zeros(1), np.ones(1)))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

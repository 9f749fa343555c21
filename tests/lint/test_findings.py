"""One model a kind of finding that has exactly this defect, and its twin that has not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import small_models

from smoothfit import errors, read_datacard, read_pyhf
from smoothfit.constraints import Gaussian
from smoothfit.eft import Dim6EFTMorphing
from smoothfit.examples import path as example_path
from smoothfit.lint import KINDS, Thresholds
from smoothfit.model import ChannelContrib, Model, Process, Variable

SIGNAL = np.array([3.0, 6.0, 9.0, 6.0, 3.0, 2.0])
BACKGROUND = np.array([400.0, 300.0, 220.0, 160.0, 110.0, 80.0])
DATA = np.array([402.0, 309.0, 230.0, 158.0, 118.0, 77.0])
TREND = np.linspace(-1.0, 1.0, 6)


class Parts:
    """A sound model of one channel, of which a test spoils one thing."""

    def __init__(self):
        self.mu = Variable("mu", 1.0, lower_bound=-5.0, upper_bound=20.0)
        self.lumi, self.jes = (Variable(name, 0.0, nuisance=True) for name in ("lumi", "jes"))
        self.signal, self.background = SIGNAL.copy(), BACKGROUND.copy()
        self.signal_sumw2, self.background_sumw2 = 0.01 * SIGNAL, 0.1 * BACKGROUND
        self.up, self.down = BACKGROUND * (1.0 + 0.05 * TREND), BACKGROUND * (1.0 - 0.05 * TREND)
        self.kappa = 1.02
        self.obs = DATA.copy()

    def model(self):
        sig = Process("sig", signal=True).add_contrib(ChannelContrib("SR", self.signal, self.signal_sumw2))
        bkg = Process("bkg").add_contrib(ChannelContrib("SR", self.background, self.background_sumw2))
        sig.scale_by(self.mu).add_lnN(self.lumi, self.kappa)
        bkg["SR"].add_shape(self.jes, self.up, self.down, kind="raw")
        return Model().add_proc(sig).add_proc(bkg.add_lnN(self.lumi, self.kappa))


def found(parts, spoil=None, **thresholds):
    """{kind: findings} of a model of these parts."""
    model = parts.model()
    if spoil is not None:
        spoil(model, parts)
    findings = model.prepare().lint(parts.obs, thresholds=Thresholds(**thresholds))
    return {kind: findings.of(kind) for kind in findings.kinds}


def test_a_sound_model_has_no_finding():
    model = Parts().model().prepare()
    findings = model.lint(DATA)
    assert len(findings) == 0
    assert repr(findings).startswith("Nothing was found.")
    assert "Without data" in repr(model.lint())


COVERED = set()


def covers(kind):
    """Marks the test of a kind."""
    COVERED.add(kind)
    return lambda test: test


def case(kind, where, figure, severity=None):
    """A test function spoils parts; the model before and after that is looked at."""
    COVERED.add(kind)

    def decorate(spoil):
        def test():
            assert found(Parts()) == {}
            parts = Parts()
            kinds = found(parts, spoil(parts))
            assert list(kinds) == [kind]
            (finding,) = kinds[kind]
            assert finding.where == where
            assert finding.severity == (severity or KINDS[kind].severity)
            assert finding.figure == (figure if figure is None else pytest.approx(figure, rel=1e-9))

        return test

    return decorate


@case("negative-bin", "sig in SR, bin 5", -1.0)
def test_negative_bin(parts):
    parts.signal[5] = -1.0


@case("empty-bin", "SR, bin 5", 1)
def test_empty_bin(parts):
    for array in (
        parts.signal,
        parts.background,
        parts.up,
        parts.down,
        parts.signal_sumw2,
        parts.background_sumw2,
    ):
        array[5] = 0.0
    parts.obs[5] = 0.0


def empty_but_data(parts):
    test_empty = (parts.signal, parts.background, parts.up, parts.down)
    for array in (*test_empty, parts.signal_sumw2, parts.background_sumw2):
        array[5] = 0.0


@covers("data-without-expectation")
def test_data_without_expectation():
    parts = Parts()
    empty_but_data(parts)
    kinds = found(parts)
    assert list(kinds) == ["data-without-expectation", "empty-bin"]
    (finding,) = kinds["data-without-expectation"]
    assert (finding.where, finding.figure, finding.severity) == ("SR, bin 5", 77.0, "error")
    # A template that may fill the bin explains the data.
    parts.up[5] = 1.0
    assert "data-without-expectation" not in found(parts)


@covers("negative-expectation")
def test_negative_expectation():
    parts = Parts()
    parts.background[5] = parts.up[5] = parts.down[5] = -3.0
    kinds = found(parts)
    assert set(kinds) >= {"negative-bin", "negative-expectation"}
    (finding,) = kinds["negative-expectation"]
    assert (finding.where, finding.severity) == ("SR, bin 5", "error")
    assert finding.figure == pytest.approx(2.0 - 3.0, rel=1e-9)


@case("signal-without-background", "SR, bin 5", 2.0)
def test_signal_without_background(parts):
    for array in (parts.background, parts.up, parts.down, parts.background_sumw2):
        array[5] = 0.0


@case("signal-without-background", "SR, bin 5", 2.0)
def test_signal_with_hardly_any_background(parts):
    for array in (parts.background, parts.up, parts.down):
        array[5] = 1e-6
    parts.background_sumw2[5] = 1e-12


@case("no-data", "SR", SIGNAL.sum() + BACKGROUND.sum())
def test_no_data(parts):
    parts.obs[:] = 0.0


@case("empty-process", "none in SR", 0.0)
def test_empty_process(parts):
    return lambda model, parts: model.add_proc(
        Process("none", 0.0 * SIGNAL, channel="SR", sumw2=0.0 * SIGNAL)
    )


@case("no-mc-errors", "bkg in SR", BACKGROUND.sum() / (SIGNAL.sum() + BACKGROUND.sum()))
def test_no_mc_errors_of_a_process(parts):
    parts.background_sumw2 = None


@case("no-mc-errors", "SR, all processes", 1.0)
def test_no_mc_errors(parts):
    parts.background_sumw2 = parts.signal_sumw2 = None


def test_factors_of_bins_are_mc_errors():
    parts = Parts()
    parts.background_sumw2 = parts.signal_sumw2 = None
    gamma = Variable("gamma", np.ones(6), constraint=Gaussian(width=0.01))

    def add(model, parts):
        for process in model.specification.processes:
            process.scale_by(gamma, axis="bin")

    assert found(parts, add) == {}


@case("unused-variances", "SR", np.sqrt(0.1 * 80.0 + 0.01 * 2.0) / 82.0)
def test_unused_variances(parts):
    return lambda model, parts: model.set_mc_stat("none")


@case("yield-without-variance", "bkg in SR, bin 5", 80.0)
def test_yield_without_variance(parts):
    parts.background_sumw2[5] = 0.0


@case("large-mc-error", "SR, bin 5", 60.0 / 82.0)
def test_large_mc_error(parts):
    parts.background_sumw2[5] = 3600.0 - parts.signal_sumw2[5]


def shift(parts):
    return np.abs(parts.up - parts.background).sum() / parts.background.sum()


@covers("identical-templates")
def test_identical_templates():
    parts = Parts()
    parts.down = parts.up
    kinds = found(parts)
    assert list(kinds) == ["identical-templates"]
    (finding,) = kinds["identical-templates"]
    assert finding.where == "jes on bkg in SR"
    assert finding.figure == pytest.approx(shift(parts), rel=1e-12)
    parts = Parts()
    parts.kappa = (1.1, 1.1)
    kinds = found(parts)
    assert [f.where for f in kinds["identical-templates"]] == ["lumi on sig in SR", "lumi on bkg in SR"]
    assert kinds["identical-templates"][0].figure == pytest.approx(0.1, rel=1e-12)


@case("one-sided", "jes on bkg in SR", 1.0)
def test_one_sided(parts):
    parts.down = BACKGROUND.copy()


def test_one_sided_log_normals():
    parts = Parts()
    parts.kappa = (1.0, 1.1)
    (first, _) = found(parts)["one-sided"]
    assert first.figure == 1.0
    parts.kappa = (0.8, 1.3)
    assert found(parts) == {}


@case("free-systematic", "lumi", 2.0)
def test_a_log_normal_without_constraint(parts):
    parts.lumi = Variable("lumi", 0.0)


def test_a_shape_without_constraint_unless_it_is_held_or_a_term_holds_it():
    parts = Parts()
    parts.jes = Variable("jes", 0.0)
    (finding,) = found(parts)["free-systematic"]
    assert (finding.where, finding.figure) == ("jes", 1.0)

    def hold_by_a_term(model, parts):
        model.add_constraint(lambda x: -0.5 * jnp.sum(x**2), parts.jes)

    assert found(parts, hold_by_a_term) == {}
    parts.jes = Variable("jes", 0.0, fixed=True)
    assert found(parts) == {}


@covers("null-effect")
def test_null_effect():
    parts = Parts()
    parts.up = parts.down = BACKGROUND
    kinds = found(parts)
    assert list(kinds) == ["no-effect", "null-effect"]
    assert [f.where for f in kinds["null-effect"]] == ["jes on bkg in SR"]
    assert [f.where for f in kinds["no-effect"]] == ["jes"]


@covers("large-shift")
def test_large_shift():
    parts = Parts()
    parts.up[5] = 2.5 * BACKGROUND[5]
    kinds = found(parts)
    assert "large-shift" in kinds
    (finding,) = kinds["large-shift"]
    assert (finding.where, finding.figure) == ("jes on bkg in SR, bin 5", pytest.approx(1.5, rel=1e-12))
    assert "large-shift" not in found(parts, large_shift=1.6)
    # A shift out of nothing is infinite; one that nobody can see is no finding.
    parts = Parts()
    parts.background[5] = parts.background_sumw2[5] = 0.0
    parts.up[5], parts.down[5] = 0.02, 0.0
    parts.signal[5] = 1.0
    assert found(parts)["large-shift"][0].figure == np.inf
    parts.signal[5] = 10.0
    assert "large-shift" not in found(parts)


@covers("huge-normalisation")
def test_huge_normalisation():
    parts = Parts()
    parts.kappa = (0.4, 1.9)
    kinds = found(parts)
    assert list(kinds) == ["huge-normalisation"]
    assert kinds["huge-normalisation"][0].figure == pytest.approx(2.5, rel=1e-12)
    parts.kappa = (0.55, 1.9)
    assert found(parts) == {}
    parts = Parts()
    parts.up, parts.down = 5.0 * BACKGROUND, BACKGROUND / 5.0
    assert "huge-normalisation" in found(parts)
    # Templates made at three sigma are a third as bad.
    model = Parts().model()
    model.specification.processes[1]["SR"].add_shape(
        Variable("far", 0.0, nuisance=True), parts.up, parts.down, scale=1 / 3
    )
    assert "huge-normalisation" not in model.prepare().lint().kinds


@covers("noisy-shape")
def test_noisy_shape():
    parts = Parts()
    error = np.sqrt(parts.background_sumw2)
    parts.up, parts.down = (
        BACKGROUND + error * [1, -1, 1, -1, 1, -1],
        BACKGROUND - error * [1, -1, 1, -1, 1, -1],
    )
    kinds = found(parts)
    assert list(kinds) == ["noisy-shape"]
    (finding,) = kinds["noisy-shape"]
    pulls = (parts.up * BACKGROUND.sum() / parts.up.sum() - BACKGROUND) / error
    other = (parts.down * BACKGROUND.sum() / parts.down.sum() - BACKGROUND) / error
    assert finding.figure == pytest.approx(max(np.sum(pulls**2), np.sum(other**2)) / 5.0, rel=1e-9)
    # As large, but a trend; as jagged, but too large for a fluctuation, or too small to do harm.
    trend = error * [-1.2, -1, -0.8, 0.8, 1, 1.2]
    parts.up, parts.down = BACKGROUND + trend, BACKGROUND - trend
    assert found(parts) == {}
    for size in (6.0, 0.1):
        jagged = size * error * [1, -1, 1, -1, 1, -1]
        parts.up, parts.down = BACKGROUND + jagged, BACKGROUND - jagged
        assert "noisy-shape" not in found(parts)


@covers("spike")
def test_spike():
    parts = Parts()
    parts.up[2] *= 1.3
    parts.down[2] /= 1.3
    kinds = found(parts)
    assert list(kinds) == ["spike"]
    assert [f.where for f in kinds["spike"]] == [
        "jes on bkg in SR, bin 2 (up)",
        "jes on bkg in SR, bin 2 (down)",
    ]
    ratio = parts.up / BACKGROUND
    assert kinds["spike"][0].figure == pytest.approx(ratio[2] - 0.5 * (ratio[1] + ratio[3]), rel=1e-9)
    # A step is none.
    parts = Parts()
    parts.up[3:] *= 1.3
    parts.down[3:] /= 1.3
    assert found(parts) == {}


@covers("no-effect")
def test_no_effect():
    def add(model, parts):
        nothing = Variable("nothing", 1.0)
        model.specification.processes[1].scale_by_fn(lambda x: 1.0 + 0.0 * x, nothing)

    kinds = found(Parts(), add)
    assert [f.where for f in kinds["no-effect"]] == ["nothing"]
    assert list(kinds) == ["no-effect"]

    def with_term(model, parts):
        nothing = Variable("nothing", 1.0)
        model.specification.processes[1].scale_by_fn(lambda x: 1.0 + 0.0 * x, nothing)
        model.add_constraint(lambda x: -(x**2), nothing)

    assert found(Parts(), with_term) == {}


@covers("nuisance-on-no-process")
def test_nuisance_on_no_process():
    def add(model, parts):
        late = Variable("late", 0.0, nuisance=True)
        model.add_proc(Process("other", [9.0], channel="VR", sumw2=[0.1]).add_lnN(late, 1.1))

    parts = Parts()
    parts.obs = np.append(DATA, 9.0)
    assert found(parts, add) == {}

    def masked(model, parts):
        add(model, parts)
        model.mask_channels("VR")

    kinds = found(parts, masked)
    assert list(kinds) == ["nuisance-on-no-process"]
    assert kinds["nuisance-on-no-process"][0].where == "late"


@covers("collinear")
def test_collinear():
    def nuisances(model, parts):
        model.specification.processes[0].add_lnN(Variable("xsec", 0.0, nuisance=True), 1.1)

    (finding,) = found(Parts(), nuisances)["collinear"]
    assert (finding.where, finding.severity) == ("mu, xsec", "info")
    assert finding.figure == pytest.approx(1.0, abs=1e-9)

    def free(model, parts):
        model.specification.processes[0].scale_by(Variable("norm", 1.0))

    (finding,) = found(Parts(), free)["collinear"]
    assert (finding.where, finding.severity) == ("mu, norm", "error")

    def held_by_a_term(model, parts):
        norm = Variable("norm", 1.0)
        model.specification.processes[0].scale_by(norm)
        model.add_constraint(lambda x: -0.5 * (x - 1.0) ** 2 / 0.01, norm)

    (finding,) = found(Parts(), held_by_a_term)["collinear"]
    assert finding.severity == "info"

    def held(model, parts):
        model.specification.processes[0].scale_by(Variable("norm", 1.0, fixed=True))

    assert found(Parts(), held) == {}


@covers("start-at-bound")
def test_start_at_bound():
    parts = Parts()
    parts.mu = Variable("mu", 1.0, lower_bound=1.0)
    kinds = found(parts)
    assert list(kinds) == ["start-at-bound"]
    assert (kinds["start-at-bound"][0].where, kinds["start-at-bound"][0].figure) == ("mu", 1.0)


@covers("ignored-input")
def test_ignored_input(tmp_path):
    text = (
        "bin SR\nobservation 14\nbin SR SR\nprocess sig bkg\nprocess 0 1\nrate 3.0 10.0\nlumi lnN 1.02 1.02\n"
    )
    path = tmp_path / "card.txt"
    path.write_text(text)
    model, obs = read_datacard(path)
    assert "ignored-input" not in model.lint(obs).kinds
    path.write_text(text + "none lnN - -\n")
    model, obs = read_datacard(path)
    assert [f.where for f in model.lint(obs).of("ignored-input")] == [
        "line 8: none lnN: no effect on any process"
    ]


def rows_of(section):
    """Cells of the table below a heading of the page."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "lint.md").read_text()
    text = page[page.index(section) :].partition("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]


def test_every_limit_is_in_the_docs():
    rows = [(name, float(value)) for name, value, _ in rows_of("## Limits")]
    assert rows == [(field.name, field.default) for field in dataclasses.fields(Thresholds)]


def test_every_kind_has_its_test_and_its_row_in_the_docs():
    assert set(KINDS) == COVERED
    rows = rows_of("## Findings")
    assert rows == [[k.name, k.severity, k.about, k.measure] for k in KINDS.values() if k.measure] + [
        [k.name, k.severity, k.about] for k in KINDS.values() if not k.measure
    ]


# -- sound models ----------------------------------------------------------------------------------


def test_the_example_is_nearly_clean():
    model, obs = read_pyhf(example_path("ttbar_differential"))
    findings = model.lint(obs)
    assert findings.counts["error"] == 0
    # A two-point uncertainty that has one side, and efficiencies that always come together.
    assert set(findings.kinds) == {"one-sided", "collinear"}
    assert all(f.where.startswith("single_top_interference") for f in findings.of("one-sided"))
    assert len(findings) == 8


def test_morphed_templates_may_be_negative():
    c = Variable("c", [0.2], lower_bound=-3.0, upper_bound=3.0)
    basis = np.array([SIGNAL, SIGNAL * 2.0, -SIGNAL])
    eft = Process("eft", basis, channel="SR").scale_by_fn(Dim6EFTMorphing(c, [[0.0], [1.0], [-1.0]]), c)
    model = Parts().model().add_proc(eft).prepare()
    assert not {"negative-bin", "empty-process", "signal-without-background"} & set(model.lint(DATA).kinds)


@pytest.mark.parametrize("name", ["arrays", "locals", "lite_process"])
def test_models_of_every_feature(name):
    small = small_models.cached(name)
    findings = small.model.lint(small.obs)
    assert findings.counts["error"] == 0
    assert not {"no-effect", "nuisance-on-no-process", "no-data", "negative-bin"} & set(findings.kinds)


# -- the record ------------------------------------------------------------------------------------


def test_findings_as_a_record():
    parts = Parts()
    parts.background_sumw2[5] = 0.0
    parts.signal[5] = -1.0
    findings = parts.model().prepare().lint(parts.obs)
    assert [f.severity for f in findings] == ["warning", "info"]
    text = repr(findings)
    assert text.startswith("1 warning, 1 remark\n")
    assert "warning: a process has a negative yield (negative-bin)\nwhere             events" in text
    content = json.loads(findings.to_json())
    assert content["counts"] == {"error": 0, "warning": 1, "info": 1}
    assert content["findings"][0]["figure"] == -1.0
    assert set(content["findings"][0]) == {
        "severity",
        "kind",
        "where",
        "figure",
        "measure",
        "about",
        "advice",
    }
    assert "<table>" in findings._repr_html_()


def test_many_of_a_kind_are_shown_in_part():
    model = Parts().model()
    for i in range(20):
        model.add_proc(Process(f"none_{i:02d}", 0.0 * SIGNAL, channel="SR"))
    findings = model.prepare().lint()
    assert len(findings.of("empty-process")) == 20
    assert "... and 8 more" in repr(findings)
    assert repr(findings).count("none_") == 12


def test_hidden_channels_are_not_looked_at():
    parts = Parts()
    parts.obs[:] = 0.0
    model = parts.model().prepare()
    assert model.lint(parts.obs).kinds == ("no-data",)
    assert len(model.blind(channels="SR").lint(parts.obs)) == 0


def test_too_large_for_pairs():
    parts = Parts()
    findings = parts.model().prepare().lint(parts.obs, thresholds=Thresholds(largest_shifts=5))
    assert findings.left_out == ["Too many parameters and bins to look for parameters that do the same."]


def test_bad_input():
    model = Parts().model()
    with pytest.raises(errors.NotPreparedError):
        model.lint()
    model.prepare()
    with pytest.raises(errors.InvalidTypeError, match="thresholds must be Thresholds"):
        model.lint(thresholds={"spike": 1.0})
    with pytest.raises(errors.ShapeMismatchError, match="the model has 6 bins"):
        model.lint([1.0])
    for bad in (-1.0, np.nan, "1", True):
        with pytest.raises(errors.InvalidValueError, match="spike must be a number that is not negative"):
            Thresholds(spike=bad)


def test_effects_on_some_bins():
    def tail(model, parts):
        model.specification.processes[1].add_lnN(
            Variable("tail", 0.0, nuisance=True), (1.0, 1.3), bins=[4, 5]
        )

    (finding,) = found(Parts(), tail)["one-sided"]
    assert (finding.where, finding.figure) == ("tail on bkg in SR", 1.0)

    def of_one(model, parts):
        model.specification.processes[1].add_lnN(Variable("tail", 0.0, nuisance=True), 1.3, bins=[5])

    assert found(Parts(), of_one) == {}


def test_a_function_of_a_whole_process_hides_nothing():
    parts = Parts()
    parts.signal[5] = -1.0

    def add(model, parts):
        model.specification.processes[0].scale_by_fn(lambda x: x**2, Variable("square", 1.0, fixed=True))

    assert "negative-bin" in found(parts, add)


def test_functions_of_bins_are_moved_too():
    def add(model, parts):
        tilt = Variable("tilt", 0.0, nuisance=True)
        model.specification.processes[1].scale_by_fn(lambda t: 1.0 + 0.05 * t * jnp.asarray(TREND), tilt)

    (finding,) = found(Parts(), add)["collinear"]
    assert finding.where == "tilt, jes"

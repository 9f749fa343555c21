"""Processes: contributions, sub-processes, and what acts on every channel."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from smoothfit.build import ChannelContrib, Process, Scale, Systematic, Variable, total_changes
from smoothfit.errors import (
    InvalidValueError,
    NotPreparedError,
    ShapeMismatchError,
    UnknownNameError,
)


def nuisance(name="theta"):
    return Variable(name, 0.0, nuisance=True)


def two_channels():
    process = Process("bkg")
    process.add_contrib(ChannelContrib("SR", [5.0, 6.0])).add_contrib(ChannelContrib("CR", [7.0, 8.0, 9.0]))
    return process


def test_empty_process():
    process = Process("sig")
    assert (process.name, process.sub_procs, process.n_sub, process.is_array) == ("sig", ("sig",), 1, False)
    assert (process.signal, process.label) == (False, None)
    assert dict(process.contribs) == {}
    assert repr(process) == "Process('sig', channels: none)"


def test_yields_make_the_contribution_to_main():
    process = Process("sig", [50.0, 1.0], sumw2=[5.0, 0.1], signal=True, label="Signal")
    contrib = process["main"]
    assert contrib.process is process
    assert contrib.sumw2.tolist() == [[5.0, 0.1]]
    assert (process.signal, process.label) == (True, "Signal")
    assert list(Process("sig", [1.0], channel="SR").contribs) == ["SR"]
    assert repr(process) == "Process('sig', signal=True, channels: main)"


def test_it_shows_what_acts_everywhere_and_in_one_channel():
    jes = Variable("jes", 0.0, nuisance=True)
    process = Process("bkg", [5.0, 6.0], channel="SR").add_contrib(ChannelContrib("CR", [7.0]))
    process.scale_by(Variable("mu", 1.0)).add_shape(jes, [6.0, 7.0], [4.0, 5.0], channel="SR")
    shown = "Process('bkg', channels: SR, CR, effects: scale_by mu; SR: shape jes)"
    assert repr(process) == shown


def test_array_process():
    process = Process("sigs", [[50.0, 1.0], [1.0, 25.0]])
    assert (process.is_array, process.n_sub, process.sub_procs) == (True, 2, ("sigs[0]", "sigs[1]"))
    named = Process("sigs", sub_procs=["sig_1", "sig_2"])
    assert (named.is_array, named.n_sub, named.sub_procs) == (True, 2, ("sig_1", "sig_2"))
    assert Process("sig", [1.0, 2.0], sub_procs=["only"]).sub_procs == ("only",)


def test_contributions_keep_their_order():
    process = two_channels()
    assert list(process.contribs) == ["SR", "CR"]
    assert process["CR"].n_bins == 3
    with pytest.raises(TypeError):
        process.contribs["XR"] = ChannelContrib("XR", 1.0)
    with pytest.raises(UnknownNameError, match="'SR', 'CR'"):
        process["VR"]
    with pytest.raises(TypeError):
        list(process)


def test_scale_by_is_resolved_for_each_contribution():
    mu, pair = Variable("mu", 1.0), Variable("pair", [1.0, 1.0])
    process = Process("sigs", sub_procs=["a", "b"]).scale_by(mu).scale_by(pair)
    process.add_contrib(ChannelContrib("SR", np.ones((2, 5))))
    process["SR"].scale_by(Variable("bins", np.ones(5)))
    effects = process.resolved_effects(process["SR"])
    assert [effect.axis for effect in effects] == ["all", "process", "bin"]
    assert [effect.axis for effect in process.effects] == ["all", None]


def test_scale_by_waits_for_contributions():
    process = Process("sig").scale_by(Variable("bins", [1.0, 1.0, 1.0]))
    with pytest.raises(ShapeMismatchError, match=r"'sig'.*'SR'.*3 components.*2 bins"):
        process.add_contrib(ChannelContrib("SR", [1.0, 2.0]))
    assert dict(process.contribs) == {}
    process.add_contrib(ChannelContrib("SR", [1.0, 2.0, 3.0]))
    (scale,) = process.resolved_effects(process["SR"])
    assert isinstance(scale, Scale)
    assert scale.axis == "bin"


def test_scale_by_is_checked_against_every_contribution():
    process = two_channels()
    before = process.revision
    with pytest.raises(ShapeMismatchError, match=r"'CR'.*2 components.*3 bins"):
        process.scale_by(Variable("bins", [1.0, 1.0]))
    assert process.effects == ()
    assert process.revision == before


def test_axis_bin_on_an_array_process():
    process = Process("sigs", np.ones((2, 2))).scale_by(Variable("bins", [1.0, 1.0]), axis="bin")
    assert process.resolved_effects(process["main"])[0].axis == "bin"


def test_lnn_of_all_contributions():
    process = two_channels().add_lnN(nuisance(), 1.25)
    process["SR"].add_lnN(nuisance("other"), 2.0)
    assert [effect.variable.name for effect in process.resolved_effects(process["SR"])] == ["theta", "other"]
    (lnn,) = process.resolved_effects(process["CR"])
    assert isinstance(lnn, Systematic)
    lnn = lnn.effect
    assert (lnn.down.tolist(), lnn.up.tolist()) == ([0.8], [1.25])


def test_lnn_before_the_number_of_sub_processes_is_known():
    process = Process("sigs").add_lnN(nuisance(), ([0.9, 0.8], [1.1, 1.2])).add_lnN(nuisance("b"), 2.0)
    with pytest.raises(ShapeMismatchError, match=r"2 numbers.*3 sub-processes"):
        process.add_contrib(ChannelContrib("SR", np.ones((3, 4))))
    process.add_contrib(ChannelContrib("SR", np.ones((2, 4))))
    first, second = process.resolved_effects(process["SR"])
    assert first.effect.down.tolist() == [0.9, 0.8]
    assert second.effect.entries("", np.ones(2)).numbers[1].tolist() == [2.0, 2.0]


def test_scale_by_fn_is_kept_for_all():
    mu = Variable("mu", 1.0)
    process = two_channels().scale_by_fn(lambda x: x, mu)
    for channel in ("SR", "CR"):
        assert process.resolved_effects(process[channel]) == process.effects


def test_shape_of_the_only_contribution():
    process = Process("bkg", [1.0, 2.0]).add_shape(nuisance(), [2.0, 2.0], [1.0, 1.0])
    assert len(process["main"].effects) == 1
    assert process.effects == ()


def test_shape_by_channel():
    process = two_channels()
    process.add_shape(nuisance("a"), [5.0, 7.0], [5.0, 5.0], channel="SR")
    up = {"SR": [5.0, 7.0], "CR": [7.0, 8.0, 10.0]}
    down = {"SR": [5.0, 5.0], "CR": [7.0, 8.0, 8.0]}
    process.add_shape(nuisance("b"), up, down, kind="raw", scale=0.5)
    assert [effect.variable.name for effect in process["SR"].effects] == ["a", "b"]
    assert [effect.kind for effect in process["CR"].effects] == ["raw"]


def test_shape_is_all_or_nothing():
    process = two_channels()
    with pytest.raises(ShapeMismatchError, match="'CR' of 'bkg'"):
        process.add_shape(nuisance(), {"SR": [5.0, 7.0], "CR": [7.0]}, {"SR": [5.0, 5.0], "CR": [7.0]})
    assert process["SR"].effects == ()


def test_sumw2_by_channel():
    process = two_channels().register_sumw2({"SR": [1.0, 2.0], "CR": [1.0, 2.0, 3.0]})
    process.register_sumw2([9.0, 9.0], channel="SR")
    assert process["SR"].sumw2.tolist() == [[9.0, 9.0]]
    with pytest.raises(InvalidValueError):
        process.register_sumw2({"SR": [3.0, 3.0], "CR": [1.0, -2.0, 3.0]})
    assert process["SR"].sumw2.tolist() == [[9.0, 9.0]]


def test_predictors():
    process = Process("sig", [1.0])
    for call in (process.pred, process.batch_pred):
        with pytest.raises(NotPreparedError, match=r"'sig'.*prepare"):
            call([1.0])
    process._set_predictors(lambda values: ("pred", values), lambda batch: ("batch", batch))
    assert process.pred(1) == ("pred", 1)
    assert process.batch_pred(2) == ("batch", 2)


def test_changes_are_counted():
    before = total_changes()
    process = two_channels()
    assert process.revision == 2
    process.scale_by(Variable("mu", 1.0))
    assert process.last_change == "scale_by('mu') on Process 'bkg'"
    process["SR"].add_lnN(nuisance(), 1.1)
    assert process["SR"].revision == 1
    assert process["SR"].last_change == "add_lnN('theta') on ChannelContrib 'SR' of 'bkg'"
    assert process["CR"].revision == 0
    assert total_changes() == before + 4


def test_deepcopy_keeps_the_graph():
    process = copy.deepcopy(Process("sig", [1.0]).scale_by(Variable("mu", 1.0)))
    assert process["main"].process is process

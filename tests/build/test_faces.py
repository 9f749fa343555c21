"""What builders show of themselves."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit import ChannelContrib, Model, Process, Variable
from smoothfit.constraints import Gaussian, LogDensity, LogNormal


def nuisance(name):
    return Variable(name, 0.0, nuisance=True)


def words(shown):
    return [line.split() for line in str(shown).splitlines()]


def test_a_repr_is_one_line_however_much_there_is():
    bkg = Process("bkg", sub_procs=None)
    for i in range(50):
        contrib = ChannelContrib(f"channel_{i}", np.ones(3))
        for k in range(20):
            contrib.add_lnN(nuisance(f"nuisance_{i}_{k}"), 1.1)
        bkg.add_contrib(contrib)
    model = Model().add_proc(bkg).prepare()
    for shown in (bkg, bkg["channel_1"], model):
        assert "\n" not in repr(shown)
        assert len(repr(shown)) < 250
    assert "channel_0, channel_1, channel_2" in repr(bkg)
    assert "and 44 more" in repr(bkg)
    assert "20 lnN" in repr(bkg["channel_1"])
    # Printed, each table has 40 rows and says what is left.
    assert "... and 10 more" in str(bkg)
    assert "... and 960 more" in str(bkg)
    assert "... and 38 more channels: .summary() has all" in str(model)
    assert len(str(model).splitlines()) < 30


def test_events_with_the_error_of_their_sum():
    contrib = ChannelContrib("SR", [10.0, 20.0], [3.0, 6.0])
    assert ["SR", "2", "30.0", "±", "3.0"] in words(contrib)
    rows = ChannelContrib("SR", [[1.0, 2.0], [3.0, 4.5]])
    assert ["SR", "row", "1", "2", "7.5"] in words(rows)


def test_where_effects_act():
    pair = Process("pair", np.ones((2, 4)), sub_procs=["left", "right"], channel="SR")
    a, b, c, d = (nuisance(name) for name in "abcd")
    pair.add_lnN(a, 1.1).add_lnN(b, 1.2, bins=[0, 2]).add_lnN(c, 1.3, sub_procs=["right"])
    pair.add_lnN(nuisance("e"), 1.1, bins=slice(1, None)).add_lnN(nuisance("f"), 1.1, bins=[True, False] * 2)
    pair["SR"].add_lnN(d, 1.4, bins=slice(1, 3), sub_procs=[0])
    lines = str(pair).splitlines()
    where = {
        line.split()[0]: line.split("  ")[-1] for line in lines if line[:1] in "abcdef" and "lnN" in line
    }
    assert where["a"] == "all channels"
    assert where["b"] == "all channels: bins 0, 2"
    assert where["c"] == "all channels: right"
    assert where["d"] == "SR: bins 1, 2, left"
    assert where["e"] == "all channels: bins 1:"
    assert where["f"] == "all channels: bins 0, 2"


def test_what_acts_alike_in_several_channels_is_one_row():
    bkg, lumi = Process("bkg"), nuisance("lumi")
    for channel in "ABCDE":
        bkg.add_contrib(ChannelContrib(channel, [1.0]).add_lnN(lumi, 1.02 if channel != "E" else 1.03))
    rows = [line for line in words(bkg) if line[:2] == ["lumi", "lnN"]]
    assert rows == [
        ["lumi", "lnN", "LnN(1.02)", "A,", "B,", "C", "and", "1", "more"],
        ["lumi", "lnN", "LnN(1.03)", "E"],
    ]


def test_functions_are_named():
    def falling(c):
        return 1.0 / c

    sig = Process("sig", [1.0]).scale_by_fn(falling, Variable("c", 1.0))
    assert any(line[:2] == ["c", "scale_by_fn"] and line[2] == "falling" for line in words(sig))


def test_a_model_says_whether_it_is_prepared_and_what_changed():
    sig = Process("sig", [1.0, 2.0]).scale_by(Variable("mu", 1.0))
    model = Model()
    assert "0 processes" in str(model)
    model.add_proc(sig)
    assert "not prepared, call prepare()" in str(model)
    model.prepare()
    assert "2 bins; prepared, 1 parameter, 0 bin parameters" in str(model)
    sig.add_lnN(nuisance("lumi"), 1.1)
    assert "changed since prepare() by add_lnN('lumi')" in str(model)
    assert "call compile() to take it in" in str(model)
    assert "Gaussian constraint" in str(model)


def test_a_model_names_what_is_masked_and_blinded():
    model = Model().add_proc(Process("sig", [1.0], channel="A").scale_by(Variable("mu", 1.0)))
    model.add_proc(Process("bkg", [2.0], channel="B")).mask_channels("B").prepare().blind(pois=["mu"])
    assert "Masked channels: B" in str(model)
    assert "Blinded: mu" in str(model)


def test_hostile_names_reach_no_terminal_and_no_page():
    hostile = "<script>\x1b[31m\nx"
    mu = Variable(hostile, 1.0, label=hostile)
    sig = Process(hostile, [1.0], channel=hostile, label=hostile).scale_by(mu)
    model = Model().add_proc(sig).prepare()
    for shown in (mu, sig, sig[hostile], model):
        assert "\x1b" not in repr(shown)
        assert "\x1b" not in shown._as_text()
        assert "<script" not in shown._repr_html_()
        assert "\x1b" not in shown._repr_html_()


@pytest.mark.parametrize(
    ("variable", "shown"),
    [
        (nuisance("t"), "Variable('t', 0.0, nuisance=True)"),
        (
            Variable("t", 1.0, constraint=Gaussian(0.5, 0.1)),
            "Variable('t', 1.0, constraint=Gaussian(mean=0.5, width=0.1))",
        ),
        (
            Variable("t", 2.0, constraint=LogNormal(1.1)),
            "Variable('t', 2.0, constraint=LogNormal(kappa=1.1))",
        ),
        (
            Variable("t", np.ones(8), upper_bound=[5.0] * 7 + [None]),
            "Variable('t', [1.0, 1.0, 1.0, ..., 1.0], upper_bound=[5.0, 5.0, 5.0, ..., None])",
        ),
    ],
)
def test_variables_as_one_types_them(variable, shown):
    assert repr(variable) == shown


def test_a_density_is_named():
    def bump(x):
        return -0.5 * x**2

    assert "LogDensity(" in repr(Variable("t", 0.0, constraint=LogDensity(bump)))
    assert "bump" in repr(Variable("t", 0.0, constraint=LogDensity(bump)))

"""Where effects act: sub-processes, bins and channels, as predictions of small models."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from smoothfit.build import ChannelContrib, Process, Variable
from smoothfit.build.selection import Region, restrict
from smoothfit.constraints import Poisson
from smoothfit.effects import GmN, Linear, LnN
from smoothfit.errors import (
    DuplicateNameError,
    InvalidValueError,
    SmoothfitError,
    UnknownNameError,
    UserFunctionError,
)
from smoothfit.model import Model

YIELDS = np.array([[10.0, 20.0, 30.0], [1.0, 2.0, 4.0]])


def nuisance(name):
    return Variable(name, 0.0, nuisance=True)


def predictions(*builders):
    """Each builder acts on its own channel of one model: process yields at the values it names."""
    model, values = Model(), {}
    for k, build in enumerate(builders):
        process = Process(f"p{k}", YIELDS, sub_procs=["a", "b"], channel=f"c{k}")
        values |= build(process)
        model.add_proc(process)
    model.prepare()
    return [model.split(model.pred(values))[f"c{k}"] for k in range(len(builders))]


def test_what_acts_where():
    three, two = Variable("three", [1.0, 1.0, 1.0]), Variable("two", [1.0, 1.0])
    one, t = Variable("one", 1.0), nuisance("t")
    found = predictions(
        lambda p: p.scale_by(one, bins=[0, 2]) and {one: 2.0},
        lambda p: p.scale_by(two, bins=slice(1, None), sub_procs="b", axis="bin") and {two: [3.0, 5.0]},
        lambda p: p.scale_by(two, sub_procs=[0, 1]) and {},
        lambda p: p.scale_by(three, axis="bin", sub_procs=["a"]) and {three: [2.0, 3.0, 4.0]},
        # A function may give what is for the region, or all of which the region is taken.
        lambda p: p.scale_by_fn(lambda x: x * jnp.array([1.0, 10.0]), one, bins=[0, 1], axis="bin") and {},
        # As many as sub-processes: the rule of scale_by puts those first.
        lambda p: p.scale_by_fn(lambda x: x * jnp.array([1.0, 10.0]), one, bins=[0, 1]) and {},
        lambda p: p.scale_by_fn(lambda x: x * jnp.array([1.0, 10.0, 100.0]), one, bins=[0, 1]) and {},
        lambda p: p.scale_by_fn(lambda x: x[:, None], two, sub_procs=["a", "b"], bins=[2]) and {},
        lambda p: p.add_by_fn(lambda x: x, one, sub_procs="b", bins=[False, True, False]) and {},
        lambda p: p.add_by_fn(lambda x: x, two, axis="process") and {},
        lambda p: p.add_effect(LnN((0.9, [1.1, 1.2])), t, bins=[1]) and {t: 1.0},
        lambda p: p.add_effect(Linear(0.5), t, sub_procs=1, bins=[2]) and {},
    )
    a, b = YIELDS
    expected = [
        (a + b) * [2, 1, 2],
        a + b * [1, 3, 5],
        3 * a + 5 * b,
        a * [2, 3, 4] + b,
        (a + b) * [2, 20, 1],
        a * [2, 2, 1] + b * [20, 20, 1],
        (a + b) * [2, 20, 1],
        a * [1, 1, 3] + b * [1, 1, 5],
        a + b + [0, 2, 0],
        a + b + 8,
        a * [1, 1.1, 1] + b * [1, 1.2, 1],
        a + b * [1, 1, 1.5],
    ]
    for one_found, one_expected in zip(found, expected, strict=True):
        np.testing.assert_allclose(one_found, one_expected, rtol=1e-14)


def test_a_process_acts_in_all_channels_or_in_one():
    t, u = nuisance("t"), nuisance("u")
    bkg = Process("bkg", [10.0, 20.0], channel="A").add_lnN(t, 2.0, bins=[0]).add_lnN(u, 3.0, channel="A")
    bkg.add_contrib(ChannelContrib("B", [1.0, 2.0, 3.0])).add_effect(Linear(0.5), u, bins={"B": [2]})
    model = Model().add_proc(bkg).prepare()
    np.testing.assert_allclose(model.pred({t: 1.0, u: 1.0}), [60.0, 60.0, 2.0, 2.0, 4.5], rtol=1e-14)
    with pytest.raises(InvalidValueError, match=r"'C'.*1 is outside"):
        bkg.add_effect(LnN(1.1), nuisance("v"), bins=[1]).add_contrib(ChannelContrib("C", [1.0]))


def test_several_channels_are_named_at_once():
    theta, mu, jes = nuisance("theta"), Variable("mu", 1.0), nuisance("jes")

    def three():
        process = Process("p")
        for channel in ("ee", "em", "mm"):
            process.add_contrib(ChannelContrib(channel, [10.0, 20.0]))
        return process

    listed = three().add_lnN(theta, 1.1, channel=["ee", "mm"]).scale_by(mu, channel=("em", "mm"), bins=[0])
    listed.add_shape(jes, [12.0, 20.0], [8.0, 20.0], channel=["ee", "em"], kind="raw")
    model = Model().add_proc(listed).prepare()
    changed = model.split(model.pred({theta: 1.0, mu: 3.0, jes: 1.0}))
    np.testing.assert_allclose(changed["ee"], [13.2, 22.0])
    np.testing.assert_allclose(changed["em"], [36.0, 20.0])
    np.testing.assert_allclose(changed["mm"], [33.0, 22.0])
    with pytest.raises(UnknownNameError, match="no contribution to channel 'tt'"):
        three().add_lnN(theta, 1.1, channel=["ee", "tt"])
    with pytest.raises(InvalidValueError, match="channel is empty"):
        three().add_lnN(theta, 1.1, channel=[])
    twice = three().add_lnN(theta, 1.1, channel="mm")
    with pytest.raises(DuplicateNameError):
        twice.add_lnN(theta, 1.1, channel=["ee", "mm"])
    assert len(twice["ee"].effects) == 0


def test_names_that_are_known_when_the_contribution_comes():
    t = nuisance("t")
    sigs = Process("sigs", sub_procs=["a", "b"]).add_lnN(t, 2.0, sub_procs="b").add_lnN(t, 3.0, sub_procs="a")
    sigs.add_contrib(ChannelContrib("SR", YIELDS))
    model = Model().add_proc(sigs).prepare()
    np.testing.assert_allclose(model.pred({t: 1.0}), 3 * YIELDS[0] + 2 * YIELDS[1], rtol=1e-14)
    with pytest.raises(DuplicateNameError):
        sigs["SR"].add_lnN(t, 1.1, sub_procs="b", bins=[0])


def test_what_is_refused_changes_nothing():
    bkg = Process("bkg", [1.0, 2.0], channel="A").add_contrib(ChannelContrib("B", [1.0]))
    before = bkg.revision, bkg["A"].revision, bkg["B"].revision
    for bins in ({"A": [0], "B": [1]}, [1]):
        with pytest.raises(SmoothfitError):
            bkg.add_lnN(nuisance("t"), 1.1, bins=bins)
    assert (bkg.revision, bkg["A"].revision, bkg["B"].revision) == before
    assert bkg["A"].effects == bkg.effects == ()


@pytest.mark.parametrize("late", [False, True])
def test_an_empty_row_gets_the_events_that_its_control_sample_says(late):
    """FORMULAS section 3: a rate of 0 with alpha != 0 becomes 1e-6, and the yield is alpha nu."""
    nu = Variable("nu", 1.0, constraint=Poisson(tau=1.0, count=0), lower_bound=0.0)
    bkg = Process("bkg") if late else Process("bkg", [0.0])
    bkg.add_effect(GmN(0, 0.3), nu)
    if late:
        bkg.add_contrib(ChannelContrib("main", [0.0]))
    assert bkg["main"].yields.tolist() == [[1e-6]]
    model = Model().add_proc(bkg).prepare()
    assert float(model.pred({nu: 2.0})[0]) == pytest.approx(0.6, rel=1e-14)


def test_a_result_that_fits_no_region():
    one = Variable("one", 1.0)
    bkg = Process("bkg", [1.0, 2.0, 3.0, 4.0]).scale_by_fn(lambda x: x * jnp.ones(3), one, bins=[0, 1])
    with pytest.raises(UserFunctionError, match=r"\(1, 3\).*2 bins nor 4"):
        Model().add_proc(bkg).prepare()


def test_a_restricted_function_is_neutral_elsewhere():
    inside = restrict(jnp.sqrt, Region((0,), (1,)), None, 1.0, n_sub=2, n_bins=2, is_array=True)
    np.testing.assert_array_equal(inside(jnp.array(4.0)), [[1.0, 2.0], [1.0, 1.0]])

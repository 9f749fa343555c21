"""Groups, search and ranges of sliders."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import make as small

from smoothfit import Model, Process, Variable
from smoothfit.constraints import Gaussian, Poisson
from smoothfit.live.parameters import Parameter, Parameters, slider_range


def parameters(model):
    return Parameters(model.layout, [], model.poi)


def test_groups_and_their_order():
    mu, norm = Variable("norm", 1.0), Variable("mu", 1.0)
    jes = Variable("jes", 0.0, nuisance=True, group="Jets")
    lumi = Variable("lumi", 0.0, nuisance=True)
    stat = Variable("stat", [1.0, 1.0], constraint=Gaussian(width=0.1))
    sig = Process("sig", [5.0, 20.0], sumw2=[1.0, 4.0]).scale_by(mu).add_lnN(lumi, 1.02)
    bkg = Process("bkg", [50.0, 40.0]).scale_by(norm).add_lnN(jes, 1.1)
    other = Process("other", [5.0, 4.0], channel="CR").scale_by(stat, axis="bin").scale_by(norm)
    model = Model().add_proc(sig).add_proc(bkg).add_proc(other)
    model.poi = "mu"
    groups = parameters(model.prepare()).groups
    assert [g.title for g in groups] == [
        "Parameters of interest",
        "Nuisances (Gaussian)",
        "Jets",
        "stat",
        "Monte Carlo statistics",
    ]
    assert [p.name for p in groups[0].members] == ["mu", "norm"]
    assert [g.unfolded for g in groups] == [True, False, False, False, False]
    assert sum(len(g.members) for g in groups) == len(model.layout.names)


@pytest.mark.parametrize("name", ["arrays", "locals", "full", "lite_process"])
def test_every_parameter_is_in_one_group_and_at_its_place(name):
    model = small(name, 0).model
    found = parameters(model)
    assert [p.name for p in found.all] == list(model.layout.names)
    assert [p.position for p in found.all] == list(range(len(found.all)))
    assert sorted(p.position for g in found.groups for p in g.members) == list(range(len(found.all)))


def test_a_search_is_for_words_not_expressions():
    jes = Variable("jes.1", 0.0, nuisance=True, group="Jets", label="Energy Scale")
    jes1 = Variable("jesx1", 0.0, nuisance=True, group="Jets")
    bkg = Process("bkg", [50.0]).add_lnN(jes, 1.1).add_lnN(jes1, 1.1)
    found = parameters(Model().add_proc(bkg).prepare())

    def names(text):
        return [p.name for p in found.matching(text)]

    assert names("JES.1") == ["jes.1"]
    assert names("jets") == ["jes.1", "jesx1"]
    assert names("scale jes") == ["jes.1"]
    assert names("jes[") == []
    assert names("(") == []
    assert len(names("")) == 2


def free(start, lower=-np.inf, upper=np.inf):
    return Parameter(0, "a", "a", "", None, start, start, np.nan, np.nan, lower, upper, False)


def test_ranges():
    nuisance = Parameter(0, "a", "a", "", None, 0.0, 0.0, 1.0, 1.0, -np.inf, np.inf, False)
    assert slider_range(nuisance, 0.5) == (-3.0, 3.0)
    assert slider_range(nuisance, 7.0) == (-3.0, 7.0)
    assert slider_range(nuisance, 2.0, 2.0, 0.5) == (-3.0, 3.5)
    skewed = Parameter(0, "a", "a", "", None, 1.0, 1.0, 0.1, 0.3, 0.95, np.inf, False)
    assert slider_range(skewed, 1.0) == pytest.approx((0.95, 1.9))
    assert slider_range(free(1.0, 0.0, 20.0), 1.0) == (0.0, 20.0)
    # Bounds that only keep a fit from overflowing.
    assert slider_range(free(1.0, -1e9, 1e9), 1.0) == (-1.0, 3.0)
    assert slider_range(free(0.0), 0.0) == (-2.0, 2.0)
    assert slider_range(free(1.0, 0.0, 20.0), 2.0, 2.0, 0.1) == (1.0, 2.5)
    # A fit without an error says nothing of a range.
    assert slider_range(free(1.0, 0.0, 20.0), 2.0, 2.0, np.nan) == (0.0, 20.0)
    low, high = slider_range(free(1.0, 1.0, 1.0), 1.0)
    assert low < 1.0 < high


def test_centres_and_widths_are_those_of_the_constraint():
    aux = Variable("aux", 1.0, constraint=Poisson(tau=16.0), lower_bound=0.01)
    model = Model().add_proc(Process("bkg", [50.0]).scale_by(aux)).prepare()
    (parameter,) = parameters(model).all
    assert parameter.centre == pytest.approx(1.0)
    assert parameter.above == pytest.approx(0.25)

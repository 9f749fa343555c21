"""Small models that are moved by hand in tests."""

from __future__ import annotations

import numpy as np

from smoothfit import ChannelContrib, Model, Process, Variable

OBS = np.array([60.0, 75.0, 31.0])


def two_channels():
    """Signal and background in two channels, a nuisance in a group and one that only acts on the signal."""
    mu = Variable("mu", 1.0, lower_bound=0.0)
    jes = Variable("jes", 0.0, nuisance=True, group="Jets", label="energy scale")
    lumi = Variable("lumi", 0.0, nuisance=True)
    sig = Process("sig", [5.0, 20.0], channel="SR", sumw2=[1.0, 4.0], signal=True)
    sig.scale_by(mu).add_lnN(lumi, 1.02)
    bkg = Process("bkg", [50.0, 40.0], channel="SR")
    bkg["SR"].add_lnN(jes, 1.1)
    bkg.add_contrib(ChannelContrib("CR", [30.0]).add_lnN(jes, 1.05))
    return Model().add_proc(sig).add_proc(bkg).prepare()

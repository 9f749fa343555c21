"""Models for reports."""

from __future__ import annotations

import numpy as np

from smoothfit import ChannelContrib, Model, Process, Variable


def differential(names=("mu_1", "mu_2"), nuisances=24, seed=5):
    """Two signal strengths, a signal and a control region, nuisances of rates and shapes, edges, labels."""
    rng = np.random.default_rng(seed)
    pois = [Variable(name, 1.0, lower_bound=-5.0) for name in names]
    signal = rng.uniform(0.9, 1.1, (2, 4)) * np.array([[25.0, 12.0, 4.0, 1.0], [1.0, 5.0, 14.0, 20.0]])
    background = rng.uniform(60, 90, 4)
    model = Model()
    bkg = Process("bkg", label="Background")
    bkg.add_contrib(ChannelContrib("SR", background, sumw2=0.2 * background))
    bkg.add_contrib(ChannelContrib("CR", [400.0, 300.0, 200.0]))
    for k in range(nuisances):
        group = "jets" if k % 3 == 0 else None
        label = r"\mathrm{JES}" if k == 0 else None
        theta = Variable(f"nuisance_{k}", 0.0, nuisance=True, group=group, label=label)
        if k % 2:
            bkg.add_lnN(theta, (0.97 - 0.001 * k, 1.03 + 0.002 * k))
        else:
            tilt = 0.02 + 0.004 * k
            up = background * (1.0 + tilt * np.array([-1.0, -0.3, 0.4, 1.2]))
            bkg["SR"].add_shape(theta, up, 2.0 * background - up)
    for poi, shape in zip(pois, signal, strict=True):
        model.add_proc(Process(f"sig_{poi.name}", shape, channel="SR", signal=True).scale_by(poi))
    model.add_proc(bkg)
    model.describe_channel("SR", edges=[0.0, 50.0, 100.0, 200.0, 400.0], label="mass", unit="GeV")
    model.poi = names[0]
    return model.prepare()


OBS = np.array([91.271828, 101.314159, 88.577215, 97.141421, 411.732050, 289.223606, 203.605551])

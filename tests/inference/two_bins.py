"""A Gaussian problem with two parameters, everything about which has a closed form.

Two bins with Gaussian data: nu_1 = S mu + D_1 theta, nu_2 = B + D_2 theta, theta a unit Gaussian. The
first bin alone says mu = (n_1 - D_1 theta)/S, the second alone constrains theta.
"""

from __future__ import annotations

import numpy as np

from smoothfit.model import Model, Process, Variable

S, B, D_1, D_2 = 50.0, 80.0, 12.0, 6.0
V_1, V_2 = 40.0, 55.0
V_THETA = 1.0 / (1.0 + D_2**2 / V_2)
"""The variance of theta after the fit."""
SLOPE = -D_1 / S
"""d mu / d theta."""
VARIANCE = (V_1 + D_1**2 * V_THETA) / S**2
OBS = np.array([57.0, 88.0])
THETA = V_THETA * D_2 * (OBS[1] - B) / V_2
"""The best fit."""


def make(bounds=(None, None), group=None):
    """The model, prepared."""
    mu = Variable("mu", 1.0)
    theta = Variable(
        "theta",
        0.0,
        nuisance=True,
        lower_bound=bounds[0],
        upper_bound=bounds[1],
        label=r"\theta",
        group=group,
    )
    sig = Process("sig", [S, 0.0]).scale_by(mu)
    # An up and a down template that are opposite shifts are morphed linearly. A signal cannot carry
    # the shift of the first bin, which must not scale with mu.
    other = Process("other", [0.0, B])
    other.add_shape(theta, [D_1, B + D_2], [-D_1, B - D_2], kind="raw")
    model = Model().add_proc(sig).add_proc(other)
    return model.set_data_term("gaussian", [V_1, V_2]).prepare()

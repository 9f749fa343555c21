"""A small model of two signals, and its likelihood written out in numpy, minimised by scipy."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from smoothfit.model import Model, Process, Variable

SIGNALS = np.array([[30.0, 12.0, 3.0], [4.0, 20.0, 10.0]])
BACKGROUND = np.array([80.0, 60.0, 40.0])
OBS = np.array([118.0, 85.0, 61.0])
KAPPA, LUMI = 1.1, 1.05
NAMES = ("mu_1", "mu_2", "lumi", "theta")


def make():
    """The prepared model: mu_1 >= 0, mu_2, and two nuisances of the group "experiment" and "theory"."""
    mu = [Variable("mu_1", 1.0, lower_bound=0.0, label=r"\mu_1"), Variable("mu_2", 1.0)]
    theta = Variable("theta", 0.0, nuisance=True, group="theory")
    lumi = Variable("lumi", 0.0, nuisance=True, group="experiment")
    model = Model()
    for k in range(2):
        model.add_proc(Process(f"sig_{k + 1}", SIGNALS[k]).scale_by(mu[k]).add_lnN(lumi, LUMI))
    return model.add_proc(Process("bkg", BACKGROUND).add_lnN(theta, KAPPA)).prepare()


def nll(x, obs=OBS):
    """Without the constants of the data; x as in NAMES."""
    nu = LUMI ** x[2] * (x[:2] @ SIGNALS) + KAPPA ** x[3] * BACKGROUND
    return np.sum(nu - obs * np.log(nu)) + 0.5 * (x[2] ** 2 + x[3] ** 2)


def profiled(held, obs=OBS):
    """(min, x): the NLL minimised with {position: value} held."""
    free = [i for i in range(4) if i not in held]

    def full(u):
        x = np.zeros(4)
        x[list(held)] = list(held.values())
        x[free] = u
        return x

    start = np.array([1.0, 1.0, 0.0, 0.0])[free]
    if not free:
        return nll(full(start), obs), full(start)
    bounds = [(0.0, None) if i == 0 else (None, None) for i in free]
    found = minimize(lambda u: nll(full(u), obs), start, method="L-BFGS-B", bounds=bounds, tol=1e-15)
    # L-BFGS-B stops early with numerical derivatives; the simplex is slow and exact.
    found = minimize(
        lambda u: nll(full(u), obs) if free[0] != 0 or u[0] >= 0.0 else np.inf,
        found.x,
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000, "maxfev": 8000},
    )
    return found.fun, full(found.x)

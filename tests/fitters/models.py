"""What the tests of the fitters share: one small model with all kinds of limits, and its parts."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from smoothfit import functional
from smoothfit.fitters import Solution, compiled_solve
from smoothfit.model import Model, Process, Variable
from smoothfit.prepared import Data, Fixed, Prepared

OTHERS = ("trust-constr", "jaxopt", "optimistix", "minuit")

INSIDE = np.array([58.0, 83.0, 70.0, 310.0])
"""Counts that pull no parameter to a limit."""
AT_LIMIT = np.array([48.0, 41.0, 70.0, 310.0])
"""Counts with fewer events in the bins of the signal than background: mu goes to 0."""


@cache
def limited():
    """mu >= 0, a background of norm in [0.2, 4] with a control bin, and a nuisance without limits."""
    mu = Variable("mu", 1.0, lower_bound=0.0)
    norm = Variable("norm", 1.0, lower_bound=0.2, upper_bound=4.0)
    theta = Variable("theta", 0.0, nuisance=True)
    sig = Process("sig", [5.0, 20.0, 1.0, 0.0]).scale_by(mu).add_lnN(theta, 1.1)
    bkg = Process("bkg", [50.0, 60.0, 70.0, 300.0]).scale_by(norm).add_lnN(theta, (0.97, 1.05))
    return Model().add_proc(sig).add_proc(bkg).prepare()


class Parts(NamedTuple):
    """The arguments of a fitter, and the native fit."""

    prepared: Prepared
    data: Data
    fixed: Fixed
    best: Solution


def parts(model, obs, globs=None):
    """The arguments of a fitter, for a model with data."""
    prepared = model.prepared
    data, fixed = functional.data_of(prepared, obs, globs), functional.nothing_fixed(prepared)
    return Parts(prepared, data, fixed, compiled_solve(prepared, data, fixed, model.layout.start))

"""The tools that are compared, one file each; every file holds one class ``Peer``.

A ``Peer`` is made for a workload. Its methods are the tasks that the tool can do, named as in ``TASKS``; what
it has no method for is not measured. A worker process (``benchmarks.worker``) times the calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["NAMES", "TASKS", "Fitted", "Given", "Intervals"]

NAMES = (
    "ours",
    "bfgs",
    "bfgs_vmap",
    "minuit_hessian",
    "minuit_gradient",
    "pyhf_scipy",
    "pyhf_minuit",
    "nextstat",
    "evermore",
    "cabinetry",
)
"""The files, ours first."""

TASKS = ("kernel", "fit", "covariance", "minos", "pulls", "impacts", "impacts_on_one", "scan", "toys")
"""
kernel      the bare minimum, from the workload's start values: (counts) -> Fitted
fit         what the tool's fit returns; ours with status and covariance: (counts) -> Fitted
covariance  the errors of all parameters at a fit: (fitted) -> (param,)
minos       both bounds at one sigma of some parameters: (fitted, positions) -> Intervals
pulls       the same for nuisances
impacts     refits with nuisances at their post-fit bounds: (fitted, positions) -> shifts of the
            signal strengths (nuisance, up and down, poi)
impacts_on_one   the same of the first signal strength only
scan        the first parameter's profiled NLL, up to a constant: (fitted, points) -> (point,)
toys        one fit for each of many data sets: (counts (toy, bin)) -> values (toy, param), or NaN
"""


@dataclass
class Given:
    """What a peer is made from: a workload, and options of the measurement."""

    workload: Any
    scaling: str = "total"


@dataclass
class Fitted:
    """A minimum: the values in the workload's order, and whatever the tool goes on with."""

    x: np.ndarray
    counts: np.ndarray
    state: Any = None


@dataclass
class Intervals:
    """Bounds (parameter,), NaN where the tool failed."""

    up: np.ndarray
    down: np.ndarray

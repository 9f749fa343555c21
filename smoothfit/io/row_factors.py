"""Monte Carlo statistics as what they are equal to: variables with one component a bin that scale rows.

* lite with scaling "total", nu (1 + x delta): gamma = 1 + x delta on all rows, Gaussian of width delta.
* lite-gamma: gamma on the rows with variances, Poisson of tau = (n/e)^2 of their sum.
* full, Poisson: a gamma of each row, tau = (n/e)^2; with a threshold tau is a whole number.

Errors that follow the normalisation of each process, or are added to one, have no such equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._types import BoolArray, FloatArray
from ..build import Variable
from ..build.declarations import Scale
from ..constraints import Constraint, Gaussian, Poisson
from ..errors import NotExpressibleError
from ..montecarlo import Treatment
from ..preparation.collection import Channel

__all__ = ["row_factors"]

_GAMMA_BOUNDS = (1e-10, 10.0)


class _Nominal(NamedTuple):
    """The rows of a channel: labels (row,), yields and variances (row, bin), whether given (row,)."""

    channel: str
    labels: list[str]
    yields: FloatArray
    sumw2: FloatArray
    carries: BoolArray

    def names(self, suffix: str = "") -> list[str]:
        """Of the parameters of bins, as the prepared model has them."""
        return [f"mcstat_{self.channel}_bin{b}{suffix}" for b in range(self.yields.shape[1])]


def row_factors(channel: Channel, treatment: Treatment, file_format: str) -> list[list[Scale]]:
    """The factors of each row of a channel.

    Raises
    ------
    NotExpressibleError
        For errors that no factor a bin is equal to.
    """
    _check(channel, treatment, file_format)
    nominal = _nominal(channel)
    factors: list[list[Scale]] = [[] for _ in nominal.labels]
    if treatment.lite.any():
        scale = _lite(nominal, treatment.lite)
        for of_row in factors:
            of_row.append(scale)
    if treatment.shared.any():
        scale = _shared(nominal, treatment.shared)
        for index in np.flatnonzero(nominal.carries):
            factors[index].append(scale)
    for index in np.flatnonzero(treatment.multiplied.any(1)):
        factors[index].append(_own(nominal, treatment, int(index)))
    return factors


def _check(channel: Channel, treatment: Treatment, file_format: str) -> None:
    what = f"Monte Carlo statistics of channel '{channel.name}'"
    if treatment.lite.any() and channel.mc_stat.options.scaling == "process":
        raise NotExpressibleError(
            f"{what}: {file_format} has no errors that follow the normalisation of each process; use "
            "set_mc_stat('lite', scaling='total'), or 'lite-gamma'."
        )
    if treatment.shifted.any():
        raise NotExpressibleError(
            f"{what}: {file_format} has no errors that are added to one process; use set_mc_stat('full') "
            "with constraint='poisson'."
        )


def _nominal(channel: Channel) -> _Nominal:
    rows = [(c, k) for c in channel.contributions for k in range(c.contrib.n_sub)]
    none = np.zeros(channel.n_bins)
    return _Nominal(
        channel=channel.name,
        labels=[c.process.sub_procs[k] for c, k in rows],
        yields=np.array([c.contrib.yields[k] for c, k in rows]),
        sumw2=np.array([none if c.contrib.sumw2 is None else c.contrib.sumw2[k] for c, k in rows]),
        carries=np.array([c.contrib.sumw2 is not None for c, _ in rows]),
    )


def _lite(nominal: _Nominal, uses: BoolArray) -> Scale:
    total = np.where(uses, nominal.yields.sum(axis=0), 1.0)
    widths = np.where(uses, np.sqrt(nominal.sumw2.sum(axis=0)) / total, 1.0)
    names = nominal.names()
    return _gammas(names, f"mcstat_{nominal.channel}", uses, Gaussian(mean=1.0, width=widths))


def _shared(nominal: _Nominal, uses: BoolArray) -> Scale:
    carried = nominal.carries
    tau = _tau(nominal.yields[carried].sum(axis=0), nominal.sumw2[carried].sum(axis=0), uses)
    return _gammas(nominal.names(), f"mcstat_{nominal.channel}", uses, Poisson(tau=tau))


def _own(nominal: _Nominal, treatment: Treatment, index: int) -> Scale:
    label, uses = nominal.labels[index], treatment.multiplied[index]
    tau = _tau(nominal.yields[index], nominal.sumw2[index], uses)
    tau = np.round(tau) if treatment.rounded else tau
    names = nominal.names(f"_{label}")
    return _gammas(names, f"mcstat_{nominal.channel}_{label}", uses, Poisson(tau=tau))


def _tau(yields: FloatArray, sumw2: FloatArray, uses: BoolArray) -> FloatArray:
    return np.where(uses, yields**2 / np.where(uses, sumw2, 1.0), 1.0)


def _gammas(names: Sequence[str], name: str, uses: BoolArray, constraint: Constraint) -> Scale:
    """A factor a bin around 1, held where the bin has no parameter."""
    variable = Variable(
        name,
        np.ones(len(names)),
        lower_bound=_GAMMA_BOUNDS[0],
        upper_bound=_GAMMA_BOUNDS[1],
        sub_names=names,
        constraint=constraint,
        fixed=~uses,
    )
    return Scale(variable, "bin")

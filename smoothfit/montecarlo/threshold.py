"""Combine's autoMCStats: one parameter a bin where there are enough events, one a process where not.

Per bin, with the nominal yields and squared errors summed over backgrounds (over signals too if asked):
n_eff = round(n^2/e^2) unweighted events. Above the threshold the bin has one lite parameter that carries all
processes. Otherwise every process has its own: none where the error is 0 or the yield negative; Poisson
with the whole number of events m = round(n_i^2/e_i^2) where n_i >= 0.999 e_i and m is at most the
threshold; Gaussian elsewhere. A negative threshold switches bin parameters off.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .treatment import Nominal, Options, Treatment, nothing

__all__ = ["treat"]


def treat(nominal: Nominal, options: Options) -> Treatment:
    """The decision of every bin."""
    limit = options.threshold
    assert limit is not None
    if limit < 0.0:
        return nothing(nominal)
    counted = np.ones(len(nominal.signal), dtype=bool) if options.include_signal else ~nominal.signal
    n = nominal.yields[counted].sum(axis=0)
    squared = nominal.sumw2[counted].sum(axis=0)
    uncertain = squared > 0.0
    effective = np.round(_events(n, squared))
    lite = uncertain & (effective > limit)
    own = (uncertain & ~lite) & (nominal.sumw2 > 0.0)
    negative = own & (nominal.yields < 0.0)
    own &= ~negative
    events = np.round(_events(nominal.yields, nominal.sumw2))
    multiplied = own & (nominal.yields >= 0.999 * np.sqrt(nominal.sumw2)) & (events <= limit)
    return dataclasses.replace(
        nothing(nominal),
        lite=lite,
        multiplied=multiplied,
        shifted=own & ~multiplied,
        rounded=True,
        left_out={"yield negative, no parameter": int(negative.sum())},
    )


def _events(yields: np.ndarray, sumw2: np.ndarray) -> np.ndarray:
    """Unweighted events that have the same relative error, 0 without an error."""
    return np.where(sumw2 > 0.0, yields**2 / np.where(sumw2 > 0.0, sumw2, 1.0), 0.0)

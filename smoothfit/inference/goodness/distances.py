"""Kolmogorov-Smirnov and Anderson-Darling distances of binned data from an expectation, as Combine's.

In a channel with the counts n and the expectation nu, E_j and F_j are the parts of n and nu up to the upper
edge of bin j, N is the sum of n, and

    KS = max_j |E_j - F_j|        AD = N sum_j (E_j - F_j)^2/(F_j (1 - F_j)) (F_j - F_(j-1)),

bins with F = 0 or F = 1 being left out of AD (``GoodnessOfFit.cc`` of CMS's HiggsAnalysis-CombinedLimit,
after L. Demortier, CDF/ANAL/JET/CDFR/3419). They compare shapes: neither sees the normalisation of a
channel. Both depend on the order of the bins.
"""

from __future__ import annotations

import numpy as np

from ..._types import FloatArray

__all__ = ["NO_DATA", "anderson_darling", "kolmogorov_smirnov"]

NO_DATA = -1.0
"""Both, of a channel without data, as Combine has it: less than of any data."""


def _cumulatives(counts: FloatArray, expected: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(E, F, 1 - F) at upper edges, NaN where nothing is expected at all."""
    # What a fit takes below zero is nothing.
    nu = np.maximum(expected, 0.0)
    n_total, nu_total = counts.sum(axis=-1, keepdims=True), nu.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        e = np.cumsum(counts, axis=-1) / n_total
        f = np.cumsum(nu, axis=-1) / nu_total
        # From the other end: 1 - F is exactly 0 where nothing is expected above, and precise near it.
        above = np.concatenate([np.cumsum(nu[..., :0:-1], axis=-1)[..., ::-1], 0.0 * nu_total], axis=-1)
        rest = above / nu_total
    return e, f, rest


def _without_data(distance: FloatArray, counts: FloatArray) -> FloatArray:
    return np.where(counts.sum(axis=-1) == 0.0, NO_DATA, distance)


def kolmogorov_smirnov(counts: FloatArray, expected: FloatArray) -> FloatArray:
    """(...,) from (..., bin): the largest distance of the cumulatives; NaN where nothing is expected.

    Examples
    --------
    >>> float(kolmogorov_smirnov(np.array([3.0, 1.0]), np.array([1.0, 1.0])))
    0.25
    """
    e, f, _ = _cumulatives(counts, expected)
    return _without_data(np.max(np.abs(e - f), axis=-1), counts)


def anderson_darling(counts: FloatArray, expected: FloatArray) -> FloatArray:
    """(...,) from (..., bin): squared distances weighted by 1/(F (1 - F)); NaN where nothing is expected.

    Examples
    --------
    >>> float(anderson_darling(np.array([3.0, 1.0]), np.array([1.0, 1.0])))  # 4 * 0.25^2/0.25 * 0.5
    0.5
    """
    e, f, rest = _cumulatives(counts, expected)
    step = np.diff(f, axis=-1, prepend=0.0)
    spread = f * rest
    inside = (spread > 0.0) | np.isnan(f)
    terms = np.where(inside, (e - f) ** 2 / np.where(inside, spread, 1.0) * step, 0.0)
    return _without_data(counts.sum(axis=-1) * terms.sum(axis=-1), counts)

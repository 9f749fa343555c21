"""Whether asymptotic CLs limits of toys hold a value: five fits a toy, no search.

The upper limit is not below mu if and only if CLs(mu) >= 1 - cl, as CLs falls with mu. Formulas: G. Cowan,
K. Cranmer, E. Gross, O. Vitells, arXiv:1007.1727.
"""

from __future__ import annotations

import numpy as np

from ..._types import BoolArray, FloatArray
from .. import compiled, constraint_draws
from ..batching import Held, Members, hold
from ..context import Context
from ..ensembles import FitCounts, Toys, fit_toys
from ..hypotests.asymptotics import tails
from .ratios import Ratios

__all__ = ["cls_of_toys", "cls_value"]


def cls_value(q: FloatArray, q_asimov: FloatArray) -> FloatArray:
    """Asymptotic CLs from q~ of the data and of the Asimov set at mu = 0.

    Examples
    --------
    >>> cls_value(np.array([3.0, 9.0]), np.array([4.0, 4.0])).round(4)
    array([0.0687, 0.0055])
    """
    found = np.exp(tails("qtilde", q, np.sqrt(q_asimov)).cls)
    # Without sensitivity the two hypotheses are one.
    return np.where(q_asimov > 0.0, found, 1.0)


def cls_of_toys(
    context: Context,
    toys: Toys,
    ratios: Ratios,
    *,
    position: int,
    value: float,
    free: Held,
    counts: FitCounts,
) -> tuple[FloatArray, BoolArray]:
    """(CLs at a value > 0, whether all fits converged), one a toy.

    Parameters
    ----------
    ratios
        Of the toys, with the parameter held at the value.
    position, value
        The parameter of interest, and where it is tested.
    free
        What is held in all fits.
    """
    at_zero, at_value = hold(free, [position], [0.0]), hold(free, [position], [value])
    start = ratios.held.x[:, : context.layout.n_params]
    without = fit_toys(context, toys, fixed=at_zero, start=start, counts=counts)
    best = ratios.free.x[:, position]
    lowest = np.where(best < 0.0, without.nll, ratios.free.nll)
    q = np.where(best > value, 0.0, np.maximum(2.0 * (ratios.held.nll - lowest), 0.0))
    known = ratios.known & without.at_minimum
    asimov = _asimov(context, without, toys)
    truth = without.x[:, : context.layout.n_params]
    best_asimov = fit_toys(context, asimov, fixed=at_zero, start=truth, counts=counts)
    tested = fit_toys(context, asimov, fixed=at_value, start=truth, counts=counts)
    q_asimov = np.maximum(2.0 * (tested.nll - best_asimov.nll), 0.0)
    known &= best_asimov.at_minimum & tested.at_minimum
    return np.where(known, cls_value(q, q_asimov), np.nan), known


def _asimov(context: Context, without: Members, toys: Toys) -> Toys:
    """The expectation of each toy's fit at 0, with global observables there."""
    layout, prepared, n = context.layout, context.prepared, context.layout.n_params
    x = np.where(without.at_minimum[:, None], without.x, np.concatenate([layout.start, layout.bin_centre]))
    expected = np.maximum(np.asarray(compiled.batch_expected(prepared, x)), 0.0)
    of_params = np.array([constraint_draws.asimov_globs(prepared, layout, row[:n]) for row in x])
    bins = x[:, n:]
    of_bins = np.where(layout.bin_counting, bins * layout.bin_tau, bins)
    return Toys(expected, np.concatenate([of_params, of_bins], axis=1), toys.first)

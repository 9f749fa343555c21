"""Likelihood ratios of toys: two fits each, one free and one with parameters held at a point."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ..._types import BoolArray, FloatArray, IntArray
from ..batching import Held, Members
from ..context import Context
from ..ensembles import TIE, FitCounts, Toys, fit_toys

__all__ = ["Ratios", "likelihood_ratios"]


@dataclass(frozen=True, eq=False)
class Ratios:
    """Of a block of toys."""

    t: FloatArray
    """(toy,): 2 (NLL at the point - lowest NLL within the bounds), at least 0; NaN where a fit failed."""
    free: Members
    """The fits with nothing held at the point."""
    held: Members

    @property
    def known(self) -> BoolArray:
        """(toy,): whether both fits converged."""
        return self.free.at_minimum & self.held.at_minimum


def likelihood_ratios(
    context: Context,
    toys: Toys,
    *,
    free: Held,
    held: Held,
    start: FloatArray,
    counts: FitCounts,
    errors: bool = False,
) -> Ratios:
    """t = 2 (NLL with ``held`` - NLL with ``free``) of every toy.

    Where the free fit ended above the other one it found another minimum: it starts again from there.

    Parameters
    ----------
    free, held
        What each of the fits holds, (param + bin param,).
    start
        (param,): where both start.
    counts
        Where the numbers of fits and failures are added to.
    errors
        Whether the free fits are wanted with errors.
    """
    best = fit_toys(context, toys, fixed=free, start=start, errors=errors, counts=counts)
    there = fit_toys(context, toys, fixed=held, start=start, counts=counts)
    t = _twice_the_rise(best, there)
    above = np.flatnonzero(t < -TIE)
    if len(above):
        again = _again(context, toys, above, free, there, errors, counts)
        best = _lower_of(best, above, again)
        t = _twice_the_rise(best, there)
        # What is still above has its minimum at the point, as far as anything found.
    return Ratios(np.maximum(t, 0.0), best, there)


def _twice_the_rise(best: Members, there: Members) -> FloatArray:
    return np.where(best.at_minimum & there.at_minimum, 2.0 * (there.nll - best.nll), np.nan)


def _again(
    context: Context,
    toys: Toys,
    rows: IntArray,
    free: Held,
    there: Members,
    errors: bool,
    counts: FitCounts,
) -> Members:
    some = toys.take(rows)
    start = there.x[rows, : context.layout.n_params]
    return fit_toys(context, some, fixed=free, start=start, errors=errors, counts=counts)


def _lower_of(found: Members, rows: IntArray, again: Members) -> Members:
    """``found``, and ``again`` where it is lower; ``rows`` are those of ``again``."""
    better = again.at_minimum & (again.nll < found.nll[rows])
    columns = {}
    for field in fields(Members):
        before, after = getattr(found, field.name), getattr(again, field.name)
        if before is not None:
            before = np.array(before)
            before[rows[better]] = after[better]
        columns[field.name] = before
    return Members(**columns)

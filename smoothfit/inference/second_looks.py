"""A second look for lower minima, where there is reason to expect some.

A fit ends in one minimum. A likelihood may have several, and where from, is mostly known beforehand:

* the start was given, and the model's own leads elsewhere;
* a log-normal is *lopsided*, far from symmetric, and its nuisance is held by the data, or would be on the
  other side, where it does more: yields that need a change are as well explained there, at another pull;
* a signal strength is less than three errors from its limit, or several sit on theirs: there may be one
  minimum there and one inside.

For each a fit without errors starts there. None of it is done where none of it applies, nor for models so
large that fits go without matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import jax
import numpy as np

from .._pytree import resolve
from .._types import FloatArray, IntArray
from ..effects import KINDS
from ..fitters import Solution, compiled_solve
from ..layout import Layout
from ..prepared import Data, Fixed, Prepared
from ..results import Attempt
from ..status import Status
from .retries import record

__all__ = ["lower_minimum"]

_LOWER = 1e-6
"""NLL by which another minimum must be lower."""
_LOPSIDED = 0.5
"""Even part of the logarithms of a log-normal, in units of the odd part, that counts as lopsided."""
_NEGLIGIBLE = 0.05
"""Even part that changes too little for a minimum of its own."""
_HELD = 0.95
"""Post-fit errors, in units of the constraint's, below which the data hold a nuisance."""
_NEAR = 3.0
"""Errors to a limit that count as near."""
_WEAK = 0.5
"""Strength of a lopsided log-normal on its weak side, in units of the other's, below which that is weak."""
_MOST = 6
"""Nuisances whose other sides to look at; those that the data hold best."""
_LARGE = 1_000_000
"""Bins x dense parameters from which on a fit takes seconds: then two other places are looked at, at most."""


class _Reasons(NamedTuple):
    """Parameters that give reason to look, before anything is known of a fit."""

    lopsided: IntArray
    """Positions of the nuisances of lopsided log-normals."""
    strength: FloatArray
    """(2, lopsided): the largest logarithm of the ratios at -1 and at +1."""
    limited: IntArray
    """Positions of free parameters with a limit."""


def _reasons(prepared: Prepared, layout: Layout) -> _Reasons:
    """Found once, and kept with the prepared model."""
    known = getattr(prepared, "_reasons", None)
    if known is not None:
        return known  # type: ignore[no-any-return]
    found: dict[int, FloatArray] = {}
    for name, numbers in prepared.templates.effects.items():
        if KINDS[name].numbers != ("down", "up"):
            continue
        down, up = (np.log(np.asarray(x)) for x in numbers)
        even, odd = np.abs(up + down), np.abs(up - down)
        params = np.asarray(resolve(prepared.plan.effects[name].param))
        for i in np.flatnonzero((even > _LOPSIDED * odd) & (even > _NEGLIGIBLE)):
            at, sides = int(params[i]), np.abs(np.array([down[i], up[i]]))
            found[at] = np.maximum(found.get(at, sides), sides)
    limited = (np.isfinite(layout.lower) | np.isfinite(layout.upper)) & ~np.isfinite(layout.widths)
    lopsided = sorted(found)
    strength = np.array([found[i] for i in lopsided]).reshape(-1, 2).T
    reasons = _Reasons(np.array(lopsided, dtype=int), strength, np.flatnonzero(limited))
    object.__setattr__(prepared, "_reasons", reasons)
    return reasons


def _starts(
    layout: Layout, prepared: Prepared, held: FloatArray, start: FloatArray, first: Solution
) -> Iterator[tuple[str, FloatArray]]:
    """Where else to look: (in words, (param,))."""
    if not np.array_equal(start, layout.start):
        yield "from the model's start values", layout.start
    sides, strength, limited = _reasons(prepared, layout)
    if not len(sides) and not len(limited):
        return
    centre, widths = layout.prefit.centre, layout.widths
    x = np.asarray(first.values)
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(np.diagonal(first.covariance))
    here = (x[sides] > centre[sides]).astype(int)
    mine, other_side = (np.take_along_axis(strength, k[None], axis=0)[0] for k in (here, 1 - here))
    concerned = (errors[sides] < _HELD * widths[sides]) | (mine < _WEAK * other_side)
    sides = sides[(held[sides] == 0.0) & concerned]
    for i in sides[np.argsort(errors[sides] / widths[sides])][:_MOST]:
        pull = (x[i] - centre[i]) / widths[i]
        # Near its centre there are two other sides, a width away.
        for to in (-pull,) if abs(pull) > 0.5 else (-np.copysign(1.0, pull), np.copysign(1.0, pull)):
            other = x.copy()
            other[i] = centre[i] + widths[i] * to
            yield f"from the other side of '{layout.names[i]}'", other
    if len(sides):
        central = np.where(np.isfinite(centre) & (held == 0.0), centre, x)
        yield "from there, nuisances at their centres", central
    limited = limited[held[limited] == 0.0]
    stuck = np.asarray(first.at_limit)[limited] > 0.0
    if stuck.sum() > 1:
        yield "from inside the limits", np.where(np.isin(np.arange(len(x)), limited[stuck]), layout.start, x)
    for i in limited[~stuck]:
        limit = layout.lower[i] if x[i] - layout.lower[i] < layout.upper[i] - x[i] else layout.upper[i]
        if abs(x[i] - limit) < _NEAR * errors[i]:
            at_limit = x.copy()
            at_limit[i] = limit
            yield f"from the limit of '{layout.names[i]}'", at_limit


def lower_minimum(
    prepared: Prepared, layout: Layout, data: Data, fixed: Fixed, start: FloatArray, first: Solution
) -> tuple[Solution, tuple[Attempt, ...]]:
    """The lowest minimum from where there is reason to look, if any is lower than ``first``.

    Parameters
    ----------
    start
        (param,): where ``first``, which converged, started from.

    Returns
    -------
    That minimum, and the attempts that led to the first and to it; no attempts if ``first`` is the lowest.
    """
    best, what = None, ""
    large = layout.n_bins * prepared.plan.n_dense > _LARGE
    starts = _starts(layout, prepared, np.asarray(fixed.mask), start, first)
    for words, begin in islice(starts, 2 if large else None):
        seen = compiled_solve(prepared, data, fixed, np.asarray(begin), errors=False)  # type: ignore[arg-type]
        lowest = float((best or first).nll)
        if int(seen.status) == Status.CONVERGED and float(seen.nll) < lowest - _LOWER:
            best, what = seen, words
    if best is None:
        return first, ()
    found = jax.tree.map(np.asarray, compiled_solve(prepared, data, fixed, best.values))
    if int(found.status) != Status.CONVERGED:
        return first, ()
    own = np.array_equal(start, layout.start)
    began = "from the model's start values" if own else "from the given start"
    return found, (record(began, "newton", first), record(what, "newton", found))

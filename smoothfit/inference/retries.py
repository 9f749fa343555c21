"""What is tried when a fit does not converge, and what came of it.

A fit that stopped short may have done so at a kink (:mod:`.kinks`), which is looked at first, and again at
the end. In between, in this order, until one attempt converges at a point as low as the lowest seen: again
from the point reached; from there with nuisances half-way back to their most likely values; from the model's
own start values; from drawn points; with scipy's trust-constr from the lowest point. A degenerate end, or one
where an expectation is negative, is left at that when it has come out five times. A minimum above a point
that another attempt passed is not accepted: it is not the lowest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .._types import FloatArray
from ..fitters import FITTERS, Solution
from ..layout import Layout
from ..prepared import Data, Fixed, Prepared
from ..results import Attempt
from ..status import Status
from .kinks import on_kink

if TYPE_CHECKING:
    from .batching import Members

__all__ = ["record", "retry", "retry_failed"]

_DRAWN = 4
_SEED = 20090
"""Of the drawn starts: the same fit tries the same."""
_TOLERANCE = 1e-6
"""NLL by which a minimum may lie above the lowest point seen."""
_LAST_RESORT = "trust-constr"
_OF_THE_MODEL = (Status.NOT_POSITIVE_DEFINITE, Status.ILLEGAL_EXPECTATION)
"""What is wrong with a model rather than with a fit, if it comes out so again and again."""
_ENOUGH = 5
"""Attempts that say so."""


def _drawn(layout: Layout, reached: FloatArray, number: int) -> FloatArray:
    """(param,): nuisances from their constraints, free parameters between half and twice what was reached."""
    rng = np.random.default_rng([_SEED, number])
    widths = layout.widths
    constrained = np.isfinite(widths)
    noise = rng.standard_normal(layout.n_params)
    nuisances = np.where(constrained, layout.prefit.centre + widths * noise, 0.0)
    base = np.where(reached == 0.0, 0.1, reached) if number % 2 else layout.start
    free = base * np.exp(0.7 * noise) + 0.1 * noise * (base == 0.0)
    return np.asarray(np.where(constrained, nuisances, free))


def _starts(layout: Layout, start: FloatArray, first: Solution) -> Iterator[tuple[str, FloatArray]]:
    """Where to start again, in order: (in words, (param,))."""
    reached = np.asarray(first.values)
    if np.all(np.isfinite(reached)) and first.status != Status.NOT_FINITE:
        yield "from the point reached", reached
        likely = np.where(np.isfinite(layout.prefit.centre), layout.prefit.centre, reached)
        yield "from there, nuisances half-way back", 0.5 * (reached + likely)
    else:
        reached = layout.start
    if not np.array_equal(start, layout.start):
        yield "from the model's start values", layout.start
    for number in range(_DRAWN):
        yield f"from drawn start {number + 1}", _drawn(layout, reached, number)


def _alike(tried: list[Solution]) -> bool:
    return len({int(solution.status) for solution in tried}) == 1


def _legal(solution: Solution) -> bool:
    return bool(np.isfinite(solution.nll)) and int(solution.status) != Status.ILLEGAL_EXPECTATION


def record(what: str, fitter: str, solution: Solution) -> Attempt:
    """How an attempt ended."""
    return Attempt(
        what, fitter, int(solution.status), float(solution.nll), float(solution.edm), int(solution.steps)
    )


def retry(
    prepared: Prepared, layout: Layout, data: Data, fixed: Fixed, start: FloatArray, first: Solution
) -> tuple[Solution, tuple[Attempt, ...]]:
    """Try again after ``first``, which the native fitter reached from ``start`` (param,) without converging.

    Returns
    -------
    The first attempt that converged, or else the lowest legal point of all, and what was tried: the first
    attempt, then the retries.
    """
    first = jax.device_get(first)
    tried, attempts = [first], [record("from the given start", "newton", first)]

    def lowest() -> Solution:
        return min(tried, key=lambda s: (not _legal(s), float(s.nll)))

    def accepted(solution: Solution) -> bool:
        converged = int(solution.status) == Status.CONVERGED
        return converged and float(solution.nll) <= float(lowest().nll) + _TOLERANCE

    def attempt(what: str, fitter: str, begin: FloatArray) -> Solution:
        inside = np.clip(begin, layout.lower, layout.upper)
        found: Solution = jax.device_get(FITTERS[fitter](prepared, data, fixed, inside))  # type: ignore[arg-type]
        tried.append(found)
        attempts.append(record(what, fitter, found))
        return found

    def corner() -> Solution | None:
        """The minimum on a kink near the lowest point, where it is as low."""
        best = lowest()
        found = on_kink(prepared, data, fixed, best) if int(best.status) == Status.NOT_CONVERGED else None
        if found is None or float(found.nll) > float(best.nll) + _TOLERANCE:
            return None
        attempts.append(record("with what is on a kink held there", "newton", found))
        return found

    kink = corner()
    if kink is not None:
        return kink, tuple(attempts)
    for what, begin in _starts(layout, np.asarray(start), first):
        found = attempt(what, "newton", begin)
        if accepted(found):
            return found, tuple(attempts)
        if len(tried) == _ENOUGH and int(first.status) in _OF_THE_MODEL and _alike(tried):
            return lowest(), tuple(attempts)
    best = lowest()
    begin = np.asarray(best.values) if _legal(best) else layout.start
    found = attempt(f"with {_LAST_RESORT} from the lowest point", _LAST_RESORT, begin)
    if accepted(found):
        return found, tuple(attempts)
    kink = corner()
    return (lowest() if kink is None else kink), tuple(attempts)


def retry_failed(
    prepared: Prepared,
    layout: Layout,
    members: Members,
    problem_of: Callable[[int], tuple[Data, Fixed, FloatArray, Solution]],
) -> tuple[Members, dict[int, tuple[Attempt, ...]]]:
    """Retry the members of a batch that did not converge, one by one.

    Parameters
    ----------
    problem_of
        Gives the data, what is held, the start (param,) and the solution of a member.

    Returns
    -------
    The members with those replaced that a retry did better for, and what was tried, by member.
    """
    found = {f.name: np.array(getattr(members, f.name)) for f in fields(members) if _given(members, f.name)}
    attempts = {}
    for i in np.flatnonzero(~members.success):
        data, fixed, start, first = problem_of(int(i))
        solution, attempts[int(i)] = retry(prepared, layout, data, fixed, start, first)
        for name, value in _row(solution).items():
            if name in found:
                found[name][i] = value
    return replace(members, **found), attempts


def _given(members: Members, name: str) -> bool:
    return getattr(members, name) is not None


def _row(solution: Solution) -> dict[str, Any]:
    """A member's entries, by the names of the fields of Members."""
    with np.errstate(invalid="ignore"):
        sigma = np.sqrt(np.diagonal(solution.covariance))
    return {
        "x": np.concatenate([solution.values, solution.bin_values]),
        "nll": solution.nll,
        "status": solution.status,
        "edm": solution.edm,
        "steps": solution.steps,
        "smallest_nu": solution.smallest_nu,
        "at_limit": np.asarray(solution.at_limit) > 0,
        "errors": np.concatenate([sigma, solution.bin_errors]),
    }

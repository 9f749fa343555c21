"""Minos bounds of expressions: where g(x) is extreme among the points whose NLL has risen by a level.

There the gradients are parallel, dNLL = eta dg, and NLL = NLL(best) + level: as many equations as unknowns
(x, eta), solved by Newton's method with exact second derivatives of both, starting where a parabola and
a linear g would have the bound. Coordinates on a limit that are pushed outwards stay there. What is found
counts if it is an extremum: if the Hessian of NLL - eta g has no negative curvature along g = constant. Where
Newton's method gets lost, it starts again and goes by smaller levels.

An expression of dense parameters is followed with everything else eliminated, as in a fit; one that also
depends on parameters of single bins (yields, most often) in the space of all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from .._compilation import compiled
from .._pytree import resolve
from .._types import Array, BoolArray, FloatArray, IntArray
from ..errors import InvalidValueError
from ..fitters.solution import point
from ..likelihood import objective
from ..likelihood.derived import Derived as DerivedArrays
from ..likelihood.derived import derived, derived_of
from ..prepared import Data, Fixed, Prepared
from ..results import FitResult
from ..status import Status
from . import evaluation, inputs
from .batching import held_of, hold, refit
from .context import Context
from .fitting import held_values
from .minos import CrossingStatus
from .quantities import Node, Quantities, parameters_of, value_of

__all__ = ["Bounds", "bounds_of"]

_MOST = 3000
"""Parameters in the space of which an expression can be followed."""
_MAX_STEPS = 60
_ON_LEVEL = 1e-10
_CLOSE = 1e-14
_HALVINGS = 6
_DETOURS = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Roots of the level's parts that are gone by if the direct way fails."""


class Bounds(NamedTuple):
    """Both ends of an interval, up and down; NaN and None where there is none."""

    values: FloatArray
    statuses: tuple[CrossingStatus, CrossingStatus]
    fits: tuple[FitResult | None, FitResult | None]


class _Here(NamedTuple):
    """The NLL and the expression at a point, with two derivatives, of the free coordinates."""

    nll: float
    slope: FloatArray
    hessian: FloatArray
    value: float
    gradient: FloatArray
    curvature: FloatArray


@dataclass(frozen=True)
class _End:
    x: FloatArray
    here: _Here
    eta: float
    edm: float
    steps: int
    status: CrossingStatus


def _of_free(fn: Callable[[Array], Array], x: Array, free: Array) -> tuple[Array, Array, Array]:
    """Value, gradient and Hessian by the free coordinates."""

    def of(y: Array) -> Array:
        return fn(x.at[free].set(y))

    at = x[free]
    return of(at), jax.grad(of)(at), jax.hessian(of)(at)


@compiled
def _expression(node: Node, prepared: Prepared, x: Array, free: Array) -> tuple[Array, Array, Array]:
    return _of_free(partial(value_of, node, prepared), x, free)


@compiled
def _everything(prepared: Prepared, data: Data, x: Array, free: Array) -> tuple[Array, Array, Array]:
    return _of_free(lambda x: evaluation.nll_of(prepared, data, x), x, free)


@compiled
def _dense_only(
    model: Prepared | DerivedArrays, data: Data, fixed: Fixed, x: Array
) -> tuple[Array, Array, Array]:
    known = derived(model)
    problem = objective.pose(known, data, fixed)
    at = point(problem, x[known.plan.dense])
    return at.value, at.gradient, at.hessian


class _Space:
    """The coordinates in which an expression is followed, and the functions of them."""

    def __init__(self, context: Context, best_fit: FitResult, node: Node, call: str) -> None:
        layout = context.layout
        self._best, self._context = best_fit, context
        self._node, self._prepared = resolve(node), resolve(context.prepared)
        dense = np.sort(np.asarray(context.prepared.plan.dense.values, dtype=int))
        touched = parameters_of(node, layout.n_params)
        self.eliminates = touched is not None and bool(np.isin(touched, dense).all())
        of_all = dense if self.eliminates else np.arange(len(best_fit.x))
        self.free: IntArray = of_all[~best_fit.fixed[of_all]]
        if len(self.free) > _MOST:
            raise InvalidValueError(
                f"{call}: the expression depends on parameters of single bins, and the model has "
                f"{len(self.free)} free ones, more than the {_MOST} for which that is possible; ask for the "
                "bounds of parameters, or for linear errors by derived()."
            )
        self._among = np.searchsorted(dense, self.free) if self.eliminates else self.free
        self.lower, self.upper = (limit[self.free] for limit in layout.bounds)
        self._data = inputs.data(layout, best_fit.obs, best_fit.globs)
        self._held, _ = inputs.fixed(layout, context.prepared, held_values(best_fit))

    def full(self, y: FloatArray) -> FloatArray:
        """(param + bin param,): the rest where the best fit has it."""
        x = np.array(self._best.x, dtype=float)
        x[self.free] = y
        return x

    def at(self, y: FloatArray) -> _Here:
        """Both functions at free coordinates."""
        x = self.full(y)
        if self.eliminates:
            model = derived_of(self._context.prepared)
            params = x[: self._context.layout.n_params]
            nll, *of_dense = _dense_only(model, self._data, self._held, params)
            slope = np.asarray(of_dense[0])[self._among]
            hessian = np.asarray(of_dense[1])[np.ix_(self._among, self._among)]
        else:
            nll, *of_all = _everything(self._prepared, self._data, x, self.free)
            slope, hessian = np.asarray(of_all[0]), np.asarray(of_all[1])
        value, gradient, curvature = _expression(self._node, self._prepared, x, self.free)
        arrays = (np.asarray(a) for a in (gradient, curvature))
        return _Here(float(nll), slope, hessian, float(value), *arrays)

    def everything(self, y: FloatArray) -> FloatArray:
        """(param + bin param,): the rest where it minimises the NLL."""
        if not self.eliminates:
            return self.full(y)
        best = self._best
        held = hold(held_of(self._context, best), self.free, y)
        return refit(
            self._context, counts=best.obs, globs=best.globs, fixed=held, start=best.x, what="bounds"
        ).x[0]


def _distance(here: _Here, eta: float, keep: BoolArray) -> float:
    """How far from dNLL = eta dg, in units of the NLL."""
    off = np.where(keep, here.slope - eta * here.gradient, 0.0)
    diagonal = np.maximum(np.abs(np.diagonal(here.hessian)), 1e-300)
    return float(0.5 * np.sum(off**2 / diagonal))


def _is_extremum(here: _Here, eta: float, keep: BoolArray) -> bool:
    """Whether NLL - eta g has no negative curvature along g = constant."""
    unit = 1.0 / np.sqrt(np.maximum(np.abs(np.diagonal(here.hessian)), 1e-300))[keep]
    matrix = (here.hessian - eta * here.curvature)[np.ix_(keep, keep)] * unit[:, None] * unit
    normal = here.gradient[keep] * unit
    if len(normal) < 2:
        return True
    basis = np.linalg.qr(normal[:, None], mode="complete")[0][:, 1 if normal.any() else 0 :]
    return bool(np.linalg.eigvalsh(basis.T @ matrix @ basis)[0] > 0.0)


def _newton(
    here: _Here, eta: float, target: float, keep: BoolArray, stuck: bool
) -> tuple[FloatArray, float] | None:
    """The step of the free coordinates and of eta; None where the equations are singular."""
    n = int(keep.sum())
    matrix = np.zeros((n + 1, n + 1))
    matrix[:n, :n] = (here.hessian - eta * here.curvature)[np.ix_(keep, keep)]
    right = np.zeros(n + 1)
    right[:n] = (eta * here.gradient - here.slope)[keep]
    matrix[n, n] = 1.0
    if not stuck:
        matrix[:n, n], matrix[n, :n], matrix[n, n] = -here.gradient[keep], here.slope[keep], 0.0
        right[n] = target - here.nll
    # In units of the conditional errors, as derivatives by yields and by pulls are far apart.
    unit = np.ones(n + 1)
    unit[:n] = 1.0 / np.sqrt(np.maximum(np.abs(np.diagonal(here.hessian)[keep]), 1e-300))
    try:
        solved = unit * np.linalg.solve(matrix * unit[:, None] * unit, unit * right)
    except np.linalg.LinAlgError:
        return None
    if not np.all(np.isfinite(solved)):
        return None
    step = np.zeros(len(keep))
    step[keep] = solved[:n]
    return step, float(solved[n])


def _search(space: _Space, y: FloatArray, eta: float, lowest: float, level: float, side: int) -> _End | None:
    """Newton's method from a start; None where it does not arrive."""
    target, here = lowest + level, space.at(y)
    for steps in range(_MAX_STEPS):
        if not (np.isfinite(here.nll) and np.all(np.isfinite(here.hessian)) and np.isfinite(here.value)):
            return None
        if here.nll < lowest - 1e-6:
            return _End(y, here, eta, np.nan, steps, CrossingStatus.LOWER_MINIMUM)
        off = here.slope - eta * here.gradient
        held = ((y <= space.lower) & (off > 0.0)) | ((y >= space.upper) & (off < 0.0))
        keep = ~held
        # Everything that could move the expression is on a limit.
        stuck = not np.any(here.gradient[keep] != 0.0)
        edm = _distance(here, eta, keep)
        arrived = (stuck and here.nll <= target) or abs(here.nll - target) <= _ON_LEVEL
        if arrived and edm <= _CLOSE:
            fine = eta * side >= 0.0 and _is_extremum(here, eta, keep)
            status = CrossingStatus.AT_LIMIT if stuck else CrossingStatus.CONVERGED
            return _End(y, here, eta, edm, steps, status) if fine else None
        found = _newton(here, eta, target, keep, stuck)
        if found is None:
            return None
        step, change = found
        before = edm + (0.0 if stuck else (here.nll - target) ** 2 / level)
        for halving in range(_HALVINGS):
            part = 0.5**halving
            tried = np.clip(y + part * step, space.lower, space.upper)
            there, new = space.at(tried), eta + (0.0 if stuck else part * change)
            after = _distance(there, new, keep) + (0.0 if stuck else (there.nll - target) ** 2 / level)
            # A step that ends on a limit is judged by the next one.
            if after <= max(before, 0.1 * level) or np.any(tried != y + part * step):
                break
        y, eta, here = tried, new, there
    return None


def _end(space: _Space, y: FloatArray, first: _Here, level: float, side: int) -> _End | None:
    """One bound, directly or by smaller levels."""
    try:
        response = np.linalg.solve(first.hessian, first.gradient)
    except np.linalg.LinAlgError:
        return None
    variance = float(first.gradient @ response)
    if not np.isfinite(variance) or variance <= 0.0:
        return None
    for detour in ((1.0,), _DETOURS):
        at, eta, gone, found = y, 0.0, 0.0, None
        for part in detour:
            wanted = part**2 * level
            if found is None:
                eta = side * np.sqrt(2.0 * wanted / variance)
                start = y + eta * response
            else:
                # Straight on: both grow with the root of the level.
                start, eta = y + (at - y) * (part / gone), eta * (part / gone)
            start = np.clip(start, space.lower, space.upper)
            found = _search(space, start, eta, first.nll, wanted, side)
            if found is None or found.status == CrossingStatus.LOWER_MINIMUM:
                break
            at, eta, gone = found.x, found.eta, part
        if found is not None:
            return found
    return None


def bounds_of(
    context: Context, quantities: Quantities, best_fit: FitResult, level: float, call: str
) -> Bounds:
    """Where the profiled NLL of one derived quantity has risen by a level, upwards and downwards.

    Raises
    ------
    InvalidValueError
        If the quantity depends on nothing that is free, or on too many parameters of single bins.
    """
    name, node = quantities.names[0], quantities.nodes[0]
    space = _Space(context, best_fit, node, call)
    y = best_fit.x[space.free]
    first = space.at(y)
    if not np.any(first.gradient != 0.0):
        raise InvalidValueError(f"{call}: '{name}' does not change with any free parameter at the best fit.")
    values: list[float] = []
    statuses: list[CrossingStatus] = []
    fits: list[FitResult | None] = []
    for side in (1, -1):
        end = _end(space, y, first, level, side)
        # Beyond a pole it would come back from the other side: then there is no bound.
        if end is not None and side * (end.here.value - first.value) < 0.0:
            end = None
        status = CrossingStatus.NOT_FOUND if end is None else end.status
        usable = status in (CrossingStatus.CONVERGED, CrossingStatus.AT_LIMIT)
        statuses.append(status)
        values.append(end.here.value if end is not None and usable else np.nan)
        fits.append(_fit_at(space, end, best_fit, first, name) if end is not None and usable else None)
    return Bounds(np.array(values), (statuses[0], statuses[1]), (fits[0], fits[1]))


def _fit_at(space: _Space, end: _End, best_fit: FitResult, first: _Here, name: str) -> FitResult:
    """The profiled fit at a bound; it has no errors, as the expression is held along a surface."""
    n, x = len(best_fit.hess_inv), space.everything(end.x)
    gradient = np.zeros(n)
    of_params = space.free < n
    gradient[space.free[of_params]] = end.here.slope[of_params]
    return replace(
        best_fit,
        x=x,
        errors=np.where(best_fit.fixed, 0.0, np.nan),
        hess_inv=np.full((n, n), np.nan),
        fun=best_fit.fun + end.here.nll - first.nll,
        gradient=gradient,
        status=int(Status.CONVERGED),
        success=True,
        message=f"Converged, at a bound of '{name}'.",
        edm=end.edm,
        steps=end.steps,
        attempts=(),
        curvature=None,
        minima=None,
    )

"""Fits, and fits with parameters held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .._checks import describe
from .._compilation import fetched
from .._pytree import resolve
from .._types import BoolArray, FloatArray, IntArray
from ..errors import FitError, InvalidTypeError, InvalidValueError
from ..fitters import Fitter, Solution, choose
from ..prepared import Data, Fixed
from ..results import Attempt, ChosenCovariance, FitResult
from ..status import Status
from . import compiled, inputs, labelling
from .context import Context, check_made_with
from .retries import retry
from .second_looks import lower_minimum
from .starts import EndPoint, check_starts, draw_starts, end_point, sort_minima

__all__ = ["fit", "fit_prepared_data", "profile"]


class _Task(NamedTuple):
    """What is to be fitted."""

    context: Context
    data: Data
    globs: FloatArray
    """(global observable,): the parameters', then the bins'."""
    held: Fixed
    mask: BoolArray
    """(param + bin param,): what is held."""
    fitter: str | Fitter | None

    @classmethod
    def of(
        cls,
        context: Context,
        counts: FloatArray,
        observables: FloatArray,
        fixed: Mapping[Any, Any] | None,
        fitter: str | Fitter | None,
    ) -> _Task:
        """Of data that are checked already."""
        held, mask = inputs.fixed(context.layout, context.prepared, fixed)
        data = inputs.data(context.layout, counts, observables)
        return cls(context, data, observables, held, mask, fitter)

    def solve(self, start: FloatArray) -> Solution:
        """The end point of the fitter, as arrays of numpy."""
        found = choose(self.fitter)[1](self.context.prepared, self.data, self.held, start)  # type: ignore[arg-type]
        return fetched(found)


def fit(
    context: Context,
    obs: Any,
    *,
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    init: Any = None,
    fitter: str | Fitter | None = None,
    strict: bool = True,
    starts: int = 1,
    seed: int | None = None,
    errors_of: Sequence[Any] = (),
) -> FitResult:
    """Minimise the NLL.

    Parameters
    ----------
    obs
        (bin,) counts in events, or {channel: counts or histogram}.
    globs
        Global observables (parameters', then bins'), or a dict by parameter; the model's by default.
    fixed
        {variable, name or regular expression: value} to hold constant.
    init
        Where to start: values or a dict; the variables' values by default. What is outside of its
        bounds starts on them.
    fitter
        "newton" (native), "trust-constr" (scipy), "jaxopt", "optimistix", "minuit", an object of
        :mod:`smoothfit.fitters`, or a function with their protocol: that one, and nothing else. By
        default the native one, with retries if it does not converge: from other starts, then with
        trust-constr. Where there is reason to expect another minimum (an ``init`` that is not the model's
        own, log-normals far from symmetric, a limit near by), it looks there, too, and the lower one is the
        result. ``.attempts`` of the result says what was tried.
    strict
        Whether to raise if the fit did not converge; else it is returned, with its status.
    starts
        How many fits to start: this one and, to look for other minima, from starts drawn for the free
        parameters. The lowest minimum is the result; ``.minima`` of it lists all that differ.
    seed
        Of the drawn starts; None draws fresh entropy, recorded in ``.minima.seed``.
    errors_of
        Variables or names whose errors and covariances (``.chosen``) to compute where the model is so large
        (more than 3000 parameters) that a fit does not give those of all. Smaller fits know them anyway.

    Raises
    ------
    FitError
        If the fit did not converge (of several starts, none); its ``.result`` holds the fit.
    InvalidValueError
        Several starts of a model of more than 3000 parameters.
    """
    n_starts = check_starts(starts)
    layout = context.layout
    counts, observables = inputs.counts(layout, obs), inputs.globs(layout, globs)
    start = layout.start if init is None else inputs.values(layout, init, "init")[: layout.n_params]
    chosen = np.array(sorted({i for key in errors_of for i in layout.positions(key)}), dtype=int)
    if n_starts == 1:
        return fit_prepared_data(
            context, counts, observables, fixed, start, fitter, strict, chosen, look=True
        )
    first = fit_prepared_data(context, counts, observables, fixed, start, fitter, strict=False)
    if first.chosen is not None:
        raise InvalidValueError(
            f"fit: starts={n_starts} draws starts from the covariance, which a fit of so many parameters "
            "does not have; fit from several init=... instead."
        )
    result = _from_starts(context, first, fixed, start, fitter, n_starts, seed)
    return _checked(result, strict)


def _from_starts(
    context: Context,
    first: FitResult,
    fixed: Mapping[Any, Any] | None,
    start: FloatArray,
    fitter: str | Fitter | None,
    n_starts: int,
    seed: int | None,
) -> FitResult:
    """The lowest of fits from more starts around a first one; the fitter is compiled already."""
    layout, n = context.layout, context.layout.n_params
    task = _Task.of(context, first.obs, first.globs, fixed, fitter)
    found = first.x[:n] if first.success else start
    drawn, entropy = draw_starts(layout, start, found, first.errors[:n], first.fixed[:n], n_starts - 1, seed)
    solutions = [None, *(task.solve(one) for one in drawn)]
    points = [EndPoint(first.x[:n], first.errors[:n], first.fun, first.status)]
    points += [end_point(solution) for solution in solutions[1:]]
    hidden = np.array([first.is_blinded(i) for i in range(n)], dtype=bool)
    minima, lowest = sort_minima(points, layout.parameters, hidden, entropy)
    chosen = solutions[lowest]
    result = first if chosen is None else _labelled(task, chosen)
    several = len(minima) > 1 or minima.failed
    return replace(
        result, minima=minima, message=f"{result.message} {minima.heading()}" if several else result.message
    )


def _checked(result: FitResult, strict: bool) -> FitResult:
    if strict and not result.success:
        raise FitError(result.message, result)
    return result


def fit_prepared_data(
    context: Context,
    counts: FloatArray,
    observables: FloatArray,
    fixed: Mapping[Any, Any] | None,
    start: FloatArray,
    fitter: str | Fitter | None = None,
    strict: bool = True,
    chosen: IntArray | None = None,
    look: bool = False,
    known: Solution | None = None,
) -> FitResult:
    """:func:`fit` on data that are checked already.

    ``chosen`` are positions of ``errors_of``; ``look`` says to look for lower minima where there is reason;
    ``known`` is where the native fitter ends, if something else has found it.
    """
    task = _Task.of(context, counts, observables, fixed, fitter)
    solution = task.solve(start) if known is None or int(known.status) != Status.CONVERGED else known
    attempts: tuple[Attempt, ...] = ()
    # What is large enough to go without matrices has no other way to go.
    if fitter is None and solution.covariance.size:
        problem = context.prepared, context.layout, task.data, task.held, start
        if int(solution.status) != Status.CONVERGED:
            solution, attempts = retry(*problem, solution)
        if look and int(solution.status) == Status.CONVERGED:
            solution, looks = lower_minimum(*problem, solution)
            attempts += looks
    return _checked(_labelled(task, solution, attempts, chosen), strict)


def _labelled(
    task: _Task,
    solution: Solution,
    attempts: tuple[Attempt, ...] = (),
    chosen: IntArray | None = None,
) -> FitResult:
    layout, prepared, data, held = task.context.layout, task.context.prepared, task.data, task.held
    known = None
    if solution.covariance.size == 0 and layout.n_params:
        at = np.zeros(0, dtype=int) if chosen is None else chosen
        found = compiled.chosen_covariance(prepared, data, held, solution.dense, at) if len(at) else None
        known = ChosenCovariance(at, np.zeros((0, 0)) if found is None else np.asarray(found))
    return labelling.fit_result(
        solution,
        layout,
        fitter=_fitter_of(solution, attempts) or choose(task.fitter)[0],
        obs=np.asarray(data.counts),
        globs=task.globs,
        fixed=task.mask,
        dense=np.asarray(resolve(prepared.plan.dense)),
        curvature_of=lambda: compiled.curvature(prepared, data, held, solution),
        attempts=attempts,
        blinded=task.context.blinded,
        chosen=known,
    )


def _fitter_of(solution: Solution, attempts: tuple[Attempt, ...]) -> str:
    """Which fitter's attempt the solution is."""
    return next((a.fitter for a in attempts if a.fun == float(solution.nll)), "")


def held_values(best_fit: FitResult) -> dict[Any, float]:
    """{name: value} of what a fit held constant."""
    return {best_fit.names[i]: float(best_fit.x[i]) for i in np.flatnonzero(best_fit.fixed)}


def profile(
    context: Context, values: Mapping[Any, Any], best_fit: FitResult, obs: Any = None, *, strict: bool = True
) -> FitResult:
    """Fit with more parameters held: {variable, name or pattern: value}.

    Uses the data, global observables and held parameters of ``best_fit``, and starts from it.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If ``values`` is no dict, or ``obs`` are other data than those of ``best_fit``.
    FitError
        If the fit did not converge.
    """
    if not isinstance(values, Mapping):
        raise InvalidTypeError(f"profile: expected a dict {{variable: value}}, got {describe(values)}.")
    check_made_with(context, best_fit, obs, "profile")
    start = best_fit.x[: context.layout.n_params]
    held = {**held_values(best_fit), **dict(values)}
    return fit_prepared_data(context, best_fit.obs, best_fit.globs, held, start, None, strict)

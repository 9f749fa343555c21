"""Fits, and fits with parameters held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from .._types import FloatArray
from ..errors import FitError
from ..fitters import Fitter, choose
from ..results import FitResult
from . import compiled, inputs, labelling
from .context import Context, check_made_with

__all__ = ["fit", "fit_prepared_data", "profile"]


def fit(
    context: Context,
    obs: Any,
    *,
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    init: Any = None,
    fitter: str | Fitter | None = None,
    strict: bool = True,
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
        Where to start: values or a dict; the variables' values by default.
    fitter
        "newton" (native, the default), "trust-constr" (scipy), or a function with their protocol.
    strict
        Whether to raise if the fit did not converge; else it is returned, with its status.

    Raises
    ------
    FitError
        If the fit did not converge; its ``.result`` holds the fit.
    """
    layout = context.layout
    counts, observables = inputs.counts(layout, obs), inputs.globs(layout, globs)
    start = layout.start if init is None else inputs.values(layout, init, "init")[: layout.n_params]
    return fit_prepared_data(context, counts, observables, fixed, start, fitter, strict)


def fit_prepared_data(
    context: Context,
    counts: FloatArray,
    observables: FloatArray,
    fixed: Mapping[Any, Any] | None,
    start: FloatArray,
    fitter: str | Fitter | None = None,
    strict: bool = True,
) -> FitResult:
    """:func:`fit` on data that are checked already."""
    layout, prepared = context.layout, context.prepared
    name, solver = choose(fitter)
    data = inputs.data(layout, counts, observables)
    held, mask = inputs.fixed(layout, prepared, fixed)
    solution = solver(prepared, data, held, start)  # type: ignore[arg-type]
    result = labelling.fit_result(
        jax.device_get(solution),
        layout,
        fitter=name,
        obs=counts,
        globs=observables,
        fixed=mask,
        hessian_of=lambda: compiled.scaled_hessian(prepared, data, held, solution),
        blinded=context.blinded,
    )
    if strict and not result.success:
        raise FitError(result.message, result)
    return result


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
    InvalidValueError
        If ``obs`` are other data than those of ``best_fit``.
    FitError
        If the fit did not converge.
    """
    check_made_with(context, best_fit, obs, "profile")
    start = best_fit.x[: context.layout.n_params]
    held = {**held_values(best_fit), **dict(values)}
    return fit_prepared_data(context, best_fit.obs, best_fit.globs, held, start, None, strict)

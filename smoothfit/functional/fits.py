"""Predictions, the likelihood and fits as functions of pytrees."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._types import Array, ArrayLike
from ..errors import InvalidValueError
from ..fitters import Solution, compiled_solve
from ..inference import compiled
from ..inference.evaluation import data_of
from ..inference.minos import hold as hold_one
from ..likelihood.objective import nothing_fixed
from ..prepared import Fixed, Prepared

__all__ = ["covariance", "expected", "fit", "hessian", "hold", "nll", "profile"]


def expected(prepared: Prepared, values: ArrayLike) -> Array:
    """(bin,): expected events."""
    return compiled.expected(prepared, jnp.asarray(values, float))


def nll(prepared: Prepared, values: ArrayLike, obs: ArrayLike, globs: ArrayLike | None = None) -> Array:
    """The negative log-likelihood with all its constants, nothing minimised over.

    Bin parameters are at their centre if ``values`` leave them out.
    """
    return compiled.nll(prepared, jnp.asarray(values, float), jnp.asarray(obs, float), globs)


def fit(
    prepared: Prepared,
    obs: ArrayLike,
    *,
    globs: ArrayLike | None = None,
    fixed: Fixed | None = None,
    init: ArrayLike | None = None,
    errors: bool = True,
) -> Solution:
    """Minimise the NLL with the native fitter; differentiable by every argument but ``init``.

    ``fixed`` holds parameters and bin parameters (:class:`~smoothfit.prepared.Fixed`), ``init``
    (param,) is where to start. Without ``errors`` they and the covariance are 0, for less time.
    """
    start = prepared.plan.start if init is None else jnp.asarray(init, float)
    held = nothing_fixed(prepared) if fixed is None else fixed
    return compiled_solve(prepared, data_of(prepared, obs, globs), held, start, errors=errors)


def hold(prepared: Prepared, position: ArrayLike, value: ArrayLike, fixed: Fixed | None = None) -> Fixed:
    """``fixed`` with one more parameter held, by its position in (parameters, bin parameters)."""
    held = nothing_fixed(prepared) if fixed is None else fixed
    return hold_one(held, prepared.plan.n_params, jnp.asarray(position), jnp.asarray(value, float))


def profile(
    prepared: Prepared,
    position: ArrayLike,
    value: ArrayLike,
    obs: ArrayLike,
    *,
    globs: ArrayLike | None = None,
    fixed: Fixed | None = None,
    init: ArrayLike | None = None,
) -> Solution:
    """Fit with one parameter held at a value."""
    held = hold(prepared, position, value, fixed)
    return fit(prepared, obs, globs=globs, fixed=held, init=init)


def covariance(prepared: Prepared, obs: ArrayLike, *, globs: ArrayLike | None = None) -> Array:
    """(param, param): the covariance of a fit.

    Raises
    ------
    InvalidValueError
        If the model is so large (more than 3000 parameters) that a fit does not have one.
    """
    found = fit(prepared, obs, globs=globs).covariance
    if found.shape[0] != prepared.plan.n_params:
        raise InvalidValueError(
            f"covariance: a fit of {prepared.plan.n_params} parameters does not keep a matrix of that size; "
            "Model.fit(errors_of=[...]) gives the covariance of chosen ones."
        )
    return found


def hessian(prepared: Prepared, values: ArrayLike, obs: ArrayLike, globs: ArrayLike | None = None) -> Array:
    """(n, n): second derivatives of :func:`nll` by ``values``, by automatic differentiation."""
    return jax.hessian(lambda v: nll(prepared, v, obs, globs))(jnp.asarray(values, float))

"""The library as pure functions of pytrees, for ``jit``, ``vmap`` and ``grad``.

``prepared`` is ``model.prepared`` (or ``model.replaced(...)``, with other templates), ``values`` a vector
(param,) or (param + bin parameter,), ``obs`` counts (bin,), ``globs`` global observables, the parameters'
and then the bins', by default the model's. The methods of :class:`~smoothfit.Model` call
the same code.

Examples
--------
>>> import jax
>>> from smoothfit import Model, Process, Variable, functional
>>> sig = Process("sig", [50.0, 1.0]).scale_by(Variable("mu", 1.0))
>>> model = Model().add_proc(sig).add_proc(Process("bkg", [500.0, 500.0])).prepare()
>>> fitted = lambda yields: functional.fit(
...     model.replaced("sig", "main", yields=yields), [525.0, 500.5]).values[0]
>>> [round(float(g), 5) for g in jax.grad(fitted)(jax.numpy.array([50.0, 1.0]))]
[-0.00999, -0.00021]
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ._types import Array, ArrayLike
from .errors import InvalidValueError
from .fitters import Solution, compiled_solve
from .inference import compiled
from .inference.evaluation import data_of
from .inference.minos import Crossing
from .inference.minos import hold as hold_one
from .likelihood.objective import nothing_fixed
from .prepared import Fixed, Prepared

__all__ = [
    "covariance",
    "data_of",
    "expected",
    "fit",
    "hessian",
    "hold",
    "minos",
    "nll",
    "nothing_fixed",
    "profile",
]


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


def minos(
    prepared: Prepared,
    position: ArrayLike,
    side: ArrayLike,
    best: Solution,
    obs: ArrayLike,
    *,
    level: ArrayLike = 0.5,
    globs: ArrayLike | None = None,
    fixed: Fixed | None = None,
) -> Crossing:
    """Where the profiled NLL has risen by ``level`` above that of ``best``, on one side (+1 or -1).

    The parameter is then ``best`` plus ``side`` times ``.r``.
    """
    held = nothing_fixed(prepared) if fixed is None else fixed
    n, n_bins = prepared.plan.n_params, held.bin_mask.shape[0]
    errors = jnp.concatenate([jnp.sqrt(jnp.diagonal(best.covariance)), best.bin_errors])
    values = jnp.concatenate([best.values, best.bin_values])
    upper = jnp.concatenate([prepared.plan.upper, jnp.full(n_bins, jnp.inf)])
    lower = jnp.concatenate([prepared.plan.lower, jnp.full(n_bins, -jnp.inf)])
    at, towards = jnp.asarray(position), jnp.asarray(side, float)
    room = jnp.where(towards > 0, upper - values, values - lower)[at]
    error = jnp.where(jnp.isfinite(errors[at]) & (errors[at] > 0.0), errors[at], 1.0)
    return compiled.crossing(
        prepared,
        data_of(prepared, obs, globs),
        held,
        best,
        jnp.where(jnp.arange(n + n_bins) == at, towards, 0.0),
        room,
        jnp.asarray(level, float),
        jnp.sqrt(2.0 * jnp.asarray(level, float)) * error,
    )

"""Making a likelihood of a prepared model and data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..._checks import check_choice
from ..._types import FloatArray
from ...likelihood.derived import derived_of
from ...prepared import Fixed
from .. import inputs
from ..context import Context
from .density import Density
from .labels import Labels
from .likelihood import Likelihood
from .priors import read_priors
from .supports import flat_in_logarithm, supports

__all__ = ["likelihood"]

_ROOM = 1e-3
"""Distance from limits at which priors are tried, in units of the limits' distance or of the start value."""


def _inside(values: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Values off their limits: there densities may be 0 or infinite."""
    width = upper - lower
    size = np.where(np.isfinite(width), width, np.maximum(np.abs(values), 1.0))
    return np.clip(values, lower + _ROOM * size, upper - _ROOM * size)


def likelihood(
    context: Context,
    obs: Any,
    *,
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    bin_parameters: str = "free",
    priors: Mapping[Any, Any] | None = None,
) -> Likelihood:
    """The likelihood as a pure function of its free parameters, for minimisers and samplers of others.

    Parameters
    ----------
    obs, globs, fixed
        Data, global observables and what to hold, as for ``fit``.
    bin_parameters
        What becomes of the bin parameters of Monte Carlo statistics. "free": they are part of the
        vector, after the parameters; so a sampler draws them, too, which is how they are marginalised.
        "profiled": minimised over inside, which gives a minimiser the same minimum with fewer
        parameters; what a sampler makes of that is no posterior density.
    priors
        {variable or name: log-density}, functions in JAX of the parameter (of a variable's array), for
        parameters without a constraint. They are part of ``log_posterior`` and ``log_density``, not of
        ``nll``.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
        As ``fit`` does; a prior of a parameter that has a constraint or is held.
    UserFunctionError
        For a prior that cannot be traced, or is not finite at the start.

    Notes
    -----
    The density is the likelihood, constraints included, times priors. Without one, a free parameter has a
    flat prior in the parameter itself, as it is in the model, within its limits: that is a choice, and
    matters where the data say little. A constraint is read as a density of its parameter as ``sample_prior``
    does: flat in the parameter, and in the logarithm for a log-normal one.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> sig = Process("sig", [5.0, 9.0]).scale_by(Variable("mu", 1.0, lower_bound=0.0))
    >>> model = Model().add_proc(sig).add_proc(Process("bkg", [50.0, 60.0], sumw2=[10.0, 9.0])).prepare()
    >>> found = model.likelihood([58.0, 71.0], priors={"mu": lambda mu: -mu})
    >>> found.names
    ('mu', 'mcstat_main_bin0', 'mcstat_main_bin1')
    >>> values = found.values_from_dict({"mu": 0.5})
    >>> f"{found.nll(values):.4f} {model.nll({'mu': 0.5}, [58.0, 71.0]):.4f}"
    '8.4355 8.4355'
    >>> f"{found.log_posterior(values):.4f} {found.log_density(found.to_unconstrained(values)):.4f}"
    '-8.9355 -9.6287'
    """
    layout, prepared = context.layout, context.prepared
    check_choice("likelihood: bin_parameters", bin_parameters, ("free", "profiled"))
    counts, observables = inputs.counts(layout, obs), inputs.globs(layout, globs)
    held, mask = inputs.fixed(layout, prepared, fixed)
    profiled = bin_parameters == "profiled"
    is_free = ~mask
    if profiled:
        is_free[layout.n_params :] = False
    bin_mask = mask[layout.n_params :] if profiled else np.ones(layout.n_bin_params)
    values = np.concatenate([held.values, held.bin_values])
    lower, upper = supports(prepared, layout)
    read = read_priors(layout, priors, ~is_free, _inside(values, lower, upper))
    density = Density(
        model=derived_of(prepared),
        data=inputs.data(layout, counts, observables),
        held=Fixed(mask=held.mask, values=held.values, bin_mask=bin_mask * 1.0, bin_values=held.bin_values),
        free=jnp.asarray(np.flatnonzero(is_free), dtype="int32"),
        lower=jnp.asarray(lower[is_free]),
        upper=jnp.asarray(upper[is_free]),
        in_logarithm=jnp.asarray(flat_in_logarithm(prepared, layout)[is_free], dtype=float),
        priors=read,
        profiled=profiled,
    )
    # Arrays of JAX throughout: other packages take those of numpy for constants.
    density = jax.tree.map(jnp.asarray, density)
    return Likelihood(density=density, labels=Labels(layout, is_free))

"""Asimov data: the expectation at some values, as if it had been observed; traceable."""

from __future__ import annotations

import jax.numpy as jnp

from .._pytree import resolve
from .._types import Array
from ..errors import InvalidValueError
from ..likelihood.derived import auxiliary_counts
from ..prepared import Data, Prepared
from . import prediction
from .constraint_draws import DRAWS

__all__ = ["asimov_data", "asimov_globs", "check_densities"]


def asimov_globs(prepared: Prepared, values: Array) -> Array:
    """(global observable,) of the parameters at values (param,): a fit of them finds these again.

    Of users' densities, which only a search could tell, they are the values themselves.
    """
    plan, templates = prepared.plan.constraint, prepared.templates
    found = jnp.where(plan.poisson > 0, DRAWS["poisson"].asimov(values, templates.tau), values)
    for kind, members in plan.kinds.items():
        at = resolve(members)
        found = found.at[at].set(DRAWS[kind].asimov(values[at], *templates.constraint_numbers[kind]))
    return found[resolve(plan.constrained)]


def check_densities(prepared: Prepared, call: str) -> None:
    """Refuse densities of global observables: for which one a value is most likely is not known.

    Raises
    ------
    InvalidValueError
        Naming the call.
    """
    if any(len(of_one) > 1 for of_one in prepared.plan.constraint.densities.arguments):
        raise InvalidValueError(
            f"{call}: a constraint is a density of a parameter and its global observable; which observable "
            "belongs to a value would have to be searched for, as the model's own method does."
        )


def asimov_data(prepared: Prepared, values: Array) -> Data:
    """Counts and global observables at values (param + bin param,); traceable and differentiable."""
    p, bins = prediction.split_values(prepared.plan, values)
    of_bins, auxiliary = prepared.plan.bins, bins
    if of_bins is not None:
        auxiliary = jnp.where(of_bins.counting > 0, bins * auxiliary_counts(prepared), bins)
    return Data(
        counts=prediction.expected(prepared, values),
        globs=asimov_globs(prepared, p),
        bin_globs=auxiliary,
    )

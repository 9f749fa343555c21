"""Terms of constraints on single parameters, by kind: the registry of what ``constraints`` declares.

``value`` and ``constant`` add up to -log C(B | alpha), elementwise. Gaussian and Poisson constraints are
not here: nearly every model has them, and :mod:`.constraint` has closed forms that compile faster. How
toys are drawn from each kind is in ``inference/constraint_draws.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from .._types import Array
from ..probability import gaussian_constant, poisson_constant, poisson_deviance

__all__ = ["TERMS", "Term"]

_EDGE = 1e-9
"""Ratio alpha/B below which a log-normal term is continued by a parabola."""


class Term(NamedTuple):
    """The term of one kind, of arrays of one shape."""

    value: Callable[..., Array]
    """(alpha, glob, *numbers), twice differentiable almost everywhere."""
    constant: Callable[..., Array]
    """(glob, *numbers)"""


def _asymmetric(alpha: Array, glob: Array, down: Array, up: Array) -> Array:
    return 0.5 * ((alpha - glob) / jnp.where(alpha < glob, down, up)) ** 2


def _asymmetric_constant(glob: Array, down: Array, up: Array) -> Array:
    return gaussian_constant(0.5 * (down + up))


def _log_normal(alpha: Array, glob: Array, kappa: Array) -> Array:
    edge = _EDGE * glob
    legal = jnp.where(alpha > edge, alpha, edge)
    inverse = 1.0 / jnp.log(kappa) ** 2
    # Below the edge the second-order Taylor expansion: minimisers may pass through 0.
    below, start = jnp.minimum(alpha - edge, 0.0) / edge, np.log(_EDGE)
    continued = below * (start + 0.5 * (1.0 - start) * below)
    return inverse * (0.5 * jnp.log(legal / glob) ** 2 + continued)


def _log_normal_constant(glob: Array, kappa: Array) -> Array:
    return jnp.log(glob) + gaussian_constant(jnp.log(kappa))


def _gamma(alpha: Array, glob: Array, width: Array) -> Array:
    # The density of alpha is Pois(k - 1 | alpha/width^2)/width^2.
    return poisson_deviance(alpha / width**2, glob - 1.0)


def _gamma_constant(glob: Array, width: Array) -> Array:
    return poisson_constant(glob - 1.0) + 2.0 * jnp.log(width)


def _uniform(alpha: Array, glob: Array, lower: Array, upper: Array) -> Array:
    return jnp.zeros_like(alpha)


def _uniform_constant(glob: Array, lower: Array, upper: Array) -> Array:
    return jnp.log(upper - lower)


TERMS: dict[str, Term] = {
    "asymmetric": Term(_asymmetric, _asymmetric_constant),
    "gamma": Term(_gamma, _gamma_constant),
    "lognormal": Term(_log_normal, _log_normal_constant),
    "uniform": Term(_uniform, _uniform_constant),
}

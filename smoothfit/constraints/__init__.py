"""Constraints: what is known about a variable besides the binned data.

Each object says which term ``-log C(B | alpha)`` a :class:`~smoothfit.Variable` adds to the
likelihood, B being its global observable. All take one number for all components of a variable, or
one a component.

* :class:`Gaussian`: N(B | alpha, width). ``nuisance=True`` on a variable is
  ``Gaussian(mean=value, width=1)``.
* :class:`AsymmetricGaussian`: a Gaussian with another width on either side.
* :class:`LogNormal`: log B ~ N(log alpha, log kappa).
* :class:`Poisson`: Pois(B | alpha tau), an auxiliary count.
* :class:`Gamma`: a gamma density of mean 1.
* :class:`Uniform`: flat on a range.
* :class:`LogDensity`: any log-density written in JAX.
* :class:`NoConstraint`: a free variable, the same as giving none.
"""

from __future__ import annotations

from .base import Constraint, Prefit, is_local
from .counting import Gamma, Poisson
from .density import LogDensity
from .flat import NoConstraint, Uniform
from .gaussian import AsymmetricGaussian, Gaussian, LogNormal

__all__ = [
    "AsymmetricGaussian",
    "Constraint",
    "Gamma",
    "Gaussian",
    "LogDensity",
    "LogNormal",
    "NoConstraint",
    "Poisson",
    "Prefit",
    "Uniform",
    "is_local",
]

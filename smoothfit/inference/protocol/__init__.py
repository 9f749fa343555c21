"""The protocol outward: a likelihood as a pure function of one vector, for packages that know no models."""

from __future__ import annotations

from .likelihood import Likelihood
from .making import likelihood

__all__ = ["Likelihood", "likelihood"]

"""Likelihoods that JAX cannot trace (RooFit, Fortran, C++), called back in Python from compiled programs.

* :mod:`.likelihood`: the wrapper, with a derivative rule of its own.
* :mod:`.differences`: central differences, where no derivatives are given.
"""

from __future__ import annotations

from .likelihood import HostLikelihood, host_likelihood

__all__ = ["HostLikelihood", "host_likelihood"]

"""Unfolding: truth spectra from a profile likelihood, with a penalty where the data do not say enough.

* :func:`response_process`: a response matrix as an array process, one sub-process a truth bin.
* :class:`Regularisation`: what of the truth is to be small (size, derivative, curvature).
* :func:`unfold`: the fit, with the strength of the penalty chosen or given.
* :func:`bottom_line_test`: whether unfolding invented discriminating power.
"""

from __future__ import annotations

from .bottom_line import bottom_line_test
from .regularisation import Regularisation
from .response import response_process
from .unfold import unfold

__all__ = ["Regularisation", "bottom_line_test", "response_process", "unfold"]

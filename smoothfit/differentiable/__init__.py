"""Building blocks of analyses that are optimised by gradient, through the likelihood.

* :func:`kde_histogram`, :func:`sigmoid_histogram`, :func:`softmax_histogram`: events to expected yields that
  have derivatives by everything that goes in, as a :class:`SoftHistogram`.
* :func:`ordered_edges`, and back by :func:`edge_parameters`: rising edges from any numbers.
* :func:`soft_cut`, :func:`soft_and`, :func:`soft_or`: cuts as weights.
* :func:`limit_loss`, :func:`cls_loss`, :func:`significance_loss`, :func:`error_loss`: what to optimise, of a
  prepared model.

They are pure functions for ``jit``, ``vmap`` and ``grad``, forward and reverse. What comes out goes into
``model.replaced(process, channel, yields=..., sumw2=...)``, and from there through
:mod:`smoothfit.functional`.
"""

from __future__ import annotations

from .cuts import soft_and, soft_cut, soft_or
from .edges import edge_parameters, ordered_edges
from .histograms import SoftHistogram, kde_histogram, sigmoid_histogram, softmax_histogram
from .losses import cls_loss, error_loss, limit_loss, significance_loss

__all__ = [
    "SoftHistogram",
    "cls_loss",
    "edge_parameters",
    "error_loss",
    "kde_histogram",
    "limit_loss",
    "ordered_edges",
    "sigmoid_histogram",
    "significance_loss",
    "soft_and",
    "soft_cut",
    "soft_or",
    "softmax_histogram",
]

"""Kinds of systematic uncertainty and scaling, one file each.

Every file says how its declarations are stacked into arrays (numpy, once) and how they act
(JAX): on the logarithm of a whole row's normalisation (:class:`LogFactorTerms`), on the yields of
single bins, or as plain factors. Storage is private to the file.
"""

from __future__ import annotations

from . import factor, lognormal, shape
from .terms import LogFactorTerms, concatenate, second_order

__all__ = ["LogFactorTerms", "concatenate", "factor", "lognormal", "second_order", "shape"]

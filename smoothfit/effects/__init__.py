"""Kinds of systematic uncertainty and scaling, one file each.

Public are the effects that ``add_effect`` takes: :class:`LnN`, :class:`LnU`, :class:`Linear`, :class:`TrG`,
:class:`GmN`, :class:`GmM`, :class:`Poisson`, :class:`Quantile`. Each is a callable of theta, too.

Inside, a row effect is an elementwise function of the registry (:data:`KINDS`), with value, slope and
curvature and a few numbers a row; it acts on the logarithm of a whole row's normalisation, or as a
plain factor. :mod:`.shape` acts on the yields of single bins, :mod:`.factor` holds scale factors.
"""

from __future__ import annotations

from . import density, factor, row_effects, shape
from .effect import Effect, Entries, RowEffect
from .gamma import EMPTY_RATE, GmM, GmN
from .kind import Kind
from .linear import Linear, TrG
from .lognormal import CODE2, LnN, LnU
from .poisson import Poisson
from .quantile import Quantile
from .registry import EFFECTS, KINDS
from .terms import RowTerms, concatenate, second_order

__all__ = [
    "CODE2",
    "EFFECTS",
    "EMPTY_RATE",
    "KINDS",
    "Effect",
    "Entries",
    "GmM",
    "GmN",
    "Kind",
    "Linear",
    "LnN",
    "LnU",
    "Poisson",
    "Quantile",
    "RowEffect",
    "RowTerms",
    "TrG",
    "concatenate",
    "density",
    "factor",
    "row_effects",
    "second_order",
    "shape",
]

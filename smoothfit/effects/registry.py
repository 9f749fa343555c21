"""The registry: every kind of row effect by name, and every public effect by its label.

A new effect is one file with its class, one line here, one test and one page in ``docs/effects``; one
that needs a function of its own adds a :class:`Kind`, too. Everything downstream loops over these.
"""

from __future__ import annotations

from . import lognormal
from .affine import AFFINE
from .effect import Effect
from .gamma import GmM, GmN
from .kind import Kind
from .linear import Linear, TrG
from .lognormal import LnN, LnU
from .poisson import COUNT, Poisson
from .quantile import Quantile

__all__ = ["EFFECTS", "KINDS"]

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (*lognormal.KINDS.values(), lognormal.SIGNED, AFFINE, COUNT)
}
"""name -> what acts on a row; the names are part of what is compiled."""

EFFECTS: dict[str, type[Effect]] = {
    cls.label: cls for cls in (LnN, LnU, Linear, TrG, GmN, GmM, Poisson, Quantile)
}
"""label -> what users write."""

"""Barlow-Beeston lite with Poisson constraints, HistFactory's way: one factor gamma a bin.

gamma multiplies the yields a of the processes that carry variances, nu = gamma a + b, and is constrained by
Pois(m | gamma tau) with tau = (a0/e0)^2 of the nominal templates. It is a local parameter of its bin, with

    (a + tau) a gamma^2 + [(a + tau) b - (d + m) a] gamma - m b = 0

so that it is minimised over in closed form (``likelihood/local.py``).
"""

from __future__ import annotations

import dataclasses

from .treatment import Nominal, Options, Treatment, nothing

__all__ = ["treat"]


def treat(nominal: Nominal, options: Options) -> Treatment:
    """One factor in every bin where the processes with variances have positive yield and error."""
    carried = nominal.carries[:, None]
    total = (nominal.yields * carried).sum(axis=0)
    uncertain = (nominal.sumw2 * carried).sum(axis=0) > 0.0
    usable = uncertain & (total > 0.0)
    left_out = {"yield not positive, no parameter": int((uncertain & ~usable).sum())}
    return dataclasses.replace(nothing(nominal), shared=usable, left_out=left_out)

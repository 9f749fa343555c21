"""One parameter a process and bin (Barlow-Beeston in full).

A Poisson constraint multiplies the yield by gamma, Pois(m | gamma tau) with tau = (n/e)^2; a Gaussian one
shifts it by x e, x a unit Gaussian. With a content threshold, bins below it are Poisson and those at or
above Gaussian. Yields that are not positive cannot be Poisson: they are Gaussian, too.
"""

from __future__ import annotations

import dataclasses

from .treatment import Nominal, Options, Treatment, nothing

__all__ = ["treat"]


def treat(nominal: Nominal, options: Options) -> Treatment:
    """A parameter for every yield that has an error."""
    uncertain = (nominal.sumw2 > 0.0) & nominal.carries[:, None]
    if options.threshold is not None:
        poisson = uncertain & (nominal.yields < options.threshold)
    else:
        poisson = uncertain & (options.constraint == "poisson")
    positive = nominal.yields > 0.0
    left_out = {"yield not positive, Gaussian instead of Poisson": int((poisson & ~positive).sum())}
    multiplied = poisson & positive
    return dataclasses.replace(
        nothing(nominal), multiplied=multiplied, shifted=uncertain & ~multiplied, left_out=left_out
    )

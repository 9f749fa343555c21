"""Monte Carlo statistics, one file a mode: which bins get which parameters.

A mode is a function (nominal yields and variances of a channel, options) -> :class:`Treatment`. What is
minimised over in closed form by v and V alone is in :mod:`.lite`; parameters of single rows and bins are
local parameters of the likelihood, whatever they come from.
"""

from __future__ import annotations

from collections.abc import Callable

from . import full, lite, lite_gamma, threshold
from .treatment import Nominal, Options, Treatment, nothing

__all__ = ["MODES", "Nominal", "Options", "Treatment"]


def _none(nominal: Nominal, options: Options) -> Treatment:
    return nothing(nominal)


MODES: dict[str, Callable[[Nominal, Options], Treatment]] = {
    "lite": lite.treat,
    "lite-gamma": lite_gamma.treat,
    "full": full.treat,
    "threshold": threshold.treat,
    "none": _none,
}
"""The modes that ``set_mc_stat`` knows, by name."""

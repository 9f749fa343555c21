"""How the values of a live model stand with its data, in numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .._checks import plural
from ..render import number
from ..results import BLINDED

__all__ = ["ChannelDeviance", "Standing"]


class ChannelDeviance(NamedTuple):
    """How far the data of a channel are from the expectation."""

    deviance: float
    """2 (NLL - NLL of a prediction equal to the data): like a chi2."""
    bins: int
    """Bins of the likelihood, 0 in a masked channel."""


@dataclass(frozen=True)
class Standing:
    """The NLL, its parts, and what of that may be shown; the numbers themselves are as they are.

    Examples
    --------
    >>> print(Standing(12.5, 3.0, 1.0, {"SR": ChannelDeviance(4.0, 2)}))
    NLL = 12.5
    2 ΔNLL to the fit = 3
    constraints = 1
    SR = 4 (2 bins)
    """

    nll: float
    """With all its constants; NaN without data."""
    delta: float
    """2 (NLL - that of the last fit to these data); NaN if there is none. Negative where a fit held what
    has been moved since."""
    constraints: float
    """2 (NLL - smallest NLL) of constraints and users' terms: what pulls cost."""
    channels: Mapping[str, ChannelDeviance] = field(default_factory=dict)
    hidden: bool = False
    """Whether something is blinded that NLLs would give away."""
    hidden_channels: frozenset[str] = frozenset()

    def lines(self, channels: Collection[str] | None = None) -> list[tuple[str, str]]:
        """(what, number as text), as shown; of these channels, or of all."""
        if math.isnan(self.nll) and not self.channels:
            return [("NLL", "no data")]
        found = [("NLL", self.nll), ("2 ΔNLL to the fit", self.delta), ("constraints", self.constraints)]
        # Relative to the minimum small differences count, and rounding errors do not.
        shown = [(what, BLINDED if self.hidden else _text(value)) for what, value in found]
        for name, (deviance, bins) in self.channels.items():
            if channels is not None and name not in channels:
                continue
            if not bins:
                shown.append((name, "masked"))
            elif name in self.hidden_channels:
                shown.append((name, BLINDED))
            else:
                shown.append((name, f"{number(deviance, digits=4)} ({plural(bins, 'bin')})"))
        return shown

    def __str__(self) -> str:
        return "\n".join(f"{what} = {value}" for what, value in self.lines())


def _text(value: float) -> str:
    return "-" if math.isnan(value) else number(value, digits=8) if abs(value) > 1e-9 else "0"

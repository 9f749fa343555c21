"""From where on something is a finding."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from ..errors import InvalidValueError

__all__ = ["Thresholds"]


@dataclass(frozen=True)
class Thresholds:
    """Limits of the checks; the defaults are meant to be silent on a sound model.

    Raises
    ------
    InvalidValueError
        For a limit that is no finite number, or negative.

    Examples
    --------
    >>> Thresholds(large_shift=2.0).large_shift
    2.0
    """

    negligible: float = 1e-9
    """Relative changes of yields below this are none."""
    small: float = 1e-3
    """Relative changes of a process below this are not looked at further."""
    matters: float = 0.01
    """A shift of one process matters in a bin if it is this part of all that is expected there."""
    no_background: float = 1e-3
    """Background below this part of the signal in a bin is none."""
    no_data: float = 5.0
    """A channel without data is a finding where at least this many events are expected."""
    unmodelled: float = 0.05
    """Processes without Monte Carlo errors may be this part of a channel whose others have them."""
    mc_error: float = 0.5
    """Largest relative Monte Carlo error of all that is expected in a bin."""
    large_shift: float = 1.0
    """Largest shift of a bin, relative to the nominal yield of its process."""
    huge_normalisation: float = 2.0
    """Largest factor by which a nuisance at one sigma may change a process."""
    one_sided: float = 0.95
    """Largest asymmetry, sum |up + down| / sum (|up| + |down|) of changes: 0 of opposite, 1 of equal ones."""
    noise_p: float = 0.05
    """A change of shape of at least this probability, as a fluctuation of two samples, may be one."""
    noise_size: float = 0.1
    """... if its chi2 per degree of freedom is at least this (less does no harm),"""
    noise_roughness: float = 1.2
    """... and its mean squared step between bins over its variance this: 2 of noise, 0 of a trend."""
    spike: float = 0.1
    """Largest departure of a bin's ratio up/nominal from those of its two neighbours, if these agree."""
    spike_factor: float = 6.0
    """... and it is larger than the typical one by this."""
    fewest_bins: int = 5
    """Shapes of fewer bins are not looked at for noise and spikes."""
    collinear: float = 0.9999
    """Smallest cosine between the shifts of parameters that do the same thing."""
    largest_set: int = 20
    """Members of larger sets (one a bin, mostly) are not moved one by one."""
    largest_shifts: int = 50_000_000
    """Parameters x bins up to which pairs that do the same are looked for."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value < 0.0:
                raise InvalidValueError(
                    f"Thresholds: {field.name} must be a number that is not negative, got {value!r}."
                )

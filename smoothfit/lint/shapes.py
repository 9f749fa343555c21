"""Checks of shapes bin by bin: changes that look like noise, and bins that stand out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .._types import FloatArray
from ..results import Finding
from .kinds import KINDS
from .subject import Subject
from .systematics import Change, changes
from .thresholds import Thresholds

__all__ = ["roughness"]


def roughness(subject: Subject) -> Iterator[Finding]:
    """Changes of shape that fluctuate, where there are bins enough to see it."""
    for change in changes(subject):
        if change.is_shape and change.row.yields.sum() > 0.0:
            noise = _noise(change, subject.thresholds)
            if noise is not None:
                yield KINDS["noisy-shape"].at(change.where, noise)
                continue
            yield from _spikes(change, subject.thresholds)


def _noise(change: Change, limits: Thresholds) -> float | None:
    """chi2 per degree of freedom of the larger side, if both sides are like fluctuations; else None."""
    if change.row.sumw2 is None:
        return None
    found = []
    for side in (change.up, change.down):
        pulls = _pulls(change.row.yields, side, change.row.sumw2)
        if pulls is None or len(pulls) < limits.fewest_bins:
            return None
        chi2, ndf = float(np.sum(pulls**2)), len(pulls) - 1
        spread = float(np.sum((pulls - pulls.mean()) ** 2))
        rough = float(np.sum(np.diff(pulls) ** 2)) > limits.noise_roughness * spread
        # Both samples fluctuate: the variance of the difference is twice that of one.
        if not rough or chi2 < limits.noise_size * ndf or _tail(0.5 * chi2, ndf) < limits.noise_p:
            return None
        found.append(chi2 / ndf)
    return max(found)


def _pulls(nominal: FloatArray, side: FloatArray, sumw2: FloatArray) -> FloatArray | None:
    """Differences at the nominal integral in units of its errors, in bins that have one."""
    if side.sum() <= 0.0:
        return None
    normalised = side * (nominal.sum() / side.sum())
    filled = sumw2 > 0.0
    pulls: FloatArray = (normalised[filled] - nominal[filled]) / np.sqrt(sumw2[filled])
    return pulls


def _tail(chi2: float, ndf: int) -> float:
    """Probability of at least this chi2."""
    from scipy.special import chdtrc

    return float(chdtrc(ndf, chi2))


def _typical(departure: FloatArray, b: int) -> float:
    """The departure of bins that this one and its neighbours have no part in."""
    others = np.delete(departure, slice(max(b - 1, 0), b + 2))
    return float(np.median(others)) if len(others) else 0.0


def _spikes(change: Change, limits: Thresholds) -> Iterator[Finding]:
    nominal = change.row.yields
    if len(nominal) < limits.fewest_bins or np.any(nominal <= 0.0):
        return
    error = 0.0 if change.row.sumw2 is None else np.sqrt(change.row.sumw2)[1:-1] / nominal[1:-1]
    for name, side in (("up", change.up), ("down", change.down)):
        ratio = side / nominal
        before, here, after = ratio[:-2], ratio[1:-1], ratio[2:]
        departure = np.abs(here - 0.5 * (before + after))
        # A step has neighbours that differ; a spike stands between two that agree.
        alone = np.abs(before - after) < 0.5 * departure
        large = departure > np.maximum(limits.spike, 2.0 * error)
        # The median takes long: only where it decides.
        possible = np.flatnonzero(alone & large)
        typical = np.array([_typical(departure, int(b)) for b in possible])
        found = possible[departure[possible] > limits.spike_factor * typical]
        if len(found):
            worst = int(found[np.argmax(departure[found])])
            yield KINDS["spike"].at(f"{change.where}, bin {worst + 1} ({name})", departure[worst])

"""Pass 3, Monte Carlo statistics: which bins and rows get a parameter, as each channel's mode says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidValueError
from ..montecarlo import MODES, Nominal, Treatment
from .collection import Channel, Structure

__all__ = ["Treatments", "treat"]


@dataclass(frozen=True, eq=False)
class Treatments:
    """The Monte Carlo treatment of every channel."""

    of_channel: tuple[Treatment, ...]

    def has_lite(self, channel: int) -> bool:
        """Whether a bin of the channel has a parameter for all rows in closed form."""
        return bool(self.of_channel[channel].lite.any())

    def rows(self, channel: Channel, index: int) -> set[int]:
        """Rows of a channel with factors or shifts of bin parameters."""
        treatment = self.of_channel[index]
        own = (treatment.multiplied | treatment.shifted).any(axis=1)
        if treatment.shared.any():
            own = own | _nominal(channel).carries
        rows = np.array([row for c in channel.contributions for row in c.rows])
        return set(rows[own].tolist())


def _nominal(channel: Channel) -> Nominal:
    yields, sumw2, carries, signal = [], [], [], []
    for c in channel.contributions:
        contrib = c.contrib
        yields.append(contrib.yields)
        sumw2.append(np.zeros_like(contrib.yields) if contrib.sumw2 is None else contrib.sumw2)
        carries += [contrib.sumw2 is not None] * contrib.n_sub
        signal += [c.process.signal] * contrib.n_sub
    return Nominal(np.concatenate(yields), np.concatenate(sumw2), np.array(carries), np.array(signal))


def treat(structure: Structure) -> Treatments:
    """Decide about every bin.

    Raises
    ------
    InvalidValueError
        A mode that needs variances in channels without any, or covariances in one that cannot use them.
    """
    found = []
    wanting: dict[str, list[bool]] = {}
    for channel in structure.channels:
        setting = channel.mc_stat
        has = [c for c in channel.contributions if c.contrib.sumw2 is not None]
        if setting.mode not in ("lite", "none") and not channel.masked:
            wanting.setdefault(setting.mode, []).append(bool(has))
            if setting.channels is not None and not has:
                raise InvalidValueError(_without(setting.mode, f"channel '{channel.name}'"))
        lone = [c for c in has if c.contrib.covariance is not None]
        if lone and not (setting.mode == "none" or _follows_processes(channel)):
            raise InvalidValueError(
                f"{lone[0].what}: sumw2 is a covariance of templates; set_mc_stat(mode='{setting.mode}', "
                f"scaling='{setting.options.scaling}') cannot use it, mode='lite' with scaling='process' can."
            )
        mode = "none" if channel.masked else setting.mode
        found.append(MODES[mode](_nominal(channel), setting.options))
    for mode, present in wanting.items():
        if not any(present):
            raise InvalidValueError(_without(mode, "any channel"))
    return Treatments(tuple(found))


def _follows_processes(channel: Channel) -> bool:
    return channel.mc_stat.mode == "lite" and channel.mc_stat.options.scaling == "process"


def _without(mode: str, where: str) -> str:
    return (
        f"set_mc_stat: mode '{mode}' needs variances, and no process has sumw2 in {where}; register_sumw2(), "
        "or use mode='none'."
    )

"""A model as the checks see it: rows with their templates, and what is expected in total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._types import BoolArray, FloatArray
from ..build import AddFn, ChannelContrib, Declaration, Process, Scale, ScaleFn, Shape, Variable
from ..inference import compiled, inputs
from ..inference.context import Context
from ..layout import ChannelInfo
from ..preparation import Specification
from ..results import Receipt
from .thresholds import Thresholds

__all__ = ["Row", "Subject", "bins_text"]


@dataclass(frozen=True, eq=False)
class Row:
    """A sub-process in a channel."""

    process: Process
    contrib: ChannelContrib
    sub: int
    effects: tuple[Declaration, ...]

    @property
    def name(self) -> str:
        """Process, or sub-process."""
        return self.process.sub_procs[self.sub]

    @property
    def where(self) -> str:
        """For findings."""
        return f"{self.name} in {self.contrib.channel}"

    @property
    def yields(self) -> FloatArray:
        """(bin,)"""
        found: FloatArray = self.contrib.yields[self.sub]
        return found

    @property
    def sumw2(self) -> FloatArray | None:
        """(bin,)"""
        return None if self.contrib.sumw2 is None else self.contrib.sumw2[self.sub]

    @property
    def is_morphed(self) -> bool:
        """Whether functions make its yields, so that a template by itself means little (EFT)."""
        if any(isinstance(effect, AddFn) for effect in self.effects):
            return True
        return self.contrib.is_array and any(isinstance(effect, ScaleFn) for effect in self.effects)

    def acts(self, effect: Declaration) -> bool:
        """Whether an effect acts on this sub-process."""
        region = getattr(effect, "region", None)
        return region is None or region.sub_procs is None or self.sub in region.sub_procs

    @property
    def has_bin_errors(self) -> bool:
        """Whether constrained factors or shapes of single bins act on it, as staterrors of pyhf do."""
        return any(self.acts(effect) and self._is_bin_error(effect) for effect in self.effects)

    def _is_bin_error(self, effect: Declaration) -> bool:
        if isinstance(effect, Scale):
            # In a channel of one bin an array of one stands for it, though no axis says so.
            return effect.axis != "process" and _is_set(effect.variable)
        if isinstance(effect, ScaleFn):
            return any(_is_set(variable) for variable in effect.variables)
        return isinstance(effect, Shape) and self._moves_one_bin(effect)

    def _moves_one_bin(self, effect: Shape) -> bool:
        moved = np.abs(effect.up[self.sub] - self.yields) > 1e-9 * np.abs(self.yields)
        return len(moved) > 1 and int(np.count_nonzero(moved)) == 1


def _is_set(variable: Variable) -> bool:
    return variable.constraint is not None and not variable.is_scalar


@dataclass(frozen=True, eq=False)
class Subject:
    """A prepared model, its data and the limits."""

    context: Context
    specification: Specification
    obs: FloatArray | None
    thresholds: Thresholds
    receipt: Receipt | None = None

    @cached_property
    def channels(self) -> list[ChannelInfo]:
        """The channels of the likelihood."""
        return [c for c in self.context.layout.channels if c.name not in self.specification.masked]

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of these channels."""
        names = {channel.name for channel in self.channels}
        return [
            Row(process, contrib, sub, effects)
            for process in self.specification.processes
            for contrib in process.contribs.values()
            if contrib.channel in names
            for effects in [process.acting(contrib)]
            for sub in range(contrib.n_sub)
        ]

    def rows_of(self, channel: str) -> list[Row]:
        """The rows of a channel."""
        return [row for row in self.rows if row.contrib.channel == channel]

    @cached_property
    def start(self) -> FloatArray:
        """(param + bin parameter,)"""
        return inputs.values(self.context.layout, {})

    @cached_property
    def expected(self) -> FloatArray:
        """(bin,): at the start values."""
        return np.asarray(compiled.expected(self.context.prepared, self.start))

    def possible(self, channel: ChannelInfo) -> BoolArray:
        """(bin,): where something is expected, now or for other values of the parameters."""
        found: BoolArray = self.expected[channel.bins] != 0.0
        for row in self.rows_of(channel.name):
            found = found | (row.yields != 0.0)
            for effect in row.effects:
                for template in (getattr(effect, "up", None), getattr(effect, "down", None)):
                    if template is not None:
                        found = found | (template[row.sub] != 0.0)
                if isinstance(effect, AddFn):
                    return np.ones_like(found)
        return found

    @cached_property
    def signals(self) -> set[str]:
        """Processes that are signal: those said to be, or else those that the POI scales."""
        said = {process.name for process in self.specification.processes if process.signal}
        poi = self.specification.poi
        if said or not poi:
            return said
        return {
            row.process.name
            for row in self.rows
            for effect in row.effects
            if isinstance(effect, Scale) and poi in (effect.variable.name, *effect.variable.sub_names)
        }

    def data(self, channel: ChannelInfo) -> FloatArray | None:
        """(bin,): the counts of a channel, None where there are none or they are hidden."""
        if self.obs is None or channel.name in self.context.blinded:
            return None
        return self.obs[channel.bins]


def bins_text(channel: str, bins: Sequence[int]) -> str:
    """A channel with some of its bins.

    Examples
    --------
    >>> bins_text("SR", [3]), bins_text("SR", [0, 4, 5, 6, 9])
    ('SR, bin 3', 'SR, bins 0, 4, 5, 6, ...')
    """
    shown = ", ".join(str(b) for b in bins[:4]) + (", ..." if len(bins) > 4 else "")
    return f"{channel}, {'bin' if len(bins) == 1 else 'bins'} {shown}"

"""Checks of Monte Carlo statistics: missing, lost, switched off, poor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .._types import FloatArray
from ..layout import ChannelInfo
from ..results import Finding
from .kinds import KINDS
from .subject import Row, Subject, bins_text

__all__ = ["errors"]


def errors(subject: Subject) -> Iterator[Finding]:
    """Monte Carlo errors of each channel."""
    modes = {info.channel: info for info in subject.context.layout.mc_stat}
    for channel in subject.channels:
        rows = [row for row in subject.rows_of(channel.name) if np.any(row.yields)]
        carrying = [row for row in rows if row.sumw2 is not None]
        yield from _missing(subject, channel, rows)
        yield from _without_variance(carrying)
        info = modes.get(channel.name)
        if carrying and info is not None and info.mode == "none" and not any(r.has_bin_errors for r in rows):
            yield KINDS["unused-variances"].at(channel.name, _largest(_relative(carrying, rows)))
        elif carrying and not any(row.is_morphed for row in rows):
            relative = _relative(carrying, rows)
            bins = np.flatnonzero(relative > subject.thresholds.mc_error)
            if len(bins):
                where = bins_text(channel.name, bins.tolist())
                yield KINDS["large-mc-error"].at(where, _largest(relative))


def _missing(subject: Subject, channel: ChannelInfo, rows: Sequence[Row]) -> Iterator[Finding]:
    without = [row for row in rows if row.sumw2 is None and not row.has_bin_errors]
    total = sum(float(np.abs(row.yields).sum()) for row in rows)
    if not without or total == 0.0:
        return
    if len(without) == len(rows):
        yield KINDS["no-mc-errors"].at(f"{channel.name}, all processes", 1.0)
        return
    for row in without:
        part = float(np.abs(row.yields).sum()) / total
        if part > subject.thresholds.unmodelled:
            yield KINDS["no-mc-errors"].at(row.where, part)


def _without_variance(rows: Sequence[Row]) -> Iterator[Finding]:
    for row in rows:
        assert row.sumw2 is not None
        bins = np.flatnonzero((row.yields > 0.0) & (row.sumw2 == 0.0))
        if len(bins):
            where = f"{row.name} in {bins_text(row.contrib.channel, bins.tolist())}"
            yield KINDS["yield-without-variance"].at(where, row.yields[bins].sum())


def _relative(carrying: Sequence[Row], rows: Sequence[Row]) -> FloatArray:
    """(bin,): the Monte Carlo error of the sum, relative to it; 0 where nothing is expected."""
    total = np.sum([row.yields for row in rows], axis=0)
    variance = np.sum([row.sumw2 for row in carrying if row.sumw2 is not None], axis=0)
    relative: FloatArray = np.where(total > 0.0, np.sqrt(variance) / np.where(total > 0.0, total, 1.0), 0.0)
    return relative


def _largest(relative: FloatArray) -> float:
    return float(relative.max(initial=0.0))

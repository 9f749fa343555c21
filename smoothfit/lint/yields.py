"""Checks of yields and data: negative and empty bins, signal alone, data where nothing is expected."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..results import Finding
from .kinds import KINDS
from .subject import Subject, bins_text

__all__ = ["data", "empty", "negative", "signal_alone"]


def negative(subject: Subject) -> Iterator[Finding]:
    """Negative yields of a process, and of all together."""
    for row in subject.rows:
        bins = np.flatnonzero(row.yields < 0.0)
        if len(bins) and not row.is_morphed:
            where = f"{row.name} in {bins_text(row.contrib.channel, bins.tolist())}"
            yield KINDS["negative-bin"].at(where, row.yields.min())
    for channel in subject.channels:
        total = subject.expected[channel.bins]
        bins = np.flatnonzero(total < 0.0)
        if len(bins):
            yield KINDS["negative-expectation"].at(bins_text(channel.name, bins.tolist()), total.min())


def empty(subject: Subject) -> Iterator[Finding]:
    """Bins, and processes in a channel, without any expectation."""
    for channel in subject.channels:
        bins = np.flatnonzero(~subject.possible(channel))
        if len(bins):
            yield KINDS["empty-bin"].at(bins_text(channel.name, bins.tolist()), len(bins))
    for row in subject.rows:
        if not np.any(row.yields) and not row.is_morphed:
            yield KINDS["empty-process"].at(row.where, 0.0)


def signal_alone(subject: Subject) -> Iterator[Finding]:
    """Bins with signal and no background, in channels that have backgrounds."""
    for channel in subject.channels:
        rows = subject.rows_of(channel.name)
        signals = [row for row in rows if row.process.name in subject.signals]
        backgrounds = [row for row in rows if row.process.name not in subject.signals]
        if not signals or not backgrounds or any(row.is_morphed for row in rows):
            continue
        signal = np.sum([row.yields for row in signals], axis=0)
        background = np.sum([row.yields for row in backgrounds], axis=0)
        bins = np.flatnonzero((signal > 0.0) & (background < subject.thresholds.no_background * signal))
        if len(bins):
            where = bins_text(channel.name, bins.tolist())
            yield KINDS["signal-without-background"].at(where, signal[bins].sum())


def data(subject: Subject) -> Iterator[Finding]:
    """Data where nothing is expected, and channels without data."""
    for channel in subject.channels:
        counts = subject.data(channel)
        if counts is None:
            continue
        bins = np.flatnonzero((counts > 0.0) & ~subject.possible(channel))
        if len(bins):
            where = bins_text(channel.name, bins.tolist())
            yield KINDS["data-without-expectation"].at(where, counts[bins].sum())
        expected = subject.expected[channel.bins].sum()
        if not np.any(counts) and expected >= subject.thresholds.no_data:
            yield KINDS["no-data"].at(channel.name, expected)

"""Rows with a bar, and the registry of what makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.measuring import Bench, Pair, Timing
from benchmarks.processes import Failure

__all__ = [
    "FIGURES",
    "Figure",
    "Row",
    "against",
    "figure",
    "in_words",
    "limited",
    "measured",
    "unmeasured",
]


def in_words(seconds: float | None) -> str:
    """A time with three digits.

    >>> in_words(0.00234), in_words(12.3456), in_words(None)
    ('2.34 ms', '12.3 s', '')
    """
    if seconds is None:
        return ""
    if seconds < 1e-3:
        return f"{1e6 * seconds:.3g} us"
    if seconds < 1.0:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 1000.0 else f"{seconds:.0f} s"


@dataclass
class Row:
    """One comparison, or one time with a limit."""

    what: str
    ours: str
    """Ours, in words."""
    peer: str = ""
    """The tool compared with."""
    theirs: str = ""
    """Its result in words, or why there is none."""
    ratio: float | None = None
    """How many times faster than the peer; for a limit, how many times below it."""
    bar: str = ""
    """What is asked; empty for information."""
    margin: float | None = None
    """At least 1 where the bar is met; 0 where ours failed."""
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """ "met", "missed by a factor", "failed", "not measured", or nothing where no bar is."""
        if not self.bar:
            return ""
        if self.margin is None:
            return "not measured"
        if self.margin == 0.0:
            return "failed"
        return "met" if self.margin >= 1.0 else f"missed by a factor {1.0 / self.margin:.2g}"

    def to_dict(self) -> dict[str, Any]:
        """For the file of results."""
        return {**asdict(self), "verdict": self.verdict}


def _of(timing: Timing) -> str:
    """A time in words, with what one should know of it."""
    if timing.error:
        return timing.error
    parts = []
    if timing.scale != 1.0:
        parts.append(f"extrapolated from 1/{timing.scale:.3g}")
    if not timing.later:
        parts.append("one call, compilation in it")
    if timing.failed:
        parts.append(f"{timing.failed} of {timing.of} failed")
    return in_words(timing.seconds) + (f" ({'; '.join(parts)})" if parts else "")


def against(
    what: str, pair: Pair, peer: str, *, at_least: float | None = None, within: float | None = None
) -> Row:
    """Ours against a peer: at least so many times faster, or within a factor."""
    ours, theirs = pair.ours, pair.peer
    row = Row(what, _of(ours), peer, _of(theirs), raw={"ours": ours.to_dict(), "peer": theirs.to_dict()})
    if at_least is not None:
        row.bar = f"{at_least:g} x faster"
    elif within is not None:
        row.bar = f"within {within:g} x"
    if ours.error:
        row.margin = 0.0
    elif not theirs.error:
        row.ratio = theirs.seconds / ours.seconds
        row.margin = row.ratio / at_least if at_least is not None else row.ratio * (within or 1.0)
    return row


def limited(what: str, timings: Sequence[Timing], under: float) -> Row:
    """The sum of some of our timings, with a limit."""
    raw = {timing.title + str(i): timing.to_dict() for i, timing in enumerate(timings)}
    broken = [timing for timing in timings if timing.error]
    if broken:
        return Row(what, broken[0].error, bar=f"under {in_words(under)}", margin=0.0, raw=raw)
    words = _of(timings[0]) if len(timings) == 1 else ""
    row = measured(what, sum(timing.seconds for timing in timings), under=under, raw=raw)
    row.ours = words or row.ours
    return row


def measured(
    what: str,
    seconds: float,
    *,
    under: float | None = None,
    remark: str = "",
    raw: dict[str, Any] | None = None,
) -> Row:
    """A time of ours, with a limit or without."""
    row = Row(
        what, in_words(seconds) + (f" ({remark})" if remark else ""), raw={"seconds": seconds, **(raw or {})}
    )
    if under is not None:
        row.bar, row.margin = f"under {in_words(under)}", under / max(seconds, 1e-12)
    return row


def unmeasured(what: str, reason: Failure | str, bar: str) -> Row:
    """What could not be measured, and why."""
    return Row(what, str(reason), bar=bar)


@dataclass(frozen=True)
class Figure:
    """A named row, or a few, of the table."""

    name: str
    what: str
    measure: Callable[[Bench], list[Row]]


FIGURES: dict[str, Figure] = {}
"""By name, in the order of the table."""


def figure(name: str, what: str) -> Callable[[Callable[[Bench], list[Row]]], Callable[[Bench], list[Row]]]:
    """Registers the function that measures."""

    def register(measure: Callable[[Bench], list[Row]]) -> Callable[[Bench], list[Row]]:
        FIGURES[name] = Figure(name, what, measure)
        return measure

    return register

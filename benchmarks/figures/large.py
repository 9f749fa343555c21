"""Models that are large in every direction; each in a process of its own, memory measured."""

from __future__ import annotations

import re

from benchmarks.figures.table import Row, figure, in_words, unmeasured
from benchmarks.measuring import Bench
from benchmarks.processes import Failure, run_script

__all__: list[str] = []

_GIB = 2**30
_QUICK_PART = "0.02"


def _case(bench: Bench, what: str, case: str, limit_s: float, limit_gib: float) -> list[Row]:
    """``benchmarks.scale CASE``, with limits of time and memory for the whole process."""
    bar = f"under {in_words(limit_s)} and {limit_gib:g} GiB"
    command = ["benchmarks.scale", case, "--here", *(["--part", _QUICK_PART] if bench.quick else [])]
    try:
        found = run_script(command, limit_s=2.0 * limit_s)
    except Failure as error:
        return [unmeasured(what, error, bar)]
    gib = found.peak_bytes / _GIB
    statuses = [int(status) for status in re.findall(r"status (\d+)", found.printed)]
    good = bool(statuses) and not any(statuses)
    words = f"{in_words(found.seconds)}, {gib:.2f} GiB" + ("" if good else "; NOT CONVERGED")
    margin = min(limit_s / found.seconds, limit_gib / gib) if good else 0.0
    raw = {"seconds": found.seconds, "peak_gib": gib, "printed": found.printed}
    return [Row(what, words, bar=bar, margin=margin, raw=raw)]


@figure(
    "wide", "1000 nuisances x 100 000 bins x 30 processes, each systematic on 3 blocks: fit with covariance"
)
def wide(bench: Bench) -> list[Row]:
    """Building and compiling counted, and a second fit to other data."""
    return _case(bench, "whole process, two fits with covariance", "systematics", 300.0, 10.0)


@figure("free", "10 000 free parameters, 100 000 bins: minimum, and the errors of 10 of them")
def free(bench: Bench) -> list[Row]:
    """Building and compiling counted, and a second fit to other data."""
    return _case(bench, "whole process, two fits with the errors of 10 parameters", "parameters", 600.0, 12.0)

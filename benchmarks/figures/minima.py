"""Whether any tool reaches a lower minimum, on every workload."""

from __future__ import annotations

import math

from benchmarks.figures.table import Row, figure
from benchmarks.measuring import OURS, Bench
from benchmarks.processes import Failure

__all__: list[str] = []

_ALLOWED = 1e-9
_ROUNDING = 1e-12
_WORKLOADS = ("W1", "W2_n1000_b100", "W2_n50_b5000", "W3", "W3_process", "W4")
_ALWAYS = (OURS, "bfgs", "minuit_hessian")


def _reach(bench: Bench, workload: str) -> dict[int, dict[str, float]]:
    """{data set: {tool: NLL}}, of all measurements so far and of the quick tools now."""
    for peer in _ALWAYS:
        for data in range(2 if bench.quick else 5):
            if peer not in bench.minima.get(workload, {}).get(data, {}):
                try:
                    bench.reach(peer, workload, data)
                except Failure:
                    break
    return bench.minima.get(workload, {})


@figure("minima", "NLL reached, against the lowest that any tool finds")
def minima(bench: Bench) -> list[Row]:
    """The yardstick is the workload's own numpy likelihood, for all tools."""
    rows = []
    for workload in _WORKLOADS:
        found = _reach(bench, workload)
        bench.close(workload)
        compared = {d: tools for d, tools in found.items() if OURS in tools and len(tools) > 1}
        if not compared:
            rows.append(Row(workload, "not measured", bar="within 1e-9"))
            continue
        above: dict[str, float] = {}
        for tools in compared.values():
            others = [v for v in tools.values() if math.isfinite(v)]
            for tool, value in tools.items():
                excess = value - min(others) if math.isfinite(value) else math.inf
                above[tool] = max(above.get(tool, 0.0), excess)
        ours = above.pop(OURS)
        theirs = ", ".join(
            f"{tool} {excess:.1e}" for tool, excess in sorted(above.items(), key=lambda t: t[1])
        )
        row = Row(
            workload,
            f"{ours:.1e} above the lowest of {len(compared)} data sets",
            "the others",
            theirs,
            bar="within 1e-9",
            margin=_ALLOWED / max(ours, _ROUNDING),
            raw={"nll": {str(d): tools for d, tools in found.items()}},
        )
        rows.append(row)
    return rows

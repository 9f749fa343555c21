"""What takes a process of its own: the time from its start, without a compilation cache and with one."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import as_pyhf, reference
from benchmarks.figures.table import Row, figure, measured, unmeasured
from benchmarks.measuring import Bench
from benchmarks.processes import Failure, Finished, run_script

__all__: list[str] = []

_LIMIT_S = 180.0
_REPETITIONS = 3


def _median(found: Sequence[Finished]) -> Finished:
    return sorted(found, key=lambda one: one.seconds)[len(found) // 2]


def _cold(arguments: Sequence[str], n: int) -> Finished:
    return _median([run_script(arguments, limit_s=_LIMIT_S) for _ in range(n)])


def _cached(arguments: Sequence[str], n: int) -> Finished:
    with tempfile.TemporaryDirectory() as cache:
        with_cache = {"SMOOTHFIT_CACHE": "", "XDG_CACHE_HOME": cache}
        run_script(arguments, limit_s=_LIMIT_S, environment=with_cache)
        return _median([run_script(arguments, limit_s=_LIMIT_S, environment=with_cache) for _ in range(n)])


def _stages(finished: Finished) -> str:
    return ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in finished.record["stages"].items())


def _both(what: str, arguments: Sequence[str], n: int, cold: float | None, cached: float | None) -> list[Row]:
    """A row without the cache, and one with."""
    rows = []
    for way, limit, words in ((_cold, cold, "no cache"), (_cached, cached, "with the cache")):
        name = f"{what}, {words}"
        try:
            found = way(arguments, n)
        except Failure as error:
            rows.append(unmeasured(name, error, "" if limit is None else f"under {limit:g} s"))
            continue
        record = found.record
        bad = record.get("failed", 0) or any(record["status"])
        remark = _stages(found) + ("; NOT ALL CONVERGED" if bad else "")
        rows.append(measured(name, found.seconds, under=limit, remark=remark, raw=record))
        if bad:
            rows[-1].margin = 0.0
    return rows


@figure(
    "chain",
    "the talk's whole chain on W3 (fit, covariance, 6 Minos, 63 pulls, 255 x 6 impacts), from process start",
)
def chain(bench: Bench) -> list[Row]:
    """Import, building and compiling counted."""
    n = 1 if bench.quick else _REPETITIONS
    bench.kept["chain"] = _both("chain", ["benchmarks.fresh", "chain"], n, 12.0, 5.0)
    return list(bench.kept["chain"])


@figure("chain-pyhf", "the same chain on the pyhf form of W3, through read_pyhf")
def chain_of_pyhf(bench: Bench) -> list[Row]:
    """Against the chain on our builders."""
    n = 1 if bench.quick else _REPETITIONS
    m, _ = reference.workload("W3")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "w3.json")
        file.write_text(json.dumps(as_pyhf.workspace(m, reference.load().data(m, "poisson"))))
        rows = _both("chain, pyhf", ["benchmarks.fresh", "chain", str(file)], n, None, None)
    for row, ours in zip(rows, bench.kept.get("chain") or chain(bench), strict=True):
        row.bar, row.peer, row.theirs = "within 2 x", "smoothfit, own builders", ours.ours
        if "seconds" in row.raw and "seconds" in ours.raw:
            row.ratio = ours.raw["seconds"] / row.raw["seconds"]
            row.margin = 2.0 * row.ratio if row.margin is None else 0.0
    return rows


@figure("first-fit", "the first fit with tracing and compiling; a second model of the same shapes")
def first_fit(bench: Bench) -> list[Row]:
    """A fresh process each, without a cache."""
    rows = []
    for workload in ("W3", "W2_n1000_b100", "W1"):
        what = f"{workload}: first fit"
        try:
            runs = [
                run_script(["benchmarks.fresh", "first", workload], limit_s=_LIMIT_S).record["stages"]
                for _ in range(1 if bench.quick else _REPETITIONS)
            ]
        except Failure as error:
            rows.append(unmeasured(what, error, "under 3 s"))
            continue
        stage = {name: float(np.median([run[name] for run in runs])) for name in runs[0]}
        before = f"before it: import {stage['import']:.2f} s, prepare {stage['prepare']:.3f} s"
        rows.append(measured(what, stage["first fit"], under=3.0, remark=before, raw={"runs": runs}))
        prepare = f"before it: prepare {1e3 * stage['second prepare']:.0f} ms"
        rows.append(
            measured(f"{workload}: second model's fit", stage["second fit"], under=0.1, remark=prepare)
        )
    return rows


@figure("process-start", "process start to W3's fit and covariance printed")
def process_start(bench: Bench) -> list[Row]:
    """Import, building, compiling and printing counted."""
    n = 1 if bench.quick else _REPETITIONS
    rows = _both("W3, fit and covariance printed", ["benchmarks.fresh", "fit", "W3"], n, 5.0, 2.5)
    workspace = reference.shared("data", "converter-ridolfi", "test", "big_model", "bottom-squarks.json")
    if workspace.exists() and not bench.quick:
        command = ["smoothfit", "fit", str(workspace), "--json"]
        for way, words in ((_cold, "no cache"), (_cached, "with the cache")):
            what = f"smoothfit fit of a published workspace (sbottom RegionC), {words}"
            try:
                rows.append(measured(what, way(command, 1).seconds))
            except Failure as error:
                rows.append(unmeasured(what, error, ""))
    return rows

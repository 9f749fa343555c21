"""Every fitter on W1 and W3, through ``model.fit(fitter=...)``: ``python -m benchmarks.fitters``.

Prints the table of docs/fitters.md, between its two marks; ``--write`` puts it there. For each fitter: the
first fit with its compilation, the median time of fits to toys after it, how many of them converged, how far
the NLL of the data is above the best that any fitter finds, and the EDM there.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

# Before jax is configured: the first fit is to compile, not to read what was compiled before.
os.environ["SMOOTHFIT_CACHE"] = "off"

from benchmarks.reference import load
from benchmarks.workloads import build
from smoothfit.errors import MissingPackageError
from smoothfit.fitters import FITTERS, chain

PAGE = Path(__file__).resolve().parents[1] / "docs" / "fitters.md"
MARKS = ("<!-- measured by benchmarks/fitters.py -->", "<!-- end of what was measured -->")
WORKLOADS = ("W1", "W3")


def measure(model: Any, obs: np.ndarray, toys: np.ndarray, fitter: Any) -> dict[str, float]:
    """Time one fitter on data and toys."""
    started = time.perf_counter()
    fit = model.fit(obs, fitter=fitter, strict=False)
    first = time.perf_counter() - started
    times, good = [], 0
    for toy in toys:
        started = time.perf_counter()
        good += model.fit(toy, fitter=fitter, strict=False).success
        times.append(time.perf_counter() - started)
    return {
        "first": first,
        "next": float(np.median(times)),
        "converged": good + fit.success,
        "nll": fit.fun,
        "edm": fit.edm,
        "steps": fit.steps,
    }


def table(n_toys: int) -> list[str]:
    """Lines of Markdown: a table a workload."""
    models = load()
    fitters = {**FITTERS, "optimistix, then newton": chain("optimistix", "newton")}
    lines = [
        f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores, scaling "total".',
        "The first fit compiles, in this order; what it shares with those before it is there already.",
        "",
    ]
    for name in WORKLOADS:
        workload = models.get(name)
        model = build(workload, scaling="total").prepare()
        obs = models.data(workload, "poisson")
        toys = model.toy_pred(model.values_from_dict({}), n_toys, seed=1)
        found = {}
        for label, fitter in fitters.items():
            try:
                found[label] = measure(model, obs, toys, fitter)
            except MissingPackageError as error:
                print(f"{label}: {error}", file=sys.stderr)
        best = min(one["nll"] for one in found.values())
        free = len(model.parameters) + len(model.bin_parameters)
        lines += [
            f"{name}, {free} parameters:",
            "",
            "| fitter | first fit | next fits | converged | NLL above best | EDM | steps |",
            "|---|---|---|---|---|---|---|",
        ]
        for label, one in found.items():
            lines.append(
                f"| {label} | {one['first']:.2f} s | {1e3 * one['next']:.1f} ms "
                f"| {one['converged']:.0f} of {n_toys + 1} | {one['nll'] - best:.0e} | {one['edm']:.0e} "
                f"| {one['steps']:.0f} |"
            )
        lines.append("")
    return lines


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--toys", type=int, default=20, help="toys to fit (%(default)s)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/fitters.md")
    arguments = parser.parse_args()
    lines = table(arguments.toys)
    print("\n".join(lines))
    if arguments.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        middle = "\n".join(["", "", *lines])
        PAGE.write_text(f"{before}{MARKS[0]}{middle}{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

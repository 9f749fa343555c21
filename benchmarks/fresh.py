"""What a process does from its start: ``python -m benchmarks.fresh first|fit|chain ...``.

    first WORKLOAD     import, prepare, the first fit, and a second model of the same shapes
    fit WORKLOAD       the fit and its covariance, printed
    chain [FILE]       the talk's chain on W3: fit, covariance, 6 Minos, 63 pulls, 255 x 6 impacts; of a pyhf
                       workspace if a file is given

The last line is JSON. ``benchmarks.run`` starts these, with and without a compilation cache.
"""

from __future__ import annotations

import argparse
import json
import time

_STARTED = time.perf_counter()

from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

import smoothfit  # noqa: E402
from benchmarks import reference  # noqa: E402
from benchmarks.workloads import build  # noqa: E402

_IMPORTED = time.perf_counter()

__all__ = ["chain", "first", "fit"]


class _Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {"import": _IMPORTED - _STARTED}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage], self._last = now - self._last, now


def first(name: str) -> dict[str, Any]:
    """The time to the first fit, and to that of another model of the same shapes."""
    m, scaling = reference.workload(name)
    counts = reference.load().data(m, "poisson")
    clock = _Clock()
    model = build(m, scaling=scaling)
    clock.lap("build")
    model.prepare()
    clock.lap("prepare")
    status = [model.fit(counts).status]
    clock.lap("first fit")
    # Other templates, of the same shapes.
    rng = np.random.default_rng(6)
    factors = rng.uniform(0.9, 1.1, (m.P, 1))
    m.nom, m.up, m.dn = m.nom * factors, m.up * factors, m.dn * factors
    if m.nbb:
        m.sumw2 = m.sumw2 * factors
    other = build(m, scaling=scaling)
    clock.lap("second build")
    other.prepare()
    clock.lap("second prepare")
    status.append(other.fit(counts).status)
    clock.lap("second fit")
    return {"stages": clock.stages, "status": [int(s) for s in status]}


def fit(name: str) -> dict[str, Any]:
    """The fit, printed, and its covariance."""
    m, scaling = reference.workload(name)
    clock = _Clock()
    found = build(m, scaling=scaling).prepare().fit(reference.load().data(m, "poisson"))
    print(found)
    print(np.array2string(found.hess_inv, threshold=100))
    clock.lap("fit")
    return {"stages": clock.stages, "status": [int(found.status)]}


def chain(file: str | None) -> dict[str, Any]:
    """Fit with covariance, Minos of the signal strengths, pulls and impacts of the nuisances."""
    m, scaling = reference.workload("W3")
    clock = _Clock()
    if file is None:
        model, counts = build(m, scaling=scaling).prepare(), reference.load().data(m, "poisson")
    else:
        model, counts = smoothfit.read_pyhf(file)
    clock.lap("model")
    best_fit = model.fit(counts)
    clock.lap("fit")
    pois = [f"mu{i}" for i in range(m.npoi)]
    bounds = [model.minos_bounds(poi, best_fit, counts) for poi in pois]
    clock.lap("6 Minos")
    pulls = model.pulls(best_fit, counts, minos=True)
    clock.lap("63 pulls")
    impacts = model.impacts(pois, best_fit, counts)
    clock.lap("255 x 6 impacts")
    failed = int(np.sum(~np.isfinite([b[:2] for b in bounds])))
    failed += int(np.sum(~np.isfinite(impacts.up)) + np.sum(~np.isfinite(impacts.down)))
    return {
        "stages": clock.stages,
        "status": [int(best_fit.status)],
        "failed": failed,
        "pulls": len(pulls),
        "impacts": list(impacts.up.shape),
        "nll": float(best_fit.fun),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fresh", description="One process from its start."
    )
    parser.add_argument("what", choices=("first", "fit", "chain"))
    parser.add_argument("of", nargs="?", help="a workload, or for chain a pyhf workspace")
    asked = parser.parse_args()
    if asked.what == "chain":
        found = chain(asked.of)
    else:
        found = {"first": first, "fit": fit}[asked.what](asked.of or "W3")
    print(json.dumps(found))


if __name__ == "__main__":
    main()

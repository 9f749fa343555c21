"""One tool and one workload in a process of their own, told what to do by lines of JSON.

    python -m benchmarks.worker PEER WORKLOAD                      commands on stdin, answers on stdout
    python -m benchmarks.worker PEER WORKLOAD --task fit -n 5      one task, printed

A command is {"task": ..., "data": number of the data set, ...}; the answer has the seconds of the call, and what
it found. What a task needs beforehand (the fit before MINOS) is done before the clock starts.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import sys
import time
from importlib import metadata
from typing import Any

import numpy as np

from benchmarks import reference
from benchmarks.peers import NAMES, TASKS, Fitted, Given, Intervals

__all__ = ["Worker"]

_N_DATA_SETS = 20
_N_TOYS = 1000
_SCAN_REACH = 2.0


class Worker:
    """A peer at a workload; ``do`` runs a task."""

    def __init__(self, peer: str, workload: str, scaling: str = "total") -> None:
        module = importlib.import_module(f"benchmarks.peers.{peer}")
        self.title, self._needs = module.TITLE, module.NEEDS
        self._models = reference.load()
        self._workload = self._models.get(workload)
        self._yardstick = scaling == "total"
        started = time.perf_counter()
        self._peer = module.Peer(Given(self._workload, scaling))
        self._made_in = time.perf_counter() - started
        asimov = self._models.expected(self._workload, self._workload.x0)
        toys = np.random.default_rng(778).poisson(asimov, (_N_DATA_SETS - 1, self._workload.B))
        self._data = np.concatenate([self._models.data(self._workload, "poisson")[None], toys.astype(float)])
        self._toys = self._models.data(self._workload, "toys", _N_TOYS)
        self._fits_by = "fit" if hasattr(self._peer, "fit") else "kernel"
        self._fitted: dict[int, Fitted] = {}

    def hello(self) -> dict[str, Any]:
        """What this process is."""
        versions = {"python": platform.python_version()}
        for name in self._needs:
            versions[name] = metadata.version(name)
        tasks = [task for task in TASKS if hasattr(self._peer, task)]
        return {"title": self.title, "tasks": tasks, "versions": versions, "made_in_s": self._made_in}

    def _fit(self, number: int) -> Fitted:
        if number not in self._fitted:
            self._fitted[number] = getattr(self._peer, self._fits_by)(self._data[number])
        return self._fitted[number]

    def _nll(self, fitted: Fitted) -> float:
        if fitted.nll is not None:
            return fitted.nll
        return float(self._models.ref_nll(self._workload, fitted.counts, fitted.x))

    def do(self, task: str, data: int = 0, part: int | None = None) -> dict[str, Any]:
        """Run a task on a data set; ``part`` takes the first so many parameters, points or toys only."""
        m, call = self._workload, getattr(self._peer, task)
        arguments: tuple[Any, ...]
        if task in ("kernel", "fit"):
            arguments = (self._data[data],)
        elif task == "toys":
            arguments = (self._toys[:part],)
        else:
            arguments = (self._fit(data),)
        if task == "minos":
            arguments += (list(range(m.npoi))[:part],)
        elif task == "pulls":
            arguments += (list(range(m.npoi, m.npoi + m.SL + m.SS))[:part],)
        elif task == "impacts":
            # Barlow-Beeston parameters are the last; a part takes some of every kind.
            nuisances = np.arange(m.npoi, m.npar)
            chosen = nuisances if part is None else nuisances[:: max(1, nuisances.size // part)][:part]
            arguments += ([int(k) for k in chosen],)
        elif task == "scan":
            points = np.linspace(
                max(arguments[0].x[0] - _SCAN_REACH, 0.1), arguments[0].x[0] + _SCAN_REACH, 100
            )
            arguments += (points[:part],)
        started = time.perf_counter()
        found = call(*arguments)
        seconds = time.perf_counter() - started
        answer: dict[str, Any] = {"task": task, "data": data, "part": part, "seconds": seconds}
        if isinstance(found, Fitted):
            if task == "fit":
                self._fitted[data] = found
            answer.update(nll=self._nll(found))
        elif isinstance(found, Intervals):
            answer.update(up=found.up.tolist(), down=found.down.tolist())
        else:
            answer.update(values=np.asarray(found).tolist())
        answer["peak_bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return answer


def _serve(worker: Worker, answers: Any) -> None:
    def say(what: dict[str, Any]) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    say(worker.hello())
    for line in sys.stdin:
        say(worker.do(**json.loads(line)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker", description=__doc__.split("\n")[0])
    parser.add_argument("peer", choices=NAMES)
    parser.add_argument("workload")
    parser.add_argument("--scaling", default="total", choices=("total", "process"))
    parser.add_argument("--task", choices=TASKS)
    parser.add_argument("--part", type=int)
    parser.add_argument("-n", type=int, default=5, help="repetitions")
    return parser


def main() -> None:
    """The command."""
    asked = _parser().parse_args()
    # What a tool prints must not get among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(asked.peer, asked.workload, asked.scaling)
    if asked.task is None:
        _serve(worker, answers)
        return
    found = [worker.do(asked.task, number, asked.part) for number in range(min(asked.n + 1, _N_DATA_SETS))]
    later = [f["seconds"] for f in found[1:]]
    print(f"{worker.title}, {asked.workload}, {asked.task}", file=answers)
    print(f"first call {found[0]['seconds']:.3f} s", file=answers)
    if later:
        print(f"then {1e3 * float(np.median(later)):.3f} ms (median of {len(later)})", file=answers)
        print("all ms: " + " ".join(f"{1e3 * s:.2f}" for s in later), file=answers)
    if "nll" in found[0]:
        print("NLL " + " ".join(f"{f['nll']:.10f}" for f in found), file=answers)


if __name__ == "__main__":
    main()

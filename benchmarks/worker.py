"""One tool and one workload in a process of their own, told what to do by lines of JSON.

    python -m benchmarks.worker PEER WORKLOAD                      commands on stdin, answers on stdout
    python -m benchmarks.worker PEER WORKLOAD --task fit -n 5      one task, printed

A command is {"task": ..., "data": number of the data set, "part": how many}; the answer has the seconds of
the call, and what it found. What a task needs beforehand (the fit before MINOS) is done before the clock
starts.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from importlib import metadata
from typing import Any

import numpy as np

from benchmarks import reference
from benchmarks.peers import NAMES, TASKS, Fitted, Given, Intervals

__all__ = ["N_DATA_SETS", "Worker"]

N_DATA_SETS = 20
_N_TOYS = 1000
_SCAN_REACH = 1.0
_IN_A_ROW = 5
_SHORT_S = 0.1
"""A call that is over before is made again, :data:`_IN_A_ROW` times at most, and the median counts: what is
timed is a fit among fits, not a process that wakes up from waiting for the others."""


class Worker:
    """A peer at a workload; ``do`` runs a task."""

    def __init__(self, peer: str, workload: str) -> None:
        module = importlib.import_module(f"benchmarks.peers.{peer}")
        self.title, self._needs = module.TITLE, module.NEEDS
        self._models = reference.load()
        self._workload, self._scaling = reference.workload(workload)
        started = time.perf_counter()
        self._peer = module.Peer(Given(self._workload, self._scaling))
        self._made_in = time.perf_counter() - started
        asimov = self._models.expected(self._workload, self._workload.x0)
        toys = np.random.default_rng(778).poisson(asimov, (N_DATA_SETS - 1, self._workload.B))
        self._data = np.concatenate([self._models.data(self._workload, "poisson")[None], toys.astype(float)])
        self._toys = self._models.data(self._workload, "toys", _N_TOYS)
        self._fitted: dict[int, Fitted] = {}
        self._called: set[str] = set()

    def hello(self) -> dict[str, Any]:
        """What this process is."""
        versions = {"python": platform.python_version(), "numpy": metadata.version("numpy")}
        for name in self._needs:
            versions[name] = metadata.version(name)
        tasks = [task for task in TASKS if hasattr(self._peer, task)]
        return {"title": self.title, "tasks": tasks, "versions": versions, "made_in_s": self._made_in}

    def _fit(self, number: int) -> Fitted:
        if number not in self._fitted:
            fit = getattr(self._peer, "fit", self._peer.kernel)
            self._fitted[number] = fit(self._data[number])
        return self._fitted[number]

    def _nll(self, counts: np.ndarray, x: np.ndarray) -> float:
        return reference.nll(self._models, self._workload, self._scaling, counts, x)

    def _chosen(self, task: str, part: int | None) -> list[int]:
        """Positions of the parameters that a task is about, or of some of them, evenly spread."""
        m = self._workload
        first, last = {
            "minos": (0, m.npoi),
            "pulls": (m.npoi, m.npar - m.nbb),
            "impacts": (m.npoi, m.npar),
            "impacts_on_one": (m.npoi, m.npar),
        }[task]
        size = last - first
        wanted = size if part is None else min(part, size)
        return [first + (i * size) // wanted for i in range(wanted)]

    def _arguments(self, task: str, data: int, part: int | None) -> tuple[Any, ...]:
        if task in ("kernel", "fit"):
            return (self._data[data],)
        if task == "toys":
            return (self._toys[:part],)
        fitted = self._fit(data)
        if task == "covariance":
            return (fitted,)
        if task == "scan":
            points = np.linspace(max(fitted.x[0] - _SCAN_REACH, 0.05), fitted.x[0] + _SCAN_REACH, 100)
            return fitted, points[:part]
        return fitted, self._chosen(task, part)

    def do(self, task: str, data: int = 0, part: int | None = None) -> dict[str, Any]:
        """Run a task on a data set; ``part`` takes so many parameters, points or toys only."""
        call, arguments = getattr(self._peer, task), self._arguments(task, data, part)
        took: list[float] = []
        while not took or (len(took) < _IN_A_ROW and sum(took) < _SHORT_S):
            started = time.perf_counter()
            found = call(*arguments)
            took.append(time.perf_counter() - started)
        # The first call of all compiles.
        first = task not in self._called
        self._called.add(task)
        answer: dict[str, Any] = {"seconds": took[0] if first else float(np.median(took))}
        if isinstance(found, Fitted):
            if task == "fit":
                self._fitted[data] = found
            answer["nll"] = self._nll(found.counts, found.x)
        elif isinstance(found, Intervals):
            answer.update(up=found.up.tolist(), down=found.down.tolist())
            answer["failed"] = int(np.sum(~np.isfinite(found.up)) + np.sum(~np.isfinite(found.down)))
            answer["of"] = 2 * len(found.up)
        else:
            values = np.asarray(found, float)
            answer.update(
                failed=int(np.sum(~np.isfinite(values).reshape(len(values), -1).all(1))), of=len(values)
            )
            if task == "toys":
                minima = [self._nll(c, x) for c, x in zip(arguments[0], values, strict=True)]
                answer["values"] = minima
            else:
                answer["values"] = values.tolist()
        return answer


def _serve(worker: Worker, answers: Any) -> None:
    def say(what: dict[str, Any]) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    say(worker.hello())
    for line in sys.stdin:
        say(worker.do(**json.loads(line)))


def _print_one(worker: Worker, asked: argparse.Namespace, answers: Any) -> None:
    found = [worker.do(asked.task, number, asked.part) for number in range(min(asked.n + 1, N_DATA_SETS))]
    later = [f["seconds"] for f in found[1:]]
    print(f"{worker.title}, {asked.workload}, {asked.task}", file=answers)
    print(f"first call {found[0]['seconds']:.3f} s", file=answers)
    if later:
        print(f"then {1e3 * float(np.median(later)):.3f} ms (median of {len(later)})", file=answers)
        print("all ms: " + " ".join(f"{1e3 * s:.2f}" for s in later), file=answers)
    if "nll" in found[0]:
        print("NLL " + " ".join(f"{f['nll']:.10f}" for f in found), file=answers)
    if "failed" in found[0]:
        print(f"failed {found[0]['failed']} of {found[0]['of']}", file=answers)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.worker", description="One tool, one workload."
    )
    parser.add_argument("peer", choices=NAMES)
    parser.add_argument("workload", help="W1, W2_n1000_b100, W3, W3_process, W4, W5, ...")
    parser.add_argument("--task", choices=TASKS)
    parser.add_argument("--part", type=int, help="so many parameters, points or toys only")
    parser.add_argument("-n", type=int, default=5, help="repetitions")
    return parser


def main() -> None:
    """The command."""
    asked = _parser().parse_args()
    # What a tool prints must not get among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(asked.peer, asked.workload)
    if asked.task is None:
        _serve(worker, answers)
    else:
        _print_one(worker, asked, answers)


if __name__ == "__main__":
    main()

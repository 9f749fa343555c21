"""Measuring side by side: ours and a peer's, turn by turn, in two processes of one run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.processes import Failure, WorkerProcess
from benchmarks.worker import N_DATA_SETS

__all__ = ["Bench", "Pair", "Timing"]

OURS = "ours"
_REPETITIONS = 15
_LIMIT_S = 120.0
_ONCE_S = 45.0
"""A first call that takes longer is the only one."""
_BUDGET_S = 15.0
"""No more repetitions of one task begin after so much time in them."""


@dataclass
class Timing:
    """What one tool took for a task."""

    title: str
    first: float = math.nan
    """The first call, with what it compiles."""
    later: list[float] = field(default_factory=list)
    """The calls after that, each on other data."""
    scale: float = 1.0
    """The whole task over the part of it that was run."""
    failed: int = 0
    of: int = 0
    error: str = ""
    """Why there is no time."""

    @property
    def seconds(self) -> float:
        """The median of the later calls, for the whole task; of the first, where there is no other."""
        return self.scale * float(np.median(self.later or [self.first]))

    def to_dict(self) -> dict[str, Any]:
        """For the file of raw numbers."""
        return {
            "title": self.title,
            "first_s": self.first,
            "later_s": self.later,
            "scale": self.scale,
            "failed": self.failed,
            "of": self.of,
            "error": self.error,
        }


@dataclass
class Pair:
    """Both timings."""

    ours: Timing
    peer: Timing


class Bench:
    """The workers of a run, and what they found."""

    def __init__(self, interpreters: list[str], *, quick: bool = False) -> None:
        self.quick = quick
        self._interpreters = interpreters
        self._workers: dict[tuple[str, str], WorkerProcess | Failure] = {}
        self.minima: dict[str, dict[int, dict[str, float]]] = {}
        """{workload: {data set: {tool: NLL reached}}}: our worst, the others' best, of several tasks."""
        self.versions: dict[str, str] = {}
        self.kept: dict[str, Any] = {}
        """What a figure leaves for another, by the figure's name."""

    def _worker(self, peer: str, workload: str) -> WorkerProcess:
        key = (peer, workload)
        found = self._workers.get(key)
        if found is None or (isinstance(found, WorkerProcess) and not found.alive):
            try:
                found = WorkerProcess(peer, workload, self._interpreters)
                self.versions.update(found.hello["versions"])
            except Failure as error:
                found = error
            self._workers[key] = found
        if isinstance(found, Failure):
            raise Failure(str(found))
        return found

    def close(self, workload: str | None = None) -> None:
        """End the workers, of one workload or all."""
        for key, worker in list(self._workers.items()):
            if workload is None or key[1] == workload:
                if isinstance(worker, WorkerProcess):
                    worker.end()
                del self._workers[key]

    def _ask(
        self, peer: str, workload: str, task: str, data: int, part: int | None, limit_s: float
    ) -> dict[str, Any]:
        answer = self._worker(peer, workload).ask(task, data=data, part=part, limit_s=limit_s)
        if "nll" in answer:
            reached = self.minima.setdefault(workload, {}).setdefault(data, {})
            worse_or_better = max if peer == OURS else min
            reached[peer] = worse_or_better(reached.get(peer, answer["nll"]), answer["nll"])
        return answer

    def _begin(
        self, peer: str, workload: str, task: str, part: int | None, whole: int | None, limit_s: float
    ) -> Timing:
        try:
            title = self._worker(peer, workload).hello["title"]
            answer = self._ask(peer, workload, task, 0, part, limit_s)
        except Failure as error:
            return Timing(peer, error=str(error))
        scale = whole / part if part is not None and whole is not None else 1.0
        counted = {"failed": answer.get("failed", 0), "of": answer.get("of", 0)}
        return Timing(title, answer["seconds"], scale=scale, **counted)

    def alone(self, workload: str, task: str) -> Timing:
        """Our timing."""
        timing = self._begin(OURS, workload, task, None, None, _LIMIT_S)
        self._repeat([(OURS, timing, task, None)], workload, _REPETITIONS, _LIMIT_S)
        return timing

    def pair(
        self,
        workload: str,
        task: str,
        peer: str,
        *,
        peer_task: str | None = None,
        n: int = _REPETITIONS,
        part: int | None = None,
        whole: int | None = None,
        limit_s: float = _LIMIT_S,
    ) -> Pair:
        """Ours and a peer's in turns; ``part`` of ``whole`` is what the peer does, and its time is scaled."""
        asked = peer_task or task
        ours = self._begin(OURS, workload, task, None, None, limit_s)
        theirs = self._begin(peer, workload, asked, part, whole, limit_s)
        self._repeat([(OURS, ours, task, None), (peer, theirs, asked, part)], workload, n, limit_s)
        return Pair(ours, theirs)

    def _repeat(
        self, runs: list[tuple[str, Timing, str, int | None]], workload: str, n: int, limit_s: float
    ) -> None:
        """In turns, each on the same data; a tool drops out when its time is spent, or when it fails."""
        for data in range(1, min(2 if self.quick else n, N_DATA_SETS)):
            for peer, timing, task, part in runs:
                if timing.error or timing.first > _ONCE_S or sum(timing.later) > _BUDGET_S:
                    continue
                try:
                    timing.later.append(self._ask(peer, workload, task, data, part, limit_s)["seconds"])
                except Failure as error:
                    timing.error = str(error)

    def reach(self, peer: str, workload: str, data: int) -> None:
        """Fit once, for the minimum only."""
        self._ask(peer, workload, "kernel", data, None, _LIMIT_S)

"""Campaigns under attack and against the clock: ``python -m benchmarks.campaign --write``.

- kill: a campaign is killed (``kill -9``) at random instants and run again; its files must be those of one
  that ran through, byte by byte.
- speed: 100 000 toys of W4 fitted and stored, with the time and the peak memory of the process;
  ``--million`` makes 10^6, too.
- dask: the same on ``dask.distributed``, while a worker is killed every few seconds and the scheduler once.

``--part kill`` runs one of them, ``--share 0.02`` a part of the toys; nothing is written then.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sections import write_section
from smoothfit import Model
from smoothfit.campaign import Campaign

__all__ = ["Herd", "attacked", "campaign", "main", "same_files", "w4"]

_ROOT = Path(__file__).resolve().parents[1]
_TOYS = {"kill": 100_000, "speed": 100_000, "million": 1_000_000, "dask": 200_000}
_SEED = 404
_KILLS = 6
_UNTIL_KILLED = (0.0, 5.0)
"""Seconds from the first new block until it is killed."""
_WORKERS = 3
_EVERY = 8.0
"""Seconds between the deaths of two workers; each lives for _WORKERS times as long."""
_PATIENCE = 120.0
_SHORT = 1024
"""Toys of a block, for parts where processes live shortly: none would finish a usual one."""

_CHILD = """
import json, sys, time
from benchmarks.campaign import campaign, peak_memory
one = campaign(sys.argv[1], int(sys.argv[2]), block=int(sys.argv[3]) or None)
began = time.perf_counter()
status = one.run()
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "peak": peak_memory(), "toys": status.toys, "failed": status.failed}))
"""


def w4() -> Model:
    """50 bins, 5 signals, 5 nuisances."""
    from benchmarks.reference import workload
    from benchmarks.workloads import build

    made, scaling = workload("W4")
    return build(made, scaling=scaling).prepare()


def campaign(path: str | os.PathLike[str], toys: int, block: int | None = None) -> Campaign:
    """Toys of W4 at its start values."""
    return Campaign(path, w4(), values={}, toys=toys, seed=_SEED, block=block)


def peak_memory() -> int:
    """Of this process, in bytes."""
    # ru_maxrss also counts what the parent had when it forked.
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise SystemExit("the peak memory is not in /proc/self/status")


def same_files(one: Path, other: Path) -> bool:
    """Whether two folders have the same blocks, byte by byte."""
    return _digests(one) == _digests(other)


def _digests(path: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(path.glob("block-*"))}


def _environment() -> dict[str, str]:
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _started(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _run_child(folder: Path, toys: int, block: int = 0) -> dict[str, Any]:
    """A campaign in a process of its own, to its end."""
    began = time.perf_counter()
    process = _started("-c", _CHILD, str(folder), str(toys), str(block))
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the campaign in {folder} ended with status {process.returncode}")
    found: dict[str, Any] = json.loads(out)
    return {**found, "process": time.perf_counter() - began}


# -- killed and resumed --------------------------------------------------------------------------------


def _kill_one(folder: Path, toys: int, after: float) -> int:
    """Blocks that are there once the run was killed, so many seconds after its first new block."""
    before = len(list(folder.glob("block-*")))
    process = _started("-c", _CHILD, str(folder), str(toys), str(_SHORT))
    while process.poll() is None and len(list(folder.glob("block-*"))) <= before:
        time.sleep(0.01)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return len(list(folder.glob("block-*")))


def measure_kills(toys: int, folder: Path) -> list[str]:
    """Lines of the table."""
    whole, killed, rng = folder / "whole", folder / "killed", random.Random(_SEED)
    _run_child(whole, toys, _SHORT)
    seen = [_kill_one(killed, toys, rng.uniform(*_UNTIL_KILLED)) for _ in range(_KILLS)]
    _run_child(killed, toys, _SHORT)
    blocks = len(_digests(whole))
    equal = "yes" if same_files(killed, whole) else "NO"
    steps = ", ".join(str(n) for n in seen)
    return [
        f"| killed {_KILLS} times, then run to the end | {toys} toys, {blocks} blocks |",
        f"| blocks there after each kill | {steps} |",
        f"| equal to a campaign that ran through, byte by byte | {equal} |",
    ]


# -- the clock -----------------------------------------------------------------------------------------


def measure_speed(toys: int, folder: Path) -> list[str]:
    """Lines of the table."""
    found = _run_child(folder / f"speed-{toys}", toys)
    failed = ", ".join(f"{n} {status}" for status, n in found["failed"].items()) or "none"
    return [
        f"| {toys} toys of W4: run(), compilation included | {found['seconds']:.1f} s |",
        f"| the whole process | {found['process']:.1f} s |",
        f"| its peak memory | {found['peak'] / 2**30:.2f} GiB |",
        f"| failed fits | {failed} |",
    ]


# -- a cluster that dies -------------------------------------------------------------------------------


@dataclass
class Herd:
    """A scheduler and workers, each a process, some of which are killed."""

    workers: int = _WORKERS
    killed: int = 0
    schedulers_killed: int = 0

    def __post_init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self._port}"
        self._scheduler = self._start_scheduler()
        self._alive = [self._start_worker() for _ in range(self.workers)]

    def _start_scheduler(self) -> subprocess.Popen[str]:
        options = ("--host", "127.0.0.1", "--port", str(self._port), "--no-dashboard")
        return _silent("distributed.cli.dask_scheduler", *options)

    def _start_worker(self) -> subprocess.Popen[str]:
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "30")
        return _silent("distributed.cli.dask_worker", self.address, *options)

    def kill_worker(self) -> None:
        """The oldest; another takes its place, as of those that left by themselves."""
        oldest = self._alive.pop(0)
        oldest.kill()
        oldest.wait()
        self.killed += 1
        self._alive = [worker for worker in self._alive if worker.poll() is None]
        while len(self._alive) < self.workers:
            self._alive.append(self._start_worker())

    def kill_scheduler(self) -> None:
        """Another comes at the same address."""
        self._scheduler.kill()
        self._scheduler.wait()
        self.schedulers_killed += 1
        self._scheduler = self._start_scheduler()

    def end(self) -> None:
        """All of them."""
        for process in (*self._alive, self._scheduler):
            process.kill()
            process.wait()


def _silent(module: str, *options: str) -> subprocess.Popen[str]:
    nothing = subprocess.DEVNULL
    command = [sys.executable, "-m", module, *options]
    return subprocess.Popen(command, env=_environment(), stdout=nothing, stderr=nothing, text=True)


@contextmanager
def attacked(herd: Herd, every: float, scheduler_due: Callable[[], bool]) -> Iterator[None]:
    """Meanwhile a worker is killed every so many seconds, and the scheduler once it is due."""
    done = threading.Event()

    def attack() -> None:
        for _ in itertools.count():
            if done.wait(every):
                return
            if not herd.schedulers_killed and scheduler_due():
                herd.kill_scheduler()
            else:
                herd.kill_worker()

    thread = threading.Thread(target=attack)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        herd.end()


def measure_cluster(toys: int, folder: Path) -> list[str]:
    """Lines of the table."""
    local, there = folder / "local", folder / "there"
    _run_child(local, toys, _SHORT)
    blocks = len(_digests(local))
    one, herd, began = campaign(there, toys, _SHORT), Herd(), time.perf_counter()
    with attacked(herd, _EVERY, lambda: len(list(there.glob("block-*"))) > 0.3 * blocks):
        status = one.run(herd.address, patience=_PATIENCE)
    seconds = time.perf_counter() - began
    numbers = one.column("toy")
    complete = status.complete and np.array_equal(numbers, np.arange(toys))
    return [
        f"| toys on {_WORKERS} workers, {blocks} blocks | {toys}, in {seconds:.0f} s |",
        f"| workers killed, one every {_EVERY:g} s | {herd.killed} |",
        f"| scheduler killed and started again | {herd.schedulers_killed} |",
        f"| blocks that dask gave up, given out again | {status.course.lost_workers} |",
        f"| each toy there once | {'yes' if complete else 'NO'} |",
        f"| equal to the local campaign, byte by byte | {'yes' if same_files(there, local) else 'NO'} |",
    ]


# -- the command ---------------------------------------------------------------------------------------

_PARTS: dict[str, Callable[[int, Path], list[str]]] = {
    "kill": measure_kills,
    "speed": measure_speed,
    "million": measure_speed,
    "dask": measure_cluster,
}
_TITLES = {
    "kill": "Killed and resumed",
    "speed": "100 000 toys",
    "million": "1 000 000 toys",
    "dask": "A cluster that dies",
}


def _section(tables: dict[str, list[str]]) -> str:
    lines = [
        "## Campaigns",
        "",
        "`python -m benchmarks.campaign --million --write`: toys of W4 (50 bins, 10 parameters), fitted with",
        f"errors and stored, on a machine of {os.cpu_count()} cores. Each run is a process of its own; kills",
        "are `kill -9` at random instants.",
        "",
    ]
    for part, table in tables.items():
        lines += [f"| {_TITLES[part]} | |", "|---|---|", *table, ""]
    return "\n".join(lines).rstrip() + "\n"


def _asked_for(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.campaign",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--part", choices=["kill", "speed", "dask"], help="one of them")
    parser.add_argument("--million", action="store_true", help="10^6 toys, too")
    parser.add_argument("--share", type=float, default=1.0, help="part of the toys")
    parser.add_argument("--write", action="store_true", help="write the section of RESULTS.md")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    asked = _asked_for(arguments)
    parts = ["kill", "speed", "dask"] if asked.part is None else [asked.part]
    if asked.million:
        parts.insert(parts.index("speed") + 1 if "speed" in parts else len(parts), "million")
    tables = {}
    for part in parts:
        toys = max(64, round(asked.share * _TOYS[part]))
        with tempfile.TemporaryDirectory() as folder:
            tables[part] = _PARTS[part](toys, Path(folder))
        print("\n".join([_TITLES[part], *tables[part], ""]), flush=True)
    wrong = any(line.endswith("| NO |") for table in tables.values() for line in table)
    if asked.write and asked.part is None and asked.share >= 1.0 and not wrong:
        write_section("campaign", _section(tables))
    if wrong:
        raise SystemExit("a campaign did not come out as it should have")


if __name__ == "__main__":
    main()

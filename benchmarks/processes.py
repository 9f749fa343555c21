"""Processes that measurements run in: workers that are asked, and scripts that run once.

One works at a time: whoever asks waits for the answer. Every wait has a limit, after which the process is
ended; what went wrong is a :class:`Failure` with one line of text.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "Failure", "Finished", "WorkerProcess", "run_script"]

ROOT = Path(__file__).resolve().parents[1]

_TO_START_S = 120.0


class Failure(Exception):
    """A measurement that could not be made; the text says why."""


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    # No cache on disk unless a measurement asks for one, so that compile times are true.
    fixed = {
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "SMOOTHFIT_CACHE": "off",
        "PYTHONWARNINGS": "ignore",
        # Installed packages have their bytecode, whatever the shell says that this is run from.
        "PYTHONDONTWRITEBYTECODE": "",
    }
    given = {**os.environ, **fixed, **(extra or {})}
    return {name: value for name, value in given.items() if value}


def _last_line(text: str) -> str:
    lines = [
        line for line in text.splitlines() if line.strip() and not line.startswith(("---", "For simplicity"))
    ]
    return lines[-1].strip() if lines else "ended without a word"


class WorkerProcess:
    """``benchmarks.worker`` for one peer and workload, in the first interpreter that has what it needs."""

    def __init__(self, peer: str, workload: str, interpreters: Sequence[str]) -> None:
        self.peer, self.workload = peer, workload
        missing = ""
        for interpreter in interpreters:
            try:
                self._start(interpreter)
            except Failure as error:
                if "No module named" not in str(error):
                    raise
                missing = str(error).split("'")[1]
            else:
                return
        raise Failure(f"not installed: {missing}")

    def _start(self, interpreter: str) -> None:
        command = [interpreter, "-m", "benchmarks.worker", self.peer, self.workload]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (it lives as long as the process)
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environment(None),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.hello = self._answer(_TO_START_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _answer(self, limit_s: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=limit_s)
        except queue.Empty:
            self.end()
            raise Failure(f"not finished after {limit_s:.0f} s") from None
        if line is None:
            self._errors.seek(0)
            said = self._errors.read()
            self.end()
            raise Failure(_last_line(said))
        found: dict[str, Any] = json.loads(line)
        return found

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, task: str, *, data: int, part: int | None, limit_s: float) -> dict[str, Any]:
        """The worker's answer; a Failure if it takes longer than ``limit_s``, or breaks."""
        if task not in self.hello["tasks"]:
            raise Failure("not offered")
        if not self.alive:
            raise Failure("ended by an earlier task")
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"task": task, "data": data, "part": part}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Failure("ended by an earlier task") from None
        return self._answer(limit_s)

    def end(self) -> None:
        """Stop the process."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True)
class Finished:
    """A script that ran to its end."""

    seconds: float
    """From the start of the process to its end."""
    peak_bytes: int
    """The largest resident set."""
    printed: str

    @property
    def record(self) -> dict[str, Any]:
        """The last line that it printed, which is JSON."""
        found: dict[str, Any] = json.loads(self.printed.strip().splitlines()[-1])
        return found


def run_script(
    arguments: Sequence[str], *, limit_s: float, environment: Mapping[str, str] | None = None
) -> Finished:
    """``python -m ARGUMENTS...`` in a process of its own, with its wall time and memory."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        timer = threading.Timer(limit_s, process.kill)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if seconds >= limit_s:
            raise Failure(f"not finished after {limit_s:.0f} s")
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise Failure(_last_line(errors.read()))
        return Finished(seconds, 1024 * usage.ru_maxrss, output.read())

"""Progress of what takes long: on stderr of a terminal or below a notebook's cell, nowhere else.

Nothing is shown for what is done within two seconds, nor where stderr goes to a file or a pipe. What is
shown disappears at the end. With ``rich`` installed it is drawn by rich, else as one plain line.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Advance", "track"]

_DELAY = 2.0
"""Seconds before anything is shown."""
_INTERVAL = 0.25
_BAR = 24
_outermost = threading.Lock()
"""Held by the display on show: what runs inside another one adds no second line."""


@dataclass
class _Tally:
    """How much is done."""

    total: int
    what: str
    done: int = 0
    answer: str = ""
    """What has come out so far."""
    began: float = field(default_factory=time.monotonic)

    def add(self, number: int = 1, answer: str = "") -> None:
        self.done += number
        self.answer = answer or self.answer

    @property
    def fraction(self) -> float:
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    def __str__(self) -> str:
        elapsed = time.monotonic() - self.began
        if self.fraction == 0.0 or elapsed == 0.0:
            return f"{self.done} of {self.total}, {elapsed:.0f} s"
        rate = _rate(self.done / elapsed)
        left = f"{elapsed * (1.0 / self.fraction - 1.0):.0f} s left"
        parts = (f"{self.done} of {self.total}", f"{elapsed:.0f} s", rate, left, self.answer)
        return ", ".join(part for part in parts if part)


def _rate(per_second: float) -> str:
    if per_second >= 1.0:
        return f"{per_second:.3g} a second" if per_second < 1000.0 else f"{per_second:.0f} a second"
    return f"{1.0 / per_second:.3g} s each"


class Advance(Protocol):
    """Reports progress: how many were done, and in words what has come out so far."""

    def __call__(self, number: int = 1, answer: str = "") -> None: ...


class _Painter(Protocol):
    def paint(self, tally: _Tally) -> None:
        """Show it, over what was shown before."""

    def close(self) -> None:
        """Take it away."""


class _Plain:
    """One line of a terminal, written over and over."""

    def __init__(self) -> None:
        self.stream, self.width = sys.stderr, 0

    def paint(self, tally: _Tally) -> None:
        filled = round(_BAR * tally.fraction)
        line = f"{tally.what} [{'#' * filled}{'.' * (_BAR - filled)}] {tally}"
        self.stream.write(f"\r{line:<{self.width}}")
        self.stream.flush()
        self.width = len(line)

    def close(self) -> None:
        self.stream.write(f"\r{'':<{self.width}}\r")
        self.stream.flush()


class _Rich:
    """A bar by rich."""

    def __init__(self) -> None:
        console = importlib.import_module("rich.console")
        progress = importlib.import_module("rich.progress")
        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(_BAR),
            progress.TextColumn("{task.fields[state]}"),
        )
        self.bar = progress.Progress(
            *columns, console=console.Console(stderr=True), transient=True, auto_refresh=False
        )
        self.task: Any = None
        self.bar.start()

    def paint(self, tally: _Tally) -> None:
        if self.task is None:
            self.task = self.bar.add_task(tally.what, total=tally.total, state=str(tally))
        self.bar.update(self.task, completed=tally.done, state=str(tally), refresh=True)

    def close(self) -> None:
        self.bar.stop()


class _Notebook:
    """A bar below the cell."""

    def __init__(self) -> None:
        self.show = importlib.import_module("IPython.display")
        self.handle: Any = None

    def _content(self, tally: _Tally) -> Any:
        bar = f'<progress value="{tally.fraction:.4f}" max="1"></progress>'
        return self.show.HTML(f"<div>{tally.what} {bar} {tally}</div>")

    def paint(self, tally: _Tally) -> None:
        if self.handle is None:
            self.handle = self.show.display(self._content(tally), display_id=True)
        else:
            self.handle.update(self._content(tally))

    def close(self) -> None:
        if self.handle is not None:
            self.handle.update(self.show.HTML(""))


def _painter() -> Callable[[], _Painter] | None:
    """What shows progress where this runs, None for nothing."""
    stream = sys.stderr
    if type(stream).__module__.startswith("ipykernel"):
        return _Notebook
    try:
        terminal = stream is not None and stream.isatty()
    except ValueError:  # a closed stream
        terminal = False
    if not terminal:
        return None
    return _Rich if importlib.util.find_spec("rich") is not None else _Plain


def _keep_painting(make: Callable[[], _Painter], tally: _Tally, ended: threading.Event) -> None:
    if ended.wait(_DELAY):
        return
    # A terminal that has gone ends the display, not the work.
    with contextlib.suppress(OSError, ValueError):
        painter = make()
        painter.paint(tally)
        while not ended.wait(_INTERVAL):
            painter.paint(tally)
        painter.paint(tally)
        painter.close()


@contextlib.contextmanager
def track(total: int, what: str) -> Iterator[Advance]:
    """Show progress while a block runs; the block calls what it is given with the number just done.

    A second argument is the running answer, shown beside rate and time left.

    Parameters
    ----------
    total
        How many there are to do.
    what
        A name, such as "fits".

    Examples
    --------
    >>> with track(3, "fits") as advance:
    ...     for _ in range(3):
    ...         advance(1)
    """
    tally = _Tally(total, what)
    make = _painter()
    if make is None or not _outermost.acquire(blocking=False):
        yield tally.add
        return
    ended = threading.Event()
    display = threading.Thread(target=_keep_painting, args=(make, tally, ended), daemon=True)
    try:
        display.start()
        yield tally.add
    finally:
        ended.set()
        display.join()
        _outermost.release()

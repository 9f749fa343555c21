"""Progress of what takes long: on stderr, or below a notebook's cell; never on stdout.

Nothing is shown for what is done within two seconds. On a terminal it is one line, which is written over,
never longer than the terminal is wide, and wiped at the end. Where stderr goes to a file or a pipe, or the
terminal cannot go back in a line (``TERM=dumb``), it is a line of its own now and then: the first after half
a minute, then one for each further tenth, at least half a minute apart, and one after ten minutes in any
case. There are no colours anywhere. :func:`hidden` shows nothing at all.
"""

from __future__ import annotations

import contextlib
import contextvars
import html
import importlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Advance", "hidden", "track"]

_DELAY = 2.0
"""Seconds before anything is shown."""
_INTERVAL = 0.25
_BAR = 24
_LINE_EVERY = 30.0
"""Seconds that lines of a log are apart, at least."""
_LINE_STEP = 0.1
"""What must have been done since the last line of a log, of the whole ..."""
_LINE_AT_LAST = 600.0
"""... unless so many seconds have passed."""
_outermost = threading.Lock()
"""Held by the display on show: what runs inside another one adds no second line."""
_hidden: contextvars.ContextVar[bool] = contextvars.ContextVar("hidden", default=False)


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
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    @property
    def fraction(self) -> float:
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    def __str__(self) -> str:
        elapsed = self.elapsed
        if self.fraction == 0.0 or elapsed == 0.0:
            # Most of it is compiling.
            return f"{self.done} of {self.total}, {_duration(elapsed)}, getting ready"
        left = f"{_duration(elapsed * (1.0 / self.fraction - 1.0))} left"
        parts = (
            f"{self.done} of {self.total}",
            _duration(elapsed),
            left,
            _rate(self.done / elapsed),
            self.answer,
        )
        return ", ".join(part for part in parts if part)


def _duration(seconds: float) -> str:
    """In words of two units at most.

    Examples
    --------
    >>> _duration(7.2), _duration(75.0), _duration(4000.0), _duration(2e5)
    ('7 s', '1 min 15 s', '1 h 6 min', '2 d 7 h')
    """
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    left = round(seconds)
    found: list[tuple[int, str]] = []
    for size, name in units:
        number, left = divmod(left, size)
        if number or found:
            found.append((number, name))
    shown = [f"{number} {name}" for number, name in found[:2] if number]
    return " ".join(shown) or "0 s"


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

    def close(self, tally: _Tally) -> None:
        """Take it away."""


class _Terminal:
    """One line, written over and over."""

    def __init__(self) -> None:
        self.stream, self.width = sys.stderr, 0

    def paint(self, tally: _Tally) -> None:
        filled = round(_BAR * tally.fraction)
        line = f"{tally.what} [{'#' * filled}{'.' * (_BAR - filled)}] {tally}"
        # A longer line would wrap, and one cannot go back to its beginning.
        line = line[: max(1, _columns(self.stream) - 1)]
        self.stream.write(f"\r{line:<{self.width}}")
        self.stream.flush()
        self.width = len(line)

    def close(self, tally: _Tally) -> None:
        wiped = min(self.width, max(1, _columns(self.stream) - 1))
        self.stream.write(f"\r{'':<{wiped}}\r")
        self.stream.flush()


def _columns(stream: Any) -> int:
    """How wide the terminal is, now."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(stream.fileno()).columns or shutil.get_terminal_size().columns
    return shutil.get_terminal_size().columns


class _Log:
    """Lines that stay, few of them."""

    def __init__(self) -> None:
        self.stream = sys.stderr
        self.last, self.shown = 0.0, 0.0

    def paint(self, tally: _Tally) -> None:
        waited = tally.elapsed - self.last
        enough = tally.fraction - self.shown >= _LINE_STEP or self.last == 0.0
        if tally.fraction == 1.0 or waited < (_LINE_EVERY if enough else _LINE_AT_LAST):
            return
        self.last, self.shown = tally.elapsed, tally.fraction
        self.stream.write(f"{tally.what}: {tally}\n")
        self.stream.flush()

    def close(self, tally: _Tally) -> None:
        if self.last and tally.fraction == 1.0:
            self.stream.write(f"{tally.what}: {tally.done} in {_duration(tally.elapsed)}\n")
            self.stream.flush()


class _Notebook:
    """A bar below the cell."""

    def __init__(self) -> None:
        self.display = importlib.import_module("IPython.display").display
        self.handle: Any = None

    def _show(self, markup: str, text: str) -> None:
        bundle = {"text/html": markup, "text/plain": text}
        if self.handle is None:
            self.handle = self.display(bundle, raw=True, display_id=True)
        else:
            self.handle.update(bundle, raw=True)

    def paint(self, tally: _Tally) -> None:
        bar = f'<progress value="{tally.fraction:.4f}" max="1"></progress>'
        self._show(f"<div>{html.escape(tally.what)} {bar} {html.escape(str(tally))}</div>", str(tally))

    def close(self, tally: _Tally) -> None:
        if self.handle is not None:
            self._show("", "")


def _painter() -> Callable[[], _Painter] | None:
    """What shows progress where this runs, None for nothing."""
    stream = sys.stderr
    if stream is None or _hidden.get():
        return None
    if type(stream).__module__.startswith("ipykernel"):
        return _Notebook
    try:
        terminal = stream.isatty()
    except ValueError:  # a closed stream
        return None
    return _Terminal if terminal and os.environ.get("TERM") != "dumb" else _Log


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
        painter.close(tally)


@contextlib.contextmanager
def hidden(hide: bool = True) -> Iterator[None]:
    """Show no progress of what runs inside.

    Parameters
    ----------
    hide
        False changes nothing.

    Examples
    --------
    >>> with hidden(), track(3, "fits") as advance:
    ...     advance(3)
    """
    token = _hidden.set(hide or _hidden.get())
    try:
        yield
    finally:
        _hidden.reset(token)


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

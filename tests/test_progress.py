"""Progress: where it is shown, when, and that it leaves nothing behind."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
import time

import pytest

from smoothfit import progress


class Terminal(io.StringIO):
    """Remembers what was written, as a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(progress, "_DELAY", 0.02)
    monkeypatch.setattr(progress, "_INTERVAL", 0.02)


def work(pause=0.05):
    with progress.track(3, "fits") as advance:
        for _ in range(3):
            time.sleep(pause)
            advance(1)


def run(stream, what=work):
    # Here, not in a fixture: pytest sets sys.stderr anew before a test is called.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        what()


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def test_a_terminal_sees_it(terminal, quick):
    run(terminal)
    written = terminal.getvalue()
    assert "fits" in written
    assert "3 of 3" in written


def test_what_is_quick_is_not_shown(terminal):
    run(terminal, lambda: work(pause=0.0))
    assert terminal.getvalue() == ""


def test_the_line_is_wiped(terminal, quick):
    run(terminal)
    written = terminal.getvalue().split("\r")
    assert written[-1] == ""
    assert written[-2].strip() == ""
    assert len(written[-2]) >= len(written[-3].rstrip()) > 0
    assert "\n" not in terminal.getvalue()


@pytest.mark.parametrize("columns", [1, 20, 40, 79, 200])
def test_no_line_is_as_wide_as_the_terminal(columns, terminal, quick, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    run(terminal)
    assert max(len(line) for line in terminal.getvalue().split("\r")) < max(2, columns)


def test_hidden(terminal, quick):
    with progress.hidden(False):
        run(terminal)
    shown = terminal.getvalue()
    assert shown
    with progress.hidden():
        run(terminal)
    with progress.hidden(), progress.hidden(False):
        run(terminal)
    assert terminal.getvalue() == shown
    run(terminal)
    assert terminal.getvalue() != shown


# -- in a log ------------------------------------------------------------------------------------------


def test_what_takes_less_than_half_a_minute_leaves_no_line_in_a_log(quick):
    stream = io.StringIO()
    run(stream)
    assert stream.getvalue() == ""


class Clock:
    """Time that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


def logged(seconds, per_second):
    """Lines in a log of something that takes so long, looked at every quarter of a second."""
    clock, stream = Clock(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "time", clock)
        patch.setattr(sys, "stderr", stream)
        painter = progress._Log()
        tally = progress._Tally(round(seconds * per_second), "fits", began=clock.now)
        for quarter in range(1, 4 * seconds + 1):
            clock.now += 0.25
            tally.add(round(0.25 * quarter * per_second) - tally.done)
            painter.paint(tally)
        painter.close(tally)
    return stream.getvalue().splitlines()


def test_lines_of_a_log_are_few():
    lines = logged(100, 1000)
    assert lines[0] == "fits: 30000 of 100000, 30 s, 1 min 10 s left, 1000 a second"
    assert [line.split(",")[0] for line in lines[1:3]] == ["fits: 60000 of 100000", "fits: 90000 of 100000"]
    assert lines[3:] == ["fits: 100000 in 1 min 40 s"]
    # An hour: a line for each tenth, and the first after half a minute.
    assert len(logged(3600, 10)) <= 12
    # A day, a tenth of which takes longer than ten minutes: one in ten minutes.
    slow = logged(86400, 1)
    assert len(slow) <= 86400 / 600 + 2
    assert slow[0].startswith("fits: 30 of 86400, 30 s, 23 h 59 min left")


def test_a_terminal_that_cannot_go_back_is_a_log(terminal, quick, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(progress, "_LINE_EVERY", 0.05)
    run(terminal)
    lines = terminal.getvalue()
    assert "\r" not in lines
    assert lines.endswith("\n")
    assert "fits: 3 in " in lines


# -- as a process --------------------------------------------------------------------------------------

# The file alone, which needs nothing of the package: that would take most of the time.
PROGRAM = f"""
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("progress", {progress.__file__!r})
progress = sys.modules["progress"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(progress)
progress._DELAY, progress._INTERVAL, progress._LINE_EVERY = 0.05, 0.05, 0.15
with progress.hidden("--quiet" in sys.argv), progress.track(10, "fits") as advance:
    for _ in range(10):
        time.sleep(0.06)
        advance(1)
print("result")
"""


def shown_on_a_terminal(*argv, columns=60, **environment):
    """stdout, and what a terminal of this width got on stderr."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    running = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *argv],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env={**inherited, **environment},
    )
    out, _ = running.communicate()
    os.close(theirs)
    written = b""
    # A pseudo-terminal whose other end is closed ends in an error on Linux.
    with contextlib.suppress(OSError):
        while more := os.read(ours, 65536):
            written += more
    os.close(ours)
    return out, written.decode()


@pytest.mark.parametrize("columns", [30, 60, 200])
def test_a_real_terminal(columns):
    out, written = shown_on_a_terminal(columns=columns, TERM="xterm-256color")
    assert out == "result\n"
    lines = written.split("\r")
    assert len(lines) > 3
    assert "\n" not in written
    assert "\x1b" not in written
    assert max(map(len, lines)) < columns
    assert lines[-2].strip() == lines[-1] == ""
    assert "fits [#####" in written


def test_a_real_terminal_without_colours_or_movement_or_at_all():
    assert "\x1b" not in shown_on_a_terminal(TERM="xterm", NO_COLOR="1")[1]
    out, written = shown_on_a_terminal(TERM="dumb")
    assert out == "result\n"
    # The terminal itself makes \r\n of \n.
    lines = written.split("\r\n")
    assert all(line.startswith("fits: ") for line in lines[:-1])
    assert 2 <= len(lines[:-1]) <= 11
    assert shown_on_a_terminal("--quiet", TERM="xterm") == ("result\n", "")


def test_pipes():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "result\n"
    assert "\r" not in done.stderr
    assert 2 <= len(done.stderr.splitlines()) <= 11
    assert done.stderr.splitlines()[-1].startswith("fits: 10 in ")


# -- what goes wrong, and what is inside ---------------------------------------------------------------


def test_no_usable_stderr_is_no_error(quick):
    run(None)
    closed = Terminal()
    closed.close()
    run(closed)


def test_a_terminal_that_goes_away_ends_only_the_display(monkeypatch, quick):
    class Gone(Terminal):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setenv("TERM", "xterm")
    run(Gone())
    assert not progress._outermost.locked()


def test_what_runs_inside_adds_nothing(terminal, quick):
    def nested():
        with progress.track(1, "outer"):
            work()

    run(terminal, nested)
    assert "outer" in terminal.getvalue()
    assert "fits" not in terminal.getvalue()
    run(terminal)
    assert "fits" in terminal.getvalue()


def test_an_error_inside_ends_it(terminal, quick):
    def failing():
        with progress.track(1, "fits"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(terminal, failing)
    assert not progress._outermost.locked()


def test_a_notebook_gets_a_bar_that_goes(monkeypatch, quick):
    display = pytest.importorskip("IPython.display")
    shown = []

    class Handle:
        def update(self, content, raw):
            shown.append(content)

    def show(content, raw, display_id):
        shown.append(content)
        return Handle()

    monkeypatch.setattr(display, "display", show)
    run(type("Stream", (), {"__module__": "ipykernel.iostream"})())
    assert "<progress" in shown[0]["text/html"]
    assert "3 of 3" in shown[-2]["text/html"]
    assert shown[-2]["text/plain"].startswith("3 of 3")
    assert shown[-1] == {"text/html": "", "text/plain": ""}

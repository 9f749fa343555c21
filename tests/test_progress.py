"""Progress: where it is shown, when, and that it leaves nothing behind."""

from __future__ import annotations

import io
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


@pytest.fixture(params=["plain", "rich"])
def terminal(monkeypatch, request):
    stream = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    if request.param == "plain":
        monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)
    else:
        pytest.importorskip("rich")
    return stream


def test_a_terminal_sees_it(terminal, quick):
    run(terminal)
    written = terminal.getvalue()
    assert "fits" in written
    assert "3 of 3" in written


def test_what_is_quick_is_not_shown(terminal):
    run(terminal, lambda: work(pause=0.0))
    assert terminal.getvalue() == ""


def test_the_plain_line_is_wiped(monkeypatch, quick):
    stream = Terminal()
    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)
    run(stream)
    written = stream.getvalue().split("\r")
    assert written[-1] == ""
    assert written[-2].strip() == ""
    assert len(written[-2]) >= len(written[-3].rstrip()) > 0
    assert "\n" not in stream.getvalue()


def test_a_file_sees_nothing(quick):
    stream = io.StringIO()
    run(stream)
    assert stream.getvalue() == ""


def test_no_usable_stderr_is_no_error(quick):
    run(None)
    closed = Terminal()
    closed.close()
    run(closed)


def test_a_terminal_that_goes_away_ends_only_the_display(monkeypatch, quick):
    class Gone(Terminal):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)
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
        def update(self, content):
            shown.append(content.data)

    def show(content, display_id):
        shown.append(content.data)
        return Handle()

    monkeypatch.setattr(display, "display", show)
    run(type("Stream", (), {"__module__": "ipykernel.iostream"})())
    assert "<progress" in shown[0]
    assert "3 of 3" in shown[-2]
    assert shown[-1] == ""

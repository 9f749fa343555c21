"""How fast a live model follows its sliders: ``python -m benchmarks.interactive --write``.

W3 (261 parameters, 14 processes, 4 channels of 48 bins) with data is shown by :func:`smoothfit.interactive`,
and a slider is moved, event by event, as a browser would: each time the expectation and the NLL, the picture
as a PNG, and all that the widgets send. What a browser takes to show it is not in these times. With fewer
than 200 events nothing is written.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import smoothfit
from benchmarks import reference, workloads
from benchmarks.sections import write_section
from smoothfit.inference import at_point
from smoothfit.live.rows import STEPS

__all__ = ["Drag", "Opening", "drag", "main", "opened", "section"]

_EVENTS = 300
_ASKED_MS, _ASKED_OPENING_S = 100.0, 2.0


@dataclass
class Opening:
    """What it took to have it on the screen."""

    seconds: float
    live: Any


@dataclass
class Drag:
    """Milliseconds of every redraw, and of its parts."""

    still: list[float] = field(default_factory=list)
    """Axes as they were."""
    anew: list[float] = field(default_factory=list)
    """Axes drawn anew, as the yields had left them."""
    processor: list[float] = field(default_factory=list)
    """Of the processor alone, of every redraw: what it takes where nothing else runs."""
    parts: dict[str, float] = field(default_factory=dict)
    """Part -> median."""
    traces: int = 0
    """Of the expectation, during the drag."""
    size: int = 0
    """Bytes of a picture."""

    @property
    def all(self) -> np.ndarray:
        """Both."""
        return np.array(self.still + self.anew)


def opened(name: str = "W3") -> Opening:
    """A workload with Poisson data, on the screen."""
    w, scaling = reference.workload(name)
    model = workloads.build(w, scaling=scaling).prepare()
    obs = reference.load().data(w, "poisson")
    began = time.perf_counter()
    live = smoothfit.interactive(model, obs)
    live._repr_mimebundle_()
    return Opening(time.perf_counter() - began, live)


def drag(live: Any, events: int = _EVENTS) -> Drag:
    """Move the first slider to and fro over its range."""
    row, picture = live.view.rows.row(live.parameters.all[0]), live._picture
    places = np.round(STEPS * (0.5 + 0.5 * np.sin(np.linspace(0.0, 20.0, events)))).astype(int)
    found, traces = Drag(), at_point.count_traces()
    for place in places:
        if place == row.slider.value:
            continue
        drawn, began, busy = picture.backgrounds, time.perf_counter(), time.thread_time()
        row.slider.value = int(place)
        took = 1e3 * (time.perf_counter() - began)
        found.processor.append(1e3 * (time.thread_time() - busy))
        (found.still if picture.backgrounds == drawn else found.anew).append(took)
    found.traces = at_point.count_traces() - traces
    found.size = len(live.view.picture.value)
    found.parts = _parts(live)
    return found


def _parts(live: Any, repetitions: int = 40) -> dict[str, float]:
    """Medians of the expectation with the NLL, and of the picture."""

    def median(step: Callable[[int], Any], of: Callable[[], Any]) -> float:
        times = []
        for i in range(repetitions):
            step(i)
            began = time.perf_counter()
            of()
            times.append(1e3 * (time.perf_counter() - began))
        return float(np.median(times))

    def move(i: int) -> None:
        live._x[0] = 1.0 + 0.1 * np.sin(i)

    def move_and_ask(i: int) -> None:
        move(i)
        live.at_values()

    return {
        "expectation and NLL": median(move, live.at_values),
        "picture, as PNG": median(move_and_ask, live.png),
    }


def section(opening: Opening, found: Drag) -> str:
    """For RESULTS.md."""
    every = found.all
    number = f"{len(every)} events"
    rows = [
        ("redraw, all", number, np.median(every), np.quantile(every, 0.95)),
        ("redraw, axes as they were", f"{len(found.still)}", *_of(found.still)),
        ("redraw, axes drawn anew", f"{len(found.anew)}", *_of(found.anew)),
        ("time of the processor, all", number, *_of(found.processor)),
        *((f"of it: {what}", "", ms, np.nan) for what, ms in found.parts.items()),
    ]
    lines = [
        "## A live model",
        "",
        "`smoothfit.interactive` of W3, one slider moved to and fro over its range (`python -m "
        "benchmarks.interactive --write`); from the event in the kernel to the last message that leaves it.",
        "",
        "| what | number | median, ms | 95%, ms |",
        "|---|---|---|---|",
        *(f"| {what} | {n} | {_cell(median)} | {_cell(high)} |" for what, n, median, high in rows),
        "",
        f"Asked: a median below {_ASKED_MS:g} ms. Opening took {opening.seconds:.2f} s (asked: "
        f"{_ASKED_OPENING_S:g} s), compiled programs read from the disk where they are. The expectation was "
        f"traced {found.traces} times during the drag; a picture has {found.size / 1024:.0f} KiB.",
        "",
    ]
    return "\n".join(lines)


def _of(times: list[float]) -> tuple[float, float]:
    return (float(np.median(times)), float(np.quantile(times, 0.95))) if times else (np.nan, np.nan)


def _cell(value: float) -> str:
    return f"{value:.1f}" if np.isfinite(value) else ""


def main() -> None:
    """Measure, print and, if asked to, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=_EVENTS)
    parser.add_argument("--write", action="store_true", help="into benchmarks/RESULTS.md")
    given = parser.parse_args()
    opening = opened()
    text = section(opening, drag(opening.live, given.events))
    print(text)
    if given.write and given.events >= 200:
        write_section("interactive", text)


if __name__ == "__main__":
    main()

"""results.json, and from it the generated part of RESULTS.md and the plots.

``python -m benchmarks.report`` writes the latter two again.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import pictures

__all__ = ["Cores", "generated", "write"]

HERE = Path(__file__).resolve().parent
BEGIN = "<!-- written by python -m benchmarks.run: begin -->"
END = "<!-- written by python -m benchmarks.run: end -->"

_OTHERS = {"gpu": "Batches of fits on a GPU"}
_COMMANDS = {"gpu": "python -m benchmarks.gpu"}
"""Figures that commands of their own make."""


class Cores:
    """The machine while something is measured: its cores, and what of their time other machines took.

    A virtual machine's cores are shared; what its host gives to others (``steal`` of /proc/stat) lengthens
    everything, and programs of several threads most.
    """

    def __init__(self) -> None:
        self._before = _ticks()

    def __str__(self) -> str:
        words = f"{os.cpu_count()} {platform.machine().replace('_', '-')} cores"
        taken, used = (now - then for now, then in zip(_ticks(), self._before, strict=True))
        share = taken / (taken + used) if taken + used else 0.0
        return f"{words}, {share:.0%} of their time given to others" if share >= 0.02 else words


def _ticks() -> tuple[int, int]:
    """(stolen, used) since the machine started, in ticks; zeros where that is not known."""
    try:
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    user, nice, system, _, _, irq, softirq, steal = fields
    return steal, user + nice + system + irq + softirq


def _merged(
    store: Path, results: Mapping[str, Any], versions: Mapping[str, str], machine: str
) -> dict[str, Any]:
    """What was there before, with what was measured now in its place."""
    found: dict[str, Any] = (
        json.loads(store.read_text()) if store.exists() else {"figures": {}, "versions": {}}
    )
    today = datetime.now(UTC).date().isoformat()
    for name, rows in results.items():
        found["figures"][name] = {"rows": rows, "date": today, "machine": machine}
    found["versions"].update(versions)
    return found


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _compile_times(row: Mapping[str, Any]) -> str:
    """How much longer the first calls took, ours and the peer's."""
    words = []
    for side in ("ours", "peer"):
        timing = row["raw"].get(side, {})
        later = sorted(timing.get("later_s", ()))
        words.append(f"{max(0.0, timing['first_s'] - later[len(later) // 2]):.2f} s" if later else "")
    return " / ".join(words) if any(words) else ""


def generated(found: Mapping[str, Any], what: Mapping[str, str]) -> str:
    """The tables, in Markdown."""
    dates = sorted({figure["date"] for figure in found["figures"].values()})
    versions = ", ".join(f"{name} {version}" for name, version in sorted(found["versions"].items()))
    rows = [row for figure in found["figures"].values() for row in figure["rows"] if row["bar"]]
    missed = [row for row in rows if row["verdict"] != "met"]
    lines = [
        BEGIN,
        "",
        f"Measured {' to '.join({dates[0]: 0, dates[-1]: 0})}; {versions}.",
        f"{len(rows) - len(missed)} of {len(rows)} bars are met.",
        "",
        "![W3, all tools](plots/w3.png)",
        "",
        "![Measured against asked](plots/bars.png)",
        "",
    ]
    for name, figure in found["figures"].items():
        lines += [
            f"### {what.get(name, name)}",
            "",
            f"`{_COMMANDS.get(name, f'python -m benchmarks.run --only {name}')}`, {figure['machine']}",
            "",
            "| what | smoothfit | peer | its result | times faster | asked | | compile, ours / peer |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for row in figure["rows"]:
            ratio = "" if row["ratio"] is None else f"{row['ratio']:.3g}"
            cells = [row["what"], row["ours"], row["peer"], row["theirs"], ratio, row["bar"], row["verdict"]]
            lines.append("| " + " | ".join(_cell(c) for c in [*cells, _compile_times(row)]) + " |")
        lines.append("")
    return "\n".join([*lines, END])


def render(folder: Path = HERE) -> None:
    """RESULTS.md and the plots, from results.json."""
    from benchmarks.figures import FIGURES

    found = json.loads((folder / "results.json").read_text())
    order = [*FIGURES, *(name for name in found["figures"] if name not in FIGURES)]
    found["figures"] = {name: found["figures"][name] for name in order if name in found["figures"]}
    text = generated(found, {**_OTHERS, **{name: figure.what for name, figure in FIGURES.items()}})
    page = folder / "RESULTS.md"
    before = page.read_text() if page.exists() else f"# Results\n\n{BEGIN}\n{END}\n"
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(head + text + (tail or "\n"))
    pictures.draw(found["figures"], folder / "plots")


def write(
    results: Mapping[str, Any],
    versions: Mapping[str, str],
    folder: Path = HERE,
    *,
    machine: str | None = None,
) -> None:
    """Store what was measured and write the page."""
    store = folder / "results.json"
    store.write_text(json.dumps(_merged(store, results, versions, machine or str(Cores())), indent=1) + "\n")
    render(folder)


if __name__ == "__main__":
    render()

"""Two pictures of results: every tool on W3, and every bar."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["draw"]

_OURS, _THEIRS, _MISSED = "#0b5fa5", "#b8b8b8", "#c8442d"
_DPI = 110


def _tasks(figures: Mapping[str, Any]) -> dict[str, list[tuple[str, float, bool]]]:
    """{task: [(tool, seconds, ours)]} of W3."""
    panels = {
        "Fit with covariance": ("w3-fit", "model.fit"),
        "6 Minos": ("w3-minos", "6 Minos"),
        "63 pulls": ("w3-minos", "63 pulls"),
        "255 x 6 impacts": ("w3-impacts", "255 x 6 impacts"),
    }
    found: dict[str, list[tuple[str, float, bool]]] = {}
    for title, (figure, beginning) in panels.items():
        rows = [r for r in figures.get(figure, {"rows": []})["rows"] if r["what"].startswith(beginning)]
        bars: list[tuple[str, float, bool]] = []
        ours: list[float] = []
        for row in rows:
            raw_ours, raw_peer = row["raw"].get("ours"), row["raw"].get("peer")
            if raw_ours and raw_peer and not (raw_ours["error"] or raw_peer["error"]):
                ours.append(_seconds(raw_ours))
                bars.append((row["peer"], _seconds(raw_peer), False))
        if ours:
            found[title] = [
                ("smoothfit", sorted(ours)[len(ours) // 2], True),
                *sorted(bars, key=lambda b: b[1]),
            ]
    return found


def _seconds(timing: Mapping[str, Any]) -> float:
    calls = sorted(timing["later_s"] or [timing["first_s"]])
    return float(timing["scale"] * calls[len(calls) // 2])


def draw(figures: Mapping[str, Any], folder: Path) -> None:
    """``w3.png`` and ``bars.png``."""
    from matplotlib.figure import Figure

    folder.mkdir(exist_ok=True)
    panels = _tasks(figures)
    if panels:
        heights = [len(bars) + 1 for bars in panels.values()]
        page = Figure(figsize=(8, 0.27 * sum(heights) + 1.2), layout="constrained")
        axes = page.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axis, (title, bars) in zip(axes, panels.items(), strict=True):
            names = [name for name, _, _ in bars]
            seconds = [value for _, value, _ in bars]
            colours = [_OURS if ours else _THEIRS for _, _, ours in bars]
            axis.barh(range(len(bars)), seconds, color=colours)
            axis.set_yticks(range(len(bars)), names, fontsize=8)
            axis.invert_yaxis()
            axis.set_xscale("log")
            axis.set_xlim(min(seconds) / 2, max(seconds) * 6)
            for i, value in enumerate(seconds):
                axis.text(value * 1.1, i, f"{value / seconds[0]:.3g} x", va="center", fontsize=7)
            axis.set_title(title, fontsize=9, loc="left")
            axis.spines[["top", "right"]].set_visible(False)
        axes[-1].set_xlabel("seconds, after compilation")
        page.savefig(folder / "w3.png", dpi=_DPI)
    bars = [
        (f"{name}: {row['what']}, {row['bar']}", row["margin"])
        for name, figure in figures.items()
        for row in figure["rows"]
        if row["bar"] and row["margin"]
    ]
    if bars:
        page = Figure(figsize=(9, 0.24 * len(bars) + 1.0), layout="constrained")
        axis = page.subplots()
        margins = [min(max(margin, 1e-2), 1e2) for _, margin in bars]
        axis.barh(range(len(bars)), margins, left=1e-3, color=[_OURS if m >= 1 else _MISSED for m in margins])
        axis.set_yticks(range(len(bars)), [name for name, _ in bars], fontsize=7)
        axis.invert_yaxis()
        axis.set_xscale("log")
        axis.set_xlim(0.05, 150)
        axis.axvline(1.0, color="black", linewidth=1)
        axis.set_xlabel("how many times better than asked")
        axis.spines[["top", "right"]].set_visible(False)
        page.savefig(folder / "bars.png", dpi=_DPI)

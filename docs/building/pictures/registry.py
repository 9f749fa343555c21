"""The list of pictures, and how one becomes a file."""

from __future__ import annotations

import hashlib
import html
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["BLUE", "GREY", "ORANGE", "PICTURES", "Picture", "canvas", "draw", "drawn", "picture"]

_ROOT = Path(__file__).resolve().parents[3]
BLUE, ORANGE, GREEN, GREY = "#3554b5", "#d9622b", "#2a8f6d", "#8a8f99"


@dataclass(frozen=True)
class Picture:
    """A function that returns a matplotlib Figure, what it shows, and for whom it cannot be seen."""

    make: Callable[[], Any]
    alt: str
    caption: str


PICTURES: dict[str, Picture] = {}
"""By name: a page says ``<!-- picture: name -->``."""


def picture(alt: str, caption: str = "") -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Enter a function under its own name."""

    def enter(make: Callable[[], Any]) -> Callable[[], Any]:
        PICTURES[make.__name__] = Picture(make, html.escape(alt), caption)
        return make

    return enter


def canvas(columns: int = 1, *, width: float = 6.4, height: float = 3.3, **options: Any) -> tuple[Any, Any]:
    """(figure, axes) of the pages' own diagrams; pictures of results are those of `smoothfit.plot`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, **options)
    for one in [axes] if columns == 1 else axes.ravel():
        one.spines[["top", "right"]].set_visible(False)
        one.grid(color="#e4e6eb", linewidth=0.6)
        one.set_axisbelow(True)
    return figure, axes


@cache
def _sources() -> str:
    """What pictures follow from: the library, how they are drawn, and by which matplotlib."""
    import matplotlib

    found = hashlib.sha256(matplotlib.__version__.encode())
    for folder in (_ROOT / "smoothfit", Path(__file__).parent):
        for file in sorted(folder.rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()[:16]


def drawn(name: str) -> bytes:
    """A picture, kept in ``build/`` until a source changes."""
    kept = _ROOT / "build" / "pictures" / _sources() / f"{name}.svg"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        whole = kept.with_suffix(".part")
        whole.write_bytes(draw(name))
        whole.replace(kept)
    return kept.read_bytes()


def draw(name: str) -> bytes:
    """A picture as SVG, the same bytes every time."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": name, "svg.fonttype": "path", "font.size": 10}):
        figure = PICTURES[name].make()
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()

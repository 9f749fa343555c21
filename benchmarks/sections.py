"""Sections of RESULTS.md that a program writes, between two comments."""

from __future__ import annotations

from pathlib import Path

__all__ = ["RESULTS", "write_section"]

RESULTS = Path(__file__).with_name("RESULTS.md")


def write_section(name: str, section: str, path: Path = RESULTS) -> None:
    """Replace the section of a name, or append it."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = path.read_text(encoding="utf-8")
    block = f"{begin}\n{section}{end}\n"
    if begin in text:
        before, _, rest = text.partition(begin)
        text = before + block + rest.partition(end + "\n")[2]
    else:
        text = text.rstrip() + "\n\n" + block
    path.write_text(text, encoding="utf-8")

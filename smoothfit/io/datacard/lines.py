"""Lines of a datacard, their errors, and the numbers in them."""

from __future__ import annotations

import math
from typing import NamedTuple

from ...errors import FileFormatError

__all__ = ["Line", "LineError", "bounds_of", "number", "whole"]


class Line(NamedTuple):
    """A line that says something."""

    number: int
    words: tuple[str, ...]
    text: str


class LineError(FileFormatError):
    """An error of one line; :func:`~.grammar.read_card` adds the file."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.number = number


def number(line: int, word: str, what: str) -> float:
    """A finite number.

    Examples
    --------
    >>> number(3, "1e3", "rate")
    1000.0
    """
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    # Python also reads 1_000, which is a name to everybody else.
    if not math.isfinite(value) or "_" in word:
        raise LineError(line, f"{what}: a number is expected, got '{word[:40]}'.")
    return value


def whole(line: int, word: str, what: str) -> int:
    """A whole number."""
    value = number(line, word, what)
    if value != round(value):
        raise LineError(line, f"{what}: a whole number is expected, got '{word[:40]}'.")
    return int(value)


def bounds_of(line: int, word: str, what: str) -> tuple[float, float]:
    """Of "[low,high]"."""
    parts = word.strip("[]").split(",")
    if not (word.startswith("[") and word.endswith("]")) or len(parts) != 2:
        raise LineError(line, f"{what}: a range [low,high] is expected, got '{word[:40]}'.")
    low, high = (number(line, part, what) for part in parts)
    if not low < high:
        raise LineError(line, f"{what}: the range [{low:g},{high:g}] is empty; give the lower end first.")
    return low, high

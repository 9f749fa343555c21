"""Cells of tables: what is shown, and the exact number behind it.

A cell is a string, a number, None (empty), or one of

* :class:`Rounded`: a number that is shown to so many digits;
* :class:`Measured`: a value with its error, or with one to either side;
* :class:`Named`: the name of something that has a label, which LaTeX shows.

Text, HTML, Markdown and LaTeX show them rounded; CSV has all their digits.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TypeAlias

from .numbers import Rounding, asymmetric, number, rounded, with_error

__all__ = ["Cell", "Measured", "Named", "Rounded", "cell_text", "is_number", "one_line", "plain_cell"]

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*([eE][-+]?\d+)?|nan|inf)")


@dataclass(frozen=True)
class Rounded:
    """A number that is shown to ``digits`` significant digits, or to ``decimals``; a remark may follow.

    Examples
    --------
    >>> Rounded(0.123456, digits=2).text, Rounded(64.0, decimals=1).text, Rounded(1.5, remark="at limit").text
    ('0.12', '64.0', '1.5 (at limit)')
    """

    value: float
    digits: int = 6
    decimals: int | None = None
    remark: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))

    @property
    def figure(self) -> str:
        """The number without its remark."""
        if self.decimals is None or not math.isfinite(self.value):
            return number(self.value, digits=self.digits)
        return f"{self.value:.{self.decimals}f}"

    @property
    def text(self) -> str:
        """The number and its remark."""
        return f"{self.figure} ({self.remark})" if self.remark else self.figure


@dataclass(frozen=True)
class Measured:
    """A value with its error; ``down`` is that to the other side, positive, where they differ.

    Examples
    --------
    >>> Measured(0.5, 0.4582).text, Measured(0.5, 0.4648, 0.4515).text
    ('0.50 ± 0.46', '0.50 +0.46 -0.45')
    """

    value: float
    error: float
    down: float | None = None

    def __post_init__(self) -> None:
        for name in ("value", "error") if self.down is None else ("value", "error", "down"):
            object.__setattr__(self, name, float(getattr(self, name)))

    @property
    def rounding(self) -> Rounding:
        """Value and errors as text."""
        return rounded(self.value, self.error, self.error if self.down is None else self.down)

    @property
    def text(self) -> str:
        """Value and errors on one line."""
        if self.down is None:
            return with_error(self.value, self.error)
        return asymmetric(self.value, self.error, self.down)


class Named(str):
    """A name, which is text like any other, with the label (text or LaTeX) of what has it, if any.

    Examples
    --------
    >>> name = Named("mu_ttH", r"\\mu_{t\\bar{t}H}")
    >>> name, name.label
    ('mu_ttH', '\\\\mu_{t\\\\bar{t}H}')
    """

    label: str | None

    def __new__(cls, name: str, label: str | None = None) -> Named:
        made = super().__new__(cls, name)
        made.label = label
        return made

    def __getnewargs__(self) -> tuple[str, str | None]:  # type: ignore[override]
        return str(self), self.label


Cell: TypeAlias = str | int | float | Rounded | Measured | None


def one_line(text: str) -> str:
    """Text without line breaks and control characters.

    Names come from files: a line break or an escape sequence in one must not reach the terminal.
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def cell_text(cell: Cell) -> str:
    """What is shown for a cell, on one line and without control characters."""
    if cell is None:
        return ""
    if isinstance(cell, Rounded | Measured):
        return one_line(cell.text)
    return number(cell) if isinstance(cell, float) else one_line(str(cell))


def is_number(cell: Cell) -> bool:
    """Whether a cell belongs to the right of its column: a number, also one written as text."""
    if isinstance(cell, Rounded):
        return not cell.remark
    if isinstance(cell, str):
        # What is called "100" is no number.
        return not isinstance(cell, Named) and _NUMBER.fullmatch(cell) is not None
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def plain_cell(cell: Cell) -> str | int | float | None:
    """A cell for JSON: the number behind what is rounded, else its text."""
    if isinstance(cell, Rounded) and not cell.remark:
        return cell.value
    if isinstance(cell, Rounded | Measured):
        return cell.text
    return str(cell) if isinstance(cell, str) else cell

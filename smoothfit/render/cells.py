"""Cells of tables: what is shown, and the exact number behind it.

A cell is a string, a number, None (empty), or a string that knows more than it says:

* :class:`Rounded`: a number that is shown to so many digits;
* :class:`Measured`: a value with its error, or with one to either side;
* :class:`Named`: the name of something that has a label, which LaTeX shows.

Text, HTML and Markdown have the strings, LaTeX the same numbers as formulas, CSV all their digits.
"""

from __future__ import annotations

import math
import re
from typing import Any, TypeAlias

from .numbers import Rounding, asymmetric, number, rounded, with_error

__all__ = ["Cell", "Measured", "Named", "Rounded", "cell_text", "is_number", "one_line", "plain_cell"]

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*([eE][-+]?\d+)?|nan|inf)")


class Rounded(str):
    """A number that is shown to ``digits`` significant digits, or to ``decimals``; a remark may follow.

    Examples
    --------
    >>> Rounded(0.123456, 2), Rounded(64.0, decimals=1), Rounded(1.5, remark="at limit")
    ('0.12', '64.0', '1.5 (at limit)')
    >>> Rounded(0.123456, 2).value
    0.123456
    """

    value: float
    figure: str
    """The number without its remark."""
    remark: str

    def __new__(cls, value: float, digits: int = 6, decimals: int | None = None, remark: str = "") -> Rounded:
        value = float(value)
        rounded_to = f"{value:.{decimals}f}" if decimals is not None and math.isfinite(value) else None
        figure = number(value, digits=digits) if rounded_to is None else rounded_to
        made = super().__new__(cls, f"{figure} ({remark})" if remark else figure)
        made.value, made.figure, made.remark = value, figure, remark
        made._given = (value, digits, decimals, remark)
        return made

    _given: tuple[Any, ...]

    def __getnewargs__(self) -> tuple[Any, ...]:  # type: ignore[override]
        return self._given


class Measured(str):
    """A value with its error; ``down`` is that to the other side, positive, where they differ.

    Examples
    --------
    >>> Measured(0.5, 0.4582), Measured(0.5, 0.4648, 0.4515)
    ('0.50 ± 0.46', '0.50 +0.46 -0.45')
    >>> Measured(0.5, 0.4582).error
    0.4582
    """

    value: float
    error: float
    down: float | None

    def __new__(cls, value: float, error: float, down: float | None = None) -> Measured:
        value, error, down = float(value), float(error), None if down is None else float(down)
        made = super().__new__(
            cls, with_error(value, error) if down is None else asymmetric(value, error, down)
        )
        made.value, made.error, made.down = value, error, down
        return made

    @property
    def rounding(self) -> Rounding:
        """Value and errors as text."""
        return rounded(self.value, self.error, self.error if self.down is None else self.down)

    def __getnewargs__(self) -> tuple[Any, ...]:  # type: ignore[override]
        return self.value, self.error, self.down


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


Cell: TypeAlias = str | int | float | None


def one_line(text: str) -> str:
    """Text without line breaks and control characters.

    Names come from files: a line break or an escape sequence in one must not reach the terminal.
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def cell_text(cell: Cell) -> str:
    """What is shown for a cell, on one line and without control characters."""
    if cell is None:
        return ""
    return number(cell) if isinstance(cell, float) else one_line(str(cell))


def is_number(cell: Cell) -> bool:
    """Whether a cell belongs to the right of its column: a number, also one written as text."""
    if isinstance(cell, str):
        # What is called "100" is no number.
        return not isinstance(cell, Named) and _NUMBER.fullmatch(cell) is not None
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def plain_cell(cell: Cell) -> str | int | float | None:
    """A cell for JSON: the number behind what is rounded, else its text."""
    if isinstance(cell, Rounded) and not cell.remark:
        return cell.value
    return str(cell) if isinstance(cell, str) else cell

r"""Tables for LaTeX: booktabs, values and errors aligned at their decimal points.

Numbers are padded by phantoms of the digits that others in their column have more, so that no package but
booktabs is needed. For names and labels see :mod:`.latex_text`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .cells import Cell, Measured, Named, Rounded, cell_text, is_number, one_line
from .latex_text import escaped, label
from .table import Table
from .text import numeric

__all__ = ["table", "tables"]

_POWER_OF_TEN = re.compile(r"([-+]?[\d.]+)e([-+]\d+)")
_PLAIN = re.compile(r"[-+]?\d+(\.\d+)?")


def _figure(text: str) -> str:
    """A number as a formula, without the ``$`` around it."""
    found = _POWER_OF_TEN.fullmatch(text)
    if found is not None:
        return rf"{found[1]}\times 10^{{{int(found[2])}}}"
    return text.replace("nan", r"\mathrm{nan}").replace("inf", r"\infty")


def _digits(text: str) -> tuple[int, int]:
    """Signs before the decimal point, and after it; -1 without one. (0, -1) of what is no plain number."""
    if not _PLAIN.fullmatch(text):
        return 0, -1
    whole, point, rest = text.partition(".")
    return len(whole), len(rest) if point else -1


def _most(texts: Sequence[str]) -> tuple[int, int]:
    found = [_digits(text) for text in texts]
    return max((whole for whole, _ in found), default=0), max((rest for _, rest in found), default=-1)


def _padded(text: str, whole: int = 0, rest: int = -1) -> str:
    """A number with phantoms of the digits that it lacks before and after its decimal point."""
    own_whole, own_rest = _digits(text)
    if not own_whole:
        return _figure(text)
    before = "0" * (whole - own_whole)
    # A number without a point lacks that, too.
    after = ("." if own_rest < 0 else "") + "0" * (rest - max(own_rest, 0)) if rest > own_rest else ""
    before, after = (rf"\phantom{{{digits}}}" if digits else "" for digits in (before, after))
    return f"{before}{text}{after}"


def _both_sides(up: str, down: str) -> str:
    return rf"{{}}^{{+{_figure(up)}}}_{{-{_figure(down)}}}"


def _over_both(entry: str) -> str:
    return rf"\multicolumn{{2}}{{l}}{{{entry}}}"


def _with_errors(cells: Sequence[Cell]) -> list[str]:
    """Two columns: values, and errors; what is no value over both."""
    plain = [c for c in cells if isinstance(c, Measured) and not c.rounding.power]
    _, decimals = _most([c.rounding.value for c in plain])
    whole, _ = _most([c.rounding.up for c in plain if c.down is None])
    shown = []
    for cell in cells:
        if not isinstance(cell, Measured):
            number = is_number(cell)
            shown.append(
                f"${_padded(cell_text(cell), rest=decimals)}$ & " if number else _over_both(_entry(cell))
            )
            continue
        value, up, down, power = cell.rounding
        if power:
            errors = rf" \pm {_figure(up)}" if cell.down is None else _both_sides(up, down)
            shown.append(_over_both(rf"$({_figure(value)}{errors})\times 10^{{{power}}}$"))
        else:
            errors = rf"{{}}\pm {_padded(up, whole)}" if cell.down is None else _both_sides(up, down)
            shown.append(f"${_padded(value, rest=decimals)}$ & ${errors}$")
    return shown


def _entry(cell: Cell) -> str:
    if isinstance(cell, Named):
        return label(cell.label, cell)
    if isinstance(cell, Rounded):
        remark = f" ({escaped(cell.remark)})" if cell.remark else ""
        return f"${_figure(cell.figure)}${remark}"
    text = cell_text(cell)
    return f"${_figure(text)}$" if is_number(cell) else escaped(text)


def _numbers(cells: Sequence[Cell]) -> list[str]:
    """A column of numbers, padded to one number of decimals."""
    texts = [cell_text(cell) for cell in cells]
    _, decimals = _most(texts)
    return [f"${_padded(text, rest=decimals)}$" if text else "" for text in texts]


def _column(cells: Sequence[Cell]) -> tuple[str, list[str]]:
    """The specification of a column, which may be two of LaTeX's, and its entries."""
    if any(isinstance(cell, Measured) for cell in cells):
        return "r@{}l", _with_errors(cells)
    return ("r", _numbers(cells)) if numeric(cells) else ("l", [_entry(cell) for cell in cells])


def _heading(name: str, specification: str) -> str:
    entry = label(name.label, name) if isinstance(name, Named) else escaped(name)
    if specification == "l":
        return entry
    return rf"\multicolumn{{{1 if specification == 'r' else 2}}}{{c}}{{{entry}}}"


def table(content: Table) -> str:
    r"""A tabular environment, title and note as comments before it.

    Examples
    --------
    >>> from smoothfit.render import Measured
    >>> rows = [["mu_t", Measured(1.023, 0.114)], ["norm", Measured(11.0, 1.2)]]
    >>> print(table(Table("Fit", ["parameter", "value"], rows)))
    % Fit
    \begin{tabular}{lr@{}l}
    \toprule
    parameter & \multicolumn{2}{c}{value} \\
    \midrule
    mu\_t & $1.02$ & ${}\pm 0.11$ \\
    norm & $11.0\phantom{0}$ & ${}\pm 1.2$ \\
    \bottomrule
    \end{tabular}
    """
    rows = list(content.rows)
    columns = [_column([row[i] for row in rows]) for i in range(len(content.columns))]
    specifications = [specification for specification, _ in columns]
    heading = map(_heading, content.columns, specifications)
    entries = zip(*(entries for _, entries in columns), strict=True)
    lines = [
        *(f"% {one_line(text)}" for text in (content.title, content.note) if text),
        rf"\begin{{tabular}}{{{''.join(specifications)}}}",
        r"\toprule",
        rf"{' & '.join(heading)} \\",
        r"\midrule",
        *(rf"{' & '.join(row)} \\" for row in entries),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def tables(contents: Iterable[Table]) -> str:
    """Tables one after the other, an empty line between them."""
    return "\n\n".join(table(content) for content in contents)

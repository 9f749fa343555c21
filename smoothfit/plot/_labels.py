"""What is written: labels in LaTeX where they can be set, else names."""

from __future__ import annotations

import re

from .._optional import require
from ..layout import Layout

__all__ = ["label_text", "parameter_text", "shortened"]

_LONGEST = 34
"""Names of more letters lose their middle."""


def shortened(name: str, longest: int = _LONGEST) -> str:
    """A name without its middle if it is longer.

    Examples
    --------
    >>> shortened("CMS_scale_j_absolute_2017_correlated", 20)
    'CMS_scale_j_…related'
    """
    if len(name) <= longest:
        return name
    tail = 2 * (longest - 1) // 5
    return f"{name[: longest - 1 - tail]}…{name[len(name) - tail :]}"


def _is_drawable(text: str) -> bool:
    parser = require("matplotlib.mathtext", feature="smoothfit.plot", extra="plot")
    try:
        parser.MathTextParser("agg").parse(text)
    except ValueError:
        return False
    return True


def label_text(label: str | None, name: str, *, longest: int = _LONGEST) -> str:
    r"""What to write for something: its label, in LaTeX where it has ``$`` or a command, or its name.

    A label that matplotlib cannot set is replaced by the name.

    Examples
    --------
    >>> label_text(r"\mu_{t}", "mu"), label_text(None, "cost_in_$")
    ('$\\mu_{t}$', 'cost_in_\\$')
    """
    plain = shortened(name, longest).replace("$", r"\$")
    if not label:
        return plain
    text = f"${label}$" if "$" not in label and re.search(r"\\[A-Za-z]|[_^]\{", label) else label
    return text if _is_drawable(text) else plain


def parameter_text(layout: Layout, name: str, *, with_unit: bool = True, longest: int = _LONGEST) -> str:
    """What to write for a parameter: the label of its variable, with its unit, or its name."""
    at = layout.positions(name)[0]
    owner = next((v for v in layout.variables if at in v.indices), None)
    if owner is None:
        return label_text(None, name, longest=longest)
    # A label names the variable: of an array it would name all components alike.
    text = label_text(owner.label if owner.is_scalar else None, name, longest=longest)
    return f"{text} [{label_text(owner.unit, owner.unit)}]" if owner.unit and with_unit else text

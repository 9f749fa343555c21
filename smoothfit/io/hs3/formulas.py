"""Factors of the library as formulas, in the language that HS3 files have for generic functions.

They are texts with ``@0`` for the parameter; :func:`with_names` puts names in. Limits are written with min
and max, so that a formula is one expression for all values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import NotExpressibleError

__all__ = ["affine_text", "combine_text", "numbered", "talk_text", "with_names"]

_ARGUMENT = re.compile(r"@(\d+)")
_TOKEN = re.compile(
    r"x\[(?P<element>\d+)\]|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z0-9_]+)*)(?P<call>\s*\()?"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def combine_text(log_down: float, log_up: float) -> str:
    """Combine's asymmetric log-normal factor (:func:`smoothfit.interpolation.log_combine`).

    Examples
    --------
    >>> from smoothfit.io.formula import Formula
    >>> import math
    >>> factor = Formula(combine_text(math.log(0.9), math.log(1.3)), ["theta"])
    >>> round(float(factor(0.5)), 4), round(float(factor(-0.5)), 4)
    (1.1402, 0.9487)
    """
    mean, half = 0.5 * (log_up - log_down), 0.5 * (log_up + log_down)
    t = "max(-1,min(1,2*@0))"
    return f"exp(@0*(({mean!r})+({half!r})*{t}*(15+{t}^2*(3*{t}^2-10))/8))"


def talk_text(down: float, up: float) -> str:
    """base(theta)^theta with a cubic base (:func:`smoothfit.interpolation.log_talk`).

    Examples
    --------
    >>> from smoothfit.io.formula import Formula
    >>> factor = Formula(talk_text(0.9, 1.3), ["theta"])
    >>> round(float(factor(0.5)), 4), round(float(factor(-2.0)), 4)
    (1.1272, 0.81)
    """
    inverse = 1.0 / down
    t = "max(-1,min(1,@0))"
    return f"({t}/4*(3-{t}^2)*({up - inverse!r})+({0.5 * (up + inverse)!r}))^@0"


def affine_text(offset: float, slope: float) -> str:
    """offset + slope theta.

    Examples
    --------
    >>> affine_text(1.0, 0.1)
    '(1.0)+(0.1)*@0'
    """
    return f"({offset!r})+({slope!r})*@0"


def numbered(text: str, names: Sequence[str]) -> str:
    """A formula with its arguments as ``@0``, ``@1`` ... only, and powers as ``^``.

    Examples
    --------
    >>> numbered("r*exp(-x[1])**2", ["r", "k"])
    '@0*exp(-@1)^2'
    """

    def argument(match: re.Match[str]) -> str:
        if match.group("element"):
            return f"@{match.group('element')}"
        known = match.group("name") in names and not match.group("call")
        return f"@{list(names).index(match.group('name'))}" if known else match.group()

    return _TOKEN.sub(argument, text).replace("**", "^")


def with_names(text: str, names: Sequence[str], what: str) -> str:
    """The text with names in place of numbered arguments.

    Raises
    ------
    NotExpressibleError
        For a name that is no name in a formula.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise NotExpressibleError(
                f"{what}: '{name}' is no name that a formula of HS3 can have (letters, digits and _); "
                "rename it."
            )
    return _ARGUMENT.sub(lambda match: names[int(match.group(1))], text)

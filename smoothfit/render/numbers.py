"""Numbers as text: a value is shown to the second significant digit of its error, no further."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Rounding", "asymmetric", "number", "rounded", "with_error"]

_MOST_DECIMALS = 7
_LARGEST = 1e7


class Rounding(NamedTuple):
    """A value and its errors, rounded alike: (value, up, down) times ten to the power."""

    value: str
    up: str
    down: str
    power: int


def number(value: float, *, digits: int = 6) -> str:
    """A number without an error, to so many significant digits.

    Examples
    --------
    >>> number(0.1 + 0.2), number(-0.0), number(float("nan"))
    ('0.3', '0', 'nan')
    """
    return _unsigned_zero(f"{value:.{digits}g}")


def rounded(value: float, up: float, down: float) -> Rounding:
    """A value and its errors to both sides, both given positive; rounded by the smaller one.

    What is not finite is shown as it is. Without an error that says how, nothing is rounded.

    Examples
    --------
    >>> rounded(3.1e9, 4.7e6, 4.7e6)
    Rounding(value='3.1000', up='0.0047', down='0.0047', power=9)
    """
    usable = [error for error in (up, down) if math.isfinite(error) and error > 0.0]
    if not usable or not math.isfinite(value):
        return Rounding(number(value), number(up), number(down), 0)
    power = _power(value, max(usable))
    decimals = _decimals(_scaled(min(usable), power))
    shown, above, below = (
        _to_decimals(_scaled(x, power), decimals) if math.isfinite(x) else number(x)
        for x in (value, up, down)
    )
    return Rounding(shown, above, below, power)


def with_error(value: float, error: float) -> str:
    """A value and its error, both rounded to two significant digits of the error.

    Examples
    --------
    >>> with_error(0.5, 0.4582)
    '0.50 ± 0.46'
    >>> with_error(12345.6, 234.5)
    '12350 ± 230'
    >>> with_error(3.1e9, 4.7e6)
    '(3.1000 ± 0.0047)e+09'
    """
    shown = rounded(value, error, error)
    return _with_power(f"{shown.value} ± {shown.up}", shown.power)


def asymmetric(value: float, up: float, down: float) -> str:
    """A value and its errors to both sides, both given positive; rounded by the smaller one.

    A side that is not finite is shown as it is.

    Examples
    --------
    >>> asymmetric(0.5, 0.4648, 0.4515)
    '0.50 +0.46 -0.45'
    >>> asymmetric(0.5, float("nan"), 0.4515)
    '0.50 +nan -0.45'
    """
    shown = rounded(value, up, down)
    return _with_power(f"{shown.value} +{shown.up} -{shown.down}", shown.power)


def _with_power(text: str, power: int) -> str:
    return f"({text})e{power:+03d}" if power else text


def _exponent(x: float) -> int:
    """The power of ten of a number after rounding to two digits, so that 0.0996 counts as 0.10."""
    return int(f"{x:.1e}".partition("e")[2])


def _power(value: float, error: float) -> int:
    """The power of ten to take out, 0 where plain digits are readable."""
    largest = max(abs(value), error)
    if largest >= _LARGEST or _decimals(error) > _MOST_DECIMALS:
        return _exponent(largest)
    return 0


def _scaled(x: float, shift: int) -> float:
    # In two steps: 10**shift alone leaves the range of floats for the smallest numbers.
    half = shift // 2
    return x / 10.0**half / 10.0 ** (shift - half)


def _decimals(error: float) -> int:
    return 1 - _exponent(error)


def _to_decimals(x: float, decimals: int) -> str:
    text = f"{x:.{decimals}f}" if decimals >= 0 else f"{round(x, decimals):.0f}"
    return _unsigned_zero(text)


def _unsigned_zero(text: str) -> str:
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text

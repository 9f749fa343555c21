"""Numbers as text: a value is shown to the second significant digit of its error, no further."""

from __future__ import annotations

import math

__all__ = ["asymmetric", "number", "with_error"]

_MOST_DECIMALS = 7
_LARGEST = 1e7


def number(value: float, *, digits: int = 6) -> str:
    """A number without an error, to so many significant digits.

    Examples
    --------
    >>> number(0.1 + 0.2), number(-0.0), number(float("nan"))
    ('0.3', '0', 'nan')
    """
    return _unsigned_zero(f"{value:.{digits}g}")


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
    if not (math.isfinite(error) and error > 0.0 and math.isfinite(value)):
        return f"{number(value)} ± {number(error)}"
    shift = _power(value, error)
    value, error = _scaled(value, shift), _scaled(error, shift)
    decimals = _decimals(error)
    text = f"{_rounded(value, decimals)} ± {_rounded(error, decimals)}"
    return f"({text})e{shift:+03d}" if shift else text


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
    usable = [error for error in (up, down) if math.isfinite(error) and error > 0.0]
    if not usable or not math.isfinite(value):
        return f"{number(value)} +{number(up)} -{number(down)}"
    shift = _power(value, max(usable))
    decimals = _decimals(_scaled(min(usable), shift))
    shown = [
        _rounded(_scaled(x, shift), decimals) if math.isfinite(x) else number(x) for x in (value, up, down)
    ]
    text = "{} +{} -{}".format(*shown)
    return f"({text})e{shift:+03d}" if shift else text


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


def _rounded(x: float, decimals: int) -> str:
    text = f"{x:.{decimals}f}" if decimals >= 0 else f"{round(x, decimals):.0f}"
    return _unsigned_zero(text)


def _unsigned_zero(text: str) -> str:
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text

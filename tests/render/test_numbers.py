"""Rounding by the error."""

from __future__ import annotations

import math

import pytest

from smoothfit.render import asymmetric, number, with_error


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (1.0, 0.1, "1.00 ± 0.10"),
        (1.23456, 0.0996, "1.23 ± 0.10"),
        (1.23456, 0.00994, "1.2346 ± 0.0099"),
        (1.2, 9.96, "1 ± 10"),
        (-0.001, 0.5, "0.00 ± 0.50"),
        (123456.0, 1234.0, "123500 ± 1200"),
        (99950.0, 120.0, "99950 ± 120"),
        (0.0, 1.0, "0.0 ± 1.0"),
        (5e-12, 1e-12, "(5.0 ± 1.0)e-12"),
        (-2.5e12, 3e10, "(-2.500 ± 0.030)e+12"),
        (1e-320, 1e-321, None),
        (1.0, 0.0, "1 ± 0"),
        (1.0, math.nan, "1 ± nan"),
        (math.nan, 0.1, "nan ± 0.1"),
        (1.0, math.inf, "1 ± inf"),
    ],
)
def test_with_error(value, error, shown):
    found = with_error(value, error)
    assert shown is None or found == shown


@pytest.mark.parametrize(
    ("value", "up", "down", "shown"),
    [
        (1.0, 0.25, 0.1, "1.00 +0.25 -0.10"),
        (1.0, 12.3, 0.1, "1.00 +12.30 -0.10"),
        (1.0, math.nan, math.nan, "1 +nan -nan"),
        (1e9, 2e6, 3e6, "(1.0000 +0.0020 -0.0030)e+09"),
    ],
)
def test_asymmetric(value, up, down, shown):
    assert asymmetric(value, up, down) == shown


@pytest.mark.parametrize(("x", "shown"), [(1e-7, "1e-07"), (123456789.0, "1.23457e+08"), (-0.0, "0")])
def test_number(x, shown):
    assert number(x) == shown

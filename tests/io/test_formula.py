"""Formulas of files: values against Python's own arithmetic, what is refused, and that nothing runs."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothfit.errors import FileFormatError
from smoothfit.io.formula import FUNCTIONS, Formula

A, B = 1.7, 0.4
VALUES = [
    ("@0*@1", A * B),
    ("a-b-1", A - B - 1),
    ("a/b/2", A / B / 2),
    ("-a^2", -(A**2)),
    ("2^3^2", 2.0**9),
    ("2**-1", 0.5),
    ("(-a)^3", (-A) ** 3),
    ("--a+!0", A + 1),
    ("a<b ? a : b*2", B * 2),
    ("a>b && b>a || a==a", 1.0),
    ("TMath::Exp(-x[0])+TMath::Pi()", math.exp(-A) + math.pi),
    ("pow(a, b)*sqrt(a)", A**B * math.sqrt(A)),
    ("max(a,b)-min(a,b)+abs(-a)", 2 * A - B),
    ("1e-3*a + .5", 1e-3 * A + 0.5),
    ("log(a)+log10(a)+ln(a)", 2 * math.log(A) + math.log10(A)),
    ("atan2(a,b)+hypot(a,b)", math.atan2(A, B) + math.hypot(A, B)),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values(text, value):
    assert float(Formula(text, ["a", "b"])(A, B)) == pytest.approx(value, rel=1e-15)


def test_it_is_differentiated_and_batched():
    formula = Formula("a^2*exp(b)", ["a", "b"])
    assert float(jax.grad(formula)(A, B)) == pytest.approx(2 * A * math.exp(B), rel=1e-14)
    assert jax.vmap(formula, (0, None))(np.array([1.0, -2.0]), 0.0).tolist() == [1.0, 4.0]
    assert Formula("b+1", ["a", "b"]).used == ("b",)


REFUSED = [
    ("", "is expected, got the end"),
    ("__import__('os').system('true')", "character 12"),
    ("a.__class__", "character 2"),
    ("a[0]", "character 2"),
    ("lambda: 1", "'lambda' is no argument"),
    ("exec(a)", "there is no function 'exec'"),
    ("c+1", "'c' is no argument; the arguments are: a, b"),
    ("@2", "there is no argument 2"),
    ("@99999999999999999999", "there is no argument"),
    ("a b", "is not expected after a whole expression"),
    ("(a", '")" is expected'),
    ("pow(a)", "takes 2 arguments, got 1"),
    ("1e999", "too large"),
    ("a=1", "character 2"),
    ("a;b", "character 2"),
    ("(" * 200 + "a" + ")" * 200, "nested deeper"),
    ("a^" * 200 + "a", "nested deeper"),
    ("a+" * 6000 + "a", "at most 10000"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_refused(text, message):
    with pytest.raises(FileFormatError, match="formula") as raised:
        Formula(text, ["a", "b"])
    assert message in str(raised.value)


def test_long_sums_and_huge_exponents_end():
    assert float(Formula("a" + "+1" * 4000, ["a"])(1.0)) == 4001.0
    assert float(Formula("-" * 4001 + "a", ["a"])(1.0)) == -1.0
    assert float(Formula("2^1000000000", [])()) == math.inf
    assert float(Formula("9^9^9^9^9", [])()) == math.inf


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="ab@01.e+-*/^()<>=!&|?:,[] x\\'\"_", max_size=40))
def test_any_text_is_a_formula_or_an_error_of_ours(text):
    try:
        formula = Formula(text, ["a", "b"])
    except FileFormatError:
        return
    assert np.shape(formula(A, B)) == ()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_can_be_called(name):
    n = FUNCTIONS[name][0]
    assert np.isfinite(float(Formula(f"{name}({','.join(['0.5'] * n)})", [])()))

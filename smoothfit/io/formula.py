"""Formulas of files, parsed by a grammar of our own: arithmetic of named arguments, and nothing else.

A formula is a tree of numbers, arguments and the functions of one table. There are no attributes, no
subscripts, no assignments and no names but these: what is not in the grammar is an error with its place. The
result is a function of JAX arrays, to be traced and differentiated like any other.

    expression   comparison, && and || of them, a ? b : c
    arithmetic   + - * / and ^ or ** (which bind from the right, and before a sign)
    arguments    @0, @1 ..., x[0], x[1] ..., or their names
    functions    those of :data:`FUNCTIONS`, also as TMath::Exp and the like
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._types import Array
from ..errors import FileFormatError

__all__ = ["FUNCTIONS", "Formula"]

_MAX_LENGTH = 10_000
_MAX_DEPTH = 40

Function = Callable[..., Any]


def _power(base: Any, exponent: Any) -> Any:
    # With a whole exponent, which a file writes as a number, a negative base has a power, and its derivative
    # is that of a product.
    if isinstance(exponent, float) and exponent == int(exponent) and abs(exponent) <= 64:
        return jnp.asarray(base) ** int(exponent)
    return jnp.power(base, exponent)


FUNCTIONS: Mapping[str, tuple[int, Function]] = {
    "exp": (1, jnp.exp),
    "log": (1, jnp.log),
    "ln": (1, jnp.log),
    "log10": (1, jnp.log10),
    "log2": (1, jnp.log2),
    "sqrt": (1, jnp.sqrt),
    "abs": (1, jnp.abs),
    "fabs": (1, jnp.abs),
    "sin": (1, jnp.sin),
    "cos": (1, jnp.cos),
    "tan": (1, jnp.tan),
    "asin": (1, jnp.arcsin),
    "acos": (1, jnp.arccos),
    "atan": (1, jnp.arctan),
    "sinh": (1, jnp.sinh),
    "cosh": (1, jnp.cosh),
    "tanh": (1, jnp.tanh),
    "erf": (1, jax.scipy.special.erf),
    "erfc": (1, jax.scipy.special.erfc),
    "floor": (1, jnp.floor),
    "ceil": (1, jnp.ceil),
    "sq": (1, lambda x: x * x),
    "pow": (2, _power),
    "power": (2, _power),
    "atan2": (2, jnp.arctan2),
    "min": (2, jnp.minimum),
    "max": (2, jnp.maximum),
    "hypot": (2, jnp.hypot),
    "ifelse": (3, lambda condition, a, b: jnp.where(condition != 0, a, b)),
}
"""Name in small letters: number of arguments, function."""

_CONSTANTS = {"pi": math.pi, "TMath::Pi": math.pi, "TMath::E": math.e}

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | @(?P<argument>\d+)
      | x\[(?P<element>\d+)\]
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*)
      | (?P<sign>\*\*|<=|>=|==|!=|&&|\|\||[-+*/^()<>!?:,])
    )""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class Formula:
    """A formula as a function of its arguments.

    Parameters
    ----------
    text
        The formula.
    names
        The arguments' names, in order.

    Raises
    ------
    FileFormatError
        For what is not in the grammar, unknown names, arguments that do not exist, and formulas that are
        longer than 10 000 characters or nested deeper than 40.

    Examples
    --------
    >>> ratio = Formula("@0*(1+0.1*eff)^2", ["norm", "eff"])
    >>> float(ratio(2.0, 1.0)), float(jax.grad(ratio, argnums=1)(2.0, 1.0))
    (2.4200000000000004, 0.44000000000000006)
    >>> Formula("__import__('os')", [])
    Traceback (most recent call last):
    smoothfit.errors.FileFormatError: formula "__import__('os')": character 12: "'" has no meaning here.
    """

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text, self.names = text, tuple(names)
        parser = _Parser(text, self.names)
        self._evaluate = parser.whole()
        self.used = tuple(name for i, name in enumerate(self.names) if i in parser.used)
        """The names that occur in it."""

    def __call__(self, *values: Any) -> Array:
        """The value; an array a name."""
        return jnp.asarray(self._evaluate(values), float)

    def __repr__(self) -> str:
        return f"Formula({self.text!r}, {list(self.names)})"


_Node = Callable[[Sequence[Any]], Any]


class _Parser:
    """By precedence climbing; each node is a function of the arguments' values."""

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        self._text, self._names = text, names
        if len(text) > _MAX_LENGTH:
            raise FileFormatError(
                f"formula of {len(text)} characters: at most {_MAX_LENGTH} are read; split it."
            )
        self._tokens = self._read_tokens()
        self._next, self._depth = 0, 0
        self.used: set[int] = set()

    def _fail(self, at: int, what: str) -> FileFormatError:
        shown = self._text if len(self._text) <= 80 else f"{self._text[:77]}..."
        return FileFormatError(f'formula "{shown}": character {at + 1}: {what}')

    def _read_tokens(self) -> list[_Token]:
        found, at = [], 0
        end = len(self._text.rstrip())
        while at < end:
            match = _TOKEN.match(self._text, at)
            if match is None or match.lastgroup is None:
                while self._text[at].isspace():
                    at += 1
                raise self._fail(at, f'"{self._text[at]}" has no meaning here.')
            kind = match.lastgroup
            found.append(_Token(kind, match.group(kind), match.start(kind)))
            at = match.end()
        return [*found, _Token("end", "", end)]

    def whole(self) -> _Node:
        node = self._choice()
        left = self._tokens[self._next]
        if left.kind != "end":
            raise self._fail(left.at, f'"{left.text}" is not expected after a whole expression.')
        return node

    def _take(self, *signs: str) -> str | None:
        token = self._tokens[self._next]
        if token.kind == "sign" and token.text in signs:
            self._next += 1
            return token.text
        return None

    def _require(self, sign: str) -> None:
        if self._take(sign) is None:
            token = self._tokens[self._next]
            raise self._fail(token.at, f'"{sign}" is expected, got {_shown(token)}.')

    def _choice(self) -> _Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._fail(self._tokens[self._next].at, f"nested deeper than {_MAX_DEPTH}.")
        condition = self._binary(0)
        if self._take("?"):
            first = self._choice()
            self._require(":")
            second = self._choice()
            condition = _called(lambda c, a, b: jnp.where(c != 0, a, b), condition, first, second)
        self._depth -= 1
        return condition

    def _binary(self, level: int) -> _Node:
        if level == len(_LEVELS):
            return self._signed()
        operators = _LEVELS[level]
        first, rest = self._binary(level + 1), []
        while (sign := self._take(*operators)) is not None:
            rest.append((operators[sign], self._binary(level + 1)))
        return _chained(first, rest) if rest else first

    def _signed(self) -> _Node:
        signs = []
        while (sign := self._take("-", "+", "!")) is not None:
            signs.append(sign)
        node = self._raised()
        changes = [_SIGNS[sign] for sign in reversed(signs) if sign != "+"]
        return _changed(node, changes) if changes else node

    def _raised(self) -> _Node:
        base = self._atom()
        if self._take("^", "**"):
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                raise self._fail(self._tokens[self._next].at, f"nested deeper than {_MAX_DEPTH}.")
            exponent = self._signed()
            self._depth -= 1
            return _called(_power, base, exponent)
        return base

    def _atom(self) -> _Node:
        token = self._tokens[self._next]
        self._next += 1
        if token.kind == "number":
            number = float(token.text)
            if not math.isfinite(number):
                raise self._fail(token.at, f"{token.text} is too large a number.")
            return lambda values: number
        if token.kind in ("argument", "element"):
            return self._argument(token, int(token.text[:9]))
        if token.kind == "name":
            return self._named(token)
        if token.kind == "sign" and token.text == "(":
            node = self._choice()
            self._require(")")
            return node
        raise self._fail(token.at, f"a number, an argument or a function is expected, got {_shown(token)}.")

    def _argument(self, token: _Token, index: int) -> _Node:
        if index >= len(self._names):
            raise self._fail(token.at, f"there is no argument {index}; there are {len(self._names)}.")
        self.used.add(index)
        return lambda values: values[index]

    def _named(self, token: _Token) -> _Node:
        if self._take("("):
            return self._function(token)
        if token.text in self._names:
            return self._argument(token, self._names.index(token.text))
        if token.text in _CONSTANTS:
            constant = _CONSTANTS[token.text]
            return lambda values: constant
        known = ", ".join(self._names[:8]) or "none"
        raise self._fail(token.at, f"'{token.text}' is no argument; the arguments are: {known}.")

    def _function(self, token: _Token) -> _Node:
        if token.text in _CONSTANTS:
            self._require(")")
            constant = _CONSTANTS[token.text]
            return lambda values: constant
        name = token.text.removeprefix("TMath::").removeprefix("std::").lower()
        if name not in FUNCTIONS:
            raise self._fail(
                token.at, f"there is no function '{token.text}'; there are: {', '.join(FUNCTIONS)}."
            )
        n, fn = FUNCTIONS[name]
        arguments = [self._choice()]
        while self._take(","):
            arguments.append(self._choice())
        self._require(")")
        if len(arguments) != n:
            raise self._fail(token.at, f"{token.text} takes {n} arguments, got {len(arguments)}.")
        return _called(fn, *arguments)


def _shown(token: _Token) -> str:
    return "the end" if token.kind == "end" else f'"{token.text}"'


def _flag(x: Any) -> Any:
    return jnp.where(x, 1.0, 0.0)


def _called(fn: Function, *nodes: _Node) -> _Node:
    return lambda values: fn(*(node(values) for node in nodes))


def _chained(first: _Node, rest: Sequence[tuple[Function, _Node]]) -> _Node:
    # A loop, as a long sum would nest too deeply for Python.
    def value(values: Sequence[Any]) -> Any:
        found = first(values)
        for operator, node in rest:
            found = operator(found, node(values))
        return found

    return value


def _changed(node: _Node, changes: Sequence[Function]) -> _Node:
    def value(values: Sequence[Any]) -> Any:
        found = node(values)
        for change in changes:
            found = change(found)
        return found

    return value


_SIGNS: Mapping[str, Function] = {"-": lambda x: -x, "!": lambda x: _flag(x == 0)}

_LEVELS: Sequence[Mapping[str, Function]] = (
    {"||": lambda a, b: _flag((a != 0) | (b != 0))},
    {"&&": lambda a, b: _flag((a != 0) & (b != 0))},
    {"==": lambda a, b: _flag(a == b), "!=": lambda a, b: _flag(a != b)},
    {
        "<": lambda a, b: _flag(a < b),
        ">": lambda a, b: _flag(a > b),
        "<=": lambda a, b: _flag(a <= b),
        ">=": lambda a, b: _flag(a >= b),
    },
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: jnp.divide(a, b)},
)
"""Operators, those that bind the least first."""

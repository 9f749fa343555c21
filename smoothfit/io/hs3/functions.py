"""Functions of an HS3 file: sums, products, formulas and interpolations become factors of processes.

A rate is a sum of products: each product is a process, its numbers the yield, its parameters and functions
what scales it. Formulas go through the grammar of :mod:`smoothfit.io.formula`; nothing is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import FileFormatError
from ..formula import Formula
from ..json_fields import count, describe, read_number
from .entries import Document, Entry, unsupported
from .formulas import combine_text
from .interpolations import of_code

__all__ = ["Factor", "Functions", "LogNormalFactor", "Term"]

_MAX_DEPTH = 40
_MAX_TEXT = 10_000
_MAX_TERMS = 100_000
_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*)(?P<call>\s*\()?"
    r"|(?P<other>.)",
    re.DOTALL,
)
_CONSTANTS = {"PI": "3.141592653589793", "EULER": "2.718281828459045", "TRUE": "1", "FALSE": "0"}


@dataclass(frozen=True)
class LogNormalFactor:
    """exp of an interpolation between the logarithms of two ratios: an ``add_lnN``."""

    parameter: str
    down: float
    up: float
    interpolation: str


Factor = str | Formula | LogNormalFactor
"""A parameter by its name, or a function of some."""


@dataclass(frozen=True)
class Term:
    """A number times factors."""

    name: str
    number: float = 1.0
    factors: tuple[Factor, ...] = ()


class Functions:
    """The functions of a file, looked up by name."""

    def __init__(self, document: Document, constants: Mapping[str, float]) -> None:
        self._document, self._constants = document, constants
        self._terms: dict[str, list[Term]] = {}
        self._open: list[str] = []
        self.looked_up: set[str] = set()
        """Parameters whose value was asked for, as a constant."""

    def terms(self, given: Any, where: str, depth: int = 0) -> list[Term]:
        """The sum of products that a number, or the name of a parameter or function, stands for.

        Raises
        ------
        FileFormatError
            For functions that are not known, refer to themselves, or are too long.
        """
        if depth > _MAX_DEPTH:
            raise FileFormatError(f"{where}: functions are nested deeper than {_MAX_DEPTH}, or in a circle.")
        if not isinstance(given, str):
            return [Term("number", read_number(where, given))]
        given = self._name(given)
        if not self._document.has("functions", given):
            return [Term(given, 1.0, (given,))]
        if given not in self._terms:
            entry = self._opened(given, where)
            self._terms[given] = self._function(entry, depth)
            self._open.pop()
        return self._terms[given]

    def _name(self, given: str) -> str:
        """The name of a function, which a file may call by its result, "name.value"."""
        name = given.removesuffix(".value")
        return name if self._document.has("functions", name) else given

    def _opened(self, name: str, where: str) -> Entry:
        """A function that is being looked into, which it must not be already."""
        if name in self._open:
            raise FileFormatError(f"{where}: the function '{name}' refers to itself.")
        self._open.append(name)
        return self._document.use("functions", name, where)

    def product(self, given: Any, where: str, depth: int = 0) -> Term:
        """One product; a sum in it is a function of its own."""
        terms = self.terms(given, where, depth)
        if len(terms) == 1:
            return terms[0]
        text, arguments = self._text(given, where, depth)
        return Term(str(given), 1.0, (_formula(text, arguments, where),))

    def constant(self, given: Any, where: str) -> float | None:
        """The value of a number, a constant parameter, or a function of such; None if it may vary."""
        total = 0.0
        for term in self.terms(given, where):
            value = term.number
            for factor in term.factors:
                known = self._constant_factor(factor)
                if known is None:
                    return None
                value *= known
            total += value
        return total

    def evaluated(self, term: Term) -> Term:
        """The same product, with the values of its constant parameters in its number."""
        number, factors = term.number, []
        for factor in term.factors:
            known = self._constant_factor(factor) if isinstance(factor, str) else None
            if known is None:
                factors.append(factor)
            else:
                number *= known
        return Term(term.name, number, tuple(factors))

    def _constant_factor(self, factor: Factor) -> float | None:
        if isinstance(factor, str):
            self.looked_up.add(factor)
            return self._constants.get(factor)
        if isinstance(factor, Formula) and all(name in self._constants for name in factor.used):
            return float(factor(*(self._constants.get(name, 0.0) for name in factor.names)))
        return None

    # -- kinds of function -----------------------------------------------------------------------

    def _function(self, entry: Entry, depth: int) -> list[Term]:
        """Its terms, by its type."""
        kind, name = entry.text("type"), entry.text("name")
        if kind == "sum":
            terms = [
                term for path, item in entry.items("summands") for term in self.terms(item, path, depth + 1)
            ]
            if len(terms) > _MAX_TERMS:
                raise FileFormatError(f"{entry.path}: a sum of {count(len(terms), 'term')} is too long.")
            return terms
        if kind == "product":
            factors = [self.product(item, path, depth + 1) for path, item in entry.items("factors")]
            product = _multiplied(name, factors)
            if len(product.factors) > _MAX_TERMS:
                raise FileFormatError(
                    f"{entry.path}: a product of {len(product.factors)} factors is too long."
                )
            return [product]
        if kind in ("generic_function", "generic"):
            arguments: list[str] = []
            text = self._substituted(entry.text("expression"), entry.at("expression"), arguments, depth)
            return [Term(name, 1.0, (_formula(text, arguments, entry.at("expression")),))]
        if kind == "interpolation0d":
            return [self._interpolation(entry)]
        if kind == "CMS::process_normalization":
            return [self._process_normalization(entry, depth)]
        raise unsupported(entry.path, f"the function '{name}' is of type '{kind}'.")

    def _interpolation(self, entry: Entry) -> Term:
        """ROOT's FlexibleInterpVar: a number, and for each parameter a factor or a summand."""
        name, nominal = entry.text("name"), entry.number("nom")
        names = entry.texts("vars")
        high, low = (entry.numbers(key, size=len(names)) if names else () for key in ("high", "low"))
        codes = entry.get("interpolationCodes", [4] * len(names))
        if not isinstance(codes, list) or len(codes) != len(names):
            raise FileFormatError(
                f"{entry.at('interpolationCodes')}: a list of one code a variable is expected."
            )
        factors: list[Factor] = []
        for parameter, up, down, code in zip(names, high, low, codes, strict=True):
            form = of_code(code) if isinstance(code, int) and not isinstance(code, bool) else None
            if form is None or nominal <= 0.0 or min(up, down) <= 0.0:
                raise unsupported(
                    entry.path,
                    f"code {describe(code)} of '{parameter}', nominal {nominal:g}, sides {down:g} and "
                    f"{up:g}; supported are 1, 4 and 5 with positive numbers.",
                )
            factors.append(LogNormalFactor(parameter, float(down / nominal), float(up / nominal), form))
        return Term(name, nominal, tuple(factors))

    def _process_normalization(self, entry: Entry, depth: int) -> Term:
        """CMS: a number, log-normal factors with one or two kappas, and other factors."""
        name, number = entry.text("name"), entry.number("nominalValue")
        entry.get("expression")
        factors: list[Factor] = []
        thetas = entry.texts("thetaList")
        kappas = entry.items("logKappa")
        if len(kappas) != len(thetas):
            raise FileFormatError(f"{entry.at('logKappa')}: one number a parameter is expected.")
        for theta, (path, kappa) in zip(thetas, kappas, strict=True):
            factors.append(Formula(f"exp(@0*({read_number(path, kappa)!r}))", [theta]))
        thetas = entry.texts("asymmThetaList")
        pairs = entry.items("logAsymmKappa")
        if len(pairs) != len(thetas):
            raise FileFormatError(f"{entry.at('logAsymmKappa')}: one pair a parameter is expected.")
        for theta, (path, pair) in zip(thetas, pairs, strict=True):
            if not isinstance(pair, list) or len(pair) != 2:
                raise FileFormatError(f"{path}: a pair of logarithms is expected, got {describe(pair)}.")
            low, high = (read_number(path, side) for side in pair)
            factors.append(Formula(combine_text(low, high), [theta]))
        others = [self.product(item, path, depth + 1) for path, item in entry.items("otherFactorList")]
        return _multiplied(name, [Term(name, number, tuple(factors)), *others])

    # -- functions as text -----------------------------------------------------------------------

    def _text(self, given: Any, where: str, depth: int) -> tuple[str, list[str]]:
        """A formula of numbered arguments, with the functions in it written out."""
        arguments: list[str] = []
        text = self._written(given, where, arguments, depth)
        return text, arguments

    def _written(self, given: Any, where: str, arguments: list[str], depth: int) -> str:
        if depth > _MAX_DEPTH:
            raise FileFormatError(f"{where}: functions are nested deeper than {_MAX_DEPTH}, or in a circle.")
        if not isinstance(given, str):
            return f"({read_number(where, given)!r})"
        given = self._name(given)
        if not self._document.has("functions", given):
            if given not in arguments:
                arguments.append(given)
            return f"@{arguments.index(given)}"
        entry = self._opened(given, where)
        kind = entry.text("type")
        if kind in ("sum", "product"):
            key, sign = ("summands", "+") if kind == "sum" else ("factors", "*")
            parts = [self._written(item, path, arguments, depth + 1) for path, item in entry.items(key)]
            text = sign.join(parts) or ("0" if kind == "sum" else "1")
        elif kind in ("generic_function", "generic"):
            text = self._substituted(entry.text("expression"), entry.at("expression"), arguments, depth)
        else:
            raise unsupported(entry.path, f"the function '{given}' of type '{kind}' inside another one.")
        self._open.pop()
        if len(text) > _MAX_TEXT:
            raise FileFormatError(f"{entry.path}: the function '{given}', written out, is too long.")
        return f"({text})"

    def _substituted(self, expression: str, where: str, arguments: list[str], depth: int) -> str:
        if len(expression) > _MAX_TEXT:
            raise FileFormatError(
                f"{where}: a formula of {len(expression)} characters is too long; split it."
            )
        if "@" in expression:
            raise FileFormatError(f"{where}: '@' has no meaning in a formula of HS3; use names.")
        parts: list[str] = []
        length = 0
        for match in _TOKEN.finditer(expression.replace("!==", "!=").replace("===", "==")):
            name = match.group("name")
            if name is None or match.group("call"):
                part = match.group()
            elif name in _CONSTANTS and not self._document.has("functions", name):
                part = _CONSTANTS[name]
            else:
                part = self._written(name, where, arguments, depth + 1)
            length += len(part)
            if length > _MAX_TEXT:
                raise FileFormatError(f"{where}: the formula, written out, is too long; split it.")
            parts.append(part)
        return "".join(parts)


def _formula(text: str, arguments: Sequence[str], where: str) -> Formula:
    try:
        return Formula(text, arguments)
    except FileFormatError as error:
        raise FileFormatError(f"{where}: {error}") from error


def _multiplied(name: str, terms: Sequence[Term]) -> Term:
    number = 1.0
    for term in terms:
        number *= term.number
    return Term(name, number, tuple(factor for term in terms for factor in term.factors))

"""Distributions of an HS3 file that constrain parameters: what they say of which, in numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import FileFormatError
from ..formula import Formula
from ..json_fields import describe, read_list, read_number
from .entries import Document, Entry, unsupported
from .functions import Functions
from .parameters import Claim, Parameters

__all__ = ["SUPPORTED", "Constraints", "Correlated", "as_rate", "check_kind"]

SUPPORTED = (
    "gaussian_dist",
    "normal_dist",
    "poisson_dist",
    "lognormal_dist",
    "uniform_dist",
    "multivariate_normal_dist",
)
"""Types of distributions that can constrain."""

_WIDEST = 100.0
_LOGARITHMS = ("log(@0)", "ln(@0)")


@dataclass(frozen=True)
class Correlated:
    """Parameters whose constraints are correlated, (parameter, parameter)."""

    names: tuple[str, ...]
    matrix: FloatArray


def as_rate(functions: Functions, given: Any, where: str) -> tuple[float, str] | None:
    """(tau, parameter) of an expectation tau times a parameter; None for any other."""
    terms = functions.terms(given, where)
    if len(terms) != 1:
        return None
    number, names = terms[0].number, []
    for factor in terms[0].factors:
        known = functions.constant(factor, where) if isinstance(factor, str) else None
        if known is not None and len(terms[0].factors) > 1:
            number *= known
        else:
            names.append(factor)
    return (number, names[0]) if len(names) == 1 and isinstance(names[0], str) else None


def check_kind(entry: Entry) -> None:
    """Refuse distributions that are neither channels nor constraints.

    Raises
    ------
    FileFormatError
        "unsupported: ...", with the path.
    """
    kind = entry.text("type")
    if kind not in SUPPORTED:
        raise unsupported(
            entry.path,
            f"'{entry.text('name')}' of type '{kind}'; supported are histfactory_dist, product_dist, "
            f"mixture_dist of histograms, {', '.join(SUPPORTED)}.",
        )


class Constraints:
    """Distributions become claims on parameters; a distribution is one constraint wherever it is named."""

    def __init__(
        self, document: Document, functions: Functions, parameters: Parameters, used: set[str]
    ) -> None:
        self._document, self._functions = document, functions
        self._parameters, self._used = parameters, used
        self._done: set[str] = set()
        self.correlated: list[Correlated] = []

    def add(self, entry: Entry, observed: Mapping[str, float]) -> None:
        """Claim what a distribution constrains; ``observed`` are values of its observables.

        Raises
        ------
        FileFormatError
            For distributions that constrain nothing that is known, or in a way that is not supported.
        """
        name = entry.text("name")
        if name in self._done:
            return
        self._done.add(name)
        check_kind(entry)
        kind = entry.text("type")
        if kind == "multivariate_normal_dist":
            self._add_multivariate(entry, name, observed)
            return
        readers = {
            "gaussian_dist": self._gaussian,
            "normal_dist": self._gaussian,
            "poisson_dist": self._poisson,
            "lognormal_dist": self._lognormal,
            "uniform_dist": self._uniform,
        }
        parameter, claim = readers[kind](entry, observed)
        if parameter in self._used:
            self._parameters.claim(parameter, name, claim)
        else:
            self._document.note(entry.path, f"'{name}'", f"no expectation depends on '{parameter}'")

    # -- kinds -----------------------------------------------------------------------------------

    def _gaussian(self, entry: Entry, observed: Mapping[str, float]) -> tuple[str, Claim]:
        parameter, value = self._sides(entry, ("mean", "x"), observed)
        width = self._constant(entry, "sigma")
        if width <= 0.0:
            raise FileFormatError(f"{entry.at('sigma')} is {width:g}; give a positive width.")
        return parameter, Claim("gaussian", width, value, entry.path)

    def _poisson(self, entry: Entry, observed: Mapping[str, float]) -> tuple[str, Claim]:
        entry.get("integer")
        value = self._value(entry.require("x"), entry.at("x"), observed)
        rate = as_rate(self._functions, entry.require("mean"), entry.at("mean"))
        if value is None or rate is None:
            raise unsupported(
                entry.path,
                f"the Poisson constraint '{entry.text('name')}': its x must be observed, its mean a "
                "parameter, or that times a number.",
            )
        if rate[0] <= 0.0 or value < 0.0:
            raise FileFormatError(
                f"{entry.path}: a Poisson constraint of tau {rate[0]:g} and count {value:g}; tau must be "
                "positive, the count not negative."
            )
        return rate[1], Claim("poisson", rate[0], value, entry.path)

    def _lognormal(self, entry: Entry, observed: Mapping[str, float]) -> tuple[str, Claim]:
        """x observed, mu the logarithm of a parameter."""
        value = self._value(entry.require("x"), entry.at("x"), observed)
        sigma = self._constant(entry, "sigma")
        term = self._functions.product(entry.require("mu"), entry.at("mu"))
        factor = term.factors[0] if len(term.factors) == 1 and term.number == 1.0 else None
        logarithm = isinstance(factor, Formula) and factor.text.strip("() ") + ")" in _LOGARITHMS
        if value is None or value <= 0.0 or not 0.0 < sigma < _WIDEST or not logarithm:
            raise unsupported(
                entry.path,
                f"the log-normal constraint '{entry.text('name')}': its x must be observed and positive, its "
                "mu a function log(parameter), its sigma positive and below "
                f"{_WIDEST:g}.",
            )
        assert isinstance(factor, Formula)
        return factor.names[0], Claim("lognormal", math.exp(sigma), value, entry.path)

    def _uniform(self, entry: Entry, observed: Mapping[str, float]) -> tuple[str, Claim]:
        name = entry.text("x")
        low, high = self._parameters.ranges.get(name, (None, None))
        if low is None or high is None or low >= high:
            raise FileFormatError(f"{entry.path}: '{name}' has no range in a domain; add one, min below max.")
        return name, Claim("uniform", low, high, entry.path)

    def _add_multivariate(self, entry: Entry, name: str, observed: Mapping[str, float]) -> None:
        pairs = [
            self._of_two(x, mean, path, observed)
            for (path, x), (_, mean) in zip(entry.items("x"), entry.items("mean"), strict=False)
        ]
        rows = entry.items("covariances")
        size = len(pairs)
        if not size or len(entry.items("x")) != len(entry.items("mean")) or len(rows) != size:
            raise FileFormatError(
                f"{entry.path}: x, mean and covariances need as many entries, at least one."
            )
        numbers = [[read_number(path, entry) for entry in read_list(path, row)] for path, row in rows]
        matrix = np.array(numbers) if all(len(row) == size for row in numbers) else np.zeros((1, 1))
        if np.any(np.diag(matrix) <= 0.0) or np.any(matrix != matrix.T):
            raise FileFormatError(
                f"{entry.at('covariances')}: a symmetric matrix of {size} rows, positive on its diagonal, is "
                "expected."
            )
        widths = np.sqrt(np.diag(matrix))
        kept = [k for k, (parameter, _) in enumerate(pairs) if parameter in self._used]
        for k in kept:
            parameter, value = pairs[k]
            self._parameters.claim(parameter, name, Claim("gaussian", float(widths[k]), value, entry.path))
        names = tuple(pairs[k][0] for k in kept)
        if len(names) < size:
            self._document.note(entry.path, f"'{name}'", "no expectation depends on some of its parameters")
        if len(names) > 1:
            rho = (matrix / np.outer(widths, widths))[np.ix_(kept, kept)]
            np.fill_diagonal(rho, 1.0)
            self.correlated.append(Correlated(names, rho))

    # -- sides of a density ----------------------------------------------------------------------

    def _sides(self, entry: Entry, keys: tuple[str, str], observed: Mapping[str, float]) -> tuple[str, float]:
        """Of two keys, one is the parameter and the other its observed value."""
        first, second = (entry.require(key) for key in keys)
        return self._of_two(first, second, entry.path, observed)

    def _of_two(self, a: Any, b: Any, where: str, observed: Mapping[str, float]) -> tuple[str, float]:
        for wanted in (self._used, None):
            for one, other in ((a, b), (b, a)):
                parameter = self._parameter(one, where, observed)
                value = self._value(other, where, observed)
                if parameter is None or value is None or (wanted is not None and parameter not in wanted):
                    continue
                if wanted is None or other != parameter:
                    return parameter, value
        raise unsupported(
            where,
            f"a constraint of {describe(a)} by {describe(b)}: one must be a parameter, the other a value.",
        )

    def _parameter(self, given: Any, where: str, observed: Mapping[str, float]) -> str | None:
        if not isinstance(given, str) or given in observed:
            return None
        terms = self._functions.terms(given, where)
        if len(terms) != 1 or terms[0].number != 1.0 or len(terms[0].factors) != 1:
            return None
        factor = terms[0].factors[0]
        return factor if isinstance(factor, str) else None

    def _value(self, given: Any, where: str, observed: Mapping[str, float]) -> float | None:
        if isinstance(given, str) and given in observed:
            return observed[given]
        known = self._functions.constant(given, where)
        if known is None and isinstance(given, str) and given not in self._used:
            # What no expectation depends on is an observed value, also where the file does not hold it.
            return self._parameters.values.get(given)
        return known

    def _constant(self, entry: Entry, key: str) -> float:
        value = self._functions.constant(entry.require(key), entry.at(key))
        if value is None:
            raise unsupported(entry.at(key), f"{describe(entry.get(key))} varies; a constant is expected.")
        return value

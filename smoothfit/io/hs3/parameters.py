"""Parameters of an HS3 file: where they start, between what, whether they are held, and what constrains them.

Values come from a parameter point, ranges from domains. A constraint is claimed by a modifier or by a
distribution of the likelihood; several claims by one distribution are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...build import Variable
from ...constraints import Constraint, Gaussian, LogNormal, Poisson, Uniform
from ...errors import FileFormatError
from .entries import Document, unsupported

__all__ = ["Claim", "Parameters"]

IMPLICIT = "implicit"
"""The claim of a modifier that says nothing of its constraint."""


@dataclass(frozen=True)
class Claim:
    """A constraint on one parameter, in numbers: those of :mod:`smoothfit.constraints`."""

    kind: str
    first: float
    """The width of "gaussian", tau of "poisson", kappa of "lognormal", the lower end of "uniform"."""
    second: float
    """The observed value; the upper end of "uniform"."""
    where: str


class Parameters:
    """Values, ranges and constraints by name."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.values: dict[str, float] = {}
        self.held: dict[str, bool] = {}
        self.ranges: dict[str, tuple[float | None, float | None]] = {}
        self._claims: dict[str, dict[str, Claim]] = {}
        self._defaults: dict[str, float] = {}

    @property
    def constants(self) -> dict[str, float]:
        """Values of what is held constant."""
        return {name: self.values[name] for name, held in self.held.items() if held}

    def read_point(self, name: str, by: str) -> None:
        """Take values, and what is constant, from a parameter point; what is known already stays."""
        for entry in self._document.use("parameter_points", name, by).entries("parameters"):
            parameter = entry.text("name")
            if parameter in self.values:
                raise FileFormatError(f"{entry.path}: '{parameter}' has a value already; give one.")
            self.values[parameter] = entry.number("value")
            self.held[parameter] = entry.flag("const")

    def read_domain(self, name: str, by: str) -> None:
        """Take ranges from a domain; those that are known already stay."""
        domain = self._document.use("domains", name, by)
        if domain.text("type") != "product_domain":
            raise unsupported(domain.path, f"the domain '{name}' is of type '{domain.text('type')}'.")
        for axis in domain.entries("axes"):
            low, high = (None if axis.get(key) is None else axis.number(key) for key in ("min", "max"))
            if low is not None and high is not None and low > high:
                raise FileFormatError(f"{axis.path}: min {low:g} is above max {high:g}; swap them.")
            self.ranges.setdefault(axis.text("name"), (low, high))

    def claim(self, name: str, key: str, claim: Claim) -> None:
        """Constrain a parameter; ``key`` is the same for what is one constraint.

        Raises
        ------
        FileFormatError
            For a second, other constraint.
        """
        known = self._claims.setdefault(name, {})
        if key == IMPLICIT and known:
            return
        known.pop(IMPLICIT, None)
        for other, there in known.items():
            if other != key:
                raise unsupported(
                    claim.where,
                    f"a second constraint on '{name}', which {there.where} constrains already; keep one.",
                )
            if (there.kind, there.first, there.second) != (claim.kind, claim.first, claim.second):
                raise FileFormatError(
                    f"{claim.where}: the constraint on '{name}' differs from that of {there.where}."
                )
        known[key] = claim

    def claimed(self, name: str) -> Claim | None:
        """The constraint on a parameter."""
        return next(iter(self._claims.get(name, {}).values()), None)

    def start(self, name: str, default: float) -> None:
        """The value of a parameter that no parameter point has."""
        self._defaults.setdefault(name, default)

    def hold(self, name: str) -> None:
        """Hold a parameter where it is."""
        self.held[name] = True

    # -- variables -------------------------------------------------------------------------------

    def variable(self, name: str) -> Variable:
        """The variable of one parameter."""
        value = self._value(name)
        claim = self.claimed(name)
        low, high = self._range(name)
        return Variable(
            name,
            value,
            lower_bound=low,
            upper_bound=high,
            constraint=None if claim is None else _constraint([claim]),
            fixed=self.held.get(name, False),
        )

    def array(self, name: str, components: Sequence[str]) -> Variable | None:
        """One variable of several parameters; None where their constraints are of different kinds."""
        claims = [self.claimed(component) for component in components]
        kinds = {claim.kind if claim is not None else "" for claim in claims}
        if len(kinds) > 1 or kinds & {"lognormal", "uniform"}:
            return None
        present = [claim for claim in claims if claim is not None]
        ends = [self._range(component) for component in components]
        return Variable(
            name,
            [self._value(component) for component in components],
            lower_bound=[low for low, _ in ends],
            upper_bound=[high for _, high in ends],
            sub_names=list(components),
            constraint=_constraint(present) if present else None,
            fixed=np.array([self.held.get(component, False) for component in components]),
        )

    def _value(self, name: str) -> float:
        if name in self.values:
            return self.values[name]
        if name in self._defaults:
            low, high = self._range(name)
            value = self._defaults[name]
            value = value if low is None else max(value, low)
            return value if high is None else min(value, high)
        raise FileFormatError(
            f"/parameter_points: '{name}' has no value in the point that is read; add "
            f"{{'name': '{name}', 'value': ...}}."
        )

    def _range(self, name: str) -> tuple[float | None, float | None]:
        """What is held may be outside."""
        low, high = self.ranges.get(name, (None, None))
        value = self.values.get(name, self._defaults.get(name))
        if self.held.get(name, False) and value is not None:
            outside = (low is not None and value < low) or (high is not None and value > high)
            return (None, None) if outside else (low, high)
        return low, high


def _constraint(claims: Sequence[Claim]) -> Constraint:
    first, second = (np.array([getattr(claim, key) for claim in claims]) for key in ("first", "second"))
    if len(claims) == 1:
        first, second = first[0], second[0]
    kind = claims[0].kind
    if kind == "gaussian":
        return Gaussian(mean=second, width=first)
    if kind == "poisson":
        return Poisson(tau=first, count=second)
    if kind == "lognormal":
        return LogNormal(kappa=first, mean=second)
    return Uniform(first, second)

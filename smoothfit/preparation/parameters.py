"""Pass 2: which variables are in use, and where their components stand.

Free variables come first, then constrained ones, each in the order in which they are met.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..build import Variable
from ..build.declarations import variables_of
from ..constraints import Gaussian, NoConstraint, Poisson, Prefit
from ..errors import DuplicateNameError, UnknownNameError
from ..likelihood.constraint_terms import TERMS
from .collection import Structure
from .correlations import combine
from .specification import Correlation, Specification

__all__ = ["Parameters", "gather"]


@dataclass(frozen=True, eq=False)
class Parameters:
    """The vector of values: (param,) arrays, and where each variable stands."""

    variables: tuple[Variable, ...]
    indices: dict[int, IntArray]
    """id of a Variable -> its positions."""
    start: FloatArray
    lower: FloatArray
    upper: FloatArray
    constant: BoolArray
    gaussian: BoolArray
    poisson: BoolArray
    width: FloatArray
    tau: FloatArray
    further: dict[str, tuple[IntArray, tuple[FloatArray, ...]]]
    """other kind of constraint -> its parameters and their numbers, (member,) each."""
    globs: FloatArray
    """(param,): default global observables, NaN where there is none."""
    smallest_globs: FloatArray
    prefit: Prefit
    """Arrays (param,), NaN for free parameters and for users' densities."""
    correlated: IntArray
    correlation: FloatArray | None

    def of(self, variable: Variable) -> IntArray:
        """Positions of a variable's components."""
        return self.indices[id(variable)]

    @property
    def n(self) -> int:
        """The number of parameters."""
        return len(self.start)


def _in_use(specification: Specification, structure: Structure) -> list[Variable]:
    seen: dict[int, Variable] = {}
    for contribution in structure.contributions:
        for effect in contribution.effects:
            for variable in variables_of(effect):
                seen.setdefault(id(variable), variable)
    for variable in specification.brought():
        seen.setdefault(id(variable), variable)
    return list(seen.values())


def _check_names(variables: list[Variable]) -> None:
    names: dict[str, Variable] = {}
    for variable in variables:
        for name in {variable.name, *variable.sub_names}:
            if name in names and names[name] is not variable:
                raise DuplicateNameError(
                    f"Variable '{variable.name}': another Variable uses the name '{name}' too; use one "
                    "Variable object where one parameter is meant, and different names where two are."
                )
            names[name] = variable


def gather(specification: Specification, structure: Structure) -> Parameters:
    """Number the parameters and collect what is known about each.

    Raises
    ------
    DuplicateNameError
        Two variables of one name.
    UnknownNameError
        A variable in a correlation or a user term that no process and no likelihood depends on.
    """
    found = _in_use(specification, structure)
    _check_names(found)
    ordered = [v for v in found if not v.nuisance] + [v for v in found if v.nuisance]
    indices, first = {}, 0
    for variable in ordered:
        indices[id(variable)] = np.arange(first, first + variable.size)
        first += variable.size
    for term in specification.terms:
        for variable in term.variables or ():
            _require(variable, indices, "add_constraint")
    for pair in specification.correlations:
        for variable in pair.variables:
            _require(variable, indices, "correlate_nuisances")

    def stacked(of: list[np.ndarray], dtype: type = float) -> np.ndarray:
        return np.concatenate([np.zeros(0), *of]).astype(dtype)

    constraints = [(v, v.constraint or NoConstraint()) for v in ordered]
    by_kind: dict[str, list[tuple[IntArray, tuple[FloatArray, ...]]]] = {}
    for variable, constraint in constraints:
        by_kind.setdefault(constraint.kind, []).append((indices[id(variable)], constraint.numbers))
    members = {kind: stacked([at for at, _ in of], int) for kind, of in by_kind.items()}
    numbers = {
        kind: tuple(stacked(list(column)) for column in zip(*(numbers for _, numbers in of), strict=True))
        for kind, of in by_kind.items()
    }
    gaussian, poisson = np.zeros(first, dtype=bool), np.zeros(first, dtype=bool)
    width, tau = np.ones(first), np.ones(first)
    if Gaussian.kind in members:
        gaussian[members[Gaussian.kind]] = True
        width[members[Gaussian.kind]] = numbers[Gaussian.kind][0]
    if Poisson.kind in members:
        poisson[members[Poisson.kind]] = True
        tau[members[Poisson.kind]] = numbers[Poisson.kind][0]
    correlated, correlation = _correlations(specification.correlations, indices)
    gaussian[correlated] = False

    def prefit(which: int) -> FloatArray:
        return stacked([np.broadcast_to(c.prefit()[which], (v.size,)) for v, c in constraints])

    return Parameters(
        variables=tuple(ordered),
        indices=indices,
        start=stacked([v.value for v in ordered]),
        lower=stacked([v.lower for v in ordered]),
        upper=stacked([v.upper for v in ordered]),
        constant=stacked([v.fixed for v in ordered], bool),
        gaussian=gaussian,
        poisson=poisson,
        width=width,
        tau=tau,
        further={kind: (members[kind], numbers[kind]) for kind in sorted(members) if kind in TERMS},
        globs=stacked([v.glob for v in ordered]),
        smallest_globs=stacked([np.full(v.size, c.smallest_glob) for v, c in constraints]),
        prefit=Prefit(prefit(0), prefit(1), prefit(2)),
        correlated=correlated,
        correlation=correlation,
    )


def _require(variable: Variable, indices: dict[int, IntArray], call: str) -> None:
    if id(variable) not in indices:
        raise UnknownNameError(
            f"{call}: Variable '{variable.name}' is used but nowhere declared: no process or likelihood of "
            "this model depends on it. Scale a process by it, or check that it is the same Variable object."
        )


def _correlations(
    found: list[Correlation], indices: dict[int, IntArray]
) -> tuple[IntArray, FloatArray | None]:
    if not found:
        return np.zeros(0, dtype=int), None
    variables, matrix = combine(found)
    members = np.concatenate([indices[id(v)] for v in variables])
    order = np.argsort(members)
    return members[order], matrix[np.ix_(order, order)]

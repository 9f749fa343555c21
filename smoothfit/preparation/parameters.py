"""Pass 2: which variables are in use, and where their components stand.

Free variables come first, then constrained ones, each in the order in which they are met.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..build import Variable
from ..build.declarations import variables_of
from ..constraints import Gaussian, Poisson
from ..errors import DuplicateNameError, InvalidTypeError, InvalidValueError, UnknownNameError
from .collection import Structure
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
    globs: FloatArray
    """(param,): default global observables, NaN where unconstrained."""
    correlated: IntArray
    correlation: FloatArray | None

    def of(self, variable: Variable) -> IntArray:
        """Positions of a variable's components."""
        return self.indices[id(variable)]

    @property
    def n(self) -> int:
        """The number of parameters."""
        return len(self.start)


def _in_use(structure: Structure) -> list[Variable]:
    seen: dict[int, Variable] = {}
    for contribution in structure.contributions:
        for effect in contribution.effects:
            for variable in variables_of(effect):
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
        A variable in a correlation or a user term that scales no process.
    InvalidValueError
        A set of correlations that is not positive definite.
    """
    found = _in_use(structure)
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

    kinds = [v.constraint for v in ordered]
    for variable, kind in zip(ordered, kinds, strict=True):
        if kind is not None and not isinstance(kind, Gaussian | Poisson):
            raise InvalidTypeError(
                f"Variable '{variable.name}': a constraint of kind {type(kind).__name__} cannot be used; "
                "use Gaussian or Poisson."
            )
    width = stacked(
        [
            np.broadcast_to(k.width if isinstance(k, Gaussian) else 1.0, (v.size,))
            for v, k in zip(ordered, kinds, strict=True)
        ]
    )
    tau = stacked(
        [
            np.broadcast_to(k.tau if isinstance(k, Poisson) else 1.0, (v.size,))
            for v, k in zip(ordered, kinds, strict=True)
        ]
    )
    correlated, correlation = _correlations(specification.correlations, indices)
    gaussian = stacked(
        [np.full(v.size, isinstance(k, Gaussian)) for v, k in zip(ordered, kinds, strict=True)], bool
    )
    gaussian[correlated] = False
    return Parameters(
        variables=tuple(ordered),
        indices=indices,
        start=stacked([v.value for v in ordered]),
        lower=stacked([v.lower for v in ordered]),
        upper=stacked([v.upper for v in ordered]),
        constant=stacked([v.fixed for v in ordered], bool),
        gaussian=gaussian,
        poisson=stacked(
            [np.full(v.size, isinstance(k, Poisson)) for v, k in zip(ordered, kinds, strict=True)], bool
        ),
        width=width,
        tau=tau,
        globs=stacked([v.glob for v in ordered]),
        correlated=correlated,
        correlation=correlation,
    )


def _require(variable: Variable, indices: dict[int, IntArray], call: str) -> None:
    if id(variable) not in indices:
        raise UnknownNameError(
            f"{call}: Variable '{variable.name}' is used but nowhere declared: no process of this model "
            "depends on it. Scale a process by it, or check that it is the same Variable object."
        )


def _correlations(
    found: list[Correlation], indices: dict[int, IntArray]
) -> tuple[IntArray, FloatArray | None]:
    if not found:
        return np.zeros(0, dtype=int), None
    members = np.unique(np.concatenate([indices[id(v)] for c in found for v in c.variables]))
    matrix = np.eye(len(members))
    for pair in found:
        at = np.searchsorted(members, np.concatenate([indices[id(v)] for v in pair.variables]))
        changed = ~np.eye(len(at), dtype=bool) & (pair.matrix != 0.0)
        rows, columns = np.nonzero(changed)
        matrix[at[rows], at[columns]] = pair.matrix[rows, columns]
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest <= 1e-10:
        raise InvalidValueError(
            f"correlate_nuisances: the correlations of {len(members)} nuisances together are not positive "
            f"definite (smallest eigenvalue {smallest:.3g}); lower the correlations."
        )
    return members, matrix

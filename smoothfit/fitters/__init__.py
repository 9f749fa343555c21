"""Minimisers behind one protocol: a posed problem in, a :class:`~.solution.Solution` out.

``"newton"`` is the native one: second order, inside one compiled function, differentiable. Use
``"trust-constr"`` (scipy) for a second opinion.
"""

from __future__ import annotations

from collections.abc import Callable

from .._types import Array
from ..errors import InvalidValueError
from ..likelihood.derived import derived_of
from ..prepared import Data, Fixed, Prepared
from .batch import single_solve
from .native import solve
from .solution import Solution, Status
from .trust_constr import solve_trust_constr

__all__ = ["FITTERS", "Fitter", "Solution", "Status", "choose", "compiled_solve", "count_traces", "solve"]

Fitter = Callable[[Prepared, Data, Fixed, Array], Solution]
"""(prepared, data, fixed, start values (param,)) -> solution."""


def compiled_solve(
    prepared: Prepared, data: Data, fixed: Fixed, start: Array, *, errors: bool = True
) -> Solution:
    """The native fitter, compiled once for each structure and set of shapes."""
    return single_solve(derived_of(prepared), data, fixed, start, float(errors))


def count_traces() -> int:
    """How many structures the native fitter was compiled for in this process."""
    return int(single_solve.count_traces())  # type: ignore[attr-defined]


FITTERS: dict[str, Fitter] = {"newton": compiled_solve, "trust-constr": solve_trust_constr}
"""The fitters by name."""


def choose(fitter: str | Fitter | None) -> tuple[str, Fitter]:
    """The name and function of a fitter; ``None`` is the native one.

    Raises
    ------
    InvalidValueError
        If there is none of that name.

    Examples
    --------
    >>> choose("trust-constr")[0]
    'trust-constr'
    """
    if fitter is None:
        return "newton", FITTERS["newton"]
    if callable(fitter):
        return getattr(fitter, "__name__", type(fitter).__name__), fitter
    if not isinstance(fitter, str) or fitter not in FITTERS:
        raise InvalidValueError(
            f"fitter: expected one of {', '.join(FITTERS)}, or a function, got {fitter!r}."
        )
    return fitter, FITTERS[fitter]

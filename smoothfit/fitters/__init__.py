"""Minimisers behind one protocol: a posed problem in, a :class:`~.solution.Solution` out.

``"newton"`` is the native one: second order, inside one compiled function, differentiable. The others
are written by others, for second opinions: :class:`TrustConstr` (scipy), :class:`Jaxopt` (L-BFGS and
L-BFGS-B), :class:`Optimistix` (BFGS) and :class:`Minuit` (MIGRAD); :func:`chain` runs several. Whatever
they say of themselves, the end point is judged by the exact gradient and Hessian there.
"""

from __future__ import annotations

from typing import Any

from .._types import Array
from ..errors import InvalidTypeError, InvalidValueError
from ..likelihood.derived import derived_of
from ..prepared import Data, Fixed, Prepared
from .batch import count_traces, single_solve
from .chaining import Chain, Fitter
from .jaxopt import Jaxopt
from .minuit import Minuit
from .native import solve
from .optimistix import Optimistix
from .solution import Solution, Status
from .trust_constr import TrustConstr

__all__ = [
    "FITTERS",
    "Fitter",
    "Jaxopt",
    "Minuit",
    "Optimistix",
    "Solution",
    "Status",
    "TrustConstr",
    "chain",
    "choose",
    "compiled_solve",
    "count_traces",
    "solve",
]


def compiled_solve(
    prepared: Prepared, data: Data, fixed: Fixed, start: Array, *, errors: bool = True
) -> Solution:
    """The native fitter, compiled once for each structure and set of shapes."""
    return single_solve(derived_of(prepared), data, fixed, start, errors)


FITTERS: dict[str, Fitter] = {
    "newton": compiled_solve,
    "trust-constr": TrustConstr(),
    "jaxopt": Jaxopt(),
    "optimistix": Optimistix(),
    "minuit": Minuit(),
}
"""The fitters by name, with their default options."""


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
    >>> choose(Jaxopt(max_steps=50))[0]
    'jaxopt'
    """
    if fitter is None:
        return "newton", FITTERS["newton"]
    if isinstance(fitter, type):
        raise InvalidTypeError(f"fitter: got the class {fitter.__name__}, expected one: {fitter.__name__}().")
    if callable(fitter):
        return _name_of(fitter), fitter
    if not isinstance(fitter, str) or fitter not in FITTERS:
        raise InvalidValueError(
            f"fitter: expected one of {', '.join(FITTERS)}, or a function, got {fitter!r}."
        )
    return fitter, FITTERS[fitter]


def _name_of(fitter: Any) -> str:
    name = getattr(fitter, "name", None)
    return name if isinstance(name, str) else getattr(fitter, "__name__", type(fitter).__name__)


def chain(*fitters: str | Fitter) -> Chain:
    """A fitter that runs others in turn, each from where the one before ended.

    All of them run. The fit is the last end point that converged, so that a later stage that fails does
    not lose what an earlier one found; if none converged, it is the last one's, flagged. Steps are those of
    all stages.

    Parameters
    ----------
    fitters
        Names, objects or functions, as in ``fit(fitter=)``.

    Raises
    ------
    InvalidValueError
        If there are none, or there is no fitter of such a name.

    Examples
    --------
    >>> chain("jaxopt", "newton").name
    'jaxopt, then newton'
    """
    if not fitters:
        raise InvalidValueError(
            "chain: got no fitters, expected at least one, as in chain('jaxopt', 'newton')."
        )
    chosen = [choose(fitter) for fitter in fitters]
    return Chain(tuple(fn for _, fn in chosen), ", then ".join(name for name, _ in chosen))

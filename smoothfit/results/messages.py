"""What to tell a person about the end of a fit."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InvalidValueError
from ..status import Status
from .attempts import Attempt
from .conditioning import FLAT, Direction

__all__ = ["fit_message"]

_SHOWN = 6


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _steps(steps: int) -> str:
    return f"{steps} step" if steps == 1 else f"{steps} steps"


def _at_limit(names: Sequence[str]) -> str:
    if not names:
        return ""
    verb = "sits at a limit: its error does" if len(names) == 1 else "sit at a limit: their errors do"
    return f" {_listed(names)} {verb} not know of the limit."


def _undetermined(directions: Sequence[Direction]) -> str:
    """What the data leave free, and where the likelihood falls off to two sides."""
    text = ""
    falling = [d for d in directions if d.eigenvalue < -FLAT]
    flat = [d for d in directions if d.eigenvalue >= -FLAT]
    if falling:
        text += f" It is no minimum along {_listed([str(d) for d in falling])}: start elsewhere (init=...)."
    if flat:
        text += f" The data do not determine {_listed([str(d) for d in flat])}: fix or constrain"
        text += " a parameter of it, or merge what acts alike." if _several(flat) else " it."
    return text


def _several(directions: Sequence[Direction]) -> bool:
    return any(len(direction.names) > 1 for direction in directions)


def _retried(attempts: Sequence[Attempt]) -> str:
    if not attempts:
        return ""
    number = len(attempts) - 1
    retries = "one retry" if number == 1 else f"{number} retries"
    name = Status(attempts[0].status).name
    if attempts[0].status == Status.CONVERGED:
        above = attempts[0].fun - attempts[-1].fun
        return f" That reached {attempts[0].what} is {above:.3g} higher; this one is {attempts[-1].what}."
    if attempts[-1].status in (Status.CONVERGED, Status.ON_KINK):
        return f" The first attempt ended {name}; {retries}, the last one {attempts[-1].what}."
    ends = {Status(a.status).name for a in attempts[1:]}
    if ends == {name}:
        return f" {retries.capitalize()} ended alike."
    return f" {retries.capitalize()} did not help: {'; '.join(str(a) for a in attempts[1:])}."


def _not_converged(edm: float, positive_definite: bool, steps: int) -> str:
    distance = f"the minimum is still an estimated {edm:.2g} below in NLL" if edm == edm else "EDM unknown"
    curvature = "" if positive_definite else "; the Hessian is not positive definite there"
    return (
        f"Not converged: stopped after {_steps(steps)}, {distance}{curvature}. "
        "Start elsewhere (init=...), or bound or fix parameters that run away."
    )


def fit_message(
    status: int,
    *,
    edm: float,
    smallest_nu: float,
    positive_definite: bool,
    at_limit_names: Sequence[str] = (),
    flat_directions: Sequence[Direction] = (),
    attempts: Sequence[Attempt] = (),
    kinks: Sequence[str] = (),
    steps: int = 0,
) -> str:
    """One to three sentences on a fit's status: what happened, to which parameters, what to try.

    ``edm`` is the estimated distance to the minimum in NLL, ``smallest_nu`` the smallest
    expectation of a bin, in events; ``flat_directions`` what the data do not determine, ``attempts`` what
    was tried (see :class:`FitResult`); ``kinks`` name parameters on one. Leave blinded parameters out of
    ``at_limit_names``: that one sits at its limit gives its value away.

    Raises
    ------
    InvalidValueError
        If there is no such status.

    Examples
    --------
    >>> fit_message(0, edm=2e-19, smallest_nu=3.2, positive_definite=True, steps=7)
    'Converged in 7 steps, EDM 2e-19.'
    >>> print(fit_message(0, edm=0.0, smallest_nu=1.0, positive_definite=True,
    ...                   at_limit_names=["mu"], steps=1))
    Converged in 1 step, EDM 0. mu sits at a limit: its error does not know of the limit.
    """
    try:
        known = Status(int(status))
    except ValueError as error:
        raise InvalidValueError(
            f"There is no fit status {status}; known are {[s.value for s in Status]}."
        ) from error
    if known is Status.CONVERGED:
        message = f"Converged in {_steps(steps)}, EDM {edm:.2g}."
    elif known is Status.NOT_CONVERGED:
        message = _not_converged(edm, positive_definite, steps)
    elif known is Status.NOT_POSITIVE_DEFINITE:
        message = "No valid minimum: the Hessian is not positive definite, so there is no covariance."
        message += "" if flat_directions else " Fix or constrain what the data do not determine."
    elif known is Status.NOT_FINITE:
        message = (
            f"The likelihood is not finite where the fit stopped after {_steps(steps)}: "
            "bound the parameters that run away, or start elsewhere (init=...)."
        )
    elif known is Status.ON_KINK:
        message = (
            f"The minimum is on a kink of the likelihood in {_listed(kinks)}, which has no error there; "
            "the errors of the others are with that held. Take a smooth interpolation or function, or fix it."
        )
    else:
        message = (
            f"The fit ended where a bin's expectation is negative ({smallest_nu:.3g} events), "
            "which is no valid minimum: bound the parameters, or look at templates with negative bins."
        )
    flat = "" if known is Status.CONVERGED else _undetermined(flat_directions)
    return message + flat + _at_limit(at_limit_names) + _retried(attempts)

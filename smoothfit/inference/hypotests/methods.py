"""By which method a test is made: asymptotic formulae, or toys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InvalidTypeError, InvalidValueError
from .statistics import STATISTICS, Statistic, statistic_of
from .toy_tests import ToyOptions

__all__ = ["TOY_OPTIONS", "check_statistic", "toys_asked_for"]

TOY_OPTIONS = ("toys", "seed", "toy_kind", "nuisances", "mc_error", "most_toys")
"""What only tests by toys take."""


def toys_asked_for(call: str, method: Any, given: Mapping[str, Any]) -> ToyOptions | None:
    """How toys of a test are made; None if it is made without any.

    Raises
    ------
    InvalidValueError, InvalidTypeError
        For an unknown method, an unknown option, and options of toys for a test without any.
    """
    unknown = [name for name in given if name not in TOY_OPTIONS]
    if unknown:
        raise InvalidTypeError(
            f"{call}: no option is named '{unknown[0]}'; for toys there are: {', '.join(TOY_OPTIONS)}."
        )
    if not isinstance(method, str) or method not in ("asymptotic", "toys"):
        raise InvalidValueError(f"{call}: method must be 'asymptotic' or 'toys', got {method!r}.")
    known = {name: value for name, value in given.items() if value is not None}
    if method == "toys":
        return ToyOptions.of(call, **known)
    if known:
        raise InvalidValueError(
            f"{call}: '{next(iter(known))}' is for method='toys', which was not asked for."
        )
    return None


def check_statistic(
    call: str, statistic: Any, among: tuple[str, ...], toys: ToyOptions | None = None
) -> Statistic:
    """The statistic of a name, which the call has a use for: one with asymptotic formulae if not by toys.

    Raises
    ------
    InvalidValueError
        With what to do instead.
    """
    if statistic in among:
        return STATISTICS[statistic]
    known = isinstance(statistic, str) and statistic in STATISTICS
    if known and not STATISTICS[statistic].asymptotic:
        if toys is not None:
            return statistic_of(statistic, call)
        raise InvalidValueError(f"{call}: {statistic} has no asymptotic formula; give method='toys'.")
    raise InvalidValueError(f"{call}: statistic must be one of {', '.join(among)}, got {statistic!r}.")

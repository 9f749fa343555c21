"""By which method a test is made: asymptotic formulae, or toys."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from ...errors import InvalidTypeError, InvalidValueError
from .statistics import STATISTICS

__all__ = ["TOY_OPTIONS", "by_toys", "check_method", "check_statistic"]

TOY_OPTIONS = ("toys", "seed", "toy_kind", "nuisances", "mc_error")
"""What only tests by toys take."""
_TOY_TESTS = f"{__package__}.toy_tests"


def check_method(call: str, method: Any, toy_options: Mapping[str, Any]) -> bool:
    """Whether a test is made by toys.

    Raises
    ------
    InvalidValueError, InvalidTypeError
        For an unknown method, an unknown option, and options of toys for a test without any.
    """
    unknown = [name for name in toy_options if name not in TOY_OPTIONS]
    if unknown:
        raise InvalidTypeError(
            f"{call}: no option is named '{unknown[0]}'; for toys there are: {', '.join(TOY_OPTIONS)}."
        )
    if not isinstance(method, str) or method not in ("asymptotic", "toys"):
        raise InvalidValueError(f"{call}: method must be 'asymptotic' or 'toys', got {method!r}.")
    given = [name for name, value in toy_options.items() if value is not None]
    if given and method != "toys":
        raise InvalidValueError(f"{call}: '{given[0]}' is for method='toys', which was not asked for.")
    return method == "toys"


def check_statistic(call: str, statistic: Any, among: tuple[str, ...]) -> None:
    """That a statistic has asymptotic formulae, and the call a use for it.

    Raises
    ------
    InvalidValueError
        With what to do instead.
    """
    if statistic in among:
        return
    known = isinstance(statistic, str) and statistic in STATISTICS
    if known and not STATISTICS[statistic].asymptotic:
        raise InvalidValueError(f"{call}: {statistic} has no asymptotic formula; give method='toys'.")
    raise InvalidValueError(f"{call}: statistic must be one of {', '.join(among)}, got {statistic!r}.")


def by_toys(call: str, *arguments: Any, **options: Any) -> Any:
    """Make a test by toys, with the function of the same name.

    Raises
    ------
    InvalidValueError
        If there are no tests by toys in this version, or not of that kind.
    """
    found = importlib.util.find_spec(_TOY_TESTS) is not None
    test = getattr(importlib.import_module(_TOY_TESTS), call, None) if found else None
    if test is None:
        raise InvalidValueError(f"{call}: this version has no toys for it; give method='asymptotic'.")
    return test(*arguments, **options)

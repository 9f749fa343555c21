"""Test statistics: which fits each of them needs, and what it makes of these.

A statistic compares a tested value mu of a parameter of interest (POI) with what the data say. All are
twice a difference of NLLs, and grow as data and mu agree less, so that a p-value is a tail above. One
function serves a single data set (numbers) and many (arrays (toy,)):

====================  =============================================  =========================================
name                  value                                          what for
====================  =============================================  =========================================
``qtilde``            NLL(mu) - NLL(best), 0 if best > mu;           upper limits; the default
                      NLL(mu) - NLL(0) if best < 0
``q``                 NLL(mu) - NLL(best), 0 if best > mu            upper limits of what may be negative
``t``                 NLL(mu) - NLL(best)                            two-sided intervals
``ttilde``            the same; NLL(mu) - NLL(0) if best < 0         two-sided intervals of what is positive
``q0``                NLL(0) - NLL(best), 0 if best < 0              discovery
``lep``               NLL(mu) - NLL(0), nuisances not fitted         ratio of the LEP experiments, by toys
``tevatron``          NLL(mu) - NLL(0), nuisances fitted to each     ratio of the Tevatron's, by toys
====================  =============================================  =========================================

The first five: G. Cowan, K. Cranmer, E. Gross, O. Vitells, arXiv:1007.1727, sections 2.1 to 2.5. The last
two: ATLAS and CMS, ATL-PHYS-PUB-2011-11 / CMS NOTE-2011/005, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..._spaces import space_of
from ..._types import BoolArray
from ...errors import InvalidValueError

__all__ = ["STATISTICS", "Nlls", "Statistic", "statistic_of"]


class Nlls(NamedTuple):
    """What fits of one data set found, or of many: numbers or arrays (toy,). NaN where a fit failed.

    What a statistic does not need, or not for these data (:meth:`Statistic.needs_tested`,
    :meth:`Statistic.needs_null`), may be NaN.
    """

    tested: Any
    """The tested value of the POI."""
    best: Any
    """Its value where the NLL is lowest."""
    at_tested: Any
    """The NLL with the POI held at the tested value."""
    free: Any
    """The lowest NLL."""
    at_null: Any
    """The NLL with the POI held at 0."""


@dataclass(frozen=True)
class Statistic:
    """One test statistic; ``statistic(nlls)`` is its value."""

    name: str
    formula: Callable[[Nlls], Any]
    free: bool = True
    """Whether it needs the fit with the POI free."""
    tested: bool = True
    """Whether it needs the fit at the tested value."""
    null: str = "never"
    """Whether it needs the fit at 0: "never", "below" for data with best < 0, or "always"."""
    fits_nuisances: bool = True
    """Whether these fits minimise over the nuisances, or hold them at their pre-fit values."""
    one_sided: bool = True
    """Whether data on one side of the tested value only speak against it."""
    not_negative: bool = False
    """Whether negative values of the POI are not meant: none is tested, and data below 0 compare with 0."""
    asymptotic: bool = True
    """Whether there is a formula for its distribution."""

    def __call__(self, nlls: Nlls) -> Any:
        """The statistic, () or (toy,), of numpy or of JAX; NaN where a fit that it needs failed."""
        space = space_of(*nlls)
        found = space.asarray(self.formula(Nlls(*(space.asarray(entry, dtype=float) for entry in nlls))))
        # All but the ratios compare with a minimum: below 0 is only what fits are imprecise by.
        return space.maximum(found, 0.0) if self.free else found

    def needs_tested(self, best: Any, tested: Any) -> BoolArray:
        """For which data the fit at the tested value is needed: a one-sided statistic may be 0 without."""
        above = np.asarray(best) > np.asarray(tested)
        return ~above if self.one_sided and self.free and self.tested else np.full(above.shape, self.tested)

    def needs_null(self, best: Any) -> BoolArray:
        """For which data the fit at 0 is needed."""
        value = np.asarray(best)
        if self.null == "below":
            return np.asarray(value < 0.0)
        return np.full(value.shape, self.null == "always")


def _where(condition: Any, one: Any, other: Any) -> Any:
    return space_of(condition, one, other).where(condition, one, other)


def _q(nlls: Nlls) -> Any:
    return _where(nlls.best > nlls.tested, 0.0, 2.0 * (nlls.at_tested - nlls.free))


def _lowest_allowed(nlls: Nlls) -> Any:
    return _where(nlls.best < 0.0, nlls.at_null, nlls.free)


def _qtilde(nlls: Nlls) -> Any:
    return _q(nlls._replace(free=_lowest_allowed(nlls)))


def _t(nlls: Nlls) -> Any:
    return 2.0 * (nlls.at_tested - nlls.free)


def _ttilde(nlls: Nlls) -> Any:
    return _t(nlls._replace(free=_lowest_allowed(nlls)))


def _q0(nlls: Nlls) -> Any:
    return _where(nlls.best < 0.0, 0.0, 2.0 * (nlls.at_null - nlls.free))


def _ratio(nlls: Nlls) -> Any:
    return 2.0 * (nlls.at_tested - nlls.at_null)


_RATIO: dict[str, Any] = {"free": False, "null": "always", "asymptotic": False}

STATISTICS: dict[str, Statistic] = {
    statistic.name: statistic
    for statistic in (
        Statistic("qtilde", _qtilde, null="below", not_negative=True),
        Statistic("q", _q),
        Statistic("t", _t, one_sided=False),
        Statistic("ttilde", _ttilde, null="below", one_sided=False, not_negative=True),
        Statistic("q0", _q0, tested=False, null="always"),
        Statistic("lep", _ratio, fits_nuisances=False, **_RATIO),
        Statistic("tevatron", _ratio, **_RATIO),
    )
}
"""The statistics, by name."""


def statistic_of(name: Any, call: str, among: tuple[str, ...] = tuple(STATISTICS)) -> Statistic:
    """The statistic of a name.

    Raises
    ------
    InvalidValueError
        If the call knows none of that name.

    Examples
    --------
    >>> nlls = Nlls(tested=1.0, best=np.array([0.3, -0.2, 1.4]), at_tested=np.array([5.2, 6.0, 4.1]),
    ...             free=np.array([5.0, 4.0, 4.0]), at_null=np.array([5.1, 4.5, 7.0]))
    >>> statistic_of("qtilde", "hypotest")(nlls)
    array([0.4, 3. , 0. ])
    >>> statistic_of("q0", "hypotest")(nlls)
    array([0.2, 0. , 6. ])
    """
    if not isinstance(name, str) or name not in among:
        known = ", ".join(among)
        raise InvalidValueError(f"{call}: statistic must be one of {known}, got {name!r}.")
    return STATISTICS[name]

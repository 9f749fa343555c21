"""What toys an answer rests on: how many, of what seed, and how their fits went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .record import plain

__all__ = ["ToyCounts"]


@dataclass(frozen=True)
class ToyCounts:
    """Toys, and the fits of them.

    Examples
    --------
    >>> print(ToyCounts("frequentist", 1, 1000, 2000, 3, {"NOT_CONVERGED": 1}))
    1000 frequentist toys, seed 1; 3 of 2000 fits were retried, 1 failed for good (1 NOT_CONVERGED)
    """

    kind: str
    """What is random in them: see :class:`~smoothfit.inference.ensembles.Ensemble`."""
    seed: int
    toys: int
    """All of them."""
    fits: int
    retried: int = 0
    """Fits that did not converge at first."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """{status: fits that ended with it, all retries done}; their toys have no value."""
    on_kink: int = 0
    """Fits that ended where the likelihood has a kink: minima, be it without errors, that count."""
    nuisances: str = "fitted"
    """Where they are drawn: at values "fitted" to the data, or at "prefit" ones."""

    @property
    def n_failed(self) -> int:
        """Fits that did not converge in the end."""
        return sum(self.failed.values())

    @property
    def of_fits(self) -> str:
        """How the fits went, in words."""
        if not self.retried:
            return f"all {self.fits} fits converged"
        kinks = f"{self.on_kink} ended on a kink, " if self.on_kink else ""
        left = "none failed for good"
        if self.n_failed:
            named = ", ".join(f"{count} {status}" for status, count in self.failed.items())
            left = f"{self.n_failed} failed for good ({named})"
        return f"{self.retried} of {self.fits} fits were retried, {kinks}{left}"

    def __str__(self) -> str:
        where = "" if self.nuisances == "fitted" else f", nuisances {self.nuisances}"
        return f"{self.toys} {self.kind} toys{where}, seed {self.seed}; {self.of_fits}"

    def to_dict(self) -> dict[str, Any]:
        """All of it, by the names of the fields."""
        return plain({name: getattr(self, name) for name in self.__dataclass_fields__})  # type: ignore[no-any-return]

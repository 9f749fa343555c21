"""What toys an answer rests on: how many, of what seed, and how their fits went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["ToyCounts"]


@dataclass(frozen=True)
class ToyCounts:
    """Toys, and the fits of them.

    Examples
    --------
    >>> print(ToyCounts(1, "frequentist", "fitted", 20, 40, 3, {}))
    20 frequentist toys, nuisances fitted, seed 1; 3 of 40 fits were retried, all converged then.
    """

    seed: int
    kind: str
    """What is random in them: "frequentist", "bayesian" or "bootstrap"."""
    nuisances: str
    """Where they are drawn: at values "fitted" to the data, or at "prefit" ones."""
    toys: int
    """All of them."""
    fits: int
    retried: int
    """Fits that did not converge at first."""
    failed: dict[str, int]
    """{name of a status: how many ended with it for good}: these toys are in no number."""

    @property
    def n_failed(self) -> int:
        """Fits that did not converge in the end."""
        return sum(self.failed.values())

    def __str__(self) -> str:
        about = f"{self.toys} {self.kind} toys, nuisances {self.nuisances}, seed {self.seed}"
        if not self.retried:
            return f"{about}; all {self.fits} fits converged."
        named = ", ".join(f"{n} {status}" for status, n in self.failed.items())
        left = f"{self.n_failed} failed for good ({named})" if self.failed else "all converged then"
        return f"{about}; {self.retried} of {self.fits} fits were retried, {left}."

    def to_dict(self) -> dict[str, Any]:
        """All of it, by the names of the fields."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

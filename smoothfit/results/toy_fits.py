"""How the fits of toys went, as records keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ToyFits"]


@dataclass(frozen=True)
class ToyFits:
    """Numbers of fits, of those that were tried again, and of those that failed for good.

    Examples
    --------
    >>> str(ToyFits(2000, 3, {"NOT_CONVERGED": 1}))
    '3 of 2000 fits of toys were tried again, 1 failed for good (1 NOT_CONVERGED)'
    """

    fits: int
    retried: int
    failed: Mapping[str, int]
    """{name of a status: number}"""

    @property
    def n_failed(self) -> int:
        """Fits that did not converge in the end."""
        return sum(self.failed.values())

    def to_dict(self) -> dict[str, Any]:
        """{fits, retried, failed: {status: number}}"""
        return {"fits": self.fits, "retried": self.retried, "failed": dict(self.failed)}

    def __str__(self) -> str:
        if not self.retried:
            return f"all {self.fits} fits of toys converged"
        named = ", ".join(f"{n} {status}" for status, n in self.failed.items())
        end = f"{self.n_failed} failed for good ({named})" if self.failed else "all converged then"
        return f"{self.retried} of {self.fits} fits of toys were tried again, {end}"

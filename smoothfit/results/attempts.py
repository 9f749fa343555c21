"""What was tried to make a fit converge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..status import Status

__all__ = ["Attempt"]


@dataclass(frozen=True)
class Attempt:
    """One attempt at a fit: where it started, and what came of it.

    Examples
    --------
    >>> Attempt("from the start values of the model", "newton", 0, 12.5, 1e-18, 7)
    from the start values of the model: CONVERGED
    """

    what: str
    fitter: str
    status: int
    """A :class:`~smoothfit.status.Status`."""
    fun: float
    """The NLL where it ended."""
    edm: float
    steps: int

    def __repr__(self) -> str:
        return f"{self.what}: {Status(self.status).name}"

    def to_dict(self) -> dict[str, Any]:
        """The attempt in plain Python."""
        return {
            "what": self.what,
            "fitter": self.fitter,
            "status": Status(self.status).name,
            "fun": self.fun,
            "edm": self.edm,
            "steps": self.steps,
        }

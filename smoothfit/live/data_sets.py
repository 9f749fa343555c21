"""What a live model compares its expectation with: data, Asimov data, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from .._types import FloatArray

__all__ = ["ASIMOV", "NAMES", "NONE", "OBSERVED", "DataSet"]

OBSERVED, ASIMOV, NONE = "data", "Asimov", "none"
NAMES = (OBSERVED, ASIMOV, NONE)


@dataclass(frozen=True, eq=False)
class DataSet:
    """Counts with their global observables."""

    name: str
    counts: FloatArray
    """(bin,); zeros of ``none``."""
    globs: FloatArray
    """(global observable,): the parameters', then the bins'."""

    @property
    def label(self) -> str:
        """What a legend says."""
        return "Asimov data" if self.name == ASIMOV else "Data"

    @property
    def is_there(self) -> bool:
        """Whether there is anything to compare with."""
        return self.name != NONE

    @property
    def is_observed(self) -> bool:
        """Whether blinding has anything to hide."""
        return self.name == OBSERVED

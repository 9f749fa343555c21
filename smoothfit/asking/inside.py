"""A prepared model for others to use, and for one to look inside."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..inference import looking, protocol
from ..inference.context import Context
from .methods import asked

__all__ = ["Inside"]


class Inside(ABC):
    """What other packages, and the curious, ask a model for."""

    @abstractmethod
    def _context(self) -> Context:
        """The prepared model."""

    likelihood = asked(protocol.likelihood)
    jaxpr = asked(looking.jaxpr)
    stats = asked(looking.stats)

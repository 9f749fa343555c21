"""Records about one parameter of interest."""

from __future__ import annotations

from ..layout import Layout
from .record import Record

__all__ = ["PoiRecord"]


class PoiRecord(Record):
    """Base of the records that a blinded parameter of interest hides."""

    poi: str
    layout: Layout
    blinded: frozenset[str]

    @property
    def hidden(self) -> bool:
        """Whether the POI is blinded."""
        return self.layout.is_blinded(self.layout.positions(self.poi)[0], self.blinded)

"""Pictures of the pages, drawn by the library: each when the site is built."""

from __future__ import annotations

from . import analyses, constraints, effects, methods
from .registry import PICTURES, draw, drawn

__all__ = ["PICTURES", "analyses", "constraints", "draw", "drawn", "effects", "methods"]

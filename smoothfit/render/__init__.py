"""Tables of results: for the terminal (:mod:`.text`) and for notebooks (:mod:`.html`)."""

from __future__ import annotations

from . import html, text
from .numbers import asymmetric, number, with_error
from .table import Cell, Table

__all__ = ["Cell", "Table", "asymmetric", "html", "number", "text", "with_error"]

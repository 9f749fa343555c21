"""Where a record that was read from a file comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Origin"]


@dataclass(frozen=True)
class Origin:
    """The model that a record was made with, and what wrote it."""

    model_hash: str
    """SHA-256 of what the model was told."""
    written_by: Mapping[str, str] = field(default_factory=dict)
    """Versions of packages, by name."""
    checked: bool = False
    """Whether it was read with a model of that hash."""

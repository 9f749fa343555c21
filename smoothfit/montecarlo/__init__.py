"""Monte Carlo statistical uncertainties, one file a mode."""

from __future__ import annotations

from . import lite

__all__ = ["lite"]

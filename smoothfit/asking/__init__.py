"""What a prepared model can be asked: the methods of :class:`~smoothfit.model.Model` that do not build."""

from __future__ import annotations

from .asking import Asking

__all__ = ["Asking"]

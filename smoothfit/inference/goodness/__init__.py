"""Goodness of fit: whether a model describes data at all.

- :mod:`.testing`: :func:`goodness_of_fit`, a statistic with its toys;
- :mod:`.statistics`: the statistics, of many toys at a time: :mod:`.saturated`, :mod:`.distances`.
"""

from __future__ import annotations

from .testing import goodness_of_fit

__all__ = ["goodness_of_fit"]

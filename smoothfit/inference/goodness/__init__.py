"""Goodness of fit: whether a model describes data at all.

- :mod:`.comparing`: :func:`goodness_of_fit`, a statistic with its toys;
- :mod:`.compatibility`: :func:`channel_compatibility`, of the model that :mod:`.splitting` makes;
- :mod:`.chi_squared`: :func:`chi2` with the covariance of the prediction;
- :mod:`.statistics`: the statistics, of many toys at a time: :mod:`.saturated`, :mod:`.distances`.
"""

from __future__ import annotations

from .chi_squared import chi2
from .comparing import goodness_of_fit
from .compatibility import channel_compatibility

__all__ = ["channel_compatibility", "chi2", "goodness_of_fit"]

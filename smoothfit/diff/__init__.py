"""What two models differ in: :func:`diff`, and how far their likelihoods are apart: :func:`nll_difference`.

* :mod:`.structure`: channels, processes, parameters, effects, settings.
* :mod:`.predictions`: yields, and what parameters do to them.
* :mod:`.likelihoods`: the NLL over random points.
* :mod:`.comparing`: all of it.
"""

from __future__ import annotations

from .comparing import diff
from .likelihoods import nll_difference

__all__ = ["diff", "nll_difference"]

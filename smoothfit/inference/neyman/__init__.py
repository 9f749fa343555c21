"""The Neyman construction: intervals whose coverage is that of toys, and what intervals cover.

* :mod:`.feldman_cousins`: intervals of one parameter and regions of two, with toys at points;
* :mod:`.coverage`: how often intervals of any method hold the truth; bias and pulls;
* :mod:`.look_elsewhere`: the significance of the largest excess among many positions;
* :mod:`.exact`: the same for one count or one Gaussian measurement, without toys.
"""

from __future__ import annotations

from .coverage import coverage
from .feldman_cousins import feldman_cousins
from .look_elsewhere import global_significance

__all__ = ["coverage", "feldman_cousins", "global_significance"]

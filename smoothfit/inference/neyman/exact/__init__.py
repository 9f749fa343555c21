"""The Neyman construction with likelihood-ratio ordering, exactly, where no toys are needed.

For one Poisson count with a known background, and for one Gaussian measurement of what cannot be negative:
G. Feldman and R. Cousins, Phys. Rev. D57 (1998) 3873, arXiv:physics/9711021. A value mu is accepted if its
p-value, the probability of what is ordered no higher than the observation, is above 1 - cl; the interval
goes from the first accepted value to the last.

* :func:`poisson_interval`, :func:`poisson_regions`, :func:`poisson_p_value`, :func:`poisson_belt`
* :func:`gaussian_interval`, :func:`gaussian_p_value`, :func:`gaussian_belt`

Intervals of other models are :meth:`smoothfit.Model.feldman_cousins`.
"""

from __future__ import annotations

from .gaussian import gaussian_belt, gaussian_interval, gaussian_p_value
from .poisson import poisson_belt, poisson_interval, poisson_p_value, poisson_regions

__all__ = [
    "gaussian_belt",
    "gaussian_interval",
    "gaussian_p_value",
    "poisson_belt",
    "poisson_interval",
    "poisson_p_value",
    "poisson_regions",
]

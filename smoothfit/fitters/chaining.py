"""Fitters one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np

from .._types import Array
from ..prepared import Data, Fixed, Prepared
from .solution import Solution, Status

__all__ = ["Chain", "Fitter"]

Fitter = Callable[[Prepared, Data, Fixed, Array], Solution]
"""(prepared, data, fixed, start values (param,)) -> solution."""


@dataclass(frozen=True)
class Chain:
    """Fitters of which each starts where the one before ended."""

    fitters: tuple[Fitter, ...]
    name: str

    def __call__(self, prepared: Prepared, data: Data, fixed: Fixed, start: Array) -> Solution:
        """The last of the end points that converged; of none, the last one."""
        ends: list[Solution] = []
        steps = 0
        for fitter in self.fitters:
            ends.append(fitter(prepared, data, fixed, start))
            steps += int(ends[-1].steps)
            if np.all(np.isfinite(ends[-1].values)):
                start = ends[-1].values
        converged = [end for end in ends if int(end.status) == Status.CONVERGED]
        return replace((converged or ends)[-1], steps=jnp.asarray(steps))

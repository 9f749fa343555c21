"""optimistix' BFGS on a posed problem.

It knows no limits (patrick-kidger/optimistix#45): parameters that have some are transformed as MINUIT does
(:mod:`.unlimited`). The end point is described in the parameters themselves, as any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType

import jax
import jax.numpy as jnp

from .._compilation import compiled
from .._optional import require
from .._types import Array
from ..likelihood.derived import Derived, derived_of
from ..prepared import Data, Fixed, Prepared
from . import first_order, unlimited
from .options import check_steps, check_tolerance
from .solution import Solution

__all__ = ["Optimistix"]

_RELATIVE = 1e-12
"""Of the value: differences below are rounding."""


@dataclass(frozen=True)
class Optimistix:
    """BFGS of the package ``optimistix``, parameters with limits transformed as MINUIT does.

    Parameters
    ----------
    max_steps
        Steps in all, over all restarts; those that its line search refused count.
    tolerance
        Last step, in errors, and last change of the NLL at the end of the first round.

    Raises
    ------
    InvalidValueError
        For options that mean nothing.
    MissingPackageError
        At the call, if optimistix is not installed.

    Examples
    --------
    >>> Optimistix(max_steps=100)
    Optimistix(max_steps=100, tolerance=1e-05)
    """

    max_steps: int = 2000
    tolerance: float = 1e-5
    name = "optimistix"

    def __post_init__(self) -> None:
        check_steps("Optimistix", self.max_steps)
        check_tolerance("Optimistix", self.tolerance)

    def __call__(self, prepared: Prepared, data: Data, fixed: Fixed, start: Array) -> Solution:
        """Minimise the NLL; traceable."""
        package = require("optimistix", feature="fitter='optimistix'", extra="optimistix")
        return _solver(package, self)(derived_of(prepared), data, fixed, start)


@cache
def _solver(package: ModuleType, options: Optimistix) -> Callable[..., Solution]:
    run = partial(_descend, package, options.max_steps)

    def solve(model: Prepared | Derived, data: Data, fixed: Fixed, start: Array) -> Solution:
        return first_order.solve(model, data, fixed, start, run, options.tolerance, options.max_steps)

    return compiled(solve)


def _descend(
    package: ModuleType, max_steps: int, scaled: first_order.Scaled, tolerance: Array, most: Array
) -> first_order.Descent:
    lower, upper = scaled.lower, scaled.upper
    start = unlimited.to_internal(unlimited.inside(scaled.start, lower, upper), lower, upper)

    def external(u: Array) -> Array:
        return unlimited.from_internal(start + u * unit, lower, upper)

    # Units once more: between two limits the internal coordinate is an angle.
    slope = jnp.abs(
        jax.jvp(lambda t: unlimited.from_internal(t, lower, upper), (start,), (jnp.ones_like(start),))[1]
    )
    unit = 1.0 / jnp.maximum(slope, 1e-3)
    solver = package.BFGS(rtol=_RELATIVE, atol=tolerance)

    def run() -> first_order.Descent:
        found = package.minimise(
            lambda u, _: scaled.fun(external(u)),
            solver,
            jnp.zeros_like(start),
            max_steps=max_steps,
            throw=False,
        )
        return first_order.Descent(external(found.value), found.stats["num_steps"])

    nothing = first_order.Descent(scaled.start, jnp.array(0))
    return jax.lax.cond(most > 0, run, lambda: nothing)

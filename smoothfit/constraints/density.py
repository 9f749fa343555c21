"""A constraint that the user writes down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from .._types import ArrayLike
from ..errors import InvalidTypeError
from .base import Constraint, numbers_of, positive

__all__ = ["LogDensity"]


@dataclass(frozen=True, eq=False)
class LogDensity(Constraint):
    """Any log-density written in JAX, one number a component: the likelihood gains exp(fn).

    Parameters
    ----------
    fn
        ``fn(alpha)``, or ``fn(alpha, glob)`` if ``glob`` is given: the logarithm of the density, of the
        shape of alpha, each component depending on its own alpha only. It is traced when the model is
        prepared; whether it is normalised is its author's business.
    glob
        The default global observable. Without it there is nothing for toys to vary.
    width
        Uncertainty before a fit; from the curvature at the most likely value if None.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If ``fn`` is no function, or a number not finite or a width not positive.

    Notes
    -----
    Toys of the global observable are drawn from exp(fn(alpha, .)), values of the parameter from
    exp(fn(., glob)), both normalised numerically.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from smoothfit import Model, Process, Variable
    >>> cauchy = LogDensity(lambda a, g: -jnp.log(jnp.pi * (1.0 + (a - g) ** 2)), glob=0.0)
    >>> theta = Variable("theta", 0.0, constraint=cauchy)
    >>> model = Model().add_proc(Process("p", [100.0]).add_lnN(theta, 1.1)).prepare()
    >>> round(float(model.nll({theta: 1.0}, [110.0]) - model.nll({theta: 1.0}, [110.0], {theta: 1.0})), 6)
    0.693147
    """

    kind: ClassVar[str] = "density"

    fn: Callable[..., Any]
    glob: ArrayLike | None = None  # type: ignore[assignment]
    width: ArrayLike | None = None

    def __post_init__(self) -> None:
        if not callable(self.fn):
            raise InvalidTypeError(f"LogDensity constraint: expected a function, got {self.fn!r}.")
        if self.glob is not None:
            numbers_of("LogDensity constraint: glob", self.glob)
        if self.width is not None:
            positive("LogDensity constraint: width", self.width)

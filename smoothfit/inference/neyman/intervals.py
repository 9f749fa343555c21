"""Which toys' intervals hold the truth, by method; where possible without finding the intervals.

An interval from a test holds the true value if and only if the test at that value accepts it. So the ends
need not be looked for:

- "minos": 2 (NLL at the truth - lowest NLL) <= chi2_1(cl). The same as the interval between the two Minos
  bounds where the profiled NLL rises on either side of its minimum. Where it has several minima below the
  level, the test counts every value below it, and Minos' interval around the lowest one is shorter.
- "hessian": |estimate - truth| <= z error.
- "upper_limit": CLs(truth) >= 1 - cl, the same as limit >= truth where CLs falls with the parameter.
- "feldman_cousins": the p-value of the truth > 1 - cl, against reference toys at the truth. The same as the
  interval where t does not depend on other parameters, or there are none: intervals of data have toys where a
  fit to them puts the others.
- a function (model, obs, globs) -> (lower, upper): toy by toy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._types import BoolArray, FloatArray
from ...errors import FitError, InvalidTypeError
from ...results.levels import joint_level
from ..batching import Held, Members, hold
from ..context import Context
from ..ensembles import TIE, FitCounts, Toys, fit_toys
from .ratios import Ratios, likelihood_ratios
from .tails import critical_value
from .truths import Truth
from .upper_limits import cls_of_toys

__all__ = ["METHODS", "Judged", "Method", "choose"]


@dataclass(frozen=True, eq=False)
class Judged:
    """Of a block of toys."""

    covered: BoolArray
    """(toy,): whether the interval holds the truth."""
    known: BoolArray
    """(toy,): whether there is an interval."""
    free: Members
    """The fits with nothing held, with errors."""


@dataclass(frozen=True, eq=False)
class Method(ABC):
    """A way to make intervals of a parameter."""

    context: Context
    position: int
    free: Held
    """What is held in all fits."""
    cl: float
    counts: FitCounts

    @abstractmethod
    def judge(self, toys: Toys, truth: Truth) -> Judged:
        """Which of the toys' intervals hold the truth."""

    @property
    def name(self) -> str:
        """What it is called."""
        return next(name for name, method in METHODS.items() if method is type(self))

    needs_reference = False
    """Whether :meth:`refer` wants toys of the model itself first."""

    def refer(self, toys: Toys, truth: Truth) -> None:
        """Take toys of the model itself as a reference; only what needs one is given any."""
        del toys, truth

    def _start(self, truth: Truth) -> FloatArray:
        return truth.values[: self.context.layout.n_params]

    def _fitted(self, toys: Toys, truth: Truth) -> Members:
        options = {"start": self._start(truth), "errors": True, "counts": self.counts}
        return fit_toys(self.context, toys, fixed=self.free, **options)  # type: ignore[arg-type]

    def _ratios(self, toys: Toys, truth: Truth) -> Ratios:
        held = hold(self.free, [self.position], [truth.value])
        options: dict[str, Any] = {"start": self._start(truth), "counts": self.counts, "errors": True}
        return likelihood_ratios(self.context, toys, free=self.free, held=held, **options)


class _LikelihoodRatio(Method):
    def judge(self, toys: Toys, truth: Truth) -> Judged:
        ratios = self._ratios(toys, truth)
        level = 2.0 * joint_level(self.cl, 1, "coverage")
        return Judged(ratios.t <= level + TIE, ratios.known, ratios.free)


class _Hessian(Method):
    def judge(self, toys: Toys, truth: Truth) -> Judged:
        free = self._fitted(toys, truth)
        assert free.errors is not None
        error = free.errors[:, self.position]
        z = np.sqrt(2.0 * joint_level(self.cl, 1, "coverage"))
        known = free.success & np.isfinite(error)
        return Judged(np.abs(free.x[:, self.position] - truth.value) <= z * error, known, free)


class _UpperLimit(Method):
    def judge(self, toys: Toys, truth: Truth) -> Judged:
        ratios = self._ratios(toys, truth)
        if truth.value <= 0.0:
            # Limits are not below 0.
            return Judged(np.ones(len(toys), dtype=bool), ratios.known, ratios.free)
        where: dict[str, Any] = {"position": self.position, "value": truth.value, "free": self.free}
        cls, known = cls_of_toys(self.context, toys, ratios, **where, counts=self.counts)
        return Judged(cls >= 1.0 - self.cl, known, ratios.free)


@dataclass(frozen=True, eq=False)
class _FeldmanCousins(Method):
    needs_reference = True
    reference: list[FloatArray] = field(default_factory=list)

    def refer(self, toys: Toys, truth: Truth) -> None:
        self.reference.append(self._ratios(toys, truth).t)

    def judge(self, toys: Toys, truth: Truth) -> Judged:
        ratios = self._ratios(toys, truth)
        critical = critical_value(np.concatenate(self.reference), self.cl).value
        known = ratios.known & np.isfinite(critical)
        return Judged(ratios.t <= critical + TIE, known, ratios.free)


@dataclass(frozen=True, eq=False)
class _OneByOne(Method):
    function: Callable[..., Any]
    model: Any

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", "function")

    def judge(self, toys: Toys, truth: Truth) -> Judged:
        free = self._fitted(toys, truth)
        ends = np.array([self._ends(*pair) for pair in zip(toys.counts, toys.globs, strict=True)])
        covered = (ends[:, 0] <= truth.value) & (truth.value <= ends[:, 1])
        return Judged(covered, ~np.any(np.isnan(ends), axis=1), free)

    def _ends(self, obs: FloatArray, globs: FloatArray) -> tuple[float, float]:
        try:
            found = self.function(self.model, obs, globs)
        except FitError:
            return np.nan, np.nan
        try:
            lower, upper = (float(end) for end in found)
        except (TypeError, ValueError) as error:
            raise InvalidTypeError(
                f"coverage: the method gave {found!r}; a function (model, obs, globs) must return "
                "(lower, upper)."
            ) from error
        return lower, upper


METHODS: dict[str, type[Method]] = {
    "minos": _LikelihoodRatio,
    "hessian": _Hessian,
    "upper_limit": _UpperLimit,
    "feldman_cousins": _FeldmanCousins,
}
"""By name."""


def choose(
    method: Any, model: Any, context: Context, position: int, free: Held, cl: float, counts: FitCounts
) -> Method:
    """A method by name, or that of a function.

    Raises
    ------
    InvalidTypeError
        If there is none.
    """
    if isinstance(method, str) and method in METHODS:
        return METHODS[method](context, position, free, cl, counts)
    if callable(method):
        return _OneByOne(context, position, free, cl, counts, method, model)
    known = ", ".join(repr(name) for name in METHODS)
    raise InvalidTypeError(
        f"coverage: method must be one of {known}, or a function (model, obs, globs) -> (lower, upper); "
        f"got {method!r}."
    )

"""Hypothesis tests, limits, intervals and goodness of fit, asked of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidTypeError
from ..inference import goodness, hypotests, neyman
from ..inference.context import Context
from ..preparation import Specification
from ..results import ChannelCompatibility, Coverage
from .methods import asked

__all__ = ["TestsAndLimits"]


class TestsAndLimits(ABC):
    """What a model can be asked about hypotheses; each method is a function of :mod:`smoothfit.inference`."""

    @property
    @abstractmethod
    def specification(self) -> Specification:
        """What the model was told."""

    @abstractmethod
    def _context(self) -> Context:
        """The prepared model."""

    hypotest = asked(hypotests.hypotest)
    upper_limit = asked(hypotests.upper_limit)
    two_sided_limit = asked(hypotests.two_sided_limit)
    significance = asked(hypotests.significance)
    goodness_of_fit = asked(goodness.goodness_of_fit)
    chi2 = asked(goodness.chi2)
    feldman_cousins = asked(neyman.feldman_cousins)
    global_significance = asked(neyman.global_significance)

    def coverage(
        self,
        poi: Any,
        values: Any,
        *,
        method: str | Callable[..., Any] = "minos",
        cl: float | None = None,
        toys: float = 1000,
        seed: int | None = None,
        generator: Any = None,
        fixed: Mapping[Any, Any] | None = None,
        reference_toys: float | None = None,
        mc_error: float | None = None,
        most_toys: float | None = None,
    ) -> Coverage:
        options: dict[str, Any] = {"method": method, "cl": cl, "toys": toys, "seed": seed, "fixed": fixed}
        options |= {"reference_toys": reference_toys, "mc_error": mc_error, "most_toys": most_toys}
        if generator is not None and not isinstance(generator, TestsAndLimits):
            raise InvalidTypeError(f"coverage: generator must be a Model, got {type(generator).__name__}.")
        source = None if generator is None else generator._context()
        return neyman.coverage(self._context(), poi, values, **options, generator=source, model=self)

    def channel_compatibility(
        self,
        obs: Any,
        *,
        poi: Any = None,
        groups: Mapping[str, Any] | None = None,
        toys: float | None = None,
        seed: int | None = None,
        globs: Any = None,
        fixed: Mapping[Any, Any] | None = None,
        minos: bool = False,
        toy_kind: str = "frequentist",
        mc_error: float | None = None,
        most_toys: float | None = None,
    ) -> ChannelCompatibility:
        options: dict[str, Any] = {"globs": globs, "fixed": fixed, "minos": minos, "toy_kind": toy_kind}
        options |= {"toys": toys, "seed": seed, "mc_error": mc_error, "most_toys": most_toys}
        context, told = self._context(), self.specification
        return goodness.channel_compatibility(context, told, obs, poi=poi, groups=groups, **options)


TestsAndLimits.coverage.__doc__ = neyman.coverage.__doc__
TestsAndLimits.channel_compatibility.__doc__ = goodness.channel_compatibility.__doc__

"""Hypothesis tests, limits, intervals and goodness of fit, asked of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from ..inference import goodness, hypotests
from ..inference.context import Context
from ..preparation import Specification
from ..results import ChannelCompatibility
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


TestsAndLimits.channel_compatibility.__doc__ = goodness.channel_compatibility.__doc__

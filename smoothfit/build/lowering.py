"""Declarations as preparation knows them: what acts on some bins only becomes a function of bins.

Factors of whole rows have their derivatives by structure; those of some bins are rarer, and
automatic differentiation serves them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from .._types import Array, FloatArray
from ..effects import Effect, Entries, RowEffect
from .declarations import AddFn, Declaration, Scale, ScaleFn, Systematic, effect_label
from .selection import EVERYWHERE, Region, restrict

if TYPE_CHECKING:
    from .contribution import ChannelContrib

__all__ = ["entries", "lowered", "rates"]


def rates(contrib: ChannelContrib, region: Region) -> FloatArray:
    """(selected sub-process,): the expected events in a resolved region."""
    selected = contrib.yields[region.rows(contrib.n_sub)]
    return selected.sum(axis=1) if region.bins is None else selected[:, list(region.bins)].sum(axis=1)


def entries(what: str, contrib: ChannelContrib, systematic: Systematic) -> Entries | None:
    """Kind and numbers of a resolved systematic on its rows; None for one that is only a function."""
    if not isinstance(systematic.effect, RowEffect):
        return None
    return systematic.effect.entries(what, rates(contrib, systematic.region))


def lowered(contrib: ChannelContrib, declaration: Declaration) -> Declaration:
    """The same effect on this contribution, as one of the forms that are stacked.

    Examples
    --------
    >>> from smoothfit.build import ChannelContrib, Variable
    >>> contrib = ChannelContrib("SR", [50.0, 1.0]).scale_by(Variable("mu", 1.0), bins=[1])
    >>> type(lowered(contrib, contrib.effects[0])).__name__
    'ScaleFn'
    """
    if isinstance(declaration, ScaleFn):
        return declaration if declaration.region is EVERYWHERE else _function(contrib, declaration)
    if isinstance(declaration, Scale):
        region = declaration.region
        by_row = region.bins is None and (declaration.axis != "bin" or region.sub_procs is None)
        return declaration if by_row else _scale(contrib, declaration)
    if isinstance(declaration, Systematic):
        found = entries("", contrib, declaration)
        if found is not None and declaration.region.bins is None:
            return declaration
        return _systematic(contrib, declaration, found)
    return declaration


def _restricted(
    contrib: ChannelContrib, fn: Callable[..., Any], region: Region, axis: str | None, neutral: float
) -> Callable[..., Array]:
    return restrict(
        fn, region, axis, neutral, n_sub=contrib.n_sub, n_bins=contrib.n_bins, is_array=contrib.is_array
    )


def _function(contrib: ChannelContrib, declaration: ScaleFn) -> ScaleFn:
    neutral = 0.0 if isinstance(declaration, AddFn) else 1.0
    fn = _restricted(contrib, declaration.fn, declaration.region, declaration.axis, neutral)
    return replace(declaration, fn=fn, axis=None, region=EVERYWHERE)


def _scale(contrib: ChannelContrib, declaration: Scale) -> ScaleFn:
    def components(variable: Array) -> Array:
        return variable[None, :] if declaration.axis == "bin" else jnp.reshape(variable, (-1, 1))

    fn = _restricted(contrib, components, declaration.region, None, 1.0)
    return ScaleFn(fn, (declaration.variable,), None, effect_label(declaration))


def _systematic(contrib: ChannelContrib, declaration: Systematic, found: Entries | None) -> ScaleFn:
    effect: Effect = declaration.effect
    fn: Callable[..., Any] = effect
    if found is not None:
        kind, numbers = found

        def fn(theta: Array) -> Array:
            return kind.factor(theta, *(jnp.asarray(n) for n in numbers))[:, None]

    fn = _restricted(contrib, fn, declaration.region, None, 1.0)
    return ScaleFn(fn, (declaration.variable,), None, effect_label(declaration))

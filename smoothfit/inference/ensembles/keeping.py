"""Blocks of toys that are kept: what was computed before an interruption is not computed again.

Whoever asks for toys computes them block by block, by a rule that depends on nothing else than what was found
so far. So a call that is made again asks for the same blocks in the same order, and those that a keeper has
are taken from there: the answer is, bit for bit, that of a call that was not interrupted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np

from ..._types import FloatArray
from ..context import Context
from .ensemble import Ensemble
from .fits import FitCounts
from .generators import check_seed

__all__ = ["Columns", "Keeper", "fresh_seed", "is_kept", "keeping", "kept"]

Columns = Mapping[str, FloatArray]
"""(toy,) each, by name."""


class Keeper(Protocol):
    """Where blocks are kept."""

    @property
    def seed(self) -> int:
        """Of calls that give none."""

    def block(
        self, context: Context, facts: Mapping[str, Any], n: int, make: Callable[[FitCounts], Columns]
    ) -> tuple[Columns, FitCounts]:
        """A block of n toys and how its fits went, by all that decides it: arrays, and what JSON has."""


_KEEPER: ContextVar[Keeper | None] = ContextVar("keeper of toys", default=None)


@contextlib.contextmanager
def keeping(one: Keeper) -> Iterator[None]:
    """Meanwhile blocks are kept there."""
    token = _KEEPER.set(one)
    try:
        yield
    finally:
        _KEEPER.reset(token)


def is_kept() -> bool:
    """Whether there is a keeper."""
    return _KEEPER.get() is not None


def fresh_seed(seed: int | None) -> int:
    """The seed; for None that of the keeper, or fresh entropy.

    Fresh ones are short enough to be written down, and read back by anything.
    """
    if seed is not None:
        return check_seed(seed)
    place = _KEEPER.get()
    return int(np.random.SeedSequence().generate_state(1)[0]) if place is None else place.seed


def kept(
    what: str,
    ensemble: Ensemble,
    first: int,
    n: int,
    counts: FitCounts,
    make: Callable[[FitCounts], Columns],
    **facts: Any,
) -> Columns:
    """The columns of toys first, ..., first + n - 1: those that were kept, or made and kept.

    Parameters
    ----------
    what
        Is computed; with the ensemble and ``facts`` it decides every number.
    counts
        Where the numbers of fits are added to.
    make
        Computes them, and counts its fits.
    """
    place = _KEEPER.get()
    if place is None:
        return make(counts)
    drawn = {"values": ensemble.values, "seed": ensemble.seed, "kind": ensemble.kind}
    drawn |= {"purpose": ensemble.purpose, "obs": ensemble.obs, "globs": ensemble.globs}
    columns, made = place.block(
        ensemble.context, {"what": what, "first": first, "toys": n, **drawn, **facts}, n, make
    )
    counts.add(made)
    return columns

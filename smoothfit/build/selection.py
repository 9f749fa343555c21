"""Where an effect acts: some sub-processes, some bins, or everything; and functions restricted to that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._checks import describe, plural
from .._types import Array, IntArray
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError

__all__ = ["EVERYWHERE", "Region", "read_region", "restrict"]


@dataclass(frozen=True, eq=False)
class Region:
    """Sub-processes (indices or names) and bins (indices, a slice or flags); None is all of them.

    Once resolved for a contribution, both are increasing indices, or None.
    """

    sub_procs: Any = None
    bins: Any = None

    def resolve(self, what: str, names: Sequence[str] | None, n_sub: int, n_bins: int) -> Region:
        """The same by indices, for a contribution of this size.

        ``names`` are those of the sub-processes, None where they are not known yet.

        Raises
        ------
        UnknownNameError
            A sub-process of another name.
        InvalidValueError, ShapeMismatchError
            An index outside, one given twice, flags of another length, nothing selected.

        Examples
        --------
        >>> Region(["b"], slice(1, None)).resolve("add_lnN", ["a", "b"], 2, 3)
        Region(sub_procs=(1,), bins=(1, 2))
        """
        if self.sub_procs is None and self.bins is None:
            return self
        rows = None if self.sub_procs is None else _rows(f"{what}: sub_procs", self.sub_procs, names, n_sub)
        bins = None if self.bins is None else _bins(f"{what}: bins", self.bins, n_bins)
        return Region(rows, bins)

    def rows(self, n_sub: int) -> IntArray:
        """The sub-processes, by index; resolved regions only."""
        return np.arange(n_sub) if self.sub_procs is None else np.array(self.sub_procs)

    def overlaps(self, other: Region) -> bool:
        """Whether two resolved regions have a bin in common."""
        return _share(self.sub_procs, other.sub_procs) and _share(self.bins, other.bins)


EVERYWHERE = Region()


def _share(first: Any, second: Any) -> bool:
    return first is None or second is None or bool(set(first) & set(second))


def _integer(item: Any) -> bool:
    return isinstance(item, int | np.integer) and not isinstance(item, bool)


def _rows(what: str, given: Any, names: Sequence[str] | None, n_sub: int) -> tuple[int, ...]:
    found = []
    for item in given:
        if isinstance(item, str):
            if names is None:
                raise UnknownNameError(
                    f"{what}: '{item}': names of sub-processes are known once the contribution was added to "
                    "its process; add it first, or give indices."
                )
            if item not in names:
                raise UnknownNameError(
                    f"{what}: there is no sub-process '{item}'; there are: {', '.join(names)}."
                )
            found.append(list(names).index(item))
        else:
            found.append(int(item))
    return _indices(what, found, n_sub, "sub-process")


def _bins(what: str, given: Any, n_bins: int) -> tuple[int, ...]:
    if isinstance(given, slice):
        found = list(range(n_bins))[given]
        if not found:
            raise InvalidValueError(
                f"{what}: {given} selects none of {plural(n_bins, 'bin')}; give at least one."
            )
        return tuple(sorted(found))
    if given.dtype.kind == "b":
        if given.shape != (n_bins,):
            raise ShapeMismatchError(
                f"{what} has {plural(given.size, 'flag')}, yields have {plural(n_bins, 'bin')}; "
                "give one flag a bin, or indices."
            )
        return tuple(np.flatnonzero(given).tolist())
    return _indices(what, given.tolist(), n_bins, "bin")


def _indices(what: str, found: list[int], size: int, noun: str) -> tuple[int, ...]:
    for index in found:
        if not 0 <= index < size:
            raise InvalidValueError(
                f"{what}: {index} is outside; there {'is' if size == 1 else 'are'} {plural(size, noun)}, "
                "counted from 0."
            )
    if len(set(found)) != len(found):
        raise InvalidValueError(f"{what}: an index is given twice in {found}; give each once.")
    return tuple(sorted(found))


def read_region(what: str, sub_procs: Any, bins: Any) -> Region:
    """What was given for ``sub_procs`` and ``bins``, checked as far as that goes without a size.

    Examples
    --------
    >>> read_region("add_lnN", "ttH", [0, 1]).sub_procs
    ('ttH',)
    """
    if sub_procs is not None:
        items = [sub_procs] if isinstance(sub_procs, str) or _integer(sub_procs) else sub_procs
        try:
            items = list(items)
        except TypeError as error:
            raise InvalidTypeError(
                f"{what}: sub_procs must be names or indices, got {describe(sub_procs)}."
            ) from error
        for item in items:
            if not isinstance(item, str) and not _integer(item):
                raise InvalidTypeError(f"{what}: sub_procs must be names or indices, got {describe(item)}.")
        if not items:
            raise InvalidValueError(
                f"{what}: sub_procs is empty; give at least one, or leave it out for all."
            )
        sub_procs = tuple(items)
    if bins is not None and not isinstance(bins, slice):
        array = np.atleast_1d(np.array(bins))
        if array.size == 0 or (array.dtype.kind == "b" and not array.any()):
            raise InvalidValueError(f"{what}: bins is empty; give at least one, or leave it out for all.")
        if array.ndim != 1 or array.dtype.kind not in "iub":
            raise InvalidTypeError(
                f"{what}: bins must be indices, a slice or one flag a bin, got {describe(bins)}."
            )
        array.setflags(write=False)
        bins = array
    return EVERYWHERE if sub_procs is None and bins is None else Region(sub_procs, bins)


def _positions(selected: tuple[int, ...] | None, size: int) -> tuple[IntArray, IntArray]:
    """(where each index stands among the selected ones, 0 if it does not; whether it is selected)."""
    indices = np.arange(size) if selected is None else np.array(selected)
    position, inside = np.zeros(size, dtype=int), np.zeros(size, dtype=bool)
    position[indices], inside[indices] = np.arange(len(indices)), True
    return position, inside


def restrict(
    fn: Callable[..., Any],
    region: Region,
    axis: str | None,
    neutral: float,
    *,
    n_sub: int,
    n_bins: int,
    is_array: bool,
) -> Callable[..., Array]:
    """``fn`` in a resolved region and ``neutral`` elsewhere, with a result of two axes.

    The result of ``fn`` broadcasts to the (sub-process, bin) of the region; an axis of the full length
    is cut to it. A 1-D result runs over sub-processes if that fits an array process, else over bins.

    Examples
    --------
    >>> inside = restrict(lambda m: m, Region(None, (1,)), None, 1.0, n_sub=1, n_bins=3, is_array=False)
    >>> inside(2.0).tolist()
    [[1.0, 2.0, 1.0]]
    """
    row_at, row_in = _positions(region.sub_procs, n_sub)
    bin_at, bin_in = _positions(region.bins, n_bins)
    sizes = ((int(row_in.sum()), n_sub, row_at), (int(bin_in.sum()), n_bins, bin_at))

    def as_block(result: Array) -> Array:
        if result.ndim == 1 and result.shape[0] > 1:
            by_row = is_array and result.shape[0] in sizes[0][:2] and axis in (None, "process")
            return result[:, None] if by_row else result[None, :]
        return result.reshape((1, 1)) if result.size == 1 else result

    def along(result: Array, which: int) -> Array:
        selected, full, position = sizes[which]
        length = result.shape[which]
        if length in (1, full):
            return result
        if length != selected:
            noun = ("sub-process", "bin")[which]
            raise ShapeMismatchError(
                f"its result has shape {result.shape}, which fits neither {plural(selected, noun)} nor {full}"
            )
        return jnp.take(result, position, axis=which)

    def restricted(*arguments: Any) -> Array:
        result = as_block(jnp.asarray(fn(*arguments)))
        if result.ndim != 2:
            raise ShapeMismatchError(f"its result has shape {result.shape}, expected (sub-process, bin)")
        inside = row_in[:, None] & (bin_in[None, :] if region.bins is not None else np.ones((1, 1), bool))
        return jnp.where(inside, along(along(result, 0), 1), neutral)

    return restricted

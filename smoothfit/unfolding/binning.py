"""Truth bins: their widths, their distances, and which of them are underflow or overflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import as_floats, check_finite, check_flag, describe, plural
from .._types import BoolArray, FloatArray
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError

__all__ = ["Axis", "TruthBinning", "read_binning"]


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of the truth bins.

    Attributes
    ----------
    edges
        (bin + 1,): edges of the bins that are neither underflow nor overflow, in the axis's unit.
    underflow, overflow
        Whether one more bin stands before the first, or after the last.
    """

    edges: FloatArray
    underflow: bool = False
    overflow: bool = False

    @property
    def n_bins(self) -> int:
        """Number of bins, underflow and overflow included."""
        return len(self.edges) - 1 + self.underflow + self.overflow

    @property
    def inner(self) -> slice:
        """The bins between underflow and overflow."""
        return slice(int(self.underflow), self.n_bins - int(self.overflow))

    @property
    def widths(self) -> FloatArray:
        """(inner bin,)"""
        return np.diff(self.edges)

    @property
    def distances(self) -> FloatArray:
        """(inner bin - 1,): from centre to centre."""
        return np.diff(0.5 * (self.edges[1:] + self.edges[:-1]))


@dataclass(frozen=True, eq=False)
class TruthBinning:
    """The truth bins, of one axis or several, in C order: the last axis runs fastest.

    Examples
    --------
    >>> binning = TruthBinning((Axis(np.array([0.0, 1.0, 3.0]), overflow=True),))
    >>> binning.n_bins, binning.areas, binning.is_flow
    (3, array([1., 2., 1.]), array([False, False,  True]))
    """

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of bins of each axis, underflow and overflow included."""
        return tuple(axis.n_bins for axis in self.axes)

    @property
    def n_bins(self) -> int:
        """Number of truth bins."""
        return int(np.prod(self.shape))

    @property
    def is_flow(self) -> BoolArray:
        """(truth bin,): whether it is underflow or overflow of any axis."""
        inner = np.zeros(self.shape, dtype=bool)
        inner[tuple(axis.inner for axis in self.axes)] = True
        return ~inner.ravel()

    @property
    def areas(self) -> FloatArray:
        """(truth bin,): product of its widths, 1 for underflow and overflow."""
        areas = np.ones(self.shape)
        grid = np.ix_(*(axis.widths for axis in self.axes))
        inner = np.ones(())
        for widths in grid:
            inner = inner * widths
        areas[tuple(axis.inner for axis in self.axes)] = inner
        return areas.ravel()


def _edges(what: str, given: Any) -> FloatArray:
    edges = check_finite(what, as_floats(what, given))
    if edges.ndim != 1 or len(edges) < 2:
        raise ShapeMismatchError(
            f"{what} have shape {edges.shape}; give one edge more than bins, (bin + 1,)."
        )
    if np.any(np.diff(edges) <= 0.0):
        at = int(np.argmin(np.diff(edges) > 0.0))
        raise InvalidValueError(
            f"{what} must increase, got {edges[at]:g} and then {edges[at + 1]:g}: every bin needs a width."
        )
    return edges


def _per_axis(given: Any, n_axes: int, what: str) -> list[Any]:
    """One entry an axis: of one axis the entry itself may be given."""
    if n_axes == 1:
        return [given]
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != n_axes:
        raise ShapeMismatchError(f"{what}: the truth has {n_axes} axes; give a list of {n_axes} entries.")
    return list(given)


def _flow(what: str, given: Any) -> tuple[bool, bool]:
    if isinstance(given, bool | np.bool_):
        return bool(given), bool(given)
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 2:
        raise InvalidTypeError(f"{what} must be a bool, or (underflow, overflow), got {describe(given)}.")
    return check_flag(what, given[0]), check_flag(what, given[1])


def read_binning(what: str, shape: tuple[int, ...], edges: Any, flow: Any) -> TruthBinning:
    """The binning of a truth of this shape.

    Parameters
    ----------
    edges
        Edges of the bins without underflow and overflow; of several axes a list. Unit widths if None.
    flow
        Whether the first and the last bin are underflow and overflow: a bool or a pair; of several axes
        one for all, or a list with one an axis.

    Raises
    ------
    ShapeMismatchError, InvalidValueError, InvalidTypeError
        For edges that do not increase, or whose number fits no truth of that shape.
    """
    n_axes = len(shape)
    flows = [flow] * n_axes if isinstance(flow, bool | np.bool_) else _per_axis(flow, n_axes, f"{what}: flow")
    given = [None] * n_axes if edges is None else _per_axis(edges, n_axes, f"{what}: edges")
    axes = []
    for i, (size, entry, one) in enumerate(zip(shape, given, flows, strict=True)):
        of_axis = f" of axis {i}" if n_axes > 1 else ""
        underflow, overflow = _flow(f"{what}: flow{of_axis}", one)
        inner = size - underflow - overflow
        if inner < 1:
            raise ShapeMismatchError(
                f"{what}: truth{of_axis} has {plural(size, 'bin')}, none is left between the flow bins."
            )
        found = np.arange(inner + 1.0) if entry is None else _edges(f"{what}: edges{of_axis}", entry)
        if len(found) != inner + 1:
            raise ShapeMismatchError(
                f"{what}: {len(found)} edges{of_axis} for {plural(inner, 'truth bin')}"
                f"{' beside underflow and overflow' if inner != size else ''}; give {inner + 1}."
            )
        axes.append(Axis(found, underflow, overflow))
    return TruthBinning(tuple(axes))

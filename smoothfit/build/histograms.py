"""Histograms as input: ``hist``, ``boost_histogram`` and uproot, wherever yields are accepted.

They are known by what they can do (the UHI protocol: ``values()`` and ``axes`` or ``axis``), so
none of the packages is imported. Under- and overflow are left out. Variances are those that the
histogram reports; one that was filled without weights reports its contents. Give ``h.values()`` to
leave variances, axes and labels behind.

As a template, a histogram of several axes has its bins one after the other, those of the last axis
next to each other. Only where the first of several axes has categories, these are sub-processes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import as_floats
from .._types import FloatArray
from ..errors import InvalidTypeError, ShapeMismatchError
from ..layout import AxisInfo

__all__ = [
    "HistogramData",
    "Template",
    "as_histogram",
    "as_template",
    "read_template",
    "same_axes",
    "same_edges",
]


@dataclass(frozen=True, eq=False)
class HistogramData:
    """What is taken from a histogram: arrays of one dimension an axis."""

    values: FloatArray
    variances: FloatArray | None = None
    axes: tuple[AxisInfo, ...] = ()
    has_rows: bool = False
    """Whether the first of several axes has categories, which are sub-processes."""
    outside: float = 0.0
    """What under- and overflow hold, which is not among the values."""

    @property
    def edges(self) -> tuple[FloatArray | None, ...]:
        """Edges of each axis."""
        return tuple(axis.edges for axis in self.axes)

    @property
    def label(self) -> str | None:
        """Label of the last axis."""
        return self.axes[-1].label if self.axes else None


@dataclass(frozen=True, eq=False)
class Template:
    """Yields (bin,), or (sub-process, bin), with what else is known of them."""

    values: FloatArray
    variances: FloatArray | None = None
    axes: tuple[AxisInfo, ...] = ()
    """Those that the bins run over, the last one fastest; empty for arrays."""
    rows: tuple[str, ...] | None = None
    """Names of the sub-processes, where categories name them."""


def _is_histogram(obj: Any) -> bool:
    if isinstance(obj, HistogramData):
        return True
    if isinstance(obj, type):
        return False
    return callable(getattr(obj, "values", None)) and (hasattr(obj, "axes") or hasattr(obj, "axis"))


def _axes(obj: Any) -> list[Any]:
    axes = getattr(obj, "axes", None)
    if axes is None:
        axis = obj.axis
        return [axis() if callable(axis) else axis]
    return list(axes)


def _edges(axis: Any) -> FloatArray | None:
    """The edges of an axis: an array (boost_histogram), a method (uproot) or none."""
    edges = getattr(axis, "edges", None)
    if callable(edges):
        edges = edges()
    return None if edges is None else np.array(edges, dtype=np.float64)


def _label(axis: Any) -> str | None:
    label = getattr(axis, "label", None) or getattr(axis, "title", None)
    if label is None and callable(getattr(axis, "member", None)):
        label = axis.member("fTitle", none_if_missing=True)  # a ROOT axis
    # hist calls an axis without a label "Axis 0".
    if not isinstance(label, str) or not label.strip() or re.fullmatch(r"Axis \d+", label):
        return None
    return label


def _has_categories(axis: Any) -> bool:
    """Whether the bins of an axis are categories; those of an integer axis are in an order."""
    return getattr(getattr(axis, "traits", None), "ordered", True) is False


def _names(axis: Any, size: int) -> tuple[str, ...] | None:
    labels = getattr(axis, "labels", None)  # of ROOT's bins
    found = list(axis) if _has_categories(axis) else labels() if callable(labels) else None
    return None if found is None or len(found) != size else tuple(str(name) for name in found)


def _axis_info(axis: Any, size: int) -> AxisInfo:
    return AxisInfo(size, _edges(axis), _label(axis), _names(axis, size))


def _outside(obj: Any, axes: Sequence[Any], shape: tuple[int, ...]) -> float:
    """The sum of all contents beyond the axes."""
    try:
        everything = np.array(obj.values(flow=True), dtype=np.float64)
    except TypeError:
        return 0.0  # a histogram that knows nothing of them
    inside = []
    for axis, full, size in zip(axes, everything.shape, shape, strict=True):
        # Of one bin more, it is the overflow unless the axis says otherwise.
        below = full - size == 2 or (
            full - size == 1 and getattr(getattr(axis, "traits", None), "underflow", False)
        )
        inside.append(slice(int(below), int(below) + size))
    everything[tuple(inside)] = 0.0
    return float(everything.sum())


def same_edges(a: FloatArray | None, b: FloatArray | None) -> bool:
    """Whether two binnings agree; an unknown one agrees with all.

    Compared in single precision, as edges that were written to a file may be rounded to it.

    Examples
    --------
    >>> same_edges(np.array([0.0, 1.0]), np.array([0.0, 2.0])), same_edges(np.array([0.0, 1.0]), None)
    (False, True)
    """
    if a is None or b is None:
        return True
    if a.shape != b.shape:
        return False
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite]):
        return False
    a, b = a[finite], b[finite]
    # Single precision of the largest edge, but never enough to confuse bins.
    tolerance = min(2e-7 * np.max(np.abs(a), initial=0.0), 0.1 * np.min(np.diff(a), initial=np.inf))
    return bool(np.all(np.abs(a - b) <= tolerance))


def same_axes(a: Sequence[AxisInfo], b: Sequence[AxisInfo]) -> bool:
    """Whether bins mean the same; of arrays, without axes, nothing is known.

    Examples
    --------
    >>> first, second = AxisInfo(2, names=("e", "mu")), AxisInfo(2, names=("mu", "e"))
    >>> same_axes([first], [second]), same_axes([], [second])
    (False, True)
    """
    if not a or not b:
        return True
    if [axis.size for axis in a] != [axis.size for axis in b]:
        return False
    return all(
        same_edges(x.edges, y.edges) and (x.names is None or y.names is None or x.names == y.names)
        for x, y in zip(a, b, strict=True)
    )


def as_histogram(obj: Any, what: str) -> HistogramData | None:
    """Read a histogram, or a list of 1-D histograms (one a row); None if it is neither.

    Raises
    ------
    InvalidTypeError
        For a profile (its contents are means, not yields).
    ShapeMismatchError
        For a list of histograms of different binnings.
    """
    if isinstance(obj, list | tuple) and obj and all(_is_histogram(item) for item in obj):
        return _stack(obj, what)
    if isinstance(obj, HistogramData) or not _is_histogram(obj):
        return obj if isinstance(obj, HistogramData) else None
    if getattr(obj, "kind", "COUNT") != "COUNT":
        raise InvalidTypeError(
            f"{what} is a profile histogram, whose contents are means; give one of counts."
        )
    values = as_floats(what, obj.values())
    axes = _axes(obj)
    if values.ndim != len(axes):
        raise ShapeMismatchError(
            f"{what} is a histogram of {len(axes)} axes with contents of shape {values.shape}; give one "
            "whose bins lie on a grid."
        )
    reader = getattr(obj, "variances", None)
    variances = reader() if callable(reader) else None
    return HistogramData(
        values=values,
        variances=None if variances is None else as_floats(f"{what}: variances", variances),
        axes=tuple(_axis_info(axis, size) for axis, size in zip(axes, values.shape, strict=True)),
        has_rows=len(axes) > 1 and _has_categories(axes[0]),
        outside=_outside(obj, axes, values.shape),
    )


def _stack(histograms: Sequence[Any], what: str) -> HistogramData:
    """Histograms of one axis, one a row, as one of two axes."""
    rows = [row for row in (as_histogram(item, what) for item in histograms) if row is not None]
    first = rows[0]
    for index, row in enumerate(rows):
        if row.values.ndim != 1 or row.values.shape != first.values.shape:
            raise ShapeMismatchError(
                f"{what}: histogram {index} of the list has shape {row.values.shape}, the first "
                f"{first.values.shape}; give histograms of one axis and one binning."
            )
        if not same_axes(row.axes, first.axes):
            raise ShapeMismatchError(
                f"{what}: histogram {index} of the list has another binning than the first."
            )
    variances = [row.variances for row in rows if row.variances is not None]
    return HistogramData(
        values=np.stack([row.values for row in rows]),
        # All or none: a row without variances would otherwise count as exact.
        variances=np.stack(variances) if len(variances) == len(rows) else None,
        axes=(AxisInfo(len(rows)), first.axes[0]),
        has_rows=True,
        outside=sum(row.outside for row in rows),
    )


def as_template(histogram: HistogramData) -> Template:
    """A histogram as (bin,), or (sub-process, bin): see the module.

    Examples
    --------
    >>> axes = (AxisInfo(2, label="x"), AxisInfo(3, label="y"))
    >>> as_template(HistogramData(np.arange(6.0).reshape(2, 3), axes=axes)).values
    array([0., 1., 2., 3., 4., 5.])
    """
    size = histogram.values.shape
    rows = histogram.has_rows and len(size) > 1
    shape = (size[0], math.prod(size[1:])) if rows else (math.prod(size),)
    return Template(
        values=histogram.values.reshape(shape),
        variances=None if histogram.variances is None else histogram.variances.reshape(shape),
        axes=histogram.axes[1:] if rows else histogram.axes,
        rows=histogram.axes[0].names if rows else None,
    )


def read_template(obj: Any, what: str) -> Template:
    """A histogram, an array, nested lists or one number (one bin) as yields.

    Raises
    ------
    InvalidTypeError, ShapeMismatchError
        Where it is not made of numbers, or is neither (bin,) nor (sub-process, bin), or empty.

    Examples
    --------
    >>> read_template(3, "yields").values
    array([3.])
    """
    histogram = as_histogram(obj, what)
    template = Template(np.atleast_1d(as_floats(what, obj))) if histogram is None else as_template(histogram)
    if template.values.ndim > 2:
        raise ShapeMismatchError(
            f"{what} has shape {template.values.shape}; "
            "give (bin,), or (sub-process, bin) for an array process."
        )
    if template.values.size == 0:
        raise ShapeMismatchError(f"{what} is empty; give at least one bin.")
    return template

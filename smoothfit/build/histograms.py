"""Histograms as input: ``hist``, ``boost_histogram`` and uproot, wherever yields are accepted.

They are known by what they can do (the UHI protocol: ``values()`` and ``axes`` or ``axis``), so
none of the packages is imported. Flow bins are left out. Variances are those that the histogram
reports; one that was filled without weights reports its contents. Give ``h.values()`` to leave
variances, edges and label behind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import as_floats
from .._types import FloatArray
from ..errors import InvalidTypeError, ShapeMismatchError

__all__ = ["HistogramData", "as_histogram", "read_template", "same_edges"]


@dataclass(frozen=True, eq=False)
class HistogramData:
    """What is taken from a histogram, or from an array (values alone).

    ``edges`` has one array an axis, in the order of the axes of ``values``; ``label`` is the last axis's.
    """

    values: FloatArray
    variances: FloatArray | None = None
    edges: tuple[FloatArray | None, ...] = ()
    label: str | None = None

    @property
    def bin_edges(self) -> FloatArray | None:
        """Edges of the bins: the last axis, the first being the sub-processes where there are two."""
        return self.edges[-1] if self.edges else None


def _is_histogram(obj: Any) -> bool:
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


def as_histogram(obj: Any, what: str) -> HistogramData | None:
    """Read a histogram, or a list of 1-D histograms (one a sub-process); None if it is neither.

    Raises
    ------
    InvalidTypeError
        For a profile (its contents are means, not yields).
    ShapeMismatchError
        For more than two axes, or a list of histograms of different binnings.
    """
    if isinstance(obj, list | tuple) and obj and all(_is_histogram(item) for item in obj):
        return _stack(obj, what)
    if not _is_histogram(obj):
        return None
    if getattr(obj, "kind", "COUNT") != "COUNT":
        raise InvalidTypeError(
            f"{what} is a profile histogram, whose contents are means; give one of counts."
        )
    values = as_floats(what, obj.values())
    if values.ndim > 2:
        raise ShapeMismatchError(
            f"{what} is a histogram of {values.ndim} axes; "
            "give one axis, or two with the sub-processes first."
        )
    reader = getattr(obj, "variances", None)
    variances = reader() if callable(reader) else None
    axes = _axes(obj)
    return HistogramData(
        values=values,
        variances=None if variances is None else as_floats(f"{what}: variances", variances),
        edges=tuple(_edges(axis) for axis in axes),
        label=_label(axes[-1]),
    )


def _stack(histograms: Sequence[Any], what: str) -> HistogramData:
    """Histograms of one axis, one a sub-process, as one of two axes."""
    rows = [row for row in (as_histogram(item, what) for item in histograms) if row is not None]
    first = rows[0]
    for index, row in enumerate(rows):
        if row.values.ndim != 1 or row.values.shape != first.values.shape:
            raise ShapeMismatchError(
                f"{what}: histogram {index} of the list has shape {row.values.shape}, the first "
                f"{first.values.shape}; give histograms of one axis and one binning."
            )
        if not same_edges(row.bin_edges, first.bin_edges):
            raise ShapeMismatchError(
                f"{what}: histogram {index} of the list has another binning than the first."
            )
    variances = [row.variances for row in rows if row.variances is not None]
    return HistogramData(
        values=np.stack([row.values for row in rows]),
        # All or none: a row without variances would otherwise count as exact.
        variances=np.stack(variances) if len(variances) == len(rows) else None,
        edges=(None, first.bin_edges),
        label=first.label,
    )


def read_template(obj: Any, what: str) -> HistogramData:
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
    template = as_histogram(obj, what) or HistogramData(values=np.atleast_1d(as_floats(what, obj)))
    if template.values.ndim > 2:
        raise ShapeMismatchError(
            f"{what} has shape {template.values.shape}; "
            "give (bin,), or (sub-process, bin) for an array process."
        )
    if template.values.size == 0:
        raise ShapeMismatchError(f"{what} is empty; give at least one bin.")
    return template

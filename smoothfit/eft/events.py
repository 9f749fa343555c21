"""Weighted events to basis templates, with the covariance that comes of their being the same events."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import ArrayLike, FloatArray, IntArray
from ..build import ChannelContrib, Process
from ..build.checks import as_floats, check_finite, plural
from ..errors import InvalidTypeError, InvalidValueError, MorphingWarning, ShapeMismatchError
from .basis import check_determined, choose_basis, frame
from .monomials import as_points, monomials_of_points, n_monomials
from .morphing import Dim6EFTMorphing

__all__ = ["EventTemplates", "templates_from_events"]

_CHUNK = 65536
_NOT_QUADRATIC = 1e-3


@dataclass(frozen=True, eq=False, repr=False)
class EventTemplates:
    """Basis templates of one channel and their covariance, from :func:`templates_from_events`."""

    basis: FloatArray
    """(M, n): the coefficients of each template."""
    templates: FloatArray
    """(M, bin): sums of weights."""
    covariance: FloatArray
    """(M, M, bin): sums of w_k w_l, the covariance between templates from limited statistics."""
    residual: float
    """Root mean square of what the quadratic misses of the weights, relative to the weights' own."""
    edges: FloatArray | None = None
    linear_only: bool = False

    def contribution(self, channel: str) -> ChannelContrib:
        """The contribution to a channel: templates as sub-processes, with their covariance."""
        return ChannelContrib(channel, self.templates).register_sumw2(self.covariance)

    def process(self, name: str, variable: Any, *, channel: str = "main") -> Process:
        """An array process, morphed by the variable.

        For several channels make all templates with the ``basis`` of the first, and add their
        ``contribution``.
        """
        morphing = Dim6EFTMorphing(variable, self.basis, linear_only=self.linear_only)
        process = Process(name, sub_procs=[f"{name}_basis{k}" for k in range(len(self.basis))])
        return process.add_contrib(self.contribution(channel)).scale_by_fn(morphing, variable)

    def __repr__(self) -> str:
        m, n_bins = self.templates.shape
        return (
            f"EventTemplates({plural(m, 'template')}, {plural(n_bins, 'bin')}, residual={self.residual:.2g})"
        )


def templates_from_events(
    points: ArrayLike,
    weights: ArrayLike,
    values: ArrayLike,
    edges: ArrayLike | int,
    *,
    basis: ArrayLike | None = None,
    linear_only: bool = False,
) -> EventTemplates:
    """Histograms at M basis points, and their covariance, of events with weights at K >= M points.

    Each event's weight is a quadratic of the coefficients; with more than M points it is fitted by
    least squares. T_k is the sum over the bin's events of w_k, V_kl that of w_k w_l, w_k the weight at
    the basis point c_k: the variance of a sum of weights generalised to several weights of one event.

    Parameters
    ----------
    points
        (K, n): the coefficients at which events have weights.
    weights
        (K, event)
    values
        (event,): what is histogrammed.
    edges
        Of the bins, rising; events outside are left out, the last bin includes its upper edge. Or the number
        of bins: ``values`` are then the bin of each event, 0 to edges - 1, and -1 leaves it out.
    basis
        (M, n) points; by default those given if there are M, else what :func:`choose_basis` takes.
    linear_only
        Whether weights are linear in the coefficients.

    Raises
    ------
    ShapeMismatchError, InvalidValueError, InvalidTypeError
        For fewer than M points, arrays of different lengths, edges that do not rise.
    SingularBasisError
        For points or a basis that do not determine the quadratic.

    Warns
    -----
    MorphingWarning
        If the weights are not quadratic: the fit misses more than 1e-3 of them.

    Examples
    --------
    >>> points = [[0.0], [1.0], [-1.0]]
    >>> weights = [[1.0, 1.0, 2.0], [1.5, 1.2, 2.0], [0.7, 1.0, 2.2]]
    >>> found = templates_from_events(points, weights, [10.0, 20.0, 70.0], [0.0, 50.0, 100.0])
    >>> found.templates.tolist()
    [[2.0, 2.0], [2.7, 2.0], [1.7, 2.2]]
    >>> found.covariance[:, :, 0].round(6).tolist()
    [[2.0, 2.7, 1.7], [2.7, 3.69, 2.25], [1.7, 2.25, 1.49]]
    """
    what = "templates_from_events"
    at = as_points(f"{what}: points", points)
    names = tuple(f"c[{i}]" for i in range(at.shape[1]))
    check_determined(f"{what}: points", at, names, linear_only=linear_only)
    # A view if it can be: there may be many events.
    events = np.asarray(weights)
    if events.dtype.kind not in "iuf":
        raise InvalidTypeError(f"{what}: weights must be real numbers, got {events.dtype}.")
    if events.ndim != 2 or len(events) != len(at):
        raise ShapeMismatchError(
            f"{what}: weights have shape {events.shape}, expected ({len(at)}, event): one row a point."
        )
    index, n_bins, bounds = _bins(what, values, edges, events.shape[1])
    chosen = _basis(what, at, basis, linear_only)
    middle, half = frame(at)
    at_points, at_basis = (
        monomials_of_points((c - middle) / half, linear_only=linear_only) for c in (at, chosen)
    )
    solve = np.linalg.pinv(at_points)
    to_basis, to_miss = at_basis @ solve, np.eye(len(at)) - at_points @ solve
    m = len(chosen)
    templates, covariance = np.zeros((m, n_bins)), np.zeros((m, m, n_bins))
    missed = total = 0.0
    for target, selected in _groups(index, n_bins):
        part = check_finite(f"{what}: weights", events[:, selected].astype(np.float64))
        at_chosen = to_basis @ part
        templates[:, target] += at_chosen.sum(axis=1)
        covariance[:, :, target] += at_chosen @ at_chosen.T
        missed += float(np.sum((to_miss @ part) ** 2))
        total += float(np.sum(part**2))
    residual = float(np.sqrt(missed / total)) if total > 0.0 else 0.0
    if residual > _NOT_QUADRATIC:
        warnings.warn(
            f"{what}: a {'linear function' if linear_only else 'quadratic'} misses {residual:.2g} of the "
            "weights (root mean square); are they all of the same model, and the points in its units?",
            MorphingWarning,
            stacklevel=2,
        )
    return EventTemplates(chosen, templates, covariance, residual, bounds, linear_only)


def _basis(what: str, points: FloatArray, basis: ArrayLike | None, linear_only: bool) -> FloatArray:
    n = points.shape[1]
    needed = n_monomials(n, linear_only=linear_only)
    if basis is None:
        return points if len(points) == needed else choose_basis(points, linear_only=linear_only)
    chosen = as_points(f"{what}: basis", basis)
    if chosen.shape != (needed, n):
        raise ShapeMismatchError(f"{what}: basis has shape {chosen.shape}, expected ({needed}, {n}).")
    names = tuple(f"c[{i}]" for i in range(n))
    check_determined(f"{what}: basis", chosen, names, linear_only=linear_only)
    return chosen


def _bins(
    what: str, values: ArrayLike, edges: ArrayLike | int, n_events: int
) -> tuple[IntArray, int, FloatArray | None]:
    """The bin of each event (-1: none), the number of bins, and edges if given."""
    found = check_finite(f"{what}: values", as_floats(f"{what}: values", values))
    if found.shape != (n_events,):
        raise ShapeMismatchError(
            f"{what}: values have shape {found.shape}, the weights have {plural(n_events, 'event')}."
        )
    if isinstance(edges, int | np.integer) and not isinstance(edges, bool):
        if edges < 1 or np.any((found != np.round(found)) | (found < -1) | (found >= edges)):
            raise InvalidValueError(
                f"{what}: with {edges} bins, values are whole numbers from -1 (left out) to {edges - 1}."
            )
        return found.astype(int), int(edges), None
    bounds = check_finite(f"{what}: edges", as_floats(f"{what}: edges", edges))
    if bounds.ndim != 1 or len(bounds) < 2 or np.any(np.diff(bounds) <= 0.0):
        raise InvalidValueError(f"{what}: edges must be at least two rising numbers.")
    n_bins = len(bounds) - 1
    index = np.searchsorted(bounds, found, side="right") - 1
    index[found == bounds[-1]] = n_bins - 1
    return np.where(index < n_bins, index, -1), n_bins, bounds


def _groups(index: IntArray, n_bins: int) -> Iterator[tuple[int, IntArray]]:
    """(bin, positions of some of its events), all bins, in pieces that fit in memory."""
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(n_bins + 1))
    for target in range(n_bins):
        for begin in range(starts[target], starts[target + 1], _CHUNK):
            yield target, order[begin : min(begin + _CHUNK, starts[target + 1])]

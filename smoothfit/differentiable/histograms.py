"""Soft histograms: each event is shared out among bins, so that yields have derivatives by it.

All are sums over events, Y_b = sum_i w_i p_ib, and differ in the probability p_ib of event i in bin b:

* :func:`kde_histogram`: the event is a Gaussian, integrated over the bin (a binned kernel density estimate);
* :func:`sigmoid_histogram`: a difference of sigmoids at the bin's edges, that is a logistic density;
* :func:`softmax_histogram`: the softmax of numbers that a network gives for each bin.

As the width of the kernel, or the temperature, goes to 0, p_ib becomes 1 or 0 and Y the histogram.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_choice
from .._types import Array, ArrayLike
from ..errors import InvalidValueError, ShapeMismatchError
from .inputs import check_chunk, numbers, or_nan, positive, rising, vector
from .kernels import Kernel, logistic, normal
from .summing import weighted_sums

__all__ = ["SoftHistogram", "kde_histogram", "sigmoid_histogram", "softmax_histogram"]

_FLOWS = ("none", "sum", "reflect")


class SoftHistogram(NamedTuple):
    """Expected events of each bin, with their Monte Carlo variances."""

    yields: Array
    """(bin,): sums of w_i p_ib."""
    sumw2: Array
    """(bin,): sums of w_i^2 p_ib, the sum of squared weights where each event is in one bin, drawn from its
    probabilities. Bins then are independent, and smearing does not make simulated events worth more."""


def kde_histogram(
    x: ArrayLike,
    edges: ArrayLike,
    bandwidth: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    flow: str = "none",
    chunk: int | None = None,
) -> SoftHistogram:
    """Events as Gaussians, integrated over each bin: differentiable by all arrays.

    p_ib = Phi((e_(b+1) - x_i)/h) - Phi((e_b - x_i)/h), Phi the normal CDF and h the bandwidth.

    Parameters
    ----------
    x
        (event,): what is histogrammed.
    edges
        (bin + 1,), strictly increasing, in the unit of ``x``. While they are traced, as everything in ``jit``
        and ``grad`` is, edges that do not increase give NaN.
    bandwidth
        Standard deviation of the Gaussians, one positive number in the unit of ``x``; NaN if it is traced and
        not positive.
    weights
        (event,), of any sign; 1 by default.
    flow
        What becomes of the part of an event beyond the outer edges. "none": it is lost, as in
        ``numpy.histogram``. "sum": the outer bins reach to infinity, so that the sum of weights is kept.
        "reflect": it is mirrored at the outer edge, which keeps the sum too, and the density up to the edge:
        for what cannot leave the edges, such as the output of a classifier. An event outside then counts at
        its mirror image, and is an error where it is known.
    chunk
        Events that are computed at a time, which bounds the memory; chosen by default.

    Raises
    ------
    InvalidTypeError, ShapeMismatchError, InvalidValueError
        For what is no number or not finite, shapes that do not fit, edges that do not increase, a bandwidth
        that is not positive, an unknown ``flow``.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> found = kde_histogram([0.2, 0.5, 0.9], [0.0, 0.5, 1.0], bandwidth=0.1)
    >>> found.yields.round(3).tolist()
    [1.476, 1.342]
    >>> kde_histogram([0.2, 0.5, 0.9], [0.0, 0.5, 1.0], bandwidth=0.1, flow="sum").yields.round(3).tolist()
    [1.499, 1.501]

    The derivative of a yield by its upper edge is the estimated density there:

    >>> by_edges = jax.jacobian(lambda edges: kde_histogram([0.2, 0.5, 0.9], edges, 0.1).yields[0])
    >>> by_edges(jnp.array([0.0, 0.5, 1.0])).round(3).tolist()
    [-0.54, 4.035, 0.0]
    """
    call = "kde_histogram"
    width = positive(f"{call}: bandwidth", bandwidth, "numpy.histogram is the limit of 0")
    return _of_kernel(call, normal, x, edges, width, weights, flow, chunk)


def sigmoid_histogram(
    x: ArrayLike,
    edges: ArrayLike,
    temperature: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    flow: str = "none",
    chunk: int | None = None,
) -> SoftHistogram:
    """Bins with sigmoids as edges: differentiable by all arrays.

    p_ib = s((x_i - e_b)/T) - s((x_i - e_(b+1))/T) with s(z) = 1/(1 + exp(-z)). That is the product of two
    cuts, s((x_i - e_b)/T) s((e_(b+1) - x_i)/T), times 1 - exp(-(e_(b+1) - e_b)/T), without which bins would
    not add up to the event. Events are logistic densities of standard deviation pi/sqrt(3) T = 1.81 T. Their
    tails reach further than those of a Gaussian of that width, so that far events still have a gradient.

    Parameters
    ----------
    x, edges, weights, flow, chunk
        As in :func:`kde_histogram`.
    temperature
        Width T of the sigmoids, one positive number in the unit of ``x``: the inverse of the sharpness of a
        :func:`~smoothfit.differentiable.soft_cut`.

    Raises
    ------
    InvalidTypeError, ShapeMismatchError, InvalidValueError
        As in :func:`kde_histogram`.

    Examples
    --------
    >>> found = sigmoid_histogram([0.2, 0.5, 0.9], [0.0, 0.5, 1.0], temperature=0.05, weights=[1.0, 2.0, 0.5])
    >>> found.yields.round(3).tolist(), found.sumw2.round(3).tolist()
    ([1.98, 1.443], [2.979, 2.222])
    """
    call = "sigmoid_histogram"
    width = positive(f"{call}: temperature", temperature, "numpy.histogram is the limit of 0")
    return _of_kernel(call, logistic, x, edges, width, weights, flow, chunk)


def softmax_histogram(
    logits: ArrayLike,
    temperature: ArrayLike = 1.0,
    weights: ArrayLike | None = None,
    *,
    chunk: int | None = None,
) -> SoftHistogram:
    """Events shared out by a network that has one output a bin: differentiable by all arrays.

    p_ib = exp(l_ib/T) / sum_c exp(l_ic/T). The sum of weights is kept. As T goes to 0 an event goes to the
    bin of its largest logit, or in equal parts to those that share it.

    Parameters
    ----------
    logits
        (event, bin): any finite numbers; only differences within an event matter.
    temperature
        T, one positive number in the unit of ``logits``; NaN if it is traced and not positive.
    weights
        (event,), of any sign; 1 by default.
    chunk
        Events that are computed at a time; chosen by default. The logits themselves are an array of
        (event, bin) already.

    Raises
    ------
    InvalidTypeError, ShapeMismatchError, InvalidValueError
        For what is no number or not finite, shapes that do not fit, a temperature that is not positive.

    Examples
    --------
    >>> softmax_histogram([[2.0, 0.0], [0.0, 1.0]], temperature=0.5).yields.round(3).tolist()
    [1.101, 0.899]
    """
    call = "softmax_histogram"
    events, _ = numbers(f"{call}: logits", logits)
    if events.ndim != 2 or events.shape[1] == 0:
        raise ShapeMismatchError(
            f"{call}: logits: shape {events.shape}, expected (event, bin): one number for each bin an event."
        )
    given = positive(f"{call}: temperature", temperature, "counts by numpy.argmax are the limit of 0")
    size = check_chunk(f"{call}: chunk", chunk)
    return _softmax_sums(events, given, _weight_rows(call, weights, len(events)), size)


def _of_kernel(
    call: str,
    kernel: Kernel,
    x: ArrayLike,
    edges: ArrayLike,
    width: Array,
    weights: ArrayLike | None,
    flow: str,
    chunk: int | None,
) -> SoftHistogram:
    """A histogram of kernels around events, of what was given to the public function ``call``."""
    check_choice(f"{call}: flow", flow, _FLOWS)
    events, known_x = vector(f"{call}: x", x, "event")
    bounds, known_edges = rising(f"{call}: edges", edges)
    if flow == "reflect" and known_x is not None and known_edges is not None:
        outside = (known_x < known_edges[0]) | (known_x > known_edges[-1])
        if np.any(outside):
            raise InvalidValueError(
                f"{call}: x must lie between the outer edges, got {known_x[outside][0]:g} at index "
                f"{int(np.argmax(outside))}; flow='reflect' is for what cannot leave them, take flow='sum'."
            )
    size = check_chunk(f"{call}: chunk", chunk)
    return _kernel_sums(kernel, events, bounds, width, _weight_rows(call, weights, len(events)), flow, size)


def _weight_rows(call: str, weights: ArrayLike | None, n_events: int) -> Array:
    """(weight, event): weights and their squares, or what serves as both."""
    if weights is None:
        return jnp.ones((1, n_events))
    given, _ = vector(f"{call}: weights", weights, "event", n_events)
    return jnp.stack([given, given**2])


@partial(jax.jit, static_argnames=("kernel", "flow", "chunk"))
def _kernel_sums(
    kernel: Kernel, x: Array, edges: Array, width: Array, weights: Array, flow: str, chunk: int | None
) -> SoftHistogram:
    n_bins = edges.shape[0] - 1
    at = edges
    if flow == "sum":
        at = edges[1:-1]
    elif flow == "reflect":
        # An event's image is as far from a bin as the event from the bin's image: bins are mirrored, to both
        # sides, and the outermost images reach to infinity, so that nothing is lost.
        mirrored = edges[-2:0:-1]
        at = jnp.concatenate([2.0 * edges[0] - mirrored, edges, 2.0 * edges[-1] - mirrored])
    n_intervals = 3 * n_bins if flow == "reflect" else n_bins
    sums = weighted_sums(lambda some: kernel(some, at, width, flow != "none"), x, weights, n_intervals, chunk)
    if flow == "reflect":
        left, inside, right = jnp.split(sums, 3, axis=1)
        sums = inside + (left + right)[:, ::-1]
    return _histogram(sums, (width > 0.0) & jnp.all(jnp.diff(edges) > 0.0))


@partial(jax.jit, static_argnames="chunk")
def _softmax_sums(logits: Array, temperature: Array, weights: Array, chunk: int | None) -> SoftHistogram:
    sums = weighted_sums(
        lambda some: jax.nn.softmax(some / temperature, axis=1), logits, weights, logits.shape[1], chunk
    )
    return _histogram(sums, temperature > 0.0)


def _histogram(sums: Array, valid: Array) -> SoftHistogram:
    """A record of (weight, bin) sums: NaN, and so are its derivatives, if the input was not valid."""
    sums = sums * or_nan(valid, jnp.ones(()))
    return SoftHistogram(sums[0], sums[-1])

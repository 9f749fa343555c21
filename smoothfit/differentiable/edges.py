"""Rising edges from unconstrained parameters: gradient descent cannot make two of them cross."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .._types import Array, ArrayLike, FloatArray
from ..errors import InvalidValueError
from .inputs import or_nan, rising, scalar, vector

__all__ = ["edge_parameters", "ordered_edges"]


def ordered_edges(
    parameters: ArrayLike, low: ArrayLike, high: ArrayLike, *, min_width: ArrayLike = 0.0
) -> Array:
    """Strictly increasing edges between fixed ends, from one unconstrained number a bin.

    With r_b = log(1 + exp(u_b)) of the parameters u, the softplus, bin b has the width
    m + (high - low - n m) r_b / sum_c r_c: a share of what is left when each of n bins has its least width m.
    Equal parameters make equal widths. A common factor of all r changes nothing, so that a
    Hessian by the parameters is singular.

    Parameters
    ----------
    parameters
        (bin,): any finite numbers.
    low, high
        The outer edges.
    min_width
        The least width m of a bin, in the unit of the edges. At 0 a bin may become so narrow that its edges
        are equal to rounding.

    Returns
    -------
    (bin + 1,). NaN where ends or least width are traced and leave no room.

    Raises
    ------
    InvalidTypeError, ShapeMismatchError, InvalidValueError
        For what is no number or not finite, shapes that do not fit, ends and a least width that leave no
        room.

    Examples
    --------
    >>> ordered_edges([0.0, 0.0, 0.0, 0.0], 0.0, 1.0).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    >>> ordered_edges([0.0, 3.0, -1.0], 0.0, 1.0).round(3).tolist()
    [0.0, 0.171, 0.923, 1.0]
    """
    call = "ordered_edges"
    given, _ = vector(f"{call}: parameters", parameters, "bin")
    if not len(given):
        raise InvalidValueError(f"{call}: parameters are empty; give one number a bin.")
    first, known_first = scalar(f"{call}: low", low)
    last, known_last = scalar(f"{call}: high", high)
    least, known_least = scalar(f"{call}: min_width", min_width)
    if known_first is not None and known_last is not None and not known_first < known_last:
        raise InvalidValueError(
            f"{call}: low {known_first:g} is not below high {known_last:g}; they are the outer edges."
        )
    if known_least is not None:
        _check_room(call, known_least, known_first, known_last, len(given))
    room = last - first - len(given) * least
    valid = (last > first) & (least >= 0.0) & (room > 0.0)
    shares = jax.nn.softmax(_log_softplus(given))
    widths = least + or_nan(valid, room) * shares
    return jnp.concatenate([first[None], first + jnp.cumsum(widths[:-1]), last[None]])


def edge_parameters(edges: ArrayLike, *, min_width: ArrayLike = 0.0) -> Array:
    """The parameters from which :func:`ordered_edges` makes these edges: where to start from.

    Parameters
    ----------
    edges
        (bin + 1,), strictly increasing.
    min_width
        As it will be given to :func:`ordered_edges`; less than every bin's width.

    Returns
    -------
    (bin,): of all that make these edges those with mean softplus log 2, so that equal widths are zeros. NaN
    where the edges are traced and not as said.

    Raises
    ------
    InvalidTypeError, ShapeMismatchError, InvalidValueError
        For what is no number or not finite, edges that do not increase, bins that are not wider than the
        least.

    Examples
    --------
    >>> start = edge_parameters([0.0, 0.5, 0.9, 1.0])
    >>> start.round(3).tolist(), ordered_edges(start, 0.0, 1.0).round(3).tolist()
    ([0.603, 0.26, -1.465], [0.0, 0.5, 0.9, 1.0])
    """
    call = "edge_parameters"
    bounds, known = rising(f"{call}: edges", edges)
    least, known_least = scalar(f"{call}: min_width", min_width)
    n_bins = len(bounds) - 1
    if known_least is not None:
        _check_room(call, known_least, None, None, n_bins)
        if known is not None and np.any(np.diff(known) <= known_least):
            at = int(np.argmax(np.diff(known) <= known_least))
            raise InvalidValueError(
                f"{call}: bin {at} is {known[at + 1] - known[at]:g} wide, not more than min_width "
                f"{known_least:g}; take a smaller one."
            )
    spare = jnp.diff(bounds) - least
    raw = np.log(2.0) * n_bins * spare / jnp.sum(spare)
    # log(exp(raw) - 1), for any raw.
    return or_nan(jnp.all(spare > 0.0) & (least >= 0.0), raw + jnp.log(-jnp.expm1(-raw)))


def _log_softplus(u: Array) -> Array:
    """log(log(1 + exp(u))), which is u where that is all but 0."""
    small = u < -40.0
    return jnp.where(small, u, jnp.log(jnp.logaddexp(jnp.where(small, 0.0, u), 0.0)))


def _check_room(
    call: str, least: FloatArray, low: FloatArray | None, high: FloatArray | None, n_bins: int
) -> None:
    """A least width that is not negative, and leaves room between ends that are known."""
    if least < 0.0:
        raise InvalidValueError(
            f"{call}: min_width must not be negative, got {least:g}; 0 sets no least width."
        )
    if low is not None and high is not None and n_bins * least >= high - low:
        raise InvalidValueError(
            f"{call}: {n_bins} bins of at least {least:g} do not fit between {low:g} and {high:g}; take a "
            "smaller min_width."
        )

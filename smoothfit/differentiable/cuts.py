"""Cuts as weights between 0 and 1, with derivatives by what is cut on and by the threshold."""

from __future__ import annotations

import jax
import numpy as np

from .._checks import check_choice
from .._types import Array, ArrayLike
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from .inputs import numbers, or_nan

__all__ = ["soft_and", "soft_cut", "soft_or"]


def soft_cut(x: ArrayLike, threshold: ArrayLike, sharpness: ArrayLike, keep: str = "above") -> Array:
    """Weights 1/(1 + exp(-k (x - t))) of events that are kept above the threshold t, or the rest of 1 below.

    As the sharpness k grows that becomes 1 where x > t and 0 where x < t; at t it is 1/2.

    Parameters
    ----------
    x
        What is cut on, usually (event,); any shape that broadcasts against the next two.
    threshold
        t, in the unit of ``x``: a number or an array.
    sharpness
        k, positive, in the inverse unit of ``x``: a number or an array. From 2/k below to 2/k above t the
        weight goes from 0.12 to 0.88. NaN where it is traced and not positive.
    keep
        "above" or "below".

    Raises
    ------
    InvalidTypeError, ShapeMismatchError, InvalidValueError
        For what is no number or not finite, shapes that do not fit, a sharpness that is not positive, an
        unknown ``keep``.

    Examples
    --------
    >>> import jax
    >>> soft_cut([20.0, 30.0, 40.0], 30.0, sharpness=0.4).round(3).tolist()
    [0.018, 0.5, 0.982]
    >>> float(jax.grad(lambda t: soft_cut(31.0, t, sharpness=0.4))(30.0).round(3))
    -0.096
    """
    call = "soft_cut"
    check_choice(f"{call}: keep", keep, ("above", "below"))
    values, _ = numbers(f"{call}: x", x)
    at, _ = numbers(f"{call}: threshold", threshold)
    sharp, known = numbers(f"{call}: sharpness", sharpness)
    if known is not None and np.any(known <= 0.0):
        raise InvalidValueError(
            f"{call}: sharpness must be positive, got {np.min(known):g}; keep='below' turns the cut around."
        )
    _check_broadcast(call, {"x": values, "threshold": at, "sharpness": sharp})
    distance = values - at if keep == "above" else at - values
    return jax.lax.logistic(or_nan(sharp > 0.0, sharp) * distance)


def soft_and(*weights: ArrayLike) -> Array:
    """The product: weights of events that pass all cuts.

    ``1 - weight`` is that of an event that fails a cut.

    Parameters
    ----------
    weights
        Each from 0 to 1, as :func:`soft_cut` gives them; of shapes that broadcast.

    Raises
    ------
    InvalidTypeError, ShapeMismatchError, InvalidValueError
        Without any, for what is no number, shapes that do not fit, known weights that are not from 0 to 1.

    Examples
    --------
    A window from 80 to 100:

    >>> import jax.numpy as jnp
    >>> mass = jnp.array([70.0, 90.0, 99.0])
    >>> soft_and(soft_cut(mass, 80.0, 1.0), soft_cut(mass, 100.0, 1.0, keep="below")).round(3).tolist()
    [0.0, 1.0, 0.731]
    """
    first, *others = _cuts("soft_and", weights)
    for other in others:
        first = first * other
    return first


def soft_or(*weights: ArrayLike) -> Array:
    """One less the product of what fails: weights of events that pass at least one cut.

    Parameters
    ----------
    weights
        As in :func:`soft_and`.

    Raises
    ------
    InvalidTypeError, ShapeMismatchError, InvalidValueError
        As in :func:`soft_and`.

    Examples
    --------
    >>> soft_or([0.0, 0.5, 1.0], [0.1, 0.5, 0.3]).tolist()
    [0.1, 0.75, 1.0]
    """
    first, *others = _cuts("soft_or", weights)
    for other in others:
        # 1 - (1 - a)(1 - b), without the loss of small weights beside 1.
        first = first + (1.0 - first) * other
    return first


def _cuts(call: str, weights: tuple[ArrayLike, ...]) -> list[Array]:
    if not weights:
        raise InvalidTypeError(
            f"{call}: nothing was given; give weights, as of soft_cut, one after the other."
        )
    arrays = []
    for position, given in enumerate(weights):
        array, known = numbers(f"{call}: weight {position}", given)
        if known is not None and np.any((known < 0.0) | (known > 1.0)):
            worst = float(known[(known < 0.0) | (known > 1.0)][0])
            raise InvalidValueError(
                f"{call}: weight {position} must be from 0 to 1, got {worst:g}; make it by soft_cut, and "
                "multiply by weights of events afterwards."
            )
        arrays.append(array)
    _check_broadcast(call, {f"weight {position}": array for position, array in enumerate(arrays)})
    return arrays


def _check_broadcast(call: str, arrays: dict[str, Array]) -> None:
    try:
        np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ShapeMismatchError(
            f"{call}: the shapes do not fit: {shapes}; give one number an event, or one for all."
        ) from error

"""How a yield follows a nuisance parameter: elementwise functions, differentiable in JAX.

``log_*`` functions return the logarithm of a factor; their arguments are the nuisance theta and
the logarithms of the yield ratios at theta = -1 (``log_down``) and theta = +1 (``log_up``).
All formulas are those of section 2 of the statistics notes in ``docs/model.md``:

* ``combine``: CMS Combine's asymmetric log-normal (RooFit::Detail ProcessNormalization),
  continuous to the second derivative. The default.
* ``talk``: base(theta)^theta with a cubic base; its second derivative jumps at abs(theta) = 1.
* ``code1``, ``code4``: HistFactory's exponential, and polynomial-exponential, as in pyhf.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from ._types import Array, FloatArray

__all__ = [
    "LOG_FACTORS",
    "code4",
    "code4_least",
    "combine_derivatives",
    "log_code1",
    "log_code4",
    "log_combine",
    "log_talk",
    "smooth_sign",
    "smooth_sign_derivatives",
    "smooth_step",
]


def smooth_step(t: Array) -> Array:
    """h(t) = (3 t^5 - 10 t^3 + 15 t)/8, with h(+-1) = +-1 and h' = h'' = 0 there.

    Examples
    --------
    >>> float(smooth_step(1.0)), float(smooth_step(0.0))
    (1.0, 0.0)
    """
    t2 = t * t
    return t * (15.0 + t2 * (3.0 * t2 - 10.0)) / 8.0


def smooth_sign(t: Array) -> Array:
    """smooth_step(t) for abs(t) < 1 and sign(t) outside: a sign function with two derivatives.

    Examples
    --------
    >>> float(smooth_sign(-3.0))
    -1.0
    """
    inside = jnp.abs(t) < 1.0
    return jnp.where(inside, smooth_step(jnp.where(inside, t, 0.0)), jnp.sign(t))


def smooth_sign_derivatives(t: Array) -> tuple[Array, Array, Array]:
    """S = smooth_sign and its first two derivatives, 15 (1 - t^2)^2/8 and -15 t (1 - t^2)/2 inside.

    Examples
    --------
    >>> [float(x) for x in smooth_sign_derivatives(0.0)]
    [0.0, 1.875, -0.0]
    """
    inside = jnp.abs(t) < 1.0
    u = jnp.where(inside, t, jnp.sign(t))
    rest = 1.0 - u * u
    return smooth_step(u), 1.875 * rest * rest, -7.5 * u * rest


def combine_derivatives(theta: Array, log_down: Array, log_up: Array) -> tuple[Array, Array, Array]:
    """:func:`log_combine` with its first two derivatives by theta, in closed form."""
    mean = 0.5 * (log_up - log_down)
    half_difference = 0.5 * (log_up + log_down)
    sign, first, second = smooth_sign_derivatives(2.0 * theta)
    return (
        theta * (mean + sign * half_difference),
        mean + (sign + 2.0 * theta * first) * half_difference,
        4.0 * (first + theta * second) * half_difference,
    )


def log_combine(theta: Array, log_down: Array, log_up: Array) -> Array:
    """Combine's asymmetric log-normal: the two slopes are joined smoothly within +-1/2.

    Examples
    --------
    >>> import numpy as np
    >>> factor = np.exp(log_combine(0.5, np.log(0.9), np.log(1.3)))
    >>> round(float(factor), 4)
    1.1402
    """
    mean = 0.5 * (log_up - log_down)
    half_difference = 0.5 * (log_up + log_down)
    return theta * (mean + smooth_sign(2.0 * theta) * half_difference)


def log_talk(theta: Array, log_down: Array, log_up: Array) -> Array:
    """The cubic interpolation of the base: ``base(theta)^theta``, Ku above +1 and 1/kd below -1.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(np.exp(log_talk(0.5, np.log(0.9), np.log(1.3)))), 4)
    1.1272
    """
    up, down = jnp.exp(log_up), jnp.exp(-log_down)
    t = jnp.clip(theta, -1.0, 1.0)
    return theta * jnp.log(0.25 * t * (3.0 - t * t) * (up - down) + 0.5 * (up + down))


def log_code1(theta: Array, log_down: Array, log_up: Array) -> Array:
    """HistFactory's piecewise exponential (pyhf code1); its slope jumps at 0.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(np.exp(log_code1(-2.0, np.log(0.9), np.log(1.3)))), 4)
    0.81
    """
    return jnp.where(theta >= 0.0, theta * log_up, -theta * log_down)


def _code4_inverse() -> np.ndarray:
    """The map from values and two derivatives at +-1 to the coefficients of theta^1 .. theta^6."""
    powers = np.arange(1, 7)
    conditions = []
    for order in range(3):
        falling = np.prod([powers - k for k in range(order)], axis=0) if order else np.ones(6)
        for sign in (1.0, -1.0):
            conditions.append(falling * sign ** (powers - order))
    return np.linalg.inv(np.array(conditions))


_CODE4_INVERSE = _code4_inverse()


def log_code4(theta: Array, log_down: Array, log_up: Array) -> Array:
    """HistFactory's polynomial (abs(theta) < 1) and exponential interpolation (pyhf code4).

    Examples
    --------
    >>> import numpy as np
    >>> round(float(np.exp(log_code4(1.0, np.log(0.9), np.log(1.3)))), 12)
    1.3
    """
    inside, polynomial = _code4_polynomial(theta, log_down, log_up)
    return jnp.where(inside, jnp.log1p(polynomial), log_code1(theta, log_down, log_up))


def code4(theta: Array, log_down: Array, log_up: Array) -> Array:
    """The factor of :func:`log_code4` itself, which extreme ratios make negative inside +-1.

    Examples
    --------
    >>> import numpy as np
    >>> float(code4(-0.4, np.log(0.01), np.log(40.0))) < 0.0
    True
    """
    inside, polynomial = _code4_polynomial(theta, log_down, log_up)
    outside = log_code1(jnp.where(inside, 0.0, theta), log_down, log_up)
    return jnp.where(inside, 1.0 + polynomial, jnp.exp(outside))


def code4_least(down: FloatArray, up: FloatArray) -> float:
    """The least value of :func:`code4` inside +-1, of several ratios at -1 and at +1 (in numpy, on a grid).

    Examples
    --------
    >>> import numpy as np
    >>> round(code4_least(np.array([0.9]), np.array([1.3])), 3)
    0.9
    """
    low, high = np.log(down), np.log(up)
    powers = np.linspace(-1.0, 1.0, 65)[:, None] ** np.arange(1, 7)
    with np.errstate(over="ignore", invalid="ignore"):
        targets = np.array([up - 1.0, down - 1.0, high * up, -low * down, high**2 * up, low**2 * down])
        return float(1.0 + np.min(powers @ (_CODE4_INVERSE @ targets)))


def _code4_polynomial(theta: Array, log_down: Array, log_up: Array) -> tuple[Array, Array]:
    """(whether abs(theta) < 1, the polynomial less 1 there)."""
    up, down = jnp.exp(log_up), jnp.exp(log_down)
    targets = (up - 1.0, down - 1.0, log_up * up, -log_down * down, log_up**2 * up, log_down**2 * down)
    inside = jnp.abs(theta) < 1.0
    t = jnp.where(inside, theta, 0.0)
    polynomial = jnp.zeros_like(t * up)
    for row in _CODE4_INVERSE[::-1]:
        coefficient = sum(float(c) * target for c, target in zip(row, targets, strict=True))
        polynomial = (polynomial + coefficient) * t
    return inside, polynomial


LOG_FACTORS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "combine": log_combine,
    "talk": log_talk,
    "code1": log_code1,
    "code4": log_code4,
}
"""The interpolations that ``add_lnN`` knows, by name."""

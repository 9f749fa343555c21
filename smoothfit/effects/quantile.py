"""Any one-dimensional density as an effect: SF(theta) = iCDF_pi(CDF_N(theta)).

theta is a unit Gaussian, the factor is distributed as pi: a Gaussian pi gives the linear effect, a
log-normal one kappa^theta (the effects of dilax and evermore are such maps).

Both tails are compared from their own side, since 1 - p loses what is small in p: an icdf wants an isf
beside it, a cdf an sf. Without, values above theta = 7 are that at 7, and lose digits before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr

from .._types import Array, FloatArray
from ..errors import InvalidTypeError, InvalidValueError
from .effect import Effect
from .inversion import solve

__all__ = ["Quantile"]

_FURTHEST = 10.0
_ONE_SIDED = 7.0
_STEP = 0.5

Elementwise = Callable[[Array], Any]


class Quantile(Effect):
    """The factor iCDF_pi(CDF_N(theta)) of a unit Gaussian nuisance, for any density pi.

    Parameters
    ----------
    icdf
        Quantile function of pi in JAX, elementwise: probability -> factor.
    cdf
        Distribution function of pi in JAX, instead of ``icdf``; it is inverted numerically, to rounding, with
        exact derivatives.
    isf, sf
        Their complements: ``isf(q) = icdf(1 - q)``, ``sf(x) = 1 - cdf(x)``, which keep the upper tail
        accurate. Without them the factor is accurate to about 1e-9 at theta = 5, and constant above 7.
    support
        Where pi is not 0, (lower, upper); for ``cdf``.

    Raises
    ------
    InvalidTypeError
        Unless exactly one of icdf and cdf is given, and all are functions.
    InvalidValueError
        Where the factor is not finite at theta = 0, falls anywhere, or cdf does not rise from 0 to 1.

    Notes
    -----
    The factor at theta = 0 is the median of pi: choose pi with median 1 for a process that is nominal
    there. Beyond abs(theta) = 10 the factor is constant.

    Examples
    --------
    >>> from jax.scipy.special import ndtr, ndtri
    >>> gauss = Quantile(lambda p: 1 + 0.2 * ndtri(p), isf=lambda q: 1 - 0.2 * ndtri(q))
    >>> float(gauss(-1.5))
    0.7
    >>> rise = lambda x: jax.nn.sigmoid((x - 1) / 0.1)
    >>> logistic = Quantile(cdf=rise, sf=lambda x: rise(2 - x))
    >>> round(float(logistic(2.0)), 9) == round(1 + 0.1 * float(np.log(ndtr(2.0) / ndtr(-2.0))), 9)
    True
    """

    label = "quantile"

    def __init__(
        self,
        icdf: Elementwise | None = None,
        *,
        cdf: Elementwise | None = None,
        isf: Elementwise | None = None,
        sf: Elementwise | None = None,
        support: tuple[float, float] = (-np.inf, np.inf),
    ) -> None:
        for name, fn in (("icdf", icdf), ("cdf", cdf), ("isf", isf), ("sf", sf)):
            if fn is not None and not callable(fn):
                raise InvalidTypeError(f"Quantile: {name} must be a function, got {type(fn).__name__}.")
        if (icdf is None) == (cdf is None):
            raise InvalidTypeError("Quantile: give exactly one of icdf and cdf.")
        if (isf is not None and icdf is None) or (sf is not None and cdf is None):
            raise InvalidTypeError("Quantile: isf belongs to icdf, and sf to cdf; give them in pairs.")
        self.functions = {"icdf": icdf, "cdf": cdf, "isf": isf, "sf": sf}
        """Those that were given; None for the others."""
        self.support = support
        self._icdf, self._isf = icdf, isf
        self._upper = _FURTHEST if (isf or sf) is not None else _ONE_SIDED
        if cdf is not None:
            self._cdf, self._sf = cdf, sf or (lambda x: 1.0 - jnp.asarray(cdf(x)))
            self._table = self._tabulate(support)
        self._check()

    def __repr__(self) -> str:
        given = {name: fn for name, fn in self.functions.items() if fn is not None}
        named = (f"{n}={getattr(fn, '__qualname__', type(fn).__name__)}" for n, fn in given.items())
        return f"Quantile({', '.join(named)})"

    def __call__(self, theta: Any) -> Array:
        theta = jnp.clip(jnp.asarray(theta, float), -_FURTHEST, self._upper)
        return self._invert(theta) if self._icdf is None else self._evaluate(theta)

    def _evaluate(self, theta: Array) -> Array:
        assert self._icdf is not None
        if self._isf is None:
            return jnp.asarray(self._icdf(ndtr(theta)))
        below = theta < 0.0
        lower = jnp.asarray(self._icdf(ndtr(jnp.where(below, theta, 0.0))))
        upper = jnp.asarray(self._isf(ndtr(jnp.where(below, 0.0, -theta))))
        return jnp.where(below, lower, upper)

    def _residual(self, x: Array, theta: Array) -> Array:
        """Increasing in x; the logarithms of what is small in each tail."""
        below = theta < 0.0
        tiny = jnp.finfo(float).tiny
        from_below = jnp.log(jnp.maximum(self._cdf(x), tiny)) - jnp.log(ndtr(jnp.where(below, theta, 0.0)))
        from_above = jnp.log(ndtr(jnp.where(below, 0.0, -theta))) - jnp.log(jnp.maximum(self._sf(x), tiny))
        return jnp.where(below, from_below, from_above)

    def _grid(self) -> FloatArray:
        return np.arange(-_FURTHEST, self._upper + 0.5 * _STEP, _STEP)

    def _tabulate(self, support: tuple[float, float]) -> FloatArray:
        """Solutions on a grid of theta, which bracket those between."""
        grid = self._grid()
        residual = jax.jit(self._residual)
        low, high = np.full(len(grid), float(support[0])), np.full(len(grid), float(support[1]))
        if not support[0] < support[1]:
            raise InvalidValueError(
                f"Quantile: support [{support[0]:g}, {support[1]:g}] is empty; give (lower, upper)."
            )
        start = np.clip(0.0, *support)
        for side, sign in ((low, -1.0), (high, 1.0)):
            if np.isfinite(side[0]):
                continue
            step = 1.0
            side[:] = start + sign * step
            while np.any(wrong := ~(sign * np.asarray(residual(side, grid)) > 0.0)):
                step *= 2.0
                if step > 1e30:
                    raise InvalidValueError(
                        "Quantile: cdf does not rise from 0 to 1 over its support; give a distribution "
                        "function, and its support where that is not the whole line."
                    )
                side[wrong] = start + sign * step
        # Far out the bracket is wide: as many halvings as a double has room for.
        for _ in range(200):
            middle = 0.5 * (low + high)
            rising = np.asarray(residual(middle, grid)) < 0.0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        return 0.5 * (low + high)

    def _invert(self, theta: Array) -> Array:
        table = jnp.asarray(self._table)
        at = jnp.clip(jnp.floor((theta + _FURTHEST) / _STEP).astype(int), 0, len(self._table) - 2)
        held = jax.lax.stop_gradient(at)
        slack = 1e-9 * (1.0 + jnp.abs(table))
        return solve(self._residual, (table - slack)[held], (table + slack)[held + 1], theta)

    def _check(self) -> None:
        grid = self._grid()
        try:
            values = np.asarray(jax.jit(self.__call__)(grid))
        except (jax.errors.JAXTypeError, TypeError) as error:
            raise InvalidTypeError(
                "Quantile: its functions must be written with jax.numpy and jax.scipy "
                f"(jax.scipy.stats.norm.ppf, not scipy.stats.norm.ppf): {type(error).__name__}."
            ) from error
        if values.shape != grid.shape:
            raise InvalidValueError(
                f"Quantile: {len(grid)} probabilities give shape {values.shape}; "
                "its functions must be elementwise."
            )
        centre = values[np.searchsorted(grid, 0.0)]
        if not np.isfinite(centre):
            raise InvalidValueError(
                f"Quantile: the factor at theta = 0 is {centre}; "
                "it must be finite, the median of the density."
            )
        near = np.abs(grid) <= 5.0
        steps = np.diff(values[near])
        if not np.all(np.isfinite(values)) or np.any(steps < 0.0) or not np.any(steps > 0.0):
            raise InvalidValueError(
                "Quantile: the factor must be finite and rise with theta; "
                "give the quantile function of a density, from a probability to a factor."
            )
        if self._icdf is None:
            reached = np.asarray(self._residual(jnp.asarray(values), jnp.asarray(grid)))[near]
            if np.any(np.abs(reached) > 1e-6):
                raise InvalidValueError(
                    "Quantile: cdf does not rise steadily from 0 to 1; give a distribution function without "
                    "jumps, and its support where that is not the whole line."
                )

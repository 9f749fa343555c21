"""Random data as a function of a key, for ``jit`` and ``vmap``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .._compilation import compiled
from .._pytree import resolve
from .._types import Array, ArrayLike
from ..inference import prediction
from ..inference.asimov import check_densities
from ..inference.constraint_draws import DRAWS
from ..likelihood.derived import auxiliary_counts
from ..prepared import Prepared

__all__ = ["toys"]


class _Source:
    """What draws are asked of, from a key; each draw takes a new one."""

    def __init__(self, key: Array) -> None:
        self._key = key

    def _next(self) -> Array:
        self._key, key = jax.random.split(self._key)
        return key

    def standard_normal(self, size: Any) -> Array:
        """Unit Gaussians."""
        return jax.random.normal(self._next(), size)

    def random(self, size: Any) -> Array:
        """Uniform on [0, 1)."""
        return jax.random.uniform(self._next(), size)

    def poisson(self, lam: Any, size: Any = None) -> Array:
        """Counts."""
        shape = jnp.shape(lam) if size is None else size
        return jax.random.poisson(self._next(), lam, shape).astype(float)

    def gamma(self, shape: Any, scale: Any, size: Any = None) -> Array:
        """Gamma of a shape and a scale."""
        return jax.random.gamma(self._next(), shape, size) * scale

    def uniform(self, low: Any, high: Any, size: Any = None) -> Array:
        """Uniform between two numbers."""
        return jax.random.uniform(self._next(), size, minval=low, maxval=high)


def toys(prepared: Prepared, values: ArrayLike, key: Array, n: int) -> tuple[Array, Array]:
    """Toys at ``values``, (param,) or (param + bin param,): (toy, bin) counts and (toy, global observable).

    Frequentist ones: counts around the expectation, and every global observable around its parameter, by the
    same draws as :meth:`Model.toy_pred` and :meth:`Model.toy_glob`, from other random numbers. Derivatives of
    counts are 0. An expectation below 0 gives NaN.

    Parameters
    ----------
    key
        As :func:`jax.random.key` makes it.

    Raises
    ------
    InvalidValueError
        For users' densities of global observables.

    Examples
    --------
    >>> import jax
    >>> from smoothfit import Model, Process, Variable, functional
    >>> model = Model().add_proc(Process("sig", [50.0, 20.0]).scale_by(Variable("mu", 1.0))).prepare()
    >>> counts, globs = functional.toys(model.prepared, [1.0], jax.random.key(1), 1000)
    >>> fits = jax.vmap(lambda obs: functional.fit(model.prepared, obs).values[0])(counts)
    >>> bool(abs(fits.mean() - 1.0) < 4 * (1.0 / 70 / 1000) ** 0.5), globs.shape
    (True, (1000, 0))
    """
    check_densities(prepared, "toys")
    keys = jax.random.split(key, n)
    return _toys(resolve(prepared), jnp.asarray(values, float), keys)


@compiled
def _toys(prepared: Prepared, values: Array, keys: Array) -> tuple[Array, Array]:
    expected = prediction.expected(prepared, values)
    p, bins = prediction.split_values(prepared.plan, values)

    def one(key: Array) -> tuple[Array, Array]:
        source = _Source(key)
        counts = _counts(prepared, source, expected)
        return counts, jnp.concatenate([_globs(prepared, source, p), _bin_globs(prepared, source, bins)])

    return jax.vmap(one)(keys)


def _counts(prepared: Prepared, source: _Source, expected: Array) -> Array:
    variances = prepared.templates.data_variance
    if variances is not None:
        return expected + jnp.sqrt(variances) * source.standard_normal(expected.shape)
    drawn = source.poisson(jnp.maximum(expected, 0.0))
    return jnp.where(expected >= 0.0, drawn, jnp.nan)


def _globs(prepared: Prepared, source: _Source, p: Array) -> Array:
    plan, templates = prepared.plan.constraint, prepared.templates
    gaussian = DRAWS["gaussian"].glob(source, p, templates.width)
    found = jnp.where(plan.gaussian > 0, gaussian, p)
    if plan.any_poisson:
        rate = jnp.where(plan.poisson > 0, p, 0.0)
        found = jnp.where(plan.poisson > 0, DRAWS["poisson"].glob(source, rate, templates.tau), found)
    for kind, members in plan.kinds.items():
        at, numbers = resolve(members), templates.constraint_numbers[kind]
        found = found.at[at].set(DRAWS[kind].glob(source, p[at], *numbers))
    if templates.correlation is not None:
        at = resolve(plan.correlated)
        width = templates.width[at]
        factor = jnp.linalg.cholesky(templates.correlation * width[:, None] * width)
        found = found.at[at].set(p[at] + factor @ source.standard_normal(at.shape))
    return found[resolve(plan.constrained)]


def _bin_globs(prepared: Prepared, source: _Source, bins: Array) -> Array:
    if prepared.plan.bins is None:
        return bins
    counting = prepared.plan.bins.counting > 0
    counts = source.poisson(jnp.where(counting, bins * auxiliary_counts(prepared), 0.0))
    return jnp.where(counting, counts, bins + source.standard_normal(bins.shape))

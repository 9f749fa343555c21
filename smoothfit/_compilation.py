"""Compiling for a short time to the first answer.

On a CPU, XLA's newer way to emit loops takes twice as long to compile as the older one, for programs of
many small loops such as ours, which then run equally fast: the option below chooses the older one. Options
belong to the outermost ``jit`` only, so a function that is itself being traced goes without.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from ._blas import one_thread

__all__ = ["compiled", "fetched", "once"]

T = TypeVar("T")

_QUICK = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}


@cache
def _options() -> dict[str, Any] | None:
    """The options, if this version of XLA has them and the device is a CPU."""
    if jax.default_backend() != "cpu":
        return None
    try:
        jax.jit(lambda: 0.0, compiler_options=dict(_QUICK))()
    except (RuntimeError, ValueError, TypeError):
        return None
    return dict(_QUICK)


def compiled(fn: Callable[..., T]) -> Callable[..., T]:
    """``jax.jit`` with quick compilation; the result's ``count_traces()`` says how often it was traced.

    Examples
    --------
    >>> double = compiled(lambda x: 2.0 * x)
    >>> float(double(3.0)), float(jax.grad(double)(3.0))
    (6.0, 2.0)
    """
    plain = jax.jit(fn)
    quick: list[Any] = []

    @wraps(fn)
    def call(*arguments: Any) -> T:
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments)):
            return plain(*arguments)
        if not quick:
            options = _options()
            quick.append(plain if options is None else jax.jit(fn, compiler_options=options))
        if jax.default_backend() != "cpu":
            return quick[0](*arguments)  # type: ignore[no-any-return]
        with one_thread():
            # Waited for, as the program runs on after the call.
            return jax.block_until_ready(quick[0](*arguments))  # type: ignore[no-any-return]

    def count_traces() -> int:
        functions = {id(f): f for f in (plain, *quick)}.values()
        return sum(int(f._cache_size()) for f in functions)

    call.count_traces = count_traces  # type: ignore[attr-defined]
    return call


def fetched(tree: T) -> T:
    """The arrays of a tree as numpy's.

    >>> fetched((jnp.ones(2), 3.0))
    (array([1., 1.]), array(3.))
    """
    if jax.default_backend() != "cpu":
        return jax.device_get(tree)  # type: ignore[no-any-return]
    # Without the copies that device_get begins beforehand: here there is nothing to copy.
    return jax.tree.map(np.asarray, tree)  # type: ignore[no-any-return]


def once(x: jax.Array) -> jax.Array:
    """``x``, computed once: for use in a product that is wider than it.

    XLA repeats cheap arithmetic for each element of what uses it, unless that ends with a division. So
    this divides by one, in a way that it cannot foresee. (A barrier does not help: it is gone before loops
    are formed.)

    Examples
    --------
    >>> float(once(jax.numpy.full(1, 2.0))[0])
    2.0
    """
    return x / (1.0 + 0.0 * jnp.sign(jax.lax.stop_gradient(x)))

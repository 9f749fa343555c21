"""Compiling for a short time to the first answer.

On a CPU, XLA's newer way to emit loops takes twice as long to compile as the older one, for programs of
many small loops such as ours, which then run equally fast: the option below chooses the older one. Options
belong to the outermost ``jit`` only, so a function that is itself being traced goes without. Whoever sets
them in ``XLA_FLAGS`` is obeyed.

What was compiled, and how long that took, is kept for who asks (:func:`first_calls`). JAX says when it
compiles; what it says while one of our functions is called is about that one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from functools import cache, wraps
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from ._blas import one_thread
from ._pytree import Index

__all__ = ["FirstCall", "compiled", "compiler_options", "fetched", "first_calls", "once", "structure_of"]

T = TypeVar("T")

_QUICK = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}


def compiler_options() -> dict[str, Any] | None:
    """What the library compiles with, for a ``jit`` of one's own: half the time of compiling on a CPU.

    None where the device is no CPU or XLA has no such options, which ``jit`` takes too; what ``XLA_FLAGS``
    says stays.

    Examples
    --------
    >>> import jax
    >>> from smoothfit import functional
    >>> double = jax.jit(lambda x: 2.0 * x, compiler_options=functional.compiler_options())
    >>> float(double(3.0))
    6.0
    """
    found = _found_options()
    return None if found is None else dict(found)


@cache
def _found_options() -> dict[str, Any] | None:
    if jax.default_backend() != "cpu":
        return None
    flags = os.environ.get("XLA_FLAGS", "")
    options = {name: value for name, value in _QUICK.items() if f"--{name}" not in flags}
    try:
        jax.jit(lambda: 0.0, compiler_options=options)()
    except (RuntimeError, ValueError, TypeError):
        return None
    return options


class FirstCall(NamedTuple):
    """A call that had to compile."""

    function: str
    structures: tuple[Hashable, ...]
    """Of each argument, see :func:`structure_of`."""
    seconds: float
    """Of the call: tracing, compiling, and running once."""
    compiling: float
    """Seconds that XLA took, or reading its result from the disk."""


_first_calls: list[FirstCall] = []


class _Watched(threading.local):
    """Seconds that XLA took for what this thread is calling."""

    compiling: list[float] | None = None


_watched = _Watched()


def _listen(event: str, duration_secs: float, **_: Any) -> None:
    if _watched.compiling is not None and event == "/jax/core/compile/backend_compile_duration":
        _watched.compiling.append(duration_secs)


jax.monitoring.register_event_duration_secs_listener(_listen)


def structure_of(tree: Any) -> Hashable:
    """What a program is compiled for: structure and shapes, of a model those of its plan, no numbers.

    Examples
    --------
    >>> structure_of((1.0, np.ones(2))) == structure_of((2.0, np.zeros(2)))
    True
    >>> structure_of(np.ones(2)) == structure_of(np.ones(3))
    False
    """
    leaves, structure = jax.tree.flatten(
        getattr(tree, "plan", tree), is_leaf=lambda leaf: isinstance(leaf, Index)
    )
    return structure, tuple(np.shape(x.values if isinstance(x, Index) else x) for x in leaves)


def first_calls(structure: Hashable) -> list[FirstCall]:
    """Calls in this process that compiled for an argument of that structure, the first one first."""
    return [call for call in _first_calls if structure in call.structures]


def _name_of(fn: Callable[..., Any]) -> str:
    of_partial = getattr(fn, "func", fn)
    return f"{of_partial.__module__.removeprefix('smoothfit.')}.{of_partial.__name__}"


def compiled(fn: Callable[..., T]) -> Callable[..., T]:
    """``jax.jit`` with quick compilation; the result's ``count_traces()`` says how often it was traced.

    Examples
    --------
    >>> double = compiled(lambda x: 2.0 * x)
    >>> float(double(3.0)), float(jax.grad(double)(3.0))
    (6.0, 2.0)
    """
    quick: list[Any] = []
    traces = 0

    @wraps(fn)
    def counted(*arguments: Any) -> T:
        nonlocal traces
        traces += 1
        return fn(*arguments)

    plain = jax.jit(counted)

    @wraps(fn)
    def call(*arguments: Any) -> T:
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments)):
            return plain(*arguments)
        if not quick:
            options = compiler_options()
            quick.append(plain if options is None else jax.jit(counted, compiler_options=options))
        before, begun = _watched.compiling, perf_counter()
        compiling: list[float] = []
        _watched.compiling = compiling
        try:
            return run(quick[0], *arguments)
        finally:
            _watched.compiling = before
            if compiling:
                structures = tuple(map(structure_of, arguments))
                elapsed = perf_counter() - begun
                _first_calls.append(FirstCall(_name_of(fn), structures, elapsed, sum(compiling)))

    def run(program: Callable[..., T], *arguments: Any) -> T:
        if jax.default_backend() != "cpu":
            return program(*arguments)
        with one_thread():
            # Waited for, as the program runs on after the call.
            return jax.block_until_ready(program(*arguments))  # type: ignore[no-any-return]

    def count_traces() -> int:
        return traces

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

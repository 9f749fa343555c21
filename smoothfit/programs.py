"""User functions, traced once when a model is prepared.

Tracing gives a program (its text is part of the compiled likelihood's identity) and the arrays the
function captured (leaves, like templates). Two consequences that a closure does not have: a
re-created lambda, or a notebook cell run again, costs no new compilation; and arrays captured
can be varied and differentiated.

A function is traced through a fresh wrapper: JAX caches traces by the function's identity, and a
global changed in a notebook, or an array changed in place, would silently keep its old value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jax_core

from ._types import Array
from .errors import SmoothfitError, UserFunctionError

__all__ = ["Program", "trace"]


def _token(value: Any, names: dict[Any, int]) -> str:
    """A text that is equal only for equal meaning: exact numbers, nested programs unfolded."""
    if isinstance(value, jax_core.ClosedJaxpr):
        consts = ",".join(_token(np.asarray(c), names) for c in value.consts)
        return f"closed({_canonical(value.jaxpr)};{consts})"
    if isinstance(value, jax_core.Jaxpr):
        return _canonical(value)
    if isinstance(value, jax_core.Literal):
        return f"literal({value.aval},{_token(np.asarray(value.val), names)})"
    if isinstance(value, jax_core.Var):
        return f"v{names.setdefault(value, len(names))}"
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        array = np.asarray(value)
        return f"array({array.dtype},{array.shape},{hashlib.sha256(array.tobytes()).hexdigest()})"
    if isinstance(value, tuple | list):
        return "(" + ",".join(_token(v, names) for v in value) + ")"
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}:{_token(v, names)}" for k, v in sorted(value.items())) + "}"
    # Callables print with their address: two of them never look equal by accident.
    return f"{type(value).__name__}:{value}"


def _canonical(jaxpr: jax_core.Jaxpr) -> str:
    names: dict[Any, int] = {}
    head = ",".join(f"{_token(v, names)}:{v.aval}" for v in (*jaxpr.constvars, *jaxpr.invars))
    lines = []
    for equation in jaxpr.eqns:
        inputs = ",".join(_token(v, names) for v in equation.invars)
        params = ",".join(f"{k}={_token(v, names)}" for k, v in sorted(equation.params.items()))
        outputs = ",".join(f"{_token(v, names)}:{v.aval}" for v in equation.outvars)
        lines.append(f"{outputs}={equation.primitive.name}[{params}]({inputs})")
    return f"{head}|{';'.join(lines)}|{','.join(_token(v, names) for v in jaxpr.outvars)}"


class Program:
    """A traced function: callable with (captured arrays, arguments), hashable by what it does."""

    def __init__(self, closed: jax_core.ClosedJaxpr, *, label: str) -> None:
        self._jaxpr = closed.jaxpr
        self._key = hashlib.sha256(_canonical(closed.jaxpr).encode()).hexdigest()
        self.label = label
        self.in_shapes: tuple[tuple[int, ...], ...] = tuple(tuple(a.shape) for a in closed.in_avals)
        self.out_shape: tuple[int, ...] = tuple(closed.out_avals[0].shape)

    def __call__(self, captured: Sequence[Array], *arguments: Array) -> Array:
        """Evaluate; traceable and differentiable, also by the captured arrays."""
        # Integers come back from the prepared arrays in another width than they were captured with.
        constants = [c.astype(v.aval.dtype) for c, v in zip(captured, self._jaxpr.constvars, strict=True)]
        return jax.core.eval_jaxpr(self._jaxpr, constants, *arguments)[0]

    @property
    def key(self) -> str:
        """What it does, hashed: equal for equal programs, of one version of JAX."""
        return self._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self._key == other._key

    def __repr__(self) -> str:
        return f"Program({self.label!r})"


def trace(
    fn: Callable[..., Any], shapes: Sequence[tuple[int, ...]], *, label: str, owner: str
) -> tuple[Program, tuple[Array, ...]]:
    """Trace ``fn`` at arguments of these shapes; return the program and what it captured.

    Raises
    ------
    UserFunctionError
        If the function cannot be traced, or does not return one real array.

    Examples
    --------
    >>> program, captured = trace(lambda x: 2.0 * x, [(3,)], label="double", owner="Process 'sig'")
    >>> program.out_shape
    (3,)
    """
    avals = [jax.ShapeDtypeStruct(shape, jnp.float64) for shape in shapes]
    cure = "write it with jax.numpy, without if, float() or numpy on its arguments"
    try:
        closed = jax.make_jaxpr(lambda *arguments: fn(*arguments))(*avals)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        reason = f"{type(error).__name__}: {reason[:300].rstrip('.')}"
        # Our own errors bring their own cure.
        ending = "" if isinstance(error, SmoothfitError) else f"; {cure}"
        raise UserFunctionError(
            f"{owner}: the function '{label}' cannot be traced at arguments of shape {list(shapes)}: "
            f"{reason}{ending}."
        ) from error
    if len(closed.out_avals) != 1:
        raise UserFunctionError(
            f"{owner}: the function '{label}' returns {len(closed.out_avals)} arrays, expected one."
        )
    if not jnp.issubdtype(closed.out_avals[0].dtype, jnp.floating):
        as_float = jax.make_jaxpr(lambda *arguments: jnp.asarray(fn(*arguments)).astype(float))
        if jnp.issubdtype(closed.out_avals[0].dtype, jnp.complexfloating):
            raise UserFunctionError(
                f"{owner}: the function '{label}' returns complex numbers, expected real."
            )
        closed = as_float(*avals)
    captured = tuple(jnp.asarray(c) for c in closed.consts)
    return Program(closed, label=label), captured

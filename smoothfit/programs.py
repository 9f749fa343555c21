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

from ._checks import OUTSIDE
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


def _meaning(closed: jax_core.ClosedJaxpr) -> str:
    """The text of a program, with that of its derivative where a rule of the user's decides on it."""
    text = _canonical(closed.jaxpr)
    if "custom_jvp_call[" not in text:
        return text
    # A rule prints as "memoized", whatever it is.
    jaxpr, n = closed.jaxpr, len(closed.jaxpr.constvars)
    avals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in (*jaxpr.constvars, *jaxpr.invars)]
    floating = [i for i, aval in enumerate(avals) if jnp.issubdtype(aval.dtype, jnp.floating)]

    def along(arrays: list[Any], directions: list[Any]) -> Any:
        def moved(*chosen: Any) -> Any:
            given = list(arrays)
            for i, array in zip(floating, chosen, strict=True):
                given[i] = array
            return jax.core.eval_jaxpr(jaxpr, given[:n], *given[n:])

        return jax.jvp(moved, [arrays[i] for i in floating], directions)

    return f"{text}\n{_canonical(jax.make_jaxpr(along)(avals, [avals[i] for i in floating]).jaxpr)}"


class Program:
    """A traced function: callable with (captured arrays, arguments), hashable by what it does.

    Its last arguments may be held like captured arrays, and are then given after these.
    """

    def __init__(self, closed: jax_core.ClosedJaxpr, *, label: str) -> None:
        self._jaxpr = closed.jaxpr
        self._key = hashlib.sha256(_meaning(closed).encode()).hexdigest()
        self.label = label
        self.in_shapes: tuple[tuple[int, ...], ...] = tuple(tuple(a.shape) for a in closed.in_avals)
        self.out_shape: tuple[int, ...] = tuple(closed.out_avals[0].shape)
        self.out_dtype = str(closed.out_avals[0].dtype)

    def __call__(self, captured: Sequence[Array], *arguments: Array) -> Array:
        """Evaluate; traceable and differentiable, also by the captured arrays."""
        own = self._jaxpr.constvars
        # Integers come back from the prepared arrays in another width than they were captured with.
        constants = [c.astype(v.aval.dtype) for c, v in zip(captured, own, strict=False)]
        return jax.core.eval_jaxpr(self._jaxpr, constants, *arguments, *captured[len(own) :])[0]

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


_CURE = "write it with jax.numpy, without if, float() or numpy on its arguments"


def trace(
    fn: Callable[..., Any],
    shapes: Sequence[tuple[int, ...]],
    *,
    label: str,
    owner: str,
    cure: str = _CURE,
) -> tuple[Program, tuple[Array, ...]]:
    """Trace ``fn`` at arguments of these shapes; return the program and what it captured.

    ``cure`` is what an error advises where the function cannot be traced.

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
    if any(isinstance(captured, jax.core.Tracer) for captured in closed.consts):
        raise UserFunctionError(f"{owner}: the function '{label}' captures what JAX is tracing; {OUTSIDE}.")
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
    with jax.ensure_compile_time_eval():
        captured = tuple(jnp.asarray(c) for c in closed.consts)
    return Program(closed, label=label), captured

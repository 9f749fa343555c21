"""A function and its derivatives as one JAX primitive, which transforms as functions written in JAX do.

Of a function f of several arrays there are two families of programs: along k directions,

    along_k(x; v_1 .. v_k) = D^k f(x)[v_1, .., v_k]

and back from a cotangent of its result,

    back_k(x; v_1 .. v_(k-1); c) = the gradient by x of <c, D^(k-1) f(x)[v_1, .., v_(k-1)]>.

Both are linear in each direction and in c, so that the families are closed: the derivative of one is the
next, the transpose of ``along_k`` is ``back_k``, and that of ``back_k`` one of the two. No Jacobian is ever
formed. Every program has a leading batch axis on all arrays, of any length: ``vmap`` merges its axis with
that.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from ..._types import Array
from ...errors import UserFunctionError

__all__ = ["ALONG", "BACK", "Family", "evaluate"]

ALONG, BACK = "along", "back"


class Family(Protocol):
    """The programs of one function, hashable by what they do."""

    @property
    def label(self) -> str:
        """What messages call it."""
        ...

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of its arguments."""
        ...

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Of its result."""
        ...

    @property
    def order(self) -> int:
        """The highest derivative there is."""
        ...

    def program(self, kind: str, order: int) -> Any:
        """A traceable function of the batched arrays, which returns a list of them."""
        ...


@dataclass(frozen=True)
class _Call:
    """Which program of a family is called, and how."""

    family: Any
    kind: str
    order: int
    batched: bool

    @property
    def n(self) -> int:
        """The number of arguments of the function."""
        return len(self.family.shapes)

    @property
    def n_directions(self) -> int:
        return self.order if self.kind == ALONG else self.order - 1

    def groups(self, operands: Sequence[Any]) -> list[list[Any]]:
        """Operands as [arguments, direction, ..., cotangent]."""
        count = 1 + self.n_directions
        found = [list(operands[i * self.n : (i + 1) * self.n]) for i in range(count)]
        return found if self.kind == ALONG else [*found, list(operands[count * self.n :])]

    def bind(self, groups: Sequence[Sequence[Any]], **changes: Any) -> list[Any]:
        call = _Call(**{**vars(self), **changes})
        if call.order > self.family.order:
            raise UserFunctionError(
                f"the function '{self.family.label}' of a saved model has derivatives up to order "
                f"{self.family.order}, and one more is asked for; use the function itself."
            )
        return list(_saved.bind(*(x for group in groups for x in group), call=call))


def evaluate(family: Family, arguments: Sequence[Any], *, batched: bool = False) -> Array:
    """The function at its arguments, or at a batch of them along each leading axis."""
    call = _Call(family, ALONG, 0, batched)
    return jnp.asarray(call.bind([[jnp.asarray(a, float) for a in arguments]])[0])


_saved = Primitive("saved_function")
_saved.multiple_results = True


def _shapes(call: _Call) -> list[tuple[int, ...]]:
    family = call.family
    return [family.out_shape] if call.kind == ALONG else list(family.shapes)


def _abstract(*avals: Any, call: _Call) -> list[Any]:
    batch = avals[0].shape[:1] if call.batched else ()
    return [jax.core.ShapedArray((*batch, *shape), jnp.dtype(float)) for shape in _shapes(call)]


def _traceable(*operands: Any, call: _Call) -> list[Any]:
    program = call.family.program(call.kind, call.order)
    if call.batched:
        return list(program(*operands))
    return [result[0] for result in program(*(jnp.asarray(x)[None] for x in operands))]


@functools.partial(jax.jit, static_argnames="call")
def _compiled(*operands: Any, call: _Call) -> list[Any]:
    return _traceable(*operands, call=call)


def _tangents(call: _Call, primals: Sequence[Any], tangents: Sequence[Any]) -> list[list[Any]]:
    """By the product rule: what each group's tangent contributes, one list of results each."""
    groups, moved = call.groups(primals), call.groups(tangents)
    found = []
    for i, (group, tangent) in enumerate(zip(groups, moved, strict=True)):
        if all(type(t) is ad.Zero for t in tangent):
            continue
        filled = [ad.instantiate_zeros(t) for t in tangent]
        if i > 0:
            found.append(call.bind([*groups[:i], filled, *groups[i + 1 :]]))
            continue
        end = 1 + call.n_directions
        found.append(call.bind([group, *groups[1:end], filled, *groups[end:]], order=call.order + 1))
    return found


def _jvp(primals: Sequence[Any], tangents: Sequence[Any], *, call: _Call) -> tuple[list[Any], list[Any]]:
    results = call.bind(call.groups(primals))
    found = _tangents(call, primals, tangents)
    if not found:
        return results, [jnp.zeros_like(result) for result in results]
    return results, [functools.reduce(jnp.add, parts) for parts in zip(*found, strict=True)]


def _transpose(cotangents: Sequence[Any], *operands: Any, call: _Call) -> list[Any]:
    """Of the one direction (or cotangent) that is not known."""
    groups = call.groups(operands)
    unknown = next(i for i, group in enumerate(groups) if any(ad.is_undefined_primal(x) for x in group))
    filled = [ad.instantiate_zeros(c) for c in cotangents]
    known = [*groups[:unknown], *groups[unknown + 1 :]]
    if call.kind == ALONG:
        found = call.bind([*known, filled], kind=BACK)
    elif unknown == len(groups) - 1:
        found = call.bind([*known, filled], kind=ALONG)
    else:
        found = call.bind([*known[:-1], filled, known[-1]])
    results: list[Any] = [None] * len(operands)
    first = unknown * call.n
    for i, (operand, result) in enumerate(zip(groups[unknown], found, strict=True)):
        if ad.is_undefined_primal(operand):
            results[first + i] = result
    return results


def _batch(operands: Sequence[Any], axes: Sequence[Any], *, call: _Call) -> tuple[list[Any], list[int]]:
    size = next(x.shape[a] for x, a in zip(operands, axes, strict=True) if a is not None)
    rows = [
        jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(operands, axes, strict=True)
    ]
    if not call.batched:
        found = call.bind(call.groups(rows), batched=True)
        return found, [0] * len(found)
    inner = rows[0].shape[1]
    found = call.bind(call.groups([row.reshape(size * inner, *row.shape[2:]) for row in rows]))
    return [result.reshape(size, inner, *result.shape[1:]) for result in found], [0] * len(found)


_saved.def_impl(_compiled)
_saved.def_abstract_eval(_abstract)
mlir.register_lowering(_saved, mlir.lower_fun(_traceable, multiple_results=True))
ad.primitive_jvps[_saved] = _jvp
ad.primitive_transposes[_saved] = _transpose
batching.primitive_batchers[_saved] = _batch

"""Frozen dataclasses that are pytrees: fields are leaves unless marked static."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, dataclass_transform

import jax
import numpy as np

__all__ = ["Index", "pytree_dataclass", "resolve", "static"]

T = TypeVar("T")


def static(**kwargs: Any) -> Any:
    """A dataclass field that is part of the pytree's structure; it must be hashable."""
    return dataclasses.field(metadata={"static": True}, **kwargs)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(static, dataclasses.field))
def pytree_dataclass(cls: type[T]) -> type[T]:
    """Make a frozen, keyword-only dataclass and register it as a JAX pytree.

    Examples
    --------
    >>> import jax
    >>> @pytree_dataclass
    ... class Pair:
    ...     a: object
    ...     n: int = static(default=2)
    >>> jax.tree.leaves(Pair(a=1.0))
    [1.0]
    """
    decorated = dataclasses.dataclass(frozen=True, kw_only=True, eq=False)(cls)
    fields = dataclasses.fields(decorated)  # type: ignore[arg-type]
    meta = [f.name for f in fields if f.metadata.get("static")]
    data = [f.name for f in fields if not f.metadata.get("static")]
    jax.tree_util.register_dataclass(decorated, data_fields=data, meta_fields=meta)
    return decorated


@jax.tree_util.register_pytree_node_class
class Index:
    """Integers (or flags) among a pytree's leaves, kept as float64.

    ``jax.grad`` refuses a pytree with integer leaves. Kept as floats, index arrays let a whole
    prepared model be the argument that one differentiates by (their gradient is zero), and stay
    arguments of compiled functions instead of constants in them.
    """

    def __init__(self, values: Any) -> None:
        self.values = values
        self._integers: Any = None

    @property
    def known(self) -> Any:
        """The int32 array if it was made already, else None."""
        return self._integers

    def integers(self) -> Any:
        """The int32 array; made once where the values are known, traced where they are not."""
        if isinstance(self.values, jax.core.Tracer):
            return self.values.astype("int32")
        if self._integers is None:
            # Asked for inside a trace it must still be an array, not part of that trace.
            with jax.ensure_compile_time_eval():
                self._integers = jax.device_put(np.asarray(self.values).astype("int32"))
        return self._integers

    def tree_flatten(self) -> tuple[tuple[Any], None]:
        return (self.values,), None

    @classmethod
    def tree_unflatten(cls, _: None, leaves: tuple[Any]) -> Index:
        return cls(leaves[0])

    def __repr__(self) -> str:
        return f"Index({getattr(self.values, 'shape', self.values)})"


def resolve(tree: T) -> T:
    """The same pytree with every :class:`Index` replaced by its int32 array.

    Done before a compiled function is called: inside, each conversion would cost a kernel.
    """
    return jax.tree.map(
        lambda leaf: leaf.integers() if isinstance(leaf, Index) else leaf,
        tree,
        is_leaf=lambda leaf: isinstance(leaf, Index),
    )

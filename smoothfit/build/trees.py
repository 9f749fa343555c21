"""Trees of weights: a pytree of arrays as one array Variable, and functions that are given the pytree."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from .._checks import as_floats, describe
from .._types import ArrayLike, FloatArray
from ..constraints import Constraint, Gaussian
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from .declarations import function_label
from .variable import Variable

__all__ = ["TreeVariable", "of_trees"]


class TreeVariable(Variable):
    """The weights of a network, or any other pytree of arrays, as one array Variable.

    Functions that :meth:`~smoothfit.Process.scale_by_fn`, ``add_by_fn`` or ``add_constraint`` are given with
    it are called with the pytree; all else sees a Variable with one component a weight.

    Parameters
    ----------
    name
        Unique in a model.
    tree
        A pytree of arrays: where fits start.
    width
        Gaussian constraint: one width for all weights, or a pytree alike, of which each leaf is broadcast
        to the weights. None: no constraint.
    mean
        Global observables of that constraint, one for all or a pytree alike; by default the weights.
    constraint
        Any other object of :mod:`smoothfit.constraints`, with one number for all weights.
    lower_bound, upper_bound, fixed
        As for a Variable: one for all, or a pytree alike.
    label, unit, group
        For tables, pictures and breakdowns.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For leaves that are no arrays of finite numbers, and what is not alike.

    Examples
    --------
    >>> net = TreeVariable("net", {"w": np.zeros((1, 2)), "b": np.zeros(1)}, width={"w": 0.5, "b": 0.1})
    >>> net
    TreeVariable('net', 2 arrays, 3 components, constraint=Gaussian)
    >>> net.sub_names
    ('net.b[0]', 'net.w[0,0]', 'net.w[0,1]')
    >>> net.unflatten([0.5, 1.0, 2.0])
    {'b': array([0.5]), 'w': array([[1., 2.]])}
    >>> net.flatten({"w": np.array([[1.0, 2.0]]), "b": 0.5})
    array([0.5, 1. , 2. ])
    """

    def __init__(
        self,
        name: str,
        tree: Any,
        *,
        width: Any = None,
        mean: Any = None,
        constraint: Constraint | None = None,
        lower_bound: Any = None,
        upper_bound: Any = None,
        fixed: Any = False,
        label: str | None = None,
        unit: str | None = None,
        group: str | None = None,
    ) -> None:
        what = f"TreeVariable '{name}'"
        self._structure: Any
        found, self._structure = jax.tree_util.tree_flatten_with_path(tree)
        leaves = [_array(f"{what}: {_path('tree', path)}", leaf) for path, leaf in found]
        self._paths = tuple(path for path, _ in found)
        self._shapes = tuple(leaf.shape for leaf in leaves)
        if not sum(leaf.size for leaf in leaves):
            raise ShapeMismatchError(f"{what}: the tree has no weights; give a pytree of arrays.")
        if width is not None and constraint is not None:
            raise InvalidValueError(f"{what}: width and constraint are given; give one of the two.")
        if mean is not None and width is None:
            raise InvalidValueError(f"{what}: mean is that of a Gaussian constraint; give its width, too.")
        if width is not None:
            widths = self._alike(f"{what}: width", width)
            constraint = Gaussian(None if mean is None else self._alike(f"{what}: mean", mean), widths)
        super().__init__(
            name,
            np.concatenate([leaf.ravel() for leaf in leaves]),
            lower_bound=None if lower_bound is None else self._alike(f"{what}: lower_bound", lower_bound),
            upper_bound=None if upper_bound is None else self._alike(f"{what}: upper_bound", upper_bound),
            constraint=constraint,
            label=label,
            unit=unit,
            group=group,
            fixed=fixed if isinstance(fixed, bool) else self._alike(f"{what}: fixed", fixed, _flags),
        )

    def _alike(self, what: str, given: Any, read: Callable[[str, Any], np.ndarray] = as_floats) -> np.ndarray:
        """(component,): one for all, or a pytree alike whose leaves are broadcast."""
        found: list[tuple[Any, Any]]
        structure: Any
        found, structure = jax.tree_util.tree_flatten_with_path(given)
        if structure == jax.tree.structure(0.0) and np.ndim(given) == 0:
            found, structure = [((), given)] * len(self._shapes), self._structure
        if structure != self._structure:
            raise ShapeMismatchError(f"{what} is {structure}, expected one number, or {self._structure}.")
        parts = []
        for (path, leaf), shape in zip(found, self._shapes, strict=True):
            where = f"{what}{jax.tree_util.keystr(path)}"
            array = read(where, leaf)
            try:
                parts.append(np.broadcast_to(array, shape).ravel())
            except ValueError as error:
                raise ShapeMismatchError(
                    f"{where} has shape {array.shape}, the weights {shape}; give one number, or one each."
                ) from error
        return np.concatenate(parts)

    def unflatten(self, values: ArrayLike) -> Any:
        """The pytree of components (..., component), as ``best_fit[net].value`` has them; traceable.

        Raises
        ------
        ShapeMismatchError
            For another number of components.
        """
        array: Any = values if hasattr(values, "reshape") else np.asarray(values, dtype=np.float64)
        if array.ndim == 0 or array.shape[-1] != self.size:
            raise ShapeMismatchError(
                f"TreeVariable '{self.name}': unflatten of shape {array.shape}, expected (..., {self.size}): "
                "one value a component."
            )
        leaves, first = [], 0
        for shape in self._shapes:
            size = math.prod(shape)
            leaves.append(array[..., first : first + size].reshape((*array.shape[:-1], *shape)))
            first += size
        return jax.tree.unflatten(self._structure, leaves)

    def flatten(self, tree: Any) -> FloatArray:
        """(component,) of a pytree alike: a value for ``init``, ``fixed`` or ``values_from_dict``.

        Raises
        ------
        InvalidTypeError, ShapeMismatchError
            For another structure, and leaves that are no numbers.
        """
        return np.array(self._alike(f"TreeVariable '{self.name}': flatten", tree))

    def _default_sub_names(self, name: str) -> tuple[str, ...]:
        return tuple(
            _path(name, path) + (f"[{','.join(map(str, index))}]" if index else "")
            for path, shape in zip(self._paths, self._shapes, strict=True)
            for index in np.ndindex(shape)
        )

    def __repr__(self) -> str:
        kind = "free" if self.constraint is None else f"constraint={type(self.constraint).__name__}"
        arrays = f"{len(self._shapes)} array{'' if len(self._shapes) == 1 else 's'}"
        return f"TreeVariable({self.name!r}, {arrays}, {self.size} components, {kind})"


def of_trees(fn: Callable[..., Any], variables: Sequence[Variable]) -> Callable[..., Any]:
    """``fn``, called with arrays of components: pytrees are made of those of TreeVariables.

    Examples
    --------
    >>> net = TreeVariable("net", {"w": np.zeros((1, 2)), "b": np.zeros(1)})
    >>> of_trees(lambda net, x: net["w"] @ np.ones(2) + x, [net, Variable("x", 0.0)])(np.arange(3.0), 1.0)
    array([4.])
    """
    trees = [variable if isinstance(variable, TreeVariable) else None for variable in variables]
    return _OfTrees(fn, trees) if any(tree is not None for tree in trees) else fn


class _OfTrees:
    def __init__(self, fn: Callable[..., Any], trees: Sequence[TreeVariable | None]) -> None:
        self._fn, self._trees = fn, tuple(trees)
        self.__qualname__ = function_label(fn)
        self.rows_share_events = bool(getattr(fn, "rows_share_events", False))

    def __call__(self, *arrays: Any) -> Any:
        given = zip(arrays, self._trees, strict=True)
        return self._fn(*(array if tree is None else tree.unflatten(array) for array, tree in given))


def _path(name: str, path: Sequence[Any]) -> str:
    """A place in a tree: ``net.layers[0].w``."""
    parts = []
    for key in path:
        word = getattr(key, "key", getattr(key, "name", None))
        plain = isinstance(word, str) and word.isidentifier()
        parts.append(f".{word}" if plain else jax.tree_util.keystr((key,)))
    return name + "".join(parts)


def _array(what: str, leaf: Any) -> FloatArray:
    if callable(leaf) or isinstance(leaf, str):
        raise InvalidTypeError(
            f"{what} is {describe(leaf)}, no array; give the arrays alone, and keep what else a network has "
            "for the function: equinox.partition(net, equinox.is_inexact_array) takes them apart."
        )
    return as_floats(what, leaf)


def _flags(what: str, given: Any) -> np.ndarray:
    flags = np.asarray(given)
    if flags.dtype.kind != "b":
        raise InvalidTypeError(f"{what} must be True or False, got {describe(given)}.")
    return flags

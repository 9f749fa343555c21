"""The structure of a pytree as JSON: dicts, lists, tuples and None; arrays are "array"."""

from __future__ import annotations

from typing import Any

import jax

from ...errors import FileFormatError
from ..json_fields import describe, read_list, read_object

__all__ = ["OTHER", "read_structure", "structure_told"]

OTHER = "other"
"""Of pytrees with containers of other classes, which a file does not name."""

_DEEPEST = 50


def structure_told(structure: Any) -> Any:
    """A structure in words.

    Examples
    --------
    >>> structure_told(jax.tree.structure({"x": 1.0, "more": (2.0, [None])}))
    {'dict': [['more', {'tuple': ['array', [None]]}], ['x', 'array']]}
    >>> structure_told(jax.tree.structure(None)) is None
    True
    """
    return _words(structure) if _is_plain(structure) else OTHER


def _is_plain(structure: Any) -> bool:
    found = structure.node_data()
    if found is None:
        return True
    kind, keys = found
    known = kind in (list, tuple, type(None)) or (kind is dict and all(isinstance(k, str) for k in keys))
    return known and all(map(_is_plain, structure.children()))


def _words(structure: Any) -> Any:
    found = structure.node_data()
    if found is None:
        return "array"
    kind, keys = found
    children = [_words(child) for child in structure.children()]
    if kind is dict:
        return {"dict": [[key, child] for key, child in zip(keys, children, strict=True)]}
    if kind is type(None):
        return None
    return children if kind is list else {"tuple": children}


def read_structure(what: str, given: Any, n_leaves: int) -> Any:
    """The structure of a pytree of so many arrays; that of a tuple for one of other classes.

    Raises
    ------
    FileFormatError
        For anything that :func:`structure_told` does not say.
    """
    structure: Any = jax.tree.structure((0.0,) * n_leaves if given == OTHER else _tree(what, given, _DEEPEST))
    if structure.num_leaves != n_leaves:
        raise FileFormatError(f"{what}: {structure.num_leaves} arrays, but {n_leaves} in the file.")
    return structure


def _tree(what: str, given: Any, depth: int) -> Any:
    if depth == 0:
        raise FileFormatError(f"{what}: nested deeper than {_DEEPEST}.")
    if given is None:
        return None
    if given == "array":
        return 0.0
    if isinstance(given, list):
        return [_tree(what, child, depth - 1) for child in given]
    item = read_object(what, given, required=(), optional=("dict", "tuple"))
    if len(item) != 1:
        raise FileFormatError(f"{what}: one of 'dict' and 'tuple' is expected, got {describe(given)}.")
    if "tuple" in item:
        return tuple(_tree(what, child, depth - 1) for child in read_list(what, item["tuple"], empty=True))
    found = {}
    for pair in read_list(what, item["dict"], empty=True):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise FileFormatError(
                f"{what}: pairs of a key and what it has are expected, not {describe(pair)}."
            )
        found[pair[0]] = _tree(what, pair[1], depth - 1)
    return found

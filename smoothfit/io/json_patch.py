"""JSON patches (RFC 6902): lists of changes to a JSON document, as published beside pyhf workspaces."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..errors import FileFormatError

__all__ = ["apply_patch"]

_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")


def apply_patch(document: Any, operations: list[Any]) -> Any:
    """The document with the operations applied in order; the one given stays as it is.

    Raises
    ------
    FileFormatError
        For an operation that is none, or that does not fit the document; its number is named.

    Examples
    --------
    >>> apply_patch({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}])
    {'a': [1, 2, 3]}
    """
    result = copy.deepcopy(document)
    for number, operation in enumerate(operations):
        if not isinstance(operation, Mapping):
            raise FileFormatError(f"patch operation {number}: an object is expected, got {operation!r}.")
        what = f"patch operation {number} ({operation.get('op')} '{operation.get('path')}')"
        if operation.get("op") not in _OPERATIONS:
            raise FileFormatError(f"{what}: op must be one of {', '.join(_OPERATIONS)}.")
        result = _apply(what, result, operation)
    return result


def _apply(what: str, document: Any, operation: Mapping[str, Any]) -> Any:
    op, path = operation["op"], _tokens(what, operation, "path")
    if op == "remove":
        return _remove(what, document, path)
    if op in ("move", "copy"):
        source = _tokens(what, operation, "from")
        if op == "move" and path[: len(source)] == source and path != source:
            raise FileFormatError(f"{what}: it moves '{operation['from']}' into itself.")
        value = copy.deepcopy(_find(what, document, source))
        if op == "move":
            document = _remove(what, document, source)
        return _add(what, document, path, value)
    if "value" not in operation:
        raise FileFormatError(f"{what}: 'value' is missing; give it.")
    value = copy.deepcopy(operation["value"])
    if op == "add":
        return _add(what, document, path, value)
    found = _find(what, document, path)
    if op == "test":
        if not _equal(found, value):
            raise FileFormatError(
                f"{what}: the file has {found!r} there, the patch expects {value!r}; "
                "the patch is for another file."
            )
        return document
    return _replace(what, document, path, value)


def _tokens(what: str, operation: Mapping[str, Any], key: str) -> list[str]:
    """A JSON pointer (RFC 6901) as a list of keys."""
    pointer = operation.get(key)
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise FileFormatError(f"{what}: '{key}' must be a pointer such as '/channels/0', got {pointer!r}.")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _position(what: str, array: list[Any], token: str, *, end: int) -> int:
    """An index of a list below ``end``."""
    plain = token.isascii() and token.isdigit() and (token == "0" or token[0] != "0") and len(token) < 10
    if not plain or int(token) >= end:
        raise FileFormatError(
            f"{what}: there is no position '{token}' in a list of {len(array)}; "
            "the patch is for another file."
        )
    return int(token)


def _find(what: str, document: Any, tokens: list[str]) -> Any:
    for token in tokens:
        if isinstance(document, list):
            document = document[_position(what, document, token, end=len(document))]
        elif isinstance(document, dict) and token in document:
            document = document[token]
        else:
            raise FileFormatError(f"{what}: the file has no '{token}' there; the patch is for another file.")
    return document


def _add(what: str, document: Any, tokens: list[str], value: Any) -> Any:
    if not tokens:
        return value
    parent, last = _find(what, document, tokens[:-1]), tokens[-1]
    if isinstance(parent, list):
        index = len(parent) if last == "-" else _position(what, parent, last, end=len(parent) + 1)
        parent.insert(index, value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise FileFormatError(f"{what}: '{last}' is to be added to {parent!r}, which holds nothing.")
    return document


def _remove(what: str, document: Any, tokens: list[str]) -> Any:
    if not tokens:
        raise FileFormatError(f"{what}: the whole document cannot be removed.")
    _find(what, document, tokens)
    parent = _find(what, document, tokens[:-1])
    del parent[int(tokens[-1]) if isinstance(parent, list) else tokens[-1]]
    return document


def _replace(what: str, document: Any, tokens: list[str], value: Any) -> Any:
    if not tokens:
        return value
    parent = _find(what, document, tokens[:-1])
    parent[int(tokens[-1]) if isinstance(parent, list) else tokens[-1]] = value
    return document


def _equal(a: Any, b: Any) -> bool:
    """Equality of JSON, where true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    return bool(a == b)

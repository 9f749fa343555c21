"""Patch sets: several JSON patches of one background-only workspace, each with a name and values.

A patch set says which workspace it is for, by digests of it: :func:`verify_digests` compares them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import FileFormatError, UnknownNameError
from ..json_fields import describe, listed, read_object

__all__ = ["Key", "select_patch", "verify_digests"]

Key = str | Sequence[Any] | None
"""What chooses a patch of a set: its name, or its values."""

_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


def select_patch(patch: Any, key: Key = None) -> list[Any]:
    """The operations of a patch: a list, an entry of a patch set, or a patch set.

    Raises
    ------
    UnknownNameError
        For a name or values that the patch set does not have.
    FileFormatError
        For anything else than those three, and a patch set of several patches without a key.
    """
    if isinstance(patch, Mapping) and "patches" in patch:
        return select_patch(_entry(patch["patches"], key))
    if key is not None:
        raise FileFormatError(f"{_shown(key)} is asked for, but this is one patch, not a patch set.")
    if isinstance(patch, Mapping) and "patch" in patch:
        patch = patch["patch"]
    if not isinstance(patch, list | tuple):
        raise FileFormatError(
            f"a list of operations is expected, got {type(patch).__name__}; "
            "give that list, or an entry of a patch set with its 'patch'."
        )
    return list(patch)


def _entry(patches: Any, key: Key) -> Any:
    if not isinstance(patches, list | tuple) or not patches:
        raise FileFormatError("patch set: 'patches' must be a list with at least one patch.")
    which = "name" if key is None or isinstance(key, str) else "values"
    known = [_metadata(entry, which) for entry in patches]
    shown = ", ".join(_shown(k) for k in known[:10]) + (", ..." if len(known) > 10 else "")
    if key is None:
        if len(patches) == 1:
            return patches[0]
        raise FileFormatError(
            f"patch set: it has {len(patches)} patches ({shown}); choose one, patch=(patch_set, name)."
        )
    wanted = key if isinstance(key, str) else list(key)
    if wanted not in known:
        raise UnknownNameError(f"patch set: it has no patch {_shown(wanted)}; it has {shown}.")
    if known.count(wanted) > 1:
        raise FileFormatError(f"patch set: the patch {_shown(wanted)} is given twice; they must differ.")
    return patches[known.index(wanted)]


def _metadata(entry: Any, which: str) -> Any:
    metadata = entry.get("metadata") if isinstance(entry, Mapping) else None
    return metadata.get(which) if isinstance(metadata, Mapping) else None


def _shown(key: Any) -> str:
    return f"'{key}'" if isinstance(key, str) else describe(key)


def verify_digests(patch: Any, workspace: Any) -> bool:
    """Compare the digests of a patch set with those of the workspace; False where it has none.

    The digest is that of the workspace as JSON with sorted keys, as pyhf makes it.

    Raises
    ------
    FileFormatError
        For a digest that is another one, or of an algorithm that is not known.

    Examples
    --------
    >>> digests = {"md5": "2c0633f242928eb55c3672fed5ba8612"}
    >>> verify_digests({"patches": [], "metadata": {"digests": digests}}, {"b": 3.0, "a": 2.0, "c": 1.0})
    True
    """
    if not isinstance(patch, Mapping) or "patches" not in patch or "metadata" not in patch:
        return False
    metadata = read_object("patch set: metadata", patch["metadata"], required=(), others=True)
    if "digests" not in metadata:
        return False
    digests = read_object("patch set: digests", metadata["digests"], required=(), others=True)
    text = json.dumps(workspace, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for algorithm, expected in digests.items():
        if algorithm not in _ALGORITHMS:
            raise FileFormatError(
                f"patch set: the digest {describe(algorithm)} is of no algorithm that is known; there are "
                f"{listed(_ALGORITHMS)}. Give verify=False to read it without."
            )
        found = hashlib.new(algorithm, text, usedforsecurity=False).hexdigest()
        if not isinstance(expected, str) or expected.lower() != found:
            raise FileFormatError(
                f"patch set: it is for a workspace whose {algorithm} is {describe(expected)}, this one's is "
                f"'{found}'; give the workspace that it was made for, or verify=False."
            )
    return bool(digests)

"""Functions by import path: imported if the caller names their module, and only then."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import FileFormatError, InvalidTypeError

__all__ = ["allowed", "imported"]

_PATH = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)", re.ASCII)


def allowed(modules: Any) -> tuple[str, ...]:
    """Names of modules that functions may be imported from.

    Raises
    ------
    InvalidTypeError
        If they are no names.
    """
    names = (modules,) if isinstance(modules, str) else modules
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InvalidTypeError(f"load: allow_imports must be names of modules, got {modules!r}.")
    return tuple(names)


def imported(what: str, path: Any, modules: tuple[str, ...]) -> Callable[..., Any]:
    """The function of a path ``module:name``.

    Raises
    ------
    FileFormatError
        If the module is not allowed, is missing, or has no such function.
    """
    match = _PATH.fullmatch(path) if isinstance(path, str) and len(path) < 1000 else None
    if match is None:
        raise FileFormatError(f"{what}: 'module:function' is expected, got {path!r:.80}.")
    module, name = match.groups()
    if module not in modules:
        raise FileFormatError(
            f"{what}: the function '{name}' is to be imported from '{module}', which runs that module's "
            f"code; if you trust it, load with allow_imports=['{module}']."
        )
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        raise FileFormatError(f"{what}: '{module}' cannot be imported: {error}; install it.") from error
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise FileFormatError(
            f"{what}: '{module}' has no function '{name}'; use the version it was saved with."
        )
    return found  # type: ignore[no-any-return]

"""Optional packages: imported where they are used, with one message when they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from .errors import MissingPackageError

__all__ = ["require"]


def require(package: str, *, feature: str, extra: str) -> ModuleType:
    """Import an optional package, or say which extra brings it.

    Raises
    ------
    MissingPackageError
        Naming the feature, the package and the command that installs it.

    Examples
    --------
    >>> require("json", feature="reading", extra="io").__name__
    'json'
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise MissingPackageError(
            f"{feature} needs the package '{name}': pip install 'smoothfit[{extra}]'"
        ) from error

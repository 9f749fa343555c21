"""What a report was made with: versions of packages, hashes of model and data, the date."""

from __future__ import annotations

import datetime
import hashlib
import os
import platform
from collections.abc import Mapping
from importlib import metadata

import numpy as np

from ..errors import SmoothfitError
from ..io import model_hash
from ..model import Model
from ..results import FitResult

__all__ = ["made_with"]

_PACKAGES = ("smoothfit", "jax", "jaxlib", "numpy", "scipy")


def made_with(fit: FitResult, model: Model | None, *, with_data: bool) -> Mapping[str, str]:
    """What, by name. The data's hash only if they may be known: few counts can be found by trying."""
    found = {"date": _date(), "fitter": fit.fitter}
    found |= {name: _version(name) for name in _PACKAGES}
    found["Python"] = platform.python_version()
    if fit.origin is not None:
        found["model (SHA-256)"] = fit.origin.model_hash
        found["fit written by"] = ", ".join(f"{k} {v}" for k, v in fit.origin.written_by.items())
    elif model is not None:
        found["model (SHA-256)"] = _hash(model)
    if with_data:
        found["data (SHA-256)"] = hashlib.sha256(
            np.ascontiguousarray(fit.obs, dtype="<f8").tobytes()
        ).hexdigest()
    return found


def _date() -> str:
    """Now, or what SOURCE_DATE_EPOCH says: the same report is then the same file."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.datetime.now(datetime.UTC)
    if given.isdecimal():
        now = datetime.datetime.fromtimestamp(int(given), datetime.UTC)
    return now.strftime("%Y-%m-%d %H:%M UTC")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _hash(model: Model) -> str:
    try:
        return model_hash(model)
    except SmoothfitError as error:
        return f"none: {error}"

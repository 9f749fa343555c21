"""Where the reference data are: ``shared/`` beside the checkout."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

__all__ = ["load", "shared"]


def shared(*parts: str) -> Path:
    """A path of the reference data."""
    return Path(__file__).resolve().parents[2].joinpath("shared", *parts)


def load() -> ModuleType:
    """The module that makes the workloads (numpy only)."""
    path = shared("workloads", "models.py")
    spec = importlib.util.spec_from_file_location("workload_models", path)
    if spec is None or spec.loader is None or not path.exists():
        raise SystemExit(f"the workloads are not at {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

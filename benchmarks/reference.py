"""The reference workloads, and the yardstick that every tool's minimum is measured by (numpy only).

The data are in ``shared/`` beside the checkout.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["load", "nll", "shared", "workload"]

_BY_PROCESS = "_process"


def shared(*parts: str) -> Path:
    """A path of the reference data."""
    return Path(__file__).resolve().parents[2].joinpath("shared", *parts)


def load() -> ModuleType:
    """The module that makes the workloads."""
    path = shared("workloads", "models.py")
    spec = importlib.util.spec_from_file_location("workload_models", path)
    if spec is None or spec.loader is None or not path.exists():
        raise SystemExit(f"the workloads are not at {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def workload(name: str) -> tuple[Any, str]:
    """A workload, and what Barlow-Beeston errors scale with: "total", or "process" for W3_process."""
    if name.endswith(_BY_PROCESS):
        return load().get(name.removesuffix(_BY_PROCESS)), "process"
    return load().get(name), "total"


def nll(models: ModuleType, m: Any, scaling: str, counts: np.ndarray, x: np.ndarray) -> float:
    """The saturated NLL with unit Gaussians; NaN where values are not finite."""
    if not np.isfinite(x).all():
        return float("nan")
    if scaling == "total":
        return float(models.ref_nll(m, counts, x))
    centred = np.concatenate([x[: m.npar - m.nbb], np.zeros(m.nbb)])
    factors = np.exp(x[m.npoi : m.npoi + m.SL] @ m.logk) * np.append(x[: m.npoi], 1.0)[m.poi_of]
    nu = models.expected(m, centred) + x[m.npar - m.nbb :] * np.sqrt(factors**2 @ m.sumw2)
    observed = np.where(counts > 0, counts, 1.0)
    poisson = nu - counts - np.where(counts > 0, counts * np.log(nu / observed), 0.0)
    return float(poisson.sum() + 0.5 * (x[m.npoi :] ** 2).sum())

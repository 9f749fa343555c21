"""From the blocks of a manifest to the record that sums them up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .._types import FloatArray
from ..results import ToyBlock, ToyFits
from .manifest import Manifest

__all__ = ["toy_fits"]


def _truth(manifest: Manifest) -> FloatArray:
    """(kept param,): what toys were drawn at, NaN where that varies or is not known."""
    values = np.array([manifest.values[i] for i in manifest.positions])
    if manifest.kind == "frequentist":
        return values
    # Of Bayesian toys constrained parameters vary; a bootstrap is drawn around data.
    known = manifest.pois if manifest.kind == "bayesian" else ()
    return np.where([name in known for name in manifest.parameters], values, np.nan)


def toy_fits(source: Callable[[], Iterator[ToyBlock]], manifest: Manifest, hidden: frozenset[str]) -> ToyFits:
    """Summed up, in one pass over ``source()``."""
    options: dict[str, Any] = {"truth": _truth(manifest), "pois": manifest.pois, "asked": manifest.toys}
    return ToyFits.of(source, manifest.parameters, **options, hidden=hidden)

"""What workers of a cluster do: a block from what a campaign is, and nothing else."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from ..io import load
from .making import BlockMaker
from .manifest import Manifest

__all__ = ["Recipe", "make_block"]

_KEPT = 2
"""Models that a process keeps."""
_makers: dict[str, BlockMaker] = {}
_loading = threading.Lock()


@dataclass(frozen=True)
class Recipe:
    """A campaign, as it is sent to workers."""

    manifest: str
    """The text of the manifest."""
    model: bytes
    """The model's file."""


def _maker(recipe: Recipe) -> BlockMaker:
    """Made once a process; the manifest names its model by its hash."""
    with _loading:
        if recipe.manifest not in _makers:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "model.smoothfit")
                path.write_bytes(recipe.model)
                model = load(path)
            while len(_makers) >= _KEPT:
                del _makers[next(iter(_makers))]
            maker = BlockMaker(Manifest.from_json(recipe.manifest, "the campaign"), model)
            # Before several threads ask for it.
            maker.probe()
            _makers[recipe.manifest] = maker
        return _makers[recipe.manifest]


def make_block(recipe: Recipe, k: int) -> bytes:
    """Block k, as the bytes of its file; the same on every worker."""
    return _maker(recipe).content(k)

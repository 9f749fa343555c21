"""A block of fits as a file, and back: whose it is, and that it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._types import BoolArray
from ..errors import CampaignMismatchError, FileFormatError
from ..results import ToyBlock
from ..results.toy_fits import value_columns
from . import tables
from .manifest import Manifest

__all__ = ["About", "decode", "encode", "read", "read_about"]

_STORED = {"toy": "int64", "status": "int8", "steps": "int32"}
"""Types of columns that are neither numbers nor flags."""


@dataclass(frozen=True)
class About:
    """What is said of a block beside its rows."""

    identity: str
    """Of the campaign."""
    seed: int
    model_hash: str
    first: int
    toys: int
    fits: int
    """Fits made: of a short last block some more than toys, so that its fits are those of a full one."""
    retried: int
    """Fits that did not converge at first."""
    failed: dict[str, int]
    """{status: toys whose fit ended with it}"""
    versions: dict[str, str]
    """Of the packages that it was computed with."""
    probe: str
    """What the machine makes of the campaign's first toys: others that make the same compute equal bits."""


def _columns(block: ToyBlock, manifest: Manifest, bounded: BoolArray) -> dict[str, Any]:
    found = block.columns(manifest.parameters)
    # Without limits there is nothing to be at.
    for name, has_limits in zip(manifest.parameters, bounded, strict=True):
        if not has_limits:
            del found[f"{name} at limit"]
    return {name: np.asarray(values, dtype=_STORED.get(name)) for name, values in found.items()}


def encode(manifest: Manifest, block: ToyBlock, about: About, bounded: BoolArray) -> bytes:
    """The bytes of the file.

    Parameters
    ----------
    bounded
        (kept param,): which have limits.
    """
    return tables.encode(_columns(block, manifest, bounded), vars(about))


def _about(said: Mapping[str, Any], manifest: Manifest, k: int, source: str) -> About:
    try:
        about = About(**{name: entry for name, entry in said.items() if name != "sha256"})
    except TypeError as error:
        raise FileFormatError(
            f"{source}: what it says of itself is not what blocks say ({error})."
        ) from error
    if about.identity != manifest.identity:
        raise CampaignMismatchError(
            f"{source}: a block of another campaign (seed {about.seed}, model {str(about.model_hash)[:12]}); "
            "move it out of this folder."
        )
    if about.first != manifest.first(k):
        raise CampaignMismatchError(
            f"{source}: has the toys from {about.first} on, its name says from {manifest.first(k)} on; move "
            "it out of this folder."
        )
    return about


def read_about(path: Path, manifest: Manifest, k: int) -> About:
    """What block k says of itself; its rows are not looked at.

    Raises
    ------
    InputFileError, FileFormatError
        If it is not there, or damaged.
    CampaignMismatchError
        If it is of another campaign.
    """
    file, said = tables.opened(str(path), str(path))
    with file:
        return _about(said, manifest, k, str(path))


def read(path: Path, manifest: Manifest, k: int) -> tuple[ToyBlock, About]:
    """Block k with its rows, all of it checked; raises as :func:`read_about`."""
    return _read(*tables.opened(str(path), str(path)), manifest, k, str(path))


def decode(content: bytes, manifest: Manifest, k: int, source: str) -> tuple[ToyBlock, About]:
    """The same, of bytes that came from ``source``."""
    return _read(*tables.opened(content, source), manifest, k, source)


def _read(file: Any, said: dict[str, Any], manifest: Manifest, k: int, source: str) -> tuple[ToyBlock, About]:
    about = _about(said, manifest, k, source)
    columns = tables.read(file, said, about.toys, source)
    try:
        return _block(columns, manifest, about), about
    except KeyError as error:
        raise FileFormatError(
            f"{source}: has no column {error}; running the campaign makes it anew."
        ) from error


def _block(columns: Mapping[str, Any], manifest: Manifest, about: About) -> ToyBlock:
    names = manifest.parameters
    nowhere = np.zeros(about.toys, dtype=bool)
    of_errors = [columns[f"{name} error"] for name in names] if manifest.errors else []
    empty = np.zeros((0, about.toys))
    return ToyBlock(
        first=about.first,
        status=columns["status"].astype(int),
        fun=columns["fun"],
        edm=columns["edm"],
        steps=columns["steps"].astype(int),
        smallest_nu=columns["smallest_nu"],
        x=np.array([columns[name] for name in value_columns(names)] or empty).T,
        at_limit=np.array([columns.get(f"{name} at limit", nowhere) for name in names] or empty).T > 0,
        errors=np.array(of_errors or empty).T if manifest.errors else None,
    )

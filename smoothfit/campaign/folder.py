"""The folder of a campaign: its files, what is finished, and what is damaged."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from .._files import remove_leftovers, write_durably
from ..errors import CampaignMismatchError, FileFormatError, InputFileError, OutputFileError
from ..io.json_files import read_text
from . import storage
from .locking import LOCK
from .manifest import Manifest
from .storage import About

__all__ = ["Folder", "Found", "clean", "create"]

_MANIFEST, _MODEL = "campaign.json", "model.smoothfit"
_BLOCK = re.compile(r"block-(\d{6,})\.parquet")


@dataclass
class Found:
    """The blocks of a folder."""

    whole: dict[int, About] = field(default_factory=dict)
    """{number: what it says of itself}"""
    short: list[int] = field(default_factory=list)
    """Those that ended an earlier, smaller campaign."""
    damaged: dict[int, str] = field(default_factory=dict)
    """{number: what is wrong with it}"""


def create(folder: Path, begun: bool, *known: str) -> None:
    """Make a folder, if it is not there; it may not be anything else's.

    Parameters
    ----------
    begun
        Whether it is known to be ours.
    known
        Names of files that a beginning that was interrupted leaves.

    Raises
    ------
    OutputFileError
        If it cannot be made.
    CampaignMismatchError
        If it has files of something else.
    """
    try:
        folder.mkdir(exist_ok=True)
        names = () if begun else sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise OutputFileError(f"'{folder}' cannot be made: {error.strerror or error}.") from error
    others = [name for name in names if name not in (LOCK, *known) and not name.endswith(".tmp")]
    if others:
        raise CampaignMismatchError(
            f"'{folder}': there is no campaign of this kind in it, but '{others[0]}'; name a new or an empty "
            "folder."
        )


def clean(folder: Path) -> None:
    """Remove what a killed process was writing; with the lock held."""
    try:
        remove_leftovers(folder)
    except OSError as error:
        raise OutputFileError(f"'{folder}': {error.strerror or error}.") from error


class Folder:
    """A folder with ``campaign.json``, ``model.smoothfit``, ``lock`` and ``block-*.parquet``."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.model_path = self.path / _MODEL
        self._manifest_path = self.path / _MANIFEST

    def block_path(self, k: int) -> Path:
        """The file of a block."""
        return self.path / f"block-{k:06d}.parquet"

    def has_manifest(self) -> bool:
        """Whether a campaign was begun here."""
        return self._manifest_path.exists()

    def manifest(self) -> Manifest:
        """Read.

        Raises
        ------
        InputFileError, FileFormatError
            If there is none, or none that can be read.
        """
        if not self.has_manifest():
            raise InputFileError(
                f"'{self.path}': no campaign is there, it has no {_MANIFEST}; check the path."
            )
        return Manifest.from_json(read_text(self._manifest_path), str(self._manifest_path))

    def create(self) -> None:
        """Make the folder, as :func:`create` does."""
        create(self.path, self.has_manifest(), _MODEL)

    def clean(self) -> None:
        """Remove what a killed process was writing; with the lock held."""
        clean(self.path)

    def write_manifest(self, manifest: Manifest) -> None:
        """Over the one that is there."""
        write_durably(self._manifest_path, manifest.to_json().encode())

    def write_model(self, content: bytes) -> None:
        """Before the manifest, which says that it is there."""
        write_durably(self.model_path, content)

    def write_block(self, k: int, content: bytes) -> None:
        """Whole or not at all."""
        write_durably(self.block_path(k), content)

    def blocks(self, manifest: Manifest, *, thoroughly: bool = False) -> Found:
        """What is there; ``thoroughly`` reads and checks every number.

        Raises
        ------
        CampaignMismatchError
            If there are blocks of another campaign.
        """
        found = Found()
        try:
            names = sorted(path.name for path in self.path.iterdir())
        except OSError as error:
            raise InputFileError(f"'{self.path}' cannot be read: {error.strerror or error}.") from error
        for name in names:
            matching = _BLOCK.fullmatch(name)
            if matching:
                self._look_at(int(matching[1]), manifest, found, thoroughly)
        return found

    def _look_at(self, k: int, manifest: Manifest, found: Found, thoroughly: bool) -> None:
        path = self.block_path(k)
        if k >= manifest.n_blocks:
            raise CampaignMismatchError(
                f"{path}: this campaign has {manifest.n_blocks} blocks; move it out of the folder."
            )
        try:
            read = storage.read(path, manifest, k)[1] if thoroughly else storage.read_about(path, manifest, k)
        except (FileFormatError, InputFileError) as error:
            found.damaged[k] = str(error)
            return
        if read.toys == manifest.length(k):
            found.whole[k] = read
        else:
            found.short.append(k)

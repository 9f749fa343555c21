"""What comes back from wherever blocks are made: checked, written, reported."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import CampaignMismatchError
from ..progress import Advance
from ..results import ToyBlock
from ..results.toy_fits import Moments
from . import storage
from .folder import Folder
from .manifest import Manifest
from .storage import About

__all__ = ["Recorder", "check_versions"]


def check_versions(
    begun: Mapping[str, str], found: Mapping[str, str], where: str, other_versions: bool
) -> None:
    """Refuse other packages than the campaign was begun with, unless that is wanted.

    Raises
    ------
    CampaignMismatchError
        Naming them.
    """
    if other_versions or found == begun:
        return
    names = [name for name in begun if found.get(name) != begun[name]]
    listed = ", ".join(f"{name} {found.get(name)} instead of {begun[name]}" for name in names)
    raise CampaignMismatchError(
        f"{where}: {listed or 'other packages'} than the campaign was begun with, which may round otherwise; "
        "install those, or give other_versions=True, and the blocks will say so."
    )


class Recorder:
    """Takes finished blocks.

    Parameters
    ----------
    probes
        Of the machines that made the blocks that are there.
    shown
        Which kept parameter the running answer is about, None for none.
    """

    def __init__(
        self,
        folder: Folder,
        manifest: Manifest,
        *,
        probes: set[str],
        other_versions: bool,
        shown: int | None,
        advance: Advance,
    ) -> None:
        self._folder, self._manifest, self._other_versions = folder, manifest, other_versions
        self._probes, self._advance, self._shown = set(probes), advance, shown
        self._failed, self._moments = 0, Moments(len(manifest.parameters))

    def accept(self, k: int, content: bytes, source: str) -> None:
        """Write block k.

        Raises
        ------
        CampaignMismatchError
            If it was made by other packages, or by a machine that rounds otherwise.
        OutputFileError
            If it cannot be written; all others are kept.
        """
        block, about = storage.decode(content, self._manifest, k, source)
        check_versions(self._manifest.versions, about.versions, source, self._other_versions)
        self._check_probe(about, source)
        self._folder.write_block(k, content)
        self._advance(len(block), self._answer(block))

    def _check_probe(self, about: About, source: str) -> None:
        if self._probes and about.probe not in self._probes and not self._other_versions:
            raise CampaignMismatchError(
                f"{source}: made on a machine that rounds otherwise than the one that the campaign was "
                "begun on (another processor, another number of BLAS or XLA threads for a large model), so "
                "that its toys would not be equal bit for bit; take machines of one kind, or give "
                "other_versions=True, and the blocks will say so."
            )
        self._probes.add(about.probe)

    def _answer(self, block: ToyBlock) -> str:
        self._failed += int((~block.at_minimum).sum())
        self._moments.add(block.x)
        parts = [f"{self._failed} failed"]
        i = self._shown
        if i is not None and np.isfinite(self._moments.error[i]):
            mean, error = self._moments.mean[i], self._moments.error[i]
            parts.append(f"{self._manifest.parameters[i]} {mean:.4g} +- {error:.2g}")
        return ", ".join(parts)

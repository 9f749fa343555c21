"""The steps of a run: begin or go on, look through what is there, make what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..errors import CampaignMismatchError
from ..io.saved import contents
from ..model import Model
from .folder import Folder, Found
from .making import BlockMaker
from .manifest import Manifest, versions
from .recorder import Recorder, check_versions
from .status import Course

__all__ = ["begin", "check_same", "look_through", "make_here", "make_on"]


def check_same(folder: Folder, begun: Manifest, asked: Manifest) -> None:
    """Refuse another campaign than the folder has.

    Raises
    ------
    CampaignMismatchError
        Saying what differs.
    """
    found = begun.differences(asked)
    if found:
        raise CampaignMismatchError(
            f"'{folder.path}' has another campaign ({'; '.join(found)}): name another folder, or ask for "
            "what is there, as Campaign.open(path) does."
        )


def begin(folder: Folder, asked: Manifest, model: Model | None) -> Manifest:
    """Write model and manifest, if they are not there; more toys than before go into the manifest.

    Returns
    -------
    Manifest
        That of the folder, with as many toys as are asked for.
    """
    if not folder.has_manifest():
        if model is None:
            # The folder was emptied since it was opened: this says so.
            return folder.manifest()
        folder.write_model(contents(model, None, "trace"))
        folder.write_manifest(asked)
        return asked
    begun = folder.manifest()
    check_same(folder, begun, asked)
    grown = replace(begun, toys=asked.toys)
    if grown.toys > begun.toys:
        folder.write_manifest(grown)
    return grown


def look_through(folder: Folder, manifest: Manifest, other_versions: bool) -> Found:
    """The blocks that are there, every number checked, and the packages that are here.

    Raises
    ------
    CampaignMismatchError
        If there are blocks of another campaign, or here are other packages than it was begun with.
    """
    check_versions(manifest.versions, versions(), f"'{folder.path}': here are", other_versions)
    return folder.blocks(manifest, thoroughly=True)


def make_here(maker: BlockMaker, blocks: Sequence[int], recorder: Recorder) -> None:
    """One after the other, in this process."""
    for k in blocks:
        recorder.accept(k, maker.content(k), f"block {k}")


def make_on(
    client: Any,
    patience: float,
    folder: Folder,
    manifest: Manifest,
    blocks: Sequence[int],
    recorder: Recorder,
    course: Course,
) -> None:
    """By the workers of a cluster."""
    from .cluster import Jobs, connected
    from .tasks import Recipe

    recipe = Recipe(manifest.to_json(), folder.model_path.read_bytes())
    with connected(client, patience) as connection:
        Jobs(connection, recipe, recorder.accept, course).run(blocks)

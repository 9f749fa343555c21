"""How far a campaign is: a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .._checks import plural
from ..render import Table
from ..results.record import Columns, Record, plain
from .folder import Found
from .manifest import Manifest

__all__ = ["CampaignStatus", "Course"]


@dataclass
class Course:
    """What happened during a run."""

    recomputed: dict[int, str] = field(default_factory=dict)
    """{block: what was wrong with its file}"""
    lost_workers: int = 0
    """Blocks given out again, as workers that had them ended."""
    lost_schedulers: int = 0
    """Connections to the cluster that were made again."""


@dataclass(frozen=True, eq=False, repr=False)
class CampaignStatus(Record):
    """How far a campaign is, what came of its fits, and what it was computed with."""

    path: str
    manifest: Manifest
    blocks: int
    """Finished ones."""
    toys: int
    """Of these."""
    fits: int
    retried: int
    failed: dict[str, int]
    """{status: toys whose fit ended with it, retries done}"""
    versions: tuple[dict[str, str], ...]
    """Different ones among the blocks."""
    machines: int
    """How many kinds of machines, as far as they make different roundings."""
    damaged: dict[int, str]
    """{block: what is wrong with it}, to be computed anew."""
    course: Course

    @classmethod
    def of(cls, path: str, manifest: Manifest, found: Found, course: Course) -> CampaignStatus:
        """Summed over the blocks."""
        every = list(found.whole.values())
        failed: Counter[str] = Counter()
        for about in every:
            failed.update(about.failed)
        distinct = {tuple(sorted(about.versions.items())) for about in every}
        return cls(
            path=path,
            manifest=manifest,
            blocks=len(every),
            toys=sum(about.toys for about in every),
            fits=sum(about.fits for about in every),
            retried=sum(about.retried for about in every),
            failed=dict(failed.most_common()),
            versions=tuple(dict(one) for one in sorted(distinct)),
            machines=len({about.probe for about in every}),
            damaged=found.damaged,
            course=course,
        )

    @property
    def complete(self) -> bool:
        """Whether all blocks are there."""
        return self.blocks == self.manifest.n_blocks

    @property
    def n_failed(self) -> int:
        """Toys whose fit did not converge."""
        return sum(self.failed.values())

    def heading(self) -> str:
        """Whether it is complete."""
        what = (
            "complete" if self.complete else f"{plural(self.manifest.n_blocks - self.blocks, 'block')} to go"
        )
        return f"Campaign '{self.path}': {what}."

    def _rows(self) -> list[tuple[str, str]]:
        manifest, course = self.manifest, self.course
        failed = ", ".join(f"{n} {status}" for status, n in self.failed.items())
        rows = [
            ("toys", f"{self.toys} of {manifest.toys}, {manifest.kind}, seed {manifest.seed}"),
            ("blocks", f"{self.blocks} of {manifest.n_blocks}, {manifest.block} toys each"),
            ("fits", f"{self.fits} made, {self.retried} tried again"),
            ("failed", failed or "none"),
            ("model", manifest.model_hash[:16]),
            *(("versions", _listed(one)) for one in self.versions or (manifest.versions,)),
        ]
        if self.machines > 1:
            rows.append(("machines", f"{self.machines} kinds, whose roundings differ"))
        rows += [("damaged", f"block {k}: {why}") for k, why in self.damaged.items()]
        rows += [("made anew", f"block {k}: {why}") for k, why in course.recomputed.items()]
        if course.lost_workers:
            rows.append(
                ("workers", f"{plural(course.lost_workers, 'block')} lost with a worker, given out again")
            )
        if course.lost_schedulers:
            rows.append(("cluster", f"lost and found again, {course.lost_schedulers} times"))
        return rows

    def _tables(self) -> list[Table]:
        return [Table("", ("what", "state"), self._rows())]

    def to_dict(self) -> dict[str, Any]:
        """Numbers of blocks, toys, fits and failures, versions, and what happened in the run."""
        manifest = self.manifest
        content: dict[str, Any] = {
            "path": self.path,
            "complete": self.complete,
            "toys": self.toys,
            "toys_asked": manifest.toys,
            "blocks": self.blocks,
            "blocks_asked": manifest.n_blocks,
            "fits": self.fits,
            "retried": self.retried,
            "failed": self.failed,
            "kind": manifest.kind,
            "seed": manifest.seed,
            "model_hash": manifest.model_hash,
            "versions": self.versions,
            "machines": self.machines,
            "damaged": self.damaged,
            **vars(self.course),
        }
        return plain(content)  # type: ignore[no-any-return]

    def _columns(self) -> Columns:
        rows: Sequence[tuple[str, str]] = self._rows()
        return {"what": [what for what, _ in rows], "state": [state for _, state in rows]}


def _listed(packages: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items())

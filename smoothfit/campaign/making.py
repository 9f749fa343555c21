"""Making blocks: the toys of a campaign drawn and fitted, the same wherever that is done.

A block's toys, and which of them are fitted together, follow from the manifest alone. The model is always
that of the campaign's file: functions of users are other programs there than in the process that built it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .._blas import one_thread
from .._types import BoolArray, FloatArray
from ..fitters.batch import chunk_size, in_lockstep
from ..inference import member_inputs
from ..inference.batch_fits import batch_result
from ..inference.batching import Members
from ..inference.ensembles import Ensemble, FitCounts, Toys, fit_toys
from ..layout import Layout
from ..model import Model
from ..results import BatchFitResult, ToyBlock
from ..results.batch import status_counts
from .manifest import Manifest, versions
from .storage import About, encode

__all__ = ["BLOCK_UNIT", "BlockMaker", "Toy"]

BLOCK_UNIT = 64
"""Blocks are multiples of this."""

_PROBED_ALONE = 2
"""Toys of a probe, of models whose fits go one by one."""


@dataclass(frozen=True, eq=False)
class Toy:
    """One toy of a campaign, made again by itself."""

    number: int
    obs: FloatArray
    """(bin,): its counts."""
    globs: FloatArray
    """(global observable,): the parameters', then the bins'."""
    fit: BatchFitResult
    """Its fit, of one member, with all parameters."""

    def __repr__(self) -> str:
        return f"Toy({self.number}, {len(self.obs)} bins: {self.fit.message})"


def _take(found: Members, rows: Any) -> Members:
    return Members(**{f.name: _rows(getattr(found, f.name), rows) for f in fields(found)})


def _rows(array: Any, rows: Any) -> Any:
    return None if array is None else array[rows]


class BlockMaker:
    """Draws and fits the toys of a manifest.

    Parameters
    ----------
    model
        As loaded from the campaign's file.
    """

    def __init__(self, manifest: Manifest, model: Model) -> None:
        self.manifest, self._context = manifest, model._context()
        layout = self._context.layout
        obs, globs = (None if x is None else np.array(x) for x in (manifest.obs, manifest.globs))
        values = np.array(manifest.values)
        options: dict[str, Any] = {"seed": manifest.seed, "kind": manifest.kind, "obs": obs, "globs": globs}
        self._ensemble = Ensemble(self._context, values, **options)
        self._held = member_inputs.held(self._context, manifest.fixed)
        self._start = np.array(manifest.start)
        self._kept = np.array(manifest.positions, dtype=int)
        self._bounded = _bounded(layout)[self._kept]
        self._probe: str | None = None

    @property
    def layout(self) -> Layout:
        """Of the model."""
        return self._context.layout

    def _together(self) -> bool:
        return in_lockstep(self._context.prepared, BLOCK_UNIT)

    def _number(self, k: int) -> int:
        """Toys to make for block k: a short one's are fitted among the same others as they would be later."""
        wanted = self.manifest.length(k)
        return wanted + -wanted % BLOCK_UNIT if self._together() else wanted

    def _fit(self, first: int, n: int, counts: FitCounts | None = None) -> tuple[Toys, Members]:
        toys = self._ensemble.draw(first, n)
        options: dict[str, Any] = {"errors": self.manifest.errors, "counts": counts, "what": "campaign"}
        with one_thread():
            found = fit_toys(self._context, toys, fixed=self._held, start=self._start, **options)
        return toys, found

    def rows(self, k: int, counts: FitCounts | None = None) -> ToyBlock:
        """Block k."""
        first = self.manifest.first(k)
        _, found = self._fit(first, self._number(k), counts)
        return self._block(first, _take(found, slice(self.manifest.length(k))))

    def content(self, k: int) -> bytes:
        """Block k as the bytes of its file."""
        manifest, counts = self.manifest, FitCounts()
        block = self.rows(k, counts)
        about = About(
            identity=manifest.identity,
            seed=manifest.seed,
            model_hash=manifest.model_hash,
            first=block.first,
            toys=len(block),
            fits=counts.fits,
            retried=counts.retried,
            failed=status_counts(block.status[~block.at_minimum]),
            versions=versions(),
            probe=self.probe(),
        )
        return encode(manifest, block, about, self._bounded)

    def _block(self, first: int, found: Members) -> ToyBlock:
        lost, kept = ~found.at_minimum, self._kept
        no_errors = ~found.success[:, None]
        at_limit = np.zeros((len(found.x), found.x.shape[1]), dtype=bool)
        at_limit[:, : found.at_limit.shape[1]] = found.at_limit
        return ToyBlock(
            first=first,
            status=found.status.astype(int),
            fun=np.where(lost, np.nan, found.nll),
            edm=found.edm,
            steps=found.steps.astype(int),
            smallest_nu=found.smallest_nu,
            x=np.where(lost[:, None], np.nan, found.x[:, kept]),
            at_limit=at_limit[:, kept],
            errors=None if found.errors is None else np.where(no_errors, np.nan, found.errors[:, kept]),
        )

    def toy(self, i: int) -> Toy:
        """Toy i alone, with its fit: through the chunk that it was fitted in, in the same place of it."""
        k = i // self.manifest.block
        begin, row = self.manifest.first(k), i % self.manifest.block
        low, high = row, row + 1
        if self._together():
            chunk, number = chunk_size(self._context.prepared.plan), self._number(k)
            low = row // chunk * chunk
            # Very few members would not go in lockstep.
            high = min(low + max(chunk, BLOCK_UNIT), number)
            low = max(0, min(low, (high - BLOCK_UNIT) // chunk * chunk))
        _, found = self._fit(begin + low, high - low)
        at, alone = row - low, self._ensemble.draw(i, 1)
        fit = batch_result(self._context, _take(found, slice(at, at + 1)), self._held)
        return Toy(i, alone.counts[0], alone.globs[0], fit)

    def probe(self) -> str:
        """What comes of the first toys here, as a hash."""
        if self._probe is None:
            n = chunk_size(self._context.prepared.plan) if self._together() else _PROBED_ALONE
            _, found = self._fit(0, max(n, BLOCK_UNIT) if self._together() else n)
            digest = hashlib.sha256()
            for field in fields(found):
                digest.update(np.ascontiguousarray(_or_nothing(getattr(found, field.name))).tobytes())
            self._probe = digest.hexdigest()
        return self._probe


def _or_nothing(array: Any) -> Any:
    return np.zeros(0) if array is None else array


def _bounded(layout: Layout) -> BoolArray:
    """(param + bin param,): which can be seen at a limit; bin parameters are not looked at."""
    lower, upper = layout.bounds
    found = np.isfinite(lower) | np.isfinite(upper)
    found[layout.n_params :] = False
    return found

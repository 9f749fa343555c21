"""A batch of toy fits in a folder: begun, killed, gone on with, and read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .._optional import require
from ..errors import FileFormatError, InvalidValueError
from ..io import load, model_hash
from ..model import Model
from ..progress import track
from ..results import ToyBlock, ToyFits
from ..results.toy_fits import column_of
from . import storage
from .folder import Folder, Found
from .locking import locked
from .making import BlockMaker, Toy
from .manifest import Manifest
from .recorder import Recorder
from .running import begin, check_same, look_through, make_here, make_on
from .settings import hidden_of, manifest_of
from .status import CampaignStatus, Course
from .summing import toy_fits

__all__ = ["Campaign"]

_PATIENCE = 300.0
"""Seconds to wait for a cluster that was lost."""


class Campaign:
    """Toys of a model, drawn, fitted and stored block by block in a folder.

    It may be killed at any instant: :meth:`run` goes on with the blocks that are missing, and the folder ends
    equal, bit for bit, to that of a run that was not. Nothing is written before :meth:`run`.

    Parameters
    ----------
    path
        The folder; made if it is not there. If it has this campaign, that is gone on with; ``toys`` may be
        more than before.
    model
        Prepared. A copy is saved in the folder, and toys are fitted with that.
    values
        Where toys are drawn: an array or {variable: value}, start values elsewhere.
    toys
        How many.
    seed
        Of all toys; toy i depends on the seed and i alone. None for a fresh one, or that of the folder.
    kind
        "frequentist": counts and global observables are random. "bayesian": counts, and constrained
        parameters from their constraints. "bootstrap": counts around ``obs``.
    obs
        (bin,): the data of a bootstrap.
    globs
        Global observables of kinds that keep them; the model's by default.
    fixed
        {variable, name or pattern: value} that fits hold.
    init
        Where fits start; the variables' values by default.
    errors
        Whether errors are stored, too.
    parameters
        Names or patterns of those to store; all but bin parameters by default.
    block
        Toys of a file, a multiple of 64; by the size of the model by default.
    other_versions
        Whether to go on with other packages, or on another kind of machine, than the campaign was begun with:
        numbers then agree to rounding, not bit for bit.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
        For what does not fit the model.
    CampaignMismatchError
        If the folder has another campaign; it says what differs.
    MissingPackageError
        Without pyarrow.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from smoothfit import Process, Variable
    >>> model = Model().add_proc(Process("sig", [50.0, 20.0]).scale_by(Variable("mu", 1.0))).prepare()
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "toys")
    >>> status = Campaign(path, model, values={"mu": 1.0}, toys=200, seed=1, block=64).run()
    >>> status.blocks, status.toys, status.failed
    (4, 200, {})
    >>> again = Campaign.open(path)
    >>> bool(abs(again.column("mu").mean() - 1.0) < 0.04)
    True
    >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: Model,
        *,
        values: Any,
        toys: float,
        seed: int | None = None,
        kind: str = "frequentist",
        obs: Any = None,
        globs: Any = None,
        fixed: Mapping[Any, Any] | None = None,
        init: Any = None,
        errors: bool = True,
        parameters: Sequence[Any] | None = None,
        block: int | None = None,
        other_versions: bool = False,
    ) -> None:
        folder = Folder(path)
        begun = folder.manifest() if folder.has_manifest() else None
        if begun is not None and seed is None:
            seed = begun.seed
        asked: dict[str, Any] = {"values": values, "toys": toys, "seed": seed, "kind": kind, "obs": obs}
        asked |= {"globs": globs, "fixed": fixed, "init": init, "errors": errors, "parameters": parameters}
        self._set_up(folder, manifest_of(model, **asked, block=block), other_versions)
        self._model: Model | None = model
        if begun is not None:
            check_same(folder, begun, self._manifest)

    def _set_up(self, folder: Folder, manifest: Manifest, other_versions: bool) -> None:
        require("pyarrow.parquet", feature="a campaign", extra="campaign")
        self._folder, self._manifest, self._other_versions = folder, manifest, other_versions
        self._course = Course()
        self._maker: BlockMaker | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, other_versions: bool = False) -> Campaign:
        """The campaign of a folder, to be gone on with or read.

        Raises
        ------
        InputFileError, FileFormatError
            If there is none, or its manifest is damaged.
        """
        folder = Folder(path)
        campaign = cls.__new__(cls)
        campaign._set_up(folder, folder.manifest(), other_versions)
        campaign._model = None
        return campaign

    # -- running -----------------------------------------------------------------------------------

    def run(self, client: Any = None, *, patience: float = _PATIENCE) -> CampaignStatus:
        """Make the blocks that are missing; returns how the campaign then stands.

        Parameters
        ----------
        client
            A ``distributed.Client`` whose workers make them; or the address of a scheduler, or a function
            that makes a client. None for this process.
        patience
            Seconds to wait for a cluster that was lost: the scheduler may come back at its address, and a
            function may find another.

        Raises
        ------
        CampaignLockedError
            If another process writes the folder.
        CampaignMismatchError
            If the folder has another campaign, or was begun with other packages or on another machine.
        OutputFileError
            If something cannot be written: the disk is full, say. Finished blocks are kept.
        CampaignInterruptedError
            If the cluster is lost for longer than ``patience``.
        CampaignError
            If a worker's task raises, or a block ends its workers again and again.
        """
        if not (isinstance(patience, int | float) and np.isfinite(patience) and patience >= 0.0):
            raise InvalidValueError(
                f"Campaign.run: patience must be seconds, not negative, got {patience!r}."
            )
        self._folder.create()
        with locked(self._folder.path):
            self._folder.clean()
            self._manifest = begin(self._folder, self._manifest, self._model)
            found = look_through(self._folder, self._manifest, self._other_versions)
            self._course = Course(recomputed=found.damaged)
            todo = [k for k in range(self._manifest.n_blocks) if k not in found.whole]
            if todo:
                self._make(todo, found, client, float(patience))
        return self.status()

    def _make(self, todo: list[int], found: Found, client: Any, patience: float) -> None:
        manifest = self._manifest
        shown = next((manifest.parameters.index(n) for n in manifest.pois if n not in self._hidden), None)
        options: dict[str, Any] = {"shown": shown, "other_versions": self._other_versions}
        options["probes"] = {about.probe for about in found.whole.values()}
        with track(sum(manifest.length(k) for k in todo), "toys") as advance:
            recorder = Recorder(self._folder, manifest, advance=advance, **options)
            if client is None:
                make_here(self._made(), todo, recorder)
            else:
                make_on(client, patience, self._folder, manifest, todo, recorder, self._course)

    def _made(self) -> BlockMaker:
        """With the model of the folder's file, which is loaded once."""
        if self._maker is None or self._maker.manifest != self._manifest:
            path = self._folder.model_path
            model = load(path)
            if model_hash(model) != self._manifest.model_hash:
                raise FileFormatError(
                    f"{path}: not the model that the campaign was begun with; put that back."
                )
            self._maker = BlockMaker(self._manifest, model)
        return self._maker

    # -- reading -----------------------------------------------------------------------------------

    @property
    def manifest(self) -> Manifest:
        """What the campaign is."""
        return self._manifest

    @property
    def _hidden(self) -> frozenset[str]:
        if self._model is None:
            return frozenset(self._manifest.hidden)
        return frozenset(hidden_of(self._model.layout, self._manifest.parameters, self._model.blinded))

    def status(self) -> CampaignStatus:
        """How far it is, also while another process runs it; shown when the campaign is printed.

        Raises
        ------
        CampaignMismatchError
            If there are blocks of another campaign.
        """
        begun = self._folder.has_manifest()
        found = self._folder.blocks(self._manifest) if begun else Found()
        return CampaignStatus.of(str(self._folder.path), self._manifest, found, self._course)

    def blocks(self) -> Iterator[ToyBlock]:
        """The finished blocks, in order, one at a time; every number is checked.

        Raises
        ------
        FileFormatError
            If one is damaged; :meth:`run` makes it anew.
        """
        for k in range(self._manifest.n_blocks):
            path = self._folder.block_path(k)
            if path.exists():
                yield storage.read(path, self._manifest, k)[0]

    def results(self) -> ToyFits:
        """What came of the fits that are there: summed up, with the rows on demand."""
        return toy_fits(self.blocks, self._manifest, self._hidden)

    def column(self, name: str) -> Any:
        """(toy,): one column of the finished blocks: "mu", "mu error", "mu at limit", "toy", "status" ...

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        return column_of(self.blocks(), self._manifest.parameters, name)

    def to_pandas(self) -> Any:
        """All rows as a ``pandas.DataFrame``, which has to fit into memory."""
        return self.results().to_pandas()

    def toy(self, i: int) -> Toy:
        """Toy i by itself: its data, drawn again, and its fit, which is equal to the stored one bit for bit.

        Raises
        ------
        InvalidValueError
            If there is no such toy.
        """
        whole = isinstance(i, int | np.integer) and not isinstance(i, bool)
        if not whole or not 0 <= i < self._manifest.toys:
            raise InvalidValueError(
                f"Campaign.toy: a whole number from 0 to {self._manifest.toys - 1} is expected, got {i!r}."
            )
        return self._made().toy(int(i))

    def __repr__(self) -> str:
        return repr(self.status())

    def _repr_html_(self) -> str:
        return self.status()._repr_html_()

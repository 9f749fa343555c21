"""Toys of tests, limits and goodness of fit in a folder: a call that is made again goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._files import write_durably
from .._optional import require
from ..errors import CampaignMismatchError, FileFormatError
from ..inference.context import Context
from ..inference.ensembles import Columns, FitCounts, fresh_seed, keeping
from ..io import model_hash
from ..io.json_fields import read_object
from ..io.json_files import parse_json, read_text
from ..io.saved.versions import check_format
from ..model import Model
from . import folder, tables
from .locking import locked
from .manifest import versions
from .recorder import check_versions

__all__ = ["KeptToys", "kept_toys"]

_FORMAT, _VERSION = "smoothfit kept toys", 1
_FILE = "toys.json"
_FIELDS = ("format", "version", "model_hash", "seed", "versions")


class KeptToys:
    """A folder of toys, and how many of them were there; what ``kept_toys`` gives."""

    def __init__(self, path: Path, model: Model, seed: int) -> None:
        self.path, self.seed = path, seed
        self._prepared = model.prepared
        self.found = 0
        """Toys that were there."""
        self.made = 0
        """Toys that were made."""

    def block(
        self, context: Context, facts: Mapping[str, Any], n: int, make: Callable[[FitCounts], Columns]
    ) -> tuple[Columns, FitCounts]:
        """A block of n toys, read or made; ``facts`` are all that decides it.

        Raises
        ------
        CampaignMismatchError
            For toys of another model.
        OutputFileError
            If it cannot be written: the disk is full, say. Those before it are kept.
        """
        if context.prepared is not self._prepared:
            raise CampaignMismatchError(
                f"'{self.path}' was opened for another model, or for this one before prepare(); open one "
                "for each."
            )
        identity = _digest(facts)
        path = self.path / f"{facts['what'].replace(' ', '-')}-{identity[:32]}.parquet"
        known = self._read(path, identity, n)
        if known is not None:
            self.found += n
            return known
        counts = FitCounts()
        columns = make(counts)
        about = {"identity": identity, "toys": n, **_told(counts), "facts": _shown(facts)}
        write_durably(path, tables.encode(columns, about))
        self.made += n
        return columns, counts

    def _read(self, path: Path, identity: str, n: int) -> tuple[Columns, FitCounts] | None:
        """None for what is not there, or is damaged."""
        if not path.exists():
            return None
        try:
            file, said = tables.opened(str(path), str(path))
            columns = tables.read(file, said, n, str(path))
            if said["identity"] != identity:
                return None
            counts = FitCounts(said["fits"], said["retried"], said["on_kink"])
            counts.failed.update(said["failed"])
        except (FileFormatError, KeyError):
            return None
        # Callers may write into what they asked for.
        return {name: np.array(values) for name, values in columns.items()}, counts

    def __repr__(self) -> str:
        return f"toys kept in '{self.path}': {self.found} were there, {self.made} were made"


@contextlib.contextmanager
def kept_toys(
    path: str | os.PathLike[str], model: Model, *, seed: int | None = None, other_versions: bool = False
) -> Iterator[KeptToys]:
    """Keep the toys of tests in a folder, block by block, while the ``with`` lasts.

    ``hypotest``, ``upper_limit``, ``significance``, ``goodness_of_fit``, ``channel_compatibility`` and
    ``feldman_cousins`` write the values of their statistics there. A call that is made again, after an
    interruption or with more toys, takes from the folder what is there; its answer is, bit for bit, that of a
    call that ran through. Calls with other data or options do not disturb each other.

    Parameters
    ----------
    path
        The folder; made if it is not there.
    model
        Prepared; that of the calls.
    seed
        Of calls that give none; None for that of the folder, or a fresh one.
    other_versions
        Whether to go on with other packages than the folder was begun with: numbers then agree to rounding,
        not bit for bit.

    Raises
    ------
    CampaignMismatchError
        If the folder is of another model or seed, of other packages, or has other files.
    CampaignLockedError
        If another process writes the folder.
    OutputFileError
        If something cannot be written. What was finished is kept.
    MissingPackageError
        Without pyarrow.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from smoothfit import Process, Variable
    >>> model = Model().add_proc(Process("sig", [5.0]).scale_by(Variable("mu", 1.0, lower_bound=0.0)))
    >>> model = model.add_proc(Process("bkg", [20.0])).prepare()
    >>> folder = tempfile.TemporaryDirectory()
    >>> for _ in range(2):
    ...     with kept_toys(pathlib.Path(folder.name, "toys"), model, seed=1) as kept:
    ...         found = model.significance("mu", [28.0], method="toys", toys=500)
    ...     print(f"{found.p_value:.4f}", kept.found, kept.made)
    0.0379 0 1000
    0.0379 1000 0
    >>> folder.cleanup()
    """
    require("pyarrow.parquet", feature="a campaign", extra="campaign")
    where = Path(path)
    begun = (where / _FILE).exists()
    folder.create(where, begun)
    with locked(where):
        folder.clean(where)
        own = {"model_hash": model_hash(model), "versions": versions()}
        if begun:
            used = _checked(where, own, seed, other_versions)
        else:
            used = fresh_seed(seed)
            document = {"format": _FORMAT, "version": _VERSION, **own, "seed": used}
            write_durably(where / _FILE, (json.dumps(document, indent=1) + "\n").encode())
        kept = KeptToys(where, model, used)
        with keeping(kept):
            yield kept


def _checked(where: Path, own: Mapping[str, Any], seed: int | None, other_versions: bool) -> int:
    """The seed of a folder that was begun."""
    source = str(where / _FILE)
    try:
        document = check_format(parse_json(read_text(where / _FILE), source), _FORMAT, _VERSION)
        begun = read_object("toys", document, required=_FIELDS)
    except FileFormatError as error:
        raise FileFormatError(f"{source}: {str(error).removeprefix(f'{source}: ')}") from error
    number = begun["seed"]
    if not isinstance(number, int) or isinstance(number, bool) or not isinstance(begun["versions"], dict):
        raise FileFormatError(f"{source}: seed must be a whole number and versions an object.")
    differing = []
    if begun["model_hash"] != own["model_hash"]:
        differing.append("the model")
    if seed is not None and seed != number:
        differing.append(f"the seed, {number} there and {seed} asked for,")
    if differing:
        raise CampaignMismatchError(
            f"'{where}' has toys of something else: {' and '.join(differing)} differs; name another folder"
            + (", or leave the seed out." if seed is not None else ".")
        )
    check_versions(begun["versions"], own["versions"], f"'{where}': here are", other_versions)
    return number


# -- blocks --------------------------------------------------------------------------------------------


def _plain(entry: Any) -> Any:
    """What JSON has; of an array, what tells it from all others."""
    if isinstance(entry, np.ndarray):
        content = hashlib.sha256(np.ascontiguousarray(entry).tobytes()).hexdigest()
        return {"shape": list(entry.shape), "type": str(entry.dtype), "sha256": content}
    return entry.item() if isinstance(entry, np.generic) else entry


def _digest(facts: Mapping[str, Any]) -> str:
    text = json.dumps({name: _plain(entry) for name, entry in facts.items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _shown(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What people want to see of them."""
    return {name: entry for name, entry in facts.items() if isinstance(entry, str | int | float)}


def _told(counts: FitCounts) -> dict[str, Any]:
    numbers = {"fits": counts.fits, "retried": counts.retried, "on_kink": counts.on_kink}
    return {**numbers, "failed": dict(counts.failed)}

"""What a campaign is: the record in ``campaign.json``, written before the first block."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from importlib import metadata
from typing import Any

import jax
import jaxlib
import numpy as np

from ..errors import FileFormatError
from ..inference.ensembles import TOY_KINDS
from ..io.json_fields import describe, read_object
from ..io.json_files import parse_json
from ..io.saved.versions import check_format

__all__ = ["Manifest", "versions"]

FORMAT, VERSION = "smoothfit campaign", 1

_FREE = ("toys", "versions", "pois", "hidden")
"""What may differ between two runs of one campaign."""


def versions() -> dict[str, str]:
    """Of the packages that results depend on."""
    try:
        own = metadata.version("smoothfit")
    except metadata.PackageNotFoundError:
        own = "not installed"
    return {
        "smoothfit": own,
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "numpy": np.__version__,
    }


@dataclass(frozen=True)
class Manifest:
    """What decides every number of a campaign, and how many toys it is to have."""

    model_hash: str
    toys: int
    seed: int
    block: int
    """Toys of a block."""
    kind: str
    values: tuple[float, ...]
    """(param + bin param,): where toys are drawn."""
    fixed: dict[str, float]
    """What fits hold, but for what the model itself does."""
    start: tuple[float, ...]
    """(param,): where fits start."""
    obs: tuple[float, ...] | None
    """(bin,): what a bootstrap draws around."""
    globs: tuple[float, ...] | None
    """(global observable,): of kinds that keep them, if other than the model's."""
    errors: bool
    parameters: tuple[str, ...]
    """Whose values are kept."""
    positions: tuple[int, ...]
    """Where they stand in ``values``."""
    pois: tuple[str, ...]
    """Which of them are no nuisances, nor held."""
    hidden: tuple[str, ...]
    """Which of them were blinded."""
    versions: dict[str, str]
    """Of the packages that it was begun with."""

    @cached_property
    def identity(self) -> str:
        """SHA-256 of all that decides the numbers of a toy."""
        content = {name: entry for name, entry in asdict(self).items() if name not in _FREE}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def n_blocks(self) -> int:
        """The last one may be shorter."""
        return -(-self.toys // self.block)

    def first(self, k: int) -> int:
        """The first toy of block k."""
        return k * self.block

    def length(self, k: int) -> int:
        """Toys of block k."""
        return min(self.block, self.toys - self.first(k))

    def to_json(self) -> str:
        """The text of the file."""
        document = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str) -> Manifest:
        """Read with checks.

        Raises
        ------
        FileFormatError
            Naming the file, for what is no manifest, or of a newer format.
        """
        try:
            document = check_format(parse_json(text, source), FORMAT, VERSION)
            names = [f.name for f in fields(cls)]
            item = dict(read_object("campaign", document, required=("format", "version", *names)))
            found = cls(**{name: _READ[name](name, item[name]) for name in names})
            found._check_lengths()
            return found
        except FileFormatError as error:
            raise FileFormatError(f"{source}: {str(error).removeprefix(f'{source}: ')}") from error

    def _check_lengths(self) -> None:
        if len(self.positions) != len(self.parameters):
            raise FileFormatError("positions: one a parameter is expected.")
        if max(self.positions, default=0) >= len(self.values):
            raise FileFormatError(f"positions: below {len(self.values)}, the number of values, is expected.")

    def differences(self, other: Manifest) -> list[str]:
        """In words, what other campaign ``other`` asks for; more toys is no other campaign."""
        found = []
        for f in fields(self):
            mine, theirs = getattr(self, f.name), getattr(other, f.name)
            if mine != theirs and f.name not in _FREE:
                found.append(_in_words(f.name, mine, theirs, self, other))
        if other.toys < self.toys:
            found.append(f"toys: {self.toys} in the folder, {other.toys} asked for, which is less")
        return found


def _short(entry: Any) -> str:
    text = str(entry[:12] if isinstance(entry, str) and len(entry) > 40 else entry)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _in_words(name: str, mine: Any, theirs: Any, one: Manifest, other: Manifest) -> str:
    same_length = isinstance(mine, tuple) and isinstance(theirs, tuple) and len(mine) == len(theirs)
    if same_length and one.model_hash == other.model_hash:
        at = next(i for i, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)
        return f"{name}: entry {at} is {mine[at]} in the folder, {theirs[at]} is asked for"
    label = "model" if name == "model_hash" else name
    return f"{label}: {_short(mine)} in the folder, {_short(theirs)} is asked for"


# -- fields of the file --------------------------------------------------------------------------------


def _is_number(entry: Any) -> bool:
    return isinstance(entry, int | float) and not isinstance(entry, bool)


def _refuse(name: str, expected: str, given: Any) -> FileFormatError:
    return FileFormatError(f"{name}: {expected} is expected, got {describe(given)}.")


def _text(name: str, given: Any) -> str:
    if not isinstance(given, str):
        raise _refuse(name, "text", given)
    return given


def _kind(name: str, given: Any) -> str:
    if given not in TOY_KINDS:
        raise _refuse(name, f"one of {', '.join(TOY_KINDS)}", given)
    return str(given)


def _whole(least: int) -> Any:
    def read(name: str, given: Any) -> int:
        if not isinstance(given, int) or isinstance(given, bool) or given < least:
            raise _refuse(name, f"a whole number from {least} on", given)
        return given

    return read


def _flag(name: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise _refuse(name, "true or false", given)
    return given


def _numbers(name: str, given: Any) -> tuple[float, ...]:
    if not isinstance(given, list) or not all(_is_number(entry) for entry in given):
        raise _refuse(name, "a list of numbers", given)
    return tuple(float(entry) for entry in given)


def _numbers_or_none(name: str, given: Any) -> tuple[float, ...] | None:
    return None if given is None else _numbers(name, given)


def _places(name: str, given: Any) -> tuple[int, ...]:
    if not isinstance(given, list):
        raise _refuse(name, "a list of whole numbers", given)
    return tuple(_whole(0)(name, entry) for entry in given)


def _names(name: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(entry, str) for entry in given):
        raise _refuse(name, "a list of names", given)
    return tuple(given)


def _by_name(check: Any, what: str) -> Any:
    def read(name: str, given: Any) -> dict[str, Any]:
        if not isinstance(given, Mapping) or not all(check(entry) for entry in given.values()):
            raise _refuse(name, f"{what} by name", given)
        return dict(given)

    return read


_READ: dict[str, Any] = {
    "model_hash": _text,
    "toys": _whole(1),
    "seed": _whole(0),
    "block": _whole(1),
    "kind": _kind,
    "values": _numbers,
    "fixed": _by_name(_is_number, "numbers"),
    "start": _numbers,
    "obs": _numbers_or_none,
    "globs": _numbers_or_none,
    "errors": _flag,
    "parameters": _names,
    "positions": _places,
    "pois": _names,
    "hidden": _names,
    "versions": _by_name(lambda entry: isinstance(entry, str), "versions"),
}

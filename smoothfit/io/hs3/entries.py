"""Entries of an HS3 file: objects that know their JSON path and which of their keys were read.

What nobody asked for ends up in the receipt: keys of entries that were used, and entries that were not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._types import FloatArray
from ...errors import FileFormatError
from ...results import Note
from ..json_fields import describe, listed, read_list, read_name, read_number, read_numbers

__all__ = ["Document", "Entry", "unsupported"]

_SECTIONS = ("distributions", "functions", "data", "likelihoods", "domains", "parameter_points", "analyses")
_NO_LISTS = ("metadata", "misc")
_CHOSEN = ("likelihoods", "analyses")


def unsupported(where: str, what: str) -> FileFormatError:
    """What is no binned likelihood, or not one that can be built.

    Examples
    --------
    >>> unsupported("/distributions/3", "type 'argus_dist' of 'background'.")
    FileFormatError("unsupported: /distributions/3: type 'argus_dist' of 'background'.")
    """
    return FileFormatError(f"unsupported: {where}: {what}")


class Entry:
    """An object of the file; each way to read a key checks it, and remembers that it was read.

    ``trace`` collects the objects inside it that were looked into.
    """

    def __init__(self, path: str, given: Any, trace: list[Entry]) -> None:
        if not isinstance(given, Mapping):
            raise FileFormatError(f"{path}: an object is expected, got {describe(given)}.")
        self.path, self._fields, self._trace = path, given, trace
        self._read: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._fields

    def at(self, key: str) -> str:
        """The path of what is under a key."""
        return f"{self.path}/{key}"

    def get(self, key: str, default: Any = None) -> Any:
        """Whatever is under a key."""
        self._read.add(key)
        return self._fields.get(key, default)

    def peek(self, key: str) -> Any:
        """Whatever is under a key, which does not count as read."""
        return self._fields.get(key)

    def require(self, key: str) -> Any:
        """Whatever is under a key that must be there."""
        if key not in self._fields:
            raise FileFormatError(f"{self.path}: '{key}' is missing; it has {listed(self._fields)}. Add it.")
        return self.get(key)

    def text(self, key: str) -> str:
        """A name, not empty."""
        return read_name(self.at(key), self.require(key))

    def number(self, key: str) -> float:
        """A finite number."""
        return read_number(self.at(key), self.require(key))

    def numbers(self, key: str, *, size: int | None = None) -> FloatArray:
        """A list of finite numbers."""
        return read_numbers(self.at(key), self.require(key), size=size)

    def flag(self, key: str) -> bool:
        """True or false; false where it is missing."""
        value = self.get(key, False)
        if not isinstance(value, bool):
            raise FileFormatError(f"{self.at(key)} must be true or false, got {describe(value)}.")
        return value

    def texts(self, key: str) -> list[str]:
        """A list of names, which may be empty."""
        items = read_list(self.at(key), self.require(key), empty=True)
        return [read_name(f"{self.at(key)}/{i}", item) for i, item in enumerate(items)]

    def items(self, key: str) -> list[tuple[str, Any]]:
        """A list of anything, each item with its path."""
        found = read_list(self.at(key), self.require(key), empty=True)
        return [(f"{self.at(key)}/{i}", item) for i, item in enumerate(found)]

    def entries(self, key: str) -> list[Entry]:
        """A list of objects; empty where it is missing."""
        if key not in self._fields:
            return []
        return [self._inner(path, item) for path, item in self.items(key)]

    def entry(self, key: str) -> Entry:
        """An object."""
        return self._inner(self.at(key), self.require(key))

    def _inner(self, path: str, given: Any) -> Entry:
        found = Entry(path, given, self._trace)
        self._trace.append(found)
        return found

    def unread(self) -> Iterator[str]:
        """Keys that nobody asked for."""
        return (key for key in self._fields if key not in self._read)


class Document:
    """The sections of an HS3 file, by name, and what of them was used.

    Raises
    ------
    FileFormatError
        For a section of the wrong kind, entries without a name, and names that are given twice.
    """

    def __init__(self, given: Any) -> None:
        self._trace: list[Entry] = []
        self._used: set[int] = set()
        top = Entry("", given, self._trace)
        self.sections: dict[str, dict[str, Entry]] = {}
        for section in _SECTIONS:
            self.sections[section] = self._section(top, section)
        self.top = top
        self.notes: list[Note] = []

    def _section(self, top: Entry, section: str) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for path, item in top.items(section) if section in top else ():
            entry = Entry(path, item, self._trace)
            name = entry.text("name")
            if name in found:
                raise FileFormatError(f"{path}: the name '{name}' is that of {found[name].path}; rename one.")
            found[name] = entry
        return found

    def names(self, section: str) -> str:
        """For messages."""
        return listed(self.sections[section])

    def has(self, section: str, name: str) -> bool:
        """Whether there is an entry of this name."""
        return name in self.sections[section]

    def use(self, section: str, name: str, by: str) -> Entry:
        """An entry that is used, named in ``by``.

        Raises
        ------
        FileFormatError
            Where there is none of this name.
        """
        if name not in self.sections[section]:
            raise FileFormatError(
                f"{by}: '{name}' is not in /{section}, which has {self.names(section)}; correct the name."
            )
        entry = self.sections[section][name]
        self._used.add(id(entry))
        return entry

    def note(self, where: str, what: str, why: str) -> None:
        """Keep a note for the receipt."""
        note = Note(where, what, why)
        if note not in self.notes:
            self.notes.append(note)

    def counts(self) -> dict[str, int]:
        """How many entries of each section were used."""
        return {
            section: sum(id(entry) in self._used for entry in entries.values())
            for section, entries in self.sections.items()
        }

    def ignored(self) -> list[Note]:
        """Everything that was not used."""
        found = list(self.notes)
        for section, entries in self.sections.items():
            other = "another one was chosen" if section in _CHOSEN else "nothing that was read uses it"
            for name, entry in entries.items():
                if id(entry) not in self._used:
                    found.append(Note(entry.path, f"'{name}'", other))
                else:
                    found += _unread(entry)
        for entry in self._trace:
            found += _unread(entry)
        for key in self.top.unread():
            if key not in _NO_LISTS:
                found.append(Note(f"/{key}", "the whole section", "HS3 has none of this name"))
        misc = self.top.get("misc")
        if misc:
            found.append(Note("/misc", listed(misc), "it is no part of the likelihood"))
        return found


def _unread(entry: Entry) -> list[Note]:
    return [Note(entry.path, f"'{key}'", "it has no meaning here that is known") for key in entry.unread()]

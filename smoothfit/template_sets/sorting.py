"""Which histogram of a set is what, decided over all their names.

A name that can be read as a variation of a histogram that exists is one. Where it can be read as one
of two (processes ``tt`` and ``tt_2l``, name ``tt_2l_jesUp``), the reading counts whose systematic other
names have, too; if that does not decide, or a name has no reading, it is an error: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .._checks import check_names, plural
from ..errors import InvalidTypeError, InvalidValueError
from ..results import Note
from .naming import Naming, Reading

__all__ = ["Filters", "Sorted", "read_filters", "sort_names"]


@dataclass(frozen=True)
class Filters:
    """Names that are known; None where all are welcome."""

    channels: tuple[str, ...] | None = None
    processes: tuple[str, ...] | None = None
    systematics: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    """Patterns of names (``*``, ``?``) to leave out."""

    def admit(self, reading: Reading, data: str | None) -> bool:
        """Whether a reading has known names only."""
        known = (
            (self.channels, reading.channel),
            (None if reading.process == data else self.processes, reading.process),
            (self.systematics if reading.systematic else None, reading.systematic),
        )
        return all(names is None or name in names for names, name in known)


def read_filters(channels: Any, processes: Any, systematics: Any, ignore: Any) -> Filters:
    """Lists of names, checked; a single pattern to ignore may be given alone."""

    def names(what: str, given: Any) -> tuple[str, ...] | None:
        return None if given is None else check_names(f"from_histograms: {what}", given, None, "name")

    patterns = (ignore,) if isinstance(ignore, str) else ignore
    if not isinstance(patterns, Iterable) or not all(isinstance(p, str) for p in patterns):
        raise InvalidTypeError("from_histograms: ignore: patterns of names are expected, as ['*_old'].")
    return Filters(
        names("channels", channels), names("processes", processes), names("systematics", systematics),
        tuple(patterns),
    )  # fmt: skip


@dataclass
class Sorted:
    """Names of histograms by what they are, in the order in which they came."""

    nominal: dict[tuple[str, str], str] = field(default_factory=dict)
    """(channel, process) -> name"""
    data: dict[str, str] = field(default_factory=dict)
    """channel -> name"""
    varied: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    """(channel, process, systematic) -> {"up": name, "down": name}, one of them where that is all"""
    notes: list[Note] = field(default_factory=list)


def sort_names(names: Sequence[str], naming: Naming, filters: Filters, data: str | None) -> Sorted:
    """Find out which histogram is what.

    Raises
    ------
    InvalidValueError
        For names that have no reading, variations without a nominal histogram, or of the data, and names
        that have several readings of which none is better.

    Examples
    --------
    >>> from .naming import read_naming
    >>> found = sort_names(["tt", "tt_jesUp", "tt_jesDown"], read_naming("{process}_{systematic}{Up|Down}"),
    ...     Filters(), None)
    >>> found.nominal, found.varied
    ({('', 'tt'): 'tt'}, {('', 'tt', 'jes'): {'up': 'tt_jesUp', 'down': 'tt_jesDown'}})
    """
    found = Sorted()
    left = []
    for name in names:
        pattern = next((p for p in filters.ignore if fnmatchcase(name, p)), None)
        if pattern is None:
            left.append(name)
        else:
            found.notes.append(Note("names", f"'{name}'", f"ignore has '{pattern}'"))
    variations = {name: _variations(name, naming, filters, data) for name in left}
    nominal = _sort_nominal(left, variations, naming, filters, data)
    for name, reading in nominal.items():
        if reading.process == data:
            found.data[reading.channel] = name
        else:
            found.nominal[reading.channel, reading.process] = name
    varied = {name: readings for name, readings in variations.items() if name not in nominal}
    _sort_varied(found, varied, data)
    return found


def _variations(name: str, naming: Naming, filters: Filters, data: str | None) -> list[Reading]:
    if naming.varied is None:
        return []
    return [reading for reading in naming.varied.readings(name) if filters.admit(reading, data)]


def _sort_nominal(
    names: Sequence[str],
    variations: Mapping[str, Sequence[Reading]],
    naming: Naming,
    filters: Filters,
    data: str | None,
) -> dict[str, Reading]:
    """The nominal ones: they read so, and not as variations, unless their process is a known one."""
    nominal: dict[str, Reading] = {}
    unread = []
    for name in names:
        readings = [r for r in naming.nominal.readings(name) if filters.admit(r, data)]
        known = filters.processes is not None or any(r.process == data for r in readings)
        if variations[name] and not (readings and known):
            continue
        if not readings:
            unread.append(name)
        elif len(readings) > 1:
            raise _ambiguous(name, readings, "channels=[...] or processes=[...]")
        else:
            nominal[name] = readings[0]
    if unread:
        patterns = " or ".join(f"'{p.text}'" for p in (naming.nominal, naming.varied) if p is not None)
        raise InvalidValueError(
            f"from_histograms: {plural(len(unread), 'name')} cannot be read by {patterns}: "
            f"{_listed(unread)}; correct naming, or name them in ignore=[...]."
        )
    return nominal


def _sort_varied(found: Sorted, varied: Mapping[str, Sequence[Reading]], data: str | None) -> None:
    candidates = {
        name: [r for r in readings if (r.channel, r.process) in found.nominal]
        for name, readings in varied.items()
    }
    _check_grounded(found, varied, candidates, data)
    settled = {readings[0].systematic for readings in candidates.values() if len(readings) == 1}
    for name, readings in candidates.items():
        if len(readings) > 1:
            supported = [r for r in readings if r.systematic in settled]
            if len(supported) != 1:
                raise _ambiguous(name, readings, "systematics=[...]")
            (chosen,) = supported
            others = ", ".join(_words(r) for r in readings if r is not chosen)
            why = f"other names have this systematic; it could be {others}"
            found.notes.append(Note("names", f"'{name}' read as {_words(chosen)}", why))
            readings = supported
        reading = readings[0]
        key = reading.channel, reading.process, reading.systematic
        found.varied.setdefault(key, {})[reading.direction] = name


def _check_grounded(
    found: Sorted,
    varied: Mapping[str, Sequence[Reading]],
    candidates: Mapping[str, Sequence[Reading]],
    data: str | None,
) -> None:
    """Every variation needs a nominal histogram; the data have none."""
    lost = [name for name, readings in candidates.items() if not readings]
    of_data = [name for name in lost if any(r.process == data for r in varied[name])]
    if of_data:
        raise InvalidValueError(
            f"from_histograms: {_listed(of_data)}: a variation of the data '{data}'; name it in ignore=[...]."
        )
    if lost:
        reading = varied[lost[0]][0]
        raise InvalidValueError(
            f"from_histograms: {plural(len(lost), 'name')} without a nominal histogram: {_listed(lost)}; "
            f"'{lost[0]}' reads as {_words(reading)}. Give the nominal one, or processes=[...] with all "
            "processes, or ignore=[...]."
        )


def _ambiguous(name: str, readings: Collection[Reading], cure: str) -> InvalidValueError:
    words = " or ".join(_words(reading) for reading in readings)
    return InvalidValueError(f"from_histograms: '{name}' reads as {words}; say which exist by {cure}.")


def _words(reading: Reading) -> str:
    words = f"process '{reading.process}'"
    if reading.systematic:
        words = f"systematic '{reading.systematic}' of {words}"
    return f"{words} in channel '{reading.channel}'" if reading.channel else words


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:8]) + (", ..." if len(names) > 8 else "")

"""The first part of a card: sizes, ``shapes`` lines, channels, processes and rates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from ...errors import FileFormatError
from .card import Card, Column, ShapeRule
from .lines import Line, LineError, number, whole

__all__ = ["ColumnReader"]

_MAX_COLUMNS = 100_000


class ColumnReader:
    """Reads the lines up to the rates into a card."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.declared: dict[str, int] = {}
        """imax, jmax and kmax, where they are numbers."""
        self.columns: list[Column] = []
        self.renamed: dict[str, str] = {}
        """Channels whose names begin with a digit: what they are called here."""
        self._bins: list[str] = []
        self._names: list[str] = []
        self._observations: list[float] | None = None

    def read(self, lines: Iterable[tuple[int, str]]) -> None:
        """Channels, processes and rates."""
        statements: dict[str, Callable[[Line], None]] = {
            "imax": self._size,
            "jmax": self._size,
            "kmax": self._size,
            "shapes": self._shapes,
            "observation": self._observation,
            "bin": self._bin,
            "process": self._process,
            "rate": self._rate,
        }
        for at, text in lines:
            words = tuple(re.sub(r"(^|\s)#.*", "", text).split())
            if not words or words[0].startswith("--"):
                continue
            keyword = words[0].lower() if words[0] == "Observation" else words[0]
            if keyword not in statements:
                self.card.ignored.append((at, text.strip()[:80], "text before the rates"))
                continue
            if words[-1] == "\\":
                raise LineError(at, "datacards have no continuation lines; join this line and the next.")
            statements[keyword](Line(at, words[1:], text))
            if keyword == "rate":
                return
        raise FileFormatError(
            "there is no line 'rate'; a datacard has bin, process (twice) and rate lines."
            if self._names
            else "this is no datacard: there is no line 'process'."
        )

    def _size(self, line: Line) -> None:
        if not line.words:
            raise LineError(line.number, "a number, or *, is expected.")
        if line.words[0] != "*":
            value = whole(line.number, line.words[0], line.text.split()[0])
            if value < 0:
                raise LineError(line.number, f"{line.text.split()[0]} is {value}; it counts.")
            self.declared[line.text.split()[0]] = value

    def _shapes(self, line: Line) -> None:
        if len(line.words) < 3:
            raise LineError(
                line.number,
                "shapes: 'shapes process channel file pattern [pattern_with_$SYSTEMATIC]' is expected.",
            )
        process, channel, *words = line.words
        if len(words) > 3:
            raise LineError(line.number, f"shapes: {len(words)} words after the channel, at most 3 expected.")
        if len(words) == 1 and words[0] != "FAKE":
            raise LineError(line.number, f"shapes: no pattern of a template in '{words[0]}'.")
        for rule in self.card.shapes:
            if (rule.process, rule.channel) == (process, channel):
                raise LineError(
                    line.number,
                    f"shapes: process '{process}' in channel '{channel}' is on line {rule.line} already.",
                )
        self.card.shapes.append(ShapeRule(line.number, process, channel, tuple(words)))

    def _observation(self, line: Line) -> None:
        values = [number(line.number, word, "observation") for word in line.words]
        for value in values:
            if value < 0 and value != -1:
                raise LineError(line.number, f"observation: {value:g} events; give a count, or -1.")
        self._observations = values
        self._check_size(line, "imax", len(values), "observations")
        if self._bins:
            self._check_names(line, self._bins, "bin")
            if len(self._bins) != len(values):
                raise LineError(line.number, f"{len(values)} observations of {len(self._bins)} bins.")
            self.card.channels = list(self._bins)
            self._bins = []

    def _check_size(self, line: Line, name: str, found: int, what: str) -> None:
        declared = self.declared.get(name)
        if declared is not None and declared != found:
            raise LineError(line.number, f"{found} {what}, but {name} is {declared}; write '{name} *'.")

    def _check_names(self, line: Line, names: Sequence[str], what: str) -> None:
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise LineError(line.number, f"{what} '{min(twice)}' is given twice.")

    def _bin(self, line: Line) -> None:
        if len(line.words) > _MAX_COLUMNS:
            raise LineError(line.number, f"{len(line.words)} columns; at most {_MAX_COLUMNS} are read.")
        renamed = {word: f"bin{word}" for word in line.words if word[0].isdigit()}
        self.renamed.update(renamed)
        self._bins = [renamed.get(word, word) for word in line.words]

    def _process(self, line: Line) -> None:
        if not self._bins:
            raise LineError(line.number, "a line 'bin' is missing before this line.")
        if len(line.words) != len(self._bins):
            raise LineError(
                line.number,
                f"{len(line.words)} processes, but the line 'bin' before has {len(self._bins)} entries.",
            )
        if not self._names:
            self._names = list(line.words)
            return
        if len(line.words) != len(self._names):
            raise LineError(line.number, f"{len(line.words)} indices of {len(self._names)} processes.")
        if self.columns:
            raise LineError(line.number, "a third line 'process'; there are two, names and indices.")
        names, indices = self._names, list(line.words)
        if _is_index(names[0]) and not _is_index(indices[0]):
            names, indices = indices, names
        self._fill_columns(line, names, indices)

    def _fill_columns(self, line: Line, names: Sequence[str], indices: Sequence[str]) -> None:
        card = self.card
        given = bool(card.channels)
        for channel, process, word in zip(self._bins, names, indices, strict=True):
            signal = whole(line.number, word, "index of a process") <= 0
            column = Column(channel, process)
            if column in self.columns:
                raise LineError(
                    line.number, f"process '{process}' is given twice in bin '{channel}'; names must differ."
                )
            if card.signal.setdefault(process, signal) != signal:
                raise LineError(
                    line.number,
                    f"process '{process}' is signal (index <= 0) in one bin and background in another.",
                )
            if channel not in card.channels:
                if given:
                    raise LineError(line.number, f"bin '{channel}' has no observation.")
                card.channels.append(channel)
            self.columns.append(column)
        self._check_size(line, "imax", len(card.channels), "bins")
        declared = self.declared.get("jmax")
        if declared is not None and declared + 1 != len(card.signal):
            raise LineError(
                line.number,
                f"{len(card.signal)} processes, but jmax is {declared}; it is their number less 1, or *.",
            )
        if self._observations is not None:
            if len(self._observations) != len(card.channels):
                raise LineError(
                    line.number, f"{len(self._observations)} observations of {len(card.channels)} bins."
                )
            card.observed = dict(zip(card.channels, self._observations, strict=True))

    def _rate(self, line: Line) -> None:
        if not self.columns:
            raise LineError(line.number, "two lines 'process', names and indices, are missing before.")
        if len(line.words) != len(self.columns):
            raise LineError(
                line.number, f"{len(line.words)} rates of {len(self.columns)} columns; give one a column."
            )
        for column, word in zip(self.columns, line.words, strict=True):
            self.card.rates[column] = number(line.number, word, "rate")
        shapes = self.card.shapes
        shapes[:] = [rule._replace(channel=self.renamed.get(rule.channel, rule.channel)) for rule in shapes]
        for old, new in self.renamed.items():
            self.card.ignored.append((line.number, f"bin {old}", f"its name is '{new}' here, as in Combine"))


def _is_index(word: str) -> bool:
    return re.match(r"-?[0-9]+", word) is not None

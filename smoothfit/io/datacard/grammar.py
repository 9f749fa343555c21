"""The grammar of datacards: text in, a :class:`~.card.Card` out.

A card is read in two parts, as Combine does. Up to the line ``rate``, lines are known by their first word and
what is not known is free text. After it each line is a nuisance, or a statement known by its second word; a
``#`` starts a comment there, and dashes between spaces stand for no effect.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ...errors import FileFormatError
from .card import (
    AutoMCStats,
    Card,
    Column,
    ExternalArgument,
    Parameter,
    Penalty,
    RateFormula,
    RateParameter,
    ShapeRule,
    Systematic,
    Value,
    has_effect,
)
from .edits import apply_edit

__all__ = ["read_card"]

_MAX_LINES = 200_000
_MAX_COLUMNS = 100_000
_KEYWORDS = ("imax", "jmax", "kmax", "shapes", "observation", "Observation", "bin", "process", "rate")
_SIGNED = ("trG", "dFD", "dFD2")
"""Systematics whose values may be negative."""
_SIMPLE = ("lnN", "lnU", "gmM", "trG")


class Line(NamedTuple):
    """A line that says something."""

    number: int
    words: tuple[str, ...]
    text: str


class LineError(FileFormatError):
    """An error of one line; :func:`read_card` adds the file."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.number = number


def read_card(text: str, source: str) -> Card:
    """The statements of a card.

    Parameters
    ----------
    source
        What messages call the file.

    Raises
    ------
    FileFormatError
        With file and line, for what is no datacard or is not supported.

    Examples
    --------
    >>> card = read_card('''imax 1
    ... bin SR
    ... observation 6
    ... bin SR SR
    ... process sig bkg
    ... process 0 1
    ... rate 1.0 5.5
    ... lumi lnN 1.02 -
    ... ''', "card.txt")
    >>> card.channels, card.observed, card.systematics[0].values
    (['SR'], {'SR': 6.0}, {Column(channel='SR', process='sig'): 1.02})
    """
    if "\0" in text:
        raise FileFormatError(
            f"{source}: not a text file; give a datacard, or a ROOT file in its shapes lines."
        )
    lines = text.splitlines()
    if len(lines) > _MAX_LINES:
        raise FileFormatError(f"{source}: {len(lines)} lines; at most {_MAX_LINES} are read.")
    reader = _Reader(Card(source))
    numbered = enumerate(lines, start=1)
    try:
        reader.head(numbered)
        reader.body(numbered)
        reader.finish()
    except LineError as error:
        raise FileFormatError(f"{source}:{error.number}: {error}") from error
    except FileFormatError as error:
        raise FileFormatError(f"{source}: {error}") from error
    return reader.card


def number(line: int, word: str, what: str) -> float:
    """A finite number.

    Examples
    --------
    >>> number(3, "1e3", "rate")
    1000.0
    """
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    # Python also reads 1_000, which is a name to everybody else.
    if not math.isfinite(value) or "_" in word:
        raise LineError(line, f"{what}: a number is expected, got '{word[:40]}'.")
    return value


def whole(line: int, word: str, what: str) -> int:
    """A whole number."""
    value = number(line, word, what)
    if value != round(value):
        raise LineError(line, f"{what}: a whole number is expected, got '{word[:40]}'.")
    return int(value)


def bounds_of(line: int, word: str, what: str) -> tuple[float, float]:
    """Of "[low,high]"."""
    parts = word.strip("[]").split(",")
    if not (word.startswith("[") and word.endswith("]")) or len(parts) != 2:
        raise LineError(line, f"{what}: a range [low,high] is expected, got '{word[:40]}'.")
    low, high = (number(line, part, what) for part in parts)
    if not low < high:
        raise LineError(line, f"{what}: the range [{low:g},{high:g}] is empty; give the lower end first.")
    return low, high


class _Reader:
    def __init__(self, card: Card) -> None:
        self.card = card
        self._declared: dict[str, int] = {}
        self._bins: list[str] = []
        self._names: list[str] = []
        self._columns: list[Column] = []
        self._observations: list[float] | None = None
        self._renamed: dict[str, str] = {}
        self._edited = False

    # -- up to the rates ---------------------------------------------------------------------------

    def head(self, lines: Iterable[tuple[int, str]]) -> None:
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
            self._declared[line.text.split()[0]] = value

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
        declared = self._declared.get(name)
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
        self._renamed.update(renamed)
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
        if self._columns:
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
            if column in self._columns:
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
            self._columns.append(column)
        self._check_size(line, "imax", len(card.channels), "bins")
        declared = self._declared.get("jmax")
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
        if not self._columns:
            raise LineError(line.number, "two lines 'process', names and indices, are missing before.")
        if len(line.words) != len(self._columns):
            raise LineError(
                line.number, f"{len(line.words)} rates of {len(self._columns)} columns; give one a column."
            )
        for column, word in zip(self._columns, line.words, strict=True):
            self.card.rates[column] = number(line.number, word, "rate")
        shapes = self.card.shapes
        shapes[:] = [rule._replace(channel=self._renamed.get(rule.channel, rule.channel)) for rule in shapes]
        for old, new in self._renamed.items():
            self.card.ignored.append((line.number, f"bin {old}", f"its name is '{new}' here, as in Combine"))

    # -- after the rates ---------------------------------------------------------------------------

    def body(self, lines: Iterable[tuple[int, str]]) -> None:
        """Nuisances and statements."""
        statements: dict[str, Callable[[Line], None]] = {
            "param": self._param,
            "flatParam": self._flat,
            "extArg": self._external,
            "rateParam": self._rate_param,
            "constr": self._constr,
            "group": self._group,
            "autoMCStats": self._mc_stat,
            "edit": self._edit,
        }
        for at, text in lines:
            if text.startswith("--"):
                continue
            plain = re.sub(r"\s*#.*", "", text)
            words = tuple("0" if set(word) == {"-"} else word for word in plain.split())
            if not words:
                continue
            if len(words) == 1:
                self.card.ignored.append((at, words[0][:80], "one word says nothing"))
                continue
            if words[-1] == "\\":
                raise LineError(at, "datacards have no continuation lines; join this line and the next.")
            line = Line(at, words, plain)
            if words[1] in statements:
                statements[words[1]](line)
            else:
                self._systematic(line)

    def _name(self, line: Line) -> tuple[str, bool]:
        name = line.words[0]
        nofloat = name.endswith("[nofloat]")
        name = name.removesuffix("[nofloat]")
        if not name:
            raise LineError(line.number, "[nofloat] without a name.")
        # As Combine calls it: names of its parameters may not begin with a digit.
        return (f"theta{name}" if name[0].isdigit() else name), nofloat

    def _systematic(self, line: Line) -> None:
        name, nofloat = self._name(line)
        kind, words = line.words[1], list(line.words[2:])
        n_arguments = {"gmN": 1, "unif": 2}.get(kind, 0)
        if kind in ("dFD", "dFD2", "discrete"):
            raise LineError(line.number, f"unsupported: '{kind}' of '{name}'.")
        if kind not in (*_SIMPLE, "gmN", "unif") and not kind.startswith("shape"):
            raise LineError(
                line.number,
                f"unsupported: '{kind}' of '{name}'; supported are {', '.join(_SIMPLE)}, gmN, unif, shape, "
                "shapeN, shapeU, shape?, param, rateParam, extArg, flatParam, constr, group, autoMCStats, "
                "nuisance edit.",
            )
        if len(words) < n_arguments + len(self._columns):
            raise LineError(
                line.number,
                f"'{name}' has {max(len(words) - n_arguments, 0)} values of {len(self._columns)} columns; "
                "give one a column, - for none.",
            )
        arguments = tuple(number(line.number, word, f"'{name}'") for word in words[:n_arguments])
        if kind == "gmN" and (arguments[0] < 0 or arguments[0] != round(arguments[0])):
            raise LineError(line.number, f"gmN of '{name}': {arguments[0]:g} events; give a count.")
        if kind == "unif" and not arguments[0] < arguments[1]:
            raise LineError(line.number, f"unif of '{name}': the range {arguments} is empty.")
        extra = words[n_arguments + len(self._columns) :]
        if extra:
            self.card.ignored.append((line.number, " ".join(extra)[:80], "words after the last column"))
        values: dict[Column, Value] = {}
        for column, word in zip(self._columns, words[n_arguments:], strict=False):
            value = self._value(line, name, kind, word)
            if has_effect(kind, value):
                values[column] = value
                if kind == "gmN" and self.card.rates[column] == 0.0:
                    self.card.rates[column] = 1e-6
        self.card.systematics.append(Systematic(line.number, name, kind, values, arguments, nofloat))

    def _value(self, line: Line, name: str, kind: str, word: str) -> Value:
        what = f"{kind} of '{name}'"
        if "/" not in word:
            value = number(line.number, word, what)
            if value < 0 and kind not in _SIGNED:
                raise LineError(line.number, f"{what}: {value:g} is negative; give a ratio, or a width.")
            return value
        if kind not in ("lnN", "lnU") and not kind.endswith("?"):
            raise LineError(line.number, f"{what}: '{word}' has two values; lnN and lnU may have.")
        parts = word.split("/")
        if len(parts) != 2:
            raise LineError(line.number, f"{what}: '{word[:40]}' is no pair down/up.")
        down, up = (number(line.number, part, what) for part in parts)
        if down <= 0 or up <= 0:
            raise LineError(line.number, f"{what}: '{word}' must be two positive ratios.")
        return down, up

    def _param(self, line: Line) -> None:
        name, nofloat = self._name(line)
        what, words = f"param '{name}'", line.words[2:]
        if not 2 <= len(words) <= 3:
            raise LineError(line.number, f"{what}: 'name param mean sigma [low,high]' is expected.")
        mean = number(line.number, words[0], what)
        if "/" in words[1]:
            match = re.fullmatch(r"-([^/]+)/\+([^/]+)", words[1])
            if match is None:
                raise LineError(line.number, f"{what}: two widths are written -x/+y, got '{words[1][:40]}'.")
            down, up = (number(line.number, part, what) for part in match.groups())
        else:
            down = up = number(line.number, words[1], what)
        if down <= 0 or up <= 0:
            raise LineError(line.number, f"{what}: the width must be positive, got '{words[1][:40]}'.")
        bounds = bounds_of(line.number, words[2], what) if len(words) == 3 else None
        if name in self.card.parameters:
            before = self.card.parameters[name].line
            raise LineError(line.number, f"{what} is on line {before} already.")
        self.card.parameters[name] = Parameter(line.number, name, mean, down, up, bounds, nofloat)

    def _flat(self, line: Line) -> None:
        self.card.flat[self._name(line)[0]] = line.number

    def _external(self, line: Line) -> None:
        name, words = line.words[0], line.words[2:]
        what = f"extArg '{name}'"
        if not 1 <= len(words) <= 2:
            raise LineError(line.number, f"{what}: 'name extArg value [low,high]' is expected.")
        if ":" in words[-1]:
            raise LineError(line.number, f"unsupported: {what} from a RooFit workspace, '{words[-1][:60]}'.")
        value = number(line.number, words[0], what)
        constant = len(words) == 2 and words[1] == "[const]"
        bounds = None if len(words) == 1 or constant else bounds_of(line.number, words[1], what)
        self._define(line, name)
        self.card.external[name] = ExternalArgument(line.number, name, value, bounds, constant)

    def _define(self, line: Line, name: str) -> None:
        for known in (self.card.external, self.card.rate_parameters):
            if name in known:
                raise LineError(line.number, f"'{name}' is on line {known[name].line} already.")

    def _rate_param(self, line: Line) -> None:
        words = [self._renamed.get(word, word) if i == 2 else word for i, word in enumerate(line.words)]
        what = f"rateParam '{words[0]}'"
        if not 5 <= len(words) <= 6:
            raise LineError(
                line.number,
                f"{what}: 'name rateParam bin process value [low,high]', or '... formula arguments', is "
                f"expected, got {len(words)} words.",
            )
        self._rate_parameter(line, what)
        columns = [
            column
            for column in self._columns
            if fnmatch.fnmatchcase(column.channel, words[2]) and fnmatch.fnmatchcase(column.process, words[3])
        ]
        if not columns:
            if words[2] not in self.card.channels or words[3] not in self.card.signal:
                raise LineError(
                    line.number, f"{what}: there is no process '{words[3]}' or no bin '{words[2]}'."
                )
            why = f"bin '{words[2]}' has no process '{words[3]}'"
            self.card.ignored.append((line.number, line.text.strip()[:80], why))
        for column in columns:
            factors = self.card.rate_factors.setdefault(column, [])
            if words[0] not in factors:
                factors.append(words[0])

    def _rate_parameter(self, line: Line, what: str) -> None:
        name, words = line.words[0], line.words[4:]
        found: RateParameter | RateFormula
        if ".root" in words[0] and ":" in words[0]:
            raise LineError(line.number, f"unsupported: {what} from a RooFit workspace, '{words[0][:60]}'.")
        if len(words) == 2 and not words[1].startswith("["):
            found = RateFormula(line.number, name, words[0], tuple(words[1].split(",")))
        else:
            value = number(line.number, words[0], what)
            bounds = bounds_of(line.number, words[1], what) if len(words) == 2 else None
            if bounds is not None and not bounds[0] <= value <= bounds[1]:
                raise LineError(line.number, f"{what}: {value:g} is outside its range {words[1]}.")
            found = RateParameter(line.number, name, value, bounds)
        before = self.card.rate_parameters.setdefault(name, found)
        if before[2:] != found[2:]:
            # Combine takes the first without a word.
            self.card.ignored.append(
                (line.number, line.text.strip()[:80], f"the value of '{name}' is that of line {before.line}")
            )

    def _constr(self, line: Line) -> None:
        words = line.words
        if not 4 <= len(words) <= 5:
            raise LineError(line.number, f"constr '{words[0]}': 'name constr formula [arguments] sigma'.")
        arguments = tuple(words[3].strip("{}").split(",")) if len(words) == 5 else None
        self.card.penalties.append(Penalty(line.number, words[0], words[2], arguments, words[-1]))

    def _group(self, line: Line) -> None:
        name, words = line.words[0], line.words[2:]
        groups = self.card.groups
        if len(words) < 2 or words[0] not in ("=", "+="):
            raise LineError(line.number, f"group '{name}': 'name group = nuisance ...' is expected.")
        if words[0] == "=" and name in groups:
            raise LineError(
                line.number, f"group '{name}' is on line {self.card.group_lines[name]}; += appends to it."
            )
        if words[0] == "+=" and name not in groups:
            raise LineError(line.number, f"group '{name}' is not defined yet; = defines it.")
        self.card.group_lines.setdefault(name, line.number)
        members = groups.setdefault(name, [])
        members += [word for word in dict.fromkeys(words[1:]) if word not in members]

    def _mc_stat(self, line: Line) -> None:
        pattern, words = self._renamed.get(line.words[0], line.words[0]), line.words[2:]
        what = f"autoMCStats of '{pattern}'"
        if not 1 <= len(words) <= 3:
            raise LineError(
                line.number, f"{what}: 'channel autoMCStats threshold [include-signal] [hist-mode]'."
            )
        threshold = number(line.number, words[0], what)
        signal = bool(whole(line.number, words[1], what)) if len(words) > 1 else False
        mode = whole(line.number, words[2], what) if len(words) > 2 else 1
        if mode not in (1, 2):
            raise LineError(line.number, f"{what}: hist-mode {mode} is not known; 1 and 2 are.")
        channels = [name for name in self.card.channels if fnmatch.fnmatchcase(name, pattern)]
        if not channels and "*" not in pattern:
            raise LineError(line.number, f"{what}: there is no such channel.")
        for channel in channels:
            self.card.mc_stat[channel] = AutoMCStats(line.number, threshold, signal, mode)

    def _edit(self, line: Line) -> None:
        self._edited = True
        try:
            apply_edit(self.card, line.number, line.words[2:])
        except FileFormatError as error:
            raise LineError(line.number, f"nuisance edit: {error}") from error

    # -- at the end --------------------------------------------------------------------------------

    def finish(self) -> None:
        """Leave out what does nothing, and compare the number of nuisances with the one declared."""
        card = self.card
        kept, without = [], 0
        for systematic in card.systematics:
            acts = {c: v for c, v in systematic.values.items() if card.rates[c] != 0.0}
            if acts:
                kept.append(systematic)
                continue
            without += 1
            why = "no effect on any process" if not systematic.values else "acts on processes without events"
            card.ignored.append((systematic.line, f"{systematic.name} {systematic.kind}", why))
        found = len(card.systematics) + len(card.parameters) + len(card.penalties)
        declared = self._declared.get("kmax")
        if declared is not None and not self._edited and declared != found:
            raise FileFormatError(f"{found} nuisances, but kmax is {declared}; write 'kmax *'.")
        card.systematics = kept
        for channel in card.channels:
            if not any(rate != 0.0 for column, rate in card.rates.items() if column.channel == channel):
                raise FileFormatError(f"bin '{channel}': no process has events.")


def _is_index(word: str) -> bool:
    return re.match(r"-?[0-9]+", word) is not None

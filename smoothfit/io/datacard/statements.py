"""The second part of a card: nuisances, and statements known by their second word."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

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
    Systematic,
    Value,
    has_effect,
)
from .edits import apply_edit
from .lines import Line, LineError, bounds_of, number, whole

__all__ = ["StatementReader"]

_SIGNED = ("trG", "dFD", "dFD2")
"""Systematics whose values may be negative."""
_SIMPLE = ("lnN", "lnU", "gmM", "trG")


class StatementReader:
    """Reads the lines after the rates into a card."""

    def __init__(self, card: Card, columns: Sequence[Column], renamed: Mapping[str, str]) -> None:
        self.card = card
        self.edited = False
        """Whether there is a ``nuisance edit``: then their number is not that of kmax."""
        self._columns, self._renamed = columns, renamed

    def read(self, lines: Iterable[tuple[int, str]]) -> None:
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
        self.edited = True
        try:
            apply_edit(self.card, line.number, line.words[2:])
        except FileFormatError as error:
            raise LineError(line.number, f"nuisance edit: {error}") from error

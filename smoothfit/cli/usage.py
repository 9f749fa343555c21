"""The parser of arguments: help that is short, errors that name the word, what was expected and the cure."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from .._checks import did_you_mean
from ..errors import SmoothfitError

__all__ = ["Parser", "UsageError", "values_of"]

_REQUIRED = "the following arguments are required: "
_NUMBER = re.compile(r"^-(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^-inf$")
"""Words that begin like an option and are numbers: argparse takes -1 for one, and -1e-3 for an option."""


class UsageError(SmoothfitError):
    """Arguments that make no command."""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Shows several values as ``NAME ...``, once."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        if action.nargs == "+" and isinstance(action.metavar, str):
            return f"{action.metavar} ..."
        return super()._format_args(action, default_metavar)


class Parser(argparse.ArgumentParser):
    """Raises :class:`UsageError` instead of printing the usage and leaving.

    ``output`` and ``reading`` are groups of options, which help shows last.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            formatter_class=_Formatter,
            allow_abbrev=False,
            exit_on_error=False,
            **options,
        )
        self._negative_number_matcher = _NUMBER
        self.output = self.add_argument_group("output")
        self.reading = self.add_argument_group("how to read the file")
        self._given: list[str] = []

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the arguments."""
        if message.startswith(_REQUIRED):
            message = self._missing(message.removeprefix(_REQUIRED).split(", ")[0])
        raise UsageError(f"{message} (see '{self.prog} --help')")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse does; a word that is no option and no argument is an error here, not later."""
        self._given = [str(word) for word in (sys.argv[1:] if args is None else args)]
        self._check_options()
        try:
            found, left = super().parse_known_args(self._given, namespace)
        except argparse.ArgumentError as error:
            self._explain(error)
        if left and self._subparsers is None:
            self.error(f"'{left[0]}' is one word too many: {self._synopsis()} [options]")
        return found, left

    # -- what is wrong -----------------------------------------------------------------------------

    def _check_options(self) -> None:
        """An option that there is not is said first: of a wrong word everything after it may be wrong."""
        known = list(self._option_string_actions)
        for word in self._given:
            if word == "--" or (word[:1] != "-" and self._subparsers is not None):
                return
            option = word.split("=")[0]
            if not re.match(r"--?[A-Za-z]", word) or " " in word or option in known or _NUMBER.match(word):
                continue
            # "-plot" and "--Plot" are meant as "--plot"; "-n100" is "-n 100".
            if word[:2] in known:
                continue
            close = did_you_mean(f"--{option.lstrip('-')}", [name for name in known if name[:2] == "--"])
            self.error(f"there is no option '{option}'{close or self._elsewhere(option)}")

    def _elsewhere(self, option: str) -> str:
        """Where the option belongs, if it is one of a command's and stands in front of it."""
        commands = getattr(self._subparsers, "_group_actions", [])
        parsers = [parser for action in commands for parser in action.choices.values()]
        if any(option in parser._option_string_actions for parser in parsers):
            return f" in front of a command; write it behind: {self.prog} COMMAND FILE {option}"
        return ""

    def _explain(self, error: argparse.ArgumentError) -> NoReturn:
        """What argparse found, said again: with what the value is called, and where FILE was mistaken."""
        name, message = error.argument_name, error.message
        if message.startswith("expected ") and "argument" in message:
            action = next((a for a in self._actions if _name_of(a) == name), None)
            message = f"a value is missing: {name} {values_of(action)}".rstrip()
        elif hint := self._mistaken_file():
            self.error(hint)
        self.error(f"{name}: {message}" if name else message)

    def _missing(self, name: str) -> str:
        if hint := self._mistaken_file():
            return f"{name} is missing: {hint}"
        return f"{name} is missing: {self._synopsis()} [options]"

    def _mistaken_file(self) -> str:
        """Where an option in front of FILE may have taken it as its own value, that, and the cure."""
        option = ""
        for word in self._given:
            if word[:1] == "-":
                option = word
                continue
            action = self._option_string_actions.get(option)
            if action is None:
                return ""
            if action.nargs in ("+", "?") and os.path.isfile(word):
                return f"{option} took '{word}'; put it first: {self.prog} {word} ..."
        return ""

    def _synopsis(self) -> str:
        """The command with its arguments, without options."""
        own = [a for a in self._actions if not a.option_strings and a.help != argparse.SUPPRESS]
        return " ".join([self.prog, *(values_of(action) for action in own)])

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        names = [str(choice) for choice in action.choices]
        what = "command" if isinstance(action, argparse._SubParsersAction) else "choice"
        close = did_you_mean(str(value), names)
        if what == "command" and os.path.exists(value):
            close = f"; did you mean '{self.prog} fit {value}'?"
        message = f"there is no {what} '{value}'{close or f'; there are: {_listed(names)}'}"
        if what == "command":
            self.error(message)
        raise argparse.ArgumentError(action, message)

    # -- help --------------------------------------------------------------------------------------

    def format_usage(self) -> str:
        """The command in one line."""
        return f"usage: {self._synopsis()} [options]\n"

    def format_help(self) -> str:
        """Usage, what it does, arguments and options by group, examples."""
        formatter = self._get_formatter()
        formatter.add_text(f"usage: {self._synopsis()} [options]")
        formatter.add_text(self.description)
        last = (self.output, self.reading)
        for group in [*(g for g in self._action_groups if g not in last), *last]:
            formatter.start_section("arguments" if group.title == "positional arguments" else group.title)
            formatter.add_text(group.description)
            formatter.add_arguments(group._group_actions)
            formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help().rstrip()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _name_of(action: argparse.Action) -> str | None:
    """As argparse names it in errors."""
    if action.option_strings:
        return "/".join(action.option_strings)
    return action.metavar if isinstance(action.metavar, str) else None


def values_of(action: argparse.Action | None) -> str:
    """What an argument takes, as it is shown in help."""
    if action is None:
        return ""
    metavar = action.metavar or f"{{{_listed(map(str, action.choices or ()))}}}"
    names = list(metavar) if isinstance(metavar, tuple) else [metavar]
    if action.nargs == "+":
        names += ["..."]
    return " ".join(names)

"""The command ``smoothfit``: parses arguments, reads a model, shows and writes results.

Exit status: 0 if all went well; 1 if a fit did not converge (what there is is shown, flagged), a model has
errors, two models differ, or a conversion would have changed the likelihood; 2 for anything that could not be
done: then one line on stderr says why, and nothing is written.

There is one file a command. What a command needs beyond its file is imported when it runs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from importlib import metadata

from .. import progress
from ..errors import SmoothfitError
from . import (
    completion,
    convert,
    diff,
    fc,
    fit,
    gof,
    help,
    impacts,
    inspect,
    limit,
    lint,
    plot,
    report,
    scan,
    significance,
    toys,
)
from .outputs import complain, print_text
from .usage import Parser

__all__ = ["COMMANDS", "commands_of", "main", "parser"]

COMMANDS = {
    "what is in a file": (inspect, lint, diff),
    "fit": (fit, scan, impacts, plot, report),
    "tests, limits and toys": (limit, significance, gof, fc, toys),
    "other kinds of files": (convert,),
    "this command": (help, completion),
}
"""Heading -> the commands below it, in help and on the page of the commands."""

_EXAMPLES = """examples:
  smoothfit inspect workspace.json
  smoothfit fit workspace.json --json result.json --plot result.png
  smoothfit fit shapes.root --naming '{process}_{systematic}{Up|Down}' --signals sig
  smoothfit scan workspace.json mu --plot scan.png
  smoothfit limit card.txt
  smoothfit report workspace.json -o report.html

'smoothfit help COMMAND' has more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    Raises
    ------
    SystemExit
        With status 0 after ``--help`` and ``--version``.

    Examples
    --------
    >>> main(["--version"])
    Traceback (most recent call last):
    ...
    SystemExit: 0
    """
    try:
        given = sys.argv[1:] if argv is None else [*argv]
        if not given:
            print_text(parser().format_help())
            return 0
        arguments = parser().parse_args(given)
        with progress.hidden(getattr(arguments, "quiet", False)):
            status: int = arguments.run(arguments)
        sys.stdout.flush()
    except SmoothfitError as error:
        return complain(f"error: {error}", 2)
    except KeyboardInterrupt as stop:
        return complain(str(stop) or "interrupted", 130)
    except BrokenPipeError:
        # The reader of our output has gone (| head): nothing to say, also not when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _version() -> str:
    try:
        return metadata.version("smoothfit")
    except metadata.PackageNotFoundError:
        return "(not installed)"


class _Main(Parser):
    """Shows the commands by what they are for."""

    def format_help(self) -> str:
        own = {action.dest: _row(action) for action in self._commands._choices_actions}
        blocks = [f"usage: {self.prog} COMMAND FILE [options]", self.description or ""]
        for heading, commands in COMMANDS.items():
            names = [command.__name__.rpartition(".")[2] for command in commands]
            blocks.append("\n".join([f"{heading}:", *(own[name] for name in names)]))
        return "\n\n".join([*blocks, self.epilog or ""])

    def add_commands(self) -> None:
        self._commands = self.add_subparsers(
            metavar="COMMAND", dest="command", required=True, parser_class=Parser
        )
        for commands in COMMANDS.values():
            for command in commands:
                command.add(self._commands)


def _row(action: argparse.Action) -> str:
    """A command and what it does, as wide as the terminal at most."""
    width = min(shutil.get_terminal_size().columns, 100)
    return textwrap.fill(
        action.help or "", width, initial_indent=f"  {action.dest:13} ", subsequent_indent=" " * 16
    )


def parser() -> Parser:
    """The parser of the whole command."""
    made = _Main(prog="smoothfit", description="Binned likelihood fits on JAX.", epilog=_EXAMPLES)
    made.add_argument("--version", action="version", version=f"smoothfit {_version()}")
    made.add_commands()
    return made


def commands_of(whole: Parser) -> dict[str, Parser]:
    """The parsers of the commands, by name."""
    assert isinstance(whole, _Main)
    return dict(whole._commands.choices)

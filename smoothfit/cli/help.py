"""``smoothfit help``: what a command does, its options and examples."""

from __future__ import annotations

import argparse
from typing import Any

from .._checks import did_you_mean
from ..errors import UnknownNameError
from .arguments import add_command
from .outputs import print_text

__all__ = ["add"]

_EPILOG = """examples:
  smoothfit help
  smoothfit help limit"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Show what a command does, its options and examples."
    parser = add_command(commands, "help", about, _EPILOG, _run)
    parser.add_argument("about", nargs="?", metavar="COMMAND", help="a command (all of them)")


def _run(arguments: argparse.Namespace) -> int:
    from . import commands_of, parser

    whole = parser()
    if arguments.about is None:
        print_text(whole.format_help())
        return 0
    known = commands_of(whole)
    if arguments.about not in known:
        close = did_you_mean(arguments.about, known) or f"; there are: {', '.join(known)}"
        raise UnknownNameError(f"help: there is no command '{arguments.about}'{close}")
    print_text(known[arguments.about].format_help())
    return 0

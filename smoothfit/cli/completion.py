"""``smoothfit completion``: what a shell needs to complete commands, options, choices and files."""

from __future__ import annotations

import argparse
from typing import Any

from .._optional import require
from .arguments import add_command
from .outputs import print_text
from .usage import Parser

__all__ = ["add"]

_SHELLS = ("bash", "zsh", "fish")
_PATHS = {"FILE": "FILE", "IN": "FILE", "OUT": "FILE", "A": "FILE", "B": "FILE", "DIR": "DIRECTORY"}
"""What help calls a path -> shtab's name of what completes it."""
_EPILOG = """examples:
  smoothfit completion bash > ~/.local/share/bash-completion/completions/smoothfit
  smoothfit completion zsh > ~/.zfunc/_smoothfit
  smoothfit completion fish > ~/.config/fish/completions/smoothfit.fish
  eval "$(smoothfit completion bash)"

The last one is for the shell that it is typed in. zsh looks in the folders of its fpath: put
'fpath=(~/.zfunc $fpath)' before 'compinit' in ~/.zshrc."""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Print the script that lets a shell complete commands, options and files."
    parser = add_command(commands, "completion", about, _EPILOG, _run)
    parser.add_argument("shell", metavar="SHELL", choices=_SHELLS, help="bash, zsh or fish")


def _run(arguments: argparse.Namespace) -> int:
    from . import commands_of, parser

    shtab = require("shtab", feature="smoothfit completion", extra="completion")
    whole = parser()
    for one in commands_of(whole).values():
        _mark_paths(one, shtab)
    print_text(shtab.complete(whole, shell=arguments.shell))
    return 0


def _mark_paths(parser: Parser, shtab: Any) -> None:
    for action in parser._actions:
        kind = _PATHS.get(str(action.metavar))
        if kind is not None:
            action.complete = getattr(shtab, kind)  # type: ignore[attr-defined]

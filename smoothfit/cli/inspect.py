"""``smoothfit inspect``: what is in a model."""

from __future__ import annotations

import argparse
from typing import Any

from .arguments import STDOUT, add_command, add_input
from .models import read
from .outputs import check_outputs, print_text, write_outputs

__all__ = ["add"]

_EPILOG = """examples:
  smoothfit inspect workspace.json
  smoothfit inspect workspace.json --measurement measurement --json"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Show what is in a model: yields, parameters, counts."
    add_input(add_command(commands, "inspect", about, _EPILOG, _run))


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    model, _ = read(arguments)
    if arguments.blind:
        model.blind(pois=model.pois)
    summary = model.summary()
    content = summary.to_json()
    write_outputs(arguments, content)
    print_text(content if arguments.json == STDOUT else repr(summary))
    return 0

"""``smoothfit diff``: what changed from one model to another."""

from __future__ import annotations

import argparse
from typing import Any

from .arguments import STDOUT, add_command, add_json, add_reading, add_table, whole
from .models import read_file
from .outputs import check_outputs, print_text, write_outputs

__all__ = ["add"]

_EPILOG = """examples:
  smoothfit diff old.json new.json
  smoothfit diff workspace.json card.txt --mass 125 --json changes.json

exit status: 0 the same, 1 different, 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Show what changed from one model to another: structure, yields, shifts, NLL."
    parser = add_command(commands, "diff", about, _EPILOG, _run)
    parser.add_argument("file", metavar="A", help="any file that smoothfit reads")
    parser.add_argument("other", metavar="B", help="another one, also of another kind")
    add_reading(parser)
    parser.add_argument(
        "--points", type=whole, default=50, metavar="N", help="points of the NLL (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=whole, default=0, metavar="S", help="random numbers of the points (%(default)s)"
    )
    add_json(parser)
    add_table(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ..diff import diff

    check_outputs(arguments)
    (first, obs), (second, other_obs) = (read_file(f, arguments) for f in (arguments.file, arguments.other))
    found = diff(first, second, obs, other_obs, n=arguments.points, seed=arguments.seed)
    content = found.to_json()
    write_outputs(arguments, content, record=found)
    print_text(content if arguments.json == STDOUT else repr(found))
    return 0 if found.is_empty else 1

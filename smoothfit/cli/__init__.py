"""The command ``smoothfit``: parses arguments, reads a model, shows and writes results.

Exit status: 0 if all went well; 1 if a fit did not converge (what there is is shown, flagged), a model has
errors, two models differ, or a conversion would have changed the likelihood; 2 for anything that could not be
done: then one line on stderr says why, and nothing is written.

There is one file a command. What a command needs beyond its file is imported when it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import metadata

from ..errors import SmoothfitError
from . import (
    convert,
    diff,
    fc,
    fit,
    gof,
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
from .arguments import Parser
from .outputs import complain

__all__ = ["main"]

_EPILOG = """examples:
  smoothfit inspect workspace.json
  smoothfit fit workspace.json --json result.json --plot result.png
  smoothfit scan workspace.json mu --plot scan.png
  smoothfit limit workspace.json --plot limit.png
  smoothfit report workspace.json -o report.html
  smoothfit gof workspace.json --statistic ks --toys 2000 --plot gof.png
  smoothfit toys workspace.json -n 1e5 --campaign toys
  smoothfit lint card.txt
  smoothfit convert card.txt workspace.json

'smoothfit COMMAND --help' has more."""


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
        arguments = _parser().parse_args(argv)
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


def _parser() -> Parser:
    parser = Parser(prog="smoothfit", description="Binned likelihood fits on JAX.", epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"smoothfit {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="command")
    for command in (
        inspect,
        lint,
        fit,
        scan,
        limit,
        significance,
        fc,
        gof,
        toys,
        impacts,
        plot,
        report,
        diff,
        convert,
    ):
        command.add(commands)
    return parser

"""``smoothfit lint``: what may be wrong with a model."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from .._checks import did_you_mean
from ..errors import InvalidValueError
from ..lint import Thresholds
from .arguments import STDOUT, add_command, add_input
from .models import pois_of, read
from .outputs import check_outputs, complain, print_text, write_outputs

__all__ = ["add"]

_EPILOG = """examples:
  smoothfit lint workspace.json
  smoothfit lint card.txt --mass 125 --strict --json findings.json
  smoothfit lint card.txt --set large_shift=2 one_sided=1

exit status: 0 no errors, 1 errors (with --strict, warnings too), 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Look for what may be wrong with a model, without fitting it."
    parser = add_command(commands, "lint", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument("--strict", action="store_true", help="status 1 for warnings, too")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="other limits than the usual ones: " + ", ".join(f.name for f in dataclasses.fields(Thresholds)),
    )


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    thresholds = _thresholds(arguments.set)
    model, obs = read(arguments, needs_data=False)
    if arguments.blind:
        model.blind(pois=pois_of(model, None))
    found = model.lint(obs, thresholds=thresholds)
    content = found.to_json()
    write_outputs(arguments, content, record=found)
    print_text(content if arguments.json == STDOUT else repr(found))
    bad = found.counts["error"] + (found.counts["warning"] if arguments.strict else 0)
    return complain(f"{arguments.file}: {found.heading().splitlines()[0]}", 1) if bad else 0


def _thresholds(assignments: list[str]) -> Thresholds:
    known = {field.name: field.type for field in dataclasses.fields(Thresholds)}
    given: dict[str, Any] = {}
    for text in assignments:
        name, _, number = text.partition("=")
        if name not in known:
            close = did_you_mean(name, known) or f"; there are: {', '.join(known)}."
            raise InvalidValueError(f"--set: there is no limit '{name}'{close}")
        try:
            given[name] = int(number) if known[name] == "int" else float(number)
        except ValueError as error:
            raise InvalidValueError(f"--set: expected {name}=NUMBER, got '{text}'.") from error
    return Thresholds(**given)

"""Arguments that commands share, and the parser that raises."""

from __future__ import annotations

import argparse
import math
from typing import Any, NoReturn

from ..errors import SmoothfitError

__all__ = [
    "STDOUT",
    "Parser",
    "add_command",
    "add_fit_options",
    "add_input",
    "add_json",
    "add_reading",
    "add_table",
    "add_values",
]

STDOUT = "-"


class _UsageError(SmoothfitError):
    """Arguments that make no command."""


class Parser(argparse.ArgumentParser):
    """Raises instead of printing usage and leaving."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the arguments."""
        raise _UsageError(f"{message} (see '{self.prog} --help')")


def add_command(commands: Any, name: str, about: str, epilog: str, run: Any) -> Parser:
    """A command with its description, examples and what it runs."""
    parser: Parser = commands.add_parser(name, help=about, description=about, epilog=epilog)
    parser.set_defaults(run=run)
    return parser


def add_input(parser: argparse.ArgumentParser) -> None:
    """FILE, what to take of it, --json and --blind."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="a pyhf workspace, an HS3 file, a datacard, HistFactory's XML or a saved model",
    )
    add_reading(parser)
    add_json(parser)
    add_table(parser)
    parser.add_argument("--blind", action="store_true", help="hide the parameters of interest")


def add_reading(parser: argparse.ArgumentParser) -> None:
    """What to take of files."""
    parser.add_argument("--measurement", metavar="NAME", help="the measurement to take (the first)")
    parser.add_argument("--analysis", metavar="NAME", help="the analysis of an HS3 file to take")
    parser.add_argument("--patch", metavar="FILE", help="a JSON patch to apply to the workspace")
    parser.add_argument("--mass", type=float, metavar="M", help="what $MASS of a datacard stands for")
    parser.add_argument(
        "--map",
        action="append",
        metavar="RULE",
        help="parameters of interest of a datacard: '.*/ggH:r_ggH[1,0,10]', a regular expression of "
        "channel/process and what scales it; may be repeated",
    )
    parser.add_argument(
        "--files-anywhere", action="store_true", help="a datacard or XML may name files outside its folder"
    )
    parser.add_argument(
        "--folder", metavar="DIR", help="where the paths in HistFactory's XML begin (the folder of FILE)"
    )
    parser.add_argument(
        "--allow-imports",
        action="append",
        metavar="MODULE",
        help="a module that functions of a saved model may be imported from; may be repeated",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument(
        "--json",
        nargs="?",
        const=STDOUT,
        metavar="OUT",
        help="write JSON to OUT; without OUT, only JSON to stdout",
    )


def add_table(parser: argparse.ArgumentParser) -> None:
    """--table."""
    parser.add_argument(
        "--table",
        action="append",
        default=[],
        metavar="OUT",
        help="write the tables to OUT: .tex (booktabs), .md, or .csv with all digits; may be repeated",
    )


def add_fit_options(parser: argparse.ArgumentParser) -> None:
    """--asimov and --fix."""
    parser.add_argument(
        "--asimov", action="store_true", help="fit the expectation at the start values, not the data"
    )
    add_values(parser, "--fix", "hold parameters at a value; a name may be a regular expression")


def add_values(parser: argparse.ArgumentParser, option: str, about: str) -> None:
    """An option that takes parameters with values."""
    parser.add_argument(
        option,
        nargs="+",
        action="extend",
        type=_assignment,
        default=[],
        metavar="NAME=VALUE",
        help=about,
    )


def _assignment(text: str) -> tuple[str, float]:
    name, sign, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not (name and sign and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE with a number, got '{text}'")
    return name, value

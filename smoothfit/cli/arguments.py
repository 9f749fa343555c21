"""Arguments that commands share, and what their values may be."""

from __future__ import annotations

import argparse
import math
import re
from typing import Any

from .usage import Parser

__all__ = [
    "STDOUT",
    "add_command",
    "add_fit_options",
    "add_input",
    "add_json",
    "add_reading",
    "add_table",
    "add_values",
    "assignment",
    "level",
    "number",
    "number_of_toys",
    "path",
    "whole",
]

STDOUT = "-"


def add_command(commands: Any, name: str, about: str, epilog: str, run: Any) -> Parser:
    """A command with its description, examples and what it runs."""
    parser: Parser = commands.add_parser(name, help=about, description=about, epilog=epilog)
    parser.set_defaults(run=run)
    return parser


def add_input(parser: Parser) -> None:
    """FILE, what to take of it, --json, --quiet and --blind."""
    parser.add_argument(
        "file",
        metavar="FILE",
        type=path,
        help="a pyhf workspace, an HS3 file, a datacard, HistFactory's XML, a ROOT file of histograms or a "
        "saved model",
    )
    add_reading(parser)
    add_json(parser)
    add_table(parser)
    parser.output.add_argument("--blind", action="store_true", help="hide the parameters of interest")


def add_reading(parser: Parser) -> None:
    """What to take of files."""
    add = parser.reading.add_argument
    add("--measurement", metavar="NAME", help="pyhf, XML: the measurement to take (the first)")
    add("--patch", metavar="FILE", type=path, help="pyhf: a JSON patch to apply to the workspace")
    add("--analysis", metavar="NAME", help="HS3: the analysis to take (the first)")
    add("--mass", type=number, metavar="M", help="datacard: what $MASS stands for")
    add(
        "--map",
        action="append",
        metavar="RULE",
        help="datacard: parameters of interest, as '.*/ggH:r_ggH[1,0,10]': a regular expression of "
        "channel/process, and what scales it; may be repeated",
    )
    add("--files-anywhere", action="store_true", help="datacard, XML: may name files outside its folder")
    add("--folder", metavar="DIR", help="XML: where the paths in it begin (the folder of FILE)")
    add(
        "--naming",
        metavar="NAMING",
        help="ROOT: how histograms are named, as '{channel}/{process}_{systematic}{Up|Down}'",
    )
    add("--data", metavar="NAME", help="ROOT: what the data are called (data_obs)")
    add("--signals", nargs="+", metavar="NAME", help="ROOT: processes that are scaled by 'mu'")
    add(
        "--lnN",
        nargs="+",
        type=assignment,
        metavar="NAME=KAPPA",
        help="ROOT: uncertainties of the normalisation of all processes, as lumi=1.02",
    )
    add("--symmetrise", action="store_true", help="ROOT: mirror variations with one side only")
    add("--shapes", metavar="KIND", help="ROOT: how variations are interpolated, as raw (shape)")
    add(
        "--mc-stat",
        choices=["lite", "lite-gamma", "full", "threshold", "none"],
        help="ROOT: parameters for the statistics of the simulation (lite)",
    )
    add("--ignore", nargs="+", metavar="PATTERN", help="ROOT: histograms to leave out, as '*_old'")
    add(
        "--allow-imports",
        action="append",
        metavar="MODULE",
        help="saved model: a module that its functions may be imported from; may be repeated",
    )


def add_json(parser: Parser) -> None:
    """--json and --quiet."""
    parser.output.add_argument(
        "--json",
        nargs="?",
        const=STDOUT,
        metavar="OUT",
        help="write JSON to OUT; without OUT, only JSON to stdout",
    )
    parser.output.add_argument("--quiet", action="store_true", help="show no progress")


def add_table(parser: Parser) -> None:
    """--table."""
    parser.output.add_argument(
        "--table",
        action="append",
        default=[],
        type=path,
        metavar="OUT",
        help="write the tables to OUT: .tex (booktabs), .md, or .csv with all digits; may be repeated",
    )


def add_fit_options(parser: Parser) -> None:
    """--asimov and --fix."""
    parser.add_argument(
        "--asimov", action="store_true", help="fit the expectation at the start values, not the data"
    )
    add_values(parser, "--fix", "hold parameters at a value; a name may be a regular expression")


def add_values(parser: Parser, option: str, about: str) -> None:
    """An option that takes parameters with values."""
    parser.add_argument(
        option,
        nargs="+",
        action="extend",
        type=assignment,
        default=[],
        metavar="NAME=VALUE",
        help=about,
    )


# -- what values may be: each gives the value, or says what was expected ------------------------------------


def path(text: str) -> str:
    """A path of a file."""
    if not text:
        raise argparse.ArgumentTypeError(
            "expected a path, got an empty one; is a variable of the shell not set?"
        )
    return text


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        parts = re.split("[,:;]", text)
        apart = f"; separate numbers by spaces: {' '.join(parts)}" if len(parts) > 1 and parts[-1] else ""
        raise argparse.ArgumentTypeError(f"expected a number, got '{text}'{apart}")
    return value


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got '{text}'") from None


def number_of_toys(text: str) -> float:
    """A number of toys, which may be written as 1e5."""
    value = number(text) if re.search("[0-9]", text) else math.nan
    if not (value >= 0.0 and value == math.floor(value)):
        raise argparse.ArgumentTypeError(f"expected a number of toys, as 2000 or 1e5, got '{text}'")
    return value


def level(text: str) -> float:
    """A confidence level."""
    value = number(text)
    if not 0.0 < value < 1.0:
        meant = f"; did you mean {value / 100.0:g}?" if 50.0 <= value < 100.0 else ""
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, got '{text}'{meant}")
    return value


def assignment(text: str) -> tuple[str, float]:
    """NAME=VALUE."""
    name, sign, value_text = text.rpartition("=")
    try:
        value = float(value_text)
    except ValueError:
        value = math.nan
    if not (name and sign and math.isfinite(value)):
        raise argparse.ArgumentTypeError(
            f"expected NAME=VALUE with a number and without spaces, as mu=1, got '{text}'"
        )
    return name, value

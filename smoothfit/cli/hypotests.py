"""What the commands of tests share: the parameter of interest, the method, toys."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValueError

if TYPE_CHECKING:
    from ..model import Model

__all__ = ["add_test_options", "poi_of", "toy_options"]


def add_test_options(parser: argparse.ArgumentParser) -> None:
    """--poi, --method, --toys, --seed."""
    parser.add_argument("--poi", metavar="NAME", help="the parameter of interest (that of the file)")
    parser.add_argument(
        "--method",
        choices=["asymptotic", "toys"],
        default="asymptotic",
        help="formulae for large samples, or toys (%(default)s)",
    )
    parser.add_argument("--toys", type=float, metavar="N", help="how many toys, for --method toys")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="of the toys; without it, they differ each time"
    )
    parser.add_argument(
        "--mc-error", type=float, metavar="E", help="make toys until the answer has this Monte Carlo error"
    )


def toy_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was said of toys."""
    return {"toys": arguments.toys, "seed": arguments.seed, "mc_error": arguments.mc_error}


def poi_of(model: Model, asked: str | None) -> str:
    """The parameter asked for, or that of the file.

    Raises
    ------
    InvalidValueError
        If none was asked for, and the file names none.
    """
    found = model.poi if asked is None else asked
    if found is None:
        listed = ", ".join(model.pois[:8]) if model.pois else "none"
        raise InvalidValueError(f"The file names no parameter of interest: give --poi; free ones: {listed}.")
    return found

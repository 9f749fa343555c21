"""What the commands of tests share: the parameter of interest, the method, toys."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValueError
from .arguments import number, number_of_toys, whole
from .campaigns import add_campaign_options, kept
from .usage import Parser

if TYPE_CHECKING:
    from ..model import Model

__all__ = ["add_test_options", "kept_for", "poi_of", "toy_options"]


def add_test_options(parser: Parser) -> None:
    """--poi, --method, and what is about toys."""
    parser.add_argument("--poi", metavar="NAME", help="the parameter of interest (that of the file)")
    parser.add_argument(
        "--method",
        choices=["asymptotic", "toys"],
        default="asymptotic",
        help="formulae for large samples, or toys (%(default)s)",
    )
    parser.add_argument("--toys", type=number_of_toys, metavar="N", help="how many toys, for --method toys")
    parser.add_argument(
        "--seed", type=whole, metavar="N", help="of the toys (that of the folder, or a fresh one)"
    )
    parser.add_argument(
        "--mc-error", type=number, metavar="E", help="make toys until the answer has this Monte Carlo error"
    )
    parser.add_argument(
        "--kind",
        choices=["frequentist", "bayesian"],
        help="what is random in toys: counts and global observables, or counts and constrained parameters "
        "(frequentist)",
    )
    parser.add_argument(
        "--prefit",
        action="store_true",
        help="toys with the other parameters at their start values, not fitted",
    )
    add_campaign_options(parser, "the toys")


def toy_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was said of toys.

    Raises
    ------
    InvalidValueError
        If something was, and there are none.
    """
    if arguments.method != "toys":
        for name in ("toys", "mc_error", "kind", "prefit"):
            if getattr(arguments, name) not in (None, False):
                option = f"--{name.replace('_', '-')}"
                raise InvalidValueError(f"{option} is for tests by toys: add --method toys, or leave it out.")
    found = {"toys": arguments.toys, "seed": arguments.seed, "mc_error": arguments.mc_error}
    nuisances = "prefit" if arguments.prefit else None
    return {**found, "toy_kind": arguments.kind, "nuisances": nuisances}


def kept_for(arguments: argparse.Namespace, model: Model) -> contextlib.AbstractContextManager[None]:
    """Keeps toys, if that was asked for."""
    return kept(arguments, model, toys=arguments.method == "toys")


def poi_of(model: Model, asked: str | None) -> str:
    """The parameter asked for, or that of the file.

    Raises
    ------
    InvalidValueError
        If none was asked for, and the file names none.
    """
    found = model.poi if asked is None else asked
    if found is None:
        if not model.pois:
            raise InvalidValueError(
                "The model has no free parameter; of a ROOT file say with --signals what 'mu' scales."
            )
        raise InvalidValueError(
            "The file names no parameter of interest: add --poi NAME; free parameters are: "
            f"{', '.join(model.pois[:8])}."
        )
    return found

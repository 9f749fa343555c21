"""``--campaign DIR``: toys of tests are kept in a folder, and a command that was interrupted goes on."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import InvalidValueError
from .usage import Parser

if TYPE_CHECKING:
    from ..model import Model

__all__ = ["add_campaign_options", "kept"]


def add_campaign_options(parser: Parser, what: str) -> None:
    """--campaign and --other-versions."""
    parser.add_argument(
        "--campaign", metavar="DIR", help=f"store {what} in this folder, block by block; goes on with it"
    )
    parser.add_argument(
        "--other-versions",
        action="store_true",
        help="go on with a campaign that was begun with other packages or on another kind of machine",
    )


@contextlib.contextmanager
def kept(arguments: argparse.Namespace, model: Model, *, toys: bool) -> Iterator[None]:
    """Toys are kept, if that was asked for.

    Parameters
    ----------
    toys
        Whether there are any.

    Raises
    ------
    InvalidValueError
        If there are none.
    KeyboardInterrupt
        With how to go on.
    """
    if arguments.campaign is None:
        yield
        return
    if not toys:
        raise InvalidValueError(
            "--campaign keeps toys, and none were asked for: add --method toys or --toys."
        )
    from ..campaign import kept_toys

    options = {"seed": arguments.seed, "other_versions": arguments.other_versions}
    with kept_toys(arguments.campaign, model, **options) as folder:
        try:
            yield
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(
                f"interrupted: {folder.found + folder.made} toys are in '{folder.path}'; the same command "
                "goes on"
            ) from error

"""``smoothfit toys``: toys of a model, drawn and fitted, in memory or as a campaign."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .arguments import STDOUT, add_command, add_input, assignment
from .models import by_name, read
from .outputs import check_outputs, complain, print_text, write_outputs

if TYPE_CHECKING:
    from ..model import Model
    from ..results import ToyFits

__all__ = ["add"]

_KINDS = ("frequentist", "bayesian", "bootstrap")
_EPILOG = """examples:
  smoothfit toys workspace.json -n 10000 --values mu=1 --seed 1 --plot toys.png
  smoothfit toys workspace.json -n 1e6 --values mu=1 --campaign toys --json summary.json

A campaign that was interrupted, in whatever way, goes on when the same command is given again.

exit status: 0 all fits converged, 1 some did not, 2 anything else, 130 interrupted"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Draw toys of a model and fit them."
    parser = add_command(commands, "toys", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument("-n", "--toys", type=float, required=True, metavar="N", help="how many")
    parser.add_argument("--seed", type=int, metavar="S", help="of the draws (fresh; that of the campaign)")
    parser.add_argument(
        "--values",
        nargs="+",
        action="extend",
        type=assignment,
        default=[],
        metavar="NAME=VALUE",
        help="where toys are drawn (the start values)",
    )
    parser.add_argument(
        "--kind",
        choices=_KINDS,
        default=_KINDS[0],
        help="what is random (%(default)s); a bootstrap is of the data",
    )
    parser.add_argument(
        "--fix",
        nargs="+",
        action="extend",
        type=assignment,
        default=[],
        metavar="NAME=VALUE",
        help="hold parameters at a value in the fits; a name may be a regular expression",
    )
    parser.add_argument(
        "--campaign",
        metavar="DIR",
        help="store the fits in a folder, which can be interrupted and gone on with",
    )
    parser.add_argument("--plot", metavar="OUT", help="draw values and pulls of the parameters of interest")


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    bootstrap = arguments.kind == "bootstrap"
    model, obs = read(arguments, needs_data=bootstrap)
    if arguments.blind:
        model.blind(pois=model.pois)
    asked: dict[str, Any] = {
        "values": by_name(arguments.values, "--values"),
        "toys": arguments.toys,
        "seed": arguments.seed,
        "kind": arguments.kind,
        "obs": obs if bootstrap else None,
        "fixed": by_name(arguments.fix, "--fix"),
    }
    try:
        found = _fits(model, arguments.campaign, asked)
    except KeyboardInterrupt:
        if arguments.campaign is None:
            raise
        return complain(_how_to_go_on(arguments.campaign), 130)
    figure = None
    if arguments.plot is not None:
        from .. import plot

        figure = plot.toys(found)
    content = found.to_json()
    write_outputs(arguments, content, figure)
    print_text(content if arguments.json == STDOUT else repr(found))
    lost = len(found) - found.converged
    return complain(f"{lost} of {len(found)} fits did not converge", 1) if lost else 0


def _fits(model: Model, folder: str | None, asked: dict[str, Any]) -> ToyFits:
    from ..campaign import Campaign, fit_toys

    if folder is None:
        return fit_toys(model, **asked)
    campaign = Campaign(folder, model, **asked)
    campaign.run()
    return campaign.results()


def _how_to_go_on(folder: str) -> str:
    from ..campaign.folder import Folder

    if not Folder(folder).has_manifest():
        return "interrupted, before the campaign was begun"
    from ..campaign import Campaign

    status = Campaign.open(folder).status()
    done = f"{status.blocks} of {status.manifest.n_blocks} blocks are done in '{folder}'"
    return f"interrupted: {done}; the same command goes on from there"

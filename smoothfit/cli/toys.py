"""``smoothfit toys``: toys drawn and fitted, in memory or as a campaign in a folder."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from .arguments import STDOUT, add_command, add_input, add_values, number_of_toys, whole
from .campaigns import add_campaign_options
from .models import fixed_of, read
from .outputs import check_outputs, complain, print_text, write_outputs

if TYPE_CHECKING:
    from ..campaign import Campaign, CampaignStatus
    from ..model import Model
    from ..results import ToyFits

__all__ = ["add"]

_TOYS = 1000
_EPILOG = """examples:
  smoothfit toys workspace.json -n 2000 --seed 1
  smoothfit toys workspace.json -n 2000 --values mu=0 --json toys.json --plot toys.png
  smoothfit toys workspace.json -n 1e6 --campaign toys
  smoothfit toys card.txt -n 500 --kind bootstrap --fix r=1

A campaign that was interrupted goes on with the same command; a larger -n adds toys to it.

exit status: 0 all fits found a minimum, 1 one did not, 130 interrupted, 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Draw toys and fit them; show what the fits find."
    parser = add_command(commands, "toys", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument(
        "-n", "--toys", type=number_of_toys, default=_TOYS, metavar="N", help="how many (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=whole, metavar="S", help="of the toys (that of the folder, or a fresh one)"
    )
    add_values(parser, "--values", "where toys are drawn (the start values)")
    parser.add_argument(
        "--kind",
        choices=["frequentist", "bayesian", "bootstrap"],
        default="frequentist",
        help="what is random: counts and global observables, counts and constrained parameters, or counts "
        "around the data (%(default)s)",
    )
    add_values(parser, "--fix", "hold parameters in the fits; a name may be a regular expression")
    add_campaign_options(parser, "the fits")
    parser.output.add_argument(
        "--plot", metavar="OUT", help="draw estimates and pulls (.png, .pdf, .svg ...)"
    )


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    bootstrap = arguments.kind == "bootstrap"
    model, obs = read(arguments, needs_data=bootstrap)
    if arguments.blind:
        model.blind(pois=model.pois)
    options = _options(arguments, obs if bootstrap else None)
    if arguments.campaign is None:
        from ..campaign import fit_toys

        return _show(arguments, fit_toys(model, **options))
    return _run_campaign(arguments, model, options)


def _options(arguments: argparse.Namespace, obs: Any) -> dict[str, Any]:
    return {
        "values": fixed_of(arguments.values, "--values"),
        "toys": arguments.toys,
        "seed": arguments.seed,
        "kind": arguments.kind,
        "obs": obs,
        "fixed": fixed_of(arguments.fix),
    }


def _run_campaign(arguments: argparse.Namespace, model: Model, options: dict[str, Any]) -> int:
    from ..campaign import Campaign

    campaign = Campaign(arguments.campaign, model, **options, other_versions=arguments.other_versions)
    try:
        status = campaign.run()
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(_how_to_resume(campaign)) from error
    return _show(arguments, campaign.results(), status)


def _how_to_resume(campaign: Campaign) -> str:
    status = campaign.status()
    done = f"{status.blocks} of {status.manifest.n_blocks} blocks are in '{status.path}'"
    return f"interrupted: {done}; the same command goes on"


def _show(arguments: argparse.Namespace, found: ToyFits, status: CampaignStatus | None = None) -> int:
    figure = None
    if arguments.plot is not None:
        from .. import plot

        figure = plot.toys(found)
    content = _content(found, status)
    write_outputs(arguments, content, figure, record=found)
    shown = repr(found) if status is None else f"{status!r}\n\n{found!r}"
    print_text(content if arguments.json == STDOUT else shown)
    if found.n_failed:
        return complain(f"{found.n_failed} of {len(found)} fits found no minimum", 1)
    return 0


def _content(found: ToyFits, status: CampaignStatus | None) -> str:
    """The JSON, with how the campaign stands, if there is one."""
    if status is None:
        return found.to_json()
    return json.dumps({**json.loads(found.to_json()), "campaign": json.loads(status.to_json())}, indent=2)

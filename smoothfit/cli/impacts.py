"""``smoothfit impacts``: how far parameters of interest move with each nuisance."""

from __future__ import annotations

import argparse
from typing import Any

from ..io.combine_impacts import combine_impacts
from ..results import strict_json
from .arguments import STDOUT, add_command, add_fit_options, add_input
from .models import fit_of, pois_of, read
from .outputs import check_outputs, complain, print_text, write_outputs

__all__ = ["add"]

_EPILOG = """examples:
  smoothfit impacts workspace.json
  smoothfit impacts workspace.json --poi mu_1 mu_2 --kind global --json impacts.json
  smoothfit impacts workspace.json --asimov --plot impacts.pdf

exit status: 0 all converged, 1 the fit or a refit did not, 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Show how far parameters of interest move when a nuisance does."
    parser = add_command(commands, "impacts", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument(
        "--poi",
        "--pois",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="parameters of interest (all free ones)",
    )
    parser.add_argument(
        "--kind",
        choices=["traditional", "prefit", "global"],
        default="traditional",
        help="nuisances at their post-fit bounds, at their pre-fit ones, or global observables moved "
        "(%(default)s)",
    )
    add_fit_options(parser)
    parser.add_argument(
        "--combine-json", metavar="OUT", help="write the impacts.json that Combine's plotImpacts.py reads"
    )
    parser.add_argument(
        "--plot", metavar="OUT", help="draw those on the first parameter of interest (.png, .pdf, .svg ...)"
    )


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    model, obs = read(arguments)
    pois = pois_of(model, arguments.poi)
    result = fit_of(model, obs, arguments)
    if not result.success:
        return complain(f"the fit did not converge: {result.message}", 1)
    found = model.impacts(pois, result, obs, kind=arguments.kind)
    figure = None
    if arguments.plot is not None:
        from .. import plot

        figure = plot.impacts(found)
    content = found.to_json()
    more = {}
    if arguments.combine_json is not None:
        groups = None if model.receipt is None else model.receipt.groups or None
        document = combine_impacts(found, result, groups=groups)
        more = {arguments.combine_json: f"{strict_json(document)}\n".encode()}
    write_outputs(arguments, content, figure, more, record=found)
    print_text(content if arguments.json == STDOUT else repr(found))
    usable = ("converged", "at limit")
    lost = [
        n
        for n, *ends in zip(found.names, found.status_up, found.status_down, strict=True)
        if not {*ends} <= {*usable}
    ]
    if lost:
        return complain(f"{len(lost)} of {len(found)} nuisances did not converge: {', '.join(lost[:6])}", 1)
    return 0

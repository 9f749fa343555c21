"""``smoothfit fc``: Feldman-Cousins intervals of one parameter, regions of two, by toys."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValueError, LowerMinimumWarning
from .arguments import STDOUT, add_command, add_fit_options, add_input, level, number, number_of_toys, whole
from .campaigns import add_campaign_options, kept
from .models import fixed_of, pois_of, read
from .outputs import check_outputs, complain, print_text, write_outputs
from .scan import ranges_of

if TYPE_CHECKING:
    from ..results import FeldmanCousins

__all__ = ["add"]

_POINTS = {1: 21, 2: 11}
"""Points along each axis, by the number of parameters."""
_EPILOG = """examples:
  smoothfit fc workspace.json mu --cl 0.9 --range 0 5 --plot belt.png
  smoothfit fc workspace.json mu --cl 0.9 --range 0 5 --mc-error 0.02 --seed 1 --json
  smoothfit fc workspace.json mu_1 mu_2 --points 15 --range 0 3 0 2 --toys 2000 --plot region.png
  smoothfit fc workspace.json mu --range 0 5 --toys 1e4 --campaign fc_toys

exit status: 0 all converged, 1 a fit to the data did not or the error was not reached, 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Find Feldman-Cousins intervals and regions, by toys."
    parser = add_command(commands, "fc", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument("pois", nargs="+", metavar="POI", help="one parameter or two")
    parser.add_argument(
        "--points", type=whole, metavar="N", help="how many along each axis (21; 11 for two parameters)"
    )
    parser.add_argument(
        "--range",
        nargs="+",
        type=number,
        metavar="A B",
        help="from where to where, for each parameter (3 errors to both sides)",
    )
    parser.add_argument("--cl", type=level, metavar="CL", help="confidence level (0.6827)")
    parser.add_argument(
        "--toys", type=number_of_toys, default=1000, metavar="N", help="toys a point, at least (1000)"
    )
    parser.add_argument(
        "--seed", type=whole, metavar="S", help="of the toys (that of the folder, or a fresh one)"
    )
    parser.add_argument(
        "--mc-error", type=number, metavar="E", help="go on until the ends have this Monte Carlo error"
    )
    parser.add_argument(
        "--prefit",
        action="store_true",
        help="toys with the other parameters at their start values, not fitted",
    )
    add_campaign_options(parser, "the toys")
    add_fit_options(parser)
    parser.output.add_argument("--plot", metavar="OUT", help="draw the p-values (.png, .pdf, .svg ...)")


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    model, obs = read(arguments)
    pois = pois_of(model, arguments.pois)
    if len(pois) > 2:
        raise InvalidValueError(f"fc: one parameter or two, got {len(pois)}: {', '.join(pois)}.")
    if arguments.blind:
        model.blind(pois=model.pois)
    points = _POINTS[len(pois)] if arguments.points is None else arguments.points
    with warnings.catch_warnings(record=True) as caught, kept(arguments, model, toys=True):
        warnings.simplefilter("always", LowerMinimumWarning)
        found = model.feldman_cousins(
            pois[0] if len(pois) == 1 else pois,
            points,
            obs,
            cl=arguments.cl,
            toys=arguments.toys,
            seed=arguments.seed,
            fixed=fixed_of(arguments.fix),
            nuisances="prefit" if arguments.prefit else "fitted",
            range=ranges_of(arguments.range, len(pois)),
            mc_error=arguments.mc_error,
        )
    figure = None
    if arguments.plot is not None:
        from .. import plot

        figure = plot.feldman_cousins(found)
    content = found.to_json()
    write_outputs(arguments, content, figure, record=found)
    print_text(content if arguments.json == STDOUT else repr(found))
    lower = [str(one.message) for one in caught if issubclass(one.category, LowerMinimumWarning)]
    return complain(lower[0], 1) if lower else _incomplete(found)


def _incomplete(found: FeldmanCousins) -> int:
    """The exit status; what is missing goes to stderr."""
    lost = int((found.status != 0).sum())
    if lost:
        return complain(f"{lost} of {len(found)} points have no p-value: the fit to the data failed", 1)
    if not found.reached:
        return complain(f"the Monte Carlo error {found.mc_error:g} was not reached", 1)
    return 0

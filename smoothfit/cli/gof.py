"""``smoothfit gof``: goodness of fit, with toys."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import FitError
from .arguments import STDOUT, add_command, add_fit_options, add_input, number, number_of_toys, whole
from .campaigns import add_campaign_options, kept
from .models import fixed_of, read
from .outputs import check_outputs, complain, print_text, write_outputs

if TYPE_CHECKING:
    from ..results import GoodnessOfFit

__all__ = ["add"]

_EPILOG = """examples:
  smoothfit gof workspace.json
  smoothfit gof workspace.json --statistic ks --toys 5000 --seed 1 --plot gof.png
  smoothfit gof workspace.json --toys 0 --json
  smoothfit gof workspace.json --statistic ad --mc-error 0.005
  smoothfit gof workspace.json --toys 1e5 --campaign gof_toys

exit status: 0 all converged, 1 the fit or one of a toy did not, 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Test how well the model describes the data, with toys."
    parser = add_command(commands, "gof", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument(
        "--statistic",
        choices=["saturated", "ks", "ad"],
        default="saturated",
        help="saturated likelihood, Kolmogorov-Smirnov or Anderson-Darling (%(default)s)",
    )
    parser.add_argument(
        "--toys",
        type=number_of_toys,
        default=1000,
        metavar="N",
        help="how many (%(default)s); 0 for the p-value of chi2, of the saturated likelihood only",
    )
    parser.add_argument(
        "--seed", type=whole, metavar="S", help="of the toys (that of the folder, or a fresh one)"
    )
    parser.add_argument(
        "--mc-error",
        type=number,
        metavar="E",
        help="go on until the Monte Carlo error of p is not above this",
    )
    parser.add_argument(
        "--kind",
        choices=["frequentist", "bayesian"],
        default="frequentist",
        help="what is random: counts and global observables, or counts and constrained parameters "
        "(%(default)s)",
    )
    add_campaign_options(parser, "the toys")
    add_fit_options(parser)
    parser.output.add_argument(
        "--plot", metavar="OUT", help="draw the toys and the data (.png, .pdf, .svg ...)"
    )


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    model, obs = read(arguments)
    if arguments.blind:
        model.blind(pois=model.pois)
    options = {"toys": arguments.toys, "seed": arguments.seed, "mc_error": arguments.mc_error}
    options |= {
        "statistic": arguments.statistic,
        "fixed": fixed_of(arguments.fix),
        "toy_kind": arguments.kind,
    }
    try:
        with kept(arguments, model, toys=arguments.toys > 0):
            found = model.goodness_of_fit(obs, **options)
    except FitError as error:
        return complain(f"the fit did not converge: {error}", 1)
    figure = None
    if arguments.plot is not None:
        from .. import plot

        figure = plot.gof(found)
    content = found.to_json()
    write_outputs(arguments, content, figure, record=found)
    print_text(content if arguments.json == STDOUT else repr(found))
    return _lost(found)


def _lost(found: GoodnessOfFit) -> int:
    """The exit status; toys without a value are told of on stderr."""
    if found.n_lost:
        return complain(f"{found.n_lost} of {len(found.toys)} toys have no value", 1)
    return 0

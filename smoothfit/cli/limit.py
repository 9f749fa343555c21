"""``smoothfit limit``: an upper limit with what was expected, or a two-sided one."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

from .arguments import STDOUT, add_command, add_fit_options, add_input, level, number
from .hypotests import add_test_options, kept_for, poi_of, toy_options
from .models import fixed_of, read
from .outputs import check_outputs, complain, print_text, write_outputs

if TYPE_CHECKING:
    from ..model import Model
    from ..results import Interval, Limit

__all__ = ["add"]

_DRAWN = 25
"""Points to test for a picture."""
_EPILOG = """examples:
  smoothfit limit workspace.json
  smoothfit limit workspace.json --poi mu --cl 0.9 --json limit.json --plot limit.png
  smoothfit limit workspace.json --two-sided --cl 0.68
  smoothfit limit card.txt --rule clsb --statistic q --range 0 20
  smoothfit limit workspace.json --method toys --toys 2000 --campaign limit_toys

With --campaign a command that was interrupted goes on when it is given again.

exit status: 0 found, 1 a limit was not reached or a fit did not converge, 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Find the upper limit on a parameter, or both ends of an interval."
    parser = add_command(commands, "limit", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument("--cl", type=level, default=0.95, metavar="CL", help="confidence level (%(default)s)")
    parser.add_argument("--two-sided", action="store_true", help="both ends of an interval")
    parser.add_argument(
        "--statistic",
        choices=["qtilde", "q", "t", "ttilde", "lep", "tevatron"],
        help="the test statistic (qtilde; t for two-sided limits)",
    )
    parser.add_argument(
        "--rule", choices=["cls", "clsb"], help="CLs or CLs+b is 1 - CL at the limit (cls; clsb two-sided)"
    )
    parser.add_argument(
        "--range", nargs=2, type=number, metavar=("A", "B"), help="where to look (the parameter's bounds)"
    )
    add_test_options(parser)
    add_fit_options(parser)
    parser.output.add_argument(
        "--plot", metavar="OUT", help="draw CLs along the parameter (.png, .pdf, .svg ...)"
    )


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    model, obs = read(arguments)
    poi = poi_of(model, arguments.poi)
    if arguments.blind:
        model.blind(pois=[*model.pois, poi])
    with kept_for(arguments, model):
        found = _found(model, poi, obs, arguments)
    figure = None
    if arguments.plot is not None:
        from .. import plot

        figure = plot.limit(found)
    content = found.to_json()
    write_outputs(arguments, content, figure, record=found)
    print_text(content if arguments.json == STDOUT else repr(found))
    return _ending(found)


def _found(model: Model, poi: str, obs: Any, arguments: argparse.Namespace) -> Limit | Interval:
    options: dict[str, Any] = {"cl": arguments.cl, "method": arguments.method, **toy_options(arguments)}
    options |= {"fixed": fixed_of(arguments.fix), "range": arguments.range, "strict": False}
    options |= {name: getattr(arguments, name) for name in ("statistic", "rule") if getattr(arguments, name)}
    # Toys are too many for points that only a picture needs.
    options["points"] = _DRAWN if arguments.plot is not None and arguments.method == "asymptotic" else 0
    with warnings.catch_warnings():
        # They are among the messages of the record.
        warnings.simplefilter("ignore", UserWarning)
        return (model.two_sided_limit if arguments.two_sided else model.upper_limit)(poi, obs, **options)


def _ending(found: Limit | Interval) -> int:
    """The exit status; what is missing goes to stderr."""
    if found.success:
        return 0
    if found.hidden:
        return complain(f"there is no limit on {found.poi}; why is hidden, like its value", 1)
    statuses = (found.status,) if hasattr(found, "status") else (found.status_lower, found.status_upper)
    why = [*dict.fromkeys(status for status in statuses if status not in ("found", "at limit"))]
    return complain(f"there is no limit on {found.poi}: {' and '.join(why)}. {' '.join(found.messages)}", 1)

"""``smoothfit significance``: how significant a signal is."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

from .arguments import STDOUT, add_command, add_fit_options, add_input, number
from .hypotests import add_test_options, kept_for, poi_of, toy_options
from .models import fixed_of, read
from .outputs import check_outputs, complain, print_text, write_outputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..model import Model

__all__ = ["add"]

_EPILOG = """examples:
  smoothfit significance workspace.json
  smoothfit significance workspace.json --poi mu --expected-signal 2 --json
  smoothfit significance workspace.json --plot q0.png
  smoothfit significance workspace.json --method toys --toys 1e5 --campaign q0_toys

exit status: 0 converged, 1 a fit did not, 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Show how significant a signal is, and how significant it was expected to be."
    parser = add_command(commands, "significance", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument(
        "--expected-signal", type=number, metavar="MU", help="the signal of the expected significance (1)"
    )
    parser.add_argument("--uncapped", action="store_true", help="a deficit has a negative significance")
    add_test_options(parser)
    add_fit_options(parser)
    parser.output.add_argument("--plot", metavar="OUT", help="draw the test statistic (.png, .pdf, .svg ...)")


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    model, obs = read(arguments)
    poi = poi_of(model, arguments.poi)
    if arguments.blind:
        model.blind(pois=[*model.pois, poi])
    options: dict[str, Any] = {"method": arguments.method, "fixed": fixed_of(arguments.fix), "strict": False}
    options |= toy_options(arguments)
    with warnings.catch_warnings(), kept_for(arguments, model):
        # They are among the messages of the record.
        warnings.simplefilter("ignore", UserWarning)
        signal = arguments.expected_signal
        found = model.significance(poi, obs, expected_signal=signal, uncapped=arguments.uncapped, **options)
        figure = None if arguments.plot is None else _picture(model, poi, obs, signal, options)
    content = found.to_json()
    write_outputs(arguments, content, figure, record=found)
    print_text(content if arguments.json == STDOUT else repr(found))
    if not found.success:
        why = "why is hidden, like its value" if found.hidden else " ".join(found.messages)
        return complain(f"there is no significance of {poi}: {why}", 1)
    return 0


def _picture(model: Model, poi: str, obs: Any, signal: float | None, options: dict[str, Any]) -> Figure:
    from .. import plot

    return plot.hypotest(model.hypotest(poi, 0.0, obs, statistic="q0", alternative=signal, **options))

"""``smoothfit scan``: the NLL along a parameter, or over a plane of two."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValueError
from .arguments import STDOUT, add_command, add_fit_options, add_input, number, whole
from .models import fit_of, pois_of, read
from .outputs import check_outputs, complain, print_text, write_outputs

if TYPE_CHECKING:
    from ..model import Model
    from ..results import FitResult, Scan

__all__ = ["add", "made_scan", "not_converged", "ranges_of"]

_POINTS = {1: 31, 2: 21}
"""Points along each axis, by the number of parameters."""
_EPILOG = """examples:
  smoothfit scan workspace.json mu --plot scan.png
  smoothfit scan workspace.json mu --points 61 --range 0 3 --stat-only --json
  smoothfit scan workspace.json mu_1 mu_2 --points 25 --range 0 3 0 2 --plot map.png

exit status: 0 all converged, 1 the fit or a point did not, 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Scan the likelihood along one parameter, or over a plane of two."
    parser = add_command(commands, "scan", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument("pois", nargs="+", metavar="POI", help="one parameter or two")
    parser.add_argument(
        "--points", type=whole, metavar="N", help="how many along each axis (31; 21 for two parameters)"
    )
    parser.add_argument(
        "--range",
        nargs="+",
        type=number,
        metavar="A B",
        help="from where to where, for each parameter (3 errors to both sides)",
    )
    parser.add_argument(
        "--stat-only", action="store_true", help="hold constrained nuisances and bin parameters"
    )
    add_fit_options(parser)
    parser.output.add_argument("--plot", metavar="OUT", help="draw the scan (.png, .pdf, .svg ...)")


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    model, obs = read(arguments)
    pois = pois_of(model, arguments.pois)
    ranges = ranges_of(arguments.range, len(pois))
    result = fit_of(model, obs, arguments)
    if not result.success:
        return complain(f"the fit did not converge: {result.message}", 1)
    found = made_scan(model, pois, result, arguments.points, ranges, stat_only=arguments.stat_only)
    figure = None
    if arguments.plot is not None:
        from .. import plot

        figure = plot.scan(found)
    content = found.to_json()
    write_outputs(arguments, content, figure, record=found)
    print_text(content if arguments.json == STDOUT else repr(found))
    return not_converged(found)


def ranges_of(given: list[float] | None, parameters: int) -> Any:
    """(low, high), or one such pair a parameter, from --range."""
    if given is None:
        return None
    if len(given) != 2 * parameters:
        raise InvalidValueError(
            f"--range: expected {2 * parameters} numbers, from where to where for each parameter, got "
            f"{len(given)}."
        )
    pairs = list(zip(given[::2], given[1::2], strict=True))
    return pairs[0] if parameters == 1 else pairs


def made_scan(
    model: Model,
    pois: list[str],
    result: FitResult,
    points: int | None = None,
    ranges: Any = None,
    *,
    stat_only: bool = False,
) -> Scan:
    """A scan of one parameter or two; a lower minimum is left to :func:`not_converged` to tell."""
    if len(pois) > 2:
        raise InvalidValueError(f"scan: one parameter or two, got {len(pois)}: {', '.join(pois)}.")
    count = _POINTS[len(pois)] if points is None else points
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        what = pois[0] if len(pois) == 1 else pois
        return model.scan(what, count, result, stat_only=stat_only, range=ranges)


def not_converged(found: Scan) -> int:
    """The exit status of a scan; what is wrong with it goes to stderr."""
    if found.lower_minimum is not None:
        return complain(found.heading().splitlines()[0], 1)
    failed = int((~found.success).sum())
    if failed:
        return complain(f"{failed} of {len(found)} points did not converge", 1)
    return 0

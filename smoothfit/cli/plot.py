"""``smoothfit plot``: one picture of a fit."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValueError
from .arguments import STDOUT, add_command, add_fit_options, add_input
from .models import fit_of, pois_of, read, systematics
from .outputs import check_outputs, complain, print_text, write_outputs
from .scan import made_scan, not_converged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..model import Model
    from ..results import FitResult, Record

__all__ = ["add"]

_MOST_PAIRED = 6
_EPILOG = """examples:
  smoothfit plot workspace.json yields.png
  smoothfit plot workspace.json scan.pdf --what scan --poi mu
  smoothfit plot workspace.json contour.png --what contour --poi mu_1 mu_2
  smoothfit plot workspace.json correlation.png --what correlation --json fit.json

exit status: 0 all converged, 1 a fit did not, 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Fit a model to its data and draw one picture of the fit."
    parser = add_command(commands, "plot", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument("plot", metavar="OUT", help="the picture (.png, .pdf, .svg ...)")
    parser.add_argument(
        "--what", choices=sorted(_PICTURES), default="yields", help="which picture (%(default)s)"
    )
    parser.add_argument(
        "--poi",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="parameters of a scan (one or two), of contours (two or more), of impacts or of correlations",
    )
    add_fit_options(parser)


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments, picture="OUT")
    model, obs = read(arguments)
    pois = None if arguments.poi is None else pois_of(model, arguments.poi)
    result = fit_of(model, obs, arguments)
    if not result.success:
        return complain(f"the fit did not converge: {result.message}", 1)
    record, figure = _PICTURES[arguments.what](model, result, pois)
    content = record.to_json()
    write_outputs(arguments, content, figure, record=record)
    if arguments.json == STDOUT:
        print_text(content)
    from ..results import Scan

    return not_converged(record) if isinstance(record, Scan) else 0


def _yields(model: Model, result: FitResult, pois: list[str] | None) -> tuple[Record, Figure]:
    from .. import plot

    prefit = model.yields(model.values_from_dict({}), obs=result.obs, title="pre-fit")
    postfit = model.yields(result, obs=result.obs, title="post-fit")
    return postfit, plot.yields(postfit, other=prefit)


def _pulls(model: Model, result: FitResult, pois: list[str] | None) -> tuple[Record, Figure]:
    from .. import plot

    record = systematics(model.pulls(result), result)
    return record, plot.pulls(record)


def _impacts(model: Model, result: FitResult, pois: list[str] | None) -> tuple[Record, Figure]:
    from .. import plot

    record = model.impacts(pois or _first(model), result)
    return record, plot.impacts(record)


def _scan(model: Model, result: FitResult, pois: list[str] | None) -> tuple[Record, Figure]:
    from .. import plot

    record = made_scan(model, pois or _first(model), result)
    return record, plot.scan(record)


def _contour(model: Model, result: FitResult, pois: list[str] | None) -> tuple[Record, Figure]:
    from .. import plot

    free = [name for name in model.pois if not result.fixed[result.layout.positions(name)[0]]]
    chosen = free if pois is None else pois
    if not 2 <= len(chosen) <= _MOST_PAIRED:
        raise InvalidValueError(
            f"--what contour: name two to {_MOST_PAIRED} parameters with --poi; there are {len(chosen)}."
        )
    record = model.contours(chosen, result, cl=(0.68, 0.95))
    return record, plot.contour(record[0] if len(record) == 1 else record)


def _correlation(model: Model, result: FitResult, pois: list[str] | None) -> tuple[Record, Figure]:
    from .. import plot

    return result, plot.correlation(result, pois)


def _first(model: Model) -> list[str]:
    if model.poi is None:
        raise InvalidValueError("--what: the model has no parameter of interest; name one with --poi.")
    return pois_of(model, [model.poi])


_PICTURES = {
    "yields": _yields,
    "pulls": _pulls,
    "impacts": _impacts,
    "scan": _scan,
    "contour": _contour,
    "correlation": _correlation,
}

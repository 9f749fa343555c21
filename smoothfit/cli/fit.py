"""``smoothfit fit``: a model fitted to its data."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..fitters import FITTERS
from .arguments import STDOUT, add_command, add_fit_options, add_input
from .models import fit_of, pois_of, read, systematics
from .outputs import check_outputs, complain, print_text, write_outputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..model import Model
    from ..render import Table
    from ..results import FitResult, Pulls

__all__ = ["add"]

_LARGEST_PULLS = 10
_EPILOG = """examples:
  smoothfit fit workspace.json
  smoothfit fit workspace.json --asimov --fix lumi=1 --json
  smoothfit fit workspace.json --poi mu_1 --json result.json --plot result.png

exit status: 0 converged, 1 not converged, 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Fit a model to its data and show the result."
    parser = add_command(commands, "fit", about, _EPILOG, _run)
    add_input(parser)
    parser.add_argument(
        "--poi", nargs="+", action="extend", metavar="NAME", help="parameters to show first (all free ones)"
    )
    parser.add_argument("--fitter", choices=list(FITTERS), default="newton", help="minimiser (%(default)s)")
    add_fit_options(parser)
    parser.output.add_argument("--plot", metavar="OUT", help="draw yields and pulls (.png, .pdf, .svg ...)")


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    model, obs = read(arguments)
    pois = pois_of(model, arguments.poi)
    if arguments.blind:
        model.blind(pois=pois)
    result = fit_of(model, obs, arguments, fitter=arguments.fitter)
    pulls = systematics(model.pulls(result, obs), result)
    figure = None if arguments.plot is None else _picture(model, obs, result, pulls)
    content = result.to_json()
    tables = _tables(result, pulls, pois)
    write_outputs(arguments, content, figure, record=result, tables=tables)
    print_text(content if arguments.json == STDOUT else _report(result, tables))
    if not result.success:
        return complain(f"the fit did not converge: {result.message}", 1)
    return 0


def _picture(model: Model, obs: Any, result: FitResult, pulls: Pulls) -> Figure:
    from .. import plot

    prefit = model.yields(model.values_from_dict({}), obs=obs, title="pre-fit")
    return plot.overview(prefit, model.yields(result, obs=obs, title="post-fit"), pulls)


def _report(result: FitResult, tables: Sequence[Table]) -> str:
    from ..render import text

    return "\n\n".join([result.heading(), text.tables(tables, text.screen_width())])


def _tables(result: FitResult, pulls: Pulls, pois: Sequence[str]) -> list[Table]:
    """Parameters of interest, the other parameters, the largest pulls."""
    from ..render import Table

    layout = result.layout
    first = [i for name in pois for i in layout.positions(name)]
    pulled = {i for name in pulls.names for i in layout.positions(name)}
    # Sets with a member a bin (staterror, shapesys) are counted, not listed.
    sets = [
        v
        for v in layout.variables
        if v.nuisance and not v.is_scalar and not ({*first} | pulled) & {*v.indices}
    ]
    left_out = {*first, *pulled, *(i for v in sets for i in v.indices)}
    others = [i for i in range(layout.n_params) if i not in left_out]
    tables = [result.table(first, "Parameters of interest")] if first else []
    tables += [result.table(others, "Other parameters")] if others else []
    shown = pulls.largest(_LARGEST_PULLS)
    if len(shown):
        positions = [layout.positions(name)[0] for name in shown.names]
        values = result.table(positions)
        cells = zip(shown.table().rows, values.rows, strict=True)
        title = "Pulls" if len(shown) == len(pulls) else f"The {len(shown)} largest of {len(pulls)} pulls"
        both = [(*pull, *value[1:]) for pull, value in cells]
        tables.append(Table(title, ("nuisance", "pull", *values.columns[1:]), both))
    rows = [(v.name, len(v.indices)) for v in sets]
    rows += [("bin parameters", layout.n_bin_params)] if layout.n_bin_params else []
    tables += [Table("Not listed, in the JSON", ("set", "members"), rows)] if rows else []
    return tables

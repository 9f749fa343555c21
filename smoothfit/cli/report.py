"""``smoothfit report``: a fit as one HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import InvalidValueError
from ..fitters import FITTERS
from ..report import SECTIONS, report_page
from .arguments import STDOUT, add_command, add_fit_options, add_input, path
from .models import fit_of, pois_of, read
from .outputs import check_outputs, complain, print_text, write_outputs

__all__ = ["add"]

_EPILOG = """examples:
  smoothfit report workspace.json -o report.html
  smoothfit report workspace.json -o report.html --poi mu_1 mu_2 --title "Search for smooth things"
  smoothfit report workspace.json -o pulls.html --include pulls correlations
  smoothfit report workspace.json -o blinded.html --blind

The page needs no network and no other file; with --blind what is hidden is not in it.

exit status: 0 converged, 1 not converged (the page says so), 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Fit a model and write one HTML page about it."
    parser = add_command(commands, "report", about, _EPILOG, _run)
    add_input(parser)
    parser.output.add_argument(
        "-o",
        "--output",
        type=path,
        default="report.html",
        metavar="OUT",
        help="the page to write (%(default)s)",
    )
    parser.add_argument(
        "--poi",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="parameters that impacts and scans are of (the first ten free ones)",
    )
    parser.add_argument(
        "--include", nargs="+", action="extend", choices=SECTIONS, metavar="SECTION", help=_sections()
    )
    parser.add_argument("--title", metavar="TEXT", help="the title of the page (the name of FILE)")
    parser.add_argument("--fitter", choices=list(FITTERS), default="newton", help="minimiser (%(default)s)")
    add_fit_options(parser)


def _sections() -> str:
    return f"sections beside the summary and the parameters: {', '.join(SECTIONS)} (all)"


def _run(arguments: argparse.Namespace) -> int:
    check_outputs(arguments)
    if arguments.output == STDOUT:
        raise InvalidValueError("report: the page goes to a file; give its name to -o.")
    model, obs = read(arguments)
    pois = None if arguments.poi is None else pois_of(model, arguments.poi)
    result = fit_of(model, obs, arguments, fitter=arguments.fitter)
    title = arguments.title or f"Fit of {Path(arguments.file).name}"
    options: dict[str, Any] = {"pois": pois, "include": arguments.include, "title": title}
    page = report_page(result, file=Path(arguments.output).stem, **options)
    content = result.to_json()
    write_outputs(arguments, content, more={arguments.output: page.encode()}, record=result)
    print_text(content if arguments.json == STDOUT else _told(result, arguments.output))
    if not result.success:
        return complain(f"the fit did not converge: {result.message}", 1)
    return 0


def _told(result: Any, output: str) -> str:
    return f"{result.heading()}\n\nwrote {output}"

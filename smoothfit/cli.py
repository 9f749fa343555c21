"""The command ``smoothfit``: parses arguments, reads a model, shows and writes results.

Exit status: 0 if all went well, 1 if the fit did not converge (its result is shown, flagged),
2 for anything that could not be done: then one line on stderr says why, and nothing is written.

What a command needs beyond this file is imported when the command runs.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any, NoReturn

from ._files import check_writable, write_files
from .errors import InvalidValueError, OutputFileError, SmoothfitError

if TYPE_CHECKING:
    from .model import Model
    from .render import Table
    from .results import FitResult, Pulls

__all__ = ["main"]

_STDOUT = "-"
_LARGEST_PULLS = 10
_EPILOG = """examples:
  smoothfit inspect workspace.json
  smoothfit fit workspace.json --json result.json --plot result.png

'smoothfit COMMAND --help' has more."""
_INSPECT_EPILOG = """examples:
  smoothfit inspect workspace.json
  smoothfit inspect workspace.json --measurement measurement --json"""
_FIT_EPILOG = """examples:
  smoothfit fit workspace.json
  smoothfit fit workspace.json --asimov --fix lumi=1 --json
  smoothfit fit workspace.json --poi mu_ttH --json result.json --plot result.png

exit status: 0 converged, 1 not converged, 2 anything else"""


class _UsageError(SmoothfitError):
    """Arguments that make no command."""


class _Parser(argparse.ArgumentParser):
    """Raises instead of printing usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise _UsageError(f"{message} (see '{self.prog} --help')")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    Raises
    ------
    SystemExit
        With status 0 after ``--help`` and ``--version``.

    Examples
    --------
    >>> main(["--version"])
    Traceback (most recent call last):
    ...
    SystemExit: 0
    """
    try:
        arguments = _parser().parse_args(argv)
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except SmoothfitError as error:
        return _complain(f"error: {error}", 2)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output has gone (| head): nothing to say, also not when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _complain(message: str, status: int) -> int:
    line = " ".join(message.split())
    _print(f"smoothfit: {line}", sys.stderr)
    return status


def _print(text: str, stream: Any = None) -> None:
    stream = stream or sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.replace("±", "+-").encode(encoding, "backslashreplace").decode(encoding)
    print(text, file=stream)


def _version() -> str:
    try:
        return metadata.version("smoothfit")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _parser() -> _Parser:
    options: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    parser = _Parser(
        prog="smoothfit", description="Binned likelihood fits on JAX.", epilog=_EPILOG, **options
    )
    parser.add_argument("--version", action="version", version=f"smoothfit {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="command")

    about = "Show what is in a model: yields, parameters, counts."
    inspect = commands.add_parser("inspect", help=about, description=about, epilog=_INSPECT_EPILOG, **options)
    _add_input(inspect)
    inspect.set_defaults(run=_inspect)

    about = "Fit a model to its data and show the result."
    fit = commands.add_parser("fit", help=about, description=about, epilog=_FIT_EPILOG, **options)
    _add_input(fit)
    fit.add_argument(
        "--poi", nargs="+", action="extend", metavar="NAME", help="parameters to show first (all free ones)"
    )
    fit.add_argument(
        "--asimov", action="store_true", help="fit the expectation at the start values, not the data"
    )
    fit.add_argument(
        "--fitter", choices=["newton", "trust-constr"], default="newton", help="minimiser (%(default)s)"
    )
    fit.add_argument(
        "--fix",
        nargs="+",
        action="extend",
        type=_assignment,
        default=[],
        metavar="NAME=VALUE",
        help="hold parameters at a value; a name may be a regular expression",
    )
    fit.add_argument("--plot", metavar="OUT", help="draw yields and pulls (.png, .pdf, .svg ...)")
    fit.set_defaults(run=_fit)
    return parser


def _add_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a pyhf workspace")
    parser.add_argument("--measurement", metavar="NAME", help="the measurement to take (the first)")
    parser.add_argument("--patch", metavar="FILE", help="a JSON patch to apply to the workspace")
    parser.add_argument(
        "--json",
        nargs="?",
        const=_STDOUT,
        metavar="OUT",
        help="write JSON to OUT; without OUT, only JSON to stdout",
    )
    parser.add_argument("--blind", action="store_true", help="hide the parameters of interest")


def _assignment(text: str) -> tuple[str, float]:
    name, sign, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not (name and sign and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE with a number, got '{text}'")
    return name, value


def _read(arguments: argparse.Namespace) -> tuple[Model, Any]:
    from .io.pyhf import read_pyhf

    return read_pyhf(arguments.file, measurement=arguments.measurement, patch=arguments.patch)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Before anything that takes time: every output can be written, and none is an input."""
    inputs = [path for path in (arguments.file, arguments.patch) if path and os.path.exists(path)]
    outputs = [path for path in (arguments.json, getattr(arguments, "plot", None)) if path is not None]
    outputs = [path for path in outputs if path != _STDOUT]
    for path in outputs:
        target = check_writable(path)
        if any(os.path.realpath(given) == str(target) for given in inputs):
            raise OutputFileError(f"'{path}' is an input and would be overwritten: name another output.")
    if len({os.path.realpath(path) for path in outputs}) < len(outputs):
        raise OutputFileError(f"--json and --plot are one file, '{outputs[0]}': give them different names.")
    if getattr(arguments, "plot", None) is not None:
        from ._optional import require
        from .plot import check_figure_path

        check_figure_path(arguments.plot)
        require("matplotlib", feature="--plot", extra="plot")


def _inspect(arguments: argparse.Namespace) -> int:
    _check_outputs(arguments)
    model, _ = _read(arguments)
    if arguments.blind:
        model.blind(pois=model.pois)
    summary = model.summary()
    if arguments.json is not None and arguments.json != _STDOUT:
        summary.to_json(arguments.json)
    _print(summary.to_json() if arguments.json == _STDOUT else repr(summary))
    return 0


def _fit(arguments: argparse.Namespace) -> int:
    _check_outputs(arguments)
    model, obs = _read(arguments)
    pois = _pois(model, arguments.poi)
    start = model.values_from_dict({})
    if arguments.asimov:
        obs = model.pred(start)
    if arguments.blind:
        model.blind(pois=pois)
    result = model.fit(obs, fixed=_fixed(arguments.fix), fitter=arguments.fitter, strict=False)
    pulls = _systematics(model.pulls(result, obs), result)
    outputs: dict[str | os.PathLike[str], bytes] = {}
    if arguments.json is not None and arguments.json != _STDOUT:
        outputs[arguments.json] = f"{result.to_json()}\n".encode()
    if arguments.plot is not None:
        outputs[arguments.plot] = _picture(model, obs, result, pulls, arguments)
    write_files(outputs)
    _print(result.to_json() if arguments.json == _STDOUT else _report(result, pulls, pois))
    if not result.success:
        return _complain(f"the fit did not converge: {result.message}", 1)
    return 0


def _pois(model: Model, asked: Sequence[str] | None) -> list[str]:
    """Names to show first: those asked for, else the measurement's, else all free ones."""
    if asked is None:
        return list(model.pois)
    layout = model.layout
    return [layout.names[i] for name in dict.fromkeys(asked) for i in layout.positions(name)]


def _fixed(assignments: Sequence[tuple[str, float]]) -> dict[str, float]:
    fixed: dict[str, float] = {}
    for name, value in assignments:
        if fixed.setdefault(name, value) != value:
            raise InvalidValueError(f"--fix: '{name}' is given twice, as {fixed[name]:g} and {value:g}.")
    return fixed


def _picture(model: Model, obs: Any, result: FitResult, pulls: Pulls, arguments: argparse.Namespace) -> bytes:
    from . import plot

    prefit = model.yields(model.values_from_dict({}), obs=obs, title="pre-fit")
    # The post-fit yields would show the blinded parameters: they are left out.
    postfit = None if arguments.blind else model.yields(result, obs=obs, title="post-fit")
    return plot.figure_bytes(plot.overview(prefit, postfit, pulls), arguments.plot)


def _report(result: FitResult, pulls: Pulls, pois: Sequence[str]) -> str:
    from .render import text

    return "\n\n".join([result.heading(), text.tables(_tables(result, pulls, pois))])


def _tables(result: FitResult, pulls: Pulls, pois: Sequence[str]) -> list[Table]:
    """Parameters of interest, the other parameters, the largest pulls."""
    from .render import Table

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
        cells = zip(shown.table().rows, result.table(positions).rows, strict=True)
        title = "Pulls" if len(shown) == len(pulls) else f"The {len(shown)} largest of {len(pulls)} pulls"
        rows = [(*pull, *value[1:]) for pull, value in cells]
        tables.append(Table(title, ("nuisance", "pull", "value", ""), rows))
    rows = [(v.name, len(v.indices)) for v in sets]
    rows += [("bin parameters", layout.n_bin_params)] if layout.n_bin_params else []
    tables += [Table("Not listed, in the JSON", ("set", "members"), rows)] if rows else []
    return tables


def _systematics(pulls: Pulls, result: FitResult) -> Pulls:
    """Without the sets that have a member a bin, unless there is nothing else."""
    members = {i for v in result.layout.variables if not v.is_scalar for i in v.indices}
    own = [k for k, name in enumerate(pulls.names) if result.layout.positions(name)[0] not in members]
    return pulls.take(own) if own else pulls

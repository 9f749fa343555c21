"""``smoothfit convert``: a model from one kind of file to another, and the proof that it is the same."""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._files import check_writable, write_files
from ..errors import InvalidValueError, OutputFileError
from ..results import strict_json
from .arguments import STDOUT, add_command, add_json, add_reading, number, whole
from .models import read
from .outputs import check_outputs, complain, print_text, write_outputs

if TYPE_CHECKING:
    from ..model import Model
    from ..results import NllDifference, Receipt

__all__ = ["add"]

_TOLERANCE = 1e-8
_EPILOG = """examples:
  smoothfit convert card.txt model.hs3.json
  smoothfit convert model.hs3.json again.smoothfit
  smoothfit convert card.txt out --to saved --json

What was written is read again, and both likelihoods are compared at random points. OUT is written only if
they agree.

exit status: 0 converted, 1 the likelihoods differ (nothing is written), 2 anything else"""


def add(commands: Any) -> None:
    """Add the command."""
    about = "Convert a model to another kind of file, and compare the likelihoods."
    parser = add_command(commands, "convert", about, _EPILOG, _run)
    parser.add_argument("file", metavar="IN", help="any file that smoothfit reads")
    parser.add_argument("out", metavar="OUT", help="the file to write; its name says the kind, or --to")
    from ..io.writing import WRITERS

    parser.add_argument("--to", choices=list(WRITERS), help="the kind of OUT")
    add_reading(parser)
    parser.add_argument(
        "--points", type=whole, default=50, metavar="N", help="points of the NLL (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=whole, default=0, metavar="S", help="random numbers of the points (%(default)s)"
    )
    parser.add_argument(
        "--tolerance",
        type=number,
        default=_TOLERANCE,
        metavar="T",
        help="largest difference of the NLL (%(default)g)",
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ..io.writing import kind_of_output

    check_outputs(arguments)
    target = _check_out(arguments)
    kind = kind_of_output(arguments.out, arguments.to)
    if not arguments.tolerance >= 0.0:
        raise InvalidValueError(f"--tolerance must not be negative, got {arguments.tolerance!r}.")
    model, obs = read(arguments)
    if obs is None:
        raise InvalidValueError(
            f"{arguments.file}: the saved model has no data, which are converted and compared; save it with "
            "obs=."
        )
    content, found, receipt = _converted(model, obs, target, kind, arguments)
    agrees = found.agrees(arguments.tolerance)
    if agrees:
        write_files({arguments.out: content})
    text = strict_json(
        {
            "kind": kind,
            "written": agrees,
            "read": None if model.receipt is None else model.receipt.to_dict(),
            "read_again": None if receipt is None else receipt.to_dict(),
            "nll": found.to_dict(),
        }
    )
    write_outputs(arguments, text)
    print_text(text if arguments.json == STDOUT else _report(model, found))
    return 0 if agrees else complain(_refusal(arguments, kind, found), 1)


def _refusal(arguments: argparse.Namespace, kind: str, found: NllDifference) -> str:
    return (
        f"{arguments.out} was not written: as {kind} the NLL differs by {found.largest:.3g} "
        f"(--tolerance {arguments.tolerance:g})."
    )


def _check_out(arguments: argparse.Namespace) -> Path:
    """OUT can be written, and is no other file of this call."""
    target = check_writable(arguments.out)
    others = {"IN": arguments.file, "--patch": arguments.patch, "--json": arguments.json}
    for what, path in others.items():
        if path not in (None, STDOUT) and os.path.realpath(path) == str(target):
            raise OutputFileError(f"OUT and {what} are one file, '{path}': give them different names.")
    return target


def _converted(
    model: Model, obs: Any, target: Path, kind: str, arguments: argparse.Namespace
) -> tuple[bytes, NllDifference, Receipt | None]:
    """The content of OUT, how far its likelihood is from that of IN, and its own receipt.

    It is written to a folder of its own first, so that OUT stays as it is where anything fails.
    """
    from ..diff import nll_difference
    from ..io.opening import read_model
    from ..io.writing import write_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, target.name)
        write_model(model, obs, path, kind=kind)
        again, again_obs = read_model(path)
        if again_obs is None:
            raise OutputFileError(f"'{arguments.out}' was not written: as {kind} it would have no data.")
        options = {"n": arguments.points, "seed": arguments.seed}
        found = nll_difference(model, obs, again, again_obs, **options)
        receipt = again.receipt
        if receipt is not None:
            receipt = dataclasses.replace(receipt, source=arguments.out)
        return path.read_bytes(), found, receipt


def _report(model: Model, found: NllDifference) -> str:
    receipt = "" if model.receipt is None else f"{model.receipt!r}\n\n"
    return f"{receipt}{found!r}"

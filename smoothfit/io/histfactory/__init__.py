"""HistFactory's XML with its ROOT files: :func:`read_histfactory`.

The files become a pyhf workspace (:mod:`.channels`, :mod:`.measurements`), from which :func:`read_pyhf`
makes the model: what the XML says is read as ``pyhf xml2json`` does, and where HistFactory itself would do
something else, the receipt says so. :mod:`.sources` finds the files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..._checks import check_flag
from ..._types import FloatArray
from ...errors import FileFormatError, InvalidTypeError
from ...model import Model
from ...results import Note, Receipt
from ..naming import named
from ..pyhf import read_pyhf
from ..xml_files import Element, load_xml
from .channels import Channels, read_channel
from .measurements import choose_measurement, read_measurement
from .sources import Sources

__all__ = ["read_histfactory"]


def read_histfactory(
    path: str | os.PathLike[str],
    measurement: str | int | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    files_anywhere: bool = False,
    normalize_by_theory: bool = False,
) -> tuple[Model, FloatArray]:
    """The model of HistFactory's XML files, prepared, and the observed counts.

    Parameters
    ----------
    path
        The top-level file, <Combination>.
    measurement
        Name or position of the measurement; the first by default.
    folder
        Where the paths in the files begin: where HistFactory ran. By default where the top-level file is.
    files_anywhere
        Whether the files may name others that are not in that folder or below it.
    normalize_by_theory
        Whether samples that do not say so have the uncertainty of the luminosity: pyhf takes False,
        HistFactory True.

    Returns
    -------
    model, obs
        As of :func:`~smoothfit.read_pyhf`. ``model.receipt`` says what was read, and what not, and why.

    Raises
    ------
    InputFileError
        For files that cannot be read, or may not.
    FileFormatError
        With file and line, for what is no such XML, templates that are missing, and "unsupported: ..." for
        functions of parameters and constraints other than the usual ones.
    UnknownNameError
        For a measurement that is not there.

    Examples
    --------
    >>> read_histfactory("top.xml")
    Traceback (most recent call last):
    smoothfit.errors.InputFileError: top.xml: cannot be read: No such file or directory; check the path.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidTypeError(f"read_histfactory: a path is expected, got {type(path).__name__}.")
    check_flag("read_histfactory: files_anywhere", files_anywhere)
    check_flag("read_histfactory: normalize_by_theory", normalize_by_theory)
    source = os.fspath(path)
    top = load_xml(path)
    if measurement is not None and (isinstance(measurement, bool) or not isinstance(measurement, str | int)):
        raise InvalidTypeError(
            f"read_histfactory: measurement must be a name or a position, got {type(measurement).__name__}."
        )
    with named(source):
        inputs = _inputs(top)
        chosen = choose_measurement(top, measurement)
    sources = Sources(Path(path), folder, anywhere=files_anywhere)
    found = Channels(by_theory=normalize_by_theory)
    for given in inputs:
        with named(source):
            where = sources.path(given.text.strip(), given.what)
        root = load_xml(where)
        with named(str(where)):
            read_channel(root, sources, found)
    with named(source):
        workspace = {
            "channels": found.channels,
            "observations": found.observations,
            "measurements": [read_measurement(chosen, found)],
            "version": "1.0.0",
        }
        model, obs = read_pyhf(workspace)
    model.receipt = _receipt(source, model, found, sources, _left_out(top, chosen))
    return model, obs


def _inputs(top: Element) -> list[Element]:
    if top.tag != "Combination":
        raise FileFormatError(
            f"line {top.line}: <{top.tag}> is not the top of HistFactory's files, which is <Combination>; "
            "give the file that names the channels."
        )
    top.check(("OutputFilePrefix", "Mode"), ("Function", "Input", "Measurement"))
    for function in top.all("Function"):
        raise FileFormatError(f"unsupported: {function.what}: parameters that are functions of others.")
    inputs = top.all("Input")
    if not inputs:
        raise FileFormatError("no <Input> names a channel's file; add one.")
    for given in inputs:
        given.check(())
        if not given.text.strip():
            raise FileFormatError(f"{given.what} is empty; give the file of a channel.")
    return inputs


def _left_out(top: Element, chosen: Element) -> list[Note]:
    notes = [
        Note(f"line {other.line}", other.what.partition(": ")[2], "another measurement was chosen")
        for other in top.all("Measurement")
        if other is not chosen
    ]
    notes += [
        Note(f"line {top.line}", f"{name} of <Combination>", "it is about output, not about the model")
        for name in top.attributes
    ]
    return notes


def _receipt(source: str, model: Model, found: Channels, sources: Sources, notes: list[Note]) -> Receipt:
    made: Any = model.receipt
    return Receipt(
        source,
        "HistFactory XML",
        made.read,
        [*notes, *found.notes, *made.ignored],
        {str(path): count for path, count in sources.read.items()},
    )

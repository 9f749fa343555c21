"""The report of a fit: :func:`write_report` and :func:`report_page`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._files import check_writable, write_files
from ..model import Model
from ..results import FitResult, Record
from .making import gather
from .page import page_text

__all__ = ["report_page", "write_report"]


def write_report(
    fit: FitResult,
    path: str | os.PathLike[str] = "report.html",
    *,
    model: Model | None = None,
    include: Sequence[str] | None = None,
    pois: Any = None,
    records: Sequence[Record] = (),
    title: str | None = None,
) -> Path:
    """Write one self-contained HTML page about a fit; it needs no network, and no other file.

    Parameters
    ----------
    fit
        As from ``model.fit``, converged or not.
    path
        Usually ``.html``.
    model
        The model of the fit, where the result does not know it: of one that was read from a file, or copied.
        Without a model the page has parameters, pulls and correlations.
    include
        Which of "yields", "pulls", "impacts", "correlations", "scans", "model", "lint"; all by default. They
        are made by ``model.yields`` (before and after the fit), ``model.impacts(pois, fit)``, ``model.scan``
        (41 points of each of ``pois``), ``model.summary`` and ``model.lint``. What cannot be had is named on
        the page, or raised if it was asked for here.
    pois
        Variables or names that impacts and scans are of; the free parameters that were not held by default,
        ten at most.
    records
        More to show: limits, goodness of fit, breakdowns, contours ... Pulls, impacts, scans, findings among
        them take the place of those that would be made.
    title
        The page's.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    InvalidTypeError, InvalidValueError, UnknownNameError
        For what is no fit, a model that is another one, sections and parameters that do not exist.
    OutputFileError
        If the file cannot be written; an existing one is then unchanged.

    Notes
    -----
    What is blinded, in the fit or in the model, is not in the file: of parameters value, error, impacts,
    scans, correlations, the yields after the fit, and the data of channels whose expectation depends on them.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from smoothfit import Model, Process, Variable
    >>> sig = Process("sig", [50.0, 1.0]).scale_by(Variable("mu", 1.0))
    >>> fit = Model().add_proc(sig).prepare().fit([60.0, 1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = fit.report(pathlib.Path(folder, "report.html"), include=["scans", "correlations"])
    ...     path.name, "The fit converged." in path.read_text(encoding="utf-8")
    ('report.html', True)
    """
    check_writable(path)
    options = {"model": model, "include": include, "pois": pois, "records": records, "title": title}
    text = report_page(fit, file=Path(path).stem, **options)  # type: ignore[arg-type]
    write_files({path: text.encode()})
    return Path(path)


def report_page(
    fit: FitResult,
    *,
    model: Model | None = None,
    include: Sequence[str] | None = None,
    pois: Any = None,
    records: Sequence[Record] = (),
    title: str | None = None,
    file: str = "report",
) -> str:
    """The text of the page that :func:`write_report` writes; ``file`` begins the names of its downloads."""
    contents = gather(fit, model=model, include=include, pois=pois, records=records, title=title)
    return page_text(contents, file=re.sub(r"[^A-Za-z0-9_.-]+", "_", file) or "report")


# Records stand below this room: the method of theirs is given what it calls.
FitResult._write_report = staticmethod(write_report)

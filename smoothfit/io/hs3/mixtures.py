"""Extended mixtures of histograms: channels whose processes are templates times expected events.

The expected events of a bin are sum_i c_i h_i(b) / sum_b h_i(b), c_i being the coefficient of the histogram
h_i. That is what an extended likelihood of binned data has, up to a constant; where the total is not
predicted, there is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import FileFormatError
from ..json_fields import count
from .channels import Binned, Sample, axis_label, read_axes
from .entries import Document, Entry, unsupported
from .functions import Functions

__all__ = ["MIXTURES", "read_mixture"]

MIXTURES = ("mixture_dist", "bincounts_extended_dist")


def read_mixture(document: Document, functions: Functions, entry: Entry) -> Binned:
    """The channel that a mixture_dist or bincounts_extended_dist of histogram_dists is.

    Raises
    ------
    FileFormatError
        For mixtures of other distributions, and those whose total is not predicted.
    """
    kind = entry.text("type")
    entry.get("x")
    if kind == "mixture_dist":
        parts = _summands(entry)
    else:
        parts = [(entry.at("dist"), entry.text("dist"), entry.at("rate"), entry.require("rate"))]
    samples: dict[str, Sample] = {}
    edges: FloatArray | None = None
    names: tuple[str, ...] = ()
    for where, name, of_rate, rate in parts:
        if name in samples:
            raise unsupported(where, f"'{name}' twice in one mixture.")
        shape, edges, names = _shape(document.use("distributions", name, where))
        term = functions.evaluated(functions.product(rate, of_rate))
        samples[name] = Sample(where, name, term.number * shape, factors=term.factors)
    found = tuple(samples.values())
    sizes = {len(sample.contents) for sample in found}
    if len(sizes) != 1:
        raise FileFormatError(
            f"{entry.path}: its histograms have different numbers of bins, {sorted(sizes)}."
        )
    return Binned(entry.text("name"), entry.path, found, edges, axis_label(names))


def _summands(entry: Entry) -> list[tuple[str, str, str, Any]]:
    names, coefficients = entry.texts("summands"), entry.items("coefficients")
    extended = entry.get("extended")
    if len(names) != len(coefficients) or not names or extended is False:
        raise unsupported(
            entry.path,
            f"a mixture of {count(len(names), 'distribution')} and {len(coefficients)} coefficients, whose "
            "total is not predicted; give each its expected events, and extended.",
        )
    where = entry.at("summands")
    return [
        (f"{where}/{k}", name, path, given)
        for k, (name, (path, given)) in enumerate(zip(names, coefficients, strict=True))
    ]


def _shape(entry: Entry) -> tuple[FloatArray, FloatArray | None, tuple[str, ...]]:
    """(contents normalised to 1, edges, names of axes) of a histogram_dist."""
    kind = entry.text("type")
    if kind != "histogram_dist":
        raise unsupported(
            entry.path, f"'{entry.text('name')}' of type '{kind}' in a mixture; histogram_dist is read."
        )
    data = entry.entry("data")
    contents = data.numbers("contents")
    edges, names = read_axes(data, len(contents))
    total = float(contents.sum())
    if np.any(contents < 0.0) or not np.isfinite(total) or total <= 0.0:
        raise FileFormatError(f"{data.at('contents')}: a density needs contents from 0 on, and one above it.")
    return contents / total, edges, names

"""What is done to systematics between making and fitting them: explicitly, on a copy, with a report.

* :func:`prune`: drop what is too small to matter.
* :func:`symmetrise`: up and down at the same distance from the nominal yields.
* :func:`smooth`: take the fluctuations out of templates.

Each takes a model and returns another with a :class:`Changes`, which lists every change with a figure
before and after; the model given stays as it is, and nothing is done that the record does not have. The
smoothers themselves are :func:`smooth_353qh` and :func:`lowess`.
"""

from __future__ import annotations

from .changes import Change, Changes
from .pruning import prune
from .smoothers import lowess, smooth_353qh
from .smoothing import smooth
from .symmetrising import symmetrise

__all__ = ["Change", "Changes", "lowess", "prune", "smooth", "smooth_353qh", "symmetrise"]

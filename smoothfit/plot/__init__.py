"""Pictures: a record in, a matplotlib Figure out; nothing is fitted here and no global state is used.

* :func:`yields`: stacked processes with data, one panel a channel.
* :func:`pulls`: pulls of the nuisances.
* :func:`scan`: the NLL along one parameter, or over a plane of two.
* :func:`contour`: regions of two parameters, or of all pairs of several.
* :func:`correlation`: the correlations that a fit found.
* :func:`impacts`: how far a quantity moves with each nuisance, beside the pulls.
* :func:`breakdown`: whose the uncertainty of a quantity is.
* :func:`unfolding`: an unfolded spectrum with its correlations and the choice of tau.
* :func:`toys`: values and pulls that fits of toys found.
* :func:`overview`: yields before and after the fit beside the pulls, on one page.
* :func:`save_figure`: to a file, whole or not at all.

matplotlib is imported when a picture is drawn: ``pip install 'smoothfit[plot]'``.
"""

from __future__ import annotations

from ._breakdown import breakdown
from ._contour import contour
from ._correlation import correlation
from ._impacts import impacts
from ._overview import overview
from ._pulls import pulls
from ._save import check_figure_path, figure_bytes, save_figure
from ._scan import scan
from ._toys import toys
from ._unfolding import unfolding
from ._yields import yields

__all__ = [
    "breakdown",
    "check_figure_path",
    "contour",
    "correlation",
    "figure_bytes",
    "impacts",
    "overview",
    "pulls",
    "save_figure",
    "scan",
    "toys",
    "unfolding",
    "yields",
]

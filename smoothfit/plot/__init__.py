"""Pictures: a record in, a matplotlib Figure out; nothing is fitted here and no global state is used.

* :func:`yields`: stacked processes with data, one panel a channel.
* :func:`pulls`: pulls of the nuisances.
* :func:`scan`: the NLL along one parameter, or over a plane of two; :func:`eft`: along a coefficient, where
  it may have several minima.
* :func:`limit`: CLs along a parameter, or limits of several masses; :func:`hypotest`: a test statistic.
* :func:`contour`: regions of two parameters, or of all pairs of several.
* :func:`correlation`: the correlations that a fit found.
* :func:`impacts`: how far a quantity moves with each nuisance, beside the pulls.
* :func:`breakdown`: whose the uncertainty of a quantity is.
* :func:`gof`: where data stand among the toys of a test of goodness of fit, or of compatibility.
* :func:`feldman_cousins`: p-values by toys along one parameter, the accepted region of two; :func:`belt`: a
  confidence belt; :func:`coverage`: how often intervals hold the truth.
* :func:`toys`: what fits of toys find, and their pulls.
* :func:`unfolding`: an unfolded spectrum with its correlations and the choice of tau; :func:`lcurve`: that
  choice alone.
* :func:`systematics`: templates with a nuisance up and down.
* :func:`overview`: yields before and after the fit beside the pulls, on one page.
* :func:`pages`: all pages of a picture that is longer than a slide; :func:`labelled`: with the experiment's
  name above; :func:`save_figure`: to a file, whole or not at all.

No picture but :func:`overview` is larger than a slide, and none changes matplotlib's settings: of these the
fonts and the kind of ticks are followed, as a style of mplhep sets them.

matplotlib is imported when a picture is drawn: ``pip install 'smoothfit[plot]'``.
"""

from __future__ import annotations

from ._belt import belt, coverage, feldman_cousins
from ._breakdown import breakdown
from ._contour import contour
from ._correlation import correlation
from ._eft import eft
from ._gof import gof
from ._hypotest import hypotest
from ._impacts import impacts
from ._labelled import labelled
from ._lcurve import lcurve
from ._limit import limit
from ._overview import overview
from ._pages import all_pages, pages
from ._pulls import pulls
from ._save import check_figure_path, figure_bytes, save_figure
from ._scan import scan
from ._systematics import systematics
from ._toys import toys
from ._unfolding import unfolding
from ._yields import yields

__all__ = [
    "all_pages",
    "belt",
    "breakdown",
    "check_figure_path",
    "contour",
    "correlation",
    "coverage",
    "eft",
    "feldman_cousins",
    "figure_bytes",
    "gof",
    "hypotest",
    "impacts",
    "labelled",
    "lcurve",
    "limit",
    "overview",
    "pages",
    "pulls",
    "save_figure",
    "scan",
    "systematics",
    "toys",
    "unfolding",
    "yields",
]

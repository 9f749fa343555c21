"""Records of results: frozen, labelled, printable; they know no fitter.

* :class:`FitResult`: what a fit found; :class:`Estimate` is a value with its error,
  :class:`ChosenCovariance` what is known of a fit of many thousand parameters.
* :class:`Conditioning`: how well it is determined; :class:`Direction`, a combination of parameters that may
  not be; :class:`Attempt`, what was tried.
* :class:`BatchFitResult`: many fits, one row a member.
* :class:`Minima`: the minima that fits from several starts found.
* :class:`MinosBounds`: an interval from the profile likelihood; unpacks into four.
* :class:`Scan`: the NLL along points of parameters.
* :class:`HypotestResult`, :class:`Limit`, :class:`Interval`, :class:`Significance`: tests of a parameter of
  interest.
* :class:`Contour`, :class:`Contours`: curves of two parameters at a confidence level.
* :class:`FeldmanCousins`: accepted values of one parameter or two, by toys; :class:`ConfidenceBelt`, what a
  Neyman construction accepts; :class:`Coverage`: how often intervals hold the truth;
  :class:`GlobalSignificance`: the largest of many excesses.
* :class:`Estimates`: quantities that follow from a fit; :class:`Breakdown`: whose their errors are;
  :class:`Impacts`: how far they move with each nuisance.
* :class:`Yields`, :class:`Pulls`: what :mod:`smoothfit.plot` draws.
* :class:`Variations`: templates with a nuisance up and down.
* :class:`UnfoldingResult` with its :class:`UnfoldingScan`, and :class:`BottomLine`.
* :class:`GoodnessOfFit`, :class:`Chi2Test`: how well a model describes data; :class:`ChannelCompatibility`:
  whether its channels agree; :class:`ToyCounts`, which toys were made for either.
* :class:`Receipt`: what a reader took from a file, and what it did not, as :class:`Note` after :class:`Note`.
* :class:`Findings`: what may be wrong with a model, :class:`Finding` by :class:`Finding`.
* :class:`Difference`: what two models differ in, with :class:`Changed`, :class:`YieldChange`,
  :class:`ShiftChange` and :class:`NllDifference`.
* :class:`Origin`: which model a record that was read from a file belongs to.
* :class:`ModelSummary`: what is in a model, as :class:`Table` after :class:`Table`; :class:`ModelStats`: how
  large it is, and what was :class:`Compiled` for it.
* :class:`TracedProgram`: a program of JAX, to be read. (No table: it has a text.)

Each prints as tables in a terminal and a notebook, has ``tables``, ``to_latex(path=None)``,
``to_markdown(path=None)`` and ``to_csv(path=None)``, and ``to_dict()``, ``to_json(path=None)`` and
``to_pandas()``.
"""

from __future__ import annotations

from ..render import Table
from .attempts import Attempt
from .batch import BatchFitResult
from .belt import ConfidenceBelt
from .breakdown import Breakdown
from .chi2 import Chi2Test
from .compatibility import ChannelCompatibility
from .conditioning import Conditioning, Direction, Followers
from .contour import Contour, Contours
from .coverage import Coverage
from .difference import Changed, Difference, NllDifference, ShiftChange, YieldChange
from .estimates import Estimates
from .feldman_cousins import FeldmanCousins
from .findings import Finding, Findings
from .fit import ChosenCovariance, Estimate, FitResult
from .global_significance import GlobalSignificance
from .goodness import GoodnessOfFit
from .hypotest import HypotestResult
from .impacts import Impacts
from .jaxpr import TracedProgram
from .limit import Interval, Limit
from .messages import fit_message
from .minima import Minima
from .minos import MinosBounds
from .origin import Origin
from .pulls import Pulls
from .receipt import Note, Receipt
from .record import BLINDED, Record, strict_json
from .scan import Scan
from .significance import Significance
from .stats import Compiled, ModelStats
from .summary import ModelSummary
from .toy_counts import ToyCounts
from .toy_fits import ToyBlock, ToyFits
from .unfolding import BottomLine, UnfoldingResult, UnfoldingScan
from .variations import Variations
from .yields import Yields

__all__ = [
    "BLINDED",
    "Attempt",
    "BatchFitResult",
    "BottomLine",
    "Breakdown",
    "Changed",
    "ChannelCompatibility",
    "Chi2Test",
    "ChosenCovariance",
    "Compiled",
    "Conditioning",
    "ConfidenceBelt",
    "Contour",
    "Contours",
    "Coverage",
    "Difference",
    "Direction",
    "Estimate",
    "Estimates",
    "FeldmanCousins",
    "Finding",
    "Findings",
    "FitResult",
    "Followers",
    "GlobalSignificance",
    "GoodnessOfFit",
    "HypotestResult",
    "Impacts",
    "Interval",
    "Limit",
    "Minima",
    "MinosBounds",
    "ModelStats",
    "ModelSummary",
    "NllDifference",
    "Note",
    "Origin",
    "Pulls",
    "Receipt",
    "Record",
    "Scan",
    "ShiftChange",
    "Significance",
    "Table",
    "ToyBlock",
    "ToyCounts",
    "ToyFits",
    "TracedProgram",
    "UnfoldingResult",
    "UnfoldingScan",
    "Variations",
    "YieldChange",
    "Yields",
    "fit_message",
    "strict_json",
]

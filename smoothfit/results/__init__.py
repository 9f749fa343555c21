"""Records of results: frozen, labelled, printable; they know no fitter.

* :class:`FitResult`: what a fit found; :class:`Estimate` is a value with its error,
  :class:`ChosenCovariance` what is known of a fit of many thousand parameters.
* :class:`Minima`: the minima that fits from several starts found.
* :class:`MinosBounds`: an interval from the profile likelihood; unpacks into four.
* :class:`Yields`, :class:`Pulls`: what :mod:`smoothfit.plot` draws.
* :class:`UnfoldingResult` with its :class:`UnfoldingScan`, and :class:`BottomLine`.
* :class:`ModelSummary`: what is in a model, as :class:`Table` after :class:`Table`.

Each prints as a table in a terminal and a notebook, and has ``to_dict()``, ``to_json(path=None)``
and ``to_pandas()``.
"""

from __future__ import annotations

from ..render import Table
from .fit import ChosenCovariance, Estimate, FitResult
from .messages import fit_message
from .minima import Minima
from .minos import MinosBounds
from .pulls import Pulls
from .record import BLINDED, Record, strict_json
from .summary import ModelSummary
from .unfolding import BottomLine, UnfoldingResult, UnfoldingScan
from .yields import Yields

__all__ = [
    "BLINDED",
    "BottomLine",
    "ChosenCovariance",
    "Estimate",
    "FitResult",
    "Minima",
    "MinosBounds",
    "ModelSummary",
    "Pulls",
    "Record",
    "Table",
    "UnfoldingResult",
    "UnfoldingScan",
    "Yields",
    "fit_message",
    "strict_json",
]

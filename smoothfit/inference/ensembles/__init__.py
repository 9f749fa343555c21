"""Ensembles of toys: one random stream a toy, fitted in blocks of bounded memory, failures counted.

- :mod:`.generators`: one random stream a toy, so that any toy can be drawn alone;
- :mod:`.ensemble`: where toys come from, and what is random in them;
- :mod:`.fits`: fits of toys, with retries;
- :mod:`.tails`: p-values, with their Monte Carlo errors;
- :mod:`.keeping`: blocks that are kept, so that a call that is made again goes on where it was;
- :mod:`.blocks`: as many toys as were asked for, or as a Monte Carlo error needs, block by block.
"""

from __future__ import annotations

from .blocks import Precision, block_size, blocks
from .ensemble import TOY_KINDS, Ensemble, Toys
from .fits import FitCounts, fit_toys
from .generators import ToyGenerators
from .keeping import Columns, Keeper, fresh_seed, keeping, kept
from .tails import TIE, Counted, counted_tail

__all__ = [
    "TIE",
    "TOY_KINDS",
    "Columns",
    "Counted",
    "Ensemble",
    "FitCounts",
    "Keeper",
    "Precision",
    "ToyGenerators",
    "Toys",
    "block_size",
    "blocks",
    "counted_tail",
    "fit_toys",
    "fresh_seed",
    "keeping",
    "kept",
]

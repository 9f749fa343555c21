"""Sets of histograms that are told apart by their names, as processes.

* :mod:`.naming`: templates of names, and every way to read a name by one.
* :mod:`.sorting`: which histogram is what, decided over all names of a set.
* :mod:`.opening`: dicts and open ROOT files as one kind of set. :mod:`.options`: what names do not say.
* :mod:`.building`: processes with their systematics from what was sorted.
"""

from __future__ import annotations

from .building import TemplateSet, gather
from .options import Options

__all__ = ["Options", "TemplateSet", "gather"]

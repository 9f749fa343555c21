"""Files: readers that build a Model through the public builders, and what they share.

* :func:`read_pyhf`: pyhf workspaces, with patches.
* :func:`read_datacard`: datacards of CMS Combine.
* :func:`save`, :func:`load`: models of this library, whole.
"""

from __future__ import annotations

from .datacard import read_datacard
from .pyhf import read_pyhf
from .saved import load, save

__all__ = ["load", "read_datacard", "read_pyhf", "save"]

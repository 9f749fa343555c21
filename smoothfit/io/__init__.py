"""Files: readers that build a Model through the public builders, and what they share.

* :func:`read_pyhf`, :func:`write_pyhf`: pyhf workspaces, with patches.
* :func:`read_datacard`: datacards of CMS Combine.
"""

from __future__ import annotations

from .datacard import read_datacard
from .pyhf import read_pyhf, write_pyhf

__all__ = ["read_datacard", "read_pyhf", "write_pyhf"]

"""Files: readers that build a Model through the public builders, and what they share.

* :func:`read_pyhf`: pyhf workspaces, with patches.
"""

from __future__ import annotations

from .pyhf import read_pyhf

__all__ = ["read_pyhf"]

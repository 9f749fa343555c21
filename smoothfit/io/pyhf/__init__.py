"""pyhf workspaces, both ways: :func:`read_pyhf` and :func:`write_pyhf`.

A workspace goes through three rooms: its JSON becomes checked records (:mod:`.schema`, after a patch from
:mod:`.patch_sets`), what its modifiers need becomes variables (:mod:`.parameters`), and all of it a model
(:mod:`.reading`). On the way back effects become modifiers (:mod:`.modifiers`), and the measurement says
what these do not (:mod:`.writing`).
"""

from __future__ import annotations

from .reading import read_pyhf
from .writing import write_pyhf

__all__ = ["read_pyhf", "write_pyhf"]

"""HS3 files (HEP Statistics Serialization Standard), both ways: :func:`read_hs3` and :func:`write_hs3`.

A file goes through these rooms: its sections become entries that know their JSON path (:mod:`.entries`); the
likelihood is taken apart (:mod:`.likelihood`) into channels (:mod:`.channels`, :mod:`.interpolations`),
expectations that are functions (:mod:`.functions`) and constraints (:mod:`.constraints`, :mod:`.claims`) on
parameters (:mod:`.parameters`); all of it becomes a model (:mod:`.building`, :mod:`.reading`). On the way
back rows become samples (:mod:`.samples`, :mod:`.formulas`), constraints distributions (:mod:`.constrained`),
and all of it sections (:mod:`.writing`).
"""

from __future__ import annotations

from .reading import read_hs3
from .writing import write_hs3

__all__ = ["read_hs3", "write_hs3"]

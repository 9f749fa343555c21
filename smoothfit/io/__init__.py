"""Files: readers that build a Model through the public builders, and what they share.

* :func:`read_pyhf`: pyhf workspaces, with patches.
* :func:`read_datacard`: datacards of CMS Combine.
* :func:`save`, :func:`load`: models of this library, whole.
* :func:`save_result`, :func:`load_result`: records of results.
* :func:`to_hepdata`, :func:`write_combine_impacts`: results for HEPData, and for Combine's tools.
"""

from __future__ import annotations

from .combine_impacts import combine_impacts, write_combine_impacts
from .datacard import read_datacard
from .hepdata import to_hepdata
from .pyhf import read_pyhf
from .saved import load, model_hash, read_saved, save
from .saved_results import load_result, save_result

__all__ = [
    "combine_impacts",
    "load",
    "load_result",
    "model_hash",
    "read_datacard",
    "read_pyhf",
    "read_saved",
    "save",
    "save_result",
    "to_hepdata",
    "write_combine_impacts",
]

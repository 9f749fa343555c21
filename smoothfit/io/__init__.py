"""Files: readers that build a Model through the public builders, and what they share.

* :func:`read_pyhf`, :func:`write_pyhf`: pyhf workspaces, with patches.
* :func:`read_hs3`, :func:`write_hs3`: files of the HEP Statistics Serialization Standard.
* :func:`read_datacard`: datacards of CMS Combine.
* :func:`read_histfactory`: HistFactory's XML with its ROOT files.
* :func:`read_histograms`: ROOT files of histograms that are told apart by their names.
* :func:`save`, :func:`load`: models of this library, whole.
* :func:`save_result`, :func:`load_result`: records of results.
* :func:`to_hepdata`, :func:`write_combine_impacts`: results for HEPData, and for Combine's tools.
"""

from __future__ import annotations

from .combine_impacts import combine_impacts, write_combine_impacts
from .datacard import read_datacard
from .hepdata import to_hepdata
from .histfactory import read_histfactory
from .histogram_sets import read_histograms
from .hs3 import read_hs3, write_hs3
from .pyhf import read_pyhf, write_pyhf
from .saved import load, model_hash, read_saved, save
from .saved_results import load_result, save_result

__all__ = [
    "combine_impacts",
    "load",
    "load_result",
    "model_hash",
    "read_datacard",
    "read_histfactory",
    "read_histograms",
    "read_hs3",
    "read_pyhf",
    "read_saved",
    "save",
    "save_result",
    "to_hepdata",
    "write_combine_impacts",
    "write_hs3",
    "write_pyhf",
]

"""Files: readers that build a Model through the public builders, and what they share.

* :func:`read_pyhf`, :func:`write_pyhf`: pyhf workspaces, with patches.
* :func:`read_hs3`, :func:`write_hs3`: files of the HEP Statistics Serialization Standard.
* :func:`read_datacard`: datacards of CMS Combine.
* :func:`read_histfactory`: HistFactory's XML with its ROOT files.
* :func:`read_histograms`: ROOT files of histograms that are told apart by their names.
"""

from __future__ import annotations

from .datacard import read_datacard
from .histfactory import read_histfactory
from .histogram_sets import read_histograms
from .hs3 import read_hs3, write_hs3
from .pyhf import read_pyhf, write_pyhf

__all__ = [
    "read_datacard",
    "read_histfactory",
    "read_histograms",
    "read_hs3",
    "read_pyhf",
    "write_hs3",
    "write_pyhf",
]

"""What may be wrong with a model, found without a fit: :func:`lint`.

* :mod:`.kinds`: the kinds of findings, with severity and advice.
* :mod:`.thresholds`: from where on something is a finding.
* :mod:`.subject`: a model as the checks see it.
* :mod:`.yields`, :mod:`.statistics`, :mod:`.systematics`, :mod:`.shapes`, :mod:`.parameters`: the checks.
"""

from __future__ import annotations

from .checking import lint
from .kinds import KINDS, Kind
from .thresholds import Thresholds

__all__ = ["KINDS", "Kind", "Thresholds", "lint"]

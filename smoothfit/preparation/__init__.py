"""``prepare()``: ordered passes from builders to arrays.

1. :mod:`.collection`   processes and contributions -> channels and rows, checked against each other
2. :mod:`.parameters`   variables in use -> positions in the vector of values
3. :mod:`.functions`    user functions -> traced programs; :mod:`.densities`, those of constraints
4. :mod:`.locality`     which parameters touch one bin only
5. :mod:`.stacking`     effects and templates -> tiles
6. :mod:`.assembly`     all of it -> Prepared and Layout
"""

from __future__ import annotations

from .assembly import prepare
from .specification import (
    ChannelDescription,
    Correlation,
    DataTerm,
    Likelihood,
    McStat,
    Seen,
    Specification,
    UserTerm,
)

__all__ = [
    "ChannelDescription",
    "Correlation",
    "DataTerm",
    "Likelihood",
    "McStat",
    "Seen",
    "Specification",
    "UserTerm",
    "prepare",
]

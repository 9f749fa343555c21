"""What can come of a fit: one number, known to the fitters that set it and the records that explain it."""

from __future__ import annotations

import enum

__all__ = ["Status"]


class Status(enum.IntEnum):
    """What came of a fit; only CONVERGED is a success.

    Examples
    --------
    >>> Status(0).name
    'CONVERGED'
    """

    CONVERGED = 0
    NOT_CONVERGED = 1
    NOT_POSITIVE_DEFINITE = 2
    NOT_FINITE = 3
    ILLEGAL_EXPECTATION = 4
    ON_KINK = 5
    """A minimum where the likelihood has a kink: its place is known, an error of it is not."""

"""Linear ("gauss") and truncated Gaussian effects: the factor 1 + width theta."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidValueError
from .affine import AFFINE
from .effect import Entries, RowEffect, VariableLike, given_as, on_rows, row_numbers
from .kind import Kind

__all__ = ["Linear", "TrG"]

_RANGE = 7.0


class Linear(RowEffect):
    """The factor 1 + width theta: a Gaussian uncertainty of the yield itself.

    It may become negative below theta = -1/width; :class:`TrG` refuses that, :class:`LnN` cannot.

    Parameters
    ----------
    width
        The relative uncertainty, of either sign: one number, or one a sub-process.

    Raises
    ------
    InvalidValueError, InvalidTypeError, ShapeMismatchError
        For a width that is not one finite number, or one a sub-process.

    Examples
    --------
    >>> float(Linear(0.2)(-1.0))
    0.8
    >>> Linear([0.1, 0.2])(1.0).tolist()
    [[1.1], [1.2]]
    """

    label = "linear"

    def __init__(self, width: Any) -> None:
        self.width = row_numbers(f"{type(self).__name__}: width", width)

    def entries(self, what: str, rate: FloatArray) -> Entries:
        """See :class:`RowEffect`."""
        return Entries(AFFINE, (np.ones_like(rate), on_rows(self.width, rate)))

    def _bare(self) -> tuple[Kind, tuple[FloatArray, ...]]:
        return AFFINE, (np.ones(1), self.width)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({given_as(self.width)})"


class TrG(Linear):
    """Truncated Gaussian: 1 + width theta for a variable whose bounds keep it from being negative.

    ``bounds`` are those to give to the variable: +-7, cut where the factor vanishes, at -1/width
    (Combine's trG).

    Raises
    ------
    InvalidValueError
        Where it is added, for a variable that may make the factor negative.

    Examples
    --------
    >>> TrG(0.25).bounds, TrG(-0.5).bounds
    ((-4.0, 7.0), (-7.0, 2.0))
    """

    label = "trG"

    @property
    def bounds(self) -> tuple[float, float]:
        """(lower, upper) within which no factor is negative."""
        zeros = [-1.0 / w for w in self.width.tolist() if w != 0.0]
        lower = max([-_RANGE, *(z for z in zeros if z < 0.0)])
        upper = min([_RANGE, *(z for z in zeros if z > 0.0)])
        return lower, upper

    def check_variable(self, what: str, variable: VariableLike) -> None:
        """The variable's bounds must keep the factor from being negative."""
        smallest = np.min(1.0 + np.where(self.width > 0.0, variable.lower, variable.upper) * self.width)
        # Rounding of a bound given as -1/width is no mistake.
        if np.any(self.width != 0.0) and smallest < -1e-12:
            lower, upper = self.bounds
            raise InvalidValueError(
                f"{what}: within the bounds [{variable.lower.min():g}, {variable.upper.max():g}] of variable "
                f"'{variable.name}' the factor 1 + width theta becomes negative; "
                f"give it lower_bound={lower:g}, upper_bound={upper:g} (TrG.bounds)."
            )

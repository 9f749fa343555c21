"""Tables of a fit's parameters: values with errors, and their correlations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidTypeError, InvalidValueError
from ..render import Cell, Measured, Named, Rounded, Table
from .record import BLINDED

if TYPE_CHECKING:
    from .fit import FitResult
    from .minos import MinosBounds

__all__ = ["correlation_table", "parameter_table"]


def _named(fit: FitResult, i: int) -> Named:
    return Named(fit.names[i], fit.layout.labels.get(fit.names[i]))


def parameter_table(
    fit: FitResult,
    positions: Sequence[int],
    title: str = "",
    minos: MinosBounds | Iterable[MinosBounds] = (),
    note: str = "",
) -> Table:
    """See :meth:`FitResult.table`. Columns that would be empty are left out."""
    bounds = _by_position(fit, minos)
    rows = [_row(fit, i, bounds.get(i)) for i in positions]
    return Table(title, ("parameter", "value", "lower", "upper", "remark"), rows, note).without_empty()


def _row(fit: FitResult, i: int, minos: MinosBounds | None) -> list[Cell]:
    lower, upper = (_limit(ends, i) for ends in (fit.layout.lower, fit.layout.upper))
    if fit.is_blinded(i):
        return [_named(fit, i), BLINDED, lower, upper, ""]
    if fit.fixed[i]:
        return [_named(fit, i), Rounded(fit.x[i]), lower, upper, "fixed"]
    remarks = ["at limit"] if i < fit.layout.n_params and fit.at_limit[i] else []
    value = Measured(fit.x[i], fit.errors[i])
    if minos is not None:
        value = Measured(fit.x[i], minos.up - fit.x[i], fit.x[i] - minos.down)
        sides = (("up", minos.status_up), ("down", minos.status_down))
        remarks += [f"{side} {status}" for side, status in sides if status != "converged"]
    return [_named(fit, i), value, lower, upper, ", ".join(remarks)]


def _limit(ends: Any, i: int) -> Rounded | None:
    """Of a parameter; bin parameters and what is not limited have none."""
    return Rounded(ends[i]) if i < len(ends) and np.isfinite(ends[i]) else None


def _by_position(fit: FitResult, minos: Any) -> dict[int, MinosBounds]:
    from .minos import MinosBounds

    given = [minos] if isinstance(minos, MinosBounds) else minos
    if not isinstance(given, Iterable) or isinstance(given, str):
        given = [given]
    found: dict[int, MinosBounds] = {}
    for one in given:
        if not isinstance(one, MinosBounds):
            raise InvalidTypeError(
                "table: minos are results of model.minos_bounds(variable, best_fit), one or several; got "
                f"{type(one).__name__}."
            )
        (at,) = fit.layout.positions(one.name)
        if one.value != fit.x[at]:
            raise InvalidValueError(
                f"table: the Minos bounds of '{one.name}' are not of this fit; make them with "
                f"model.minos_bounds('{one.name}', best_fit), best_fit being this one."
            )
        found[at] = one
    return found


def correlation_table(fit: FitResult, positions: Sequence[int], title: str) -> Table:
    """See :meth:`FitResult.correlation_table`."""
    every = np.arange(fit.layout.n_params) if fit.chosen is None else fit.chosen.positions
    known = every.tolist()
    missing = [fit.names[i] for i in positions if i not in known]
    if missing:
        cure = (
            "name it in fit(errors_of=[...])"
            if fit.chosen is not None
            else "bin parameters have none; model.sample_from_covariance draws them with all others"
        )
        raise InvalidValueError(f"correlation_table: that of '{missing[0]}' is not known; {cure}.")
    covariance = fit.hess_inv if fit.chosen is None else fit.chosen.covariance
    at = [known.index(i) for i in positions]
    covariance = covariance[np.ix_(at, at)]
    if not np.all(np.isfinite(covariance)):
        cure = (
            "this fit found no minimum with one"
            if not fit.success
            else "a fit of so many parameters has those of fit(errors_of=[...])"
        )
        raise InvalidValueError(f"correlation_table: the covariance is not known; {cure}.")
    sigma = np.sqrt(np.diagonal(covariance))
    scale = np.where(sigma > 0.0, sigma, 1.0)
    found = covariance / scale[:, None] / scale
    names = [_named(fit, i) for i in positions]
    rows: list[list[Cell]] = [
        [name, *(Rounded(entry, decimals=3) for entry in row)] for name, row in zip(names, found, strict=True)
    ]
    return Table(title, ["", *names], rows)

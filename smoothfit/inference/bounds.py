"""Minos bounds with names, statuses, and the fits at the bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidValueError
from ..results import FitResult, MinosBounds
from ..results.levels import joint_level
from .batching import cross
from .context import Context, check_made_with
from .expressions import bounds_of
from .fitting import fit_prepared_data, held_values
from .minos import CrossingStatus
from .quantities import Derived, quantities_of

__all__ = ["minos_bounds"]

_MESSAGES = {
    CrossingStatus.CONVERGED: "converged",
    CrossingStatus.AT_LIMIT: "at limit",
    CrossingStatus.NOT_FOUND: "not found: a profile fit did not converge",
    CrossingStatus.LOWER_MINIMUM: "a lower minimum was found: fit again from there",
}


def minos_bounds(
    context: Context, variable: Any, best_fit: FitResult, obs: Any = None, *, cl: float | None = None
) -> MinosBounds:
    """(up, down, fit at up, fit at down): where the profiled NLL has risen by a level.

    Parameters
    ----------
    variable
        A scalar Variable, the name of a component or a bin parameter, or an expression of them
        (:class:`~smoothfit.Derived`).
    cl
        Confidence level for one parameter; None is a rise of 0.5, that is 68.27%.

    Returns
    -------
    MinosBounds
        Unpacks to (up, down, fit_up, fit_down), the first two being parameter values. A bound at a limit
        of the parameter says so in its status; a side that failed is NaN, the other is kept. The fits at the
        bounds of an expression have no errors.

    Raises
    ------
    UnknownNameError, InvalidValueError
        For names that the model does not have, arrays, what was held constant, and fits that did not
        converge.
    """
    check_made_with(context, best_fit, obs, "minos_bounds")
    layout = context.layout
    if isinstance(variable, Derived):
        return _of_expression(context, variable, best_fit, cl)
    at = layout.positions(variable)
    name = layout._name_of(variable)
    if len(at) != 1:
        raise InvalidValueError(
            f"minos_bounds: '{name}' has {len(at)} components; name one of: "
            f"{', '.join(layout.names[i] for i in at[:6])}."
        )
    position = at[0]
    if best_fit.fixed[position]:
        raise InvalidValueError(f"minos_bounds: '{name}' was held constant in best_fit; fit with it free.")
    _check_converged(best_fit)
    directions = np.zeros((2, len(best_fit.x)))
    directions[:, position] = 1.0, -1.0
    level = joint_level(cl, 1, "minos_bounds")
    found = cross(context, best_fit, directions, level, errors=True, what=f"Minos of {name}")
    values: list[float] = []
    fits: list[FitResult | None] = []
    for side in range(2):
        if not np.isfinite(found.r[side]):
            values.append(np.nan)
            fits.append(None)
            continue
        bound = float(found.x[side, position])
        values.append(bound)
        at_bound = {**held_values(best_fit), layout.names[position]: bound}
        start = found.x[side, : layout.n_params]
        data = best_fit.obs, best_fit.globs
        fits.append(fit_prepared_data(context, *data, at_bound, start, strict=False, known=found.fits[side]))
    messages = [_MESSAGES[CrossingStatus(int(status))] for status in found.status]
    return MinosBounds(
        values[0],
        values[1],
        fits[0],
        fits[1],
        status_up=messages[0],
        status_down=messages[1],
        level=0.6826894921370859 if cl is None else float(cl),
        name=layout.names[position],
        value=float(best_fit.x[position]),
        blinded=best_fit.is_blinded(position),
    )


def _check_converged(best_fit: FitResult) -> None:
    if not best_fit.success:
        raise InvalidValueError(f"minos_bounds: best_fit did not converge ({best_fit.message}).")


def _of_expression(context: Context, wanted: Derived, best_fit: FitResult, cl: float | None) -> MinosBounds:
    _check_converged(best_fit)
    found = quantities_of(context, wanted, best_fit, "minos_bounds")
    bounds = bounds_of(context, found, best_fit, joint_level(cl, 1, "minos_bounds"), "minos_bounds")
    return MinosBounds(
        float(bounds.values[0]),
        float(bounds.values[1]),
        *bounds.fits,
        status_up=_MESSAGES[bounds.statuses[0]],
        status_down=_MESSAGES[bounds.statuses[1]],
        level=0.6826894921370859 if cl is None else float(cl),
        name=found.names[0],
        value=float(found.values(context, best_fit.x)[0]),
        blinded=bool(found.hidden[0]),
    )

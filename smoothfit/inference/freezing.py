"""Parameters to hold, chosen by name, pattern or group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InvalidValueError, UnknownNameError
from ..results import FitResult
from . import inputs
from .context import Context, check_made_with

__all__ = ["frozen"]


def frozen(
    context: Context, *which: Any, groups: str | Sequence[str] = (), at: FitResult | Any = None
) -> dict[str, float]:
    """{name: value} of chosen parameters: what ``fixed=`` of a fit takes.

    Parameters
    ----------
    *which
        Variables, names, sub-names, or regular expressions that match whole names.
    groups
        Groups of variables, as named by ``Variable(group=...)``.
    at
        Where to hold them: a best fit, values or a dict; the variables' start values by default.

    Raises
    ------
    UnknownNameError
        For a name, pattern or group that matches nothing.
    InvalidValueError
        If nothing is asked for.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> scale, pdf = (Variable(name, 0.0, nuisance=True, group="theory") for name in ("scale", "pdf"))
    >>> sig = Process("sig", [50.0]).scale_by(mu).add_lnN(scale, 1.1).add_lnN(pdf, 1.02)
    >>> model = Model().add_proc(sig).prepare()
    >>> model.frozen(groups="theory")
    {'scale': 0.0, 'pdf': 0.0}
    >>> best_fit = model.fit([60.0])
    >>> round(model.fit([60.0], fixed=model.frozen("scale", "p.*", at=best_fit))["mu"].error, 3)
    0.155
    """
    layout = context.layout
    wanted = [groups] if isinstance(groups, str) else list(groups)
    if not which and not wanted:
        raise InvalidValueError("frozen: name parameters, patterns or groups=... to hold.")
    chosen: set[int] = set()
    for key in which:
        chosen.update(layout.positions(key, patterns=True))
    for group in wanted:
        members = [i for v in layout.variables if v.group == group for i in v.indices]
        if not members:
            known = sorted({v.group for v in layout.variables if v.group is not None})
            listed = f"they are: {', '.join(known)}" if known else "no variable has one: Variable(group=...)"
            raise UnknownNameError(f"frozen: no group is named '{group}'; {listed}.")
        chosen.update(members)
    if isinstance(at, FitResult):
        check_made_with(context, at, None, "frozen")
        values = at.x
    else:
        values = inputs.values(layout, layout.start if at is None else at, "frozen: at")
    names = layout.names
    return {names[i]: float(np.asarray(values)[i]) for i in sorted(chosen)}

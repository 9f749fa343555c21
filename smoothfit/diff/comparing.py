"""Two models compared in everything: :func:`diff`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import describe
from .._types import FloatArray
from ..errors import InvalidTypeError
from ..inference import inputs
from ..model import Model
from ..results import Changed, Difference
from .likelihoods import nll_difference, shared_names
from .predictions import common_channels, shift_changes, yield_changes
from .structure import structure_changes

__all__ = ["diff"]


def diff(
    model_a: Model,
    model_b: Model,
    obs_a: Any = None,
    obs_b: Any = None,
    *,
    n: int = 50,
    seed: int = 0,
    tolerance: float = 1e-9,
    largest_set: int = 20,
) -> Difference:
    """What changed from one model to another: structure, yields, shifts by parameters, and the NLL.

    Everything is matched by name. Yields are those at each model's start values; shifts those of what is
    expected in a bin when one parameter moves by its uncertainty, relative to that at the start.

    Parameters
    ----------
    model_a, model_b
        Prepared models.
    obs_a, obs_b
        Their data; without ``obs_b`` both have the same, without either what ``model_a`` expects.
    n, seed
        Points and random numbers of the comparison of the NLL: see :func:`~smoothfit.nll_difference`. It is
        made where channels and bins are the same.
    tolerance
        Relative differences of yields and shifts below this are none.
    largest_set
        Parameters of larger sets (one a bin, mostly) are not moved one by one.

    Raises
    ------
    InvalidTypeError
        For what is no model.

    Examples
    --------
    >>> from smoothfit import Process, Variable
    >>> def counting(kappa, yields):
    ...     lumi = Variable("lumi", 0.0, nuisance=True)
    ...     return Model().add_proc(Process("sig", yields).add_lnN(lumi, kappa)).prepare()
    >>> found = diff(counting(1.02, [9.0]), counting(1.03, [9.0]), [8.0])
    >>> [(shift.parameter, round(shift.first, 4), round(shift.second, 4)) for shift in found.shifts]
    [('lumi', 0.02, 0.03)]
    >>> diff(counting(1.02, [9.0]), counting(1.02, [9.0])).is_empty
    True
    """
    for model in (model_a, model_b):
        if not isinstance(model, Model):
            raise InvalidTypeError(f"diff: expected a Model, got {describe(model)}.")
    counts = _counts(model_a, model_b, obs_a, obs_b)
    yields, equal_yields = yield_changes(model_a, model_b, tolerance)
    shifts, equal_shifts = shift_changes(model_a, model_b, tolerance, largest_set)
    nll, why = None, ""
    if counts is None:
        why = "The likelihoods are not compared: channels or bins differ."
    elif not shared_names(model_a.layout, model_b.layout):
        why = "The likelihoods are not compared: the models share no parameter."
    else:
        nll = nll_difference(model_a, counts[0], model_b, counts[1], n=n, seed=seed)
    return Difference(
        structure=[*structure_changes(model_a, model_b), *_data(model_a, model_b, counts)],
        yields=yields,
        shifts=shifts,
        nll=nll,
        why_no_nll=why,
        equal={"contributions": equal_yields, "parameters": equal_shifts},
    )


def _counts(model_a: Model, model_b: Model, obs_a: Any, obs_b: Any) -> tuple[FloatArray, FloatArray] | None:
    """Data of both, each in its own order; None where channels or bins differ."""
    given = [
        None if obs is None else inputs.counts(model.layout, obs, what)
        for model, obs, what in ((model_a, obs_a, "obs_a"), (model_b, obs_b, "obs_b"))
    ]
    if not len(common_channels(model_a, model_b)) == len(model_a.channels) == len(model_b.channels):
        return None
    first, second = given
    if first is None and second is None:
        first = np.asarray(model_a.pred({}))
    if first is None:
        assert second is not None
        first = model_a.data_from_dict(model_b.split(second))
    if second is None:
        second = model_b.data_from_dict(model_a.split(first))
    return first, second


def _data(model_a: Model, model_b: Model, counts: tuple[FloatArray, FloatArray] | None) -> list[Changed]:
    if counts is None:
        return []
    one, other = model_a.split(counts[0]), model_b.split(counts[1])
    found = []
    for channel in model_a.channels:
        apart = np.abs(one[channel] - other[channel])
        if np.any(apart > 0.0):
            worst = int(np.argmax(apart))
            texts = f"{one[channel][worst]:g}", f"{other[channel][worst]:g}"
            found.append(Changed("data", f"{channel}, bin {worst}", *texts))
    return found

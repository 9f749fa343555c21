"""Many fits of one model: toys, grids, alternative templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from .._types import FloatArray
from ..prepared import Prepared
from ..results import BatchFitResult
from . import member_inputs
from .batching import Held, Members, refit
from .context import Context

__all__ = ["batch_fit", "batch_result"]


def batch_fit(
    context: Context,
    obs_batch: Any,
    *,
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    init: Any = None,
    errors: bool = False,
    prepared: Any = None,
) -> BatchFitResult:
    """Fit many data sets, or one in many ways. What is given once is shared by all members.

    Parameters
    ----------
    obs_batch
        (member, bin) counts in events, or {channel: (member, bin)}; (bin,) if something else differs.
    globs
        Global observables (parameters', then bins'), one row a member or one for all; the model's by default.
    fixed
        {variable, name or regular expression: value} to hold constant. A value may be (member,), that of an
        array variable (member, component).
    init
        Where to start, (param,) or (member, param), or a dict; the variables' values by default.
    errors
        Whether to give the errors of all parameters, too.
    prepared
        Other templates for each member: a list of ``model.replaced(...)``, or one whose arrays all have a
        leading axis, as ``jax.vmap`` makes of it.

    Returns
    -------
    BatchFitResult
        One row a member. A member that did not converge is NaN, and its ``status`` says why.

    Raises
    ------
    ShapeMismatchError, InvalidValueError, InvalidTypeError, UnknownNameError
        For input that does not fit the model, or of different numbers of members.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    >>> sig = Process("sig", [50.0, 1.0]).scale_by(mu)
    >>> model = Model().add_proc(sig).add_proc(Process("bkg", [100.0, 400.0]).scale_by(norm)).prepare()
    >>> scan = model.batch_fit([150.0, 401.0], fixed={mu: [0.5, 1.0, 1.5]})
    >>> scan["norm"].round(3)
    array([1.043, 1.   , 0.968])
    """
    layout = context.layout
    counts, observables = member_inputs.counts(layout, obs_batch), member_inputs.globs(layout, globs)
    held, start = member_inputs.held(context, fixed), member_inputs.start(layout, init)
    models = member_inputs.prepared(context, prepared)
    batched = {"obs_batch": counts, "globs": observables, "fixed": held.values, "init": start}
    given: dict[str, Any] = {what: rows for what, rows in batched.items() if rows.ndim == 2}
    if models is not None:
        given["prepared"] = models
    if not given:
        counts = counts[None, :]
        given["obs_batch"] = counts
    members = member_inputs.number_of_members(given)
    if models is None:
        found = refit(context, counts=counts, globs=observables, fixed=held, start=start, errors=errors)
    else:
        found = _with_templates(context, models, counts, observables, held, start, errors, members)
    return batch_result(context, found, held)


def _with_templates(
    context: Context,
    models: list[Prepared],
    counts: FloatArray,
    observables: FloatArray,
    held: Held,
    start: FloatArray,
    errors: bool,
    members: int,
) -> Members:
    def row(array: Any, i: int) -> Any:
        return array[i] if array.ndim == 2 else array

    found = []
    for i in range(members):
        own = replace(context, prepared=models[i])
        one_held = Held(row(held.mask, i), row(held.values, i))
        shared: dict[str, Any] = {"globs": row(observables, i), "fixed": one_held, "start": row(start, i)}
        found.append(refit(own, counts=row(counts, i)[None, :], errors=errors, **shared))
    columns = [f.name for f in fields(Members) if errors or f.name != "errors"]
    return Members(**{name: np.concatenate([getattr(one, name) for one in found]) for name in columns})


def batch_result(context: Context, found: Members, held: Held) -> BatchFitResult:
    """The record of a batch; members that did not converge become NaN."""
    failed = ~found.success[:, None]
    return BatchFitResult(
        x=np.where(failed, np.nan, found.x),
        fun=np.where(found.success, found.nll, np.nan),
        status=found.status.astype(int),
        edm=found.edm,
        steps=found.steps.astype(int),
        smallest_nu=found.smallest_nu,
        at_limit=found.at_limit,
        fixed=np.atleast_2d(held.mask)[0],
        layout=context.layout,
        errors=None if found.errors is None else np.where(failed, np.nan, found.errors),
        blinded=context.blinded,
    )

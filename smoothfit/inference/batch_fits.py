"""Many fits of one model: toys, grids, alternative templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

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
    member_inputs.number_of_members(given)
    shared: dict[str, Any] = {"globs": observables, "fixed": held, "start": start}
    return batch_result(context, refit(context, counts=counts, errors=errors, models=models, **shared), held)


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

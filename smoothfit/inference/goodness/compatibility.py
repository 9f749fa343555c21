"""Compatibility of channels: the parameter of interest fitted in each, against one for all.

The statistic is 2 (NLL_joint - NLL_split), NLL_split being that of the fit in which every group of channels
has a parameter of its own and all nuisances are shared. It is distributed as chi2 with one degree of freedom
less than there are groups, where events are many (``ChannelCompatibilityCheck`` of Combine); toys of the
joint fit give its distribution otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..._checks import check_flag
from ..._types import FloatArray
from ...preparation import Specification
from ...results import ChannelCompatibility, FitResult, ToyCounts
from ...results.tails import tail, tail_error
from .. import inputs
from ..batching import held_of
from ..bounds import minos_bounds
from ..context import Context
from ..ensembles import (
    Columns,
    Ensemble,
    FitCounts,
    Precision,
    Toys,
    block_size,
    blocks,
    fit_toys,
    fresh_seed,
    kept,
)
from ..fitting import held_values
from .comparing import check_kind
from .minima import fit_data
from .splitting import Split, split_model

__all__ = ["channel_compatibility"]

_CALL = "channel_compatibility"


def channel_compatibility(
    context: Context,
    specification: Specification,
    obs: Any,
    *,
    poi: Any = None,
    groups: Mapping[str, Any] | None = None,
    toys: float | None = None,
    seed: int | None = None,
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    minos: bool = False,
    toy_kind: str = "frequentist",
    mc_error: float | None = None,
    most_toys: float | None = None,
) -> ChannelCompatibility:
    """Test whether channels agree on a parameter: fit it in each group of them, and once for all.

    Parameters
    ----------
    obs
        (bin,) counts in events, or {channel: counts or histogram}.
    poi
        The parameter: a free scalar Variable or its name; the model's parameter of interest by default. It
        may act on yields in any way, not in a term of the likelihood (``add_constraint``).
    groups
        {group: names of channels, or regular expressions}. A channel that is in none is one by itself, and
        one on which the parameter does not act belongs to all; by default every channel is its own.
    toys, seed, toy_kind, mc_error, most_toys
        Toys of the fit with one parameter for all, as of ``goodness_of_fit``; none by default.
    globs, fixed
        Of both fits, as :meth:`fit` takes them. With the parameter held, channels are compared with that
        value, and there is one degree of freedom more.
    minos
        Whether to find the bounds at which the profiled NLL has risen by 1/2, in each fit.

    Returns
    -------
    ChannelCompatibility
        ``.observed``, ``.p_value``, and the parameter in each group, ``.values`` with ``.errors``.

    Raises
    ------
    FitError
        If one of the two fits did not converge.
    InvalidValueError, InvalidTypeError, UnknownNameError
        For a parameter that cannot be split, groups that do not fit the channels, and less than two groups.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu, model = Variable("mu", 1.0), Model()
    >>> for channel, background in (("ee", 40.0), ("mm", 60.0)):
    ...     signal = Process(f"sig_{channel}", [20.0], channel=channel).scale_by(mu)
    ...     _ = model.add_proc(signal).add_proc(Process(f"bkg_{channel}", [background], channel=channel))
    >>> model.prepare().channel_compatibility([50.0, 95.0])
    Compatibility of 2 groups of channels in mu: 2 (NLL of one for all - NLL of one each) = 4.404
    chi2 of 1 degree of freedom: p = 0.0359
    <BLANKLINE>
    group  mu
    ------------------
    ee     0.50 ± 0.35
    mm     1.75 ± 0.49
    all    1.04 ± 0.30
    """
    check_kind(toy_kind, _CALL)
    check_flag(f"{_CALL}: minos", minos)
    precision = None if toys is None else Precision.of(toys, mc_error, most_toys, call=_CALL)
    layout = context.layout
    split = split_model(context, specification, _named(layout, specification) if poi is None else poi, groups)
    (at,) = set(split.values[split.pois])
    counts, observables = inputs.counts(layout, obs), inputs.globs(layout, globs)
    joint = fit_data(context, counts, observables, fixed, layout.start, look=True)
    apart = _fit_apart(split, joint, int(at))
    observed = 2.0 * (joint.fun - apart.fun)
    found, fits = np.zeros(0), None
    if precision is not None:
        ensemble = Ensemble(context, joint.x, fresh_seed(seed), toy_kind, globs=observables)
        found, fits = _toys(ensemble, split, joint, apart, observed, precision)
    name = layout.parameters[at]
    owner = layout.variable(name)
    hidden = layout.is_blinded(int(at), context.blinded)
    return ChannelCompatibility(
        poi=name,
        groups=tuple(split.groups),
        channels=tuple(split.groups.values()),
        values=apart.x[split.pois],
        errors=apart.errors[split.pois],
        joint_value=float(joint.x[at]),
        joint_error=0.0 if joint.fixed[at] else float(joint.errors[at]),
        observed=observed,
        ndof=len(split.groups) - (0 if joint.fixed[at] else 1),
        toys=found,
        fits=fits,
        bounds=_bounds(context, split, joint, apart, int(at)) if minos else None,
        label=None if owner is None else owner.label,
        hidden=np.array([hidden or bool(context.blinded & {*names}) for names in split.groups.values()]),
    )


def _named(layout: Any, specification: Specification) -> str | None:
    """The parameter of interest, as ``Model.poi`` has it."""
    if specification.poi is not None:
        return specification.poi or None
    return next((n for v in layout.variables if not v.nuisance for n in v.sub_names), None)


def _fit_apart(split: Split, joint: FitResult, at: int) -> FitResult:
    """The fit with a parameter a group, begun where the other one ended: it ends no higher."""
    held = {name: value for name, value in held_values(joint).items() if name != joint.names[at]}
    obs, globs = joint.obs[split.bins], joint.globs[split.globs]
    return fit_data(split.context, obs, globs, held, split.starts(joint.x))


def _bounds(context: Context, split: Split, joint: FitResult, apart: FitResult, at: int) -> FloatArray:
    """(2, group + 1): upper and lower ones."""
    found = [minos_bounds(split.context, apart.names[i], apart) for i in split.pois]
    columns = [(one.up, one.down) for one in found]
    if joint.fixed[at]:
        return np.array([*columns, (joint.x[at], joint.x[at])]).T
    last = minos_bounds(context, joint.names[at], joint)
    return np.array([*columns, (last.up, last.down)]).T


def _toys(
    ensemble: Ensemble,
    split: Split,
    joint: FitResult,
    apart: FitResult,
    observed: float,
    precision: Precision,
) -> tuple[FloatArray, ToyCounts]:
    """(toy,) values of the statistic, and how the fits went, both kinds counted."""
    context, counts = ensemble.context, FitCounts()
    held, held_apart = held_of(context, joint), held_of(split.context, apart)
    parts: list[FloatArray] = []

    groups = {name: list(channels) for name, channels in split.groups.items()}
    decides = {"groups": groups, "pois": split.values[split.pois], "held": held.mask, "apart": apart.x}

    def block(drawn: Toys, counts: FitCounts) -> FloatArray:
        start = joint.x[: context.layout.n_params]
        one = fit_toys(context, drawn, fixed=held, start=start, counts=counts)
        found_one = one.at_minimum
        starts = split.starts(np.where(found_one[:, None], one.x, joint.x))
        each = fit_toys(split.context, split.toys(drawn), fixed=held_apart, start=starts, counts=counts)
        return np.where(found_one & each.at_minimum, 2.0 * (one.nll - each.nll), np.nan)

    def work(first: int, n: int) -> tuple[float, float]:
        def make(counts: FitCounts) -> Columns:
            return {"t": block(ensemble.draw(first, n), counts)}

        parts.append(kept("channel compatibility", ensemble, first, n, counts, make, **decides)["t"])
        found = np.concatenate(parts)
        p = tail(found, observed)
        return float(p), float(tail_error(p, found))

    size = min(block_size(context), block_size(split.context))
    made = blocks(precision, work, size=size, what="toys", show="p =")
    return np.concatenate(parts), counts.of_toys(ensemble.kind, ensemble.seed, made)

"""chi2 of data and prediction, with the full covariance of their differences.

With V_stat the variances of the data (the expectation, or those of a Gaussian data term) and V_pred the
covariance of the prediction, chi2 = r^T V^-1 r for r = n - nu, where

- before a fit V = V_stat + V_pred, V_pred = J W J^T, J being the derivatives of the expectation by the
  parameters and W the covariance of their constraints, correlations included;
- after a fit, in channels that it did not use, V = V_stat + V_pred with the covariance of the fit;
- after a fit, in the channels that were fitted, the prediction follows the data, their covariance is V_pred,
  and V = V_stat - V_pred. In all fitted channels together chi2 is Pearson's sum of (n - nu)^2/nu and the sum
  of the squared pulls, with as many degrees of freedom as bins less free parameters.

In the last case V_pred is that of the expected information, J^T V_stat^-1 J + W^-1: then V has a zero for
each free parameter exactly. With M = V_stat + J_c W J_c^T over constrained parameters, and F = J over free
ones, V = V_stat (M^-1 - M^-1 F (F^T M^-1 F)^-1 F^T M^-1) V_stat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..._checks import check_flag, check_names, plural
from ..._compilation import compiled
from ..._pytree import resolve
from ..._types import Array, BoolArray, FloatArray
from ...errors import InvalidValueError, UnknownNameError
from ...layout import ChannelInfo
from ...prepared import Prepared
from ...probability import EMPTY
from ...results import Chi2Test, FitResult
from .. import compiled as compiled_functions
from .. import inputs, prediction
from ..context import Context, check_made_with
from ..propagation import propagation_of
from ..scans import check_converged
from ..sources import correlated_sets
from .statistics import counted_bins

__all__ = ["chi2"]

_MOST = 2**27
"""Numbers of the matrices (bin, parameter) and (bin, bin): 1 GiB each."""
_ZERO = 1e-11
"""Eigenvalues of V in units of V_stat below this belong to what was fitted exactly."""


def chi2(
    context: Context,
    at: Any,
    obs: Any = None,
    *,
    channels: Sequence[str] | None = None,
    independent: bool = False,
) -> Chi2Test:
    """chi2 = (n - nu)^T V^-1 (n - nu) of data and prediction, V the full covariance of their difference.

    Parameters
    ----------
    at
        A FitResult: post-fit, with the covariance of the fit. Values or a dict: pre-fit, with that of the
        constraints; free parameters are taken as exact.
    obs
        (bin,) counts, or {channel: counts or histogram}; those of the fit by default.
    channels
        Names; by default all channels of the likelihood, pre-fit and post-fit.
    independent
        Whether the data are independent of those that were fitted: V = V_stat + V_pred. By default V is that
        pre-fit and in masked channels, which the fit did not see; in fitted channels, where the prediction
        follows the data, it is V_stat - V_pred.

    Returns
    -------
    Chi2Test
        ``.value``, ``.ndof`` (the rank of V), ``.p_value``, and the same of each channel by itself.

    Raises
    ------
    InvalidValueError
        For a fit that did not converge, or without a covariance; pre-fit without data; and models too large
        for a matrix of bins by bins.
    UnknownNameError
        For channels that do not exist.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> lumi = Variable("lumi", 0.0, nuisance=True)
    >>> bkg = Process("bkg", [100.0, 80.0, 60.0]).add_lnN(lumi, 1.1)
    >>> model = Model().add_proc(bkg).prepare()
    >>> obs = [120.0, 99.0, 52.0]
    >>> print(model.chi2({}, obs).heading())
    chi2 (pre-fit) = 6.83411 for 3 degrees of freedom, p = 0.0774
    >>> print(model.chi2(model.fit(obs)).heading())
    chi2 (post-fit) = 6.27124 for 3 degrees of freedom, p = 0.0991
    """
    check_flag("chi2: independent", independent)
    vector, counts = _point(context, at, obs, independent)
    chosen = _chosen(context, channels)
    _check_size(context)
    compared = _compared(context, at, vector, counts, independent)
    bins = np.concatenate([np.arange(c.start, c.stop) for c in chosen])
    total = compared.chi2(bins)
    parts = [compared.chi2(np.arange(c.start, c.stop)) for c in chosen]
    title = "pre-fit" if not isinstance(at, FitResult) else "post-fit"
    return Chi2Test(
        title=f"{title}, independent data" if independent and isinstance(at, FitResult) else title,
        value=total[0],
        ndof=total[1],
        channels=tuple(channel.name for channel in chosen),
        channel_values=np.array([value for value, _ in parts]),
        channel_ndof=np.array([ndof for _, ndof in parts], dtype=int),
        notes=tuple(_notes(compared, bins)),
        hidden=np.array([channel.name in context.blinded for channel in chosen], dtype=bool),
    )


def _point(context: Context, at: Any, obs: Any, independent: bool) -> tuple[FloatArray, FloatArray]:
    """Where the prediction is taken, and the data."""
    if isinstance(at, FitResult):
        check_made_with(context, at, None if independent else obs, "chi2")
        check_converged(at, "chi2")
        return at.x, at.obs if obs is None else inputs.counts(context.layout, obs)
    if obs is None:
        raise InvalidValueError("chi2: values know no data; give obs, or a fit.")
    return inputs.values(context.layout, at), inputs.counts(context.layout, obs)


def _chosen(context: Context, names: Sequence[str] | None) -> list[ChannelInfo]:
    counted, known = counted_bins(context), {c.name: c for c in context.layout.channels}
    if names is None:
        return [channel for channel in known.values() if counted[channel.bins].any()]
    wanted = check_names("chi2: channels", [names] if isinstance(names, str) else names, None, "channel")
    for name in wanted:
        if name not in known:
            raise UnknownNameError(f"chi2: no channel is named '{name}'; they are: {', '.join(known)}.")
    return [known[name] for name in wanted]


def _check_size(context: Context) -> None:
    n = context.layout.n_bins
    columns = max(n, context.layout.n_params + context.layout.n_bin_params)
    if n * columns > _MOST:
        raise InvalidValueError(
            f"chi2: matrices of {n} bins by {columns} would take more than "
            f"{8 * _MOST / 2**30:.0f} GiB each; goodness_of_fit(statistic='saturated') needs none."
        )


class _Compared(NamedTuple):
    """Data and prediction in units of sqrt(V_stat)."""

    residuals: FloatArray
    """(bin,)"""
    covariance: FloatArray
    """(bin, bin): V of these."""
    usable: BoolArray
    """(bin,): where something is expected."""
    counts: FloatArray

    def chi2(self, bins: Any) -> tuple[float, int]:
        """(chi2, rank) of some bins."""
        seen = bins[~self.usable[bins]]
        at = bins[self.usable[bins]]
        if np.any(self.counts[seen] > 0.0):
            return np.inf, len(at) + len(seen)
        values, vectors = np.linalg.eigh(self.covariance[np.ix_(at, at)])
        known = values > _ZERO
        along = vectors.T[known] @ self.residuals[at]
        return float(np.sum(along**2 / values[known])), int(known.sum())


def _compared(
    context: Context, at: Any, vector: FloatArray, counts: FloatArray, independent: bool
) -> _Compared:
    prepared, layout = context.prepared, context.layout
    nu = np.asarray(compiled_functions.expected(prepared, vector))
    variance = nu
    if layout.gaussian_data:
        given = prepared.templates.data_variance
        variance = np.maximum(counts, 1.0) if given is None else np.asarray(given)
    usable = variance > EMPTY
    scale = np.where(usable, 1.0 / np.sqrt(np.where(usable, variance, 1.0)), 0.0)
    slopes = scale[:, None] * np.asarray(_jacobian(resolve(prepared), vector))
    covariance = np.eye(layout.n_bins)
    if not isinstance(at, FitResult):
        root = _constrained(context, slopes, np.asarray(prepared.plan.constant) > 0)
        covariance += root @ root.T
    else:
        follows = counted_bins(context) & (not independent)
        own, other = np.flatnonzero(follows & usable), np.flatnonzero(~follows)
        if len(other):
            moved = propagation_of(context, at, "chi2").directions(slopes[other])
            covariance[np.ix_(other, other)] += slopes[other] @ moved.T
        if len(own):
            covariance[np.ix_(own, own)] = _of_fitted(context, at, slopes[own])
    return _Compared(scale * (counts - nu), covariance, usable, counts)


def _constrained(context: Context, slopes: FloatArray, still: BoolArray) -> FloatArray:
    """(bin, direction): R with R R^T = J W J^T, of constrained parameters; ``still`` (param,) do not move."""
    layout, n = context.layout, context.layout.n_params
    widths = np.where(np.isfinite(layout.widths) & ~still, layout.widths, 0.0)
    covariance = np.diag(widths**2)
    for together in correlated_sets(context.prepared):
        at, width = together.positions, widths[together.positions]
        covariance[np.ix_(at, at)] = together.correlation * width[:, None] * width
    values, vectors = np.linalg.eigh(covariance)
    root = slopes[:, :n] @ (vectors * np.sqrt(np.maximum(values, 0.0)))
    return np.concatenate([root, slopes[:, n:] * layout.bin_widths], axis=1)


def _of_fitted(context: Context, best_fit: FitResult, slopes: FloatArray) -> FloatArray:
    """(bin, bin): V in units of V_stat, where the prediction was fitted to the data."""
    layout, n = context.layout, context.layout.n_params
    still = best_fit.fixed[:n] | best_fit.at_limit
    unknown = np.zeros(n, dtype=bool)
    for variable in layout.variables:
        # A flat range is no measurement.
        unknown[list(variable.indices)] = variable.constraint in (None, "Uniform")
    moving = slopes * np.append(~still, ~best_fit.fixed[n:])
    root = _constrained(context, moving, still | unknown)
    inverse = np.linalg.inv(np.eye(len(slopes)) + root @ root.T)
    free = moving[:, :n][:, unknown & ~still]
    weighted = inverse @ free
    information = free.T @ weighted
    found: FloatArray = inverse - weighted @ np.linalg.pinv(information, hermitian=True) @ weighted.T
    return found


def _notes(compared: _Compared, bins: Any) -> list[str]:
    empty = int(np.sum(~compared.usable[bins]))
    if not empty:
        return []
    return [f"nothing is expected in {plural(empty, 'bin')}: left out without data, chi2 is inf with"]


_COLUMNS = 64
"""Directions that are pushed forward together."""


@compiled
def _jacobian(prepared: Prepared, vector: Array) -> Array:
    """(bin, param + bin param): derivatives of the expectation."""

    def along(direction: Array) -> Array:
        return jax.jvp(lambda x: prediction.expected(prepared, x), (vector,), (direction,))[1]

    columns: Array = jax.lax.map(along, jnp.eye(vector.shape[0]), batch_size=_COLUMNS)
    return columns.T

"""The breakdown of an uncertainty by source, in three definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._checks import check_choice
from .._types import FloatArray
from ..errors import InvalidValueError
from ..results import Breakdown, FitResult
from . import compiled, shifts
from .context import Context, check_made_with
from .propagation import Propagation, data_of_fit, frozen_propagation, propagation_of
from .quantities import Quantities, quantities_of
from .sources import DATA, USER_TERMS, Sources, constrained_params, correlated_sets, sources_of

__all__ = ["breakdown", "check_converged"]


def breakdown(
    context: Context,
    pois: Any,
    best_fit: FitResult,
    obs: Any = None,
    groups: Mapping[str, Any] | None = None,
    *,
    method: str = "hessian",
) -> Breakdown:
    """The variance of quantities of interest by source: data, nuisances, Monte Carlo statistics, terms.

    Parameters
    ----------
    pois
        Parameters (Variables, names, regular expressions) or :class:`~smoothfit.Derived` quantities; one,
        or a list.
    groups
        {label: entries} to be one row each. An entry is a Variable, a name, the ``group`` of variables, a
        regular expression, or "mc_stat" (all bins), "data" or "user_terms" (of ``add_constraint``). What is
        in no group has a row of its own, bins of Monte Carlo statistics one together, and nuisances that
        are correlated one together.
    method
        "hessian": exact shares of the variance, from second derivatives at the best fit; they sum to the
        variance, and may be negative where data differ from the expectation.
        "freeze": each row is held at its best fit, on its own, and the variance that is left subtracted
        from the total; the data's row is what is left with all constrained parameters held. The order of
        the groups does not matter; shares do not sum to the total where rows are correlated.
        "global": refits with each global observable, and each bin's data, shifted by one standard
        deviation up and down; half the difference counts, in quadrature (with correlations, of correlated
        nuisances). Equal to "hessian" where everything is linear and Gaussian.

    Returns
    -------
    Breakdown
        ``.shares`` (source, poi), variances in units of the quantity squared.

    Raises
    ------
    UnknownNameError, InvalidValueError, InvalidTypeError
        For names that the model does not have, overlapping groups, or a fit that did not converge.

    Notes
    -----
    The formulas are derived in ``inference/shares.py``; A. Pinto et al., "Uncertainty components in profile
    likelihood fits", Eur. Phys. J. C 84 (2024) 593, compare the definitions.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> mu, lumi = Variable("mu", 1.0), Variable("lumi", 0.0, nuisance=True)
    >>> sig = Process("sig", [400.0]).scale_by(mu).add_lnN(lumi, 1.05)
    >>> model = Model().add_proc(sig).prepare()
    >>> model.breakdown(mu, model.fit([400.0]))
    mu = 1.000 ± 0.070: exact shares of the variance
    source   error  share [%]
    -------------------------
    data      0.05       51.2
    lumi    0.0488       48.8
    sum     0.0699      100.0
    total   0.0699      100.0
    """
    check_made_with(context, best_fit, obs, "breakdown")
    check_choice("breakdown: method", method, ("hessian", "freeze", "global"))
    check_converged(best_fit, "breakdown")
    wanted = quantities_of(context, pois, best_fit, "breakdown")
    sources = sources_of(context, groups, best_fit.fixed, "breakdown")
    if method != "freeze":
        _check_constrained(context, sources, groups)
    propagation = propagation_of(context, best_fit, "breakdown")
    gradients = wanted.gradients(context, best_fit.x)
    directions = propagation.directions(gradients)
    variance = np.einsum("qk,qk->q", gradients, directions)
    if method == "hessian":
        shares = _hessian(context, best_fit, sources, directions)
    elif method == "freeze":
        sources = _frozen_rows(sources, groups)
        shares = _freeze(context, best_fit, sources, gradients, variance)
    else:
        sources = _shifted_rows(sources, groups)
        shares = _global(context, best_fit, sources, propagation, wanted)
    return Breakdown(
        method=method,
        pois=wanted.names,
        labels=wanted.labels,
        values=wanted.values(context, best_fit.x),
        variance=variance,
        sources=sources.names,
        shares=shares,
        hidden=wanted.hidden,
    )


def check_converged(best_fit: FitResult, call: str) -> None:
    """Refuse a fit that is no minimum.

    Raises
    ------
    InvalidValueError
        Then.
    """
    if not best_fit.success:
        raise InvalidValueError(f"{call}: best_fit did not converge ({best_fit.message}).")


def _check_constrained(context: Context, sources: Sources, groups: Mapping[str, Any] | None) -> None:
    """A group of nothing but free parameters has no share of its own."""
    n = context.layout.n_params
    constrained = constrained_params(context.layout)
    for row, label in enumerate(groups or {}):
        members = np.flatnonzero(sources.mask(row))
        if len(members) and np.all(members < n) and not constrained[members].any() and row != sources.data:
            raise InvalidValueError(
                f"breakdown: group '{label}' names free parameters only, which are no source: what they "
                "cost is in the data's share; method='freeze' can hold them."
            )


def _sum_rows(sources: Sources, of_params: FloatArray) -> FloatArray:
    """(source, quantity) from (param + bin param, quantity)."""
    found = np.zeros((len(sources.names), of_params.shape[1]))
    inside = sources.params >= 0
    np.add.at(found, sources.params[inside], of_params[inside])
    return found


def _hessian(context: Context, best_fit: FitResult, sources: Sources, directions: FloatArray) -> FloatArray:
    data = data_of_fit(context, best_fit)
    found = compiled.second_derivatives(context.prepared, data, best_fit.x, directions)
    of_params = np.concatenate([np.asarray(found.of_params), np.asarray(found.of_bins)], axis=1)
    shares = _sum_rows(sources, of_params.T)
    shares[sources.data] += np.asarray(found.data).sum(axis=1)
    if sources.user >= 0:
        shares[sources.user] += np.asarray(found.user)
    return shares


def _without(sources: Sources, row: int) -> Sources:
    """The sources without a row that belongs to no parameter."""
    names = tuple(name for i, name in enumerate(sources.names) if i != row)
    params = np.where(sources.params > row, sources.params - 1, sources.params)
    data = sources.data - (sources.data > row)
    return Sources(names, params, data, -1)


def _check_grouped(groups: Mapping[str, Any] | None, name: str, why: str) -> None:
    for label, entries in (groups or {}).items():
        if name in ([entries] if isinstance(entries, str) else list(entries)):
            raise InvalidValueError(f"breakdown: group '{label}': {why}")


def _frozen_rows(sources: Sources, groups: Mapping[str, Any] | None) -> Sources:
    _check_grouped(groups, DATA, "data cannot be held; leave 'data' out, its row is what is left.")
    _check_grouped(groups, USER_TERMS, "a term of the user cannot be held; take method='hessian'.")
    return sources if sources.user < 0 else _without(sources, sources.user)


def _freeze(
    context: Context, best_fit: FitResult, sources: Sources, gradients: FloatArray, variance: FloatArray
) -> FloatArray:
    shares = np.zeros((len(sources.names), len(gradients)))
    every = np.concatenate(
        [constrained_params(context.layout), np.ones(context.layout.n_bin_params, dtype=bool)]
    )
    for row in range(len(sources.names)):
        mask = every if row == sources.data else sources.mask(row)
        left = frozen_propagation(context, best_fit, mask).directions(gradients)
        of_rest = np.einsum("qk,qk->q", gradients, left)
        shares[row] = of_rest if row == sources.data else variance - of_rest
    return shares


def _shifted_rows(sources: Sources, groups: Mapping[str, Any] | None) -> Sources:
    _check_grouped(groups, USER_TERMS, "a term of the user has nothing to shift; take method='hessian'.")
    return sources if sources.user < 0 else _without(sources, sources.user)


def _global(
    context: Context, best_fit: FitResult, sources: Sources, propagation: Propagation, wanted: Quantities
) -> FloatArray:
    layout = context.layout

    def reduce(x: FloatArray) -> FloatArray:
        return wanted.values(context, x)

    count = len(wanted.names)
    has_glob = np.concatenate(
        [np.zeros(layout.n_params, dtype=bool), np.ones(layout.n_bin_params, dtype=bool)]
    )
    has_glob[layout.constrained] = True
    positions = np.flatnonzero(has_glob & (sources.params >= 0))
    shifted = shifts.at_globs(context, best_fit, propagation, positions, reduce, count)
    unit = shifts.glob_shifts(context.prepared, layout, best_fit.globs)
    numbers = shifts.glob_numbers(layout, positions)
    sigma = 0.5 * (unit[0] - unit[1])[numbers]
    impact = _per_sigma(shifted, sigma)
    of_params = np.zeros((len(best_fit.x), count))
    of_params[positions] = impact**2
    for together in correlated_sets(context.prepared):
        at = [int(np.flatnonzero(positions == i)[0]) if i in positions else -1 for i in together.positions]
        members = np.where(np.array(at)[:, None] >= 0, impact[at], 0.0)
        of_params[together.positions] = members * (together.correlation @ members)
    shares = _sum_rows(sources, of_params)
    nu = np.asarray(compiled.expected(context.prepared, best_fit.x))
    sigma = np.sqrt(np.maximum(_data_variance(context, best_fit, nu), 0.0))
    by_bin = _per_sigma(shifts.at_counts(context, best_fit, sigma, reduce, count), sigma)
    shares[sources.data] += np.sum(by_bin**2, axis=0)
    return shares


def _data_variance(context: Context, best_fit: FitResult, nu: FloatArray) -> FloatArray:
    """(bin,): of the data term; of counts the expectation, so that empty bins have one, too."""
    if not context.layout.gaussian_data:
        return nu
    given = context.prepared.templates.data_variance
    return np.maximum(best_fit.obs, 1.0) if given is None else np.asarray(given)


def _per_sigma(shifted: shifts.Shifted, sigma: FloatArray) -> FloatArray:
    """(shift, quantity): half the difference between up and down, for a shift of one standard deviation."""
    reach = shifted.where[0] - shifted.where[1]
    scale = np.where(reach > 0.0, sigma / np.where(reach > 0.0, reach, 1.0), 0.0)
    return np.asarray((shifted.values[0] - shifted.values[1]) * scale[:, None])

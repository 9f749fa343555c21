"""Toys, Asimov data, and samples of parameters before and after a fit, by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import FloatArray
from ..results import FitResult
from . import compiled, constraint_draws, inputs, sampling, toys
from .context import Context, check_made_with
from .fitting import held_values
from .toys import Draws

__all__ = ["asimov", "sample_from_covariance", "sample_prior", "toy_glob", "toy_pred"]


def toy_pred(context: Context, values: Any, n: float, *, seed: int | None = None) -> Draws:
    """(toy, bin): Poisson counts around the expectation at ``values``.

    A Gaussian data term with variances draws from that instead.

    ``n`` may be a float such as 1e4. The seed is in ``.seed`` of the result: fresh entropy for None.
    """
    rng, entropy = toys.generator(seed, 0)
    number = toys.count(n, "toy_pred")
    expected = np.asarray(compiled.expected(context.prepared, inputs.values(context.layout, values)))
    variances = context.prepared.templates.data_variance
    if variances is not None:
        drawn = toys.draw_gaussian(expected, np.asarray(variances), number, rng)
    else:
        drawn = toys.draw_counts(expected, number, rng)
    return toys.remember(drawn, entropy)


def toy_glob(context: Context, values: Any, n: float, *, seed: int | None = None) -> Draws:
    """(toy, global observable): each drawn from its constraint at ``values``; the bins' are last.

    Gaussian and bifurcated constraints give alpha with their widths, jointly where correlated; Poisson ones
    counts of mean alpha tau; a log-normal alpha kappa^z, z a unit Gaussian; a gamma 1 + Pois(alpha/width^2);
    a user's density exp(fn(alpha, .)), normalised numerically. Another stream of the seed than
    :func:`toy_pred` uses.

    Raises
    ------
    InvalidValueError
        If a rate is negative, or a user's density cannot be normalised.
    """
    layout, prepared = context.layout, context.prepared
    rng, entropy = toys.generator(seed, 1)
    number = toys.count(n, "toy_glob")
    vector = inputs.values(layout, values)
    params, bins = vector[: layout.n_params], vector[layout.n_params :]
    of_params = constraint_draws.draw_globs(prepared, layout, params, number, rng)
    of_bins = toys.draw_bin_globs(bins, layout.bin_tau, number, rng)
    drawn = np.concatenate([of_params, of_bins], axis=1)
    return toys.remember(drawn, entropy)


def sample_prior(context: Context, n: float, *, seed: int | None = None) -> Draws:
    """(toy, param): parameters drawn from their constraints, given the default global observables.

    For Bayesian toys: ``model.batch_pred(model.sample_prior(n))`` are the expectations before any data.

    Parameters
    ----------
    n
        How many; may be a float such as 1e4.
    seed
        A whole number, or None for fresh entropy; in ``.seed`` of the result. Another stream of the seed
        than other draws use.

    Raises
    ------
    InvalidValueError
        If bounds leave less than a thousandth of what a constraint allows, or a user's density cannot be
        normalised.

    Notes
    -----
    A constraint -log C(B | alpha) is read as a density of alpha: Gaussian(B, width), jointly for correlated
    nuisances; bifurcated Gaussian around B; gamma of shape B + 1 and scale 1/tau for a Poisson constraint,
    which is its likelihood with a flat measure; the gamma density itself; uniform on its range; exp(fn),
    normalised numerically. The log-normal is that of median B: flat in log alpha. All are cut at the
    variable's bounds. Free parameters, and those held by default, stay at their start values.
    """
    rng, entropy = toys.generator(seed, 3)
    number = toys.count(n, "sample_prior")
    drawn = constraint_draws.draw_parameters(context.prepared, context.layout, number, rng)
    return toys.remember(drawn, entropy)


def asimov(context: Context, values: Any) -> tuple[FloatArray, FloatArray]:
    """(counts, global observables): the expectation at ``values``, as if it had been observed.

    A fit of them finds ``values`` again: global observables are where the constraints are centred at the
    same values (bins' too), alpha tau for a Poisson constraint, 1 + alpha/width^2 for a gamma. Constraints
    without a global observable keep pulling where they pull.

    Parameters
    ----------
    values
        Values or a dict, as for ``pred``.

    Raises
    ------
    InvalidValueError
        If a rate is negative, or no global observable of a user's density fits.
    """
    layout, prepared = context.layout, context.prepared
    vector = inputs.values(layout, values)
    expected = np.asarray(compiled.expected(prepared, vector))
    of_params = constraint_draws.asimov_globs(prepared, layout, vector[: layout.n_params])
    bins = vector[layout.n_params :]
    return expected, np.concatenate([of_params, np.where(layout.bin_counting, bins * layout.bin_tau, bins)])


def sample_from_covariance(
    context: Context, best_fit: FitResult, n: float, *, seed: int | None = None
) -> Draws:
    """(toy, param + bin param): draws of the fit's Gaussian approximation.

    Parameters at an active bound stay there.

    Raises
    ------
    InvalidValueError
        If the fit has no covariance.
    """
    check_made_with(context, best_fit, None, "sample_from_covariance")
    layout, prepared = context.layout, context.prepared
    rng, entropy = toys.generator(seed, 2)
    number = toys.count(n, "sample_from_covariance")
    data = inputs.data(layout, best_fit.obs, best_fit.globs)
    held, _ = inputs.fixed(layout, prepared, held_values(best_fit))
    response = compiled.sensitivity(prepared, data, held, best_fit.x[: layout.n_params])
    return toys.remember(sampling.sample(prepared, best_fit, response, number, rng), entropy)

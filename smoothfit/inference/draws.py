"""Toys, toy global observables and samples of a fit, by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._pytree import resolve
from ..results import FitResult
from . import compiled, inputs, sampling, toys
from .context import Context, check_made_with
from .fitting import held_values
from .toys import Draws

__all__ = ["sample_from_covariance", "toy_glob", "toy_pred"]


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

    Another stream of the seed than :func:`toy_pred` uses.
    """
    layout, prepared = context.layout, context.prepared
    rng, entropy = toys.generator(seed, 1)
    number = toys.count(n, "toy_glob")
    vector = inputs.values(layout, values)
    templates, constraint = prepared.templates, prepared.plan.constraint
    drawn = toys.draw_globs(
        vector[: layout.n_params],
        number,
        rng,
        constrained=layout.constrained,
        poisson=np.asarray(constraint.poisson),
        tau=np.asarray(templates.tau),
        width=np.asarray(templates.width),
        correlated=np.asarray(resolve(constraint.correlated)),
        correlation=None if templates.correlation is None else np.asarray(templates.correlation),
        bin_values=vector[layout.n_params :],
        bin_tau=np.where(layout.bin_counting, layout.globs[len(layout.constrained) :], 0.0),
    )
    return toys.remember(drawn, entropy)


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
